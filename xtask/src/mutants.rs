//! `cargo xtask mutants`: every change that cargo-mutants can make to the judges must turn a test red. What is left out
//! is named in `.cargo/mutants.toml`; what survives and is accepted, in docs/design/mutants.md.
//!
//! The whole domain takes too long a mutant. Each part is therefore copied with what it needs, and with its own tests
//! only, into a small workspace below `target/mutants`, where it is changed in place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};
use clap::Args;

/// What is mutated together.
struct Part {
    name: &'static str,
    /// The modules that are mutated, and whose tests run.
    judged: &'static [&'static str],
    /// The modules that these need. Their tests do not run.
    needed: &'static [&'static str],
    /// The fuzz targets whose kept inputs are judged as well, as the tests name them.
    kept: &'static [&'static str],
}

const PARTS: [Part; 2] = [
    Part {
        name: "patch",
        judged: &["patch", "reply"],
        needed: &["command", "confidence", "ids", "plan", "test_cases"],
        kept: &["patches", "replies", "plans"],
    },
    Part {
        name: "gate",
        judged: &["gate"],
        needed: &["command", "finding", "ids", "patch", "task", "test_cases"],
        kept: &[],
    },
];

/// Mutation tests of the judges.
#[derive(Debug, Args)]
pub(crate) struct Mutants {
    /// Which: patch (with reply), gate [default: all]
    parts: Vec<String>,
    /// Only mutants whose name matches this.
    #[arg(long)]
    matching: Option<String>,
    /// Only make the copies.
    #[arg(long)]
    copy_only: bool,
    /// Only mutants that no earlier run caught.
    #[arg(long)]
    iterate: bool,
}

