//! Single rows of a table by their numbers. The pages that were needed last are kept, for the next row is often near.

use std::ops::RangeInclusive;

use super::super::reader::Stopped;
use super::cursor::DEEPEST;
use super::page::{Cell, Kind, Page};
use super::pages::{Pages, word};

/// So many pages are kept, each in the place that its number says.
const KEPT: usize = 512;

/// Finds the rows of one table.
#[derive(Debug)]
pub(in super::super) struct Lookup {
    root: u32,
    /// The last page above a leaf.
    near: Option<Near>,
    kept: Vec<(u32, Vec<u8>)>,
    /// A row that is longer than a page takes; a page of its rest.
    long: Vec<u8>,
    rest: Vec<u8>,
}

/// A page, and the numbers of the rows that it leads to.
#[derive(Debug, Clone)]
struct Near {
    number: u32,
    rowids: RangeInclusive<i64>,
}

impl Near {
    fn all(root: u32) -> Self {
        Self { number: root, rowids: i64::MIN..=i64::MAX }
    }

    fn has(&self, rowid: i64) -> bool {
        self.rowids.contains(&rowid)
    }

    /// The page below it at this place.
    fn child(&self, page: &Page<'_>, place: usize) -> Option<Self> {
        let from = match place.checked_sub(1) {
            Some(before) => page.rowid(before)?.checked_add(1)?,
            None => *self.rowids.start(),
        };
        let to = if place < page.cells { page.rowid(place)? } else { *self.rowids.end() };
        Some(Self { number: page.child(place)?, rowids: from..=to })
    }
}

impl Lookup {
    /// In the table with this root.
    pub(in super::super) fn new(root: u32) -> Self {
        Self { root, near: None, kept: vec![(0, Vec::new()); KEPT], long: Vec::new(), rest: Vec::new() }
    }

    /// What the row with this number holds; `None` when there is none.
    pub(in super::super) fn find(
        &mut self,
        pages: &mut Pages<'_>,
        rowid: i64,
    ) -> Result<Option<&[u8]>, Stopped> {
        let mut at = self.near.clone().filter(|near| near.has(rowid)).unwrap_or_else(|| Near::all(self.root));
        for _ in 0..=DEEPEST {
            let page = Page::new(at.number, self.page(pages, at.number)?).ok_or(Stopped::Odd)?;
            if page.kind != Kind::Table {
                return Err(Stopped::Odd);
            }
            let place = page.first_not_below(rowid).ok_or(Stopped::Odd)?;
            if page.is_leaf {
                let is_there = place < page.cells && page.rowid(place) == Some(rowid);
                let cell = is_there.then(|| page.cell(place).ok_or(Stopped::Odd)).transpose()?;
                return cell.map(|cell| self.payload(pages, at.number, &cell)).transpose();
            }
            let below = at.child(&page, place).ok_or(Stopped::Odd)?;
            self.near = Some(std::mem::replace(&mut at, below));
        }
        Err(Stopped::Odd)
    }

    fn payload(&mut self, pages: &mut Pages<'_>, number: u32, cell: &Cell) -> Result<&[u8], Stopped> {
        let local = &self.kept[number as usize % KEPT].1[cell.local.clone()];
        if cell.overflow == 0 {
            return Ok(local);
        }
        self.long.clear();
        self.long.extend_from_slice(local);
        let mut next = cell.overflow;
        while self.long.len() < cell.payload {
            pages.read(next, &mut self.rest)?;
            next = word(&self.rest, 0).ok_or(Stopped::Odd)?;
            let here = &pages.usable_of(&self.rest)[4..];
            self.long.extend_from_slice(&here[..here.len().min(cell.payload - self.long.len())]);
        }
        Ok(&self.long)
    }

    /// The bytes of a page that may be used.
    fn page(&mut self, pages: &mut Pages<'_>, number: u32) -> Result<&[u8], Stopped> {
        let (kept, bytes) = &mut self.kept[number as usize % KEPT];
        if *kept != number {
            // Nothing is kept when it cannot be read.
            *kept = 0;
            pages.read(number, bytes)?;
            *kept = number;
        }
        Ok(pages.usable_of(bytes))
    }
}
