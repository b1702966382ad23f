//! Where a run of lines stands in a file: every place, in linear time, and the nearest one when there is none.
//!
//! The first searches go over the text as it is; from then on lines are compared by number (equal lines get equal
//! numbers once) and looked up by their rarest line. All work is counted, and a search that would take too long is given
//! up rather than cut short in silence.

use std::borrow::Cow;
use std::collections::HashMap;

use super::lines::{Lined, trim_end};

/// Steps that one file may cost; a step is a compared line, or 64 bytes that are looked through.
const MAX_WORK: usize = 20_000_000;
/// Searches over the text before an index of it pays.
const PLAIN_SEARCHES: u32 = 4;
/// Places beyond this are counted by the index: a text that repeats itself is no case for a plain search.
const PLAIN_PLACES: usize = 64;

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
            Self::AnySpace => {
                let mut key = Vec::with_capacity(line.len());
                for word in line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
                    if !key.is_empty() {
                        key.push(b' ');
                    }
                    key.extend_from_slice(word);
                }
                Cow::Owned(key)
            }
        }
    }
}

/// The search was given up; see [`MAX_WORK`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GaveUp;

/// A file's lines, ready to be searched.
pub(super) struct Text<'a> {
    pub(super) lines: Lined<'a>,
    views: [View<'a>; 3],
    /// Steps that are left; see [`MAX_WORK`].
    left: usize,
}

/// The file as it is seen under one [`Sameness`].
#[derive(Default)]
struct View<'a> {
    searches: u32,
    index: Option<Index<'a>>,
}

#[derive(Default)]
struct Index<'a> {
    numbers: HashMap<Cow<'a, [u8]>, u32>,
    lines: Vec<u32>,
    /// By number: the lines that have it, in order.
    places: Vec<Vec<u32>>,
}

impl<'a> Text<'a> {
    pub(super) fn new(lines: Lined<'a>) -> Self {
        Self { lines, views: Default::default(), left: MAX_WORK }
    }

    /// Whether these lines stand at this place.
    pub(super) fn stands_at(&self, old: &[&[u8]], at: usize, same: Sameness) -> bool {
        let fits = at.checked_add(old.len()).is_some_and(|end| end <= self.lines.len());
        fits && self
            .lines
            .from(at)
            .zip(old)
            .all(|(a, b)| a == *b || (same != Sameness::Exact && same.key(a) == same.key(b)))
    }

    /// Every place where these lines stand, in order.
    ///
    /// # Errors
    /// [`GaveUp`] when the file has been searched too much.
    pub(super) fn find(&mut self, old: &[&[u8]], same: Sameness) -> Result<Vec<usize>, GaveUp> {
        // A patch may claim a last line of nothing, without a line end; no file has such a line.
        let impossible = same == Sameness::Exact && old.iter().any(|line| line.is_empty());
        if old.is_empty() || old.len() > self.lines.len() || impossible {
            return Ok(Vec::new());
        }
        self.spend(old.len())?;
        let view = &mut self.views[same as usize];
        view.searches = view.searches.saturating_add(1);
        if same == Sameness::Exact && view.index.is_none() && view.searches <= PLAIN_SEARCHES {
            self.spend(self.lines.bytes().len() / 64)?;
            if let Some(places) = plain(&self.lines, old) {
                return Ok(places);
            }
        }
        let index = self.index(same)?;
        let wanted: Option<Vec<u32>> =
            old.iter().map(|line| index.numbers.get(&same.key(line)).copied()).collect();
        let Some(wanted) = wanted else { return Ok(Vec::new()) };
        let (work, found) = index.find(&wanted);
        self.spend(work)?;
        Ok(found)
    }

