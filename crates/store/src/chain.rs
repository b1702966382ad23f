//! The hash chain: what each hash covers. Pure; writing, reading and auditing share it.
//!
//! Since format 8 an entry's hash covers what it says, its body and what is attached to it, by a commitment: a hash of both,
//! and a random salt is among what is attached. So the words can go and the commitment stay: the chain is proved as before,
//! and nobody who guesses what was said can confirm the guess.

use std::borrow::Cow;

use domain::event::Event;
use domain::ids::Sha256;

use crate::compaction::stub_of;

/// The name that opens every hash and every signed text; a change of what is hashed changes it.
pub(crate) const NAME: &str = "codex-task journal v1";
/// The same of an entry with a commitment, and of a commitment.
const COMMITTING: &str = "codex-task journal v2";
const SAID: &str = "codex-task said v1";
/// The first format of such entries.
const COMMITTED: i64 = 8;
/// How the words in `attached` begin: what salts the commitment, what was recorded; and, of a stub, the commitment itself.
const SALT: &str = "salt:";
const BLOB: &str = "blob:";
const EXCHANGE: &str = "exchange:";
const COMMITMENT: &str = "commitment:";

/// One row of the journal without its hash, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link<'a> {
    /// The place in the journal, from 1.
    pub(crate) seq: i64,
    /// The intent's id.
    pub(crate) intent: &'a str,
    /// The intent's version after this event, from 1.
    pub(crate) version: i64,
    /// When, in microseconds.
    pub(crate) at: i64,
    /// The event's name.
    pub(crate) name: &'a str,
    /// The event's format.
    pub(crate) format: i64,
    /// The event's bytes.
    pub(crate) body: &'a [u8],
    /// What was recorded with it; see [`attached_salt`], [`attached_blob`] and [`attached_exchange`].
    pub(crate) attached: &'a str,
    /// The hash of the row before.
    pub(crate) prev: &'a str,
}

impl<'a> Link<'a> {
    /// The row's hash: every field with its length before it, numbers in decimal.
    pub(crate) fn hash(&self) -> Sha256 {
        self.with_fields(Sha256::of_fields)
    }

    /// Whether this is the row's hash. Of a stub it can only be told since there are commitments.
    pub(crate) fn has_hash(&self, stored: &str) -> bool {
        self.with_fields(|fields| Sha256::is_of_fields(stored, fields))
    }

    /// Whether this is the row's hash, as far as the row can tell: a stub of an entry without commitment is proved by the
    /// digest of its compaction only.
    pub(crate) fn fits(&self, stored: &str) -> bool {
        (!self.is_committed() && stub_of(self.body).is_some()) || self.has_hash(stored)
    }

    /// What a stub of this entry keeps in place of what is attached.
    pub(crate) fn attached_to_stub(&self) -> String {
        if self.is_committed() { format!("{COMMITMENT}{}", self.commitment()) } else { String::new() }
    }

    /// Whether a hash over body and attachments stands for them in the row's hash.
    pub(crate) fn is_committed(&self) -> bool {
        self.format >= COMMITTED
    }

    /// Of body and attachments; a stub has kept it.
    fn commitment(&self) -> Cow<'a, str> {
        match self.attached.split(' ').find_map(|word| word.strip_prefix(COMMITMENT)) {
            Some(kept) if stub_of(self.body).is_some() => Cow::Borrowed(kept),
            _ => {
                let fields = [SAID.as_bytes(), self.body, self.attached.as_bytes()];
                Cow::Owned(Sha256::of_fields(&fields).into())
            }
        }
    }

    fn with_fields<T>(&self, take: impl FnOnce(&[&[u8]]) -> T) -> T {
        let [seq, version, at, format] = [self.seq, self.version, self.at, self.format].map(Decimal::of);
        let [prev, intent, name] = [self.prev, self.intent, self.name].map(str::as_bytes);
        let [seq, version, at, format] = [&seq, &version, &at, &format].map(Decimal::digits);
        if self.is_committed() {
            let said = self.commitment();
            take(&[COMMITTING.as_bytes(), prev, seq, intent, version, at, name, format, said.as_bytes()])
        } else {
            let attached = self.attached.as_bytes();
            take(&[NAME.as_bytes(), prev, seq, intent, version, at, name, format, self.body, attached])
        }
    }

    /// The blobs that were recorded with it. A stub needs none any more, though an old one may name some.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let attached = if stub_of(self.body).is_some() { "" } else { self.attached };
        attached.split(' ').filter_map(|word| word.strip_prefix(BLOB))
    }

    /// The word that names the exchange that was recorded with it.
    pub(crate) fn exchange(&self) -> Option<&'a str> {
        self.attached.split(' ').find(|word| word.starts_with(EXCHANGE))
    }

    /// The event; an error says in words why it cannot be read. The format has to be known already.
    pub(crate) fn event(&self) -> Result<Event, String> {
        let wrong = |e: &dyn std::fmt::Display| format!("entry {}: {e}", self.seq);
        // As one text: else each string in it is looked at for itself.
        let body = std::str::from_utf8(self.body).map_err(|e| wrong(&e))?;
        let event: Event = serde_json::from_str(body).map_err(|e| wrong(&e))?;
        if event.name() == self.name {
            Ok(event)
        } else {
            Err(format!("entry {} is named {} and holds {}", self.seq, self.name, event.name()))
        }
    }
}

