//! Rows put into tables by few statements. On PostgreSQL each statement is a way to the server, so all rows of all tables go
//! in one. On SQLite they go by some dozens; what costs there is a new text, so there are few sizes.

use std::borrow::Cow;

use super::conn::{Bound, Db, Query, built};
use super::db_error::DbError;
use super::postgres;
use crate::columns::Value;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Text,
    Bytes,
}

/// What stands in one column of one row.
#[derive(Debug)]
pub(super) enum Cell<'a> {
    Number(Option<i64>),
    Text(Option<Cow<'a, str>>),
    Bytes(Cow<'a, [u8]>),
}

/// A table and how rows get into it.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, Kind)],
    /// What follows the rows: what happens when one of them is there already. In one call no two rows may have the same key.
    pub(super) rest: &'static str,
}

/// Rows for a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'r, 'c> {
    pub(super) table: &'r Table,
    pub(super) rows: &'r [Vec<Cell<'c>>],
}

/// Puts rows into several tables, those first that others refer to; gives how many were written into the first of them.
pub(super) async fn put_all(db: &mut Db<'_>, all: &[Rows<'_, '_>]) -> Result<u64, DbError> {
    if let Db::Postgres(conn) = db {
        return postgres::put_all(conn, all).await;
    }
    let mut first = None;
    for Rows { table, rows } in all {
        let written = table.put(db, rows).await?;
        first.get_or_insert(written);
    }
    Ok(first.unwrap_or_default())
}

/// The most rows of one statement on SQLite; a power of two, as all sizes are there.
const MOST: usize = 32;

impl Table {
    /// Puts the rows in, as SQLite likes it; gives how many were written.
    async fn put(&self, db: &mut Db<'_>, rows: &[Vec<Cell<'_>>]) -> Result<u64, DbError> {
        let (mut written, mut left) = (0, rows);
        while !left.is_empty() {
            let most = if left.len() >= MOST { MOST } else { 1 << left.len().ilog2() };
            let (now, later) = left.split_at(most);
            written += self.values(now).execute(db).await?;
            left = later;
        }
        Ok(written)
    }

    /// The statement up to the rows.
    pub(super) fn head(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        format!("INSERT INTO {} ({}) ", self.name, names.join(", "))
    }

    fn values<'q>(&self, rows: &'q [Vec<Cell<'_>>]) -> Query<'q> {
        let width = self.columns.len();
        let places = |row: usize| {
            let places: Vec<String> =
                (1..=width).map(|column| format!("${}", row * width + column)).collect();
            format!("({})", places.join(", "))
        };
        let places: Vec<String> = (0..rows.len()).map(places).collect();
        let text = format!("{}VALUES {}{}", self.head(), places.join(", "), self.rest);
        rows.iter().flatten().fold(built(text), |query, cell| query.bind(cell.bound()))
    }
}

impl Cell<'_> {
    fn bound(&self) -> Bound<'_> {
        match self {
            Self::Number(number) => Bound::Number(*number),
            Self::Text(text) => Bound::Text(text.as_deref()),
            Self::Bytes(bytes) => Bound::Bytes(bytes),
        }
    }
}

impl<'a> From<Value<'a>> for Cell<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Number(number) => Self::Number(number),
            Value::Text(text) => Self::Text(text),
        }
    }
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }
}

impl<'a> From<Option<&'a str>> for Cell<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text.map(Cow::Borrowed))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(Cow::Owned(text)))
    }
}

impl From<Option<String>> for Cell<'_> {
    fn from(text: Option<String>) -> Self {
        Self::Text(text.map(Cow::Owned))
    }
}

impl<'a> From<&'a [u8]> for Cell<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(bytes))
    }
}

impl From<Vec<u8>> for Cell<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Cow::Owned(bytes))
    }
}
