//! The chain of hashes out of entries in any order: pieces without a gap that grow together. Exact, and small where the
//! order is nearly that of the journal.

use std::collections::BTreeMap;

use crate::chain::Link;

/// With more pieces than this it is cheaper to ask the database for the chain in its order.
const PIECES: usize = 50_000;

/// Entries with consecutive numbers, each going on from the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    /// What the first entry goes on from, and its time.
    prev: String,
    begins: i64,
    /// The last entry's number, hash and time.
    last: i64,
    hash: String,
    ends: i64,
}

/// The pieces of a chain, by the number of each one's first entry.
#[derive(Debug, Default)]
pub(super) struct Stretches {
    pieces: BTreeMap<i64, Piece>,
    /// Entries whose time is before that of the one before them.
    back: i64,
    /// Whether all entries that met went on from each other, and there were never too many pieces.
    broken: bool,
}

/// A whole chain.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whole {
    /// How many entries; the number of the last one.
    pub(super) entries: i64,
    /// The last one's hash; `None` when there is no entry.
    pub(super) hash: Option<String>,
    /// How many have a time before that of the one before.
    pub(super) back: i64,
}

impl Stretches {
    /// Of some entries, each with the hash that is stored with it.
    pub(super) fn of(entries: &mut [(Link<'_>, &str)]) -> Self {
        entries.sort_unstable_by_key(|(link, _)| link.seq);
        let mut all = Self::default();
        let mut open: Option<(i64, Piece)> = None;
        for (link, hash) in entries.iter() {
            match &mut open {
                Some((_, piece)) if piece.last.checked_add(1) == Some(link.seq) => {
                    all.broken |= piece.hash != link.prev;
                    all.back += i64::from(link.at < piece.ends);
                    (piece.last, piece.ends) = (link.seq, link.at);
                    piece.hash.clear();
                    piece.hash.push_str(hash);
                }
                _ => {
                    let piece = Piece {
                        prev: link.prev.to_owned(),
                        begins: link.at,
                        last: link.seq,
                        hash: (*hash).to_owned(),
                        ends: link.at,
                    };
                    if let Some((first, piece)) = open.replace((link.seq, piece)) {
                        all.put(first, piece);
                    }
                }
            }
        }
        if let Some((first, piece)) = open {
            all.put(first, piece);
        }
        all
    }

    /// Takes in the pieces of other entries.
    pub(super) fn join(&mut self, other: Self) {
        self.broken |= other.broken;
        self.back += other.back;
        for (first, piece) in other.pieces {
            self.add(first, piece);
        }
        if self.pieces.len() > PIECES {
            self.broken = true;
        }
        if self.broken {
            self.pieces.clear();
        }
    }

    fn add(&mut self, mut first: i64, mut piece: Piece) {
        if let Some(next) = piece.last.checked_add(1).and_then(|next| self.pieces.remove(&next)) {
            self.meet(&piece, &next);
            (piece.last, piece.hash, piece.ends) = (next.last, next.hash, next.ends);
        }
        let before = self.pieces.range(..first).next_back();
        if let Some(start) =
            before.filter(|(_, b)| b.last.checked_add(1) == Some(first)).map(|(start, _)| *start)
            && let Some(before) = self.pieces.remove(&start)
        {
            self.meet(&before, &piece);
            (piece.prev, piece.begins) = (before.prev, before.begins);
            first = start;
        }
        self.put(first, piece);
    }

    fn meet(&mut self, before: &Piece, after: &Piece) {
        self.broken |= before.hash != after.prev;
        self.back += i64::from(after.begins < before.ends);
    }

    /// Two entries cannot have one number: what the database says twice is broken.
    fn put(&mut self, first: i64, piece: Piece) {
        let overlaps = self.pieces.range(..=piece.last).next_back().is_some_and(|(_, b)| b.last >= first);
        self.broken |= overlaps || self.pieces.insert(first, piece).is_some();
    }

    /// The chain, when all of it is one piece from entry 1 that begins with this hash.
    pub(super) fn whole(self, genesis: &str) -> Option<Whole> {
        if self.broken {
            return None;
        }
        let mut pieces = self.pieces.into_iter();
        match (pieces.next(), pieces.next()) {
            (None, _) => Some(Whole { entries: 0, hash: None, back: 0 }),
            (Some((1, piece)), None) if piece.prev == genesis => {
                Some(Whole { entries: piece.last, hash: Some(piece.hash), back: self.back })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry whose hash is its number, as is that of the one before.
    fn entry(seq: i64, at: i64, texts: &[String]) -> (Link<'_>, &str) {
        let link = Link {
            seq,
            intent: "i",
            version: 1,
            at,
            name: "n",
            format: 1,
            body: b"{}",
            attached: "",
            prev: &texts[seq as usize - 1],
        };
        (link, &texts[seq as usize])
    }

    fn joined(groups: &[&[i64]], at: impl Fn(i64) -> i64, texts: &[String]) -> Option<Whole> {
        let mut all = Stretches::default();
        for group in groups {
            let mut entries: Vec<_> = group.iter().map(|seq| entry(*seq, at(*seq), texts)).collect();
            all.join(Stretches::of(&mut entries));
        }
        all.whole("0")
    }

    fn texts() -> Vec<String> {
        (0..=9).map(|n: i64| n.to_string()).collect()
    }

    #[test]
    fn entries_in_any_order_make_one_chain_and_count_the_times_that_go_back() {
        let orders: [&[&[i64]]; 4] = [
            &[&[1, 2, 3, 4, 5, 6]],
            &[&[6, 2], &[4], &[5, 1, 3]],
            &[&[1], &[3], &[5], &[2, 4, 6]],
            &[&[2, 4, 6], &[5, 3, 1]],
        ];
        for order in orders {
            // 1, 2, 3, 0, 1, 2: once back, from the third to the fourth.
            let at = |seq: i64| if seq < 4 { seq } else { seq - 4 };
            let whole = Whole { entries: 6, hash: Some("6".to_owned()), back: 1 };
            assert_eq!(joined(order, at, &texts()), Some(whole), "{order:?}");
        }
        let none = Whole { entries: 0, hash: None, back: 0 };
        assert_eq!(joined(&[], |seq| seq, &texts()), Some(none));
    }

    #[test]
    fn a_gap_a_wrong_link_and_a_number_twice_are_no_chain() {
        for order in [
            &[&[1_i64, 2, 4][..]][..],
            &[&[2, 3]],
            &[&[1, 2], &[2, 3]],
            &[&[1, 2, 3], &[2]],
            &[&[1, 1]],
            &[&[1], &[3]],
        ] {
            assert_eq!(joined(order, |seq| seq, &texts()), None, "{order:?}");
        }
        for wrong in 1..6 {
            for order in
                [&[&[1_i64, 2, 3, 4, 5, 6][..]][..], &[&[1, 3, 5], &[2, 4, 6]], &[&[6, 5, 4], &[3, 2, 1]]]
            {
                let texts = texts();
                let mut all = Stretches::default();
                for group in order {
                    let mut entries: Vec<_> = group.iter().map(|seq| entry(*seq, *seq, &texts)).collect();
                    for (link, _) in &mut entries {
                        if link.seq == wrong {
                            link.prev = "another";
                        }
                    }
                    all.join(Stretches::of(&mut entries));
                }
                assert_eq!(all.whole("0"), None, "{wrong} {order:?}");
            }
        }
    }
}
