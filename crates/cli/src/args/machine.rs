//! What is about this machine: its folders, its sandbox, its sessions, and the demonstration.

use std::path::PathBuf;

use clap::Args;

use super::Judging;

/// What is fetched.
#[derive(Debug, Clone, Args)]
pub(crate) struct PrepareArgs {
    /// For the lock files of this revision [default: HEAD]
    #[arg(long, value_name = "REV")]
    pub(crate) at: Option<String>,
    /// Also when it was fetched before
    #[arg(long)]
    pub(crate) again: bool,
    /// Run nothing; only tell which commands would be run
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What is removed.
#[derive(Debug, Clone, Args)]
pub(crate) struct GcArgs {
    /// Remove nothing; only tell
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// A look at the machine.
#[derive(Debug, Clone, Args)]
pub(crate) struct DoctorArgs {
    /// Try this provider instead: for `web` step by step, with one small question; for a server, whether it is there
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
}

/// A sign-in.
#[derive(Debug, Clone, Args)]
pub(crate) struct LoginArgs {
    /// The site, by its adapter's name [default: providers.web.site]
    #[arg(value_name = "SITE")]
    pub(crate) site: Option<String>,
}

/// The demonstration.
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArgs {
    /// Where to make it [default: a new temporary folder]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// Remove it at the end
    #[arg(long)]
    pub(crate) clean: bool,
    #[command(flatten)]
    pub(crate) judging: Judging,
}
