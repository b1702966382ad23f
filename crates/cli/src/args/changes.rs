//! What is done with changes that are there: shown, decided upon, taken up again.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Judging;

/// Which change.
#[derive(Debug, Clone, Args)]
pub(crate) struct IdArgs {
    /// The change: id, its last digits, a suggestion's id, or `last`
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
}

/// One change to be shown.
#[derive(Debug, Clone, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) which: IdArgs,
    /// Write what providers left as evidence (screenshots, pages' texts) into this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) evidence: Option<PathBuf>,
}

/// A diff.
#[derive(Debug, Clone, Args)]
pub(crate) struct DiffArgs {
    /// The change: id, its last digits, a suggestion's id, or `last`
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Only the files and the numbers of lines
    #[arg(long)]
    pub(crate) stat: bool,
}

/// An approval.
#[derive(Debug, Clone, Args)]
pub(crate) struct CommitArgs {
    /// The change: id, its last digits, a suggestion's id, or `last`
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// The commit's message: `type(scope): description`
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    #[command(flatten)]
    pub(crate) judging: Judging,
}

/// The approval of a provider's cost, or of a plan.
#[derive(Debug, Clone, Args)]
pub(crate) struct ApproveArgs {
    /// The change: id, its last digits, or `last`
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) judging: Judging,
}

/// A rejection.
#[derive(Debug, Clone, Args)]
pub(crate) struct RejectArgs {
    /// The change: id, its last digits, a suggestion's id, or `last`
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// Lists.
#[derive(Debug, Subcommand)]
pub(crate) enum IntentCommand {
    /// List changes, the newest first
    List(ListArgs),
    /// The story of one change
    Show(ShowArgs),
}

/// Which changes.
#[derive(Debug, Clone, Args)]
pub(crate) struct ListArgs {
    /// Only with this status: published, needs-person, refused, not-verified, no-provider, ...
    #[arg(long, value_name = "WORD")]
    pub(crate) status: Option<String>,
    /// Only findings of this file
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Option<String>,
    /// Only findings of this rule
    #[arg(long, value_name = "CODE")]
    pub(crate) rule: Option<String>,
    /// Only the change to which this answer belongs
    #[arg(long, value_name = "ID")]
    pub(crate) suggestion: Option<String>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: u32,
    /// Of all repositories, not only this one
    #[arg(long)]
    pub(crate) all: bool,
}

/// Recovery.
#[derive(Debug, Clone, Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    pub(crate) judging: Judging,
}
