//! Which checks a change gets: those configured, and those that the base tree's own files call for. What is called for
//! and cannot run becomes a note, so that a missing tool is not mistaken for a pass.

use std::collections::{BTreeMap, BTreeSet};

use domain::verification::CheckKind;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::language::{self, Language, Wanted};
use super::project::Project;
use super::{CheckSpec, FilesArg, ONLY_READ, Reader, go, javascript, make, python, rust};
use crate::config;
use crate::provider::Source;

/// The checks of a change, cheap ones first, and what was seen but cannot run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detected {
    /// The checks.
    pub checks: Vec<CheckSpec>,
    /// What was seen and cannot run, and why, a sentence each.
    pub notes: Vec<String>,
}

/// Finds the checks of a change of the files `changed` (old and new paths). `tree` is the base, so that a change
/// cannot choose its own checks; `has_tool` tells whether the box finds a program.
pub fn detect(
    tree: &dyn Source,
    has_tool: &dyn Fn(&str) -> bool,
    changed: &[String],
    config: &config::Checks,
) -> Detected {
    let mut found =
        Found { has_tool, timeout_seconds: config.timeout_seconds, detected: Detected::default() };
    if config.detect {
        by_language(&Project::new(tree), changed, config, &mut found);
    }
    if let Some(line) = &config.test_command {
        let argv = ["sh", "-c", line.as_str()];
        found.add("test-command", CheckKind::Test, &argv, FilesArg::Nothing, Reader::TestSummary);
    }
    for command in &config.commands {
        configured(command, changed, &mut found);
    }
    found.detected
}

fn by_language(project: &Project<'_>, changed: &[String], config: &config::Checks, found: &mut Found<'_>) {
    let test_command = config.test_command.is_some();
    let python = language::wanted(Language::Python, changed);
    if config.python && python != Wanted::Nothing && (python == Wanted::All || python::is_project(project)) {
        python::detect(project, changed, python, test_command, found);
    }
    let rust = language::wanted(Language::Rust, changed);
    if config.rust && rust != Wanted::Nothing {
        rust::detect(project, rust, test_command, found);
    }
    let javascript = language::wanted(Language::JavaScript, changed);
    if config.javascript && javascript != Wanted::Nothing {
        javascript::detect(project, changed, javascript, test_command, found);
    }
    let go = language::wanted(Language::Go, changed);
    if config.go && go != Wanted::Nothing {
        go::detect(project, go, test_command, found);
    }
    if config.make {
        make::detect(project, test_command, found);
    }
    let other = |path: &String| match language::of(path) {
        Language::Other(name) => Some(name),
        _ => None,
    };
    for name in changed.iter().filter_map(other).collect::<BTreeSet<_>>() {
        if !found.has_kind(CheckKind::Test) {
            found.note(format!(
                "{name} files changed; checks for {name} are not detected: name them under checks.commands"
            ));
        }
    }
}

/// Adds a configured check, unless it names paths and none of them changed.
fn configured(command: &config::CheckCommand, changed: &[String], found: &mut Found<'_>) {
    if !command.paths.is_empty() {
        match globs(&command.paths) {
            Ok(set) if changed.iter().any(|path| set.is_match(path)) => {}
            Ok(_) => return,
            // Loading the configuration refuses a glob that is none; should one come through, the check runs.
            Err(error) => found.note(format!("{}: {error}", command.name)),
        }
    }
    let reader = if command.kind == CheckKind::Test { Reader::TestSummary } else { Reader::ExitCode };
    let argv = command.run.argv();
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    found.add(&command.name, command.kind, &words, FilesArg::Nothing, reader);
    if let Some(spec) = found.detected.checks.last_mut() {
        spec.timeout_seconds = command.timeout_seconds.unwrap_or(spec.timeout_seconds);
        spec.only_reads = false;
    }
}

/// `*` stays within one folder, `**` does not: as git and the gate read globs.
fn globs(patterns: &[String]) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(GlobBuilder::new(pattern).literal_separator(true).build()?);
    }
    set.build()
}

/// What has been found so far.
pub(super) struct Found<'a> {
    has_tool: &'a dyn Fn(&str) -> bool,
    timeout_seconds: u64,
    detected: Detected,
}

impl Found<'_> {
    pub(super) fn has(&self, program: &str) -> bool {
        (self.has_tool)(program)
    }

    /// Whether a check of this kind has been found already.
    pub(super) fn has_kind(&self, kind: CheckKind) -> bool {
        self.detected.checks.iter().any(|check| check.kind == kind)
    }

    pub(super) fn note(&mut self, note: String) {
        self.detected.notes.push(note);
    }

    pub(super) fn add(
        &mut self,
        name: &str,
        kind: CheckKind,
        argv: &[&str],
        files: FilesArg,
        reader: Reader,
    ) {
        self.add_with(name, kind, argv, files, reader, BTreeMap::new());
    }

    /// Adds a check. A configured one that bears a detected one's name gets another: neither replaces the other.
    pub(super) fn add_with(
        &mut self,
        name: &str,
        kind: CheckKind,
        argv: &[&str],
        files: FilesArg,
        reader: Reader,
        env: BTreeMap<String, String>,
    ) {
        let only_reads = ONLY_READ.contains(&name);
        let mut name = name.to_owned();
        while self.detected.checks.iter().any(|c| c.name == name) {
            name.push_str(" (configured)");
        }
        self.detected.checks.push(CheckSpec {
            name,
            kind,
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            env,
            timeout_seconds: self.timeout_seconds,
            files,
            reader,
            only_reads,
        });
    }
}
