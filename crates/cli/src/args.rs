//! The command line's definition: verbs, options, and the help that teaches them. Parsing only; nothing is done here.

mod changes;
pub(crate) mod judges;
mod machine;
pub(crate) mod policy;
pub(crate) mod service;
mod tasks;
pub(crate) mod usage;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use engine::config::{Flags, WantedLevel};

pub(crate) use changes::{
    ApproveArgs, CommitArgs, DiffArgs, IdArgs, IntentCommand, ListArgs, RejectArgs, ResumeArgs, ShowArgs,
};
pub(crate) use machine::{DemoArgs, DoctorArgs, GcArgs, LoginArgs, PrepareArgs};
pub(crate) use tasks::{ExplainArgs, FixArgs, RouteCommand, RunArgs, ScanArgs, SuggestArgs, VerifyArgs};
pub(crate) use usage::{AuditCommand, ProofArgs, UsageArgs, UsageKey, UsageWindow};

use tasks::kind;

use crate::help::{
    ABOUT, AFTER, AGENT, APPROVE, ASK, COMMIT, DEMO, DOCTOR, FIX, GC, LOGIN, MCP, PATCH, PREPARE, REPLAY,
    REPLY, RESUME, RUN, SCAN, SERVE, SUGGEST, TEMPLATE, UNDO, VERIFY,
};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "codex-task",
    version,
    about = ABOUT,
    help_template = TEMPLATE,
    after_help = AFTER,
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true,
    disable_help_subcommand = false,
    max_term_width = 110
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) task: RunArgs,
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct GlobalArgs {
    /// The repository, or any folder in it [default: the current folder]
    #[arg(long, global = true, value_name = "PATH", help_heading = "Everywhere")]
    pub(crate) repo: Option<PathBuf>,
    /// One JSON document on stdout (see docs/manual/json.md)
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,
    /// When to colour: auto, always, never
    #[arg(long, global = true, value_enum, hide_possible_values = true, hide_default_value = true,
          default_value_t = ColourChoice::Auto, value_name = "WHEN", help_heading = "Everywhere")]
    pub(crate) color: ColourChoice,
    /// Tell more on stderr; twice for every event
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Everywhere")]
    pub(crate) verbose: u8,
    /// No progress on stderr
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Everywhere")]
    pub(crate) quiet: bool,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColourChoice {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    Always,
    Never,
}

/// Options above every configuration file.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Steering {
    /// Ask only this provider, which also approves its cost: codemod, local, openai, anthropic, web, replay
    #[arg(long, value_name = "NAME", help_heading = "Steering")]
    pub(crate) provider: Option<String>,
    /// The model to ask for
    #[arg(long, value_name = "NAME", help_heading = "Steering")]
    pub(crate) model: Option<String>,
    /// The most seconds for a provider's whole answer
    #[arg(long, value_name = "SECONDS", help_heading = "Steering")]
    pub(crate) timeout: Option<u64>,
    /// The most dollars for one change
    #[arg(long, value_name = "DOLLARS", help_heading = "Steering")]
    pub(crate) budget: Option<String>,
    /// Ask the provider even when an equal request is on record
    #[arg(long, alias = "fresh", help_heading = "Steering")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) judging: Judging,
}

/// Options that belong to the policy under which a change is judged: `commit` needs the same ones as the run.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Judging {
    /// The sandbox: auto (the strongest possible), strict, weak, none
    #[arg(long, value_name = "LEVEL", value_parser = sandbox_level, help_heading = "Steering")]
    pub(crate) sandbox: Option<WantedLevel>,
    /// Run by `sh -c` instead of the detected tests
    #[arg(long, value_name = "COMMAND", help_heading = "Steering")]
    pub(crate) test_command: Option<String>,
    /// How often a failed verification is handed back
    #[arg(long, value_name = "N", help_heading = "Steering")]
    pub(crate) retries: Option<u32>,
}

