//! Reading for the audit's quick pass, as `sqlite/reader.rs` does: the rows of some hundred intents at a time.

use sqlx::postgres::{PgRow, PgValueFormat};
use sqlx::{Column as _, Row as _, TypeInfo as _, ValueRef as _};

use super::super::audit::cells::{Cell, Cells};
use super::super::audit::round::{Round, TABLES, Table};
use super::super::conn::{Db, Row, built, query};
use crate::error::Fault;

/// Entries in a round, and those of the last intent that come on top.
const ROUND: i64 = 1_000;
const LAST: &str = "SELECT intent FROM journal WHERE intent > $1 ORDER BY intent, version LIMIT 1 OFFSET $2";

/// The rows of a round as the server sent them. They are read where they are judged: meanwhile it sends the next ones.
#[derive(Debug)]
pub(in crate::sql) struct Sent([Vec<Row>; TABLES.len()]);

/// The rows after this intent's, and up to which intent; `None` instead of that when they are the last.
pub(in crate::sql) async fn next(db: &mut Db<'_>, after: &str) -> Result<(Sent, Option<String>), Fault> {
    let last: Option<String> = query(LAST).bind(after).bind(ROUND).scalar(db).await?;
    let mut sent = [const { Vec::new() }; TABLES.len()];
    for (table, sent) in TABLES.iter().zip(&mut sent) {
        let Table { columns, from, key, then, .. } = table;
        let until = if last.is_some() { format!(" AND {key} <= $2") } else { String::new() };
        let text = format!("SELECT {columns} FROM {from} WHERE {key} > $1{until} ORDER BY {key}{then}");
        let query = built(text).bind(after);
        *sent = match last.as_deref() {
            Some(last) => query.bind(last).rows(db).await?,
            None => query.rows(db).await?,
        };
    }
    Ok((Sent(sent), last))
}

impl Sent {
    /// The round; `None` when a value cannot be read, or it is more than any round that we write.
    pub(in crate::sql) fn round(&self) -> Option<Round> {
        let mut round = Round::new();
        for (rows, cells) in self.0.iter().zip(&mut round.tables) {
            let mut kinds = Vec::new();
            for row in rows {
                let Row::Postgres(row) = row else { return None };
                if kinds.is_empty() {
                    kinds = row.columns().iter().map(|column| Kind::of(column.type_info().name())).collect();
                }
                push(cells, row, &kinds).ok()?;
                if cells.is_too_big() {
                    return None;
                }
            }
        }
        Some(round)
    }
}

/// What a column holds, where it is not null.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Number,
    Text,
    Bytes,
    Other,
}

impl Kind {
    fn of(name: &str) -> Self {
        match name {
            "INT8" => Self::Number,
            "TEXT" => Self::Text,
            "BYTEA" => Self::Bytes,
            _ => Self::Other,
        }
    }
}

/// Adds a row, each value as the server sent it: the driver's own reading looks its type up each time.
fn push(cells: &mut Cells, row: &PgRow, kinds: &[Kind]) -> Result<(), sqlx::Error> {
    for (column, kind) in kinds.iter().enumerate() {
        let value = row.try_get_raw(column)?;
        if value.is_null() {
            cells.push(Cell::Null);
            continue;
        }
        let is_binary = value.format() == PgValueFormat::Binary;
        let bytes = value.as_bytes().map_err(sqlx::Error::Decode)?;
        cells.push(match kind {
            Kind::Number if is_binary => {
                bytes.try_into().map_or(Cell::Other, |bytes| Cell::Number(i64::from_be_bytes(bytes)))
            }
            Kind::Text => std::str::from_utf8(bytes).map_or(Cell::Other, Cell::Text),
            Kind::Bytes if is_binary => Cell::Bytes(bytes),
            Kind::Number | Kind::Bytes | Kind::Other => Cell::Other,
        });
    }
    Ok(())
}
