//! A large registry (see `generate-registry`): looking up, listing, the figures, the audit; and appending to a new one
//! beside the bare driver. Both sides of a pair run in turn, on the same kind of database and connection.

mod appends;
mod bare;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use domain::ids::SuggestionId;
use domain::task::Kind;
use store::{Filter, Life, Micros, Page, Store};

use super::measure::measured;
use crate::registry::{self, story::Story, story::mixed};
use bare::Bare;

/// `cargo xtask bench registry`; build with --release to measure.
#[derive(Debug, Args)]
pub(crate) struct RegistryBench {
    /// The folder of the registry; with --url, of the files beside it.
    folder: PathBuf,
    /// The address of the registry on a PostgreSQL server.
    #[arg(long)]
    url: Option<String>,
    /// Measurements of each sort.
    #[arg(long, default_value_t = 2_000)]
    samples: u64,
    /// A folder for the registries that are appended to; the wait for its disk is part of the figures.
    #[arg(long)]
    appends: Option<PathBuf>,
    /// Two empty schemas for the same on the server.
    #[arg(long, num_args = 2)]
    schemas: Vec<String>,
}

/// `cargo xtask audit-registry`: what the bench runs as a process of its own.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    folder: PathBuf,
    #[arg(long)]
    url: Option<String>,
}

pub(crate) fn run(options: &RegistryBench) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        if options.folder.join("journal.head").exists() {
            let store = registry::open(&options.folder, options.url.as_deref()).await?;
            // A story depends on how many there are in all.
            let mut bare = Bare::open(&options.folder, options.url.as_deref()).await?;
            let intents = bare.intents().await?;
            crate::say(format!("{intents} intents"));
            look_up(&store, &mut bare, options.samples, intents).await?;
            pages(&store, options.samples, intents).await?;
            let mut times = Times::new("the figures (KPIs)");
            for _ in 0..options.samples / 10 {
                times.time(store.figures()).await?;
            }
            times.tell();
            store.close().await?;
            audit_apart(options)?;
        }
        match &options.appends {
            Some(folder) => appends::run(folder, &options.schemas).await,
            None => Ok(()),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The audit of a registry, for the process that is measured.
pub(crate) fn audit(options: &Audit) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let store = registry::open(&options.folder, options.url.as_deref()).await?;
        let report = store.verify(&[]).await?;
        crate::say(format!("{} entries, {} intents, {} blobs", report.events, report.intents, report.blobs));
        for problem in report.problems.iter().take(10) {
            crate::say(problem);
        }
        Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

fn audit_apart(options: &RegistryBench) -> anyhow::Result<()> {
    let program = std::env::current_exe()?;
    let (program, folder) = (program.to_string_lossy(), options.folder.to_string_lossy());
    let mut argv = vec![program.as_ref(), "audit-registry", folder.as_ref()];
    argv.extend(options.url.iter().flat_map(|url| ["--url", url.as_str()]));
    let taken = measured(&argv, Path::new("/"), &[])?;
    let (seconds, mib) = (taken.wall_ms / 1000.0, taken.peak_kib / 1024);
    crate::say(format!("audit verify: {seconds:.1} s, peak memory {mib} MiB"));
    Ok(())
}

/// One sort of measurement.
pub(super) struct Times {
    what: String,
    all: Vec<Duration>,
}

impl Times {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), all: Vec::new() }
    }

    /// Waits for the work, and keeps how long it took.
    pub(super) async fn time<T, E>(&mut self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let began = Instant::now();
        let done = work.await?;
        self.all.push(began.elapsed());
        Ok(done)
    }

    /// The measurement at this part of all, in milliseconds.
    fn at(&self, part: f64) -> f64 {
        let mut sorted = self.all.clone();
        sorted.sort_unstable();
        let place = ((sorted.len() as f64 - 1.0) * part).round() as usize;
        sorted.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }

    pub(super) fn tell(&self) {
        let (what, count) = (&self.what, self.all.len());
        let [half, most, all] = [0.5, 0.99, 1.0].map(|part| self.at(part));
        crate::say(format!("{what}: median {half:.3} ms, p99 {most:.3} ms, slowest {all:.3} ms ({count})"));
    }

    /// How much longer this one's median is.
    pub(super) fn over(&self, other: &Self) -> f64 {
        self.at(0.5) / other.at(0.5)
    }

    /// How many a second.
    pub(super) fn rate(&self) -> f64 {
        self.all.len() as f64 / self.all.iter().sum::<Duration>().as_secs_f64()
    }
}

