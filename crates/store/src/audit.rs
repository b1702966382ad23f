//! The audit: is the record still what was written? Here are the report and the pure checks; `sql/audit.rs` feeds them.
//! A check names what it finds and goes on; it never repairs.

mod chain;
mod story;

use domain::ids::{IntentId, Sha256};
use serde::Serialize;

pub(crate) use chain::{ChainCheck, Witness, check_note};
pub(crate) use story::{Expected, expect, told};

/// Who wants to know how far an audit is: it is called with the entries looked at, and with how many there are.
pub type OnProgress<'a> = &'a mut (dyn FnMut(u64, u64) + Send);

/// At most this many problems are named; the rest is counted.
const NAMED: usize = 1000;

/// A place in the journal that somebody wrote down elsewhere: a commit trailer, a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The entry.
    pub seq: u64,
    /// Its hash.
    pub hash: Sha256,
    /// Where it was written down, for the report.
    pub where_from: String,
}

/// The last entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

/// What the audit found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Entries of the journal.
    pub events: u64,
    /// The last one.
    pub head: Option<Head>,
    /// Intents folded and compared.
    pub intents: u64,
    /// Intents that were compacted or erased: their hashes and rows are what the entry says that tells of it.
    pub compacted: u64,
    /// Those of them that were erased: no file has what they said.
    pub erased_intents: u64,
    /// Entries of which only a stub is left.
    pub stubs: u64,
    /// Those of them that a compaction's file proved.
    pub proven: u64,
    /// Blobs whose hash was worked out again.
    pub blobs: u64,
    /// Blobs that were erased on purpose.
    pub erased: u64,
    /// Checkpoints in the database whose signature was checked.
    pub checkpoints: u64,
    /// Anchors from outside that were compared.
    pub anchors: u64,
    /// Entries whose time is before that of the entry before them: a clock that went back. No problem in itself.
    pub clock_went_back: u64,
    /// What does not fit, at most a thousand of them.
    pub problems: Vec<Problem>,
    /// How many problems there are beyond those named.
    pub more_problems: u64,
}

impl AuditReport {
    /// Whether everything fits.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// The figures of a journal that holds.
    pub(crate) fn told(&mut self, entries: i64, back: i64, last: Option<String>) {
        self.events = entries.unsigned_abs();
        self.clock_went_back = back.unsigned_abs();
        self.head = last.map(|hash| Head { seq: self.events, hash });
    }

    /// What is wrong with the database itself, as far as it was found already.
    pub(crate) fn structure(&self) -> impl Iterator<Item = &String> {
        self.problems.iter().filter_map(|problem| match problem {
            Problem::Structure { detail } => Some(detail),
            _ => None,
        })
    }

    pub(crate) fn add(&mut self, problem: Problem) {
        if self.problems.len() < NAMED {
            self.problems.push(problem);
        } else {
            self.more_problems += 1;
        }
    }
}

