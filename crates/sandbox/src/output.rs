//! What is kept of an output stream: its beginning, its end and the exact number of bytes.
//! Memory stays bounded whatever the command prints; it must not block or interpret the bytes.

use std::collections::VecDeque;

/// The kept part of one output stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Captured {
    /// The first bytes.
    pub head: Vec<u8>,
    /// The last bytes. Never overlaps `head`: when nothing was dropped, the two joined are the whole stream.
    pub tail: Vec<u8>,
    /// How many bytes were written in all.
    pub total: u64,
}

impl Captured {
    /// Bytes that were counted but not kept.
    pub fn dropped(&self) -> u64 {
        self.total - (self.head.len() + self.tail.len()) as u64
    }

    /// The kept bytes as text: invalid UTF-8 is replaced and a gap is named in its place.
    pub fn text(&self) -> String {
        let (head, tail) = (String::from_utf8_lossy(&self.head), String::from_utf8_lossy(&self.tail));
        match self.dropped() {
            0 => String::from_utf8_lossy(&[self.head.as_slice(), &self.tail].concat()).into_owned(),
            gap => format!("{head}\n[... {gap} bytes left out ...]\n{tail}"),
        }
    }
}

/// Takes a stream in pieces and keeps at most `kept` bytes of it.
#[derive(Debug)]
pub(crate) struct Collector {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    half: usize,
    total: u64,
}

impl Collector {
    pub(crate) fn new(kept: usize) -> Self {
        Self { head: Vec::new(), tail: VecDeque::new(), half: kept / 2, total: 0 }
    }

    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.total += piece.len() as u64;
        let into_head = piece.len().min(self.half - self.head.len());
        let (first, rest) = piece.split_at(into_head);
        self.head.extend_from_slice(first);
        let rest = &rest[rest.len().saturating_sub(self.half)..];
        let surplus = (self.tail.len() + rest.len()).saturating_sub(self.half);
        self.tail.drain(..surplus);
        self.tail.extend(rest);
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn finish(self) -> Captured {
        Captured { head: self.head, tail: self.tail.into(), total: self.total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(kept: usize, pieces: &[&[u8]]) -> Captured {
        let mut collector = Collector::new(kept);
        pieces.iter().for_each(|piece| collector.push(piece));
        collector.finish()
    }

    #[test]
    fn a_short_stream_is_kept_whole() {
        let kept = collect(10, &[b"abc", b"defg"]);
        assert_eq!(kept.text(), "abcdefg");
        assert_eq!((kept.total, kept.dropped()), (7, 0));
    }

    #[test]
    fn a_long_stream_keeps_both_ends_whatever_its_pieces() {
        let whole: Vec<u8> = (0..100u8).collect();
        for size in [1, 2, 3, 7, 50, 100] {
            let pieces: Vec<&[u8]> = whole.chunks(size).collect();
            let kept = collect(10, &pieces);
            assert_eq!(kept.head, &whole[..5], "pieces of {size}");
            assert_eq!(kept.tail, &whole[95..], "pieces of {size}");
            assert_eq!((kept.total, kept.dropped()), (100, 90));
        }
    }

    #[test]
    fn a_character_cut_between_head_and_tail_is_joined_again() {
        assert_eq!(collect(4, &["aéb".as_bytes()]).text(), "aéb");
    }

    #[test]
    fn the_gap_is_named() {
        assert!(collect(4, &[b"abcdefgh"]).text().contains("4 bytes left out"));
    }

    #[test]
    fn keeping_nothing_still_counts() {
        assert_eq!(collect(0, &[b"abc"]).total, 3);
    }
}
