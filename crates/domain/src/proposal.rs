//! One provider's answer, and what it cost. The answer's bytes lie beside the journal, named by their hash.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{Sha256, SuggestionId};
use crate::money::MicroDollars;

/// Names a provider, as routes and the command line write it: `codemod`, `local`, `replay`, `external`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderId(String);

impl ProviderId {
    /// The provider of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// In which form a provider answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// A text that holds one JSON object {patch, explanation, confidence, meta}; it is read strictly.
    Reply,
    /// Files as they should be; the diff is taken from them by us.
    Edits,
    /// A diff by itself.
    Diff,
    /// A text that holds whole files, each below its path, with an explanation before them.
    Files,
    /// What an agent made of a tree: one line of JSON with what it said of it, then the canonical diff that we took from the
    /// tree.
    Tree,
    /// A text: the answer to a question, or a plan.
    Text,
}

/// Tokens as a provider reports them. `cached` is part of `prompt`, `reasoning` part of `completion`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the request.
    pub prompt: u64,
    /// Of these, read from the provider's cache.
    #[serde(default)]
    pub cached: u64,
    /// Tokens of the answer.
    pub completion: u64,
    /// Of these, spent on reasoning.
    #[serde(default)]
    pub reasoning: u64,
}

/// One provider's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The answer's id (`codex_suggestion_id`).
    pub id: SuggestionId,
    /// Who answered.
    pub provider: ProviderId,
    /// The model that the provider named, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The form of the answer.
    pub form: Form,
    /// The hash of the canonical request.
    pub request: Sha256,
    /// The hash of the answer's bytes.
    pub answer: Sha256,
    /// Tokens, where the provider reports them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Whether the answer came from the record and not from the provider.
    pub replayed: bool,
}

/// On what a charge is based.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChargeBasis {
    /// The provider costs nothing.
    Free,
    /// The usage that the provider reported, at its price.
    Reported,
    /// The usage or the answer is missing: charged at the reserved ceiling.
    Ceiling,
    /// The answer came from the record.
    Recorded,
}

/// What one proposal cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Money that is owed.
    pub billed: MicroDollars,
    /// The list price of what a free session gave; never owed.
    pub imputed: MicroDollars,
    /// What the amounts are based on.
    pub basis: ChargeBasis,
}

impl Charge {
    /// All that was set aside: whether the provider answered, or what it used, is unknown.
    pub fn ceiling(reserved: MicroDollars) -> Self {
        let basis = if reserved == MicroDollars::ZERO { ChargeBasis::Free } else { ChargeBasis::Ceiling };
        Self { billed: reserved, imputed: MicroDollars::ZERO, basis }
    }

    /// Nothing owed: a free provider, or an answer from the record.
    pub fn nothing(basis: ChargeBasis) -> Self {
        Self { billed: MicroDollars::ZERO, imputed: MicroDollars::ZERO, basis }
    }
}

/// Why a provider gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The provider has no fix for this task; nothing is wrong.
    NoFix,
    /// It cannot be reached.
    Unreachable,
    /// It answered with an error status.
    Status,
    /// A deadline passed: first byte, idle, or total.
    TimedOut,
    /// The answer is larger than the cap.
    TooLarge,
    /// The answer broke off.
    Truncated,
    /// The answer is not of the provider's protocol.
    Protocol,
    /// It is not configured well enough to be asked.
    NotConfigured,
    /// Nothing is recorded for this request.
    NotRecorded,
    /// The process died while it waited for the answer.
    Interrupted,
    /// The budget has no room for what it may cost.
    OverBudget,
    /// An agent used up its requests, tokens or time without coming to an end.
    Unfinished,
    /// An agent, or the box that it runs in, ended before its work did.
    Crashed,
    /// A person has to do something there first: sign in, answer a captcha, mend an adapter.
    NeedsPerson,
}

impl FailureKind {
    /// The kind's word, as in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoFix => "no-fix",
            Self::Unreachable => "unreachable",
            Self::Status => "status",
            Self::TimedOut => "timed-out",
            Self::TooLarge => "too-large",
            Self::Truncated => "truncated",
            Self::Protocol => "protocol",
            Self::NotConfigured => "not-configured",
            Self::NotRecorded => "not-recorded",
            Self::Interrupted => "interrupted",
            Self::OverBudget => "over-budget",
            Self::Unfinished => "unfinished",
            Self::Crashed => "crashed",
            Self::NeedsPerson => "needs-person",
        }
    }
}

/// A provider's failure to answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderFailure {
    /// What sort of failure.
    pub kind: FailureKind,
    /// One sentence for people.
    pub detail: String,
}
