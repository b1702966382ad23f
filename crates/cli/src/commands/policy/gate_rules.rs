//! The rules of the gate as they are shown: the built-in ones and the policy's own, in one form.

use domain::gate::table::{self, Checked, RuleEntry};
use domain::gate::{OwnRule, Verdict};
use engine::config::Loaded;
use serde_json::{Value, json};

use crate::error::Failure;

/// Who set what is built in.
const BUILT_IN: &str = "built in";
/// The key under which a policy brings its own rules.
const OWN_KEY: &str = "safety.rules";

/// A rule of either sort.
pub(super) enum Shown<'a> {
    BuiltIn(&'static RuleEntry),
    Own(&'a OwnRule, String),
}

/// All rules: the built-in ones in their order, then the policy's own.
pub(super) fn all(loaded: &Loaded) -> Result<Vec<Shown<'_>>, Failure> {
    let built_in = table::builtin().map_err(|e| Failure::machine(e.to_string()))?;
    let source =
        loaded.sources.iter().find(|source| source.key == OWN_KEY).map(|source| source.source.clone());
    let own = loaded.config.safety.rules.iter();
    let own = own.map(|rule| Shown::Own(rule, source.clone().unwrap_or_else(|| "the policy".to_owned())));
    Ok(built_in.iter().map(Shown::BuiltIn).chain(own).collect())
}

impl Shown<'_> {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::BuiltIn(entry) => entry.id.id(),
            Self::Own(rule, _) => &rule.id,
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        match self {
            Self::BuiltIn(entry) => entry.verdict,
            Self::Own(rule, _) => rule.verdict,
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::BuiltIn(entry) => &entry.text,
            Self::Own(rule, _) => &rule.text,
        }
    }

    pub(super) fn set_by(&self) -> &str {
        match self {
            Self::BuiltIn(_) => BUILT_IN,
            Self::Own(_, source) => source,
        }
    }

    pub(super) fn check(&self) -> Vec<Checked> {
        match self {
            Self::BuiltIn(entry) => table::check(entry),
            Self::Own(rule, _) => rule.check_examples(),
        }
    }

    /// Why it is there, and how a policy changes it; the policy's own rules say neither.
    pub(super) fn why_and_change(&self) -> Option<(&str, &str)> {
        match self {
            Self::BuiltIn(entry) => Some((entry.why.trim(), entry.change.trim())),
            Self::Own(..) => None,
        }
    }

    /// The examples of both kinds, each in a line or a few.
    pub(super) fn examples(&self) -> [(&'static str, Vec<String>); 2] {
        let (matching, other) = match self {
            Self::BuiltIn(entry) => (
                entry.examples.matching.iter().map(ToString::to_string).collect(),
                entry.examples.other.iter().map(ToString::to_string).collect(),
            ),
            Self::Own(rule, _) => (
                rule.examples.matching.iter().map(ToString::to_string).collect(),
                rule.examples.other.iter().map(ToString::to_string).collect(),
            ),
        };
        [("match", matching), ("no_match", other)]
    }

    pub(super) fn json(&self) -> Value {
        let examples = match self {
            Self::BuiltIn(entry) => serde_json::to_value(&entry.examples),
            Self::Own(rule, _) => serde_json::to_value(&rule.examples),
        };
        let (why, change) = self.why_and_change().unzip();
        json!({
            "id": self.id(),
            "verdict": self.verdict(),
            "text": self.text(),
            "why": why,
            "change": change,
            "set_by": self.set_by(),
            "examples": examples.unwrap_or_default(),
        })
    }
}
