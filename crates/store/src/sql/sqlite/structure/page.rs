//! One page of a b-tree: <https://www.sqlite.org/fileformat2.html#b_tree_pages>. Pure; nothing is looked up elsewhere.

use super::pages::{half, word};
use super::record::varint;

/// What a tree holds: rows by their numbers, or entries in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Table,
    Index,
}

/// A page with its header read.
pub(super) struct Page<'p> {
    /// The bytes that may be used.
    bytes: &'p [u8],
    pub(super) kind: Kind,
    pub(super) is_leaf: bool,
    pub(super) cells: usize,
    /// Where the header begins, and where the cells' places do.
    header: usize,
    places: usize,
}

/// A row, an entry or a way further down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell<'p> {
    /// The page with what comes before it; 0 on a leaf.
    pub(super) child: u32,
    /// The number of a row; 0 in an index.
    pub(super) rowid: i64,
    /// How many bytes it holds, those of them that lie here, and the page with the rest; 0 for none.
    pub(super) payload: usize,
    pub(super) local: &'p [u8],
    pub(super) overflow: u32,
    /// How many bytes it takes on the page.
    size: usize,
}

impl<'p> Page<'p> {
    /// `bytes` are those that may be used. `None` for what is no page of a tree.
    pub(super) fn new(number: u32, bytes: &'p [u8]) -> Option<Self> {
        let header = if number == 1 { 100 } else { 0 };
        let (kind, is_leaf) = match bytes.get(header)? {
            2 => (Kind::Index, false),
            5 => (Kind::Table, false),
            10 => (Kind::Index, true),
            13 => (Kind::Table, true),
            _ => return None,
        };
        let places = header + if is_leaf { 8 } else { 12 };
        Some(Self { bytes, kind, is_leaf, cells: half(bytes, header + 3)?, header, places })
    }

    /// The page with what comes after all cells.
    pub(super) fn last_child(&self) -> Option<u32> {
        word(self.bytes, self.header + 8)
    }

    /// The cell at this place in the tree's order.
    pub(super) fn cell(&self, place: usize) -> Option<Cell<'p>> {
        let start = self.bytes.get(half(self.bytes, self.places + 2 * place)?..)?;
        let (child, mut at) = if self.is_leaf { (0, 0) } else { (word(start, 0)?, 4) };
        let mut number = || {
            let (number, width) = varint(start.get(at..)?)?;
            at += width;
            Some(number)
        };
        let nothing = Cell { child, rowid: 0, payload: 0, local: &[], overflow: 0, size: 0 };
        if (self.kind, self.is_leaf) == (Kind::Table, false) {
            let rowid = number()?.cast_signed();
            return Some(Cell { rowid, size: at.max(4), ..nothing });
        }
        let payload = usize::try_from(number()?).ok()?;
        let rowid = if self.kind == Kind::Table { number()?.cast_signed() } else { 0 };
        let here = self.local(payload)?;
        let local = start.get(at..at + here)?;
        let (overflow, end) =
            if here == payload { (0, at + here) } else { (word(start, at + here)?, at + here + 4) };
        Some(Cell { rowid, payload, local, overflow, size: end.max(4), ..nothing })
    }

    /// How much of so many bytes lies on the page itself.
    fn local(&self, payload: usize) -> Option<usize> {
        let usable = self.bytes.len();
        let most = match self.kind {
            Kind::Table => usable - 35,
            Kind::Index => (usable - 12) * 64 / 255 - 23,
        };
        if payload <= most {
            return Some(payload);
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let here = least + (payload - least) % (usable - 4);
        Some(if here <= most { here } else { least })
    }

    /// Whether each byte behind the header belongs to one cell, or is free and counted as that.
    pub(super) fn is_laid_out(&self, room: &mut Room) -> Option<()> {
        let end = self.bytes.len();
        let content = match half(self.bytes, self.header + 5)? {
            0 => 0x1_0000,
            content => content,
        };
        if content < self.places + 2 * self.cells || content > end {
            return None;
        }
        room.clear(content, end);
        for place in 0..self.cells {
            let start = half(self.bytes, self.places + 2 * place)?;
            room.fill(start, self.cell(place)?.size)?;
        }
        let mut free = half(self.bytes, self.header + 1)?;
        while free != 0 {
            let next = half(self.bytes, free)?;
            room.fill(free, half(self.bytes, free + 2)?.max(4))?;
            // They follow each other, with more between two than a fragment.
            if next != 0 && next <= free + 3 {
                return None;
            }
            free = next;
        }
        (room.left == usize::from(*self.bytes.get(self.header + 7)?)).then_some(())
    }
}

/// Which bytes of a page are in use.
#[derive(Debug, Default)]
pub(super) struct Room {
    bits: Vec<u64>,
    from: usize,
    end: usize,
    left: usize,
}

impl Room {
    /// Nothing is in use between these places, and nothing outside may be.
    fn clear(&mut self, from: usize, end: usize) {
        self.bits.clear();
        self.bits.resize(end / 64 + 1, 0);
        (self.from, self.end, self.left) = (from, end, end - from);
    }

    /// `None` when one of these bytes is in use already.
    fn fill(&mut self, start: usize, length: usize) -> Option<()> {
        if start < self.from || start + length > self.end {
            return None;
        }
        let (mut at, stop) = (start, start + length);
        while at < stop {
            let width = (64 - at % 64).min(stop - at);
            let bits = (u64::MAX >> (64 - width)) << (at % 64);
            let word = &mut self.bits[at / 64];
            if *word & bits != 0 {
                return None;
            }
            *word |= bits;
            at += width;
        }
        self.left -= length;
        Some(())
    }
}
