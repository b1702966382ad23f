//! A walk through a b-tree, from its first entry to its last, each page once: the pages' layout, the depth of the leaves,
//! the numbers of the rows and the chains of what is too long for a page.

use super::super::reader::Stopped;
use super::page::{Cell, Kind, Page, Room};
use super::pages::{Pages, word};

/// No tree is as deep: each level has at least twice as many pages.
const DEEPEST: usize = 40;

/// The trees of a file.
pub(super) struct Trees<'c> {
    pub(super) pages: Pages<'c>,
    room: Room,
    /// Room for pages, one a level.
    buffers: Vec<Vec<u8>>,
    /// The payload of an entry that is longer than a page takes, and a page of its rest.
    long: Vec<u8>,
    rest: Vec<u8>,
}

/// How far a walk is.
struct Walk<'v, V> {
    kind: Kind,
    visit: &'v mut V,
    /// The depth of the leaves.
    leaves: Option<usize>,
    /// The number of the row before.
    last: Option<i64>,
    cells: u64,
}

impl<'c> Trees<'c> {
    pub(super) fn new(pages: Pages<'c>) -> Self {
        Self { pages, room: Room::default(), buffers: Vec::new(), long: Vec::new(), rest: Vec::new() }
    }

    /// What sort of tree has this root.
    pub(super) fn kind(&mut self, root: u32) -> Result<Kind, Stopped> {
        let mut bytes = self.buffers.pop().unwrap_or_default();
        self.pages.read(root, &mut bytes)?;
        let kind = Page::new(root, &bytes).map(|page| page.kind);
        self.buffers.push(bytes);
        kind.ok_or(Stopped::Odd)
    }

    /// Walks through the tree with this root and shows what each entry of an index holds; `None` from `visit` ends the walk.
    /// Gives the number of rows or entries.
    pub(super) fn walk(
        &mut self,
        root: u32,
        kind: Kind,
        visit: &mut impl FnMut(&[u8]) -> Option<()>,
    ) -> Result<u64, Stopped> {
        let mut walk = Walk { kind, visit, leaves: None, last: None, cells: 0 };
        self.page(root, 0, &mut walk)?;
        Ok(walk.cells)
    }

    fn page<V: FnMut(&[u8]) -> Option<()>>(
        &mut self,
        number: u32,
        depth: usize,
        walk: &mut Walk<'_, V>,
    ) -> Result<(), Stopped> {
        if depth > DEEPEST {
            return Err(Stopped::Odd);
        }
        let mut bytes = self.buffers.pop().unwrap_or_default();
        self.pages.take(number, &mut bytes)?;
        let page = Page::new(number, &bytes[..self.pages.usable]).ok_or(Stopped::Odd)?;
        page.is_laid_out(&mut self.room).ok_or(Stopped::Odd)?;
        if page.kind != walk.kind || (page.is_leaf && *walk.leaves.get_or_insert(depth) != depth) {
            return Err(Stopped::Odd);
        }
        for place in 0..page.cells {
            let cell = page.cell(place).ok_or(Stopped::Odd)?;
            if !page.is_leaf {
                self.page(cell.child, depth + 1, walk)?;
            }
            match walk.kind {
                Kind::Table => self.row(&cell, page.is_leaf, walk)?,
                Kind::Index => self.entry(&cell, walk)?,
            }
        }
        if !page.is_leaf {
            self.page(page.last_child().ok_or(Stopped::Odd)?, depth + 1, walk)?;
        }
        self.buffers.push(bytes);
        Ok(())
    }

    /// A row's number is above that of the row before. Between two pages stands one that may be the last of the first.
    fn row<V>(&mut self, cell: &Cell<'_>, is_leaf: bool, walk: &mut Walk<'_, V>) -> Result<(), Stopped> {
        let is_behind = walk.last.is_none_or(|last| last < cell.rowid || (!is_leaf && last == cell.rowid));
        if !is_behind {
            return Err(Stopped::Odd);
        }
        walk.last = Some(cell.rowid);
        walk.cells += u64::from(is_leaf);
        self.chain(cell, |_| ())
    }

    fn entry<V: FnMut(&[u8]) -> Option<()>>(
        &mut self,
        cell: &Cell<'_>,
        walk: &mut Walk<'_, V>,
    ) -> Result<(), Stopped> {
        walk.cells += 1;
        if cell.overflow == 0 {
            return (walk.visit)(cell.local).ok_or(Stopped::Odd);
        }
        let mut long = std::mem::take(&mut self.long);
        long.clear();
        long.extend_from_slice(cell.local);
        self.chain(cell, |part| long.extend_from_slice(part))?;
        self.long = long;
        (walk.visit)(&self.long).ok_or(Stopped::Odd)
    }

    /// The rest of what a cell holds, page by page.
    fn chain(&mut self, cell: &Cell<'_>, mut part: impl FnMut(&[u8])) -> Result<(), Stopped> {
        let (mut left, mut next) = (cell.payload - cell.local.len(), cell.overflow);
        while left > 0 {
            self.pages.take(next, &mut self.rest)?;
            next = word(&self.rest, 0).ok_or(Stopped::Odd)?;
            let here = &self.rest[4..self.pages.usable];
            let here = &here[..left.min(here.len())];
            part(here);
            left -= here.len();
        }
        if next == 0 { Ok(()) } else { Err(Stopped::Odd) }
    }

    /// The pages that nobody uses: <https://www.sqlite.org/fileformat2.html#the_freelist>.
    pub(super) fn free(&mut self) -> Result<(), Stopped> {
        let (mut trunk, mut left) = self.pages.free;
        while trunk != 0 {
            self.pages.take(trunk, &mut self.rest)?;
            let number = |place| word(&self.rest, 4 * place).ok_or(Stopped::Odd);
            let (next, leaves) = (number(0)?, number(1)?);
            if leaves as usize > self.pages.usable / 4 - 2 {
                return Err(Stopped::Odd);
            }
            for place in 0..leaves as usize {
                self.pages.mark(number(2 + place)?)?;
            }
            left = left.checked_sub(1 + leaves).ok_or(Stopped::Odd)?;
            trunk = next;
        }
        if left == 0 { Ok(()) } else { Err(Stopped::Odd) }
    }
}