    /// The place where most of these lines stand as they should, exactly or but for white space, and the index of
    /// the first one that does not. Without any evidence it is `fallback`.
    ///
    /// # Errors
    /// [`GaveUp`] when the file has been searched too much.
    pub(super) fn nearest(&mut self, old: &[&[u8]], fallback: usize) -> Result<(usize, usize), GaveUp> {
        let same = Sameness::AnySpace;
        self.spend(old.len())?;
        let index = self.index(same)?;
        let mut votes: HashMap<usize, u32> = HashMap::new();
        for (offset, line) in old.iter().enumerate() {
            let known = index.numbers.get(&same.key(line)).map(|number| &index.places[*number as usize]);
            // A line that stands everywhere (a lone brace, nothing) says nothing about the place.
            for at in known.filter(|known| known.len() <= 20).into_iter().flatten() {
                if let Some(start) = (*at as usize).checked_sub(offset) {
                    *votes.entry(start).or_default() += 1;
                }
            }
        }
        let best = votes
            .into_iter()
            .max_by_key(|(at, count)| (*count, std::cmp::Reverse(at.abs_diff(fallback)), *at));
        let at = best.map_or(fallback.min(self.lines.len()), |(at, _)| at);
        let differs = |offset: &usize| self.lines.get(at + offset) != old.get(*offset).copied();
        Ok((at, (0..old.len()).find(differs).unwrap_or(0)))
    }

    /// Counts work that is done on the lines elsewhere.
    ///
    /// # Errors
    /// [`GaveUp`] when that was too much.
    pub(super) fn spend(&mut self, work: usize) -> Result<(), GaveUp> {
        self.left = self.left.checked_sub(work).ok_or(GaveUp)?;
        Ok(())
    }

    fn index(&mut self, same: Sameness) -> Result<&Index<'a>, GaveUp> {
        if self.views[same as usize].index.is_none() {
            // Hashing a line is some ten times the work of comparing two numbers.
            self.spend(self.lines.len().saturating_mul(10))?;
        }
        let lines = &self.lines;
        Ok(self.views[same as usize].index.get_or_insert_with(|| Index::of(lines, same)))
    }
}

/// The places by a search over the bytes; none when there are too many to go through so.
fn plain(lines: &Lined<'_>, old: &[&[u8]]) -> Option<Vec<usize>> {
    let needle = old.concat();
    let finder = memchr::memmem::Finder::new(&needle);
    let (mut places, mut from, mut seen) = (Vec::new(), 0, 0);
    while let Some(at) = finder.find(&lines.bytes()[from..]).map(|at| from + at) {
        seen += 1;
        if seen > PLAIN_PLACES {
            return None;
        }
        // A run that begins or ends within a line is another text.
        let whole =
            lines.index_of(at).filter(|index| lines.range(*index..index + old.len()).len() == needle.len());
        places.extend(whole);
        from = at + 1;
    }
    Some(places)
}

impl<'a> Index<'a> {
    fn of(lines: &Lined<'a>, same: Sameness) -> Self {
        let mut index = Self::default();
        for (at, line) in lines.from(0).enumerate() {
            let next = u32::try_from(index.numbers.len()).unwrap_or(u32::MAX);
            let number = *index.numbers.entry(same.key(line)).or_insert(next);
            if number == next {
                index.places.push(Vec::new());
            }
            index.places[number as usize].push(u32::try_from(at).unwrap_or(u32::MAX));
            index.lines.push(number);
        }
        index
    }

    /// The places of these numbers and the work that it took: by the rarest line where it is rare, else by one pass.
    fn find(&self, wanted: &[u32]) -> (usize, Vec<usize>) {
        let rarest = (0..wanted.len()).min_by_key(|at| self.places[wanted[*at] as usize].len()).unwrap_or(0);
        let candidates = &self.places[wanted[rarest] as usize];
        if candidates.len().saturating_mul(wanted.len()) >= self.lines.len() {
            return (self.lines.len(), occurrences(wanted, &self.lines));
        }
        let stands = |start: &usize| self.lines[*start..].starts_with(wanted);
        let starts = candidates.iter().filter_map(|at| (*at as usize).checked_sub(rarest));
        (candidates.len() * wanted.len(), starts.filter(stands).collect())
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
        Text::new(Lined::new(lines.as_bytes()))
    }

