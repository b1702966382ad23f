//! A small registry is what a large one is.

use store::{Filter, Page, Problem};

use super::*;

#[tokio::test]
async fn a_made_up_registry_has_three_events_an_intent_of_all_sorts_and_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), None).await.unwrap();
    assert_eq!(fill(&store, 600, 64, |_| {}).await.unwrap(), 1_800);
    let mut told = Vec::new();
    let report = store.verify_and_tell(&[], &[], &mut |done, total| told.push((done, total))).await.unwrap();
    assert_eq!(report.problems, []);
    assert_eq!((report.events, report.intents, report.checkpoints), (1_800, 600, 28));
    assert!(told.iter().all(|(done, total)| done <= total && *total == 1_800), "{told:?}");
    let count = async |status: &str| {
        let filter = Filter { status: Some(status.to_owned()), ..Filter::default() };
        store.list(&filter, Page::first(1_000)).await.unwrap().len()
    };
    assert_eq!((count("published").await, count("refused").await), (36, 6));
}

#[tokio::test]
async fn tampering_in_a_later_round_of_the_audit_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), None).await.unwrap();
    fill(&store, 700, 64, |_| {}).await.unwrap();
    store.close().await.unwrap();
    let file = folder.path().join("journal.db");
    let sql = "UPDATE intents SET title = 'another' WHERE first_seq = (SELECT MAX(first_seq) FROM intents); \
               UPDATE journal SET at = at + 1 WHERE seq = 2000";
    let conn = rusqlite::Connection::open(file).unwrap();
    conn.execute_batch(sql).unwrap();
    conn.close().unwrap();
    let report = open(folder.path(), None).await.unwrap().verify(&[]).await.unwrap();
    assert!(report.problems.contains(&Problem::ByteChanged { seq: 2000 }), "{:?}", report.problems);
    let titled = |p: &Problem| matches!(p, Problem::RowDiffers { column, .. } if column == "title");
    assert!(report.problems.iter().any(titled), "{:?}", report.problems);
    assert_eq!((report.events, report.intents), (2_100, 700));
}
