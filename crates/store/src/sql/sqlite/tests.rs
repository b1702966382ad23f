//! What happens with a file of a format that this version does not know, or whose making was cut off.

use super::*;
use crate::{Problem, Store};

async fn raw(folder: &Path) -> Connection {
    let path = folder.join("journal.db");
    make_private(&path).unwrap();
    file::connect_with(&path, LASTING).await.unwrap()
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    Store::open(folder.path()).await.unwrap().close().await.unwrap();
    let mut conn = raw(folder.path()).await;
    conn.execute_batch("PRAGMA user_version = 99").unwrap();
    let refused = Store::open(folder.path()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Newer { found: 99, known: FORMAT, .. }), "{refused}");
    assert!(refused.to_string().contains("newer version"));
    assert_eq!(format(&mut Db::Sqlite(&mut conn)).await.unwrap(), 99);
}

#[tokio::test]
async fn a_migration_that_was_cut_off_begins_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut conn = raw(folder.path()).await;
    let mut tx = FileTx::begin(&mut conn).await.unwrap();
    raise(&mut Db::Sqlite(tx.conn()), 0, FORMAT).await.unwrap();
    drop(tx);
    conn.close().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

#[tokio::test]
async fn the_sample_rows_of_each_format_survive_all_later_migrations() {
    use crate::migrate::SAMPLES;
    assert_eq!(SAMPLES.len(), MIGRATIONS.len());
    for (format, sample) in (1..).zip(SAMPLES.iter().copied()) {
        let folder = tempfile::tempdir().unwrap();
        let mut conn = raw(folder.path()).await;
        raise(&mut Db::Sqlite(&mut conn), 0, format).await.unwrap();
        conn.execute_batch(sample).unwrap();
        conn.close().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let report = store.verify(&[]).await.unwrap();
        assert!(report.events > 0 && report.blobs > 0 && report.intents > 1, "{report:?}");
        // Only the rows were sampled, not the files beside them.
        assert_eq!(report.problems, [Problem::KeyMissing, Problem::HeadMissing], "format {format}");
        store.db.assert_swept(&report).await;
    }
}

#[tokio::test]
async fn who_reads_does_not_wait_for_who_writes_and_sees_what_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let key = "a".repeat(64).parse().unwrap();
    let mut turn = store.db.turn().await.unwrap();
    let mut tx = turn.begin().await.unwrap();
    crate::sql::cache::put(&mut tx.db(), &key, b"bytes", crate::Micros(1)).await.unwrap();
    assert_eq!(store.cached(&key).await.unwrap(), None);
    tx.commit().await.unwrap();
    assert_eq!(store.cached(&key).await.unwrap().as_deref(), Some(b"bytes".as_slice()));
    drop(turn);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_writer_who_waits_for_another_process_lets_its_own_thread_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let key = "b".repeat(64).parse().unwrap();
    let other = raw(folder.path()).await;
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut writing = Box::pin(store.put_cached(&key, b"bytes", crate::Micros(1)));
    let first =
        std::future::poll_fn(|cx| std::task::Poll::Ready(writing.as_mut().poll(cx).is_pending())).await;
    assert!(first, "it did not wait");
    // On this one thread: had the writer kept it, nobody would come here.
    other.execute_batch("COMMIT").unwrap();
    writing.await.unwrap();
    assert_eq!(store.cached(&key).await.unwrap().as_deref(), Some(b"bytes".as_slice()));
}

#[tokio::test]
async fn a_transaction_that_is_given_up_leaves_nothing_and_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let [gone, kept] = ["c", "d"].map(|digit| digit.repeat(64).parse().unwrap());
    let mut turn = store.db.turn().await.unwrap();
    let mut tx = turn.begin().await.unwrap();
    crate::sql::cache::put(&mut tx.db(), &gone, b"bytes", crate::Micros(1)).await.unwrap();
    drop(tx);
    drop(turn);
    store.put_cached(&kept, b"bytes", crate::Micros(1)).await.unwrap();
    assert_eq!(store.cached(&gone).await.unwrap(), None);
    assert!(store.cached(&kept).await.unwrap().is_some());
}

#[tokio::test]
async fn a_statement_is_not_prepared_anew_for_other_values() {
    use crate::sql::statements::{LIST, NEWEST_FIRST};
    let folder = tempfile::tempdir().unwrap();
    Store::open(folder.path()).await.unwrap().close().await.unwrap();
    let conn = file::connect(&folder.path().join("journal.db")).await.unwrap();
    let text = format!("{LIST}{NEWEST_FIRST}").replace('$', "?");
    let mut list = conn.prepare_cached(&text).unwrap();
    for before in 1..4_i64 {
        list.raw_bind_parameter(1, before).unwrap();
        list.raw_bind_parameter(2, 50_i64).unwrap();
        assert!(list.raw_query().next().unwrap().is_none());
    }
    assert_eq!(list.get_status(rusqlite::StatementStatus::RePrepare), 0);
}

#[tokio::test]
async fn a_list_of_a_files_intents_goes_by_the_file() {
    use crate::Filter;
    let folder = tempfile::tempdir().unwrap();
    Store::open(folder.path()).await.unwrap().close().await.unwrap();
    let conn = file::connect(&folder.path().join("journal.db")).await.unwrap();
    let of_file = Filter { file: Some("a.py".to_owned()), ..Filter::default() };
    let text = |value: &str| Some(value.to_owned());
    for filter in [
        Filter { repository: text("r"), ..of_file.clone() },
        Filter { status: text("published"), ..of_file.clone() },
        Filter { repository: text("r"), status: text("published"), rule: text("x"), ..of_file.clone() },
        of_file,
    ] {
        let (text, values) = crate::sql::registry::listing(&filter, false, true);
        let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {}", text.replace('$', "?"))).unwrap();
        assert_eq!(plan.parameter_count(), values.len() + 2, "{text}");
        let steps =
            plan.raw_query().mapped(|row| row.get::<_, String>(3)).collect::<Result<Vec<_>, _>>().unwrap();
        assert!(steps[0].contains("INDEX intents_file (file=? AND first_seq<?)"), "{steps:?}");
    }
}
