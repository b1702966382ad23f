//! Rows of several tables in one statement, because each is a way to the server: a part for each table, whose rows come as
//! an array for each column, or, where there is but one row, value by value, which is planned faster.

use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres};

use super::super::db_error::DbError;
use super::super::rows::{Cell, Kind, Rows, Table};

/// Puts the rows into their tables, those of one table in their order; gives how many were written into the first of the
/// tables. References between the tables are looked at when all rows are there.
pub(in super::super) async fn put_all(conn: &mut PgConnection, all: &[Rows<'_, '_>]) -> Result<u64, DbError> {
    let is_first_empty = all.first().is_none_or(|first| first.rows.is_empty());
    let all: Vec<&Rows<'_, '_>> = all.iter().filter(|part| !part.rows.is_empty()).collect();
    let mut number = 0;
    let parts: Vec<String> = all.iter().map(|part| insert(part, &mut number)).collect();
    let Some((first, others)) = parts.split_first() else { return Ok(0) };
    let others: Vec<String> =
        (1..).zip(others).map(|(place, part)| format!("put{place} AS ({part})")).collect();
    let with = if others.is_empty() { "" } else { "WITH " };
    let text = format!("{with}{} {first}", others.join(", "));
    let query = all.iter().fold(sqlx::query(AssertSqlSafe(text)), bind);
    let written = query.execute(conn).await?.rows_affected();
    Ok(if is_first_empty { 0 } else { written })
}

/// The statement of one table; its values are numbered from the one after `number`.
fn insert(part: &Rows<'_, '_>, number: &mut usize) -> String {
    let Rows { table, rows } = part;
    let value = |(_, kind): &(&str, Kind)| {
        *number += 1;
        if rows.len() == 1 {
            format!("${number}")
        } else {
            format!("CAST(${number} AS {}[])", type_of(*kind))
        }
    };
    let values = table.columns.iter().map(value).collect::<Vec<_>>().join(", ");
    let values = if rows.len() == 1 {
        format!("VALUES ({values})")
    } else {
        format!("SELECT * FROM unnest({values})")
    };
    format!("{}{values}{}", Table::head(table), table.rest)
}

fn bind<'q>(
    query: Query<'q, Postgres, PgArguments>,
    part: &&'q Rows<'_, '_>,
) -> Query<'q, Postgres, PgArguments> {
    let Rows { table, rows } = part;
    if let [row] = rows {
        return row.iter().fold(query, |query, cell| match cell {
            Cell::Number(number) => query.bind(*number),
            Cell::Text(text) => query.bind(text.as_deref()),
            Cell::Bytes(bytes) => query.bind(bytes.as_ref()),
        });
    }
    (0..).zip(table.columns).fold(query, |query, (place, (_, kind))| {
        let cells = rows.iter().filter_map(|row| row.get(place));
        match kind {
            Kind::Number => query.bind(cells.map(number).collect::<Vec<Option<i64>>>()),
            Kind::Text => query.bind(cells.map(text_of).collect::<Vec<Option<&str>>>()),
            Kind::Bytes => query.bind(cells.map(bytes).collect::<Vec<Option<&[u8]>>>()),
        }
    })
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
