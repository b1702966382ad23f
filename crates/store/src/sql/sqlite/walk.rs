//! Adds up what an index holds, from within SQLite's statement: a function that it calls for each entry. To step from entry
//! to entry from outside takes half as long again.

use std::sync::Arc;

use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error};

use super::super::audit::indexes::{INDEXES, Index, Key, Sum, Walk};
use super::reader::cell;

/// The entries of an index and the bytes in them, as its pages hold them.
const PAYLOAD: &str = "SELECT CAST(SUM(ncell) AS INTEGER), CAST(SUM(payload) AS INTEGER) FROM dbstat \
     WHERE aggregate = TRUE AND name = ?1";

/// What the entries of each of [`INDEXES`] add up to; `None` for one that is not in order or holds what we never write.
pub(super) fn index_sums(conn: &Connection, key: &Arc<Key>) -> Vec<Option<Sum>> {
    (0..INDEXES.len()).map(|place| index_sum(conn, key, place).ok().flatten()).collect()
}

/// An index' pages are asked too how much they hold: a statement does not show what an entry has beside its columns.
fn index_sum(conn: &Connection, key: &Arc<Key>, place: usize) -> rusqlite::Result<Option<Sum>> {
    let index = &INDEXES[place];
    let function = Adding { key: Arc::clone(key), place };
    conn.create_aggregate_function(FUNCTION, -1, FunctionFlags::SQLITE_DIRECTONLY, function)?;
    let sum = conn.query_row(&entries(index), [], |row| row.get(0)).map(Sum::from_bytes)?;
    let held: (Option<i64>, Option<i64>) =
        conn.query_row(PAYLOAD, [index.name], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let wanted = [sum.entries, sum.bytes].map(u64::cast_signed);
    Ok(([held.0.unwrap_or_default(), held.1.unwrap_or_default()] == wanted).then_some(sum))
}

const FUNCTION: &str = "codex_task_walk";

/// The statement that walks through an index in its order, with the row's number behind the columns.
fn entries(index: &Index) -> String {
    let (columns, table) = (index.columns.join(", "), index.table());
    format!("SELECT {FUNCTION}({columns}, rowid) FROM {table} INDEXED BY {}{}", index.name, index.condition())
}

/// The function, for the index at this place.
struct Adding {
    key: Arc<Key>,
    place: usize,
}

impl Aggregate<Walk, [u8; Sum::BYTES]> for Adding {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Walk> {
        Ok(Walk::new(&self.key, self.place))
    }

    fn step(&self, entry: &mut Context<'_>, walk: &mut Walk) -> rusqlite::Result<()> {
        let width = entry.len() - 1;
        let ValueRef::Integer(rowid) = entry.get_raw(width) else { return Err(odd()) };
        let columns = (0..width).map(|column| cell(entry.get_raw(column)));
        walk.entry(columns, rowid).ok_or_else(odd)
    }

    fn finalize(&self, _: &mut Context<'_>, walk: Option<Walk>) -> rusqlite::Result<[u8; Sum::BYTES]> {
        Ok(walk.map(Walk::sum).unwrap_or_default().to_bytes())
    }
}

/// Ends the statement.
fn odd() -> Error {
    Error::UserFunctionError("an index is not in order".into())
}
