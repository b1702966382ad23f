//! The signatures of many checkpoints, checked at once.

use ed25519_dalek::{Signature, VerifyingKey};

use super::{EVERY, Note, public_key, read_signature};

/// How many signatures are checked at once: with more, one costs little less.
const BATCH: usize = 512;

/// Checks the signatures of many checkpoints of one origin, many by one equation, at a quarter of the price. It is less
/// strict than [`Note::is_signed`] only towards odd signatures that nobody but the key's holder can make.
#[derive(Debug)]
pub(crate) struct Signatures<'a> {
    origin: &'a str,
    /// Whose checkpoints are ours; anybody's when there is none.
    trusted: &'a [String],
    last: Option<(String, VerifyingKey)>,
    texts: Vec<String>,
    signatures: Vec<Signature>,
    keys: Vec<VerifyingKey>,
    count: i64,
}

impl<'a> Signatures<'a> {
    pub(crate) fn new(origin: &'a str, trusted: &'a [String]) -> Self {
        let (texts, signatures, keys) = (Vec::new(), Vec::new(), Vec::new());
        Self { origin, trusted, last: None, texts, signatures, keys, count: 0 }
    }

    /// The next checkpoint in the order of entries: one of every [`EVERY`]th, with the hash that its entry has. False as
    /// with [`Self::add`].
    pub(crate) fn next(&mut self, seq: i64, [hash, entry]: [&str; 2], key: &str, signature: &str) -> bool {
        self.count += 1;
        seq == self.count * EVERY && hash == entry && self.add(seq, hash, key, signature)
    }

    /// How many there were, when all of them hold.
    pub(crate) fn end(mut self) -> Option<i64> {
        self.hold().then_some(self.count)
    }

    /// One of our keys, this one, is to have said that this entry has this hash. False when that is known to be wrong, of
    /// this checkpoint or of one before it; whether all of them hold is known in the end.
    fn add(&mut self, seq: i64, hash: &str, key: &str, signature: &str) -> bool {
        if self.last.as_ref().is_none_or(|(last, _)| last != key) {
            let is_ours = self.trusted.is_empty() || self.trusted.iter().any(|ours| ours == key);
            let read = is_ours.then(|| public_key(key)).flatten().filter(|read| !read.is_weak());
            self.last = read.map(|read| (key.to_owned(), read));
        }
        let (Some((_, key)), Some(signature)) = (&self.last, read_signature(signature)) else { return false };
        self.texts.push(Note::signed_text(self.origin, seq, hash));
        self.signatures.push(signature);
        self.keys.push(*key);
        self.texts.len() < BATCH || self.hold()
    }

    /// Whether all that were added since the last time hold.
    fn hold(&mut self) -> bool {
        let texts: Vec<&[u8]> = self.texts.iter().map(String::as_bytes).collect();
        let hold = ed25519_dalek::verify_batch(&texts, &self.signatures, &self.keys).is_ok();
        self.texts.clear();
        self.signatures.clear();
        self.keys.clear();
        hold
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::note;
    use super::*;

    /// Whether these checkpoints hold together: number, hash, key, signature.
    fn hold<'n>(
        origin: &str,
        trusted: &[String],
        all: impl IntoIterator<Item = (i64, &'n str, &'n str, &'n str)>,
    ) -> bool {
        let mut signatures = Signatures::new(origin, trusted);
        all.into_iter().all(|(seq, hash, key, signature)| signatures.add(seq, hash, key, signature))
            && signatures.hold()
    }

    #[test]
    fn many_signatures_are_checked_as_single_ones_are() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [one, two] = folders.each_ref().map(|folder| note(folder.path(), 7));
        let (a, b) = (
            (7, one.hash.as_str(), one.key.as_str(), one.signature.as_str()),
            (7, two.hash.as_str(), two.key.as_str(), two.signature.as_str()),
        );
        let ours = [one.key.clone()];
        assert!(hold("here", &[], []) && hold("here", &ours, [a, a]) && hold("here", &[], [a, b, b, a]));
        assert!(!hold("here", &ours, [a, b]) && !hold("there", &[], [a]));
        let wrong = [
            (8, a.1, a.2, a.3),
            (7, a.3, a.2, a.1),
            (7, a.1, "no key", a.3),
            (7, a.1, b.2, a.3),
            (7, a.1, a.2, b.3),
            (7, a.1, &"00".repeat(32), a.3),
            (7, a.1, a.2, &"ff".repeat(64)),
        ];
        for wrong in wrong {
            assert!(!hold("here", &[], [wrong]) && !hold("here", &[], [a, wrong, b]), "{wrong:?}");
        }
    }

    #[test]
    fn one_wrong_signature_among_many_is_found_wherever_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let count = BATCH as i64 + 3;
        let notes: Vec<Note> = (1..=count).map(|seq| note(folder.path(), seq)).collect();
        let with = |wrong: i64| {
            let all = notes.iter().map(|n| {
                let seq = if n.seq == wrong { 1000 + n.seq } else { n.seq };
                (seq, n.hash.as_str(), n.key.as_str(), n.signature.as_str())
            });
            hold("here", &[], all)
        };
        assert!(with(0));
        for wrong in [BATCH as i64, count] {
            assert!(!with(wrong), "{wrong}");
        }
    }
}
