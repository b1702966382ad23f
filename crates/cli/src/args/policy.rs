//! What `policy` takes: the judges of policy as tools of their own.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::help::CHECK_COMMAND;

/// The policy's judges.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// May an agent run this command? allow, ask or deny; runs nothing
    #[command(after_help = CHECK_COMMAND)]
    CheckCommand(CheckCommandArgs),
}

impl PolicyCommand {
    /// The command's name, for documents.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::CheckCommand(_) => "policy check-command",
        }
    }
}

/// A command to be judged.
#[derive(Debug, Clone, Args)]
pub(crate) struct CheckCommandArgs {
    /// The command line, in quotes; `-` reads it from stdin
    #[arg(value_name = "COMMAND", allow_hyphen_values = true)]
    pub(crate) command: String,
    /// Judge by this file alone: a configuration with a `commands` section, or a list of allowed prefixes in JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}