/// A number in decimal, without an allocation: the audit writes millions of them.
struct Decimal {
    bytes: [u8; 20],
    begins: usize,
}

impl Decimal {
    fn of(number: i64) -> Self {
        let (mut bytes, mut begins) = ([0; 20], 20);
        let mut rest = number.unsigned_abs();
        loop {
            begins -= 1;
            bytes[begins] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            begins -= 1;
            bytes[begins] = b'-';
        }
        Self { bytes, begins }
    }

    fn digits(&self) -> &[u8] {
        &self.bytes[self.begins..]
    }
}

/// What the first row's `prev` is: it ties the chain to this one journal.
pub(crate) fn genesis(origin: &str) -> Sha256 {
    Sha256::of_fields(&[NAME.as_bytes(), origin.as_bytes()])
}

/// The word that names a blob in `attached`.
pub(crate) fn attached_blob(sha256: &Sha256) -> String {
    format!("{BLOB}{sha256}")
}

/// The word that names an exchange in `attached`, by the hash of its columns.
pub(crate) fn attached_exchange(fields: &[&str]) -> String {
    let fields: Vec<&[u8]> = fields.iter().map(|f| f.as_bytes()).collect();
    format!("{EXCHANGE}{}", Sha256::of_fields(&fields))
}

/// The word that salts the commitment of an entry.
pub(crate) fn attached_salt(salt: [u8; 16]) -> String {
    format!("{SALT}{}", hex::encode(salt))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: Link<'_> = Link {
        seq: 1,
        intent: "i",
        version: 1,
        at: 5,
        name: "n",
        format: 1,
        body: b"{}",
        attached: "",
        prev: "p",
    };

    #[test]
    fn every_field_changes_the_hash() {
        let others = [
            Link { seq: 2, ..LINK },
            Link { intent: "j", ..LINK },
            Link { version: 2, ..LINK },
            Link { at: 6, ..LINK },
            Link { name: "m", ..LINK },
            Link { format: 2, ..LINK },
            Link { body: b"[]", ..LINK },
            Link { attached: "blob:x", ..LINK },
            Link { prev: "q", ..LINK },
        ];
        let mut hashes: Vec<_> = others.iter().map(Link::hash).collect();
        hashes.push(LINK.hash());
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), others.len() + 1);
    }

    #[test]
    fn what_was_said_is_covered_by_a_commitment_which_is_all_that_a_stub_needs() {
        let whole = Link { format: COMMITTED, attached: "salt:00 blob:x", ..LINK };
        let hash = whole.hash();
        for other in [
            Link { seq: 2, ..whole },
            Link { intent: "j", ..whole },
            Link { version: 2, ..whole },
            Link { at: 6, ..whole },
            Link { name: "m", ..whole },
            Link { format: COMMITTED + 1, ..whole },
            Link { body: b"[]", ..whole },
            Link { attached: "salt:01 blob:x", ..whole },
            Link { prev: "q", ..whole },
        ] {
            assert_ne!(other.hash(), hash, "{other:?}");
        }
        let (kept, body) = (whole.attached_to_stub(), crate::compaction::stub(7));
        let stub = Link { body: &body, attached: &kept, ..whole };
        assert!(stub.has_hash(hash.as_str()) && stub.fits(hash.as_str()));
        assert_eq!(stub.attached_to_stub(), kept);
        // A whole entry with such an attachment is none, and a stub without it proves nothing.
        for other in [
            Link { body: b"{}", ..stub },
            Link { attached: "", ..stub },
            Link { format: COMMITTED - 1, ..stub },
        ] {
            assert!(!other.has_hash(hash.as_str()), "{other:?}");
        }
        assert!(!Link { attached: "", ..stub }.fits(hash.as_str()));
        assert!(Link { format: COMMITTED - 1, ..stub }.fits(hash.as_str()), "its compaction proves it");
    }

    #[test]
    fn numbers_are_written_as_the_language_writes_them() {
        for number in [0, 7, 10, -1, 1_795_219_200_000_000, i64::MAX, i64::MIN] {
            assert_eq!(Decimal::of(number).digits(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn two_journals_do_not_begin_alike() {
        assert_ne!(genesis("a"), genesis("b"));
    }
}
