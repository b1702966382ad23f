//! `cargo xtask mutants`: every change that cargo-mutants can make to the judges must turn a test red. What is left out
//! is named in `.cargo/mutants.toml`; what survives and is accepted, in docs/design/mutants.md.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Context;
use clap::Args;

/// Mutation tests of the judges.
#[derive(Debug, Args)]
pub(crate) struct Mutants {
    /// Only mutants whose name matches this.
    #[arg(long)]
    matching: Option<String>,
    /// How many at once.
    #[arg(long, default_value_t = 2)]
    jobs: u32,
}

pub(crate) fn run(root: &Path, options: &Mutants) -> anyhow::Result<ExitCode> {
    #[expect(clippy::disallowed_methods, reason = "a developer's task runs a developer's tool")]
    let mut command = Command::new("cargo");
    command.args(["mutants", "--package", "codex-task-domain", "--output", "target", "--jobs"]);
    command.arg(options.jobs.to_string());
    if let Some(matching) = &options.matching {
        command.args(["--re", matching]);
    }
    // Properties find a broken rule within a few tries or not at all; many tries a mutant would take a day.
    let status = command
        .env("PROPTEST_CASES", "48")
        .current_dir(root)
        .status()
        .context("cargo mutants: `cargo install cargo-mutants` brings it")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
