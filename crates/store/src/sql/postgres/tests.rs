//! Migrations over sample rows on a real server, and what happens with formats that this version does not know.

use std::sync::Arc;
use std::time::Duration;

use domain::decision::Goal;
use domain::event::{BaseRef, Event};
use domain::ids::{IntentId, Sha256};
use domain::intent::Intent;
use domain::task::{Kind, Task};

use super::*;
use crate::migrate::SAMPLES;
use crate::sql::Backend;
use crate::{Append, AppendError, Appended, Micros, Store};

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

fn server(store: &Store) -> &Server {
    match &store.db.backend {
        Backend::Postgres(server) => server,
        Backend::Sqlite(..) => panic!("not a server"),
    }
}

fn id(number: u64) -> IntentId {
    format!("01990000-0000-7000-8000-{number:012x}").parse().unwrap()
}

async fn register(store: &Store, number: u64) -> Result<Appended, AppendError> {
    let (commit, tree) = ("c".repeat(40).parse().unwrap(), "d".repeat(40).parse().unwrap());
    let events = [Event::IntentReserved {
        task: Task { kind: Kind::Refactor, text: "Tidy up".to_owned(), finding: None },
        base: BaseRef { commit, tree, branch: None },
        repository: "/srv/project/.git".to_owned(),
        goal: Goal::Publish,
        policy: Sha256::of(b"policy"),
        model: None,
        handed_in: None,
        agent: None,
        images: Vec::new(),
    }];
    let (intent, at) = (id(number), Micros(1_795_262_400_000_000));
    let after = Intent::fold(intent.clone(), events.clone()).unwrap().unwrap();
    let (money, blobs, exchange) = (Vec::new(), &[][..], None);
    let intent = &intent;
    let (events, after) = (&events[..], &after);
    store.append(Append { intent, at, events, after, expected_version: 0, money, blobs, exchange }).await
}

/// Lets others go on until so many have committed and wait for the disk.
async fn until_waiting(store: &Store, count: usize) {
    while server(store).flush.waiting() != count {
        tokio::task::yield_now().await;
    }
}

/// Somebody else who has the lock of those who write.
async fn writing_elsewhere(url: &str) -> PgConnection {
    let mut conn = raw(url).await;
    sqlx::raw_sql(BEGIN).execute(&mut conn).await.unwrap();
    conn
}

/// Ends that, once somebody waits for it.
async fn end_when_waited_for(mut conn: PgConnection) {
    let waiting = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = \
                   (SELECT oid FROM pg_database WHERE datname = current_database())";
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut conn).await.unwrap() == 0 {}
    sqlx::raw_sql("ROLLBACK").execute(&mut conn).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wait_for_the_servers_disk_serves_all_who_committed_before_it() {
    testkit::requires!(testkit::postgres_need());
    // All writers of a database wait for one lock: whoever had to wait for another test's writer shares its wait too.
    let own = testkit::OwnPostgres::start();
    let (folder, url) = (tempfile::tempdir().unwrap(), own.url());
    let store = Arc::new(Store::connect(folder.path(), &url).await.unwrap());
    register(&store, 1).await.unwrap();
    let (held, elsewhere) = (server(&store).flush.hold().await, writing_elsewhere(&url).await);
    let mut all = tokio::task::JoinSet::new();
    for number in [2, 3, 4] {
        let store = Arc::clone(&store);
        all.spawn(async move { register(&store, number).await });
    }
    while server(&store).writer.waiting() != 2 {
        tokio::task::yield_now().await;
    }
    end_when_waited_for(elsewhere).await;
    // The last one, behind whom nobody is, waits within its commit; the others let the next one go on.
    assert_eq!(all.join_next().await.unwrap().unwrap().unwrap().last_seq, 4);
    until_waiting(&store, 2).await;
    assert!(all.try_join_next().is_none());
    assert_eq!(store.keeper.head().unwrap().unwrap().seq, 4);
    drop(held);
    while let Some(told) = all.join_next().await {
        told.unwrap().unwrap();
    }
    assert_eq!((server(&store).flush.waiting(), store.keeper.head().unwrap().unwrap().seq), (0, 4));
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

#[tokio::test]
async fn a_connection_whose_look_ended_well_is_used_again_and_no_other() {
    testkit::requires!(testkit::postgres_need());
    let readers = Readers::new(testkit::postgres_schema().parse().unwrap());
    let process = async |reader: &mut ServerReader<'_>| {
        sqlx::query_scalar::<_, i32>("SELECT pg_backend_pid()").fetch_one(&mut reader.conn).await.unwrap()
    };
    let mut reader = readers.take().await.unwrap();
    let first = process(&mut reader).await;
    reader.done();
    let mut reader = readers.take().await.unwrap();
    assert_eq!(process(&mut reader).await, first);
    let slow = sqlx::raw_sql("SELECT pg_sleep(60)").execute(&mut reader.conn);
    assert!(tokio::time::timeout(Duration::from_millis(20), slow).await.is_err());
    drop(reader);
    let mut all = vec![readers.take().await.unwrap()];
    assert_ne!(process(&mut all[0]).await, first, "nobody waited for what it was asked");
    for _ in 1..8 {
        all.push(readers.take().await.unwrap());
    }
    let ninth = tokio::time::timeout(Duration::from_millis(20), readers.take());
    assert!(ninth.await.is_err(), "there are eight");
    all.pop();
    readers.take().await.unwrap();
}

