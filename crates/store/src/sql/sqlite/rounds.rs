//! Reading the swept tables for the audit: which rows there are and their order come from an index, all that they hold comes
//! from the table. Read by our own hands, for SQLite gives a row column by column, which took a quarter of an audit.

use std::cmp::Ordering;

use rusqlite::Connection;

use super::super::audit::cells::{Cell, Cells, Line};
use super::super::audit::indexes::INDEXES;
use super::super::audit::round::{Round, TABLES, Table};
use super::btree::{Cursor, Kind, Lookup, Pages, Raw, Record};
use super::reader::Stopped;

/// Bytes of the journal in a round: with the rounds under way, all that is in memory at once.
const ROUND: usize = 512 << 10;
const ROOT: &str = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
/// The number of a row is stored with it and stands for a key of this type.
const COLUMNS: &str =
    "SELECT name, dflt_value, pk = 1 AND type = 'INTEGER' FROM pragma_table_info(?1) ORDER BY cid";

/// All rows of [`TABLES`], in the order of the intents' ids. `room` gives a round without rows.
pub(super) fn read(
    conn: &Connection,
    mut room: impl FnMut() -> Round,
    mut take: impl FnMut(Round) -> Result<(), Stopped>,
) -> Result<(), Stopped> {
    let mut pages = Pages::new(conn)?;
    let mut sweeps = Vec::with_capacity(TABLES.len());
    for table in &TABLES {
        sweeps.push(Sweep::new(conn, &mut pages, table)?);
    }
    while let Some(lead) = sweeps.iter().position(|sweep| !sweep.is_at_end) {
        let mut round = room();
        let last = sweeps[lead].lead(&mut pages, &mut round.tables[lead], &mut round.rowids[lead])?;
        for ((sweep, cells), rowids) in sweeps.iter_mut().zip(&mut round.tables).zip(&mut round.rowids) {
            sweep.follow(&mut pages, &last, cells, rowids)?;
        }
        take(round)?;
    }
    Ok(())
}

/// A table that is being read, with its index at the first entry of an intent.
struct Sweep {
    columns: Vec<Column>,
    /// The columns by which the rows of an intent are sorted, where the index does not do it; and such rows.
    sorted: Vec<usize>,
    unsorted: Cells,
    rows: Lookup,
    index: Cursor,
    /// How many columns the index has.
    width: usize,
    /// Of the entry: its intent, and the number of its row.
    id: String,
    rowid: i64,
    is_at_end: bool,
}

/// What a column holds that is not in the record.
struct Column {
    /// The number of the row stands for it.
    is_rowid: bool,
    /// It did not exist when the record was written.
    default: Cell<'static>,
}

impl Sweep {
    fn new(conn: &Connection, pages: &mut Pages<'_>, table: &Table) -> Result<Self, Stopped> {
        let root = |name: &str| conn.query_row(ROOT, [name], |row| row.get(0));
        let by = INDEXES.iter().find(|index| index.name == table.by).ok_or(Stopped::Odd)?;
        let then: Vec<&str> = table.then.split(", ").skip(1).collect();
        let is_sorted = by.columns[1..] == then;
        let sorted =
            then.into_iter().filter(|_| !is_sorted).filter_map(|name| table.place_of(name)).collect();
        let mut sweep = Self {
            columns: columns(conn, table)?,
            sorted,
            unsorted: Cells::new(table.width, 0),
            rows: Lookup::new(root(table.from)?),
            index: Cursor::new(pages, root(table.by)?, Kind::Index)?,
            width: by.columns.len(),
            id: String::new(),
            rowid: 0,
            is_at_end: false,
        };
        sweep.advance(pages)?;
        Ok(sweep)
    }

    /// Reads about [`ROUND`] bytes, up to the last row of an intent; gives that intent.
    fn lead(
        &mut self,
        pages: &mut Pages<'_>,
        cells: &mut Cells,
        rowids: &mut Vec<i64>,
    ) -> Result<String, Stopped> {
        let mut last = String::new();
        while !self.is_at_end && cells.size() < ROUND {
            self.id.clone_into(&mut last);
            self.take(pages, cells, rowids)?;
        }
        Ok(last)
    }

    /// Reads on up to this intent.
    fn follow(
        &mut self,
        pages: &mut Pages<'_>,
        last: &str,
        cells: &mut Cells,
        rowids: &mut Vec<i64>,
    ) -> Result<(), Stopped> {
        while !self.is_at_end && self.id.as_str() <= last {
            self.take(pages, cells, rowids)?;
        }
        Ok(())
    }

