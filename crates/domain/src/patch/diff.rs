//! The lines in which two texts differ. Deterministic and bounded: no clock decides how good the answer is.
//!
//! Equal ends are cut off. What is left goes through Myers' algorithm when it is short; when it is long, lines that
//! stand once on each side split it first (as in patience diff), and a stretch that still is long is replaced whole.

use std::collections::HashMap;
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Lines of both sides together that Myers' algorithm may look at: its cost grows with their square.
const MAX_STRETCH: usize = 2_048;
/// How often a long stretch may be split again by lines that have become unique in it.
const MAX_DEPTH: u32 = 6;

/// A stretch of the old lines that is replaced by a stretch of the new ones; either may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

/// The changed stretches, in order and apart from each other.
pub(super) fn changes(old: &[&[u8]], new: &[&[u8]]) -> Vec<Change> {
    // Most files change in one place: their equal ends are left out before anything is hashed.
    let front = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[front..], &new[front..]);
    let back = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[..old.len() - back], &new[..new.len() - back]);
    let mut numbers: HashMap<&[u8], u32> = HashMap::new();
    let (old, new) = (numbered(old, &mut numbers), numbered(new, &mut numbers));
    let mut differ = Differ { old: &old, new: &new, found: Vec::new() };
    differ.compare(0..old.len(), 0..new.len(), MAX_DEPTH);
    let shift = |range: Range<usize>| range.start + front..range.end + front;
    join(differ.found)
        .into_iter()
        .map(|change| Change { old: shift(change.old), new: shift(change.new) })
        .collect()
}

fn numbered<'a>(lines: &[&'a [u8]], numbers: &mut HashMap<&'a [u8], u32>) -> Vec<u32> {
    let mut number = |line: &&'a [u8]| {
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        *numbers.entry(line).or_insert(next)
    };
    lines.iter().map(&mut number).collect()
}

struct Differ<'a> {
    old: &'a [u32],
    new: &'a [u32],
    found: Vec<Change>,
}

impl Differ<'_> {
    fn compare(&mut self, old: Range<usize>, new: Range<usize>, depth: u32) {
        let (old, new) = self.without_equal_ends(old, new);
        if old.is_empty() || new.is_empty() {
            self.push(old, new);
        } else if old.len() + new.len() <= MAX_STRETCH {
            self.myers(old, new);
        } else {
            let anchors = if depth == 0 { Vec::new() } else { self.anchors(old.clone(), new.clone()) };
            if anchors.is_empty() {
                self.push(old, new);
                return;
            }
            let (mut from_old, mut from_new) = (old.start, new.start);
            for (at_old, at_new) in anchors {
                self.compare(from_old..at_old, from_new..at_new, depth - 1);
                (from_old, from_new) = (at_old + 1, at_new + 1);
            }
            self.compare(from_old..old.end, from_new..new.end, depth - 1);
        }
    }

    fn without_equal_ends(
        &self,
        mut old: Range<usize>,
        mut new: Range<usize>,
    ) -> (Range<usize>, Range<usize>) {
        let pairs = |a: &[u32], b: &[u32]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
        let front = pairs(&self.old[old.clone()], &self.new[new.clone()]);
        (old.start, new.start) = (old.start + front, new.start + front);
        let back = self.old[old.clone()].iter().rev().zip(self.new[new.clone()].iter().rev());
        let back = back.take_while(|(a, b)| a == b).count();
        (old.end, new.end) = (old.end - back, new.end - back);
        (old, new)
    }

    fn myers(&mut self, old: Range<usize>, new: Range<usize>) {
        let ops = capture_diff_slices(Algorithm::Myers, &self.old[old.clone()], &self.new[new.clone()]);
        for op in ops {
            if !matches!(op, DiffOp::Equal { .. }) {
                let shift = |range: Range<usize>, by: usize| range.start + by..range.end + by;
                self.push(shift(op.old_range(), old.start), shift(op.new_range(), new.start));
            }
        }
    }

    /// Pairs of equal lines that stand once on each side, as many as keep their order on both.
    fn anchors(&self, old: Range<usize>, new: Range<usize>) -> Vec<(usize, usize)> {
        let mut seen: HashMap<u32, (u32, usize, u32, usize)> = HashMap::new();
        for at in old {
            let entry = seen.entry(self.old[at]).or_default();
            (entry.0, entry.1) = (entry.0 + 1, at);
        }
        for at in new {
            let entry = seen.entry(self.new[at]).or_default();
            (entry.2, entry.3) = (entry.2 + 1, at);
        }
        let once = |(count_old, at_old, count_new, at_new): (u32, usize, u32, usize)| {
            (count_old == 1 && count_new == 1).then_some((at_old, at_new))
        };
        let mut pairs: Vec<(usize, usize)> = seen.into_values().filter_map(once).collect();
        pairs.sort_unstable();
        longest_rising(&pairs)
    }

    fn push(&mut self, old: Range<usize>, new: Range<usize>) {
        if !old.is_empty() || !new.is_empty() {
            self.found.push(Change { old, new });
        }
    }
}

