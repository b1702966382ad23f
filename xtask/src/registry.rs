//! Writes a large registry of made-up intents through the store's own way of appending, to measure on: stories of all
//! sorts, spread over a year, agents, repositories, files and rules, told side by side.

pub(crate) mod story;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use domain::ids::Sha256;
use domain::intent::Intent;
use domain::proposal::Form;
use store::{Append, Exchange, Micros, MoneyOp, Store};

use domain::event::Event;
use story::{Step, Story};

/// `cargo xtask generate-registry`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The folder of the registry; with --url, of the files beside it.
    folder: PathBuf,
    /// A PostgreSQL server's address, for a registry on a server.
    #[arg(long)]
    url: Option<String>,
    /// How many intents; events are three times as many.
    #[arg(long, default_value_t = 1_000_000)]
    intents: u64,
    /// Appends in one transaction.
    #[arg(long, default_value_t = 1_000)]
    batch: usize,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let store = open(&options.folder, options.url.as_deref()).await?;
        let began = Instant::now();
        let events = fill(&store, options.intents, options.batch, |told| {
            if told % 100_000 == 0 {
                crate::say(format!("{told} intents after {:.0} s", began.elapsed().as_secs_f64()));
            }
        })
        .await?;
        store.close().await?;
        let seconds = began.elapsed().as_secs_f64();
        crate::say(format!("{} intents, {events} events in {seconds:.0} s", options.intents));
        Ok(ExitCode::SUCCESS)
    })
}

/// The store in a folder, or, with an address, on a server.
pub(crate) async fn open(folder: &Path, url: Option<&str>) -> anyhow::Result<Store> {
    Ok(match url {
        None => Store::open(folder).await?,
        Some(url) => Store::connect(folder, url).await?,
    })
}

/// Stories that are told side by side.
const TOGETHER: usize = 40;

/// Tells this many stories; gives how many events that were.
pub(crate) async fn fill(
    store: &Store,
    intents: u64,
    batch: usize,
    mut on_told: impl FnMut(u64),
) -> anyhow::Result<u64> {
    let mut stories: VecDeque<Story> = VecDeque::new();
    let mut waiting: Vec<Told> = Vec::with_capacity(batch);
    let (mut begun, mut events) = (0, 0);
    loop {
        while stories.len() < TOGETHER && begun < intents {
            stories.push_back(Story::new(begun, intents)?);
            begun += 1;
            on_told(begun);
        }
        let Some(mut story) = stories.pop_front() else { break };
        let at = Micros(story.at(intents));
        let Some(step) = story.next()? else { continue };
        let told = Told::of(&mut story, step, at)?;
        events += told.events.len() as u64;
        waiting.push(told);
        stories.push_back(story);
        if waiting.len() >= batch {
            append(store, &mut waiting).await?;
        }
    }
    append(store, &mut waiting).await?;
    Ok(events)
}

/// One append with all that it borrows.
pub(crate) struct Told {
    at: Micros,
    after: Intent,
    before: u64,
    events: Vec<Event>,
    money: Vec<MoneyOp>,
    blobs: Vec<(Sha256, Vec<u8>)>,
    exchange: Option<Exchange>,
}

impl Told {
    /// The registration alone of a story.
    pub(crate) fn first(story: &mut Story) -> anyhow::Result<Self> {
        let events = vec![story.registered()?];
        let at = Micros(story.at(1_000_000));
        Self::of(story, Step { events, blobs: Vec::new(), answers: false }, at)
    }

    fn of(story: &mut Story, step: Step, at: Micros) -> anyhow::Result<Self> {
        let before = story.intent.as_ref().map_or(0, |intent| intent.version);
        let after = match story.intent.take() {
            None => Intent::fold(story.id.clone(), step.events.iter().cloned())?
                .context("a story without events")?,
            Some(mut intent) => {
                for event in &step.events {
                    intent.apply(event)?;
                }
                intent
            }
        };
        let money = step.events.iter().filter_map(|event| money(story, event, at)).collect();
        let exchange = step.answers.then(|| Exchange {
            request: story.request(),
            provider: story.provider(),
            model: Some("small".to_owned()),
            form: Form::Reply,
            answer: Sha256::of(&story.answer()),
            usage: Some(story.usage()),
            at,
        });
        story.intent = Some(after.clone());
        let blobs = step.blobs.into_iter().map(|bytes| (Sha256::of(&bytes), bytes)).collect();
        Ok(Self { at, after, before, events: step.events, money, blobs, exchange })
    }
}

fn money(story: &Story, event: &Event, at: Micros) -> Option<MoneyOp> {
    let intent = story.id.clone();
    match event {
        Event::Reserved { attempt, amount } => Some(MoneyOp::Reserve {
            intent,
            attempt: *attempt,
            provider: story.provider(),
            agent: story.agent().ok().flatten().map(|name| name.to_string()),
            amount: *amount,
            requests: 1,
            tokens: 4_000,
            lease_until: Some(Micros(at.0 + 600_000_000)),
            limits: Vec::new(),
        }),
        Event::Settled { attempt, charge } => Some(MoneyOp::Settle {
            intent,
            attempt: *attempt,
            billed: charge.billed,
            imputed: charge.imputed,
            basis: charge.basis,
        }),
        _ => None,
    }
}

/// Appends them all in one transaction.
pub(crate) async fn append(store: &Store, waiting: &mut Vec<Told>) -> anyhow::Result<()> {
    let blobs: Vec<Vec<(&Sha256, &[u8])>> = waiting
        .iter()
        .map(|told| told.blobs.iter().map(|(sha256, bytes)| (sha256, bytes.as_slice())).collect())
        .collect();
    let entries: Vec<Append<'_>> = waiting
        .iter()
        .zip(&blobs)
        .map(|(told, blobs)| Append {
            intent: &told.after.id,
            at: told.at,
            events: &told.events,
            after: &told.after,
            expected_version: told.before,
            money: told.money.clone(),
            blobs,
            exchange: told.exchange.clone(),
        })
        .collect();
    store.append_all(&entries).await?;
    waiting.clear();
    Ok(())
}

#[cfg(test)]
mod tests;
