//! The policy: built-in rules, and what its owner allows, asks about and denies beside them.

use serde::{Deserialize, Serialize};

use super::safe::{BUILT_IN, covers};
use super::shell::Arg;
use super::{Finding, Verdict};

/// Rules of a configuration file: the `commands` section. The strictest rule that fits wins, also over built-in ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CommandRules {
    /// Commands that may run without asking.
    pub allow: Vec<RuleEntry>,
    /// Commands that a person is asked about.
    pub ask: Vec<RuleEntry>,
    /// Commands that never run.
    pub deny: Vec<RuleEntry>,
}

/// One rule: the first words of a command, with examples that are judged when the policy loads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleEntry {
    /// The rule's name, in records and messages.
    pub id: String,
    /// Why there is such a rule, in a sentence.
    #[serde(default)]
    pub text: String,
    /// The words with which a command begins, as many as there are: `[just, test]`.
    pub argv: Vec<String>,
    /// For `allow`: options that may follow, beside those that are known to be harmless for a known program.
    #[serde(default)]
    pub options: Vec<String>,
    /// Command lines that the rule fits; at least one.
    #[serde(rename = "match")]
    pub matches: Vec<String>,
    /// Command lines that it does not fit.
    #[serde(default)]
    pub not_match: Vec<String>,
}

/// Why a policy cannot be used. Whoever wrote it has to change it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A rule without a name or words, or with a name that is taken.
    #[error("commands: rule {id:?}: {why}")]
    Rule {
        /// The rule.
        id: String,
        /// What is wrong.
        why: String,
    },
    /// An example is not judged as it says.
    #[error("commands: rule {id:?}: the example {example:?} under `{list}` {why}")]
    Example {
        /// The rule.
        id: String,
        /// The command line.
        example: String,
        /// `match` or `not_match`.
        list: &'static str,
        /// What is said of it instead.
        why: String,
    },
    /// The list of prefixes is no such list.
    #[error("the list of allowed commands cannot be read: {0}")]
    Prefixes(String),
}

/// What may run: checked, so that each of its examples is judged as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandPolicy {
    pub(super) allow: Vec<RuleEntry>,
    pub(super) strict: Vec<(Verdict, RuleEntry)>,
}

/// The form of a plain list of allowed prefixes.
#[derive(Debug, Deserialize)]
struct Prefixes {
    format: u32,
    allow_argv_prefixes: Vec<Vec<String>>,
}

impl Default for CommandPolicy {
    fn default() -> Self {
        Self {
            allow: prefixes(BUILT_IN.iter().map(|words| words.iter().map(|w| (*w).to_owned()).collect())),
            strict: Vec::new(),
        }
    }
}

impl CommandPolicy {
    /// The built-in policy with an owner's rules beside it.
    ///
    /// # Errors
    /// The first rule or example that is not right, by name.
    pub fn with(rules: &CommandRules) -> Result<Self, PolicyError> {
        let mut policy = Self::default();
        policy.allow.extend(rules.allow.iter().cloned());
        policy.strict.extend(rules.ask.iter().map(|rule| (Verdict::Ask, rule.clone())));
        policy.strict.extend(rules.deny.iter().map(|rule| (Verdict::Deny, rule.clone())));
        Self::check_built_in()?;
        policy.check_names(rules)?;
        policy.check_examples(rules)?;
        Ok(policy)
    }

    /// A policy that allows nothing but these prefixes: a JSON object with `format` (1) and `allow_argv_prefixes`, a list of
    /// lists of words. Other members are for readers.
    ///
    /// # Errors
    /// The text is no such object, or one of its prefixes is empty.
    pub fn from_prefixes(json: &str) -> Result<Self, PolicyError> {
        let read: Prefixes = serde_json::from_str(json).map_err(|e| PolicyError::Prefixes(e.to_string()))?;
        if read.format != 1 {
            return Err(PolicyError::Prefixes(format!("format {} is not known, only 1", read.format)));
        }
        if read.allow_argv_prefixes.iter().any(|words| words.first().is_none_or(String::is_empty)) {
            return Err(PolicyError::Prefixes("an allowed prefix has no words".to_owned()));
        }
        Self::check_built_in()?;
        Ok(Self { allow: prefixes(read.allow_argv_prefixes), strict: Vec::new() })
    }

    /// The id of the rule that allows this call.
    pub(super) fn allows(&self, argv: &[Arg]) -> Option<&str> {
        self.allow.iter().find(|rule| covers(&rule.argv, &rule.options, argv)).map(|rule| rule.id.as_str())
    }

    /// What the owner's rules say of this call, whose first word is the program's bare name.
    pub(super) fn own(&self, argv: &[String]) -> Vec<Finding> {
        let fits = self.strict.iter().filter(|(_, rule)| argv.starts_with(&rule.argv));
        fits.map(|(verdict, rule)| Finding {
            rule: rule.id.clone(),
            verdict: *verdict,
            text: if rule.text.is_empty() { "the policy says so".to_owned() } else { rule.text.clone() },
            what: super::short(&argv.join(" ")),
            advice: "ask whoever owns the policy".to_owned(),
        })
        .collect()
    }
}

fn prefixes(words: impl IntoIterator<Item = Vec<String>>) -> Vec<RuleEntry> {
    let rule = |argv: Vec<String>| RuleEntry { id: argv.join(" "), argv, ..RuleEntry::default() };
    words.into_iter().map(rule).collect()
}
