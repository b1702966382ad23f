//! The hash chain: what each hash covers. Pure; writing, reading and auditing share it.

use domain::event::Event;
use domain::ids::Sha256;

/// The name that opens every hash and every signed text; a change of what is hashed changes it.
pub(crate) const NAME: &str = "codex-task journal v1";

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
    /// What was recorded with it; see [`attached_blob`] and [`attached_exchange`].
    pub(crate) attached: &'a str,
    /// The hash of the row before.
    pub(crate) prev: &'a str,
}

impl Link<'_> {
    /// The row's hash: every field with its length before it, numbers in decimal.
    pub(crate) fn hash(&self) -> Sha256 {
        self.with_fields(Sha256::of_fields)
    }

    /// Whether this is the row's hash.
    pub(crate) fn has_hash(&self, stored: &str) -> bool {
        self.with_fields(|fields| Sha256::is_of_fields(stored, fields))
    }

    fn with_fields<T>(&self, take: impl FnOnce(&[&[u8]]) -> T) -> T {
        let [seq, version, at, format] = [self.seq, self.version, self.at, self.format].map(Decimal::of);
        take(&[
            NAME.as_bytes(),
            self.prev.as_bytes(),
            seq.digits(),
            self.intent.as_bytes(),
            version.digits(),
            at.digits(),
            self.name.as_bytes(),
            format.digits(),
            self.body,
            self.attached.as_bytes(),
        ])
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
    format!("blob:{sha256}")
}

/// The word that names an exchange in `attached`, by the hash of its columns.
pub(crate) fn attached_exchange(fields: &[&str]) -> String {
    let fields: Vec<&[u8]> = fields.iter().map(|f| f.as_bytes()).collect();
    format!("exchange:{}", Sha256::of_fields(&fields))
}

/// The blobs named in `attached`.
pub(crate) fn blobs_in(attached: &str) -> impl Iterator<Item = &str> {
    attached.split(' ').filter_map(|word| word.strip_prefix("blob:"))
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
