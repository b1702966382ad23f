//! One page of a b-tree: <https://www.sqlite.org/fileformat2.html#b_tree_pages>. Pure; nothing is looked up elsewhere.

use std::ops::Range;

use super::pages::{half, word};
use super::record::varint;

/// What a tree holds: rows by their numbers, or entries in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Kind {
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

/// A row or an entry.
#[derive(Debug)]
pub(super) struct Cell {
    /// The number of a row; 0 in an index.
    pub(super) rowid: i64,
    /// How many bytes it holds, where on the page those of them lie that do, and the page with the rest; 0 for none.
    pub(super) payload: usize,
    pub(super) local: Range<usize>,
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

    /// How many steps a cursor takes on it: to each cell, and above the leaves to what is before, between and behind them.
    pub(super) fn steps(&self) -> usize {
        if self.is_leaf { self.cells } else { 2 * self.cells + 1 }
    }

    /// The page with what comes before this cell, or behind all.
    pub(super) fn child(&self, place: usize) -> Option<u32> {
        if place == self.cells {
            return word(self.bytes, self.header + 8);
        }
        word(self.bytes, self.start(place)?)
    }

    /// The cell at this place in the tree's order.
    pub(super) fn cell(&self, place: usize) -> Option<Cell> {
        let start = self.start(place)?;
        let mut at = start + if self.is_leaf { 0 } else { 4 };
        let mut number = || {
            let (number, width) = varint(self.bytes.get(at..)?)?;
            at += width;
            Some(number)
        };
        if (self.kind, self.is_leaf) == (Kind::Table, false) {
            let rowid = number()?.cast_signed();
            return Some(Cell { rowid, payload: 0, local: 0..0, overflow: 0, size: at - start });
        }
        let payload = usize::try_from(number()?).ok()?;
        let rowid = if self.kind == Kind::Table { number()?.cast_signed() } else { 0 };
        let here = self.local(payload);
        let local = at..at + here;
        let (overflow, end) =
            if here == payload { (0, at + here) } else { (word(self.bytes, at + here)?, at + here + 4) };
        (end <= self.bytes.len()).then(|| Cell {
            rowid,
            payload,
            local,
            overflow,
            size: (end - start).max(4),
        })
    }

    /// The first cell whose number is not below this one; as many as there are when all are.
    pub(super) fn first_not_below(&self, rowid: i64) -> Option<usize> {
        let (mut low, mut high) = (0, self.cells);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.rowid(middle)? < rowid {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Some(low)
    }

    /// The number of a row, or of the last one before the next page.
    pub(super) fn rowid(&self, place: usize) -> Option<i64> {
        let start = self.start(place)?;
        let before = if self.is_leaf { varint(self.bytes.get(start..)?)?.1 } else { 4 };
        Some(varint(self.bytes.get(start + before..)?)?.0.cast_signed())
    }

    fn start(&self, place: usize) -> Option<usize> {
        half(self.bytes, self.places + 2 * place)
    }

    /// How much of so many bytes lies on the page itself.
    fn local(&self, payload: usize) -> usize {
        let usable = self.bytes.len();
        let most = match self.kind {
            Kind::Table => usable - 35,
            Kind::Index => (usable - 12) * 64 / 255 - 23,
        };
        if payload <= most {
            return payload;
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let here = least + (payload - least) % (usable - 4);
        if here <= most { here } else { least }
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
            room.fill(self.start(place)?, self.cell(place)?.size)?;
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
