//! What a box costs: the whole life of `true` in one, over a bare spawn of the same, pair by pair. Build this with
//! --release too: the operator's side of a box runs here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::Args;
use sandbox::{Cancel, Launcher, Level, Limits, Machine, Outcome, Spec, Tree};

/// The start of the sandbox over a bare spawn.
#[derive(Debug, Args)]
pub(crate) struct SandboxBench {
    /// How many rounds are counted; some before them are not.
    #[arg(long, default_value_t = 200)]
    rounds: usize,
    /// A program of this very state of the code that can be the helper; else a release build of codex-task.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// A folder on the file system that trees lie on; else the system's temporary one.
    #[arg(long)]
    place: Option<PathBuf>,
}

/// Rounds that warm everything up.
const WARM_UP: usize = 10;

/// The command in the box, and outside of it.
const COMMAND: &str = "/usr/bin/true";

/// One way to run the command.
struct Way {
    name: &'static str,
    spec: Option<Spec>,
    took: Vec<Duration>,
}

pub(crate) fn run(root: &Path, options: &SandboxBench) -> anyhow::Result<ExitCode> {
    let program = super::program(root, options.binary.as_deref())?;
    let launcher = Launcher { program, first_args: vec!["__sandbox".into()] };
    let place = match &options.place {
        Some(place) => tempfile::tempdir_in(place)?,
        None => tempfile::tempdir()?,
    };
    let machine = sandbox::probe(&launcher, Some(place.path()))?;
    let mut ways = ways(place.path(), &machine)?;
    for round in 0..WARM_UP + options.rounds {
        // Each way is first, last and in between equally often.
        let count = ways.len();
        for at in 0..count {
            let way = &mut ways[(at + round) % count];
            let took = once(&launcher, way.spec.as_ref())?;
            if round >= WARM_UP {
                way.took.push(took);
            }
        }
    }
    tell(&ways, &machine);
    Ok(ExitCode::SUCCESS)
}

/// All ways that this machine allows; the bare spawn is the first.
fn ways(place: &Path, machine: &Machine) -> anyhow::Result<Vec<Way>> {
    let folder = |name: &str| -> anyhow::Result<PathBuf> {
        let path = place.join(name);
        std::fs::create_dir(&path)?;
        Ok(path)
    };
    let (tree, scratch, base) = (folder("tree")?, folder("scratch")?, folder("base")?);
    for n in 0..100 {
        std::fs::write(base.join(format!("{n}.py")), "value = 1\n")?;
    }
    let at = PathBuf::from("/tree");
    let moved = Tree::Folder { path: tree.clone(), at: at.clone() };
    let overlay =
        Tree::Overlay { lower: base, layers: Vec::new(), upper: folder("upper")?, work: folder("work")?, at };
    let still = Tree::Folder { path: tree.clone(), at: tree };
    let spec = |level, tree: Tree| Spec {
        level,
        argv: vec![COMMAND.to_owned()],
        cwd: tree.at().to_owned(),
        env: BTreeMap::new(),
        tree,
        git_dir: None,
        readable: Vec::new(),
        in_home: Vec::new(),
        scratch: Some(scratch.clone()),
        marker: "bench".to_owned(),
        limits: Limits::default(),
        network: sandbox::Network::None,
        cgroup: machine.cgroup.clone(),
    };
    let mut all = vec![("bare spawn", None)];
    if machine.strongest == Level::Strict {
        all.push(("strict, folder", Some(spec(Level::Strict, moved))));
        if machine.has_overlay() {
            all.push(("strict, overlay", Some(spec(Level::Strict, overlay))));
        }
    }
    if machine.why_not_weak.is_none() {
        all.push(("weak, folder", Some(spec(Level::Weak, still.clone()))));
    }
    all.push(("none, folder", Some(spec(Level::None, still))));
    Ok(all.into_iter().map(|(name, spec)| Way { name, spec, took: Vec::new() }).collect())
}

fn once(launcher: &Launcher, spec: Option<&Spec>) -> anyhow::Result<Duration> {
    let start = Instant::now();
    match spec {
        None => {
            #[expect(clippy::disallowed_methods, reason = "a benchmark runs the programs that it measures")]
            let mut command = Command::new(COMMAND);
            let output = command.env_clear().stdin(Stdio::null()).output()?;
            ensure!(output.status.success(), "{COMMAND} failed");
        }
        Some(spec) => {
            let cancel = Cancel::new()?;
            let report = sandbox::run(launcher, spec, &cancel)?;
            ensure!(report.outcome == Outcome::Exited { code: 0 }, "{:?}", report.outcome);
        }
    }
    Ok(start.elapsed())
}

fn tell(ways: &[Way], machine: &Machine) {
    let Some((bare, boxes)) = ways.split_first() else { return };
    let group = machine.cgroup.as_ref().map_or("no control group", |_| "with a control group");
    crate::say(format!("{} rounds, milliseconds, {group}", bare.took.len()));
    crate::say(format!("{:16} {:>8} {:>8} {:>16} {:>10}", "", "median", "p95", "over bare: median", "p95"));
    let (middle, high) = middle_and_high(&bare.took.iter().map(millis).collect::<Vec<_>>());
    crate::say(format!("{:16} {middle:8.2} {high:8.2}", bare.name));
    for way in boxes {
        let all: Vec<f64> = way.took.iter().map(millis).collect();
        let over: Vec<f64> = way.took.iter().zip(&bare.took).map(|(a, b)| millis(a) - millis(b)).collect();
        let ((middle, high), (over, over_high)) = (middle_and_high(&all), middle_and_high(&over));
        crate::say(format!("{:16} {middle:8.2} {high:8.2} {over:17.2} {over_high:10.2}", way.name));
    }
}

fn millis(time: &Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The median and the 95th of a hundred.
fn middle_and_high(values: &[f64]) -> (f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |part: f64| sorted.get((sorted.len() as f64 * part) as usize).copied();
    (at(0.5).unwrap_or(0.0), at(0.95).or(sorted.last().copied()).unwrap_or(0.0))
}
