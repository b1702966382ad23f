//! Many rows in one statement: an array for each column, which the server takes apart again.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::super::db_error::DbError;
use super::super::rows::{Cell, Kind, Table};

/// Puts the rows into the table, in their order; gives how many were written.
pub(in super::super) async fn put_rows(
    conn: &mut PgConnection,
    table: &Table,
    rows: &[Vec<Cell<'_>>],
) -> Result<u64, DbError> {
    let arrays: Vec<String> = (1..)
        .zip(table.columns)
        .map(|(number, (_, kind))| format!("CAST(${number} AS {}[])", type_of(*kind)))
        .collect();
    let text = format!("{}SELECT * FROM unnest({}){}", table.head(), arrays.join(", "), table.rest);
    let mut query = sqlx::query(AssertSqlSafe(text));
    for (place, (_, kind)) in table.columns.iter().enumerate() {
        let cells = rows.iter().filter_map(|row| row.get(place));
        query = match kind {
            Kind::Number => query.bind(cells.map(number).collect::<Vec<Option<i64>>>()),
            Kind::Text => query.bind(cells.map(text_of).collect::<Vec<Option<&str>>>()),
            Kind::Bytes => query.bind(cells.map(bytes).collect::<Vec<Option<&[u8]>>>()),
        };
    }
    Ok(query.execute(conn).await?.rows_affected())
}

fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Number => "BIGINT",
        Kind::Text => "TEXT",
        Kind::Bytes => "BYTEA",
    }
}

fn number(cell: &Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Number(number) => *number,
        Cell::Text(_) | Cell::Bytes(_) => None,
    }
}

fn text_of<'c>(cell: &'c Cell<'_>) -> Option<&'c str> {
    match cell {
        Cell::Text(text) => text.as_deref(),
        Cell::Number(_) | Cell::Bytes(_) => None,
    }
}

fn bytes<'c>(cell: &'c Cell<'_>) -> Option<&'c [u8]> {
    match cell {
        Cell::Bytes(bytes) => Some(bytes),
        Cell::Number(_) | Cell::Text(_) => None,
    }
}
