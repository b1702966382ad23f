//! Whatever is changed behind the store's back is found and named.

use std::path::{Path, PathBuf};

use domain::event::EVENT_FORMAT;
use domain::ids::Sha256;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use store::{Anchor, AppendError, Problem, Store, StoreError};
use tempfile::TempDir;

use crate::story::*;

/// A folder with nine whole stories (72 entries, one checkpoint) and one that waits for its answer (4 entries).
async fn told() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    for number in 1..=9 {
        Story::new(number).tell(&store, None).await;
    }
    let mut under_way = Story::new(10);
    under_way.begin(&store, Some(finding("x == None"))).await.unwrap();
    under_way.ask(&store, 700).await.unwrap();
    store.close().await.unwrap();
    folder
}

fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), to.path().join(file.file_name())).unwrap();
    }
    to
}

async fn raw(folder: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(folder.join("journal.db")).foreign_keys(false);
    options.connect().await.unwrap()
}

async fn execute(folder: &Path, statements: &str) {
    let mut conn = raw(folder).await;
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

async fn problems(folder: &Path) -> Vec<Problem> {
    open(folder).await.verify(&[]).await.unwrap().problems
}

async fn problems_after(told: &TempDir, statements: &str) -> Vec<Problem> {
    let folder = copy(told.path());
    execute(folder.path(), statements).await;
    problems(folder.path()).await
}

fn head(folder: &Path) -> PathBuf {
    folder.join("journal.head")
}

#[tokio::test]
async fn an_untouched_journal_is_clean_and_counted() {
    let told = told().await;
    let report = open(told.path()).await.verify(&[]).await.unwrap();
    assert_eq!(report.problems, []);
    assert_eq!((report.events, report.intents, report.blobs, report.checkpoints), (76, 10, 2, 1));
    assert!(report.is_clean());
}

#[tokio::test]
async fn a_changed_column_of_the_journal_is_named_by_its_entry() {
    let told = told().await;
    for change in [
        "at = at + 1",
        "name = 'Routed'",
        "format = 0",
        "body = CAST(replace(CAST(body AS TEXT), '1000', '1001') AS BLOB)",
        "body = CAST(body AS TEXT) || ' '",
        "body = 5",
        "attached = ''",
        "prev = hash",
        "hash = prev",
        "intent = '01990000-0000-7000-8000-00000000000a', version = 5",
        "version = 99",
        "at = 'noon'",
        "hash = NULLIF(hash, '') || 'x'",
    ] {
        // Entry 5 is the answer to the first story: its blobs and its exchange are attached to it.
        let found = problems_after(&told, &format!("UPDATE journal SET {change} WHERE seq = 5")).await;
        assert!(found.contains(&Problem::ByteChanged { seq: 5 }), "{change}: {found:?}");
    }
}

#[tokio::test]
async fn an_entry_with_a_new_hash_breaks_the_chain_behind_it() {
    let told = told().await;
    let folder = copy(told.path());
    let mut conn = raw(folder.path()).await;
    let row: (Vec<u8>, String, String, String) =
        sqlx::query_as("SELECT body, intent, attached, prev FROM journal WHERE seq = 6")
            .fetch_one(&mut conn)
            .await
            .unwrap();
    let body = String::from_utf8(row.0).unwrap().replace("300", "301");
    let at: i64 =
        sqlx::query_scalar("SELECT at FROM journal WHERE seq = 6").fetch_one(&mut conn).await.unwrap();
    let (at, format) = (at.to_string(), EVENT_FORMAT.to_string());
    let fields: [&str; 10] =
        ["codex-task journal v1", &row.3, "6", &row.1, "6", &at, "Settled", &format, &body, &row.2];
    let hash = Sha256::of_fields(&fields.map(str::as_bytes));
    sqlx::query("UPDATE journal SET body = $1, hash = $2 WHERE seq = 6")
        .bind(body.as_bytes())
        .bind(hash.as_str())
        .execute(&mut conn)
        .await
        .unwrap();
    conn.close().await.unwrap();
    let found = problems(folder.path()).await;
    assert!(found.contains(&Problem::ChainBroken { seq: 7 }), "{found:?}");
    assert!(
        !found.contains(&Problem::ByteChanged { seq: 6 }),
        "the test did not make the hash that the store makes"
    );
    assert!(
        found.iter().any(|p| matches!(p, Problem::LedgerDiffers { column, .. } if column == "billed")),
        "{found:?}"
    );
}

#[tokio::test]
async fn deleted_exchanged_and_inserted_entries_are_named() {
    let told = told().await;
    let found = problems_after(&told, "DELETE FROM journal WHERE seq = 20").await;
    assert!(found.contains(&Problem::Missing { first: 20, last: 20 }), "{found:?}");
    let found = problems_after(&told, "DELETE FROM journal WHERE seq BETWEEN 1 AND 16").await;
    assert!(found.contains(&Problem::Missing { first: 1, last: 16 }), "{found:?}");
    let swapped = "UPDATE journal SET seq = -1 WHERE seq = 3; UPDATE journal SET seq = 3 WHERE seq = 4; \
                   UPDATE journal SET seq = 4 WHERE seq = -1";
    let found = problems_after(&told, swapped).await;
    for seq in [3, 4] {
        assert!(found.contains(&Problem::ByteChanged { seq }), "{found:?}");
    }
    let inserted = "INSERT INTO journal SELECT 77, intent, 5, at, name, format, body, attached, hash, prev \
                    FROM journal WHERE seq = 76";
    let found = problems_after(&told, inserted).await;
    assert!(found.contains(&Problem::ByteChanged { seq: 77 }), "{found:?}");
    let newer = problems_after(&told, "UPDATE journal SET format = 7 WHERE seq = 30").await;
    assert!(newer.contains(&Problem::NewerFormat { seq: 30, format: 7 }), "{newer:?}");
}

#[tokio::test]
async fn a_cut_tail_is_named_with_both_numbers_and_nothing_is_appended_to_it() {
    let told = told().await;
    let folder = copy(told.path());
    let statements = "DELETE FROM journal WHERE seq > 72; DELETE FROM intents WHERE first_seq > 72; \
                      DELETE FROM suggestions WHERE intent NOT IN (SELECT id FROM intents); \
                      DELETE FROM ledger WHERE intent NOT IN (SELECT id FROM intents)";
    execute(folder.path(), statements).await;
    let where_from = "the head file".to_owned();
    assert_eq!(problems(folder.path()).await, [Problem::TailCut { expected: 76, found: 72, where_from }]);
    let store = open(folder.path()).await;
    let refused = Story::new(11).begin(&store, None).await.unwrap_err();
    let cut = matches!(refused, AppendError::Store(StoreError::TailCut { expected: 76, found: 72, .. }));
    assert!(cut, "{refused}");
    std::fs::remove_file(head(folder.path())).unwrap();
    let anchor = Anchor { seq: 75, hash: Sha256::of(b"x"), where_from: "commit c0ffee".to_owned() };
    let found = store.verify(&[anchor]).await.unwrap().problems;
    let by_anchor = Problem::TailCut { expected: 75, found: 72, where_from: "commit c0ffee".to_owned() };
    assert!(found.contains(&by_anchor) && found.contains(&Problem::HeadMissing), "{found:?}");
}

#[tokio::test]
async fn anchors_are_compared_with_the_entry_they_name() {
    let told = told().await;
    let store = open(told.path()).await;
    let third = store.events(&Story::new(1).id).await.unwrap().remove(2);
    let anchor = |hash| Anchor { seq: 3, hash, where_from: "a commit".to_owned() };
    assert_eq!(store.verify(&[anchor(third.hash)]).await.unwrap().problems, []);
    let rewritten = Problem::Rewritten { seq: 3, where_from: "a commit".to_owned() };
    assert_eq!(store.verify(&[anchor(Sha256::of(b"x"))]).await.unwrap().problems, [rewritten]);
}

#[tokio::test]
async fn an_edited_head_file_is_found_byte_by_byte() {
    let told = told().await;
    let text = std::fs::read(head(told.path())).unwrap();
    let store = open(told.path()).await;
    for at in (0..text.len()).step_by(5) {
        let mut edited = text.clone();
        edited[at] ^= 1;
        std::fs::write(head(told.path()), edited).unwrap();
        assert!(!store.verify(&[]).await.unwrap().is_clean(), "byte {at}");
    }
    std::fs::write(head(told.path()), "not a head").unwrap();
    let refused = Story::new(11).begin(&store, None).await.unwrap_err();
    assert!(matches!(refused, AppendError::Store(StoreError::Damaged { .. })), "{refused}");
    std::fs::write(head(told.path()), "").unwrap();
    assert_eq!(store.verify(&[]).await.unwrap().problems, [Problem::HeadMissing]);
    std::fs::remove_file(head(told.path())).unwrap();
    assert_eq!(store.verify(&[]).await.unwrap().problems, [Problem::HeadMissing]);
}

#[tokio::test]
async fn the_head_of_another_journal_and_another_key_are_refused() {
    let (told, other) = (told().await, told().await);
    std::fs::copy(head(other.path()), head(told.path())).unwrap();
    let found = problems(told.path()).await;
    let foreign =
        |p: &Problem| matches!(p, Problem::BadSignature { detail, .. } if detail.contains("another journal"));
    assert!(found.iter().any(foreign), "{found:?}");

    let (old, new) = (other.path().join("checkpoint.key"), told.path().join("checkpoint.key"));
    let folder = copy(other.path());
    std::fs::copy(new, folder.path().join("checkpoint.key")).unwrap();
    let found = problems(folder.path()).await;
    let by = |name: &str| {
        found.iter().any(|p| matches!(p, Problem::BadSignature { where_from, .. } if where_from == name))
    };
    assert!(by("the head file") && by("the checkpoint of entry 64"), "{found:?}");
    let public = std::fs::read_to_string(head(other.path())).unwrap();
    let public = public.lines().find_map(|l| l.strip_prefix("key ")).unwrap();
    std::fs::write(folder.path().join("checkpoint.trusted"), public).unwrap();
    assert_eq!(problems(folder.path()).await, []);

    std::fs::remove_file(old).unwrap();
    assert_eq!(problems(other.path()).await, [Problem::KeyMissing]);
}

#[tokio::test]
async fn edited_checkpoints_are_found() {
    let told = told().await;
    for (statements, wanted) in [
        ("DELETE FROM checkpoints", Problem::CheckpointMissing { seq: 64 }),
        (
            "UPDATE checkpoints SET signature = replace(signature, '0', '1')",
            Problem::BadSignature {
                where_from: "the checkpoint of entry 64".to_owned(),
                detail: "its signature is wrong".to_owned(),
            },
        ),
        (
            "UPDATE checkpoints SET hash = (SELECT hash FROM journal WHERE seq = 63)",
            Problem::Rewritten { seq: 64, where_from: "the checkpoint of entry 64".to_owned() },
        ),
    ] {
        let found = problems_after(&told, statements).await;
        assert!(found.contains(&wanted), "{statements}: {found:?}");
    }
}

#[tokio::test]
async fn every_column_of_the_registry_is_compared() {
    let told = told().await;
    let mut conn = raw(told.path()).await;
    let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info('intents')")
        .fetch_all(&mut conn)
        .await
        .unwrap();
    conn.close().await.unwrap();
    assert_eq!(columns.len(), 26);
    for column in columns.into_iter().filter(|c| c != "id") {
        let found =
            problems_after(&told, &format!("UPDATE intents SET {column} = '777' WHERE id LIKE '%1' AND 1"))
                .await;
        let named = |p: &Problem| matches!(p, Problem::RowDiffers { column: c, .. } if *c == column);
        assert!(found.iter().any(named), "{column}: {found:?}");
    }
    for statements in [
        "DELETE FROM intents WHERE id LIKE '%1'",
        "INSERT INTO suggestions VALUES ('x', '01990000-0000-7000-8000-000000000001', 2)",
        "DELETE FROM suggestions WHERE intent LIKE '%1'",
    ] {
        let found = problems_after(&told, statements).await;
        assert!(found.iter().any(|p| matches!(p, Problem::RowDiffers { .. })), "{statements}: {found:?}");
    }
}

#[tokio::test]
async fn every_column_of_the_ledger_that_the_journal_knows_is_compared() {
    let told = told().await;
    for column in [
        "provider",
        "at",
        "day",
        "month",
        "state",
        "amount",
        "counted",
        "billed",
        "imputed",
        "basis",
        "prompt_tokens",
        "completion_tokens",
    ] {
        let found =
            problems_after(&told, &format!("UPDATE ledger SET {column} = '777' WHERE intent LIKE '%1'"))
                .await;
        let named = |p: &Problem| matches!(p, Problem::LedgerDiffers { column: c, .. } if *c == column);
        assert!(found.iter().any(named), "{column}: {found:?}");
    }
    for statements in [
        "DELETE FROM ledger WHERE intent LIKE '%1'",
        "UPDATE ledger SET attempt = 2 WHERE intent LIKE '%1'",
        "UPDATE ledger SET counted = 0 WHERE state = 'open'",
        "UPDATE ledger SET state = 'settled' WHERE state = 'open'",
    ] {
        let found = problems_after(&told, statements).await;
        assert!(found.iter().any(|p| matches!(p, Problem::LedgerDiffers { .. })), "{statements}: {found:?}");
    }
}

#[tokio::test]
async fn lost_and_changed_bytes_and_answers_are_found_and_never_served() {
    let told = told().await;
    let diff = Sha256::of(DIFF).to_string();
    let found = problems_after(&told, &format!("DELETE FROM blobs WHERE sha256 = '{diff}'")).await;
    assert!(found.contains(&Problem::BlobMissing { sha256: diff.clone(), seq: 7 }), "{found:?}");
    for change in ["bytes = X'00'", "bytes = NULL", "size = 1"] {
        let found =
            problems_after(&told, &format!("UPDATE blobs SET {change} WHERE sha256 = '{diff}'")).await;
        assert_eq!(found, [Problem::BlobChanged { sha256: diff.clone() }], "{change}");
    }
    for change in ["model = 'large'", "provider = 'x'", "usage = NULL", "at = 1", "seq = 1", "form = 'diff'"]
    {
        let found = problems_after(&told, &format!("UPDATE exchanges SET {change}")).await;
        assert!(found.iter().any(|p| matches!(p, Problem::ExchangeChanged { .. })), "{change}: {found:?}");
    }
    execute(told.path(), "UPDATE blobs SET bytes = X'00'").await;
    let store = open(told.path()).await;
    let refused = store.blob(&Sha256::of(DIFF)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
}

#[tokio::test]
async fn an_edited_event_is_not_acted_upon() {
    let told = told().await;
    execute(told.path(), "UPDATE journal SET at = at + 1 WHERE seq = 75").await;
    let store = open(told.path()).await;
    let refused = store.intent(&Story::new(10).id).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Damaged { detail, .. } if detail == "entry 75 was changed"),
        "{refused}"
    );
    assert!(store.intent(&Story::new(1).id).await.unwrap().is_some());
}

