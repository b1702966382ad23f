//! What is read from copies is what a statement gives, in the same order, an intent's rows together.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Connection as _, raw_sql};
use tokio::sync::mpsc;

use super::super::{Readers, SNAPSHOT, raise};
use super::*;
use crate::migrate::FORMAT;
use crate::sql::conn::{Db, built, run_script};

/// Ids in an order that is not that of their numbers, and not that of their rows; some of them in some tables only.
const ROWS: &str = "\
    INSERT INTO journal SELECT n, 'i-' || (n * 7919 % 1500), n / 1500, n, 'Någon', 1, \
        decode(repeat(md5(n::TEXT), 1 + n::INT % 40), 'hex'), repeat('a', n::INT % 3), md5(n::TEXT), md5((n + 1)::TEXT) \
        FROM generate_series(1, 4500) n; \
    INSERT INTO intents SELECT 'i-' || n, n || 'r', n, n, n, -n, n, '/r', 'fix', 'Ä', CASE WHEN n % 3 = 0 THEN 'f' || n END, \
        NULL, NULL, 'p', 's', n % 2, 0, NULL, NULL, '', n, 0, 0, 0, 0, CASE WHEN n % 5 = 0 THEN n END, NULL \
        FROM generate_series(0, 2000) n; \
    INSERT INTO suggestions SELECT 's' || n, 'i-' || (n % 400), n % 3 FROM generate_series(1, 900) n; \
    INSERT INTO ledger SELECT 'i-' || (n % 300), n / 300, 'p', NULL, n, 'd', 'm', 'open', n, n, 0, 0, NULL, 0, 0, 'w', 1, \
        CASE WHEN n % 2 = 0 THEN n END FROM generate_series(1, 700) n";

/// A new schema with such rows.
async fn made() -> (Readers, PgConnection) {
    let readers = Readers::new(testkit::postgres_schema().parse().unwrap());
    let mut conn = readers.connect().await.unwrap();
    let db = &mut Db::Postgres(&mut conn);
    raise(db, 0, FORMAT).await.unwrap();
    run_script(db, ROWS.to_owned()).await.unwrap();
    (readers, conn)
}

/// All rounds, and how it ended.
async fn rounds(readers: &Readers, conn: &mut PgConnection) -> (Vec<Round>, Option<Result<(), Fault>>) {
    let mut tx = conn.begin_with(SNAPSHOT).await.unwrap();
    let conns = readers.beside(&mut tx).await.unwrap();
    let (sender, mut receiver) = mpsc::channel(2);
    let task = tokio::spawn(send(conns, Round::new, sender));
    let mut rounds = Vec::new();
    let end = loop {
        match receiver.recv().await {
            Some(Ok(Some(round))) => rounds.push(round),
            Some(Ok(None)) => break Some(Ok(())),
            Some(Err(fault)) => break Some(Err(fault)),
            None => break None,
        }
    };
    task.await.unwrap();
    (rounds, end)
}

fn told(cell: Cell<'_>) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Number(number) => format!("bigint:{number}"),
        Cell::Text(text) => format!("text:{text}"),
        Cell::Bytes(bytes) => format!("bytea:\\x{}", hex::encode(bytes)),
        Cell::Other => "other".to_owned(),
    }
}

/// All rows of a table by an ordinary statement, a line each.
async fn by_statement(conn: &mut PgConnection, table: &Table) -> Vec<String> {
    let Table { columns, from, key, then, .. } = table;
    let columns = columns.split(", ").map(str::trim);
    let told = columns.map(|name| format!("COALESCE(pg_typeof({name}) || ':' || {name}::TEXT, 'NULL')"));
    let text = format!(
        "SELECT concat_ws('|', {}) FROM {from} ORDER BY {key}{then}",
        told.collect::<Vec<_>>().join(", ")
    );
    built(text).scalars(&mut Db::Postgres(conn)).await.unwrap()
}

#[tokio::test]
async fn rows_are_those_that_a_statement_gives_and_an_intent_is_in_one_round() {
    testkit::requires!(testkit::postgres_need());
    let (readers, mut conn) = made().await;
    let (rounds, end) = rounds(&readers, &mut conn).await;
    end.unwrap().unwrap();
    assert!(rounds.len() > 2, "{}", rounds.len());
    let mut ids: Vec<&str> = Vec::new();
    for round in &rounds {
        let tables = TABLES.iter().zip(&round.tables);
        let here =
            tables.flat_map(|(table, cells)| cells.lines().map(|line| line.text(table.place).unwrap()));
        ids.extend(here.collect::<BTreeSet<_>>());
    }
    assert_eq!(ids.len(), 2001);
    assert!(ids.is_sorted_by(|a, b| a < b));
    for (number, table) in TABLES.iter().enumerate() {
        let cells = || rounds.iter().map(|round| &round.tables[number]);
        let line = |line: crate::sql::audit::cells::Line<'_>| {
            (0..table.width).map(|column| told(line.cell(column))).collect::<Vec<_>>().join("|")
        };
        let read: Vec<String> = cells().flat_map(Cells::lines).map(line).collect();
        assert!(read.len() >= 700);
        assert_eq!(read, by_statement(&mut conn, table).await, "{}", table.from);
    }
}

#[tokio::test]
async fn a_column_of_another_type_holds_nothing_of_ours_and_one_that_is_gone_is_an_error() {
    testkit::requires!(testkit::postgres_need());
    let (readers, mut conn) = made().await;
    let change = async |conn: &mut PgConnection, text: &'static str| {
        raw_sql(AssertSqlSafe(text)).execute(conn).await.unwrap();
    };
    change(&mut conn, "ALTER TABLE ledger ALTER at TYPE TEXT, ALTER week TYPE BYTEA USING '\\x00'").await;
    let (found, end) = rounds(&readers, &mut conn).await;
    end.unwrap().unwrap();
    let line = found[0].tables[3].line(0);
    let cell = |name| line.cell(TABLES[3].place_of(name).unwrap());
    assert!(matches!((cell("at"), cell("week")), (Cell::Text(_), Cell::Bytes(b"\0"))));
    change(&mut conn, "ALTER TABLE ledger ALTER at TYPE INT USING 1, ALTER intent TYPE VARCHAR").await;
    let (_, end) = rounds(&readers, &mut conn).await;
    assert!(end.is_none(), "an id is text");
    change(&mut conn, "ALTER TABLE ledger ALTER intent TYPE TEXT COLLATE \"C\"").await;
    let (found, end) = rounds(&readers, &mut conn).await;
    end.unwrap().unwrap();
    let line = found[0].tables[3].line(0);
    assert_eq!(line.cell(TABLES[3].place_of("at").unwrap()), Cell::Other);
    change(&mut conn, "ALTER TABLE ledger DROP COLUMN at").await;
    let (found, end) = rounds(&readers, &mut conn).await;
    assert!(matches!(end, Some(Err(Fault::Sql(_)))) && found.is_empty());
}