#[tokio::test]
async fn plans_are_kept_for_appends_without_money_alone() {
    testkit::requires!(testkit::postgres_need());
    let (folder, url) = (tempfile::tempdir().unwrap(), testkit::postgres_schema());
    let store = Store::connect(folder.path(), &url).await.unwrap();
    let mut turn = server(&store).writer.turn().await;
    let mode = async |mut tx: ServerTx<'_>| {
        let mode: String = sqlx::query_scalar("SHOW plan_cache_mode").fetch_one(tx.conn()).await.unwrap();
        tx.give_up().await.unwrap();
        mode
    };
    for (has_money, wanted) in [(false, "force_generic_plan"), (true, "force_custom_plan")] {
        let (tx, _) = turn.begin_looking("[]", has_money).await.unwrap();
        assert_eq!(mode(tx).await, wanted);
        assert_eq!(mode(turn.begin().await.unwrap()).await, "force_custom_plan");
    }
}

#[tokio::test]
async fn plans_made_for_an_empty_journal_are_made_anew_as_it_grows() {
    testkit::requires!(testkit::postgres_need());
    // A server of its own: what others create in a database has plans made anew.
    let own = testkit::OwnPostgres::start();
    let (folder, url) = (tempfile::tempdir().unwrap(), own.url());
    let store = Store::connect(folder.path(), &url).await.unwrap();
    register(&store, 1).await.unwrap();
    let plan = async || {
        let mut turn = server(&store).writer.turn().await;
        let mut tx = turn.begin().await.unwrap();
        let look = format!("{KEEP_PLANS}; EXPLAIN EXECUTE codex_task_look('[[\"i\", \"/r\", \"f\"]]')");
        let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(look)).fetch_all(tx.conn()).await.unwrap();
        tx.give_up().await.unwrap();
        rows.iter().map(|row| sqlx::Row::get::<String, _>(row, 0)).collect::<Vec<_>>().join("\n")
    };
    let for_the_live = "Index Scan using intents_live_finding on intents l";
    let small = plan().await;
    assert!(!small.contains(for_the_live), "no reason to plan anew: {small}");
    let grow = "INSERT INTO intents SELECT (jsonb_populate_record(i, jsonb_build_object('id', i.id || n, \
          'reversed', n || i.reversed, 'first_seq', n, 'last_seq', n, 'fingerprint', i.id || n))).* \
          FROM intents i, generate_series(2, 5000) n; \
        INSERT INTO journal SELECT (jsonb_populate_record(j, jsonb_build_object('seq', n, 'intent', j.intent || n))).* \
          FROM journal j, generate_series(2, 5000) n";
    sqlx::raw_sql(grow).execute(&mut raw(&url).await).await.unwrap();
    for number in [2, 3] {
        register(&store, number).await.unwrap();
    }
    let large = plan().await;
    assert!(large.contains(for_the_live) && !large.contains("Seq Scan on intents"), "{large}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_lost_is_not_told_as_recorded_even_when_another_entry_has_its_number() {
    testkit::requires!(testkit::postgres_need());
    let mut own = testkit::OwnPostgres::start();
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = Arc::new(Store::connect(folder.path(), &own.url()).await.unwrap());
    assert_eq!(register(&store, 1).await.unwrap().last_seq, 1);
    let (held, elsewhere) = (server(&store).flush.hold().await, writing_elsewhere(&own.url()).await);
    let task = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { register(&store, 2).await })
    };
    end_when_waited_for(elsewhere).await;
    until_waiting(&store, 1).await;
    own.kill();
    own.start_again();
    let elsewhere = Store::connect(other.path(), &own.url()).await.unwrap();
    assert_eq!(elsewhere.last_seq().await.unwrap(), 1, "the server wrote its log within milliseconds");
    assert_eq!(register(&elsewhere, 3).await.unwrap().last_seq, 2);
    drop(held);
    let told = task.await.unwrap().unwrap_err();
    let AppendError::Store(StoreError::Database { source, .. }) = &told else { panic!("{told:?}") };
    assert!(source.to_string().contains("has lost it"), "{source}");
    assert_eq!(store.keeper.head().unwrap().unwrap().seq, 1, "the head is not ahead");
    // Both go on, by new connections.
    assert_eq!(register(&store, 2).await.unwrap().last_seq, 3);
    for store in [&*store, &elsewhere] {
        assert_eq!(store.verify(&[]).await.unwrap().problems, []);
    }
}
