//! Measures what a start of the program pays for the store: opening it cold and warm, and appending three events with
//! two blobs. `cargo run --release -p codex-task-store --example measure` prints medians in microseconds.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a tool for developers, not part of the product"
)]

use std::path::Path;
use std::time::Instant;

use domain::decision::Goal;
use domain::event::{BaseRef, Ending, Event};
use domain::ids::Sha256;
use domain::intent::Intent;
use domain::route::Route;
use domain::task::{Kind, Task};
use store::{Append, Micros, Store};

const ROUNDS: usize = 40;

/// Without arguments or with a folder to measure in: starts itself once a round. With `child`: one round.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [child, folder, round] = arguments.as_slice() {
        assert_eq!(child, "child");
        return one_round(Path::new(folder), round.parse().unwrap()).await;
    }
    let folder = tempfile::tempdir_in(arguments.first().map_or("target", String::as_str)).unwrap();
    let mut times: [Vec<u128>; 4] = Default::default();
    for round in 0..ROUNDS {
        let cold = folder.path().join(format!("cold{round}"));
        times[0].push(timed(async { Store::open(&cold).await.unwrap().leave() }).await);
    }
    for round in 0..ROUNDS {
        let measured = start(&folder.path().join("warm"), round);
        times.iter_mut().skip(1).zip(measured).for_each(|(all, one)| all.push(one));
    }
    for (name, mut times) in
        ["open, cold", "open, warm", "append 3 events, 2 blobs", "append again"].iter().zip(times)
    {
        times.sort_unstable();
        println!("{name}: median {} us, slowest {} us", times[ROUNDS / 2], times[ROUNDS - 1]);
    }
    report_sizes(&folder.path().join("warm"));
}

#[expect(clippy::disallowed_methods, reason = "each round is a process of its own, as in use")]
fn start(folder: &Path, round: usize) -> Vec<u128> {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let output = child.arg("child").arg(folder).arg(round.to_string()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

async fn one_round(folder: &Path, round: usize) {
    let began = Instant::now();
    let store = Store::open(folder).await.unwrap();
    let opened = began.elapsed().as_micros();
    let first = timed(append(&store, 2 * round)).await;
    println!("{opened} {first} {}", timed(append(&store, 2 * round + 1)).await);
    store.leave();
}

async fn timed(work: impl Future<Output = ()>) -> u128 {
    let began = Instant::now();
    work.await;
    began.elapsed().as_micros()
}

async fn append(store: &Store, round: usize) {
    let id = format!("01990000-0000-7000-8000-{round:012x}").parse().unwrap();
    let events = [
        Event::IntentReserved {
            task: Task { kind: Kind::Fix, text: "Tidy up".to_owned(), finding: None },
            base: BaseRef {
                commit: "c".repeat(40).parse().unwrap(),
                tree: "d".repeat(40).parse().unwrap(),
                branch: None,
            },
            repository: "/home/u/project/.git".to_owned(),
            goal: Goal::Publish,
            policy: Sha256::of(b"policy"),
            model: None,
            handed_in: None,
            agent: None,
            images: Vec::new(),
        },
        Event::Routed { route: Route::default() },
        Event::Ended { ending: Ending::NoProvider, why: "there is none".to_owned() },
    ];
    let after = Intent::fold(id, events.clone()).unwrap().unwrap();
    let blobs = [format!("{round}").repeat(500), format!("-{round}").repeat(2_000)];
    let hashes = blobs.each_ref().map(|b| Sha256::of(b.as_bytes()));
    store
        .append(Append {
            intent: &after.id,
            at: Micros(1_795_262_400_000_000),
            events: &events,
            after: &after,
            expected_version: 0,
            money: Vec::new(),
            blobs: &[(&hashes[0], blobs[0].as_bytes()), (&hashes[1], blobs[1].as_bytes())],
            exchange: None,
        })
        .await
        .unwrap();
}

fn report_sizes(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        println!("{:?}: {} bytes", entry.file_name(), entry.metadata().unwrap().len());
    }
}