/// One thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "problem", rename_all = "kebab-case")]
pub enum Problem {
    /// The database file itself is damaged.
    #[error("the database is damaged: {detail}")]
    Structure {
        /// What the database says.
        detail: String,
    },
    /// The entry is not what its hash was made of.
    #[error("entry {seq} was changed")]
    ByteChanged {
        /// The entry.
        seq: i64,
    },
    /// The entry does not continue the one before it.
    #[error("entry {seq} does not continue the entry before it")]
    ChainBroken {
        /// The entry.
        seq: i64,
    },
    /// Entries are missing.
    #[error("entries {first} to {last} are missing")]
    Missing {
        /// The first of them.
        first: i64,
        /// The last of them.
        last: i64,
    },
    /// Somebody knows of an entry beyond the journal's end.
    #[error("the tail is cut: {where_from} knows entry {expected}, the journal ends at {found}")]
    TailCut {
        /// The entry that somebody knows.
        expected: i64,
        /// The last entry.
        found: i64,
        /// Who knows it.
        where_from: String,
    },
    /// Somebody knows the entry with another hash: the journal was written anew from there or before.
    #[error("entry {seq} was rewritten: {where_from} knows it with another hash")]
    Rewritten {
        /// The entry.
        seq: i64,
        /// Who knows it otherwise.
        where_from: String,
    },
    /// A checkpoint is not signed by us.
    #[error("{where_from}: {detail}")]
    BadSignature {
        /// Which checkpoint.
        where_from: String,
        /// What is wrong with it.
        detail: String,
    },
    /// There is no head file.
    #[error("the head file is missing")]
    HeadMissing,
    /// The head file is not one.
    #[error("the head file was changed: {detail}")]
    HeadChanged {
        /// What is wrong with it.
        detail: String,
    },
    /// There is no key.
    #[error("checkpoint.key is missing: no signature can be trusted")]
    KeyMissing,
    /// An entry that has to have a checkpoint has none.
    #[error("the checkpoint of entry {seq} is missing")]
    CheckpointMissing {
        /// The entry.
        seq: i64,
    },
    /// An entry that this version cannot read; its intent is not checked.
    #[error("entry {seq} has a newer format ({format}) than this version knows")]
    NewerFormat {
        /// The entry.
        seq: i64,
        /// Its format.
        format: i64,
    },
    /// Events that cannot have happened so.
    #[error("intent {intent}: {detail}")]
    IllegalStory {
        /// The intent, as it is stored.
        intent: String,
        /// What cannot be.
        detail: String,
    },
    /// The registry tells something else than the events.
    #[error("intent {intent}: the registry's {column} is {}, by the journal it is {}", shown(.found), shown(.expected))]
    RowDiffers {
        /// The intent, as it is stored.
        intent: String,
        /// The column, or `row` for the whole row.
        column: String,
        /// By the journal.
        expected: Option<String>,
        /// In the registry.
        found: Option<String>,
    },
    /// The ledger tells something else than the events.
    #[error("intent {intent}, attempt {attempt}: the ledger's {column} is {}, by the journal it is {}",
            shown(.found), shown(.expected))]
    LedgerDiffers {
        /// The intent, as it is stored.
        intent: String,
        /// The attempt, as it is stored.
        attempt: String,
        /// The column, or `row` for the whole row.
        column: String,
        /// By the journal.
        expected: Option<String>,
        /// In the ledger.
        found: Option<String>,
    },
    /// A budget's counter tells something else than the ledger and the recorded resets.
    #[error("budget {scope} {stretch}: {column} is {}, by the ledger it is {}", shown(.found), shown(.expected))]
    BudgetDiffers {
        /// The row's scope.
        scope: String,
        /// The row's stretch.
        stretch: String,
        /// The column, or `row` for the whole row.
        column: String,
        /// By the ledger and the journal.
        expected: Option<String>,
        /// In the counters.
        found: Option<String>,
    },
    /// The kept figures tell something else than the registry's rows.
    #[error("the figure {name}: {column} is {found}, by the registry it is {expected}")]
    FiguresDiffer {
        /// The row's name.
        name: String,
        /// The column.
        column: String,
        /// By the registry.
        expected: i64,
        /// As kept.
        found: i64,
    },
    /// What stays of compacted intents is not what was recorded when they were compacted.
    #[error("the compaction of entry {seq}: {what} should be {expected}, found {found}")]
    CompactionDiffers {
        /// The entry that tells of it.
        seq: i64,
        /// What differs.
        what: String,
        /// By the journal.
        expected: String,
        /// As it is.
        found: String,
    },
    /// Entries have no body and name a compaction of which the journal does not tell.
    #[error("{intents} intents have no bodies, and entry {seq} tells of no compaction")]
    NotCompacted {
        /// The entry that they name.
        seq: i64,
        /// How many.
        intents: u64,
    },
    /// A compaction's file does not prove what it is to prove.
    #[error("{file}: {detail}")]
    ArchiveDiffers {
        /// The file.
        file: String,
        /// What does not fit.
        detail: String,
    },
    /// Bytes that were recorded with an entry are gone.
    #[error("blob {sha256}, recorded with entry {seq}, is missing")]
    BlobMissing {
        /// Their hash.
        sha256: String,
        /// The entry.
        seq: i64,
    },
    /// Bytes are not those that were recorded.
    #[error("blob {sha256} was changed")]
    BlobChanged {
        /// The hash that they should have.
        sha256: String,
    },
    /// A recorded exchange is not the one that the journal names.
    #[error("the recorded answer to request {request} was changed")]
    ExchangeChanged {
        /// The request's hash, as it is stored.
        request: String,
    },
}

fn shown(value: &Option<String>) -> String {
    value.as_ref().map_or_else(|| "empty".to_owned(), |text| format!("{text:?}"))
}

/// An intent's id as it is stored, when it is one.
pub(crate) fn intent_id(stored: &str) -> Option<IntentId> {
    stored.parse().ok()
}
