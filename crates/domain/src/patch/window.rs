//! The part of two texts in which they differ, with a few lines around it: most changes touch little of a file, and what
//! is done with them should cost little too.

use std::ops::Range;

use super::lines::split;

/// Bytes that are compared at a stroke.
const STROKE: usize = 4096;

/// Two texts without their equal ends.
pub(super) struct Window<'a> {
    /// Lines of both texts in front of the window.
    pub(super) skipped: usize,
    /// The lines of the old text in the window.
    pub(super) old: Vec<&'a [u8]>,
    /// The lines of the new text in the window.
    pub(super) new: Vec<&'a [u8]>,
}

impl<'a> Window<'a> {
    /// The window with up to `context` equal lines at each end.
    pub(super) fn of(old: &'a [u8], new: &'a [u8], context: usize) -> Self {
        let front = line_start(old, equal_front(old, new));
        let longest = old.len().min(new.len()) - front;
        let back = equal_back(old, new).min(longest);
        // The equal end begins with a whole line on both sides.
        let begins = |text: &[u8]| back == text.len() || text[text.len() - back - 1] == b'\n';
        let back = match (begins(old) && begins(new), memchr::memchr(b'\n', &old[old.len() - back..])) {
            (true, _) => back,
            (false, Some(end)) => back - end - 1,
            (false, None) => 0,
        };
        let front = lines_back(old, front, context);
        let back = back - lines_on(&old[old.len() - back..], context);
        let inner = |text: &'a [u8]| split(&text[front..text.len() - back]);
        let skipped = memchr::memchr_iter(b'\n', &old[..front]).count();
        Self { skipped, old: inner(old), new: inner(new) }
    }

    /// A range of the window's lines as one of the text's.
    pub(super) fn shift(&self, range: &Range<usize>) -> Range<usize> {
        range.start + self.skipped..range.end + self.skipped
    }
}

/// How many bytes the texts have in common at the front.
fn equal_front(old: &[u8], new: &[u8]) -> usize {
    let strokes = old.chunks(STROKE).zip(new.chunks(STROKE)).take_while(|(a, b)| a == b).count();
    let at = (strokes * STROKE).min(old.len()).min(new.len());
    at + old[at..].iter().zip(&new[at..]).take_while(|(a, b)| a == b).count()
}

/// How many bytes the texts have in common at the back.
fn equal_back(old: &[u8], new: &[u8]) -> usize {
    let strokes = old.rchunks(STROKE).zip(new.rchunks(STROKE)).take_while(|(a, b)| a == b).count();
    let at = (strokes * STROKE).min(old.len()).min(new.len());
    let rest = old[..old.len() - at].iter().rev().zip(new[..new.len() - at].iter().rev());
    at + rest.take_while(|(a, b)| a == b).count()
}

/// The start of the line in which this place lies.
fn line_start(text: &[u8], at: usize) -> usize {
    memchr::memrchr(b'\n', &text[..at]).map_or(0, |end| end + 1)
}

/// The place `count` lines before this start of a line, or as far as there are lines.
fn lines_back(text: &[u8], mut at: usize, count: usize) -> usize {
    for _ in 0..count {
        if at == 0 {
            break;
        }
        at = line_start(text, at - 1);
    }
    at
}

/// How many bytes the first `count` lines have.
fn lines_on(text: &[u8], count: usize) -> usize {
    if count == 0 {
        return 0;
    }
    memchr::memchr_iter(b'\n', text).nth(count - 1).map_or(text.len(), |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let line = prop::sample::select(vec!["a\n", "b\n", "\n", "ab\n", "a"]);
        prop::collection::vec(line, 0..12).prop_map(|lines| lines.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn a_window_leaves_out_equal_lines_only((old, new) in (text(), text()), context in 0usize..3) {
            let window = Window::of(&old, &new, context);
            let (all_old, all_new) = (split(&old), split(&new));
            let last_old = window.skipped + window.old.len();
            let last_new = window.skipped + window.new.len();
            prop_assert_eq!(&all_old[window.skipped..last_old], &window.old[..]);
            prop_assert_eq!(&all_new[window.skipped..last_new], &window.new[..]);
            prop_assert_eq!(&all_old[..window.skipped], &all_new[..window.skipped]);
            prop_assert_eq!(&all_old[last_old..], &all_new[last_new..]);
        }

        #[test]
        fn a_window_keeps_no_more_around_than_asked(
            (front, back) in (text(), text()),
            context in 0usize..4,
        ) {
            let ended = |text: &[u8]| if text.is_empty() || text.ends_with(b"\n") { text.to_vec() } else { [text, b"\n"].concat() };
            let (front, back) = (ended(&front), ended(&back));
            let (old, new) = ([&front[..], b"old\n", &back].concat(), [&front[..], b"new\n", &back].concat());
            let window = Window::of(&old, &new, context);
            let front = split(&front).len().min(context);
            let back = split(&back).len().min(context);
            prop_assert_eq!(window.old.len(), front + 1 + back);
            prop_assert_eq!(window.old[front], b"old\n");
            prop_assert_eq!(window.new[front], b"new\n");
        }
    }

    #[test]
    fn long_texts_are_cut_at_both_ends() {
        let lines: Vec<String> = (0..20_000).map(|n| format!("line {n}\n")).collect();
        let old = lines.concat();
        let new = old.replace("line 10000\n", "other\n");
        let window = Window::of(old.as_bytes(), new.as_bytes(), 3);
        assert_eq!((window.skipped, window.old.len(), window.new.len()), (9_997, 7, 7));
        assert_eq!(window.shift(&(3..4)), 10_000..10_001);
        let window = Window::of(old.as_bytes(), old.as_bytes(), 0);
        assert_eq!((window.old.len(), window.new.len()), (0, 0));
    }
}