pub(crate) fn run(root: &Path, options: &Mutants) -> anyhow::Result<ExitCode> {
    let names = PARTS.each_ref().map(|part| part.name);
    for wanted in &options.parts {
        ensure!(names.contains(&wanted.as_str()), "{wanted} is none of {}", names.join(", "));
    }
    let mut all_caught = true;
    for part in &PARTS {
        if options.parts.is_empty() || options.parts.iter().any(|wanted| wanted == part.name) {
            let folder = root.join("target/mutants").join(part.name);
            copy(root, part, &folder).with_context(|| format!("copying {} to {folder:?}", part.name))?;
            if options.copy_only {
                continue;
            }
            all_caught &= mutate(root, part, &folder, options)?;
        }
    }
    Ok(if all_caught { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs cargo-mutants on the copy; whether every mutant was caught.
fn mutate(root: &Path, part: &Part, folder: &Path, options: &Mutants) -> anyhow::Result<bool> {
    #[expect(clippy::disallowed_methods, reason = "a developer's task runs a developer's tool")]
    let mut command = Command::new("cargo");
    command.args(["mutants", "--in-place", "--no-shuffle", "--output", "."]);
    if options.iterate {
        command.arg("--iterate");
    }
    if let Some(matching) = &options.matching {
        command.args(["--re", matching]);
    }
    command.args(["--", "--lib"]);
    command.arg("--").args(part.judged.iter().map(|module| format!("{module}::")));
    command.args(part.kept.iter().map(|inputs| format!("kept::what_was_found_for_{inputs}")));
    // Properties find a broken rule within a few tries or not at all; many tries a mutant would take a day.
    command.env("PROPTEST_CASES", "32").current_dir(folder);
    // The copy does not lie where the checkout does.
    #[expect(clippy::disallowed_methods, reason = "as the tests are told, so are those of the copy")]
    if std::env::var_os("CODEX_TASK_CASES").is_none() {
        command.env("CODEX_TASK_CASES", root.join("../shared/cases"));
    }
    let status = command.status().context("cargo mutants: `cargo install cargo-mutants` brings it")?;
    Ok(status.success())
}

/// Makes the part a workspace with one crate. Files that are there with the same content are left alone, so that cargo
/// builds only what changed; a mutant that an interrupted run left behind is undone.
fn copy(root: &Path, part: &Part, folder: &Path) -> anyhow::Result<()> {
    let (from, to) = (root.join("crates/domain"), folder.join("crates/domain"));
    put(&folder.join("Cargo.toml"), workspace(&fs::read_to_string(root.join("Cargo.toml"))?).as_bytes())?;
    for file in ["Cargo.lock", "rust-toolchain.toml"] {
        put(&folder.join(file), &fs::read(root.join(file))?)?;
    }
    let settings = fs::read_to_string(root.join(".cargo/mutants.toml"))?;
    put(&folder.join(".cargo/mutants.toml"), settings_of(part, &settings).as_bytes())?;
    let manifest = fs::read_to_string(from.join("Cargo.toml"))?;
    put(&to.join("Cargo.toml"), format!("{manifest}\n[lib]\ndoctest = false\n").as_bytes())?;
    let mut library = String::from(
        "//! A part of the domain.\n#![allow(warnings)]\nextern crate self as codex_task_domain;\n",
    );
    for module in part.judged.iter().chain(part.needed) {
        let gate = if *module == "test_cases" { "#[cfg(test)]\n" } else { "" };
        library.push_str(&format!("{gate}pub mod {module};\n"));
        let file = format!("src/{module}.rs");
        if from.join(&file).is_file() {
            put(&to.join(&file), &fs::read(from.join(&file))?)?;
        } else {
            mirror(&from.join("src").join(module), &to.join("src").join(module))?;
        }
    }
    if !part.kept.is_empty() {
        library.push_str("#[cfg(test)]\nmod kept;\n");
        put(&to.join("src/kept/mod.rs"), &fs::read(from.join("tests/kept.rs"))?)?;
        mirror(&from.join("tests/fuzzing"), &to.join("src/kept/fuzzing"))?;
        mirror(&root.join("fuzz/kept"), &folder.join("fuzz/kept"))?;
        mirror(&root.join("fuzz/seeds"), &folder.join("fuzz/seeds"))?;
    }
    mirror(&from.join("third_party"), &to.join("third_party"))?;
    put(&to.join("src/lib.rs"), library.as_bytes())
}

/// The manifest of this workspace with the domain as the only member.
fn workspace(manifest: &str) -> String {
    let line = |line: &str| match line.split(' ').next() {
        Some("members") => "members = [\"crates/domain\"]\n".to_owned(),
        Some("default-members") => String::new(),
        _ => format!("{line}\n"),
    };
    manifest.lines().map(line).collect()
}

/// The settings of cargo-mutants with this part's files as the ones to change. Named on the command line, they would
/// come on top of those that the settings name.
fn settings_of(part: &Part, settings: &str) -> String {
    let globs: Vec<String> =
        part.judged.iter().map(|module| format!("crates/domain/src/{module}/**")).collect();
    let line = |line: &str| match line.split(' ').next() {
        Some("examine_globs") => format!("examine_globs = {globs:?}\n"),
        _ => format!("{line}\n"),
    };
    settings.lines().map(line).collect()
}

/// Makes one folder equal to another.
fn mirror(from: &Path, to: &Path) -> anyhow::Result<()> {
    let entries = |folder: &Path| -> anyhow::Result<Vec<PathBuf>> {
        Ok(fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?)
    };
    for path in entries(from)? {
        let name = path.file_name().context("an entry without a name")?;
        if path.is_dir() {
            mirror(&path, &to.join(name))?;
        } else {
            put(&to.join(name), &fs::read(&path)?)?;
        }
    }
    for path in entries(to)? {
        let stays = path.file_name().is_some_and(|name| from.join(name).exists());
        match (stays, path.is_dir()) {
            (true, _) => {}
            (false, true) => fs::remove_dir_all(&path)?,
            (false, false) => fs::remove_file(&path)?,
        }
    }
    Ok(())
}

/// Writes a file unless it is so already.
fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let folder = path.parent().context("a file without a folder")?;
    fs::create_dir_all(folder)?;
    fs::write(path, bytes).with_context(|| format!("writing {path:?}"))
}
