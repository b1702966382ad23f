//! The `prepare` section: how `codex-task prepare` fetches the dependencies of a base.

use serde::{Deserialize, Serialize};

use super::CommandLine;

/// The `prepare` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prepare {
    /// Whether scripts of packages may run while they are fetched: npm's install scripts, builds of Python packages. Only
    /// the machine's owner sets it.
    pub scripts: bool,
    /// Run instead of what the lock files call for. Those of a repository count only where the owner allows `scripts`.
    pub commands: Vec<CommandLine>,
    /// The names of variables of the caller's environment that the commands get: proxies, addresses of package indexes.
    /// Only the machine's owner sets it.
    pub env: Vec<String>,
    /// The most that one command may take, in seconds.
    pub timeout_seconds: u64,
}

impl Default for Prepare {
    /// No scripts, nothing of the environment, and half an hour: the first fetch of a large project on a slow line.
    fn default() -> Self {
        Self { scripts: false, commands: Vec::new(), env: Vec::new(), timeout_seconds: 1800 }
    }
}
