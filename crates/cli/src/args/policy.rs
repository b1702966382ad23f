//! What `policy` takes: the judges of policy as tools of their own.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::help::{CHECK_COMMAND, POLICY_EXPLAIN, POLICY_TEST};

/// The policy's judges.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// May an agent run this command? allow, ask or deny; runs nothing
    #[command(after_help = CHECK_COMMAND)]
    CheckCommand(CheckCommandArgs),
    /// Judge every example of every rule, built-in ones and the policy's own
    #[command(after_help = POLICY_TEST)]
    Test(PolicyTestArgs),
    /// What a rule is for, what follows from it, who set it, with an example
    #[command(after_help = POLICY_EXPLAIN)]
    Explain(PolicyExplainArgs),
}

impl PolicyCommand {
    /// The command's name, for documents.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::CheckCommand(_) => "policy check-command",
            Self::Test(_) => "policy test",
            Self::Explain(_) => "policy explain",
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

/// The policy whose examples are judged.
#[derive(Debug, Clone, Args)]
pub(crate) struct PolicyTestArgs {
    /// Judge this file alone instead of the policy in force
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// The rule to explain.
#[derive(Debug, Clone, Args)]
pub(crate) struct PolicyExplainArgs {
    /// The rule's id; without it all rules are listed
    #[arg(value_name = "RULE")]
    pub(crate) rule: Option<String>,
}
