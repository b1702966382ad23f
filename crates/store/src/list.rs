//! The registry as it is read: rows, filters, pages, and finding an intent by a part of its id.

use domain::agent::AgentName;
use domain::confidence::Confidence;
use domain::ids::{IntentId, SuggestionId};
use domain::money::MicroDollars;
use domain::proposal::ProviderId;
use domain::task::Kind;
use serde::Serialize;

use crate::time::Micros;

/// Which intents are listed; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The status in one word, as [`domain::intent::Intent::status`] gives it.
    pub status: Option<String>,
    /// The phase's word.
    pub phase: Option<String>,
    /// The kind of task.
    pub kind: Option<Kind>,
    /// The finding's file.
    pub file: Option<String>,
    /// The finding's rule code.
    pub rule: Option<String>,
    /// Any answer that belongs to the intent, not only the last one.
    pub suggestion: Option<SuggestionId>,
    /// The repository's identity.
    pub repository: Option<String>,
    /// The agent that asked.
    pub agent: Option<AgentName>,
    /// Registered at this time or later. Lists of a stretch of time go by time, where a clock went back too.
    pub since: Option<Micros>,
    /// Registered before this time.
    pub until: Option<Micros>,
    /// How far along.
    pub life: Option<Life>,
}

/// How far along an intent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It stands for its finding: not ended and not taken back.
    Live,
    /// Something is to be done yet without anybody asking for it: what `resume` takes up.
    Unfinished,
}

/// Which part of a list. Lists go from the newest intent to the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Only intents before this one: the last row's [`Row::seq`] of the page before.
    pub before: Option<u64>,
    /// At most this many.
    pub limit: u32,
}

impl Page {
    /// The newest `limit` intents.
    pub fn first(limit: u32) -> Self {
        Self { before: None, limit }
    }
}

/// One intent in a list. Provider, suggestion, size and confidence are those of the current attempt, or, once the intent
/// has ended, of the last attempt that gave a patch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The intent.
    pub id: IntentId,
    /// The sequence number of its registration; lists are sorted by it.
    pub seq: u64,
    /// How many events it has.
    pub version: u64,
    /// When it was registered.
    pub at: Micros,
    /// When its last event was recorded.
    pub updated: Micros,
    /// The status in one word.
    pub status: String,
    /// The phase's word.
    pub phase: String,
    /// The kind of task.
    pub kind: Kind,
    /// The task in one line.
    pub title: String,
    /// The repository's identity.
    pub repository: String,
    /// The agent that asked, where it was one.
    pub agent: Option<AgentName>,
    /// The finding's file.
    pub file: Option<String>,
    /// The finding's rule code.
    pub rule: Option<String>,
    /// The provider.
    pub provider: Option<ProviderId>,
    /// The answer's id.
    pub suggestion: Option<SuggestionId>,
    /// The branch's full ref name.
    pub branch: Option<String>,
    /// What all attempts cost.
    pub billed: MicroDollars,
    /// Files changed.
    pub files: Option<u64>,
    /// Lines added.
    pub added: Option<u64>,
    /// Lines deleted.
    pub deleted: Option<u64>,
    /// The combined confidence.
    pub confidence: Option<Confidence>,
}

/// What a part of an id stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// One intent.
    One(IntentId),
    /// Several; the newest few of them.
    Ambiguous(Vec<IntentId>),
    /// None.
    Nothing,
}
