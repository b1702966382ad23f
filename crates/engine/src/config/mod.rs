//! The configuration: built-in < system < user < repository < environment < flags, read once into one resolved value.
//! A repository's file can tighten but not loosen. Nothing here reads the environment or the working tree by itself.

mod condition;
mod dollars;
mod error;
mod flow;
mod layers;
mod policy;
mod prepare;
mod providers;
mod safety;
mod seeds;
mod starter;
mod store;
mod tighten;
mod trees;
mod validate;

#[cfg(test)]
mod tests;

use domain::command::CommandRules;
use domain::decision::ApprovalRules;
use domain::intent::FlowRules;
use domain::route::Complexity;
use domain::task::Kind;
use serde::{Deserialize, Serialize};

pub use condition::{Condition, Fact};
pub use error::ConfigError;
pub use flow::{
    BoxLevel, Budget, CheckCommand, Checks, CommandLine, Context, PromptName, Repair, Sandbox, WantedLevel,
};
pub use layers::{Flags, KeySource, Layers, Loaded, REPOSITORY_FILE, SYSTEM_FILE, load};
pub use prepare::Prepare;
pub use providers::{AgentProvider, Auth, HttpProvider, Providers, Routing, Structured, Wire};
pub use safety::{Review, ReviewPaths, Safety};
pub use seeds::{
    AutoPush, Codex, CodexMode, CommitStyle, Git, LogFormat, LogLevel, Logging, PushConditions, PushThreshold,
};
pub use starter::starter_file;
pub use store::{StoreConfig, StoreUrl};
pub use trees::TreesConfig;

/// Everything that can be configured, resolved. `Config::default()` is the built-in layer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The seeds' `codex` section.
    pub codex: Codex,
    /// Branches and commits.
    pub git: Git,
    /// What a change may touch, and what makes a person look.
    pub safety: Safety,
    /// What policy approves by itself. After [`load`] it also holds the counts of `safety.require_review`.
    pub approval: ApprovalRules,
    /// What policy pushes by itself.
    pub auto_push: AutoPush,
    /// What agents may run.
    pub commands: CommandRules,
    /// Handing a failed verification back.
    pub repair: Repair,
    /// The box that checks run in.
    pub sandbox: Sandbox,
    /// The checks.
    pub checks: Checks,
    /// Who may be asked.
    pub providers: Providers,
    /// In which order.
    pub routing: Routing,
    /// What it may cost.
    pub budget: Budget,
    /// What a prompt is made of.
    pub context: Context,
    /// Files of ast-grep rules beside the embedded ones, on this machine. Only the user's own layers name them.
    pub rules: Vec<String>,
    /// Files of ast-grep rules inside the base tree, as the repository's file names them under `rules`.
    #[serde(skip)]
    pub rules_in_tree: Vec<String>,
    /// Where the registry is.
    pub store: StoreConfig,
    /// The folders in which checks run.
    pub trees: TreesConfig,
    /// Fetching the dependencies of a base.
    pub prepare: Prepare,
    /// The operator's log.
    pub logging: Logging,
}

impl Config {
    /// The rules of the loop.
    pub fn flow_rules(&self) -> FlowRules {
        FlowRules { max_retries: self.repair.max_retries, repair_confidence: self.repair.min_confidence }
    }

    /// The providers to ask for such a task, in order.
    pub fn route_order(&self, kind: Kind, complexity: Complexity) -> &[String] {
        self.routing.order_for(kind, complexity)
    }

    /// The most tokens of a prompt: the lower of `context.max_tokens` and the seeds' `codex.max_context_tokens`.
    pub fn context_tokens(&self) -> u64 {
        self.codex.max_context_tokens.map_or(self.context.max_tokens, |t| t.min(self.context.max_tokens))
    }
}
