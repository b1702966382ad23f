//! `cargo xtask fuzz`: the fuzz targets with their bounds (a second and 512 MiB an input), and what they found brought
//! down to the few inputs that the test over `fuzz/kept` reads. Needs cargo-fuzz; the pinned toolchain will do, since no
//! sanitizer is used: the code under test has no unsafe.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};
use clap::Args;

#[path = "../../crates/domain/tests/fuzzing/mod.rs"]
mod fuzzing;

/// What a target does with an input, and what it says of it.
type Judge = fn(&[u8]) -> String;

/// The targets, each in `fuzz/fuzz_targets`.
const TARGETS: [(&str, Judge); 4] = [
    ("patch", fuzzing::patch),
    ("reply", fuzzing::reply),
    ("plan", fuzzing::plan),
    ("shell", fuzzing::shell),
];

/// Fuzzing of the judges.
#[derive(Debug, Args)]
pub(crate) struct Fuzz {
    /// Which [default: all]
    targets: Vec<String>,
    /// Seconds for each.
    #[arg(long, default_value_t = 1800)]
    seconds: u32,
    /// Only bring the found inputs down to `fuzz/kept`.
    #[arg(long)]
    keep_only: bool,
    /// Only write down anew what is said of the inputs that are kept.
    #[arg(long)]
    rewrite: bool,
    /// The most bytes of an input that is kept.
    #[arg(long, default_value_t = 256)]
    keep_bytes: usize,
}

pub(crate) fn run(root: &Path, options: &Fuzz) -> anyhow::Result<ExitCode> {
    let names = TARGETS.map(|(name, _)| name);
    for wanted in &options.targets {
        ensure!(names.contains(&wanted.as_str()), "{wanted} is none of {}", names.join(", "));
    }
    for (target, judge) in TARGETS {
        if !options.targets.is_empty() && !options.targets.iter().any(|wanted| wanted == target) {
            continue;
        }
        if options.rewrite {
            let text = fs::read_to_string(kept(root, target))?;
            let inputs = text.lines().filter_map(|line| line.split('\t').next()).map(fuzzing::unescaped);
            write_kept(&kept(root, target), judge, inputs)?;
            continue;
        }
        let corpus = root.join("fuzz/corpus").join(target);
        fs::create_dir_all(&corpus)?;
        if !options.keep_only {
            let seeds = root.join("fuzz/seeds").join(target);
            let bounds = ["-timeout=1", "-rss_limit_mb=512", "-max_len=20000", "-print_final_stats=1"];
            let time = format!("-max_total_time={}", options.seconds);
            let folders = [&corpus, &seeds].map(|folder| folder.display().to_string());
            fuzz(root, target, &folders, &[&bounds[..], &[&time]].concat())?;
        }
        let inputs = smallest_set(root, target, &corpus, options.keep_bytes)?;
        write_kept(&kept(root, target), judge, inputs.into_iter())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn fuzz(root: &Path, target: &str, folders: &[String], bounds: &[&str]) -> anyhow::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a developer's task runs a developer's tool")]
    let status = Command::new("cargo")
        .args(["fuzz", "run", "--sanitizer", "none", target])
        .args(folders)
        .arg("--")
        .args(bounds)
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(root.join("fuzz"))
        .status()
        .context("cargo fuzz: `cargo install cargo-fuzz` brings it")?;
    ensure!(status.success(), "{target}: the run ended with a finding; see fuzz/artifacts/{target}");
    Ok(())
}

/// A small set of inputs that reaches all that the corpus reaches, without those of more than `most` bytes.
fn smallest_set(root: &Path, target: &str, corpus: &Path, most: usize) -> anyhow::Result<Vec<Vec<u8>>> {
    let merged = tempfile::tempdir()?;
    let folders = [merged.path(), corpus].map(|folder| folder.display().to_string());
    fuzz(root, target, &folders, &["-set_cover_merge=1"])?;
    let mut inputs = Vec::new();
    for entry in fs::read_dir(merged.path())? {
        let bytes = fs::read(entry?.path())?;
        if bytes.len() <= most {
            inputs.push(bytes);
        }
    }
    Ok(inputs)
}

fn kept(root: &Path, target: &str) -> PathBuf {
    root.join("fuzz/kept").join(format!("{target}.txt"))
}

/// Each input in a line, the shortest first, with what is said of it.
fn write_kept(file: &Path, judge: Judge, inputs: impl Iterator<Item = Vec<u8>>) -> anyhow::Result<()> {
    let inputs: BTreeSet<(usize, Vec<u8>)> = inputs.map(|bytes| (bytes.len(), bytes)).collect();
    let mut text = String::new();
    for (_, bytes) in &inputs {
        writeln!(text, "{}\t{}", bytes.escape_ascii(), judge(bytes))?;
    }
    fs::write(file, &text)?;
    crate::say(format_args!("{}: {} inputs, {} bytes", file.display(), inputs.len(), text.len()));
    Ok(())
}