    #[test]
    fn white_space_is_looked_at_as_asked() {
        let mut text = text("a  b\t\r\n\tc\n");
        let old: Vec<&[u8]> = vec![b"a b\n", b"    c\n"];
        assert_eq!(text.find(&old, Sameness::Exact), Ok(vec![]));
        assert_eq!(text.find(&old, Sameness::TrailingSpace), Ok(vec![]));
        assert_eq!(text.find(&old, Sameness::AnySpace), Ok(vec![0]));
        assert_eq!(text.find(&[b"a  b\n"], Sameness::TrailingSpace), Ok(vec![0]));
        assert_eq!(text.find(&[b"ab\n"], Sameness::AnySpace), Ok(vec![]));
    }

    #[test]
    fn the_nearest_place_is_where_most_lines_stand() {
        let mut text = text("x\ny\nbegin\nmiddle\nend\n");
        let old: Vec<&[u8]> = vec![b"begin\n", b"other\n", b"end\n"];
        assert_eq!(text.nearest(&old, 0), Ok((2, 1)));
        assert_eq!(text.nearest(&[b"nowhere\n"], 99), Ok((5, 0)));
    }

    #[test]
    fn a_run_within_a_line_is_no_place() {
        for searches in [1, 9] {
            let mut text = text("xa\nb\na\nb");
            for _ in 1..searches {
                assert_eq!(text.find(&[b"a\n", b"b"], Sameness::Exact), Ok(vec![2]));
            }
            assert_eq!(text.find(&[b"a\n", b"b\n"], Sameness::Exact), Ok(vec![]));
            assert_eq!(text.find(&[b"a\n"], Sameness::Exact), Ok(vec![2]));
            assert_eq!(text.find(&[b"b"], Sameness::Exact), Ok(vec![3]));
        }
    }

    #[test]
    fn a_line_of_nothing_stands_nowhere() {
        let mut text = text("a\n\nb");
        for searches in 1..=PLAIN_SEARCHES {
            for old in [vec![&b""[..]], vec![b"b", b""], vec![b"a\n", b""]] {
                assert_eq!(text.find(&old, Sameness::Exact), Ok(vec![]), "{searches}");
            }
        }
    }

    #[test]
    fn a_search_without_end_is_given_up() {
        let lines = "\n".repeat(1_000);
        let mut text = Text { left: 50_000, ..text(&lines) };
        let old: Vec<&[u8]> = vec![b"\n"; 50];
        // 15 strokes of bytes until a plain search is given up, 10,000 for the index, then 50 and a pass of 1,000 each.
        let given_up = (0..100).find(|_| text.find(&old, Sameness::Exact).is_err());
        assert_eq!(given_up, Some(38));
    }

    #[test]
    fn a_border_is_the_longest_beginning_that_is_also_the_end() {
        assert_eq!(borders(&[0, 0, 1, 0, 0, 0]), [0, 1, 0, 1, 2, 2]);
        assert_eq!(borders(&[0, 1, 0, 1, 1, 0]), [0, 0, 1, 2, 0, 1]);
    }

    proptest! {
        #[test]
        fn all_places_are_found(text in prop::collection::vec(0u32..3, 0..40), wanted in prop::collection::vec(0u32..3, 1..4)) {
            let naive: Vec<usize> = (0..text.len()).filter(|at| text[*at..].starts_with(&wanted)).collect();
            prop_assert_eq!(occurrences(&wanted, &text), naive);
        }

        #[test]
        fn all_ways_of_searching_find_the_same(
            file in prop::collection::vec(prop::sample::select(vec!["a\n", "b\n", "ab\n", "\n", "a \n"]), 0..60),
            wanted in prop::collection::vec(prop::sample::select(vec!["a\n", "b\n", "ab\n", "\n"]), 1..4),
        ) {
            let naive: Vec<usize> = (0..file.len()).filter(|at| file[*at..].starts_with(&wanted)).collect();
            let (file, old): (String, Vec<&[u8]>) = (file.concat(), wanted.iter().map(|line| line.as_bytes()).collect());
            let mut text = text(&file);
            for _ in 0..2 * PLAIN_SEARCHES {
                prop_assert_eq!(text.find(&old, Sameness::Exact), Ok(naive.clone()));
            }
        }
    }
}
