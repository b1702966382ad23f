//! The pages of the file as SQLite hands them out: at the moment at which the connection stands, wherever they lie. What is
//! read to its end takes each page of it; a page that is taken twice is in two places.

use rusqlite::{Connection, Statement};

use super::super::reader::Stopped;
use super::page::{Kind, Page};

const _: () = assert!(
    contains(BUILT_WITH, "-DSQLITE_ENABLE_DBPAGE_VTAB"),
    "SQLite has to be built with what LIBSQLITE3_FLAGS has in this workspace's .cargo/config.toml: build in its folder, or \
     set the variable to that"
);

const BUILT_WITH: &str = match option_env!("LIBSQLITE3_FLAGS") {
    Some(flags) => flags,
    None => "",
};

const PAGE: &str = "SELECT data FROM sqlite_dbpage('main') WHERE pgno = ?1";
/// The byte by which SQLite locks a file; the page that has it is never used.
const LOCK_BYTE: u64 = 0x4000_0000;

/// All pages, and which of them were taken.
#[derive(Debug)]
pub(in super::super) struct Pages<'c> {
    page: Statement<'c>,
    /// Bytes of a page, and those of them that may be used.
    size: usize,
    usable: usize,
    /// The first page of the list of free ones, and how many there are.
    free: (u32, u32),
    count: u32,
    /// A bit a page.
    taken: Vec<u64>,
    left: u32,
}

impl<'c> Pages<'c> {
    /// None of them taken; the header of the file has to be one that we would write.
    pub(in super::super) fn new(conn: &'c Connection) -> Result<Self, Stopped> {
        let number = |text: &str| conn.query_row(text, [], |row| row.get::<_, u32>(0));
        let (size, count) = (number("PRAGMA page_size")?, number("PRAGMA page_count")?);
        let mut pages = Self {
            page: conn.prepare(PAGE)?,
            size: size as usize,
            usable: 0,
            free: (0, 0),
            count,
            taken: vec![0; count as usize / 64 + 1],
            left: count,
        };
        let mut first = Vec::new();
        pages.read(1, &mut first)?;
        let header = |place| word(&first, place).ok_or(Stopped::Odd);
        // Neither pages that map others (52, 64) nor another encoding (56) than UTF-8.
        if (header(52)?, header(64)?, header(56)?) != (0, 0, 1) {
            return Err(Stopped::Odd);
        }
        pages.usable =
            pages.size.checked_sub(first[20].into()).filter(|usable| *usable >= 480).ok_or(Stopped::Odd)?;
        pages.free = (header(32)?, header(36)?);
        let lock = u32::try_from(LOCK_BYTE / u64::from(size) + 1).map_err(|_| Stopped::Odd)?;
        if lock <= count {
            pages.mark(lock)?;
        }
        Ok(pages)
    }

    /// Nobody may take it again.
    fn mark(&mut self, number: u32) -> Result<(), Stopped> {
        let place = number.checked_sub(1).filter(|_| number <= self.count).ok_or(Stopped::Odd)?;
        let (word, bit) = (&mut self.taken[place as usize / 64], 1 << (place % 64));
        if *word & bit != 0 {
            return Err(Stopped::Odd);
        }
        *word |= bit;
        self.left -= 1;
        Ok(())
    }

    /// Its bytes, which nobody may take again.
    pub(super) fn take(&mut self, number: u32, bytes: &mut Vec<u8>) -> Result<(), Stopped> {
        self.mark(number)?;
        self.read(number, bytes)
    }

    /// How many nobody took.
    pub(in super::super) fn left(&self) -> u32 {
        self.left
    }

    /// Takes the pages that nobody uses: <https://www.sqlite.org/fileformat2.html#the_freelist>.
    pub(in super::super) fn take_free(&mut self) -> Result<(), Stopped> {
        let ((mut trunk, mut left), mut bytes) = (self.free, Vec::new());
        while trunk != 0 {
            self.take(trunk, &mut bytes)?;
            let number = |place| word(&bytes, 4 * place).ok_or(Stopped::Odd);
            let (next, leaves) = (number(0)?, number(1)?);
            if leaves as usize > self.usable / 4 - 2 {
                return Err(Stopped::Odd);
            }
            for place in 0..leaves as usize {
                self.mark(number(2 + place)?)?;
            }
            left = left.checked_sub(1 + leaves).ok_or(Stopped::Odd)?;
            trunk = next;
        }
        if left == 0 { Ok(()) } else { Err(Stopped::Odd) }
    }

    /// What sort of tree has this root.
    pub(in super::super) fn kind_of(&mut self, root: u32) -> Result<Kind, Stopped> {
        let mut bytes = Vec::new();
        self.read(root, &mut bytes)?;
        Page::new(root, &bytes).map(|page| page.kind).ok_or(Stopped::Odd)
    }

    /// Those bytes of a page that may be used.
    pub(super) fn usable_of<'p>(&self, page: &'p [u8]) -> &'p [u8] {
        &page[..self.usable]
    }

    /// The bytes of a page.
    pub(super) fn read(&mut self, number: u32, bytes: &mut Vec<u8>) -> Result<(), Stopped> {
        let mut rows = self.page.query([number])?;
        let page = rows.next()?.ok_or(Stopped::Odd)?.get_ref(0)?;
        bytes.clear();
        bytes.extend_from_slice(page.as_blob().map_err(|_| Stopped::Odd)?);
        if bytes.len() == self.size { Ok(()) } else { Err(Stopped::Odd) }
    }
}

const fn contains(text: &str, part: &str) -> bool {
    let (text, part, mut at) = (text.as_bytes(), part.as_bytes(), 0);
    while at + part.len() <= text.len() {
        let mut same = 0;
        while same < part.len() && text[at + same] == part[same] {
            same += 1;
        }
        if same == part.len() {
            return true;
        }
        at += 1;
    }
    false
}

/// The four bytes at a place as a number.
pub(super) fn word(bytes: &[u8], place: usize) -> Option<u32> {
    bytes.get(place..)?.first_chunk().map(|word| u32::from_be_bytes(*word))
}

/// The two bytes at a place as a number.
pub(super) fn half(bytes: &[u8], place: usize) -> Option<usize> {
    bytes.get(place..)?.first_chunk().map(|half| u16::from_be_bytes(*half).into())
}
