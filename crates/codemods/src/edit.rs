//! Replacements of byte ranges, and the habits of a file (line ending, indentation) that inserted text keeps.

use std::ops::Range;

/// A replacement of the bytes in `range` (half open, on character boundaries) by `text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The bytes that go; empty for an insertion.
    pub range: Range<usize>,
    /// What comes instead.
    pub text: String,
}

impl Edit {
    pub(crate) fn replace(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { range, text: text.into() }
    }

    pub(crate) fn insert(at: usize, text: impl Into<String>) -> Self {
        Self::replace(at..at, text)
    }
}

/// The text with all edits made; `None` when two of them overlap or one is outside of the text.
pub(crate) fn apply(text: &str, edits: &[Edit]) -> Option<String> {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut result = String::with_capacity(text.len() + edits.iter().map(|e| e.text.len()).sum::<usize>());
    let mut done = 0;
    for edit in sorted {
        result.push_str(text.get(done..edit.range.start)?);
        result.push_str(&edit.text);
        done = edit.range.end;
    }
    result.push_str(text.get(done..)?);
    Some(result)
}

/// The line ending of the file's first line; a line feed when it has none.
pub(crate) fn newline(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// The white space at the start of the line that holds `offset`.
pub(crate) fn indent_at(text: &str, offset: usize) -> &str {
    let start = line_start(text, offset);
    let line = &text[start..];
    &line[..line.len() - line.trim_start_matches([' ', '\t', '\u{c}']).len()]
}

/// The offset at which the line that holds `offset` starts.
pub(crate) fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |at| at + 1)
}

/// The offset after the line ending of the line that holds `offset`.
pub(crate) fn line_end(text: &str, offset: usize) -> usize {
    text[offset..].find('\n').map_or(text.len(), |at| offset + at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_made_together_whatever_their_order() {
        let edits = [Edit::replace(4..5, "Z"), Edit::insert(0, ">"), Edit::replace(1..2, "")];
        assert_eq!(apply("abcde", &edits).as_deref(), Some(">acdZ"));
    }

    #[test]
    fn overlapping_edits_and_edits_outside_are_refused() {
        assert_eq!(apply("abcde", &[Edit::replace(0..3, ""), Edit::replace(2..4, "")]), None);
        assert_eq!(apply("abc", &[Edit::insert(4, "x")]), None);
        assert_eq!(apply("äb", &[Edit::insert(1, "x")]), None);
    }

    #[test]
    fn inserted_lines_can_keep_the_files_habits() {
        assert_eq!(newline("a\r\nb\n"), "\r\n");
        assert_eq!(newline("a"), "\n");
        assert_eq!(indent_at("x\n\t  y", 5), "\t  ");
    }
}
