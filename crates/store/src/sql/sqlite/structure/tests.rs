//! What SQLite finds in a damaged file is found here too; a whole one is whole, however deep its trees and long its rows.

use std::path::{Path, PathBuf};

use super::*;
use crate::audit::AuditReport;
use crate::migrate::MIGRATIONS;
use crate::sql::audit::indexes::{Sums, add, differing};
use crate::sql::audit::round::Round;
use crate::sql::conn::Db;
use crate::sql::sqlite::{FEW, Reader, check_schema};

/// A small page makes deep trees of few rows, and chains of what is long.
pub(in super::super) const SMALL: &str = "PRAGMA page_size = 512; PRAGMA foreign_keys = OFF;";

const ROWS: &str = "
    CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 90) SELECT i FROM n;
    INSERT INTO journal SELECT i, 'i' || i % 30, i, i * 1000000, 'Registered', 1,
        CAST(printf('%.*c', i * i / 4, 'b') AS BLOB), '', 'p' || i, 'h' || i FROM n;
    INSERT INTO intents SELECT 'i' || i, i || 'i', 1, i - 7, i << (i % 50), -i, 1 << (i % 60), 'r' || i % 3, 'finding', 't',
        CASE WHEN i % 2 THEN 'f' || i END, CASE WHEN i % 3 THEN printf('%.*c', i * 10, 'd') || '/ä.py' END,
        CASE WHEN i % 5 THEN 'F' || i % 4 END, 'p' || i % 6, 's' || i % 5, i % 2, i % 4 = 0, NULL, NULL, NULL, 0, 0,
        NULL, NULL, NULL, NULL, CASE WHEN i % 7 THEN 'a' || i % 3 END FROM n;
    INSERT INTO suggestions SELECT 's' || i, 'i' || (1 + i % 20), 90 - i / 50 FROM n WHERE i % 2;
    INSERT INTO ledger SELECT 'i' || i, 1, 'p', NULL, i, 'd', 'm', CASE WHEN i % 3 THEN 'settled' ELSE 'open' END,
        0, 0, 0, 0, NULL, 0, 0, 'w', 1, NULL FROM n WHERE i % 2;
    INSERT INTO blobs SELECT 'b' || i, 2000, zeroblob(2000), NULL FROM n;
    DELETE FROM blobs WHERE substr(sha256, 2) % 3 = 0;";

/// Our tables with rows in them, and pages that are free.
pub(in super::super) fn made(folder: &Path, first: &str) -> PathBuf {
    let path = folder.join("journal.db");
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch(first).unwrap();
    MIGRATIONS.iter().for_each(|text| conn.execute_batch(text).unwrap());
    conn.execute_batch(ROWS).unwrap();
    conn.close().unwrap();
    path
}

/// What the rows should have in their indexes; `None` when they cannot be read.
fn wanted(reader: &Reader, key: &Key) -> Option<Sums> {
    let mut all = Box::<Sums>::default();
    let take = |round: Round| {
        let sums = key.sums(&round).ok_or(Stopped::Odd)?;
        add(&mut all, &sums);
        Ok(())
    };
    reader.rounds(Round::new, take).ok()?;
    Some(*all)
}

/// The problems, and the indexes that do not hold what their tables hold.
fn found(path: &Path) -> (Vec<String>, Vec<&'static str>) {
    let key = Arc::new(Key::new());
    let Ok(reader) = Reader::open(path, FEW) else { return (vec!["closed".to_owned()], Vec::new()) };
    let structure = reader.structure(&key);
    let differing = match wanted(&reader, &key) {
        Some(wanted) => differing(&structure.indexes, &wanted),
        None => vec!["rows"],
    };
    let mut problems = structure.problems;
    problems.extend(definitions(path));
    (problems, differing)
}

/// Tables and indexes that are not defined as ours.
fn definitions(path: &Path) -> Vec<String> {
    let mut conn = Connection::open(path).unwrap();
    let (mut db, mut report) = (Db::Sqlite(&mut conn), AuditReport::default());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    match runtime.block_on(check_schema(&mut db, &mut report)) {
        Ok(()) => report.structure().cloned().collect(),
        Err(_) => vec!["the table of contents cannot be read".to_owned()],
    }
}

