//! Those who propose: codemod, the models behind HTTP (local, openai, anthropic), the agents (codex-cli, qwen, acp), a chat
//! page (web), replay, external. Each is an `engine::provider::Provider`.
//!
//! A provider asks and hands on what it got; it never judges an answer, never writes to a repository, and reads neither
//! the environment nor the clock: keys and limits are handed in by [`from_config`].

mod agent;
mod codemod;
mod external;
mod http;
mod prices;
mod replay;
pub mod web;

#[cfg(test)]
mod asking;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use codemods::RuleSet;
use domain::proposal::{FailureKind, ProviderFailure};
use engine::config::Config;
use engine::provider::Provider;

pub use agent::{Agent, AgentSettings, Bounds, Kind};
pub use codemod::Codemod;
pub use external::External;
pub use http::{Http, HttpSettings, Waits, tls};
pub use prices::{Prices, Pricing};
pub use replay::Replay;
pub use web::{Web, WebFolders, WebSettings};

/// What the providers are made from.
#[derive(Clone)]
pub struct Settings {
    /// The rules of `codemod`; shared with whoever scans.
    pub rules: Arc<RuleSet>,
    /// The models behind HTTP, each by its own name.
    pub http: Vec<HttpSettings>,
    /// The agents.
    pub agents: Vec<AgentSettings>,
    /// The chat page; `None` where nobody could use one.
    pub web: Option<WebSettings>,
}

impl Settings {
    /// Those of a configuration. `now` (microseconds since 1970) says which prices hold.
    pub fn new(rules: Arc<RuleSet>, config: &Config, now: i64) -> Self {
        let http =
            config.providers.all().map(|(name, section)| HttpSettings::new(name, section, config, now));
        Self { rules, http: http.to_vec(), agents: AgentSettings::all(config, now), web: None }
    }

    /// With a chat page.
    #[must_use]
    pub fn with_web(self, web: WebSettings) -> Self {
        Self { web: Some(web), ..self }
    }
}

/// All providers that a configuration gives: `codemod`, the models behind HTTP, `replay` over what the first of them was
/// asked, and `external`.
///
/// One that is not configured is among them and says so when it is asked whether it suits a task, so that a route can
/// tell why it was skipped. `environment` holds the variables that the settings name for keys.
pub fn from_config(settings: &Settings, environment: &BTreeMap<String, String>) -> Vec<Box<dyn Provider>> {
    let mut all: Vec<Box<dyn Provider>> = vec![Box::new(Codemod::new(Arc::clone(&settings.rules)))];
    let http = |settings: &HttpSettings| Box::new(Http::new(settings.clone(), environment));
    for one in &settings.http {
        all.push(http(one));
    }
    if let Some(first) = settings.http.first() {
        all.push(Box::new(Replay::new(http(first))));
    }
    for one in &settings.agents {
        all.push(Box::new(Agent::new(one.clone(), environment)));
    }
    if let Some(web) = &settings.web {
        all.push(Box::new(Web::new(web.clone())));
    }
    all.push(Box::new(External));
    all
}

/// A failure of this kind, in a sentence.
fn failure(kind: FailureKind, detail: impl Into<String>) -> ProviderFailure {
    ProviderFailure { kind, detail: detail.into() }
}
