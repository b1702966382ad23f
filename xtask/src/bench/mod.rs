//! Benchmarks of whole processes. They print figures and judge nothing: timing is no test.

mod corpus;
mod measure;
mod overhead;
mod patch;

pub(crate) use corpus::{Corpus, run as corpus};
pub(crate) use measure::child;
pub(crate) use overhead::{Overhead, run as overhead};
pub(crate) use patch::{PatchBench, run as patch};

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// Builds the program that is measured, and gives its place.
fn build(root: &Path) -> anyhow::Result<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a benchmark builds what it measures")]
    let status = Command::new("cargo")
        .args(["build", "--quiet", "--release", "--package", "codex-task"])
        .current_dir(root)
        .status()?;
    ensure!(status.success(), "the release build failed");
    let target =
        std::env::current_exe()?.ancestors().nth(2).map(Path::to_owned).context("no target folder")?;
    Ok(target.join("release/codex-task"))
}