/// What SQLite says, but for what a column may hold: each row is compared with its events.
fn said(path: &Path) -> Vec<String> {
    let conn = Connection::open(path).unwrap();
    let check = || {
        let mut statement = conn.prepare("PRAGMA integrity_check(5)")?;
        statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()
    };
    let mut lines = check().unwrap_or_else(|error| vec![error.to_string()]);
    lines.retain(|line| line != "ok" && !line.contains(" value in "));
    lines
}

#[test]
fn a_whole_file_is_whole() {
    let vacuumed = format!("PRAGMA auto_vacuum = NONE; {SMALL}");
    for first in [SMALL, &vacuumed, "", "PRAGMA page_size = 65536;", "PRAGMA journal_mode = WAL;"] {
        let folder = tempfile::tempdir().unwrap();
        let path = made(folder.path(), first);
        assert_eq!(said(&path), Vec::<String>::new(), "{first}");
        assert_eq!(found(&path), (Vec::new(), Vec::new()), "{first}");
    }
}

#[test]
fn pages_that_are_still_in_the_log_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path(), "PRAGMA journal_mode = WAL;");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA wal_autocheckpoint = 0; UPDATE intents SET status = 'x'").unwrap();
    assert_eq!(found(&path), (Vec::new(), Vec::new()));
    let built_as = |from: &str, to: &str| {
        format!(
            "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '(status,', '({from},') \
             WHERE name = 'intents_status'; PRAGMA writable_schema = RESET; REINDEX intents_status; \
             PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '({from},', '({to},') \
             WHERE name = 'intents_status'; PRAGMA writable_schema = RESET"
        )
    };
    other.execute_batch(&built_as("phase", "status")).unwrap();
    assert_eq!(found(&path), (Vec::new(), vec!["intents_status"]));
}

#[test]
fn a_file_whose_pages_move_is_not_one_that_we_make() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path(), "PRAGMA auto_vacuum = FULL;");
    assert_eq!(found(&path).0, ["the file's header is not as SQLite writes it"]);
}

/// A number by chance, the same in each run.
fn next(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize
}

#[test]
fn what_sqlite_finds_in_a_damaged_file_is_found_too() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(made(folder.path(), SMALL)).unwrap();
    let path = folder.path().join("damaged.db");
    let (mut state, mut both, mut ours) = (1, 0, 0);
    for round in 0..400 {
        let mut bytes = whole.clone();
        let page = next(&mut state) % (bytes.len() / 512);
        // Headers and the places of cells stand first, cells last.
        let place = page * 512 + next(&mut state) % if round % 2 == 0 { 64 } else { 512 };
        let other = match round % 3 {
            0 => next(&mut state) as u8,
            1 => bytes[place] ^ 1 << (next(&mut state) % 8),
            _ => bytes[place].wrapping_add(1),
        };
        bytes[place] = other;
        std::fs::write(&path, &bytes).unwrap();
        let (said, found) = (said(&path), found(&path));
        let is_found = found != (Vec::new(), Vec::new());
        assert!(is_found || said.is_empty(), "round {round}, byte {place}: SQLite says {said:?}");
        both += u32::from(!said.is_empty());
        ours += u32::from(is_found);
    }
    assert!(both > 80 && ours >= both, "too little was damaged: {both}, {ours}");
}

#[test]
fn pages_in_two_places_or_in_none_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(made(folder.path(), SMALL)).unwrap();
    let path = folder.path().join("damaged.db");
    let damaged = |damage: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        damage(&mut bytes);
        std::fs::write(&path, &bytes).unwrap();
        assert_ne!(said(&path), Vec::<String>::new());
        found(&path).0
    };
    let free = "the list of free pages is not as SQLite writes it";
    // The list is cut off, or names a page twice.
    assert_eq!(damaged(&|bytes| bytes[32..40].fill(0))[0].split_once(' ').unwrap().1, "pages are in no tree");
    let trunk = u32::from_be_bytes(whole[32..36].try_into().unwrap()) as usize - 1;
    let (first, second) = (trunk * 512 + 8, trunk * 512 + 12);
    assert_eq!(damaged(&|bytes| bytes.copy_within(first..first + 4, second)), [free]);
    assert_eq!(damaged(&|bytes| bytes[trunk * 512 + 7] += 1), [free]);
}
