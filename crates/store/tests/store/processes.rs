//! Several processes on one registry, and processes that die in the middle of it. The children are this test binary.
#![expect(clippy::disallowed_methods, reason = "starts its own binary, and tells it what to do")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::on_both;
use crate::place::{Place, open};
use crate::story::*;

on_both! {
    writers_of_several_processes_make_one_sequence_even_when_they_begin_with_the_folder,
    fifty_writers_with_their_own_connections_leave_no_gap,
    a_killed_writer_leaves_a_chain_that_verifies_and_goes_on,
}

const FOLDER: &str = "CODEX_TASK_STORE_TEST_FOLDER";
const URL: &str = "CODEX_TASK_STORE_TEST_URL";
const FIRST: &str = "CODEX_TASK_STORE_TEST_FIRST";
const STORIES: &str = "CODEX_TASK_STORE_TEST_STORIES";

/// Tells stories with the ids from `first` on; prints a line after each append.
fn child(place: &Place, first: u64, stories: u64) -> Child {
    let (folder, url) = place.parts();
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::child_tells_stories", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(URL, url.unwrap_or_default())
        .env(FIRST, first.to_string())
        .env(STORIES, stories.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
#[ignore = "is started by the other tests"]
async fn child_tells_stories() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let number = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let url = std::env::var(URL).ok().filter(|url| !url.is_empty());
    let store = open(Path::new(&folder), url.as_deref()).await;
    for id in number(FIRST)..number(FIRST) + number(STORIES) {
        let mut story = Story::new(id);
        story.begin(&store, None).await.unwrap();
        println!("appended");
        story.ask(&store, 500).await.unwrap();
        println!("appended");
        story.answer(&store, 300).await.unwrap();
        println!("appended");
    }
    store.leave();
}

async fn writers_of_several_processes_make_one_sequence_even_when_they_begin_with_the_folder(place: Place) {
    let children: Vec<Child> = (0..8).map(|n| child(&place, 1 + n * 100, 10)).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let store = place.open().await;
    let report = store.verify(&[]).await.unwrap();
    assert_eq!((report.problems, report.events, report.intents), (Vec::new(), 8 * 10 * 6, 80));
    assert_eq!(report.head.unwrap().seq, 480);
}

async fn fifty_writers_with_their_own_connections_leave_no_gap(place: Place) {
    let writers = (1..=50).map(|number| {
        let (path, url) = place.parts();
        tokio::spawn(async move { Story::new(number).tell(&open(&path, url.as_deref()).await, None).await })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let report = place.open().await.verify(&[]).await.unwrap();
    assert_eq!((report.problems, report.events, report.intents), (Vec::new(), 400, 50));
}

async fn a_killed_writer_leaves_a_chain_that_verifies_and_goes_on(place: Place) {
    for round in 0..6 {
        let mut child = child(&place, 1 + round * 1_000, 1_000);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let wanted = 5 + 7 * round as usize;
        let told = lines.map_while(Result::ok).filter(|l| l.contains("appended")).take(wanted).count();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(told, wanted);
        let store = place.open().await;
        let before = store.verify(&[]).await.unwrap();
        assert_eq!(before.problems, [], "round {round}");
        assert!(before.events >= wanted as u64);
        Story::new(900_000 + round).tell(&store, None).await;
        let after = store.verify(&[]).await.unwrap();
        assert_eq!((after.problems, after.events), (Vec::new(), before.events + 8));
    }
}
