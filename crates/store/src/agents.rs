//! Callers with keys of their own, what is remembered of their requests, and what they were refused. None of it is part
//! of the journal: a key is a matter of today, a change is one of record. The statements are in `sqlite/agents.rs`.

use std::collections::BTreeSet;

use domain::agent::{AgentName, Right};
use domain::ids::{IntentId, Sha256};
use domain::money::MicroDollars;
use serde::Serialize;

use crate::time::Micros;

/// A caller with keys of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Agent {
    /// Its name.
    pub name: AgentName,
    /// What it may do.
    pub rights: BTreeSet<Right>,
    /// Whether its changes may go as far as policy allows; those of others wait for a decision.
    pub certified: bool,
    /// The most that its changes may cost in a month.
    pub monthly: Option<MicroDollars>,
    /// Requests a minute; the server's own limit where there is none.
    pub per_minute: Option<u32>,
    /// Since when.
    pub created: Micros,
    /// When it was revoked; none of its keys is taken since.
    pub revoked: Option<Micros>,
    /// Its keys that are not revoked, by the part that is not secret.
    pub keys: Vec<AgentKey>,
}

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentKey {
    /// By which it is found.
    pub prefix: String,
    /// Since when.
    pub created: Micros,
    /// Until when it is taken.
    pub expires: Option<Micros>,
}

/// A key to be kept: of the secret, only its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// By which it is found.
    pub prefix: String,
    /// The hash of the whole key.
    pub hash: Sha256,
    /// Until when it is taken.
    pub expires: Option<Micros>,
}

/// What a prefix leads to: the hash that the whole key must have, and whose it is. Only keys that are taken now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHolder {
    /// The hash of the whole key.
    pub hash: Sha256,
    /// Its agent, without the list of keys.
    pub agent: Agent,
}

/// What an idempotency key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// The intent that was promised to the first request.
    pub intent: IntentId,
    /// The hash of the first request.
    pub request: Sha256,
}

/// Something that an agent tried and that is worth a line: a refusal, or a change of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// When.
    pub at: Micros,
    /// Who tried; a person's name where it was no agent.
    pub who: String,
    /// What, in a word or two: `read`, `approve`, `agent revoke`.
    pub what: String,
    /// On what.
    pub subject: String,
    /// How it ended: `done`, or the code of the refusal.
    pub outcome: String,
}

/// The figures of the whole registry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Proposals that providers were asked for.
    pub suggestions: u64,
    /// Changes whose checks passed: those that wait, are published, were taken back, or were rejected by a person.
    pub verified: u64,
    /// Changes with a branch.
    pub published: u64,
    /// Changes that wait for a decision.
    pub waiting: u64,
    /// Changes under way.
    pub unfinished: u64,
    /// The mean of the confidences that there are.
    pub confidence: Option<f64>,
    /// Money owed.
    pub billed: MicroDollars,
}

/// One entry of the journal in short, for those who follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its place in the journal.
    pub seq: u64,
    /// The intent.
    pub intent: IntentId,
    /// When it was recorded.
    pub at: Micros,
    /// The event's name.
    pub name: String,
}
