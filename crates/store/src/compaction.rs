//! Compaction: what stays of a finished intent in the journal, and how it stays provable. Pure; writing, reading and
//! auditing share it. The file that the rest goes into is `archive.rs`; of an erasing there is none.
//!
//! Of each entry a stub stays: in place of the body stands the number of the entry that tells of the compaction, and in place
//! of what was attached the commitment (`chain.rs`). A stub of an entry before format 8 has none and cannot prove its own hash
//! any more. So the entry that tells of the compaction holds a digest over all that stays of its intents: their stubs, and
//! their rows in registry, suggestions and ledger, which nobody can work out again without the bodies.

use std::fmt;

use domain::ids::Sha256;
use serde::Serialize;

use crate::chain::Link;
use crate::time::Micros;

/// The name that opens every digest and every file; a change of what is digested changes it.
pub(crate) const NAME: &str = "codex-task compaction v1";

/// The columns that a digest covers, by table, in this order. They are those of the format that compaction came with: a
/// column that is added later is not covered, and none of these may be changed by a migration.
pub(crate) const KEPT: [(&str, &[&str]); 4] = [
    ("journal", &["seq", "intent", "version", "at", "name", "attached", "prev", "hash"]),
    (
        "intents",
        &[
            "id",
            "reversed",
            "version",
            "first_seq",
            "last_seq",
            "created_at",
            "updated_at",
            "repository",
            "kind",
            "title",
            "fingerprint",
            "file",
            "rule",
            "phase",
            "status",
            "live",
            "unfinished",
            "provider",
            "suggestion",
            "branch",
            "billed",
            "imputed",
            "files",
            "added",
            "deleted",
            "confidence",
            "agent",
        ],
    ),
    ("suggestions", &["suggestion", "attempt"]),
    (
        "ledger",
        &[
            "attempt",
            "provider",
            "agent",
            "at",
            "day",
            "week",
            "month",
            "state",
            "amount",
            "counted",
            "billed",
            "imputed",
            "basis",
            "prompt_tokens",
            "completion_tokens",
            "requests",
            "lease_until",
        ],
    ),
];

/// A stub's body is shorter than this, and the body of no first event is.
pub(crate) const SHORTEST_BODY: i64 = 48;

const BEFORE: &[u8] = b"{\"compacted\":";

/// The body of the stubs of a compaction that this entry tells of.
pub(crate) fn stub(compaction: i64) -> Vec<u8> {
    [BEFORE, compaction.to_string().as_bytes(), b"}"].concat()
}

/// The entry that tells of the compaction, when this body is that of a stub.
pub(crate) fn stub_of(body: &[u8]) -> Option<i64> {
    let digits = body.strip_prefix(BEFORE)?.strip_suffix(b"}")?;
    let number: i64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (stub(number) == body).then_some(number)
}

/// What is known of one compaction or erasing, as the journal tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compaction {
    /// The entry that tells of it.
    pub seq: u64,
    /// When.
    pub at: Micros,
    /// Where what went is; `None` when it was erased.
    #[serde(flatten)]
    pub archive: Option<ArchiveFile>,
    /// How many intents.
    pub intents: u64,
    /// How many entries they have.
    pub entries: u64,
    /// How many bytes named by hash went with them.
    pub blobs: u64,
    /// How many recorded answers went with them.
    pub exchanges: u64,
    /// Over all that stays of them.
    pub digest: Sha256,
    /// By whom.
    pub by: String,
}

/// The file that a compaction wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArchiveFile {
    /// Only intents whose last entry is older than this are in it.
    pub before: Micros,
    /// Its name, without its folder.
    pub file: String,
    /// The hash of all of it.
    pub sha256: Sha256,
}

impl fmt::Display for Compaction {
    /// What was done with the intents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, by) = (self.at.day(), &self.by);
        match &self.archive {
            Some(ArchiveFile { file, sha256, .. }) => {
                write!(f, "compacted on {day} into {file} (sha256 {sha256})")
            }
            None => write!(f, "erased on {day} by {by}"),
        }
    }
}

