//! What is asked for: tasks in words, findings, patches, and who would be asked.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::task::Kind;

use super::{Judging, Steering};

/// A task in words.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RunArgs {
    /// What is to be done; `-` reads it from stdin
    #[arg(value_name = "TEXT", help_heading = "Task")]
    pub(crate) text: Vec<String>,
    /// The kind: fix, refactor, test, debug, feature, docs, chore, ask [default: fix]
    #[arg(long = "type", value_name = "KIND", value_parser = kind, help_heading = "Task")]
    pub(crate) kind: Option<Kind>,
    /// Read the task from a file
    #[arg(long, value_name = "FILE", conflicts_with = "text", help_heading = "Task")]
    pub(crate) file: Option<PathBuf>,
    /// Write the answer to a file: the task is a question then, and nothing else is changed
    #[arg(short, long, value_name = "FILE", help_heading = "Task")]
    pub(crate) output: Option<PathBuf>,
    /// An image that goes along (PNG, JPEG, GIF, WebP, at most 3 MiB); up to four times
    #[arg(long, value_name = "FILE", help_heading = "Task")]
    pub(crate) image: Vec<PathBuf>,
    /// Stop before the branch, for a person to decide
    #[arg(long, help_heading = "Task")]
    pub(crate) review: bool,
    /// Go as far as a branch where policy allows (the default)
    #[arg(long, conflicts_with = "review", help_heading = "Task")]
    pub(crate) git: bool,
    /// Show who would be asked and why; send and record nothing
    #[arg(long, help_heading = "Task")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) steering: Steering,
}

/// The kind of task that a word names.
pub(super) fn kind(word: &str) -> Result<Kind, String> {
    word.parse().map_err(|e: domain::task::UnknownKind| e.to_string())
}

/// Scanning.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScanArgs {
    /// Files or folders of the repository [default: all]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// Only these rule codes, with commas between them
    #[arg(long, value_name = "CODE,...", value_delimiter = ',')]
    pub(crate) select: Vec<String>,
    /// Look at tracked files as they are on disk, not at HEAD
    #[arg(long)]
    pub(crate) working_tree: bool,
    /// Exit with 1 when something is found
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// Fixing.
#[derive(Debug, Clone, Args)]
pub(crate) struct FixArgs {
    /// Files or folders of the repository [default: all]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// Only these rule codes, with commas between them
    #[arg(long, value_name = "CODE,...", value_delimiter = ',')]
    pub(crate) select: Vec<String>,
    /// At most this many findings
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Show the diffs and the gate's verdicts; record nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Stop before the branches, for a person to decide
    #[arg(long)]
    pub(crate) review: bool,
    #[command(flatten)]
    pub(crate) steering: Steering,
}

/// One finding.
#[derive(Debug, Clone, Args)]
pub(crate) struct SuggestArgs {
    /// The file, relative to the repository's root
    #[arg(long, value_name = "PATH")]
    pub(crate) file: String,
    /// The line, from 1
    #[arg(long, value_name = "N")]
    pub(crate) line: u32,
    /// The rule's code, as the linter writes it
    #[arg(long, value_name = "CODE")]
    pub(crate) code: String,
    /// The column, from 1
    #[arg(long, value_name = "N")]
    pub(crate) column: Option<u32>,
    /// What the linter says [default: what our own scan says]
    #[arg(long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// Which linter reports it: ruff, eslint, clippy, staticcheck
    #[arg(long, value_name = "NAME")]
    pub(crate) tool: Option<String>,
    /// Show the route, and the diff where it is free; send and record nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Stop before the branch, for a person to decide
    #[arg(long)]
    pub(crate) review: bool,
    #[command(flatten)]
    pub(crate) steering: Steering,
}

/// A patch to be judged and verified.
#[derive(Debug, Clone, Args)]
pub(crate) struct VerifyArgs {
    /// A unified diff, or a reply in JSON; `-` reads stdin
    #[arg(value_name = "PATCH")]
    pub(crate) patch: PathBuf,
    /// What the patch is for, in words
    #[arg(long, value_name = "TEXT", default_value = "a patch handed in")]
    pub(crate) title: String,
    /// The kind of task it is for, which decides its limits
    #[arg(long = "type", value_name = "KIND", value_parser = kind, default_value = "fix")]
    pub(crate) kind: Kind,
    #[command(flatten)]
    pub(crate) judging: Judging,
}

/// Routing.
#[derive(Debug, Subcommand)]
pub(crate) enum RouteCommand {
    /// Every provider in the order of the rules, with the reason for or against it; nobody is asked
    Explain(ExplainArgs),
}

/// The task whose route is told.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExplainArgs {
    /// What would be to do
    #[arg(value_name = "TEXT", required = true)]
    pub(crate) text: Vec<String>,
    /// The kind: fix, refactor, test, debug, feature, docs, chore, ask
    #[arg(long = "type", value_name = "KIND", value_parser = kind)]
    pub(crate) kind: Option<Kind>,
}
