//! What developers and the continuous integration call beside cargo's own commands: `cargo xtask tidy`, `generate`.
//! It reads and writes files of this checkout only, and is no part of the product.

// The name by which `fuzz` and the tests of the domain share a file.
extern crate domain as codex_task_domain;

mod alarms;
mod bench;
mod fuzz;
mod gate_page;
mod generate;
mod mutants;
mod registry;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

/// Tasks of this workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check what the compiler does not: sizes, headers, named paths, tables, words, scenarios.
    Tidy,
    /// Write the generated files.
    Generate {
        /// Write nothing; fail if a file is not what would be written.
        #[arg(long)]
        check: bool,
    },
    /// Time whole processes against a floor.
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Write a large registry of made-up intents, to measure on.
    GenerateRegistry(registry::Options),
    /// Run the fuzz targets and keep what they found.
    Fuzz(fuzz::Fuzz),
    /// Change the judges and see that a test notices.
    Mutants(mutants::Mutants),
    /// What the gate says of the ordinary commits of other repositories.
    Alarms(alarms::Alarms),
    /// Check a registry: what `bench registry` measures.
    #[command(hide = true)]
    AuditRegistry(bench::Audit),
    /// Run one command and print what it took: what `bench` calls.
    #[command(hide = true)]
    Measure {
        /// The command.
        #[arg(last = true)]
        argv: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// One verified change against the bare git plumbing for the same commit.
    Overhead(bench::Overhead),
    /// A server under a constant rate of requests.
    Api(bench::ApiBench),
    /// The judge of patches and other tools on a corpus of diffs.
    Corpus(bench::Corpus),
    /// The judge of patches in process; build with --release to measure.
    Patch(bench::PatchBench),
    /// Laying out and removing the tree of a change, beside worktrees, clones and copies.
    Trees(bench::Trees),
    /// A large registry: look-ups, lists, figures, the audit; and appends beside the bare driver.
    Registry(bench::RegistryBench),
    /// The whole life of a box over a bare spawn; build with --release to measure.
    Sandbox(bench::SandboxBench),
    /// A one-line change of a Rust package beside `cargo test` in a warm checkout.
    Warm(bench::Warm),
    /// Chat pages of others in a headless browser: the seconds beyond the page's own answer.
    Web(bench::Web),
}

fn main() -> anyhow::Result<ExitCode> {
    let root = root()?;
    match Args::parse().command {
        Command::Tidy => tidy::run(&root),
        Command::Generate { check: true } => generate::check(&root),
        Command::Generate { check: false } => generate::write(&root),
        Command::Bench { what: Bench::Api(options) } => bench::api(&root, &options),
        Command::Bench { what: Bench::Overhead(options) } => bench::overhead(&root, &options),
        Command::Bench { what: Bench::Corpus(options) } => bench::corpus(&root, &options),
        Command::Bench { what: Bench::Patch(options) } => bench::patch(&options),
        Command::Bench { what: Bench::Registry(options) } => bench::registry(&options),
        Command::Bench { what: Bench::Sandbox(options) } => bench::sandbox(&root, &options),
        Command::Bench { what: Bench::Trees(options) } => bench::trees(&root, &options),
        Command::Bench { what: Bench::Warm(options) } => bench::warm(&root, &options),
        Command::Bench { what: Bench::Web(options) } => bench::web(&root, &options),
        Command::GenerateRegistry(options) => registry::run(&options),
        Command::Fuzz(options) => fuzz::run(&root, &options),
        Command::Mutants(options) => mutants::run(&root, &options),
        Command::Alarms(options) => alarms::run(&options),
        Command::AuditRegistry(options) => bench::audit(&options),
        Command::Measure { argv } => bench::child(&argv),
    }
}

/// The checkout that this program was built from: the folder above its own.
fn root() -> anyhow::Result<PathBuf> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    above.map(Path::to_owned).context("xtask does not lie in a workspace")
}

/// A line for the person who asked.
#[expect(clippy::print_stdout, reason = "the report is this program's result")]
fn say(line: impl std::fmt::Display) {
    println!("{line}");
}