/// What would be compacted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Compactable {
    /// How many intents.
    pub intents: u64,
    /// How many entries they have.
    pub entries: u64,
    /// How many bytes their bodies take.
    pub bytes: u64,
}

/// Everything that stays of one intent, column by column in the order of [`KEPT`].
#[derive(Debug)]
pub(crate) struct Kept<'a> {
    id: &'a str,
    cells: Vec<u8>,
}

impl<'a> Kept<'a> {
    pub(crate) fn of(id: &'a str) -> Self {
        Self { id, cells: Vec::with_capacity(2048) }
    }

    /// The rows of a table come next.
    pub(crate) fn table(&mut self, place: usize, rows: usize) {
        self.cell(Some(KEPT[place].0));
        self.cell(Some(&rows.to_string()));
    }

    /// The next column; numbers in decimal.
    pub(crate) fn cell(&mut self, value: Option<&str>) {
        let Some(text) = value else { return self.cells.push(0) };
        self.cells.push(1);
        self.cells.extend((text.len() as u64).to_le_bytes());
        self.cells.extend(text.as_bytes());
    }

    /// A stub's columns.
    pub(crate) fn link(&mut self, link: &Link<'_>, hash: &str) {
        self.cell(Some(&link.seq.to_string()));
        self.cell(Some(link.intent));
        self.cell(Some(&link.version.to_string()));
        self.cell(Some(&link.at.to_string()));
        for text in [link.name, link.attached, link.prev, hash] {
            self.cell(Some(text));
        }
    }

    pub(crate) fn digest(&self) -> Sha256 {
        Sha256::of_fields(&[NAME.as_bytes(), self.id.as_bytes(), &self.cells])
    }
}

/// What stays of the intents of one compaction, taken in in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptSet {
    pub(crate) digest: Sha256,
    pub(crate) intents: u64,
    pub(crate) entries: u64,
}

impl KeptSet {
    /// Of the compaction that this entry tells of.
    pub(crate) fn new(compaction: i64) -> Self {
        let digest = Sha256::of_fields(&[NAME.as_bytes(), compaction.to_string().as_bytes()]);
        Self { digest, intents: 0, entries: 0 }
    }

    /// Takes in the next intent.
    pub(crate) fn add(&mut self, kept: &Sha256, entries: u64) {
        self.digest = Sha256::of_fields(&[self.digest.as_str().as_bytes(), kept.as_str().as_bytes()]);
        self.intents += 1;
        self.entries += entries;
    }
}

/// The hashes that these bytes name: runs of exactly 64 lower-case hexadecimal digits.
pub(crate) fn names_in(bytes: &[u8]) -> impl Iterator<Item = &str> {
    let is_digit = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
    bytes
        .split(move |b| !is_digit(b))
        .filter(|run| run.len() == 64)
        .filter_map(|run| std::str::from_utf8(run).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stub_is_written_in_one_way_only() {
        assert_eq!(stub_of(&stub(17)), Some(17));
        for other in
            ["{\"compacted\":017}", "{\"compacted\": 17}", "{\"compacted\":17} ", "{\"event\":\"x\"}", ""]
        {
            assert_eq!(stub_of(other.as_bytes()), None, "{other}");
        }
        assert!((stub(i64::MAX).len() as i64) < SHORTEST_BODY);
    }

    #[test]
    fn names_are_whole_hashes_only() {
        let (name, long) = ("a".repeat(64), "b".repeat(128));
        let text =
            format!("{{\"patch\":\"{name}\",\"signature\":\"{long}\",\"tree\":\"{}\"}}", "c".repeat(40));
        assert_eq!(names_in(text.as_bytes()).collect::<Vec<_>>(), [name]);
    }

    #[test]
    fn nothing_can_be_moved_from_one_column_to_the_next() {
        let kept = |cells: [Option<&str>; 2]| {
            let mut kept = Kept::of("i");
            cells.into_iter().for_each(|cell| kept.cell(cell));
            kept.digest()
        };
        let all =
            [[Some("ab"), Some("c")], [Some("a"), Some("bc")], [None, Some("abc")], [Some(""), Some("abc")]];
        let mut digests: Vec<_> = all.into_iter().map(kept).collect();
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), 4);
    }
}
