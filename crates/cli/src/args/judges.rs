//! The judges as tools of their own: `patch`, `reply`. Parsing only.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use domain::patch::{Form, Tolerance};
use domain::task::Kind;

use super::kind;

/// Patches without the rest of the way.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum PatchCommand {
    /// Would it fit the base, and what would the gate say? Writes nothing; strict unless asked otherwise
    Check(PatchCheckArgs),
    /// Apply it to a folder, wholly or not at all; lenient unless asked otherwise. No git, no gate, no record
    Apply(PatchApplyArgs),
    /// The files and lines that it names, without looking at any base; lenient unless asked otherwise
    Stat(PatchStatArgs),
}

/// How a patch is read.
#[derive(Debug, Clone, Args)]
pub(crate) struct Reading {
    /// How it is read: strict (as `git apply` would, nothing is mended) or lenient (as models write)
    #[arg(long, value_enum, value_name = "HOW", hide_possible_values = true)]
    pub(crate) reading: Option<ReadingWord>,
    /// The form of the answer: auto, diff, v4a, search-replace, whole
    #[arg(long, value_enum, value_name = "FORM", default_value_t = FormWord::Auto, hide_possible_values = true)]
    pub(crate) form: FormWord,
}

impl Reading {
    /// What was asked for, or what this command does by itself.
    pub(crate) fn tolerance(&self, default: Tolerance) -> Tolerance {
        match self.reading {
            Some(ReadingWord::Strict) => Tolerance::Strict,
            Some(ReadingWord::Lenient) => Tolerance::Lenient,
            None => default,
        }
    }
}

/// The two readings by their words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReadingWord {
    Strict,
    Lenient,
}

/// The forms by their words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormWord {
    /// Whatever the text shows that it is.
    Auto,
    Diff,
    V4a,
    SearchReplace,
    Whole,
}

impl From<FormWord> for Form {
    fn from(word: FormWord) -> Self {
        match word {
            FormWord::Auto => Self::Auto,
            FormWord::Diff => Self::Diff,
            FormWord::V4a => Self::V4a,
            FormWord::SearchReplace => Self::SearchReplace,
            FormWord::Whole => Self::Whole,
        }
    }
}

/// A patch against a commit.
#[derive(Debug, Clone, Args)]
pub(crate) struct PatchCheckArgs {
    /// The patch; `-` reads stdin
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) patch: PathBuf,
    /// The commit, branch or tag that it belongs on
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    pub(crate) base: String,
    /// The kind of task it is for, which decides its limits
    #[arg(long = "type", value_name = "KIND", value_parser = kind, default_value = "fix")]
    pub(crate) kind: Kind,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// A patch against a folder.
#[derive(Debug, Clone, Args)]
pub(crate) struct PatchApplyArgs {
    /// The folder whose files are changed
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// The patch; `-` reads stdin
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) patch: PathBuf,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// A patch alone.
#[derive(Debug, Clone, Args)]
pub(crate) struct PatchStatArgs {
    /// The patch; `-` reads stdin
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) patch: PathBuf,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// Replies of models.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ReplyCommand {
    /// Does it keep to the contract {patch, explanation, confidence, meta}?
    Check {
        /// The reply; `-` reads stdin
        #[arg(value_name = "FILE", default_value = "-")]
        reply: PathBuf,
    },
}
