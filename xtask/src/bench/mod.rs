//! Benchmarks of whole processes. They print figures and judge nothing: timing is no test.

mod api;
mod corpus;
mod measure;
mod overhead;
mod patch;
mod place;
mod registry;
mod sandbox;
mod trees;
mod warm;
mod web;

pub(crate) use api::{ApiBench, run as api};
pub(crate) use corpus::{Corpus, run as corpus};
pub(crate) use measure::child;
pub(crate) use overhead::{Overhead, run as overhead};
pub(crate) use patch::{PatchBench, run as patch};
pub(crate) use registry::{Audit, RegistryBench, audit, run as registry};
pub(crate) use sandbox::{SandboxBench, run as sandbox};
pub(crate) use trees::{Trees, run as trees};
pub(crate) use warm::{Warm, run as warm};
pub(crate) use web::{Web, run as web};

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// The program that is measured: the given one, else a release build.
fn program(root: &Path, given: Option<&Path>) -> anyhow::Result<PathBuf> {
    match given {
        Some(given) => given.canonicalize().with_context(|| given.display().to_string()),
        None => build(root),
    }
}

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
