//! The sections that steer one change on its way: `repair`, `sandbox`, `checks`, `budget`, `context`.

use std::collections::BTreeMap;

use domain::money::MicroDollars;
use domain::task::{Kind, UnknownKind};
use domain::verification::CheckKind;
use serde::{Deserialize, Serialize};

use super::dollars;

/// The `repair` section: handing a failed verification back to its provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Repair {
    /// How often, for one intent (seeds: once).
    pub max_retries: u32,
    /// The least confidence, 0 to 1, that is worth it (seeds: 0.7).
    pub min_confidence: f64,
}

impl Default for Repair {
    fn default() -> Self {
        Self { max_retries: 1, min_confidence: 0.7 }
    }
}

/// The `sandbox` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sandbox {
    /// The weakest level that checks may run at.
    pub minimum: BoxLevel,
    /// The level to take.
    pub level: WantedLevel,
    /// The most memory of a check with all its processes, in MiB.
    pub memory_mb: u64,
    /// The most processor time of each single process of a check, in seconds.
    pub cpu_seconds: u64,
    /// The most processes and threads at a time.
    pub processes: u64,
    /// The most space in the box's temporary folder, in MiB.
    pub tmp_mb: u64,
    /// The most that a check may add to its tree, in MiB on disk.
    pub tree_mb: u64,
}

impl Default for Sandbox {
    /// Room for a test suite of a large project and for a Rust build; no more.
    fn default() -> Self {
        Self {
            minimum: BoxLevel::Weak,
            level: WantedLevel::Auto,
            memory_mb: 4096,
            cpu_seconds: 3600,
            processes: 512,
            tmp_mb: 1024,
            tree_mb: 16_384,
        }
    }
}

/// How strongly a command is kept apart from the machine; a later one is stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BoxLevel {
    /// Limits only.
    None,
    /// Landlock, seccomp and limits.
    Weak,
    /// Namespaces too.
    Strict,
}

/// The level to take; a later one is stronger, `auto` being the strongest that the machine allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WantedLevel {
    /// Limits only. Also lifts `minimum`, because it was asked for by name.
    None,
    /// Exactly `weak`.
    Weak,
    /// The strongest that the machine allows, from `minimum` up.
    Auto,
    /// `strict`, or nothing runs.
    Strict,
}

/// The `checks` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checks {
    /// Whether checks are detected from the project's files.
    pub detect: bool,
    /// Whether Python checks are detected.
    pub python: bool,
    /// Whether Rust checks are detected.
    pub rust: bool,
    /// Whether JavaScript and TypeScript checks are detected.
    pub javascript: bool,
    /// Whether Go checks are detected.
    pub go: bool,
    /// Whether targets of a Makefile are checks.
    pub make: bool,
    /// How often what failed on the change alone is run again on both sides, to tell a broken test from a flaky one; at
    /// most five times.
    pub reruns: u32,
    /// Whether linters and type checkers may run at the same time as the tests, each in a tree of its own.
    pub together: bool,
    /// The most that one check may take, in seconds (seeds: 5 minutes a command).
    pub timeout_seconds: u64,
    /// Run by `sh -c` instead of the detected tests. The seeds name it `T4_AI_TEST_CMD`.
    pub test_command: Option<String>,
    /// Checks beside the detected ones.
    pub commands: Vec<CheckCommand>,
}

/// The most that `checks.reruns` may be.
pub(super) const MOST_RERUNS: u32 = 5;

impl Default for Checks {
    fn default() -> Self {
        Self {
            detect: true,
            python: true,
            rust: true,
            javascript: true,
            go: true,
            make: true,
            reruns: 1,
            together: true,
            timeout_seconds: 300,
            test_command: None,
            commands: Vec::new(),
        }
    }
}

/// One configured check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckCommand {
    /// The name, unique among the checks.
    pub name: String,
    /// The command.
    pub run: CommandLine,
    /// What it looks at: `test`, `lint`, `types`, `build` or `command`.
    #[serde(default = "command_kind")]
    pub kind: CheckKind,
    /// Globs: it runs only when such a path changed. Empty: it always runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// The most that it may take, in seconds; otherwise `checks.timeout_seconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
}

fn command_kind() -> CheckKind {
    CheckKind::Command
}

/// A command as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a line for the shell (in quotes), or a list of words")]
pub enum CommandLine {
    /// Run by `sh -c`.
    Shell(String),
    /// Run as it stands.
    Words(Vec<String>),
}

impl CommandLine {
    /// The words to run.
    pub fn argv(&self) -> Vec<String> {
        match self {
            Self::Shell(line) => vec!["sh".to_owned(), "-c".to_owned(), line.clone()],
            Self::Words(words) => words.clone(),
        }
    }
}

/// The `budget` section, in US dollars. Open reservations count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// The most for one intent.
    #[serde(with = "dollars")]
    pub per_change: MicroDollars,
    /// The most for one day; absent, only the month counts.
    #[serde(with = "dollars::maybe")]
    pub daily: Option<MicroDollars>,
    /// The most for one month (seeds: 20).
    #[serde(with = "dollars")]
    pub monthly: MicroDollars,
    /// The most questions to models in one minute; absent, as many as one likes.
    pub requests_per_minute: Option<u64>,
    /// The most tokens of questions and answers in one minute, each counted at what it can have at most.
    pub tokens_per_minute: Option<u64>,
    /// The most questions to models in one week, Monday to Sunday (seeds: a pilot of 5 suggestions a week).
    pub changes_per_week: Option<u64>,
    /// The most branches of ours that are published and not taken back.
    pub open_pull_requests: Option<u64>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            per_change: MicroDollars::from_micros(500_000),
            daily: None,
            monthly: MicroDollars::from_micros(20_000_000),
            requests_per_minute: None,
            tokens_per_minute: None,
            changes_per_week: None,
            open_pull_requests: None,
        }
    }
}

/// The `context` section: what a prompt is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Context {
    /// The most tokens of a prompt, as estimated by us (seeds: 50,000).
    pub max_tokens: u64,
    /// Files on this machine whose text is said for a kind of task, or for a plan, in place of our words.
    pub prompts: BTreeMap<PromptName, String>,
}

impl Default for Context {
    fn default() -> Self {
        Self { max_tokens: 50_000, prompts: BTreeMap::new() }
    }
}

/// What a text for prompts is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PromptName {
    /// A kind of task, by its word.
    Kind(Kind),
    /// `plan`: the plan of a feature.
    Plan,
}

impl TryFrom<String> for PromptName {
    type Error = String;
    fn try_from(word: String) -> Result<Self, String> {
        match word.as_str() {
            "plan" => Ok(Self::Plan),
            other => other.parse().map(Self::Kind).map_err(|error: UnknownKind| format!("{error}, plan")),
        }
    }
}

impl From<PromptName> for String {
    fn from(name: PromptName) -> Self {
        match name {
            PromptName::Kind(kind) => kind.as_str().to_owned(),
            PromptName::Plan => "plan".to_owned(),
        }
    }
}
