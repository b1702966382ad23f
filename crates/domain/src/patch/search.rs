//! Where a run of lines stands in a file: every place, in linear time, and the nearest one when there is none.
//!
//! Lines are compared by number: equal lines get equal numbers once, so that a search compares integers. All work
//! is counted, and a search that would take too long is given up rather than cut short in silence.

use std::borrow::Cow;
use std::collections::HashMap;

use super::lines::trim_end;

/// Comparisons that one file may cost: a 100,000-line file can be searched for some 400 hunks that all moved.
const MAX_WORK: usize = 40_000_000;

/// What counts as the same line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sameness {
    /// Every byte.
    Exact,
    /// White space at the end is not looked at, line ends neither.
    TrailingSpace,
    /// Runs of white space count as one blank, at both ends as none.
    AnySpace,
}

impl Sameness {
    /// The part of a line that is compared.
    pub(super) fn key(self, line: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Self::Exact => Cow::Borrowed(line),
            Self::TrailingSpace => Cow::Borrowed(trim_end(line).trim_ascii_end()),
            Self::AnySpace => Cow::Owned(
                line.split(u8::is_ascii_whitespace)
                    .filter(|word| !word.is_empty())
                    .collect::<Vec<_>>()
                    .join(&b' '),
            ),
        }
    }
}

/// The search was given up; see [`MAX_WORK`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GaveUp;

/// A file's lines, ready to be searched.
pub(super) struct Text<'a> {
    pub(super) lines: Vec<&'a [u8]>,
    views: [Option<View<'a>>; 3],
    work: usize,
}

#[derive(Default)]
struct View<'a> {
    numbers: HashMap<Cow<'a, [u8]>, u32>,
    lines: Vec<u32>,
}

impl<'a> Text<'a> {
    pub(super) fn new(lines: Vec<&'a [u8]>) -> Self {
        Self { lines, views: [None, None, None], work: 0 }
    }

    /// Whether these lines stand at this place.
    pub(super) fn stands_at(&self, old: &[&[u8]], at: usize, same: Sameness) -> bool {
        let Some(there) = at.checked_add(old.len()).and_then(|end| self.lines.get(at..end)) else {
            return false;
        };
        there.iter().zip(old).all(|(a, b)| a == b || (same != Sameness::Exact && same.key(a) == same.key(b)))
    }

    /// Every place where these lines stand, in order.
    ///
    /// # Errors
    /// [`GaveUp`] when the file has been searched too much.
    pub(super) fn find(&mut self, old: &[&[u8]], same: Sameness) -> Result<Vec<usize>, GaveUp> {
        self.spend(old.len())?;
        let view = self.view(same);
        let wanted: Option<Vec<u32>> =
            old.iter().map(|line| view.numbers.get(&same.key(line)).copied()).collect();
        let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else { return Ok(Vec::new()) };
        self.spend(self.lines.len())?;
        Ok(occurrences(&wanted, &self.view(same).lines))
    }

    /// The place where most of these lines stand as they should, exactly or but for white space, and the index of
    /// the first one that does not. Without any evidence it is `fallback`.
    pub(super) fn nearest(&mut self, old: &[&[u8]], fallback: usize) -> (usize, usize) {
        let same = Sameness::AnySpace;
        let view = self.view(same);
        let mut places: HashMap<u32, Vec<usize>> = HashMap::new();
        for (at, number) in view.lines.iter().enumerate() {
            let known = places.entry(*number).or_default();
            if known.len() <= 20 {
                known.push(at);
            }
        }
        let mut votes: HashMap<usize, u32> = HashMap::new();
        for (index, line) in old.iter().enumerate() {
            let known = view.numbers.get(&same.key(line)).and_then(|number| places.get(number));
            // A line that stands everywhere (a lone brace, nothing) says nothing about the place.
            for at in known.filter(|known| known.len() <= 20).into_iter().flatten() {
                if let Some(start) = at.checked_sub(index) {
                    *votes.entry(start).or_default() += 1;
                }
            }
        }
        let best = votes
            .into_iter()
            .max_by_key(|(at, count)| (*count, std::cmp::Reverse(at.abs_diff(fallback)), *at));
        let at = best.map_or(fallback.min(self.lines.len()), |(at, _)| at);
        let differs = |index: &usize| self.lines.get(at + index) != old.get(*index);
        (at, (0..old.len()).find(differs).unwrap_or(0))
    }