impl Judging {
    pub(crate) fn flags(&self) -> Flags {
        let Self { sandbox, test_command, retries } = self.clone();
        Flags { sandbox, test_command, max_retries: retries, ..Flags::default() }
    }
}

impl Steering {
    pub(crate) fn flags(&self) -> Flags {
        Flags {
            model: self.model.clone(),
            timeout_seconds: self.timeout,
            budget: self.budget.clone(),
            ..self.judging.flags()
        }
    }
}

fn sandbox_level(word: &str) -> Result<WantedLevel, String> {
    match word {
        "auto" => Ok(WantedLevel::Auto),
        "strict" => Ok(WantedLevel::Strict),
        "weak" => Ok(WantedLevel::Weak),
        "none" => Ok(WantedLevel::None),
        _ => Err("one of auto, strict, weak, none".to_owned()),
    }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A task in words
    #[command(after_help = RUN)]
    Run(RunArgs),
    /// A question: the answer is text on stdout, nothing is changed
    #[command(after_help = ASK)]
    Ask(RunArgs),
    /// An error: root cause, repair, and a test that fails without it
    Debug(RunArgs),
    /// Something new: plan, code and tests; always reviewed
    Feature(RunArgs),
    /// Tests for what is there
    Test(RunArgs),
    /// Another shape, the same behaviour
    Refactor(RunArgs),
    /// Who would be asked for a task, and why
    #[command(subcommand)]
    Route(RouteCommand),
    /// Report findings of the embedded rules; changes nothing
    #[command(after_help = SCAN)]
    Scan(ScanArgs),
    /// Scan, and take each finding the whole way
    #[command(after_help = FIX)]
    Fix(FixArgs),
    /// One finding of a linter, taken the whole way
    #[command(after_help = SUGGEST)]
    Suggest(SuggestArgs),
    /// Judge and verify a patch that you already have
    #[command(after_help = VERIFY)]
    Verify(VerifyArgs),
    /// The judge of patches alone: check, apply, stat
    #[command(subcommand, after_help = PATCH)]
    Patch(judges::PatchCommand),
    /// The judge of models' replies alone
    #[command(subcommand, after_help = REPLY)]
    Reply(judges::ReplyCommand),
    /// The story of one change: who was asked, what the gate and the checks said, what it cost
    Show(ShowArgs),
    /// The patch of one change, as `git apply` takes it
    Diff(DiffArgs),
    /// Approve a waiting change and make its branch
    #[command(after_help = COMMIT)]
    Commit(CommitArgs),
    /// Approve that a provider is asked that costs money, or a plan, and go on
    #[command(after_help = APPROVE)]
    Approve(ApproveArgs),
    /// Reject a waiting change, or that a provider is asked
    Reject(RejectArgs),
    /// Take a published branch back; again: bring it back
    #[command(after_help = UNDO)]
    Undo(IdArgs),
    /// List and show changes
    #[command(subcommand)]
    Intent(IntentCommand),
    /// What was spent, by day, provider, agent or kind of task
    Usage(UsageArgs),
    /// Rebuild a change from its record alone and compare the patches
    #[command(after_help = REPLAY)]
    Replay(IdArgs),
    /// The journal
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The policy's judges: may an agent run this command?
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Take up what a dead process left
    #[command(after_help = RESUME)]
    Resume(ResumeArgs),
    /// Fetch what the base's lock files name, with a network, for its checks
    #[command(after_help = PREPARE)]
    Prepare(PrepareArgs),
    /// Remove trees, base checkouts and build caches that are not needed
    #[command(after_help = GC)]
    Gc(GcArgs),
    /// The configuration in force, and who set what
    Config,
    /// What this machine allows: git, sandbox, toolchains, providers, folders
    #[command(after_help = DOCTOR)]
    Doctor(DoctorArgs),
    /// Sign in to a chat page, once, in a window of the browser that `web` uses
    #[command(after_help = LOGIN)]
    Login(LoginArgs),
    /// Write a commented .codex-task.yaml; the only command that writes a file into the working tree
    Init,
    /// A small repository with real findings, taken the whole way before your eyes
    #[command(after_help = DEMO)]
    Demo(DemoArgs),
    /// Command lines to copy
    Examples,
    /// The API for agents: REST with events, and MCP at /mcp
    #[command(after_help = SERVE)]
    Serve(service::ServeArgs),
    /// The API's verbs for one MCP client, over standard streams
    #[command(after_help = MCP)]
    Mcp(service::McpArgs),
    /// Who may use the API
    #[command(subcommand, after_help = AGENT)]
    Agent(service::AgentCommand),
    /// The log's last lines, as JSON lines
    Logs(service::LogsArgs),
    /// Completions for a shell, to be sourced
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// The manual page, in man's own format
    Man,
}

