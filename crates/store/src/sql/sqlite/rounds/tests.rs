//! What is read by hand is what SQLite reads, in the same order.

use super::super::structure::tests::{SMALL, made};
use super::*;
use crate::sql::sqlite::{FEW, Reader};

/// As SQLite's `quote` writes it.
fn quoted(cell: Cell<'_>) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => format!("'{text}'"),
        Cell::Bytes(bytes) => format!("X'{}'", hex::encode_upper(bytes)),
        Cell::Other => "other".to_owned(),
    }
}

/// All rows of a table with their numbers, a line each.
fn by_statement(conn: &Connection, table: &Table) -> Vec<String> {
    let Table { columns, from, key, then, .. } = table;
    let quoted: Vec<String> = columns.split(", ").map(|column| format!("quote({column})")).collect();
    let text =
        format!("SELECT concat_ws(' ', {}, rowid) FROM {from} ORDER BY {key}{then}", quoted.join(", "));
    let mut statement = conn.prepare(&text).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn rows_are_those_that_sqlite_reads_however_long_they_are_and_however_old() {
    for first in [SMALL, "", "PRAGMA journal_mode = WAL;"] {
        let folder = tempfile::tempdir().unwrap();
        let path = made(folder.path(), first);
        let conn = Connection::open(&path).unwrap();
        // A column that came later is not in the records that were there.
        conn.execute_batch(
            "ALTER TABLE ledger DROP COLUMN requests; ALTER TABLE ledger DROP COLUMN lease_until; \
             ALTER TABLE ledger ADD COLUMN requests BIGINT NOT NULL DEFAULT 7; \
             ALTER TABLE ledger ADD COLUMN lease_until BIGINT; UPDATE ledger SET requests = 8 WHERE at > 60",
        )
        .unwrap();
        let mut read = [const { Vec::new() }; TABLES.len()];
        let reader = Reader::open(&path, FEW).unwrap();
        let take = |round: Round| {
            for ((lines, cells), rowids) in read.iter_mut().zip(&round.tables).zip(&round.rowids) {
                for (line, rowid) in cells.lines().zip(rowids) {
                    let cells = (0..cells.width()).map(|column| quoted(line.cell(column)));
                    lines.push(cells.chain([rowid.to_string()]).collect::<Vec<_>>().join(" "));
                }
            }
            Ok(())
        };
        reader.rounds(Round::new, take).unwrap();
        for (table, lines) in TABLES.iter().zip(read) {
            assert!(lines.len() >= 45, "{}", table.from);
            assert_eq!(lines, by_statement(&conn, table), "{}, {first}", table.from);
        }
    }
}

#[test]
fn a_table_with_other_columns_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path(), SMALL);
    let conn = Connection::open(&path).unwrap();
    for change in [
        "ALTER TABLE suggestions ADD COLUMN more TEXT",
        "ALTER TABLE suggestions DROP COLUMN more; ALTER TABLE suggestions RENAME COLUMN attempt TO more",
    ] {
        conn.execute_batch(change).unwrap();
        let stopped = Reader::open(&path, FEW).unwrap().rounds(Round::new, |_| Ok(()));
        assert!(matches!(stopped, Err(Stopped::Odd)), "{change}");
    }
}
