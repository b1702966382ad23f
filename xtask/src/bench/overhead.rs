//! What one verified change costs beside the work itself: one finding, an instant scripted model, `true` as the check,
//! the whole process, against a shell script that does the bare git plumbing for the same commit.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, ensure};
use clap::Args;
use testkit::{ScriptedModel, Step, TestRepo};

use crate::bench::measure::{Taken, measured};

/// One finding against the bare git plumbing.
#[derive(Debug, Args)]
pub(crate) struct Overhead {
    /// How many pairs are run, after one that is not counted.
    #[arg(long, default_value_t = 20)]
    pairs: usize,
    /// A folder of source files to put into the repository beside the small ones, such as an unpacked source package.
    #[arg(long)]
    source: Option<PathBuf>,
}

/// The file with the findings.
const TARGET: &str = "bench_target.py";

/// The same commit by hand.
const FLOOR: &str = "set -e
export GIT_INDEX_FILE=\"$1/index.$2\"
git read-tree HEAD
git apply --cached \"$1/$2.patch\"
tree=$(git write-tree)
commit=$(printf 'fix: B006\\n' | git commit-tree \"$tree\" -p HEAD)
git update-ref \"refs/heads/bench/$2\" \"$commit\"
rm -f \"$GIT_INDEX_FILE\"
";

pub(crate) fn run(root: &Path, options: &Overhead) -> anyhow::Result<ExitCode> {
    let binary = super::build(root)?;
    let bench = Bench::new(binary, options)?;
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for pair in 0..=options.pairs {
        let (a, b) = (bench.ours(pair)?, bench.floor(pair)?);
        if pair > 0 {
            ours.push(a);
            floor.push(b);
        }
    }
    bench.check_commits(options.pairs)?;
    crate::say(format!(
        "{} files in the repository, {} pairs, milliseconds and MiB",
        bench.files, options.pairs
    ));
    crate::say(row("codex-task suggest", &ours));
    crate::say(row("git plumbing in sh", &floor));
    let mut ratios: Vec<f64> = ours.iter().zip(&floor).map(|(a, b)| a.wall_ms / b.wall_ms).collect();
    ratios.sort_by(f64::total_cmp);
    let (low, high) = (ratios.first().copied().unwrap_or(0.0), ratios.last().copied().unwrap_or(0.0));
    crate::say(format!(
        "ratio, pair by pair     median {:5.2}   min {low:5.2}   max {high:5.2}",
        median(&ratios)
    ));
    Ok(ExitCode::SUCCESS)
}

struct Bench {
    binary: PathBuf,
    repo: TestRepo,
    home: PathBuf,
    files: usize,
    /// Answers while the benchmark runs.
    _model: ScriptedModel,
}

impl Bench {
    fn new(binary: PathBuf, options: &Overhead) -> anyhow::Result<Self> {
        let repo = TestRepo::new();
        for n in 0..9 {
            repo.write(&format!("module_{n}.py"), format!("\"\"\"Module {n}.\"\"\"\n\nVALUE = {n}\n"));
        }
        if let Some(source) = &options.source {
            copy(source, &repo.path().join("source"))?;
        }
        repo.write(TARGET, target(options.pairs + 1));
        repo.commit("the benchmark's base");
        let model = answers();
        let home = repo.side_folder("home");
        let config = format!(
            "providers:\n  local:\n    url: {}\n    model: scripted\nrouting:\n  order: [local]\nchecks:\n  \
             detect: false\n  commands:\n    - {{name: noop, run: [\"true\"], kind: command}}\n",
            model.base_url()
        );
        fs::write(home.join("config.yaml"), config)?;
        fs::write(home.join("floor.sh"), FLOOR)?;
        for n in 0..=options.pairs {
            fs::write(home.join(format!("{n}.patch")), patch(n))?;
        }
        let files = repo.git(&["ls-files"]).lines().count();
        Ok(Self { binary, repo, home, files, _model: model })
    }

    /// Each run takes a finding of its own: an equal request would be answered from the record.
    fn ours(&self, n: usize) -> anyhow::Result<Taken> {
        let (binary, line) = (self.binary.to_string_lossy(), line(n).to_string());
        let home = self.home.to_string_lossy();
        let argv = [&*binary, "suggest", "--file", TARGET, "--line", &line, "--code", "B006", "--json"];
        let environment =
            [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", &*home), ("CODEX_TASK_HOME", &*home)];
        measured(&argv, self.repo.path(), &environment)
    }

    fn floor(&self, n: usize) -> anyhow::Result<Taken> {
        let (home, number) = (self.home.to_string_lossy(), n.to_string());
        let script = self.home.join("floor.sh");
        let environment = self.repo.environment();
        let environment: Vec<(&str, &str)> = environment.iter().map(|(k, v)| (*k, v.as_str())).collect();
        measured(&["sh", &script.to_string_lossy(), &home, &number], self.repo.path(), &environment)
    }

    /// Both sides must have made the same trees, or the figures compare nothing.
    fn check_commits(&self, pairs: usize) -> anyhow::Result<()> {
        let trees = |pattern: &str| -> Vec<String> {
            let refs = self.repo.git(&["for-each-ref", "--format=%(tree)", pattern]);
            let mut trees: Vec<String> = refs.lines().map(str::to_owned).collect();
            trees.sort();
            trees
        };
        let (ours, floor) = (trees("refs/heads/feature/"), trees("refs/heads/bench/"));
        ensure!(ours.len() == pairs + 1, "{} branches of {}", ours.len(), pairs + 1);
        ensure!(ours == floor, "the two sides made different trees");
        Ok(())
    }
}

/// One function for each run, five lines each, so that no hunk sees another.
fn target(runs: usize) -> String {
    let mut text = String::new();
    for n in 0..runs {
        let _ = write!(text, "def f{n}(a=[]):\n    a.append({n})\n    return a\n\n\n");
    }
    text
}

/// The line of the n-th finding.
fn line(n: usize) -> usize {
    n * 5 + 1
}

fn patch(n: usize) -> String {
    let at = line(n);
    let (before, from, rows) = if n == 0 { ("", at, 3) } else { ("     return a\n \n \n", at - 3, 6) };
    let added = rows + 1;
    format!(
        "diff --git a/{TARGET} b/{TARGET}\n--- a/{TARGET}\n+++ b/{TARGET}\n@@ -{from},{rows} +{from},{added} @@\n\
         {before}-def f{n}(a=[]):\n+def f{n}(a=None):\n+    a = [] if a is None else a\n     a.append({n})\n     return a\n"
    )
}

/// A model that answers the n-th request with the n-th patch at once.
fn answers() -> ScriptedModel {
    let count = AtomicUsize::new(0);
    ScriptedModel::respond_with(move |_| {
        let n = count.fetch_add(1, Ordering::SeqCst);
        let reply = serde_json::json!({
            "patch": patch(n), "explanation": "None as the default.", "confidence": 0.9, "meta": {}
        });
        Step::text(reply.to_string())
    })
}

pub(super) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() && entry.file_name() != ".git" {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn row(name: &str, runs: &[Taken]) -> String {
    let mut walls: Vec<f64> = runs.iter().map(|r| r.wall_ms).collect();
    walls.sort_by(f64::total_cmp);
    let peak = runs.iter().map(|r| r.peak_kib).max().unwrap_or(0);
    let (low, high) = (walls.first().copied().unwrap_or(0.0), walls.last().copied().unwrap_or(0.0));
    let middle = median(&walls);
    format!(
        "{name:22}  median {middle:5.1}   min {low:5.1}   max {high:5.1}   peak {:.1}",
        peak as f64 / 1024.0
    )
}

fn median(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}