    /// Counts work that is done on the lines elsewhere.
    ///
    /// # Errors
    /// [`GaveUp`] when that was too much.
    pub(super) fn spend(&mut self, work: usize) -> Result<(), GaveUp> {
        self.work = self.work.saturating_add(work);
        if self.work > MAX_WORK { Err(GaveUp) } else { Ok(()) }
    }

    fn view(&mut self, same: Sameness) -> &View<'a> {
        let lines = &self.lines;
        self.views[same as usize].get_or_insert_with(|| {
            let mut view = View::default();
            for line in lines {
                let next = u32::try_from(view.numbers.len()).unwrap_or(u32::MAX);
                let number = *view.numbers.entry(same.key(line)).or_insert(next);
                view.lines.push(number);
            }
            view
        })
    }
}

/// All occurrences, overlapping ones too, by the method of Knuth, Morris and Pratt.
fn occurrences(wanted: &[u32], text: &[u32]) -> Vec<usize> {
    let fallback = borders(wanted);
    let mut found = Vec::new();
    let mut matched = 0;
    for (at, number) in text.iter().enumerate() {
        while matched > 0 && (matched == wanted.len() || wanted[matched] != *number) {
            matched = fallback[matched - 1];
        }
        if wanted[matched] == *number {
            matched += 1;
        }
        if matched == wanted.len() {
            found.push(at + 1 - matched);
        }
    }
    found
}

/// For each prefix the length of its longest proper part that is both its beginning and its end.
fn borders(wanted: &[u32]) -> Vec<usize> {
    let mut borders = vec![0; wanted.len()];
    let mut length = 0;
    for at in 1..wanted.len() {
        while length > 0 && wanted[length] != wanted[at] {
            length = borders[length - 1];
        }
        if wanted[length] == wanted[at] {
            length += 1;
        }
        borders[at] = length;
    }
    borders
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(lines: &str) -> Text<'_> {
        Text::new(super::super::lines::split(lines.as_bytes()))
    }

    #[test]
    fn white_space_is_looked_at_as_asked() {
        let mut text = text("a  b\t\r\n\tc\n");
        let old: Vec<&[u8]> = vec![b"a b\n", b"    c\n"];
        assert_eq!(text.find(&old, Sameness::Exact), Ok(vec![]));
        assert_eq!(text.find(&old, Sameness::TrailingSpace), Ok(vec![]));
        assert_eq!(text.find(&old, Sameness::AnySpace), Ok(vec![0]));
        assert_eq!(text.find(&[b"a  b\n"], Sameness::TrailingSpace), Ok(vec![0]));
    }

    #[test]
    fn the_nearest_place_is_where_most_lines_stand() {
        let mut text = text("x\ny\nbegin\nmiddle\nend\n");
        let old: Vec<&[u8]> = vec![b"begin\n", b"other\n", b"end\n"];
        assert_eq!(text.nearest(&old, 0), (2, 1));
        assert_eq!(text.nearest(&[b"nowhere\n"], 99), (5, 0));
    }

    #[test]
    fn a_search_without_end_is_given_up() {
        let lines = "\n".repeat(100_000);
        let mut text = text(&lines);
        let old: Vec<&[u8]> = vec![b"\n"; 50];
        let given_up = (0..1_000).find(|_| text.find(&old, Sameness::Exact).is_err());
        assert!(given_up.is_some());
    }

    proptest! {
        #[test]
        fn all_places_are_found(text in prop::collection::vec(0u32..3, 0..40), wanted in prop::collection::vec(0u32..3, 1..4)) {
            let naive: Vec<usize> = (0..text.len()).filter(|at| text[*at..].starts_with(&wanted)).collect();
            prop_assert_eq!(occurrences(&wanted, &text), naive);
        }
    }
}
