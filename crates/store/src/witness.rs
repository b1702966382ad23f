//! What a witness needs who keeps a checkpoint elsewhere: entries as they were hashed, signed checkpoints as text, and the
//! check that a newer checkpoint goes on from an older one. Works on files alone: no registry, no key but the one named.

use serde::{Deserialize, Serialize};

use crate::chain::{Link, genesis};
use crate::checkpoint::Note;
use crate::compaction::stub_of;

/// One entry of the journal with all that its hash covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Its place in the journal, from 1.
    pub seq: i64,
    /// The intent's id, or `registry`.
    pub intent: String,
    /// The intent's version after it.
    pub version: i64,
    /// When, in microseconds since 1970-01-01 UTC.
    pub at: i64,
    /// The event's name.
    pub name: String,
    /// The event's format.
    pub format: i64,
    /// The event, as the JSON text that was hashed.
    pub body: String,
    /// What was recorded with it, by hashes.
    pub attached: String,
    /// The hash of the entry before.
    pub prev: String,
    /// Its own hash.
    pub hash: String,
}

impl JournalEntry {
    /// The entry that tells of the compaction or erasing that this one went with; then only a stub is left.
    pub fn compaction(&self) -> Option<i64> {
        stub_of(self.body.as_bytes())
    }

    fn has_its_hash(&self) -> bool {
        self.link().has_hash(&self.hash)
    }

    /// The entry without its hash.
    pub(crate) fn link(&self) -> Link<'_> {
        Link {
            seq: self.seq,
            intent: &self.intent,
            version: self.version,
            at: self.at,
            name: &self.name,
            format: self.format,
            body: self.body.as_bytes(),
            attached: &self.attached,
            prev: &self.prev,
        }
    }
}

/// A signed statement: the journal of this origin has this entry with this hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    note: Note,
}

/// Why two checkpoints do not belong to one history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Inconsistent {
    /// A text that is no checkpoint, or was changed.
    #[error("the {which} checkpoint is none, or was changed")]
    NotOne {
        /// `old` or `new`.
        which: &'static str,
    },
    /// They are of two journals.
    #[error("the checkpoints are of two journals, {old} and {new}")]
    OtherJournal {
        /// The old one's origin.
        old: String,
        /// The new one's.
        new: String,
    },
    /// The journal became shorter.
    #[error("the new checkpoint ends at entry {new}, the old one knew {old}: the tail was cut")]
    Shorter {
        /// The old one's last entry.
        old: i64,
        /// The new one's.
        new: i64,
    },
    /// Both name the same entry with different hashes.
    #[error("entry {seq} has two hashes: two histories were shown")]
    SplitView {
        /// The entry.
        seq: i64,
    },
    /// An entry between them does not go on from the one before.
    #[error("entry {seq} does not go on from the one before: history was rewritten between the checkpoints")]
    Broken {
        /// The entry.
        seq: i64,
    },
    /// Of an entry between them only a stub is left that proves nothing, as before format 8.
    #[error(
        "entry {seq} was compacted (entry {compaction} tells where it went): it takes the file of that compaction"
    )]
    Compacted {
        /// The entry.
        seq: i64,
        /// The entry that tells of the compaction.
        compaction: i64,
    },
    /// Entries between them are missing.
    #[error("the entries from {first} to {last} are missing")]
    Missing {
        /// The first.
        first: i64,
        /// The last.
        last: i64,
    },
}

impl Checkpoint {
    /// Reads a checkpoint as `audit checkpoint` prints it; `None` when it is none or its signature is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        let note = Note::parse(text)?;
        note.is_signed().then_some(Self { note })
    }

    pub(crate) fn of(note: Note) -> Self {
        Self { note }
    }

    /// The text.
    pub fn text(&self) -> String {
        self.note.to_text()
    }

    /// The last entry's number and hash.
    pub fn head(&self) -> (u64, &str) {
        (self.note.seq.unsigned_abs(), &self.note.hash)
    }

    /// The id of the key that signed it: the public key in hexadecimal.
    pub fn key(&self) -> &str {
        &self.note.key
    }
}

/// Walks from an older checkpoint to a newer one.
#[derive(Debug)]
pub struct Consistency {
    at: i64,
    hash: String,
    until: i64,
    wanted: String,
}

impl Consistency {
    /// Begins the walk.
    ///
    /// # Errors
    /// When the two cannot be of one history, whatever lies between them.
    pub fn between(old: &Checkpoint, new: &Checkpoint) -> Result<Self, Inconsistent> {
        let (old, new) = (&old.note, &new.note);
        if old.origin != new.origin {
            return Err(Inconsistent::OtherJournal { old: old.origin.clone(), new: new.origin.clone() });
        }
        if new.seq < old.seq {
            return Err(Inconsistent::Shorter { old: old.seq, new: new.seq });
        }
        if old.seq == 0 && old.hash != genesis(&old.origin).as_str() {
            return Err(Inconsistent::NotOne { which: "old" });
        }
        if new.seq == old.seq && new.hash != old.hash {
            return Err(Inconsistent::SplitView { seq: new.seq });
        }
        Ok(Self { at: old.seq, hash: old.hash.clone(), until: new.seq, wanted: new.hash.clone() })
    }

    /// The entry after which the walk goes on; entries up to it are not needed.
    pub fn after(&self) -> u64 {
        self.at.unsigned_abs()
    }

    /// Whether the newer checkpoint is reached.
    pub fn is_done(&self) -> bool {
        self.at == self.until
    }

    /// The next entry, in the order of their numbers; those outside of the walk are passed over.
    ///
    /// # Errors
    /// When it does not go on from the one before.
    pub fn entry(&mut self, entry: &JournalEntry) -> Result<(), Inconsistent> {
        if entry.seq <= self.at || entry.seq > self.until {
            return Ok(());
        }
        if entry.seq != self.at + 1 {
            return Err(Inconsistent::Missing { first: self.at + 1, last: entry.seq - 1 });
        }
        if let Some(compaction) = entry.compaction().filter(|_| !entry.link().is_committed()) {
            return Err(Inconsistent::Compacted { seq: entry.seq, compaction });
        }
        if entry.prev != self.hash || !entry.has_its_hash() {
            return Err(Inconsistent::Broken { seq: entry.seq });
        }
        self.at = entry.seq;
        self.hash.clone_from(&entry.hash);
        Ok(())
    }

    /// The end of the walk.
    ///
    /// # Errors
    /// When the newer checkpoint was not reached, or names another hash.
    pub fn finish(self) -> Result<(), Inconsistent> {
        if self.at < self.until {
            return Err(Inconsistent::Missing { first: self.at + 1, last: self.until });
        }
        if self.hash == self.wanted { Ok(()) } else { Err(Inconsistent::SplitView { seq: self.until }) }
    }
}
