//! The file itself, looked at by reading each of its pages once: that every page is in one place of one tree, or free, that
//! the trees are trees, and what the indexes of the swept tables add up to. Who finds nothing here need not ask SQLite,
//! whose own checks go over the pages of an index four times for the same. It names trees only; SQLite says what it is.

#[cfg(test)]
pub(super) mod tests;

use std::sync::Arc;

use rusqlite::Connection;

use super::super::audit::indexes::{COLUMNS, INDEXES, Key, Sum, Value, Walk};
use super::super::audit::round::TABLES;
use super::btree::{Cursor, Kind, Pages, Raw, Record};
use super::reader::Stopped;

/// All trees but that of this table itself, which has the first page.
const ROOTS: &str = "SELECT type = 'index', CAST(name AS TEXT), CAST(tbl_name AS TEXT), rootpage FROM sqlite_schema \
     WHERE rootpage > 0 ORDER BY rootpage";

/// What was found.
#[derive(Debug, Default)]
pub(in crate::sql) struct Structure {
    /// What is wrong with the file, apart from what the indexes hold.
    pub(in crate::sql) problems: Vec<String>,
    /// What the entries of these indexes add up to, in the order of [`INDEXES`]; `None` for one that is not in order.
    pub(in crate::sql) indexes: Vec<Option<Sum>>,
}

/// A tree of the file.
struct Root {
    is_index: bool,
    name: String,
    table: String,
    page: u32,
}

/// Looks at everything; the sums are under `key`.
pub(super) fn look(conn: &Connection, key: &Arc<Key>) -> Structure {
    let mut found = Structure { indexes: vec![None; INDEXES.len()], ..Structure::default() };
    if let Err(stopped) = found.look(conn, key) {
        found.problems.push(match stopped {
            Stopped::Sql(error) => error.to_string(),
            Stopped::Odd | Stopped::Unwanted => "the file's header is not as SQLite writes it".to_owned(),
        });
    }
    found
}

impl Structure {
    fn look(&mut self, conn: &Connection, key: &Arc<Key>) -> Result<(), Stopped> {
        let mut pages = Pages::new(conn)?;
        self.note("the table of contents", walked(&mut pages, 1, Kind::Table));
        let mut rows = [None; TABLES.len()];
        for root in roots(conn)? {
            let swept = TABLES.iter().position(|table| table.from == root.table);
            let index = INDEXES.iter().position(|index| root.is_index && index.name == root.name);
            match (swept, index) {
                (_, Some(place)) => {
                    self.indexes[place] = index_sum(&mut pages, root.page, key, place).ok().flatten()
                }
                (Some(place), None) if !root.is_index => {
                    rows[place] = self.note(&root.name, walked(&mut pages, root.page, Kind::Table));
                }
                _ => {
                    let kind = pages.kind_of(root.page);
                    let walked = kind.and_then(|kind| walked(&mut pages, root.page, kind));
                    self.note(&root.name, walked);
                    if swept.is_none() && !root.is_index {
                        self.problems.extend(integrity_of(conn, &root.name)?);
                    }
                }
            }
        }
        self.note("the list of free pages", pages.take_free());
        self.compare_rows(&rows);
        let left = pages.left();
        if left > 0 && self.is_clean() {
            self.problems.push(format!("{left} pages are in no tree"));
        }
        Ok(())
    }

    /// Remembers that something is wrong there.
    fn note<T>(&mut self, name: &str, walked: Result<T, Stopped>) -> Option<T> {
        walked.map_err(|_| self.problems.push(format!("{name} is not as SQLite writes it"))).ok()
    }

    /// A table has as many rows as its index has entries, and no number twice: so each row has its entry.
    fn compare_rows(&mut self, rows: &[Option<u64>]) {
        for (table, rows) in TABLES.iter().zip(rows) {
            let by = INDEXES.iter().position(|index| index.name == table.by);
            let entries = by.and_then(|place| self.indexes[place]).map(|sum| sum.entries);
            if entries.zip(*rows).is_some_and(|(entries, rows)| entries != rows) {
                self.problems
                    .push(format!("{} has not as many rows as {} has entries", table.from, table.by));
            }
        }
    }

    fn is_clean(&self) -> bool {
        self.problems.is_empty() && self.indexes.iter().all(Option::is_some)
    }
}

fn roots(conn: &Connection) -> rusqlite::Result<Vec<Root>> {
    let mut statement = conn.prepare(ROOTS)?;
    let roots = statement.query_map([], |row| {
        Ok(Root { is_index: row.get(0)?, name: row.get(1)?, table: row.get(2)?, page: row.get(3)? })
    })?;
    roots.collect()
}

/// The number of rows or entries of a tree.
fn walked(pages: &mut Pages<'_>, root: u32, kind: Kind) -> Result<u64, Stopped> {
    let mut cursor = Cursor::checking(pages, root, kind)?;
    let mut count = 0;
    while cursor.advance(pages)? {
        count += 1;
    }
    Ok(count)
}

/// What the entries of an index add up to; `None` when it is not in order or holds what we never write.
fn index_sum(pages: &mut Pages<'_>, root: u32, key: &Arc<Key>, place: usize) -> Result<Option<Sum>, Stopped> {
    let mut cursor = Cursor::checking(pages, root, Kind::Index)?;
    let mut walk = Walk::new(key, place);
    while cursor.advance(pages)? {
        if entry(cursor.payload(), &mut walk, INDEXES[place].columns.len()).is_none() {
            return Ok(None);
        }
    }
    Ok(Some(walk.sum()))
}

/// Shows an entry with so many columns to the walk.
fn entry(payload: &[u8], walk: &mut Walk, width: usize) -> Option<()> {
    let mut record = Record::new(payload)?;
    let mut columns = [Value::Null; COLUMNS];
    for column in &mut columns[..width] {
        *column = match record.column()? {
            Raw::Null => Value::Null,
            Raw::Number(number) => Value::Number(number),
            Raw::Text(text) => Value::Text(text),
            Raw::Float | Raw::Bytes(_) => return None,
        };
    }
    let Some(Raw::Number(rowid)) = record.column() else { return None };
    if !record.is_at_end() {
        return None;
    }
    walk.entry(&columns[..width], rowid, payload.len())
}

/// What SQLite finds wrong with a table and its indexes.
fn integrity_of(conn: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = conn.prepare(&format!("PRAGMA integrity_check('{}')", table.replace('\'', "''")))?;
    let mut lines: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    lines.retain(|line| line != "ok");
    Ok(lines)
}
