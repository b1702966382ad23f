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
        if old.len() + new.len() <= MAX_STRETCH {
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

    /// Two sides, each given as runs of one line.
    fn sides<'a>(old: &[(&'a str, usize)], new: &[(&'a str, usize)]) -> [Vec<&'a [u8]>; 2] {
        [old, new].map(|runs| {
            runs.iter().flat_map(|(line, count)| std::iter::repeat_n(line.as_bytes(), *count)).collect()
        })
    }

    fn ranges(found: Vec<Change>) -> Vec<(Range<usize>, Range<usize>)> {
        found.into_iter().map(|change| (change.old, change.new)).collect()
    }

    #[test]
    fn what_is_long_and_has_no_line_in_common_but_unique_ones_is_split_by_them() {
        let [old, new] = sides(
            &[("x", 1), ("r", 1_500), ("once", 1), ("r", 1_500), ("y", 1), ("s", 2)],
            &[("z", 1), ("r", 1_500), ("once", 1), ("r", 1_500), ("w", 2), ("s", 2)],
        );
        assert_eq!(ranges(changes(&old, &new)), [(0..1, 0..1), (3_002..3_003, 3_002..3_004)]);
        let [old, new] = sides(
            &[("x", 1), ("once", 1), ("r", 1_500), ("y", 1), ("r", 1), ("v", 1)],
            &[("z", 1), ("once", 1), ("r", 1_500), ("w", 2), ("r", 1), ("u", 1)],
        );
        assert_eq!(
            ranges(changes(&old, &new)),
            [(0..1, 0..1), (1_502..1_503, 1_502..1_504), (1_504..1_505, 1_505..1_506)]
        );
    }

    #[test]
    fn what_is_short_is_compared_line_by_line_though_nothing_in_it_is_unique() {
        let [old, new] = sides(&[("x", 1), ("r", 1_000), ("x", 1)], &[("z", 1), ("r", 1_000), ("z", 1)]);
        assert_eq!(ranges(changes(&old, &new)), [(0..1, 0..1), (1_001..1_002, 1_001..1_002)]);
        let [old, new] = sides(&[("x", 1), ("r", 1_022), ("x", 1)], &[("z", 1), ("r", 1_022), ("z", 1)]);
        assert_eq!(changes(&old, &new).len(), 2);
        let [old, new] = sides(&[("x", 1), ("r", 1_023), ("x", 1)], &[("z", 1), ("r", 1_023), ("z", 1)]);
        assert_eq!(ranges(changes(&old, &new)), [(0..1_025, 0..1_025)]);
    }

    #[test]
    fn a_long_stretch_is_split_again_only_as_often_as_asked() {
        let half = |line| [(line, 700), ("twice", 1), (line, 700)];
        let whole = |line| [&half(line)[..], &[("once", 1)], &half(line)].concat();
        let mut numbers = HashMap::new();
        let [old, new] = sides(&whole("a"), &whole("b")).map(|side| numbered(&side, &mut numbers));
        for (depth, stretches) in [(0, 1), (1, 2), (2, 4)] {
            let mut differ = Differ { old: &old, new: &new, found: Vec::new() };
            differ.compare(0..old.len(), 0..new.len(), depth);
            assert_eq!(differ.found.len(), stretches, "{depth}");
        }
    }

    #[test]
    fn as_many_pairs_as_can_keep_their_order() {
        let pairs = [(0, 2), (1, 0), (2, 1), (3, 5), (4, 3), (5, 4)];
        assert_eq!(longest_rising(&pairs), [(1, 0), (2, 1), (4, 3), (5, 4)]);
    }

    #[test]
    fn only_stretches_that_touch_on_both_sides_are_joined() {
        let change = |old: Range<usize>, new: Range<usize>| Change { old, new };
        let found = vec![change(0..1, 0..1), change(1..2, 1..1), change(2..3, 4..5), change(7..7, 5..6)];
        assert_eq!(ranges(join(found)), [(0..2, 0..1), (2..3, 4..5), (7..7, 5..6)]);
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
