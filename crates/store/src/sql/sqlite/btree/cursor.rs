//! A way through a tree from its first entry to its last. Each page is taken once; the depth of the leaves, the numbers of
//! the rows and the chains of what is too long for a page are checked on the way.

use std::ops::Range;

use super::super::reader::Stopped;
use super::page::{Cell, Kind, Page, Room};
use super::pages::{Pages, word};

/// No tree is as deep: each level has at least twice as many pages.
pub(super) const DEEPEST: usize = 40;

/// Stands before the first entry, at one, or behind the last.
#[derive(Debug)]
pub(in super::super) struct Cursor {
    kind: Kind,
    /// From the root down to the page with the entry.
    path: Vec<Level>,
    /// The depth of the leaves.
    leaves: Option<usize>,
    /// The number of the row, or one that the next rows are above.
    rowid: Option<i64>,
    /// Where the entry's payload lies on its page; `None` when it is in `long`.
    local: Option<Range<usize>>,
    long: Vec<u8>,
    /// A page of what is too long.
    rest: Vec<u8>,
    /// With it the layout of the pages is checked.
    room: Option<Room>,
    /// Room for pages.
    spare: Vec<Vec<u8>>,
}

/// A page of the path.
#[derive(Debug)]
struct Level {
    number: u32,
    bytes: Vec<u8>,
    /// On a leaf the next cell. Above, twice the next cell when what is before it comes next, and one more when it does.
    step: usize,
}

impl Cursor {
    /// Before the first entry of the tree with this root.
    pub(in super::super) fn new(pages: &mut Pages<'_>, root: u32, kind: Kind) -> Result<Self, Stopped> {
        Self::with(pages, root, kind, None)
    }

    /// The same, and on the way each page is looked at to the last byte.
    pub(in super::super) fn checking(pages: &mut Pages<'_>, root: u32, kind: Kind) -> Result<Self, Stopped> {
        Self::with(pages, root, kind, Some(Room::default()))
    }

    fn with(pages: &mut Pages<'_>, root: u32, kind: Kind, room: Option<Room>) -> Result<Self, Stopped> {
        let mut cursor = Self {
            kind,
            path: Vec::new(),
            leaves: None,
            rowid: None,
            local: None,
            long: Vec::new(),
            rest: Vec::new(),
            room,
            spare: Vec::new(),
        };
        cursor.go_down(pages, root)?;
        Ok(cursor)
    }

    /// What the entry of an index holds; nothing of a row.
    pub(in super::super) fn payload(&self) -> &[u8] {
        match (&self.local, self.path.last()) {
            (Some(local), Some(level)) => &level.bytes[local.clone()],
            _ => &self.long,
        }
    }

    /// Goes to the next entry of an index or the next row of a table; `false` behind the last.
    pub(in super::super) fn advance(&mut self, pages: &mut Pages<'_>) -> Result<bool, Stopped> {
        while let Some(level) = self.path.last_mut() {
            let page = Page::new(level.number, pages.usable_of(&level.bytes)).ok_or(Stopped::Odd)?;
            let step = level.step;
            level.step += 1;
            let place = if page.is_leaf { step } else { step / 2 };
            if step >= page.steps() {
                self.spare.extend(self.path.pop().map(|level| level.bytes));
            } else if page.is_leaf || step % 2 == 1 {
                let (cell, is_leaf) = (page.cell(place).ok_or(Stopped::Odd)?, page.is_leaf);
                match self.kind {
                    Kind::Table => self.row(pages, &cell, is_leaf)?,
                    Kind::Index => self.entry(pages, &cell)?,
                }
                if is_leaf || self.kind == Kind::Index {
                    return Ok(true);
                }
            } else {
                let child = page.child(place).ok_or(Stopped::Odd)?;
                self.go_down(pages, child)?;
            }
        }
        Ok(false)
    }

    fn go_down(&mut self, pages: &mut Pages<'_>, number: u32) -> Result<(), Stopped> {
        let depth = self.path.len();
        if depth > DEEPEST {
            return Err(Stopped::Odd);
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        pages.take(number, &mut bytes)?;
        let page = Page::new(number, pages.usable_of(&bytes)).ok_or(Stopped::Odd)?;
        if page.kind != self.kind || (page.is_leaf && *self.leaves.get_or_insert(depth) != depth) {
            return Err(Stopped::Odd);
        }
        if let Some(room) = &mut self.room {
            page.is_laid_out(room).ok_or(Stopped::Odd)?;
        }
        self.path.push(Level { number, bytes, step: 0 });
        Ok(())
    }

    /// A row's number is above that of the row before. Between two pages stands one that may be the last of the first.
    fn row(&mut self, pages: &mut Pages<'_>, cell: &Cell, is_leaf: bool) -> Result<(), Stopped> {
        let is_behind = self.rowid.is_none_or(|last| last < cell.rowid || (!is_leaf && last == cell.rowid));
        if !is_behind {
            return Err(Stopped::Odd);
        }
        self.rowid = Some(cell.rowid);
        self.chain(pages, cell)
    }

    fn entry(&mut self, pages: &mut Pages<'_>, cell: &Cell) -> Result<(), Stopped> {
        self.local = Some(cell.local.clone()).filter(|_| cell.overflow == 0);
        if self.local.is_none() {
            self.long.clear();
            if let Some(level) = self.path.last() {
                self.long.extend_from_slice(&level.bytes[cell.local.clone()]);
            }
            self.chain(pages, cell)?;
        }
        Ok(())
    }

    /// The rest of what a cell holds, page by page; that of an entry is kept.
    fn chain(&mut self, pages: &mut Pages<'_>, cell: &Cell) -> Result<(), Stopped> {
        let (mut left, mut next) = (cell.payload - cell.local.len(), cell.overflow);
        while left > 0 {
            pages.take(next, &mut self.rest)?;
            next = word(&self.rest, 0).ok_or(Stopped::Odd)?;
            let here = &pages.usable_of(&self.rest)[4..];
            let here = &here[..left.min(here.len())];
            if self.kind == Kind::Index {
                self.long.extend_from_slice(here);
            }
            left -= here.len();
        }
        if next == 0 { Ok(()) } else { Err(Stopped::Odd) }
    }
}