/// The longest run of pairs whose second parts rise, by patience sorting.
fn longest_rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut tops: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (index, pair) in pairs.iter().enumerate() {
        let pile = tops.partition_point(|top| pairs[*top].1 < pair.1);
        before.push(pile.checked_sub(1).map(|left| tops[left]));
        if pile == tops.len() { tops.push(index) } else { tops[pile] = index }
    }
    let mut run: Vec<(usize, usize)> = std::iter::successors(tops.last().copied(), |index| before[*index])
        .map(|index| pairs[index])
        .collect();
    run.reverse();
    run
}

/// Joins stretches that touch.
fn join(found: Vec<Change>) -> Vec<Change> {
    let mut joined: Vec<Change> = Vec::new();
    for change in found {
        match joined
            .last_mut()
            .filter(|last| last.old.end == change.old.start && last.new.end == change.new.start)
        {
            Some(last) => (last.old.end, last.new.end) = (change.old.end, change.new.end),
            None => joined.push(change),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rebuilt<'a>(old: &[&'a [u8]], new: &[&'a [u8]]) -> Vec<&'a [u8]> {
        let mut out = Vec::new();
        let mut at = 0;
        for change in changes(old, new) {
            out.extend_from_slice(&old[at..change.old.start]);
            out.extend_from_slice(&new[change.new.clone()]);
            at = change.old.end;
        }
        out.extend_from_slice(&old[at..]);
        out
    }

    #[test]
    fn two_edits_far_apart_in_a_long_file_are_two_changes() {
        let old: Vec<String> = (0..5_000).map(|n| format!("line {n}\n")).collect();
        let mut new = old.clone();
        new[10] = "changed\n".to_owned();
        new.remove(4_000);
        let (old, new): (Vec<&[u8]>, Vec<&[u8]>) =
            (old.iter().map(|l| l.as_bytes()).collect(), new.iter().map(|l| l.as_bytes()).collect());
        let found = changes(&old, &new);
        assert_eq!(
            found,
            [Change { old: 10..11, new: 10..11 }, Change { old: 4_000..4_001, new: 4_000..4_000 }]
        );
    }

    #[test]
    fn a_long_text_that_only_repeats_itself_ends_soon_and_right() {
        let old: Vec<&[u8]> = (0..30_000).map(|n| if n % 3 == 0 { &b"a"[..] } else { b"b" }).collect();
        let new: Vec<&[u8]> = (0..30_000).map(|n| if n % 5 == 0 { &b"a"[..] } else { b"b" }).collect();
        assert_eq!(rebuilt(&old, &new), new);
    }

    proptest! {
        #[test]
        fn the_changes_make_the_new_text_of_the_old_one(
            old in prop::collection::vec(prop::sample::select(vec![&b"a"[..], b"b", b"c", b"d"]), 0..60),
            new in prop::collection::vec(prop::sample::select(vec![&b"a"[..], b"b", b"c", b"d"]), 0..60),
        ) {
            prop_assert_eq!(rebuilt(&old, &new), new);
        }
    }
}
