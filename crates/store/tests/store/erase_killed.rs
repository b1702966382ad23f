//! Who dies while erasing leaves all of it or nothing, and the next one ends it. The child is this test binary.

use std::process::Stdio;
use std::time::Duration;

use domain::event::Ending;
use domain::ids::IntentId;
use store::{Erased, Erasing, Store};

use crate::child::{at_place, child};
use crate::compaction::LATER;
use crate::on_both;
use crate::place::Place;
use crate::story::*;

on_both! { a_killed_erasing_is_done_or_can_be_done_again }

const STORIES: u64 = 40;
/// How long after its start a child is killed, in milliseconds: before, in and behind what it does.
const MOMENTS: [u64; 6] = [5, 20, 40, 80, 160, 320];

async fn erase_half(store: &Store) -> Erased {
    let intents: Vec<IntentId> = (1..=STORIES / 2).map(|number| Story::new(number).id).collect();
    store.erase(&Erasing { intents: &intents, at: LATER, by: "root" }).await.unwrap()
}

#[tokio::test]
#[ignore = "is started by the other test"]
async fn child_erases() {
    let Some((_, store)) = at_place().await else { return };
    erase_half(&store).await;
    store.leave();
}

async fn a_killed_erasing_is_done_or_can_be_done_again(place: Place) {
    let store = place.open().await;
    for number in 1..=STORIES {
        let mut story = Story::new(number);
        story.begin(&store, None).await.unwrap();
        let blob = format!("4711 {number} {}", "x".repeat(20_000));
        story.append_with(&store, &[ended(Ending::Aborted)], &[blob.as_bytes()], None).await.unwrap();
    }
    store.close().await.unwrap();
    for moment in MOMENTS {
        let place = place.copy().await;
        let mut child = child(&place, "erase_killed::child_erases").stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(moment));
        child.kill().unwrap();
        child.wait().unwrap();
        let store = place.open().await;
        let report = store.verify(&[]).await.unwrap();
        assert_eq!(report.problems, [], "{moment} ms");
        let told = store.compactions().await.unwrap();
        let erased = told.first().map_or(0, |told| told.intents);
        assert_eq!((report.compacted, report.intents), (erased, STORIES - erased), "{moment} ms");
        assert!([0, STORIES / 2].contains(&erased), "{moment} ms: {erased}");
        let again = erase_half(&store).await;
        assert_eq!((again.erasing.is_none(), again.left), (erased > 0, None), "{moment} ms");
        let report = store.verify(&[]).await.unwrap();
        assert_eq!((report.problems, report.compacted), (Vec::new(), STORIES / 2), "{moment} ms");
        assert_eq!(store.holding(b"4711 1 x", &mut |_, _| {}).await.unwrap(), [], "{moment} ms");
        assert_eq!(store.holding(b"4711 40 x", &mut |_, _| {}).await.unwrap().len(), 1, "{moment} ms");
        store.close().await.unwrap();
    }
}
