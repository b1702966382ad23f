//! The sections of the seeds that steer branches, pushes, models and the log: `codex`, `git`, `auto_push`, `logging`.

use serde::{Deserialize, Serialize};

use super::condition::Condition;

/// The `codex` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Codex {
    /// Which form of Codex is meant. Read; without effect until those providers are built in.
    pub mode: CodexMode,
    /// The model of the Codex command line, unless `providers.codex-cli.model` names one.
    pub cli_model: String,
    /// The most tokens of context; the lower of this and `context.max_tokens` counts.
    pub max_context_tokens: Option<u64>,
}

impl Default for Codex {
    fn default() -> Self {
        Self { mode: CodexMode::Auto, cli_model: "o3".to_owned(), max_context_tokens: None }
    }
}

/// Which form of Codex is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CodexMode {
    /// A chat page in a browser.
    Web,
    /// The command line.
    Cli,
    /// Whichever the route takes.
    Auto,
}

/// The `git` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Git {
    /// Whether an approved change becomes a branch by itself; otherwise it waits as a candidate.
    pub auto_branch: bool,
    /// The first part of our branches' names.
    pub branch_prefix: String,
    /// The form of commit messages.
    pub commit_style: CommitStyle,
    /// Above this, policy does not push by itself. Read; this version pushes nothing.
    pub auto_push_threshold: PushThreshold,
}

impl Default for Git {
    fn default() -> Self {
        Self {
            auto_branch: true,
            branch_prefix: "feature".to_owned(),
            commit_style: CommitStyle::Conventional,
            auto_push_threshold: PushThreshold::default(),
        }
    }
}

/// The form of commit messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommitStyle {
    /// `type(scope): description`.
    Conventional,
}

/// `git.auto_push_threshold`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PushThreshold {
    /// The most files.
    pub files: u32,
    /// The most lines, added plus deleted.
    pub lines: u32,
}

impl Default for PushThreshold {
    /// The seeds' appendix A.
    fn default() -> Self {
        Self { files: 3, lines: 100 }
    }
}

/// The `auto_push` section. Read; this version pushes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AutoPush {
    /// Whether policy may push at all.
    pub enabled: bool,
    /// What a change must keep to.
    pub conditions: PushConditions,
    /// What makes a person decide about the push.
    pub require_approval_if: Vec<Condition>,
}

impl Default for AutoPush {
    fn default() -> Self {
        Self { enabled: true, conditions: PushConditions::default(), require_approval_if: Vec::new() }
    }
}

/// `auto_push.conditions`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PushConditions {
    /// The most files.
    pub max_files: u32,
    /// The most added lines.
    pub max_lines_added: u32,
    /// The most deleted lines.
    pub max_lines_deleted: u32,
    /// Globs of paths that are never pushed without a person.
    pub excluded_patterns: Vec<String>,
}

impl Default for PushConditions {
    /// The seeds' section 4.3.
    fn default() -> Self {
        let excluded = ["**/config/**", "**/*.env*", "requirements*.txt"];
        Self {
            max_files: 3,
            max_lines_added: 100,
            max_lines_deleted: 20,
            excluded_patterns: excluded.map(str::to_owned).to_vec(),
        }
    }
}

/// The `logging` section: the operator's own log, not the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logging {
    /// The least level that is written.
    pub level: LogLevel,
    /// The file; `None` logs to stderr only.
    pub file: Option<String>,
    /// The form of a line.
    pub format: LogFormat,
}

impl Default for Logging {
    fn default() -> Self {
        Self { level: LogLevel::Info, file: None, format: LogFormat::Json }
    }
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Failures.
    Error,
    /// And what may become one.
    #[serde(alias = "warning")]
    Warn,
    /// And what happens.
    Info,
    /// And how.
    Debug,
    /// Everything.
    Trace,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object.
    Json,
    /// For people.
    Text,
}