impl Cli {
    /// The command's name, for documents.
    pub(crate) fn command_name(&self) -> &'static str {
        match &self.command {
            None | Some(Command::Run(_)) => "run",
            Some(Command::Ask(_)) => "ask",
            Some(Command::Debug(_)) => "debug",
            Some(Command::Feature(_)) => "feature",
            Some(Command::Test(_)) => "test",
            Some(Command::Refactor(_)) => "refactor",
            Some(Command::Route(RouteCommand::Explain(_))) => "route explain",
            Some(Command::Approve(_)) => "approve",
            Some(Command::Scan(_)) => "scan",
            Some(Command::Fix(_)) => "fix",
            Some(Command::Suggest(_)) => "suggest",
            Some(Command::Verify(_)) => "verify",
            Some(Command::Patch(judges::PatchCommand::Check(_))) => "patch check",
            Some(Command::Patch(judges::PatchCommand::Apply(_))) => "patch apply",
            Some(Command::Patch(judges::PatchCommand::Stat(_))) => "patch stat",
            Some(Command::Reply(_)) => "reply check",
            Some(Command::Show(_)) => "show",
            Some(Command::Diff(_)) => "diff",
            Some(Command::Commit(_)) => "commit",
            Some(Command::Reject(_)) => "reject",
            Some(Command::Undo(_)) => "undo",
            Some(Command::Intent(IntentCommand::List(_))) => "intent list",
            Some(Command::Intent(IntentCommand::Show(_))) => "show",
            Some(Command::Usage(_)) => "usage",
            Some(Command::Replay(_)) => "replay",
            Some(Command::Audit(command)) => command.name(),
            Some(Command::Policy(command)) => command.name(),
            Some(Command::Resume(_)) => "resume",
            Some(Command::Prepare(_)) => "prepare",
            Some(Command::Gc(_)) => "gc",
            Some(Command::Config) => "config",
            Some(Command::Doctor(_)) => "doctor",
            Some(Command::Login(_)) => "login",
            Some(Command::Init) => "init",
            Some(Command::Demo(_)) => "demo",
            Some(Command::Examples) => "examples",
            Some(Command::Serve(_)) => "serve",
            Some(Command::Mcp(_)) => "mcp",
            Some(Command::Agent(command)) => command.name(),
            Some(Command::Logs(_)) => "logs",
            Some(Command::Completions { .. }) => "completions",
            Some(Command::Man) => "man",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use domain::task::Kind;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_grouped_list_names_every_verb() {
        for verb in Cli::command().get_subcommands().map(|c| c.get_name().to_owned()) {
            let listed = TEMPLATE.lines().any(|line| line.split_whitespace().next() == Some(verb.as_str()));
            assert!(listed, "{verb}");
        }
    }

    #[test]
    fn words_are_a_task_and_a_verb_is_a_verb() {
        let cli = Cli::try_parse_from(["codex-task", "fix the pager", "--type", "debug"]).unwrap();
        assert_eq!(cli.task.text, ["fix the pager"]);
        assert_eq!(cli.task.kind, Some(Kind::Debug));
        let cli = Cli::try_parse_from(["codex-task", "fix", "src", "--json"]).unwrap();
        assert!(matches!(cli.command, Some(Command::Fix(_))) && cli.global.json);
    }
}
