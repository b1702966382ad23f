//! Several processes on one registry, and processes that die in the middle of it. The children are this test binary.
#![expect(clippy::disallowed_methods, reason = "children are told by variables what to do")]

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use domain::money::MicroDollars;
use store::{AppendError, BudgetLimit, Period, Scope, Window};

use crate::child::at_place;
use crate::on_both;
use crate::place::{Place, open};
use crate::story::*;

on_both! {
    writers_of_several_processes_make_one_sequence_even_when_they_begin_with_the_folder,
    fifty_writers_with_their_own_connections_leave_no_gap,
    a_killed_writer_leaves_a_chain_that_verifies_and_goes_on,
    of_sixty_four_processes_for_a_hundred_places_exactly_a_hundred_are_granted,
    killed_spenders_lose_nothing_once_their_leases_ran_out,
}

const FIRST: &str = "CODEX_TASK_STORE_TEST_FIRST";
const STORIES: &str = "CODEX_TASK_STORE_TEST_STORIES";

/// What one reservation takes, and what there is for all of them.
const PRICE: u64 = 10;
const ROOM: u64 = 1_000;

/// Tells stories with the ids from `first` on; prints a line after each append.
fn child(place: &Place, first: u64, stories: u64) -> Child {
    crate::child::child(place, "processes::child_tells_stories")
        .env(FIRST, first.to_string())
        .env(STORIES, stories.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
#[ignore = "is started by the other tests"]
async fn child_tells_stories() {
    let Some((_, store)) = at_place().await else { return };
    let number = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
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

/// Reserves again and again until the budget has no room; settles every third one below its ceiling where `settle` is set.
fn spender(place: &Place, first: u64, settle: bool) -> Child {
    crate::child::child(place, "processes::child_spends")
        .env(FIRST, first.to_string())
        .env(STORIES, if settle { "settle" } else { "hold" })
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
#[ignore = "is started by the other tests"]
async fn child_spends() {
    let Some((_, store)) = at_place().await else { return };
    let settles = std::env::var(STORIES).unwrap() == "settle";
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    for number in first.. {
        let mut story = Story::new(number);
        story.limits =
            vec![BudgetLimit::money(Window::Month, Scope::Global, MicroDollars::from_micros(ROOM))];
        story.lease = Some(60_000_000);
        story.begin(&store, None).await.unwrap();
        match story.ask(&store, PRICE).await {
            Ok(_) => println!("granted"),
            Err(AppendError::OverBudget(_)) => break,
            Err(error) => panic!("{error:?}"),
        }
        if settles && number % 3 == 0 {
            story.answer(&store, PRICE / 2).await.unwrap();
            println!("settled");
        }
    }
    store.leave();
}

async fn of_sixty_four_processes_for_a_hundred_places_exactly_a_hundred_are_granted(place: Place) {
    drop(place.open().await);
    let children: Vec<Child> = (0..64).map(|n| spender(&place, 1 + n * 1_000, false)).collect();
    let mut granted = 0;
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        granted += String::from_utf8_lossy(&output.stdout).lines().filter(|l| l.contains("granted")).count();
    }
    let store = place.open().await;
    assert_eq!((granted, store.open_reservations().await.unwrap().len()), (100, 100));
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

/// Whatever was killed wherever: what is settled and what is free make the limit.
async fn killed_spenders_lose_nothing_once_their_leases_ran_out(place: Place) {
    drop(place.open().await);
    let mut children: Vec<Child> = (0..64).map(|n| spender(&place, 1 + n * 1_000, true)).collect();
    // About half of them are killed, other ones each time: at once, or in whatever they do after the first or the second
    // thing that they say.
    for child in &mut children {
        let random = RandomState::new().build_hasher().finish();
        if random.is_multiple_of(2) {
            let lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let said = |line: &String| line.contains("granted") || line.contains("settled");
            let wait = usize::try_from(random / 2 % 3).unwrap();
            lines.map_while(Result::ok).filter(said).take(wait).for_each(drop);
            child.kill().unwrap();
        }
    }
    for mut child in children {
        child.wait().unwrap();
    }
    let store = place.open().await;
    let open = store.open_reservations().await.unwrap();
    let last = open.iter().filter_map(|r| r.lease_until).max().unwrap();
    assert_eq!(store.expire_leases(last).await.unwrap(), open.len() as u64);
    assert_eq!(store.open_reservations().await.unwrap(), []);
    let settled: u64 = store.usage(Period::ALL).await.unwrap().iter().map(|line| line.billed.micros()).sum();
    assert!(settled <= ROOM, "{settled}");
    // The rest is free, to the last of it.
    let rest = async |number, amount| {
        let mut story = Story::new(number);
        story.limits =
            vec![BudgetLimit::money(Window::Month, Scope::Global, MicroDollars::from_micros(ROOM))];
        story.begin(&store, None).await.unwrap();
        story.ask(&store, amount).await
    };
    assert!(matches!(rest(900_001, ROOM - settled + 1).await, Err(AppendError::OverBudget(_))));
    if settled < ROOM {
        rest(900_002, ROOM - settled).await.unwrap();
    }
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}
