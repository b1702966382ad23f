//! The `trees` section: the folders in which checks run, and the disk that they may take.

use serde::{Deserialize, Serialize};

/// The `trees` section. Only the machine's owner sets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TreesConfig {
    /// Whether the build caches of the baseline are kept for the changes to come.
    pub warm: bool,
    /// The most disk that base checkouts and build caches of all repositories may take, in MiB.
    pub quota_mb: u64,
}

impl Default for TreesConfig {
    /// Room for the build caches of some large projects.
    fn default() -> Self {
        Self { warm: true, quota_mb: 20 * 1024 }
    }
}

impl TreesConfig {
    /// The quota in bytes.
    pub fn quota(&self) -> u64 {
        self.quota_mb.saturating_mul(1 << 20)
    }
}
