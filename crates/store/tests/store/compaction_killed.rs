//! Who dies while compacting leaves all of it or nothing. The child is this test binary.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use store::StoreError;

use crate::child::{at_place, child};
use crate::compaction::{compact, file};
use crate::on_both;
use crate::place::Place;
use crate::story::*;

on_both! { a_killed_compaction_is_done_or_can_be_done_again }

/// Enough that the file grows for a while.
const STORIES: u64 = 60;
/// Without those that have the last entry and that of the last checkpoint.
const GOING: u64 = STORIES - 2;

#[tokio::test]
#[ignore = "is started by the other test"]
async fn child_compacts() {
    let Some((folder, store)) = at_place().await else { return };
    compact(&store, &folder.join("old.jsonl")).await.unwrap();
    store.leave();
}

/// The moments: the file is begun, some of it is written, it is in its place (and perhaps recorded).
async fn a_killed_compaction_is_done_or_can_be_done_again(place: Place) {
    let store = place.open().await;
    for number in 1..=STORIES {
        let mut story = Story::new(number);
        story.begin(&store, None).await.unwrap();
        let blob = format!("{number} {}", "x".repeat(20_000));
        story
            .append_with(&store, &[ended(domain::event::Ending::Aborted)], &[blob.as_bytes()], None)
            .await
            .unwrap();
    }
    let untouched = store.verify(&[]).await.unwrap();
    assert_eq!(untouched.problems, []);
    store.close().await.unwrap();
    for moment in ["begun", "half", "in place"] {
        let place = place.copy().await;
        let (whole, partial) = (file(&place), place.path().join("old.jsonl.partial"));
        let length = |path: &Path| std::fs::metadata(path).map(|meta| meta.len()).ok();
        let mut child =
            child(&place, "compaction_killed::child_compacts").stdout(Stdio::null()).spawn().unwrap();
        loop {
            let reached = match moment {
                "begun" => partial.exists(),
                "half" => length(&partial).is_some_and(|length| length > 200_000),
                _ => false,
            };
            if reached || whole.exists() || child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let store = place.open().await;
        let report = store.verify(&[]).await.unwrap();
        assert_eq!(report.problems, [], "{moment}");
        let told = store.compactions().await.unwrap();
        let again = compact(&store, &whole).await;
        if told.is_empty() {
            assert_eq!(
                (report.events, report.intents, report.stubs),
                (untouched.events, STORIES, 0),
                "{moment}"
            );
            assert_eq!(again.unwrap().unwrap().intents, GOING, "{moment}");
        } else {
            assert_eq!(report.compacted, GOING, "{moment}");
            assert!(matches!(again, Err(StoreError::Archive { .. })), "{moment}: {again:?}");
        }
        let with = [whole];
        let proved = store.verify_and_tell(&[], &with, &mut |_, _| {}).await.unwrap();
        assert_eq!((proved.problems, proved.proven), (Vec::new(), GOING * 3), "{moment}");
        store.close().await.unwrap();
    }
}
