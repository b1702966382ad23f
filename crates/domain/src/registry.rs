//! What happens to the registry as a whole and belongs to no intent. Recorded in the same journal, under the name
//! [`REGISTRY`] in the place of an intent's id.

use serde::{Deserialize, Serialize};

use crate::ids::Sha256;
use crate::money::MicroDollars;

/// Stands where other entries name their intent.
pub const REGISTRY: &str = "registry";

/// Something that an admin did to the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistryEvent {
    /// What was spent in a stretch no longer counts against its limit.
    BudgetReset {
        /// The row's scope: `global` or `agent:<name>`.
        scope: String,
        /// The row's stretch: `month:2026-11`, `week:2026-W47` or `day:2026-11-21`.
        stretch: String,
        /// All that was taken out of this stretch so far, this time included.
        forgiven: MicroDollars,
        /// The same of requests.
        requests: u64,
        /// By whom.
        by: String,
    },
    /// The signing key was exchanged.
    KeyRotated {
        /// The key that signed so far, hexadecimal.
        old: String,
        /// The key that signs from the next checkpoint on.
        new: String,
        /// The old key's signature over the new one, hexadecimal; see the store's `checkpoint.rs`.
        proof: String,
    },
    /// Bytes were erased by themselves, as versions before format 8 did: the journal goes on naming them by their hash.
    Erased {
        /// The hash of a random salt, which was thrown away, and the erased bytes: it proves that one thing was erased
        /// here, and helps nobody to guess it.
        salted: Sha256,
        /// How many bytes.
        size: u64,
        /// By whom.
        by: String,
    },
    /// Finished intents were compacted: what their entries said, and the bytes that nobody else names, went into a file. Of
    /// each entry a stub stays, which names this event's entry.
    Compacted {
        /// Their last entries are older than this, in microseconds since 1970-01-01 UTC.
        before: i64,
        /// The file's name, without its folder.
        file: String,
        /// The hash of the whole file.
        sha256: Sha256,
        /// How many intents.
        intents: u64,
        /// How many entries they have.
        entries: u64,
        /// How many bytes named by hash went.
        blobs: u64,
        /// How many recorded answers went.
        exchanges: u64,
        /// Over all that stays of these intents: their stubs and their rows; see the store's `compaction.rs`.
        digest: Sha256,
        /// By whom.
        by: String,
    },
    /// Finished intents were erased: what their entries said, the texts of their rows, and the bytes that nobody else names.
    /// Of each entry a stub stays, which names this event's entry and keeps the commitment of what is gone.
    IntentsErased {
        /// How many intents.
        intents: u64,
        /// How many entries they have.
        entries: u64,
        /// How many bytes named by hash went.
        blobs: u64,
        /// How many recorded answers went.
        exchanges: u64,
        /// As that of [`Self::Compacted`].
        digest: Sha256,
        /// By whom.
        by: String,
    },
}

impl RegistryEvent {
    /// The event's name, as in the journal.
    pub fn name(&self) -> &'static str {
        match self {
            Self::BudgetReset { .. } => "BudgetReset",
            Self::KeyRotated { .. } => "KeyRotated",
            Self::Erased { .. } => "Erased",
            Self::Compacted { .. } => "Compacted",
            Self::IntentsErased { .. } => "IntentsErased",
        }
    }
}
