//! Durable appends of one event each, and of a hundred in a transaction: the store beside the bare driver with the same
//! rows, in turn.

use std::fs;
use std::path::Path;

use store::Store;

use super::Times;
use super::bare::{Bare, Rows};
use crate::registry::{self, Told, story::Story};

/// Appends that are timed, after some that are not.
const APPENDS: u64 = 400;
const WARM: u64 = 20;
/// Appends in one transaction, and how many such transactions.
const BATCH: u64 = 100;
const BATCHES: u64 = 30;

pub(super) async fn run(folder: &Path, schemas: &[String]) -> anyhow::Result<()> {
    let places = ["ours", "bare"].map(|name| folder.join(name));
    for (place, name) in places.iter().zip(["SQLite", "PostgreSQL"]) {
        fs::create_dir_all(place)?;
        anyhow::ensure!(!place.join("journal.db").exists(), "{} is not empty ({name})", place.display());
    }
    let urls = [schemas.first(), schemas.get(1)].map(|url| url.map(String::as_str));
    let store = registry::open(&places[0], urls[0]).await?;
    registry::open(&places[1], urls[1]).await?.close().await?;
    let mut copied = Bare::open(&places[0], urls[0]).await?;
    let mut bare = Bare::open(&places[1], urls[1]).await?;
    let (mut ours, mut theirs) = (Times::new("an append"), Times::new("the bare driver's rows"));
    for number in 0..WARM + APPENDS {
        let rows = pair(&store, &mut copied, number, (number >= WARM).then_some(&mut ours)).await?;
        match number >= WARM {
            true => theirs.time(bare.write(&[rows])).await?,
            false => bare.write(&[rows]).await?,
        }
    }
    tell(&ours, &theirs, 1);
    let (mut ours, mut theirs) =
        (Times::new(format!("{BATCH} appends at once")), Times::new("the bare driver's rows"));
    // The bare side's rows are those of the appends before: only their numbers and ids have to be new.
    for batch in 0..BATCHES {
        let first = WARM + APPENDS + batch * BATCH;
        let told = (first..first + BATCH).map(registered).collect::<anyhow::Result<Vec<_>>>()?;
        let mut told = told;
        ours.time(registry::append(&store, &mut told)).await?;
        let rows = copied.rows_after(first as i64).await?;
        anyhow::ensure!(rows.len() as u64 == BATCH, "{} rows instead of {BATCH}", rows.len());
        theirs.time(bare.write(&rows)).await?;
    }
    tell(&ours, &theirs, BATCH);
    Ok(())
}

fn registered(number: u64) -> anyhow::Result<Told> {
    let mut story = Story::new(number, 1_000_000)?;
    Told::first(&mut story)
}

/// One append of one event; gives the rows that it left.
async fn pair(
    store: &Store,
    copied: &mut Bare,
    number: u64,
    times: Option<&mut Times>,
) -> anyhow::Result<Rows> {
    let mut told = vec![registered(number)?];
    match times {
        Some(times) => times.time(registry::append(store, &mut told)).await?,
        None => registry::append(store, &mut told).await?,
    }
    let mut rows = copied.rows_after(number as i64).await?;
    rows.pop().ok_or_else(|| anyhow::anyhow!("the append left no row"))
}

fn tell(ours: &Times, theirs: &Times, each: u64) {
    ours.tell();
    theirs.tell();
    let rates = [ours, theirs].map(|times| times.rate() * each as f64);
    crate::say(format!("{:.0} a second beside {:.0}: {:.2}", rates[0], rates[1], rates[0] / rates[1]));
}
