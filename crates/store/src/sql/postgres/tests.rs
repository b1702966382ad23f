//! Migrations over sample rows on a real server, and what happens with formats that this version does not know.

use super::*;
use crate::Store;
use crate::migrate::SAMPLES;

async fn raw(url: &str) -> PgConnection {
    url.parse::<PgConnectOptions>().unwrap().connect().await.unwrap()
}

/// The sample in PostgreSQL's words: bytes are written otherwise.
fn sample_rows(sample: &str) -> String {
    let mut pieces = sample.split("X'");
    let first = pieces.next().unwrap().to_owned();
    pieces.fold(first, |text, piece| text + "'\\x" + piece)
}

#[tokio::test]
async fn the_sample_rows_of_each_format_survive_all_later_migrations() {
    testkit::requires!(testkit::postgres_need());
    for (format, sample) in (1..).zip(SAMPLES.iter().copied()) {
        let (folder, url) = (tempfile::tempdir().unwrap(), testkit::postgres_schema());
        let mut conn = raw(&url).await;
        raise(&mut Db::Postgres(&mut conn), 0, format).await.unwrap();
        run_script(&mut Db::Postgres(&mut conn), sample_rows(sample)).await.unwrap();
        let store = Store::connect(folder.path(), &url).await.unwrap();
        let report = store.verify(&[]).await.unwrap();
        assert!(report.events > 0 && report.blobs > 0 && report.intents > 1, "{report:?}");
        // The sample's checkpoints are signed by a key that this folder has never seen.
        let foreign =
            |p: &Problem| matches!(p, Problem::BadSignature { detail, .. } if detail.contains("not ours"));
        assert!(report.problems.iter().all(foreign), "format {format}: {:?}", report.problems);
        store.db.assert_swept(&report).await;
    }
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_alone() {
    testkit::requires!(testkit::postgres_need());
    let (folder, url) = (tempfile::tempdir().unwrap(), testkit::postgres_schema());
    Store::connect(folder.path(), &url).await.unwrap().close().await.unwrap();
    let mut conn = raw(&url).await;
    sqlx::raw_sql("UPDATE meta SET value = '99' WHERE name = 'format'").execute(&mut conn).await.unwrap();
    let refused = Store::connect(folder.path(), &url).await.unwrap_err();
    assert!(matches!(refused, StoreError::Newer { found: 99, known: FORMAT, .. }), "{refused}");
    assert!(refused.to_string().starts_with("postgres://postgres@127.0.0.1:"), "{refused}");
    assert_eq!(format(&mut Db::Postgres(&mut conn)).await.unwrap(), 99);
}

#[tokio::test]
async fn a_password_is_never_shown_and_a_server_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let refused =
        Store::connect(folder.path(), "postgres://u:hunter2@127.0.0.1:1/registry").await.unwrap_err();
    let mut told = refused.to_string();
    let mut source = std::error::Error::source(&refused);
    while let Some(error) = source {
        told += &error.to_string();
        source = error.source();
    }
    assert!(told.contains("postgres://u@127.0.0.1:1/registry"), "{told}");
    assert!(!told.contains("hunter2") && !format!("{refused:?}").contains("hunter2"), "{told}");
}

#[test]
fn a_migration_is_said_in_the_words_of_the_server() {
    let text = "CREATE TABLE t (seq INTEGER NOT NULL, a TEXT, b BLOB); CREATE INDEX TEXTURE ON t (a)";
    let wanted =
        "CREATE TABLE t (seq BIGINT NOT NULL, a TEXT COLLATE \"C\", b BYTEA); CREATE INDEX TEXTURE ON t (a)";
    assert_eq!(translated(text), wanted);
}