/// Any answer's id leads to its intent.
async fn look_up(store: &Store, bare: &mut Bare, samples: u64, intents: u64) -> anyhow::Result<()> {
    let (mut ours, mut theirs) = (Times::new("by codex_suggestion_id"), Times::new("the bare query"));
    let mut number = 0;
    while (ours.all.len() as u64) < samples {
        number += 1;
        let story = Story::new(mixed(number) % intents, intents)?;
        if !story.asks() {
            continue;
        }
        let id: SuggestionId = story.suggestion.clone();
        let filter = Filter { suggestion: Some(id.clone()), ..Filter::default() };
        let rows = ours.time(store.list(&filter, Page::first(50))).await?;
        anyhow::ensure!(rows.len() == 1 && rows[0].id == story.id, "{id} leads elsewhere");
        theirs.time(bare.by_suggestion(id.as_str())).await?;
    }
    ours.tell();
    theirs.tell();
    crate::say(format!("over the bare query: {:.2}", ours.over(&theirs)));
    Ok(())
}

/// Pages of fifty at any depth, by each filter.
async fn pages(store: &Store, samples: u64, intents: u64) -> anyhow::Result<()> {
    let newest = store.list(&Filter::default(), Page::first(1)).await?;
    let depth = newest.first().map_or(1, |row| row.seq);
    for (name, filter) in filters(intents)? {
        let mut times = Times::new(format!("a page of the list, {name}"));
        let mut rows = 0;
        for sample in 0..samples / 10 {
            let before = (sample > 0).then(|| 1 + mixed(sample) % depth);
            rows += times.time(store.list(&filter, Page { before, limit: 50 })).await?.len();
        }
        times.what += &format!(" ({rows} rows)");
        times.tell();
    }
    Ok(())
}

fn filters(intents: u64) -> anyhow::Result<Vec<(&'static str, Filter)>> {
    let text = |text: &str| Some(text.to_owned());
    let status = |word| Filter { status: text(word), ..Filter::default() };
    let repository = || text("/srv/repositories/project-3/.git");
    let file = || text("src/part3/module_7.py");
    let middle = Story::new(intents / 2, intents)?.at(intents);
    let (since, until) = (Some(Micros(middle - 86_400_000_000)), Some(Micros(middle)));
    Ok(vec![
        ("all", Filter::default()),
        ("status=published", status("published")),
        ("status=aborted", status("aborted")),
        ("status=needs-person", status("needs-person")),
        ("status that no intent has", status("undone")),
        ("phase=ended", Filter { phase: text("ended"), ..Filter::default() }),
        ("kind=docs", Filter { kind: Some(Kind::Docs), ..Filter::default() }),
        ("file", Filter { file: file(), ..Filter::default() }),
        ("rule", Filter { rule: text("E711"), ..Filter::default() }),
        ("repository", Filter { repository: repository(), ..Filter::default() }),
        ("agent", Filter { agent: Some("agent-07".parse()?), ..Filter::default() }),
        ("live", Filter { life: Some(Life::Live), ..Filter::default() }),
        ("unfinished", Filter { life: Some(Life::Unfinished), ..Filter::default() }),
        ("since the middle", Filter { since: until, ..Filter::default() }),
        ("until the middle", Filter { until, ..Filter::default() }),
        ("one day", Filter { since, until, ..Filter::default() }),
        ("agent and status", Filter { agent: Some("agent-07".parse()?), ..status("published") }),
        ("repository and status", Filter { repository: repository(), ..status("needs-person") }),
        ("rule and status", Filter { rule: text("E711"), ..status("needs-person") }),
        ("repository and file", Filter { repository: repository(), file: file(), ..Filter::default() }),
        (
            "repository and agent",
            Filter { repository: repository(), agent: Some("agent-07".parse()?), ..Filter::default() },
        ),
    ])
}
