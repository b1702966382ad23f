//! What the verification of a one-line change costs once the base was built, beside the incremental `cargo test` in a
//! developer's warm checkout, pair by pair; and whether anything is built again that did not change.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::Args;
use domain::verification::CheckResult;
use testkit::TestRepo;

use super::place::{Place, spread};

/// A one-line change of a Rust package against `cargo test` in a warm checkout.
#[derive(Debug, Args)]
pub(crate) struct Warm {
    /// A Cargo package with its lock file, whose dependencies are fetched already (`cargo fetch --locked`).
    #[arg(long)]
    package: PathBuf,
    /// The program to measure, in place of a release build of this checkout.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// How many pairs of measurements are taken, after one that is not counted.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// How many times two changes are verified at once.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
}

/// Room for the build of a large package on a slow machine.
const CONFIG: &str = "checks:\n  timeout_seconds: 3000\n";

pub(crate) fn run(root: &Path, options: &Warm) -> anyhow::Result<ExitCode> {
    let bench = Bench::new(super::program(root, options.binary.as_deref())?, options)?;
    let first = bench.place.verify(&bench.change(0)?)?;
    let developer = bench.developer()?;
    crate::say(format!("{} packages in the lock file; seconds", bench.packages));
    crate::say(format!("the first verification, with the baseline: {:.1}", first / 1000.0));
    crate::say(format!("the first cargo test of the developer: {:.1}", developer / 1000.0));
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=options.rounds {
        let patch = bench.change(round + 1)?;
        // In turns, so that neither side always finds what the other one left in the memory.
        let (a, b) = if round % 2 == 0 {
            let a = bench.place.verify(&patch)?;
            (a, bench.developer()?)
        } else {
            let b = bench.developer()?;
            (bench.place.verify(&patch)?, b)
        };
        if round > 0 {
            ours.push(a / 1000.0);
            theirs.push(b / 1000.0);
            ratios.push(a / b);
        }
    }
    for (name, values) in
        [("codex-task verify", &ours), ("cargo test, incremental", &theirs), ("ratio, pair by pair", &ratios)]
    {
        let [middle, least, most] = spread(values);
        crate::say(format!("{name:26} median {middle:6.2}   min {least:6.2}   max {most:6.2}"));
    }
    bench.by_check(options.rounds)?;
    bench.two_at_a_time(options)?;
    Ok(ExitCode::SUCCESS)
}

struct Bench {
    place: Place,
    /// The developer's checkout.
    checkout: PathBuf,
    /// The package's name.
    name: String,
    packages: usize,
}

impl Bench {
    fn new(binary: PathBuf, options: &Warm) -> anyhow::Result<Self> {
        let repo = TestRepo::new();
        super::overhead::copy(&options.package, repo.path())?;
        let _ = fs::remove_dir_all(repo.path().join("target"));
        repo.write(".gitignore", "/target\n");
        repo.commit("the package as published");
        let lock =
            fs::read_to_string(repo.path().join("Cargo.lock")).context("the package has no lock file")?;
        let manifest = repo.read("Cargo.toml");
        let name =
            manifest.lines().find_map(|line| line.strip_prefix("name = ")).context("no package name")?;
        let name = name.trim_matches('"').to_owned();
        let checkout = repo.side_folder("developer");
        repo.git(&["clone", "--quiet", ".", &checkout.to_string_lossy()]);
        let packages = lock.lines().filter(|line| *line == "[[package]]").count();
        Ok(Self { place: Place::new(repo, binary, CONFIG)?, checkout, name, packages })
    }

