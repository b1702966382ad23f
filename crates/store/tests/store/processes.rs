//! Several processes on one folder, and processes that die in the middle of it. The children are this test binary.
#![expect(clippy::disallowed_methods, reason = "starts its own binary, and tells it what to do")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::story::*;

const FOLDER: &str = "CODEX_TASK_STORE_TEST_FOLDER";
const FIRST: &str = "CODEX_TASK_STORE_TEST_FIRST";
const STORIES: &str = "CODEX_TASK_STORE_TEST_STORIES";

/// Tells stories with the ids from `first` on; prints a line after each append.
fn child(folder: &Path, first: u64, stories: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::child_tells_stories", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
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
    let store = open(Path::new(&folder)).await;
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

#[tokio::test]
async fn writers_of_several_processes_make_one_sequence_even_when_they_begin_with_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let children: Vec<Child> = (0..8).map(|n| child(folder.path(), 1 + n * 100, 10)).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let store = open(folder.path()).await;
    let report = store.verify(&[]).await.unwrap();
    assert_eq!((report.problems, report.events, report.intents), (Vec::new(), 8 * 10 * 6, 80));
    assert_eq!(report.head.unwrap().seq, 480);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_writers_with_their_own_connections_leave_no_gap() {
    let folder = tempfile::tempdir().unwrap();
    let writers = (1..=50).map(|number| {
        let path = folder.path().to_owned();
        tokio::spawn(async move { Story::new(number).tell(&open(&path).await, None).await })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let report = open(folder.path()).await.verify(&[]).await.unwrap();
    assert_eq!((report.problems, report.events, report.intents), (Vec::new(), 400, 50));
}

#[tokio::test]
async fn a_killed_writer_leaves_a_chain_that_verifies_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..6 {
        let mut child = child(folder.path(), 1 + round * 1_000, 1_000);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let wanted = 5 + 7 * round as usize;
        let told = lines.map_while(Result::ok).filter(|l| l.contains("appended")).take(wanted).count();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(told, wanted);
        let store = open(folder.path()).await;
        let before = store.verify(&[]).await.unwrap();
        assert_eq!(before.problems, [], "round {round}");
        assert!(before.events >= wanted as u64);
        Story::new(900_000 + round).tell(&store, None).await;
        let after = store.verify(&[]).await.unwrap();
        assert_eq!((after.problems, after.events), (Vec::new(), before.events + 8));
    }
}
