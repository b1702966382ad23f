//! The list is that of the migrations, and a walk sees what is not in order.

use super::*;
use crate::migrate::MIGRATIONS;

fn pristine() -> rusqlite::Connection {
    let conn = rusqlite::Connection::open_in_memory().unwrap();
    MIGRATIONS.iter().for_each(|text| conn.execute_batch(text).unwrap());
    conn
}

fn texts(conn: &rusqlite::Connection, statement: &str, name: &str) -> Vec<String> {
    let mut statement = conn.prepare(statement).unwrap();
    statement.query_map([name], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn every_index_of_a_swept_table_is_listed_as_the_migrations_make_it() {
    let conn = pristine();
    let list = "SELECT name || CASE \"unique\" WHEN 1 THEN ' unique' ELSE '' END FROM pragma_index_list(?1)";
    for (place, table) in TABLES.iter().enumerate() {
        let mut wanted = texts(&conn, list, table.from);
        let ours = INDEXES.iter().filter(|index| index.table == place);
        let mut listed: Vec<String> = ours
            .map(|index| format!("{}{}", index.name, if index.unique { " unique" } else { "" }))
            .collect();
        wanted.sort();
        listed.sort();
        assert_eq!(listed, wanted);
        assert!(wanted.iter().any(|name| name.trim_end_matches(" unique") == table.by), "{}", table.by);
        assert_eq!(table.columns.split(", ").count(), table.width);
    }
    for index in &INDEXES {
        assert_eq!(texts(&conn, "SELECT name FROM pragma_index_info(?1)", index.name), index.columns);
        let text = "SELECT COALESCE(sql, '') FROM sqlite_schema WHERE name = ?1";
        let text = texts(&conn, text, index.name).remove(0);
        let only = text.split_once(" WHERE ").map_or("", |(_, only)| only);
        assert_eq!(condition(index.only), only, "{}", index.name);
        assert!(
            index
                .columns
                .iter()
                .chain(index.only.iter().map(|(name, _)| name))
                .all(|name| { TABLES[index.table].place_of(name).is_some() })
        );
    }
}

/// The place of `intents_status`, whose entries are a text and a number.
fn by_status() -> usize {
    INDEXES.iter().position(|index| index.name == "intents_status").unwrap()
}

fn walked(index: usize, entries: &[(Cell<'_>, i64, i64)]) -> Option<Sum> {
    let key = Arc::new(Key::new());
    let mut walk = Walk::new(&key, index);
    for (text, number, rowid) in entries {
        walk.entry([*text, Cell::Number(*number)].into_iter(), *rowid)?;
    }
    assert_eq!(Sum::from_bytes(walk.sum.to_bytes()), walk.sum);
    Some(walk.sum())
}

#[test]
fn a_walk_goes_on_in_the_order_of_sqlite_only() {
    let entries = [
        (Cell::Null, 1, 4),
        (Cell::Number(-3), 1, 4),
        (Cell::Number(5), 1, 4),
        (Cell::Text("a"), 1, 4),
        (Cell::Text("a"), 1, 5),
        (Cell::Text("a"), 2, 1),
        (Cell::Text("ab"), 0, 1),
    ];
    assert_eq!(walked(by_status(), &entries).map(|sum| sum.entries), Some(7));
    for place in 1..entries.len() {
        let mut other = entries;
        other.swap(place - 1, place);
        assert_eq!(walked(by_status(), &other), None, "{place}");
        other[place] = other[place - 1];
        assert_eq!(walked(by_status(), &other), None, "{place} twice");
    }
    for cell in [Cell::Other, Cell::Bytes(b"a")] {
        assert_eq!(walked(by_status(), &[(cell, 1, 1)]), None);
    }
}

#[test]
fn a_unique_index_has_a_value_once_unless_it_is_null() {
    let finding = INDEXES.iter().position(|index| index.name == "intents_live_finding").unwrap();
    let twice = |text| walked(finding, &[(text, 1, 1), (text, 1, 2)]).is_some();
    assert!(twice(Cell::Null) && !twice(Cell::Text("a")));
}

#[test]
fn every_part_of_an_entry_is_in_its_sum() {
    let key = Key::new();
    let sum = |index: usize, cell: Cell<'_>, rowid| {
        let mut sum = Sum::default();
        key.add_entry(index, [key.part(cell).unwrap()].into_iter(), rowid, &mut sum);
        sum.keyed
    };
    let cells =
        [Cell::Null, Cell::Number(0), Cell::Number(1), Cell::Text(""), Cell::Text("0"), Cell::Text("1")];
    let mut sums: Vec<u64> = cells.into_iter().map(|cell| sum(0, cell, 1)).collect();
    sums.extend([sum(1, Cell::Null, 1), sum(0, Cell::Null, 2)]);
    sums.sort_unstable();
    sums.dedup();
    assert_eq!(sums.len(), 8);
    assert_ne!(Key::new().part(Cell::Null).unwrap().hash, key.part(Cell::Null).unwrap().hash);
}

#[test]
fn bytes_are_counted_as_sqlite_stores_them() {
    let conn = rusqlite::Connection::open_in_memory().unwrap();
    conn.execute_batch("CREATE TABLE t (x); CREATE INDEX i ON t (x)").unwrap();
    let key = Key::new();
    let mut sum = Sum::default();
    let numbers = (0..63).flat_map(|bit| [1_i64 << bit, (1 << bit) - 1, -(1 << bit), !(1 << bit)]);
    for (number, rowid) in numbers.zip(1..) {
        conn.execute("INSERT INTO t (rowid, x) VALUES (?1, ?2)", [rowid, number]).unwrap();
        key.add_entry(0, [key.part(Cell::Number(number)).unwrap()].into_iter(), rowid, &mut sum);
    }
    for (length, rowid) in [0, 1, 56, 57, 58, 8_000, 8_185, 8_186, 20_000].into_iter().zip(1_000..) {
        let text = "x".repeat(length);
        conn.execute("INSERT INTO t (rowid, x) VALUES (?1, ?2)", (rowid, &text)).unwrap();
        key.add_entry(0, [key.part(Cell::Text(&text)).unwrap()].into_iter(), rowid, &mut sum);
    }
    let held: (u64, u64) = conn
        .query_row("SELECT ncell, payload FROM dbstat WHERE name = 'i' AND aggregate = TRUE", [], |row| {
            Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, i64>(1)?.unsigned_abs()))
        })
        .unwrap();
    assert_eq!((sum.entries, sum.bytes), held);
}