    /// Makes the n-th change in the developer's checkout, in the middle of the main file, and gives it as a patch.
    fn change(&self, n: usize) -> anyhow::Result<PathBuf> {
        let name = ["src/main.rs", "src/lib.rs"].into_iter().find(|name| self.checkout.join(name).exists());
        let name = name.context("the package has neither src/main.rs nor src/lib.rs")?;
        let before = self.place.repo.read(name);
        let mut lines: Vec<&str> = before.lines().collect();
        let half = lines.len() / 2;
        let end =
            lines.iter().skip(half).position(|line| *line == "}").map_or(lines.len(), |at| half + at + 1);
        let line = format!("#[allow(dead_code)] fn of_the_benchmark() -> usize {{ {n} }}");
        lines.insert(end, &line);
        fs::write(self.checkout.join(name), lines.join("\n") + "\n")?;
        let diff = self.place.repo.git_in(&self.checkout, &["diff"]);
        self.place.patch(&format!("change-{n}"), &diff)
    }

    /// The tests in the developer's checkout, in milliseconds.
    fn developer(&self) -> anyhow::Result<f64> {
        #[expect(clippy::disallowed_methods, reason = "a benchmark runs what it measures")]
        let mut command = Command::new("cargo");
        command.args(["test", "--offline", "--locked", "--no-fail-fast"]).current_dir(&self.checkout);
        command.env_clear().envs(self.place.environment());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let began = Instant::now();
        let output = command.output()?;
        let took = began.elapsed();
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(took.as_secs_f64() * 1000.0)
    }

    /// Where the time of our side goes: each check with its box, in the counted rounds.
    fn by_check(&self, rounds: usize) -> anyhow::Result<()> {
        let mut walls: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for story in self.place.stories(u32::try_from(rounds)?)? {
            let attempt = story.intent.attempts.last().and_then(|a| a.verification.as_ref());
            for check in &attempt.context("no verification")?.checks {
                let wall = check.candidate.wall_ms as f64 / 1000.0;
                walls.entry(check.name.clone()).or_default().push(wall);
            }
        }
        for (name, values) in &walls {
            let [middle, least, most] = spread(values);
            crate::say(format!("  of it {name:18}   median {middle:6.2}   min {least:6.2}   max {most:6.2}"));
        }
        Ok(())
    }

    fn two_at_a_time(&self, options: &Warm) -> anyhow::Result<()> {
        let began = Instant::now();
        for pair in 0..options.pairs {
            let number = options.rounds + 2 + 2 * pair;
            let mut running = Vec::new();
            for patch in [self.change(number)?, self.change(number + 1)?] {
                running.push(self.place.start(&patch)?);
            }
            for child in running {
                let output = child.wait_with_output()?;
                let errors = String::from_utf8_lossy(&output.stderr);
                ensure!(matches!(output.status.code(), Some(0 | 3)), "{:?}: {errors}", output.status);
            }
        }
        let took = began.elapsed().as_secs_f64();
        let (mut own, mut others) = (0, 0);
        let stories = self.place.stories(u32::try_from(2 * options.pairs)?)?;
        for story in &stories {
            let verification = story.intent.attempts.last().and_then(|a| a.verification.as_ref());
            let verification = verification.context("no verification")?;
            ensure!(verification.tree_form == "warm overlay", "a tree was {}", verification.tree_form);
            for check in &verification.checks {
                let (a, b) = self.built(check)?;
                own += a;
                others += b;
            }
        }
        crate::say(format!("{} changes, two at a time: {took:.1} s", stories.len()));
        crate::say(format!("built of the package itself: {own} times; of its dependencies: {others} times"));
        Ok(())
    }

    /// How often cargo built the package itself, and any other one, in the candidate's run of a check.
    fn built(&self, check: &CheckResult) -> anyhow::Result<(usize, usize)> {
        let printed = self.place.output(check.candidate.output.as_ref())?;
        let built = printed.lines().filter_map(|line| {
            let line = line.trim_start();
            line.strip_prefix("Compiling ").or_else(|| line.strip_prefix("Checking "))
        });
        let (own, others): (Vec<&str>, Vec<&str>) =
            built.partition(|line| line.split(' ').next() == Some(&self.name));
        Ok((own.len(), others.len()))
    }
}
