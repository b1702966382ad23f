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
        let all = texts(&conn, "SELECT name FROM pragma_table_info(?1) ORDER BY cid", table.from);
        assert_eq!(table.columns.split(", ").collect::<Vec<_>>(), all);
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

/// The condition of a partial index, as the migrations write it.
fn condition(only: &[(&str, Only)]) -> String {
    let terms = only.iter().map(|(column, only)| match only {
        Only::One => format!("{column} = 1"),
        Only::Some => format!("{column} IS NOT NULL"),
        Only::Is(text) => format!("{column} = '{text}'"),
    });
    terms.collect::<Vec<_>>().join(" AND ")
}

/// The place of `intents_status`, whose entries are a text and a number.
fn by_status() -> usize {
    INDEXES.iter().position(|index| index.name == "intents_status").unwrap()
}

fn walked(index: usize, entries: &[(Value<'_>, i64, i64)]) -> Option<Sum> {
    let key = Arc::new(Key::new());
    let mut walk = Walk::new(&key, index);
    for (text, number, rowid) in entries {
        walk.entry(&[*text, Value::Number(*number)], *rowid, 10)?;
    }
    Some(walk.sum())
}

#[test]
fn a_walk_goes_on_in_the_order_of_sqlite_only() {
    let entries = [
        (Value::Null, 1, 4),
        (Value::Number(-3), 1, 4),
        (Value::Number(5), 1, 4),
        (Value::Text(b"a"), 1, 4),
        (Value::Text(b"a"), 1, 5),
        (Value::Text(b"a"), 2, 1),
        (Value::Text(b"ab"), 0, 1),
    ];
    assert_eq!(walked(by_status(), &entries).map(|sum| sum.entries), Some(7));
    for place in 1..entries.len() {
        let mut other = entries;
        other.swap(place - 1, place);
        assert_eq!(walked(by_status(), &other), None, "{place}");
        other[place] = other[place - 1];
        assert_eq!(walked(by_status(), &other), None, "{place} twice");
    }
    assert_eq!([Cell::Other, Cell::Bytes(b"a")].map(Value::of), [None, None]);
}

#[test]
fn a_unique_index_has_a_value_once_unless_it_is_null() {
    let finding = INDEXES.iter().position(|index| index.name == "intents_live_finding").unwrap();
    let twice = |text| walked(finding, &[(text, 1, 1), (text, 1, 2)]).is_some();
    assert!(twice(Value::Null) && !twice(Value::Text(b"a")));
}

#[test]
fn every_part_of_an_entry_is_in_its_sum() {
    let key = Key::new();
    let sum = |index: usize, value: Value<'_>, rowid| {
        let mut sum = Sum::default();
        key.add_entry(index, [key.part(value)].into_iter(), rowid, &mut sum);
        sum.keyed
    };
    let values = [
        Value::Null,
        Value::Number(0),
        Value::Number(1),
        Value::Text(b""),
        Value::Text(b"0"),
        Value::Text(b"1"),
    ];
    let mut sums: Vec<u64> = values.into_iter().map(|value| sum(0, value, 1)).collect();
    sums.extend([sum(1, Value::Null, 1), sum(0, Value::Null, 2)]);
    sums.sort_unstable();
    sums.dedup();
    assert_eq!(sums.len(), 8);
    assert_ne!(Key::new().part(Value::Null).hash, key.part(Value::Null).hash);
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
        key.add_entry(0, [key.part(Value::Number(number))].into_iter(), rowid, &mut sum);
    }
    for (length, rowid) in [0, 1, 56, 57, 58, 8_000, 8_185, 8_186, 20_000].into_iter().zip(1_000..) {
        let text = "x".repeat(length);
        conn.execute("INSERT INTO t (rowid, x) VALUES (?1, ?2)", (rowid, &text)).unwrap();
        key.add_entry(0, [key.part(Value::Text(text.as_bytes()))].into_iter(), rowid, &mut sum);
    }
    let held: (u64, u64) = conn
        .query_row("SELECT ncell, payload FROM dbstat WHERE name = 'i' AND aggregate = TRUE", [], |row| {
            Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, i64>(1)?.unsigned_abs()))
        })
        .unwrap();
    assert_eq!((sum.entries, sum.bytes), held);
}
