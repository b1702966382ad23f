//! A patch's text as numbered lines, with a look ahead. Only LF ends a line: CR, form feed and the Unicode
//! separators are content.

/// A cursor over lines; copying it is how the reader comes back to a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines<'a> {
    rest: &'a [u8],
    number: u32,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { rest: text, number: 1 }
    }

    /// The number of the line that comes next, from 1.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// The next line with its line end; none at the end of the text.
    pub(super) fn peek(&self) -> Option<&'a [u8]> {
        first_line(self.rest)
    }

    /// The line after the next one.
    pub(super) fn peek_second(&self) -> Option<&'a [u8]> {
        first_line(&self.rest[self.peek()?.len()..])
    }

    /// Takes the next line.
    pub(super) fn take(&mut self) -> Option<&'a [u8]> {
        let line = self.peek()?;
        self.rest = &self.rest[line.len()..];
        self.number = self.number.saturating_add(1);
        Some(line)
    }
}

fn first_line(text: &[u8]) -> Option<&[u8]> {
    if text.is_empty() {
        return None;
    }
    let end = memchr::memchr(b'\n', text).map_or(text.len(), |at| at + 1);
    Some(&text[..end])
}

/// A line without its LF or CR LF.
pub(super) fn trim_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The line with a line end: the patch's own last line may have lost its, and only a marker says that the file has
/// none.
pub(super) fn ended(text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    if text.last() != Some(&b'\n') {
        text.push(b'\n');
    }
    text
}

/// The lines of a file, each with its line end.
pub(super) fn split(text: &[u8]) -> Vec<&[u8]> {
    let mut start = 0;
    let mut lines = Vec::new();
    for end in memchr::memchr_iter(b'\n', text).map(|at| at + 1) {
        lines.push(&text[start..end]);
        start = end;
    }
    if start < text.len() {
        lines.push(&text[start..]);
    }
    lines
}

/// A text with the places where its lines begin: lines by their index, stretches of lines as one piece.
#[derive(Debug, Clone, Default)]
pub(super) struct Lined<'a> {
    bytes: &'a [u8],
    /// Where each line begins, and last where the text ends.
    starts: Vec<usize>,
}

impl<'a> Lined<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        // Growing step by step would copy the list again and again; a page that is not used costs nothing.
        let mut starts = Vec::with_capacity(bytes.len() / 12 + 2);
        starts.push(0);
        behind_ends(bytes, &mut starts);
        if bytes.last().is_some_and(|byte| *byte != b'\n') {
            starts.push(bytes.len());
        }
        Self { bytes, starts }
    }

    /// How many lines there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// A line with its line end.
    pub(super) fn get(&self, index: usize) -> Option<&'a [u8]> {
        let (start, end) = (self.starts.get(index)?, self.starts.get(index + 1)?);
        Some(&self.bytes[*start..*end])
    }

    /// The lines of this range as one piece; what is past the end is left out.
    pub(super) fn range(&self, range: std::ops::Range<usize>) -> &'a [u8] {
        let last = self.len();
        &self.bytes[self.starts[range.start.min(last)]..self.starts[range.end.min(last)]]
    }

    /// The lines from this one on.
    pub(super) fn from(&self, index: usize) -> impl Iterator<Item = &'a [u8]> {
        let bytes = self.bytes;
        let starts = self.starts.get(index..).unwrap_or_default();
        starts.windows(2).map(move |pair| &bytes[pair[0]..pair[1]])
    }

    /// The whole text.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The index of the line that begins at this byte; none when none does.
    pub(super) fn index_of(&self, start: usize) -> Option<usize> {
        self.starts.binary_search(&start).ok()
    }
}

/// Adds the places behind each line end to `starts`, eight bytes at a time: with lines as short as those of code, searching
/// for one after the other (memchr) took twice as long.
fn behind_ends(bytes: &[u8], starts: &mut Vec<usize>) {
    const ENDS: u64 = u64::from_ne_bytes([b'\n'; 8]);
    const LOW: u64 = u64::from_ne_bytes([0x7f; 8]);
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        // A line end becomes a zero byte, and of each byte the highest bit is left if it is one: Hacker's Delight, 6-1.
        let word = u64::from_le_bytes(*word) ^ ENDS;
        let mut found = !((word & LOW).wrapping_add(LOW) | word | LOW);
        while found != 0 {
            starts.push(index * 8 + found.trailing_zeros() as usize / 8 + 1);
            found &= found - 1;
        }
    }
    let behind = words.len() * 8;
    let rest = rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    starts.extend(rest.map(|(index, _)| behind + index + 1));
}

/// Whether there is nothing but white space.
pub(super) fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

/// Whether a section begins here: `diff --git`, or a `---` line followed by a `+++` line.
pub(super) fn starts_section(lines: &Lines<'_>) -> bool {
    let Some(line) = lines.peek() else { return false };
    line.starts_with(b"diff --git ")
        || (line.starts_with(b"--- ") && lines.peek_second().is_some_and(|next| next.starts_with(b"+++ ")))
}

/// Whether this is the `-- ` line with which a mail's signature begins.
pub(super) fn is_signature(line: &[u8]) -> bool {
    trim_end(line) == b"-- "
}

/// Whether this is a markdown fence.
pub(super) fn is_fence(line: &[u8]) -> bool {
    line.starts_with(b"```") || line.starts_with(b"~~~")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_line_end_is_found_and_nothing_else(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(0x8a), Just(0x0b), Just(0), any::<u8>()], 0..80)
        ) {
            let mut starts = Vec::new();
            behind_ends(&bytes, &mut starts);
            let plain = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
            prop_assert_eq!(starts, plain.collect::<Vec<_>>());
        }
    }
}