#[tokio::test]
async fn an_event_of_a_newer_format_is_refused_by_its_number() {
    let told = told().await;
    execute(told.path(), "UPDATE journal SET format = 7 WHERE seq = 75").await;
    let refused = open(told.path()).await.intent(&Story::new(10).id).await.unwrap_err();
    assert!(matches!(refused, StoreError::NewerEvent { seq: 75, format: 7, .. }), "{refused}");
}

#[tokio::test]
async fn a_changed_schema_and_a_planted_trigger_are_found() {
    let told = told().await;
    for statements in [
        "DROP INDEX intents_live_finding",
        "CREATE TRIGGER t AFTER INSERT ON journal BEGIN DELETE FROM ledger; END",
        "CREATE TABLE more (x TEXT)",
    ] {
        let found = problems_after(&told, statements).await;
        assert!(matches!(found.as_slice(), [Problem::Structure { .. }]), "{statements}: {found:?}");
    }
}

/// Whether a byte belongs to a b-tree's head or cells, and not to the room between them, where nothing is stored
/// (<https://www.sqlite.org/fileformat2.html#b_tree_pages>).
fn is_used(bytes: &[u8], at: usize) -> bool {
    const PAGE: usize = 4096;
    let page = &bytes[at / PAGE * PAGE..][..PAGE];
    let number = |at: usize| usize::from(page[at]) << 8 | usize::from(page[at + 1]);
    let head = if at < PAGE { 100 } else { 0 };
    let pointers = head + if matches!(page[head], 2 | 5) { 12 } else { 8 };
    let room = pointers + 2 * number(head + 3)..number(head + 5);
    !room.contains(&(at % PAGE))
}

/// Every byte in use, in steps, behind the file's header (whose counters any writer changes).
#[tokio::test]
async fn a_flipped_byte_anywhere_in_the_file_is_noticed() {
    let told = told().await;
    // Without this, pages hold left-overs of rows that moved, and nobody misses those.
    execute(told.path(), "VACUUM").await;
    let bytes = std::fs::read(told.path().join("journal.db")).unwrap();
    let places: Vec<usize> = (100..bytes.len()).filter(|at| is_used(&bytes, *at)).step_by(397).collect();
    assert!(places.len() > 100, "{}", places.len());
    let mut missed = Vec::new();
    for at in places {
        let folder = copy(told.path());
        let mut edited = bytes.clone();
        edited[at] ^= 1;
        std::fs::write(folder.path().join("journal.db"), edited).unwrap();
        let clean = match Store::open(folder.path()).await {
            Ok(store) => store.verify(&[]).await.is_ok_and(|report| report.is_clean()),
            Err(_) => false,
        };
        if clean {
            missed.push(at);
        }
    }
    assert_eq!(missed, Vec::<usize>::new());
}