    /// Reads the rows of the intent.
    fn take(
        &mut self,
        pages: &mut Pages<'_>,
        cells: &mut Cells,
        rowids: &mut Vec<i64>,
    ) -> Result<(), Stopped> {
        let begins = rowids.len();
        loop {
            let into = if self.sorted.is_empty() { &mut *cells } else { &mut self.unsorted };
            // An entry without a row is no row, and is missed in the sums.
            if let Some(payload) = self.rows.find(pages, self.rowid)? {
                push(payload, self.rowid, &self.columns, into).ok_or(Stopped::Odd)?;
                rowids.push(self.rowid);
            }
            if into.is_too_big() {
                return Err(Stopped::Odd);
            }
            if !self.advance(pages)? {
                break;
            }
        }
        if !self.sorted.is_empty() {
            self.sort(cells, &mut rowids[begins..]);
        }
        Ok(())
    }

    /// Goes to the next entry; whether it is one of the same intent.
    fn advance(&mut self, pages: &mut Pages<'_>) -> Result<bool, Stopped> {
        if !self.index.advance(pages)? {
            self.is_at_end = true;
            return Ok(false);
        }
        let (id, rowid) = entry(self.index.payload(), self.width).ok_or(Stopped::Odd)?;
        self.rowid = rowid;
        if id == self.id.as_bytes() {
            return Ok(true);
        }
        self.id.clear();
        self.id.push_str(std::str::from_utf8(id).map_err(|_| Stopped::Odd)?);
        Ok(false)
    }

    /// Moves rows that are not in order to others.
    fn sort(&mut self, cells: &mut Cells, rowids: &mut [i64]) {
        let mut lines: Vec<(Line<'_>, i64)> = self.unsorted.lines().zip(rowids.iter().copied()).collect();
        lines.sort_by(|(a, _), (b, _)| {
            let columns = self.sorted.iter().map(|place| order(a.cell(*place), b.cell(*place)));
            columns.fold(Ordering::Equal, Ordering::then)
        });
        for (place, (line, rowid)) in lines.into_iter().enumerate() {
            (0..self.columns.len()).for_each(|column| cells.push(line.cell(column)));
            rowids[place] = rowid;
        }
        self.unsorted.clear();
    }
}

/// What is not of one type does not fit anyway.
fn order(a: Cell<'_>, b: Cell<'_>) -> Ordering {
    match (a, b) {
        (Cell::Number(a), Cell::Number(b)) => a.cmp(&b),
        (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

/// The intent of an entry with so many columns, and the number of its row.
fn entry(payload: &[u8], width: usize) -> Option<(&[u8], i64)> {
    let mut record = Record::new(payload)?;
    let Some(Raw::Text(id)) = record.column() else { return None };
    for _ in 1..width {
        record.column()?;
    }
    let Some(Raw::Number(rowid)) = record.column() else { return None };
    Some((id, rowid))
}

/// Adds a row; `None` for a record that does not end where it says.
fn push(payload: &[u8], rowid: i64, columns: &[Column], into: &mut Cells) -> Option<()> {
    let mut record = Record::new(payload)?;
    for Column { is_rowid, default } in columns {
        let stored = if record.has_more() { cell(record.column()?) } else { *default };
        into.push(if *is_rowid { Cell::Number(rowid) } else { stored });
    }
    record.is_at_end().then_some(())
}

fn cell(raw: Raw<'_>) -> Cell<'_> {
    match raw {
        Raw::Null => Cell::Null,
        Raw::Number(number) => Cell::Number(number),
        Raw::Float => Cell::Other,
        Raw::Text(text) => std::str::from_utf8(text).map_or(Cell::Other, Cell::Text),
        Raw::Bytes(bytes) => Cell::Bytes(bytes),
    }
}

/// The columns of a swept table, which are ours in our order.
fn columns(conn: &Connection, table: &Table) -> Result<Vec<Column>, Stopped> {
    let mut statement = conn.prepare(COLUMNS)?;
    let mut rows = statement.query([table.from])?;
    let mut columns = Vec::with_capacity(table.width);
    while let Some(row) = rows.next()? {
        let (name, default): (String, Option<String>) = (row.get(0)?, row.get(1)?);
        if table.place_of(&name) != Some(columns.len()) {
            return Err(Stopped::Odd);
        }
        let default = match default {
            None => Cell::Null,
            Some(text) => Cell::Number(text.parse().map_err(|_| Stopped::Odd)?),
        };
        columns.push(Column { is_rowid: row.get(2)?, default });
    }
    if columns.len() == table.width { Ok(columns) } else { Err(Stopped::Odd) }
}

#[cfg(test)]
mod tests;
