//! Who dies while compacting leaves all of it or nothing. The child is this test binary.
#![expect(clippy::disallowed_methods, reason = "starts its own binary, and tells it what to do")]

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use store::StoreError;

use crate::compaction::{compact, file};
use crate::on_both;
use crate::place::{Place, open};
use crate::story::*;

on_both! { a_killed_compaction_is_done_or_can_be_done_again }

const FOLDER: &str = "CODEX_TASK_STORE_TEST_COMPACT";
const URL: &str = "CODEX_TASK_STORE_TEST_COMPACT_URL";
/// Enough that the file grows for a while.
const STORIES: u64 = 60;
/// Without those that have the last entry and that of the last checkpoint.
const GOING: u64 = STORIES - 2;

fn child(place: &Place) -> Child {
    let (folder, url) = place.parts();
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "compaction_killed::child_compacts", "--ignored"])
        .env(FOLDER, folder)
        .env(URL, url.unwrap_or_default())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
#[ignore = "is started by the other test"]
async fn child_compacts() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let url = std::env::var(URL).ok().filter(|url| !url.is_empty());
    let store = open(Path::new(&folder), url.as_deref()).await;
    compact(&store, &Path::new(&folder).join("old.jsonl")).await.unwrap();
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
        let mut child = child(&place);
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
