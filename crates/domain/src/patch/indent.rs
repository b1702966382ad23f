//! Hunks that were written at another depth than the code stands at: when every old line is off by the same
//! indentation, the added lines are off by it too, and in some languages a line at another depth is another program.

use std::borrow::Cow;

use super::lines::Lined;
use super::place::Placed;
use super::search::Sameness;
use super::{Hunk, LineKind};

/// What is done to the indentation of added lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shift {
    /// Nothing: the hunk fits, or its lines are not all off by the same.
    None,
    /// This goes in front.
    Deeper(Vec<u8>),
    /// This is taken off the front.
    Shallower(Vec<u8>),
}

impl Shift {
    /// The shift by which every old line that is not blank differs from the base.
    ///
    /// A single blank is no shift: it is the mark of a context line typed twice, and such lines say nothing about the
    /// added ones. A shift that some added line cannot take is none.
    pub(super) fn of(hunk: &Hunk, placed: &Placed, base: &Lined<'_>) -> Self {
        if placed.same != Sameness::AnySpace {
            return Self::None;
        }
        let there = base.from(placed.at);
        let old = hunk.old_lines().skip(placed.trim.0).map(|line| line.text.as_slice());
        let mut pairs =
            old.zip(there).filter(|(line, _)| !super::lines::is_blank(line)).map(|(a, b)| between(a, b));
        let Some(first) = pairs.next().filter(Self::is_wide) else { return Self::None };
        let same = pairs.all(|shift| shift == first);
        let mut added = hunk.lines.iter().filter(|line| line.kind == LineKind::Add);
        if same && added.all(|line| first.fits(&line.text)) { first } else { Self::None }
    }

    fn is_wide(&self) -> bool {
        match self {
            Self::None => false,
            Self::Deeper(indent) | Self::Shallower(indent) => indent.len() >= 2 || indent == b"\t",
        }
    }

    fn fits(&self, line: &[u8]) -> bool {
        match self {
            Self::Shallower(indent) => super::lines::is_blank(line) || line.starts_with(indent),
            Self::None | Self::Deeper(_) => true,
        }
    }

    /// The line at its new depth; blank lines stay as they are.
    pub(super) fn apply<'l>(&self, line: &'l [u8]) -> Cow<'l, [u8]> {
        match self {
            Self::Deeper(indent) if !super::lines::is_blank(line) => Cow::Owned([indent, line].concat()),
            Self::Shallower(indent) => Cow::Borrowed(line.strip_prefix(indent.as_slice()).unwrap_or(line)),
            Self::None | Self::Deeper(_) => Cow::Borrowed(line),
        }
    }
}

/// How the base's line is indented against the hunk's.
fn between(line: &[u8], base: &[u8]) -> Shift {
    let (line, base) = (indent(line), indent(base));
    match (base.strip_suffix(line), line.strip_suffix(base)) {
        (Some(b""), _) | (None, None) => Shift::None,
        (Some(more), _) => Shift::Deeper(more.to_vec()),
        (None, Some(less)) => Shift::Shallower(less.to_vec()),
    }
}

fn indent(line: &[u8]) -> &[u8] {
    let end = line.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
    &line[..end]
}
