//! Runs one untrusted command in a box and reports how it ended. The only spawner of untrusted commands and the
//! only crate with unsafe code, which stands wholly in `sys`. It knows nothing about tasks, git or checks.
//!
//! The life cycle and the pitfalls are in this crate's README.md. Linux only; `strict` needs Linux 5.12 or newer.

mod cgroup;
mod command;
mod denials;
mod error;
mod first;
mod growth;
mod landlock;
mod launch;
mod leftovers;
mod limits;
mod mounts;
mod namespaces;
mod output;
mod overlay;
mod ownership;
mod probe;
mod seccomp;
mod spec;
mod supervise;
mod sys;
mod system;
mod toolchains;
mod trials;
mod wire;

pub use denials::{Answer, Tried, denials, try_denials};
pub use error::SandboxError;
pub use launch::{Cancel, Door, Launcher, Outcome, Report, Talk, run, talk};
pub use leftovers::kill_leftovers;
pub use output::Captured;
pub use ownership::remove_tree;
pub use probe::{Machine, probe};
pub use spec::{
    Access, Bind, GitDir, Level, Limits, MARKER_NAME, Network, STRICT_HOME, STRICT_TMP, Spec, Tree,
};
pub use supervise::helper_main;
pub use toolchains::{Host, Toolchains, toolchains};
pub use trials::sweep_trials;
