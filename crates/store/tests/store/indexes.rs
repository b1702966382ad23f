//! On SQLite: an index that holds something else than its table is found, in every way in which it can.

use store::Problem;

use crate::place::Place;
use crate::story::{Story, finding};

/// Whole stories, some of them with findings, and two that are under way.
async fn told() -> Place {
    let place = Place::sqlite();
    let store = place.open().await;
    for number in 1..=6 {
        Story::new(number).tell(&store, (number % 2 == 0).then(|| finding("x == None"))).await;
    }
    for number in 7..=8 {
        let mut under_way = Story::new(number);
        under_way.begin(&store, Some(finding(&format!("x == {number}")))).await.unwrap();
        under_way.ask(&store, 700).await.unwrap();
    }
    store.close().await.unwrap();
    assert_eq!(place.problems().await, []);
    place
}

/// Builds an index anew while its definition is another one, and gives it its own definition back.
fn built_as(name: &str, part: &str, other: &str) -> String {
    format!(
        "PRAGMA writable_schema = ON; CREATE TEMP TABLE kept AS SELECT sql FROM sqlite_schema WHERE name = '{name}'; \
         UPDATE sqlite_schema SET sql = replace(sql, '{part}', '{other}') WHERE name = '{name}'; \
         PRAGMA writable_schema = RESET; REINDEX {name}; PRAGMA writable_schema = ON; \
         UPDATE sqlite_schema SET sql = (SELECT sql FROM kept) WHERE name = '{name}'; DROP TABLE kept; \
         PRAGMA writable_schema = RESET"
    )
}

/// Puts what another index holds into the place of one that SQLite makes by itself.
fn exchanged(name: &str, table: &str, columns: &str) -> String {
    format!(
        "CREATE INDEX other ON {table} ({columns}); PRAGMA writable_schema = ON; \
         CREATE TEMP TABLE kept AS SELECT name, rootpage FROM sqlite_schema WHERE name IN ('other', '{name}'); \
         UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM kept WHERE kept.name = 'other') WHERE name = '{name}'; \
         UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM kept WHERE kept.name = '{name}') WHERE name = 'other'; \
         DROP TABLE kept; PRAGMA writable_schema = RESET; DROP INDEX other"
    )
}

fn is_structure_of(problem: &Problem, name: &str) -> bool {
    matches!(problem, Problem::Structure { detail } if detail.contains(name))
}

async fn assert_named(place: &Place, name: &str, statements: &str) {
    let found = place.problems_after(statements).await;
    assert!(found.iter().any(|p| is_structure_of(p, name)), "{name}: {statements}: {found:?}");
    assert!(
        found.iter().all(|p| matches!(p, Problem::Structure { .. })),
        "only the index changed: {found:?}"
    );
}

#[tokio::test]
async fn an_index_with_too_little_too_much_or_something_else_is_named() {
    let place = told().await;
    for (name, part, other) in [
        // An entry is missing, of all rows and of those of a condition.
        ("intents_status", "first_seq)", "first_seq) WHERE first_seq > 1"),
        ("intents_unfinished", "unfinished = 1", "unfinished = 1 AND id NOT LIKE ''%7''"),
        ("ledger_open", "open''", "open'' AND at < 0"),
        // One is too much.
        ("intents_live", "live = 1", "first_seq > 0"),
        ("ledger_open", "state = ''open''", "at > 0"),
        // The values are others, and as many.
        ("intents_status", "status,", "phase,"),
        ("intents_created", "created_at", "version"),
        ("intents_file", "(file,", "(rule,"),
        ("ledger_at", "(at)", "(amount)"),
        // The entries are right, and in another order.
        ("intents_kind", "first_seq)", "first_seq DESC)"),
        ("intents_phase", "phase,", "phase DESC,"),
        // There is more in an entry than its columns.
        ("intents_repository", "first_seq)", "first_seq, phase)"),
        ("suggestions_intent", "(intent)", "(intent, attempt)"),
    ] {
        assert_named(&place, name, &built_as(name, part, other)).await;
    }
}

#[tokio::test]
async fn the_indexes_that_the_audit_reads_by_are_compared_with_the_tables_too() {
    let place = told().await;
    for (name, table, columns) in [
        ("sqlite_autoindex_journal_1", "journal", "intent, seq"),
        ("sqlite_autoindex_journal_1", "journal", "prev, version"),
        ("sqlite_autoindex_intents_1", "intents", "title"),
        ("sqlite_autoindex_intents_2", "intents", "id"),
        ("sqlite_autoindex_intents_3", "intents", "last_seq"),
        ("sqlite_autoindex_suggestions_1", "suggestions", "intent"),
        ("sqlite_autoindex_ledger_1", "ledger", "intent, amount"),
    ] {
        let found = place.problems_after(&exchanged(name, table, columns)).await;
        assert!(found.iter().any(|p| is_structure_of(p, name)), "{name} ({columns}): {found:?}");
    }
    // Rows that are not found by their index are missed too.
    let name = "suggestions_intent";
    let found = place.problems_after(&built_as(name, "(intent)", "(suggestion)")).await;
    assert!(found.iter().any(|p| is_structure_of(p, name)), "{found:?}");
}

#[tokio::test]
async fn indexes_of_tables_beside_the_journal_are_checked_by_sqlite() {
    let place = told().await;
    for (name, table, columns) in [
        ("sqlite_autoindex_blobs_1", "blobs", "size"),
        ("sqlite_autoindex_exchanges_1", "exchanges", "answer"),
        ("sqlite_autoindex_budgets_1", "budgets", "stretch, scope"),
    ] {
        let found = place.problems_after(&exchanged(name, table, columns)).await;
        assert!(found.iter().any(|p| is_structure_of(p, name)), "{name} ({columns}): {found:?}");
    }
}

#[tokio::test]
async fn rows_that_a_unique_index_or_a_column_forbids_are_found() {
    let place = told().await;
    let part = "live = 1 AND fingerprint IS NOT NULL";
    // While the index is not unique, both findings become the same one.
    let twice = format!(
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'UNIQUE', '') \
         WHERE name = 'intents_live_finding'; PRAGMA writable_schema = RESET; \
         UPDATE intents SET fingerprint = 'x' WHERE {part}; PRAGMA writable_schema = ON; \
         UPDATE sqlite_schema SET sql = replace(sql, 'CREATE ', 'CREATE UNIQUE') WHERE name = 'intents_live_finding'; \
         PRAGMA writable_schema = RESET"
    );
    let found = place.problems_after(&twice).await;
    assert!(
        found.iter().any(|p| is_structure_of(p, "non-unique entry in index intents_live_finding")),
        "{found:?}"
    );
    let nothing = "PRAGMA writable_schema = ON; UPDATE sqlite_schema \
         SET sql = replace(sql, 'phase       TEXT   NOT NULL', 'phase       TEXT   NULL    ') WHERE name = 'intents'; \
         PRAGMA writable_schema = RESET; UPDATE intents SET phase = NULL WHERE first_seq = 1; \
         PRAGMA writable_schema = ON; UPDATE sqlite_schema \
         SET sql = replace(sql, 'phase       TEXT   NULL    ', 'phase       TEXT   NOT NULL') WHERE name = 'intents'; \
         PRAGMA writable_schema = RESET";
    let found = place.problems_after(nothing).await;
    assert!(found.iter().any(|p| is_structure_of(p, "NULL value in intents.phase")), "{found:?}");
}
