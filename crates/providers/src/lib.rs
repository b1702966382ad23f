//! Those who propose: codemod, local, replay, external. Each is an `engine::provider::Provider`.
//!
//! A provider asks and hands on what it got; it never judges an answer, never writes to a repository, and reads neither
//! the environment nor the clock: keys and limits are handed in by [`from_config`].

mod codemod;
mod external;
mod local;
mod replay;

#[cfg(test)]
mod asking;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use codemods::RuleSet;
use domain::proposal::{FailureKind, ProviderFailure};
use engine::provider::Provider;

pub use codemod::Codemod;
pub use external::External;
pub use local::{Local, LocalSettings, Prices, Structured, Waits};
pub use replay::Replay;

/// What the providers are made from.
#[derive(Clone)]
pub struct Settings {
    /// The rules of `codemod`; shared with whoever scans.
    pub rules: Arc<RuleSet>,
    /// The OpenAI-compatible server.
    pub local: LocalSettings,
}

/// All providers that a configuration gives: `codemod`, `local`, `replay` over what `local` was asked, and `external`.
///
/// One that is not configured is among them and says so when it is asked whether it suits a task, so that a route can
/// tell why it was skipped. `environment` holds the variables that the settings name for keys.
pub fn from_config(settings: &Settings, environment: &BTreeMap<String, String>) -> Vec<Box<dyn Provider>> {
    let local = || Local::new(settings.local.clone(), environment);
    vec![
        Box::new(Codemod::new(Arc::clone(&settings.rules))),
        Box::new(local()),
        Box::new(Replay::new(Box::new(local()))),
        Box::new(External),
    ]
}

/// A failure of this kind, in a sentence.
fn failure(kind: FailureKind, detail: impl Into<String>) -> ProviderFailure {
    ProviderFailure { kind, detail: detail.into() }
}
