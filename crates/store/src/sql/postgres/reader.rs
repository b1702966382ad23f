//! Reading for the audit's quick pass, as `sqlite/reader.rs` does: the rows of some hundred intents at a time.

use sqlx::postgres::PgRow;
use sqlx::{Row as _, TypeInfo, ValueRef as _};

use super::super::audit::cells::{Cell, Cells};
use super::super::audit::round::{Round, TABLES, Table};
use super::super::conn::{Db, Row, built, query};
use crate::error::Fault;

/// Entries in a round, and those of the last intent that come on top.
const ROUND: i64 = 1_000;
const LAST: &str = "SELECT intent FROM journal WHERE intent > $1 ORDER BY intent, version LIMIT 1 OFFSET $2";

/// The rows after this intent's, and up to which intent; `None` instead of that when they are the last.
pub(in crate::sql) async fn next(
    db: &mut Db<'_>,
    after: &str,
) -> Result<Option<(Round, Option<String>)>, Fault> {
    let last: Option<String> = query(LAST).bind(after).bind(ROUND).scalar(db).await?;
    let mut round = Round::new();
    for (table, cells) in TABLES.iter().zip(&mut round.tables) {
        let Table { columns, from, key, then, .. } = table;
        let until = if last.is_some() { format!(" AND {key} <= $2") } else { String::new() };
        let text = format!("SELECT {columns} FROM {from} WHERE {key} > $1{until} ORDER BY {key}{then}");
        let rows = match last.as_deref() {
            Some(last) => built(text).bind(after).bind(last).rows(db).await?,
            None => built(text).bind(after).rows(db).await?,
        };
        for row in &rows {
            if let Row::Postgres(row) = row {
                push(cells, row)?;
            }
        }
        if cells.is_too_big() {
            return Ok(None);
        }
    }
    Ok(Some((round, last)))
}

fn push(cells: &mut Cells, row: &PgRow) -> Result<(), sqlx::Error> {
    for column in 0..row.len() {
        let value = row.try_get_raw(column)?;
        let is_null = value.is_null();
        let name = value.type_info().name().to_owned();
        match name.as_str() {
            _ if is_null => cells.push(Cell::Null),
            "INT8" => cells.push(Cell::Number(row.try_get(column)?)),
            "TEXT" => cells.push(Cell::Text(row.try_get(column)?)),
            "BYTEA" => cells.push(Cell::Bytes(row.try_get(column)?)),
            _ => cells.push(Cell::Other),
        }
    }
    Ok(())
}
