//! What a tree costs: from the candidate to the first check's start, and from its end until the tree is gone, beside the ways
//! in which others lay out a tree. The repository grows, the change does not.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::Args;
use domain::event::Event;
use testkit::TestRepo;

use super::place::{Place, Story, spread};

/// Laying out and removing the tree of a change.
#[derive(Debug, Args)]
pub(crate) struct Trees {
    /// A folder of source files, such as an unpacked source package. `TMPDIR` decides where the repositories lie: take a
    /// tmpfs or a journaled file system.
    #[arg(long)]
    source: PathBuf,
    /// The program to measure, in place of a release build of this checkout.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// How many rounds are run, after one that is not counted.
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// How many copies of the source the repository holds, one run each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 5, 10])]
    scales: Vec<usize>,
}

/// The file that is changed.
const TARGET: &str = "bench_target.txt";

/// The check tells when it runs: everything before is laying out, everything after is clearing away.
const CONFIG: &str =
    "checks:\n  detect: false\n  commands:\n    - {name: clock, run: [date, \"+%s%N\"], kind: command}\n";

pub(crate) fn run(root: &Path, options: &Trees) -> anyhow::Result<ExitCode> {
    let binary = super::program(root, options.binary.as_deref())?;
    for scale in &options.scales {
        let place = Place::new(repository(options, *scale)?, binary.clone(), CONFIG)?;
        one_scale(&place, options.rounds)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn repository(options: &Trees, scale: usize) -> anyhow::Result<TestRepo> {
    let repo = TestRepo::new();
    for copy in 0..scale {
        super::overhead::copy(&options.source, &repo.path().join(format!("source_{copy}")))?;
    }
    let mut text = String::new();
    for line in 1..=5 * (options.rounds + 2) {
        let _ = writeln!(text, "line {line}");
    }
    repo.write(TARGET, text);
    repo.commit("the benchmark's base");
    repo.git(&["gc", "--quiet"]);
    Ok(repo)
}

fn one_scale(place: &Place, rounds: usize) -> anyhow::Result<()> {
    let repo = &place.repo;
    let beside = repo.side_folder("beside");
    let name = beside.to_string_lossy().into_owned();
    let (mut lay, mut clear, mut both) = (Vec::new(), Vec::new(), Vec::new());
    let others = ["git worktree add + remove", "git clone --shared + rm", "cp -a + rm"];
    let mut taken = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..=rounds {
        let patch = place.patch("change", &patch(5 * round + 1))?;
        place.verify(&patch)?;
        let (a, b) = ours(place)?;
        let worktree = timed(|| {
            repo.git(&["worktree", "add", "--quiet", "--detach", &name]);
            repo.git(&["worktree", "remove", "--force", &name]);
            Ok(())
        })?;
        let clone = timed(|| {
            repo.git(&["clone", "--quiet", "--shared", ".", &name]);
            command("rm", &["-rf", &name])
        })?;
        let copy = timed(|| {
            command("cp", &["-a", &repo.path().to_string_lossy(), &name])?;
            command("rm", &["-rf", &name])
        })?;
        // The first round makes the base checkout.
        if round > 0 {
            lay.push(a);
            clear.push(b);
            both.push(a + b);
            for (all, one) in taken.iter_mut().zip([worktree, clone, copy]) {
                all.push(one);
            }
        }
    }
    let files = repo.git(&["ls-files"]).lines().count();
    crate::say(format!("{files} files, {rounds} rounds, milliseconds"));
    crate::say(row("candidate to first check", &lay));
    crate::say(row("last check to tree gone", &clear));
    crate::say(row("codex-task, both", &both));
    for (name, values) in others.iter().zip(&taken) {
        crate::say(row(name, values));
    }
    Ok(())
}

/// The two spans of the newest intent, in milliseconds. Events are dated when they became durable.
fn ours(place: &Place) -> anyhow::Result<(f64, f64)> {
    let stories = place.stories(1)?;
    let Story { intent, events } = stories.first().context("no intent was recorded")?;
    let verification =
        intent.attempts.last().and_then(|a| a.verification.as_ref()).context("no verification")?;
    ensure!(
        verification.tree_form.contains("overlay"),
        "trees are no overlays here: {}",
        verification.tree_form
    );
    let check = verification.checks.first().context("no check has run")?;
    let printed = place.output(check.candidate.output.as_ref())?;
    let ran_at = printed.trim().parse::<i64>().context("the check printed no time")? / 1000;
    let at = |wanted: fn(&Event) -> bool| {
        events.iter().find(|e| wanted(&e.event)).map(|e| e.at.0).context("an event is missing")
    };
    let staged = at(|event| matches!(event, Event::Staged { .. }))?;
    let verified = at(|event| matches!(event, Event::Verified { .. }))?;
    Ok(((ran_at - staged) as f64 / 1000.0, (verified - ran_at) as f64 / 1000.0))
}

fn patch(line: usize) -> String {
    let [next, last] = [line + 1, line + 2];
    format!(
        "--- a/{TARGET}\n+++ b/{TARGET}\n@@ -{line},3 +{line},3 @@\n line {line}\n-line {next}\n+changed {next}\n line {last}\n"
    )
}

fn timed(act: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let began = Instant::now();
    act()?;
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}

fn command(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a benchmark runs what it measures")]
    let status = Command::new(program).args(arguments).status()?;
    ensure!(status.success(), "{program} {arguments:?} failed");
    Ok(())
}

fn row(name: &str, values: &[f64]) -> String {
    let [middle, least, most] = spread(values);
    format!("{name:26} median {middle:8.1}   min {least:8.1}   max {most:8.1}")
}
