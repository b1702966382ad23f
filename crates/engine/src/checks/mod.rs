//! What is run to verify a change, and what its output says. Detection and reading are pure: nothing here runs a
//! command, and nothing here trusts what a command printed more than its exit code.

mod again;
mod cargo;
mod cause;
mod detect;
mod go;
mod go_reports;
mod javascript;
mod javascript_reports;
mod junit;
mod language;
mod libtest;
mod lint;
mod make;
mod names;
mod project;
mod python;
mod read;
mod rust;
mod summary;
mod unittest;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use domain::ids::Sha256;
use domain::verification::{CheckKind, Run, RunEnd};
use serde::Serialize;

pub use again::MOST_AGAIN;
pub use detect::{Detected, detect};
pub use read::{read, read_noting};

/// Stands in `argv`, `env` and a reader's file for the root of the tree, as the box shows it.
pub const TREE: &str = "{tree}";

/// Stands in `argv`, `env` and a reader's file for the box's temporary folder.
pub const TMP: &str = "{tmp}";

/// Stands in the value of `PATH` for the search path that every command in the box gets.
pub const SEARCH_PATH: &str = "{path}";

/// The names of all checks that are detected; scripts of `package.json` bear their package manager's name, here npm's.
pub const DETECTED: [&str; 24] = [
    "python-syntax",
    "ruff",
    "mypy",
    "pyright",
    "pytest",
    "unittest",
    "cargo-check",
    "clippy",
    "cargo-test",
    "nextest",
    "eslint",
    "tsc",
    "jest",
    "vitest",
    "mocha",
    "node-test",
    "npm test",
    "npm lint",
    "npm typecheck",
    "go-build",
    "go-vet",
    "go-test",
    "make-test",
    "make-lint",
];

/// Those of them that only read, by the command line that we give them. Scripts and targets of a project may do anything.
const ONLY_READ: [&str; 7] = ["ruff", "mypy", "pyright", "clippy", "eslint", "tsc", "go-vet"];

/// One check, without the tree and the toolchain that it meets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckSpec {
    /// The name, unique among the checks of a change.
    pub name: String,
    /// What it looks at.
    pub kind: CheckKind,
    /// The command, as words; may hold [`TREE`] and [`TMP`].
    pub argv: Vec<String>,
    /// Variables beside those that every command in the box gets; values may hold [`TREE`] and [`TMP`].
    pub env: BTreeMap<String, String>,
    /// The most that it may take, in seconds.
    pub timeout_seconds: u64,
    /// What follows `argv`.
    pub files: FilesArg,
    /// How its output is read.
    pub reader: Reader,
    /// Whether it only reads: no other check needs what it leaves, and it may run in a tree of its own. What it says is
    /// the same either way.
    #[serde(skip)]
    pub only_reads: bool,
}

/// Which files are named at the end of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FilesArg {
    /// None: the command knows what to look at.
    Nothing,
    /// Those of these that are there on the side at hand: a change may add or delete some.
    Existing(Vec<String>),
}

/// How a check's output is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reader {
    /// By the exit code alone.
    ExitCode,
    /// By the exit code, and the number of tests by the summary of a known runner, if there is one in the output.
    TestSummary,
    /// `path:line: error: message  [code]` on standard output: mypy, and our own syntax check.
    ErrorLines,
    /// `ruff check --output-format=json`.
    RuffJson,
    /// pytest's JUnit XML in this file, which may hold [`TREE`] and [`TMP`].
    PytestJunit {
        /// The file.
        file: String,
    },
    /// JUnit XML of any other runner, in this file.
    Junit {
        /// The file.
        file: String,
    },
    /// `jest --json`, in this file.
    JestJson {
        /// The file.
        file: String,
    },
    /// `go test -json`, on standard output.
    GoTestJson,
    /// `go build` and `go vet`, on standard error.
    GoLines,
    /// `eslint --format json`.
    EslintJson,
    /// `tsc --pretty false`, on standard output.
    TscLines,
    /// `pyright --outputjson`.
    PyrightJson,
    /// `python3 -m unittest -v`, on standard error.
    UnittestText,
    /// `cargo test`: libtest's lines on standard output, the targets on standard error.
    CargoTestText,
    /// `cargo check` and `cargo clippy` with `--message-format=json`.
    CargoJson,
}

/// A command with everything filled in for one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The words.
    pub argv: Vec<String>,
    /// Variables beside those that every command in the box gets.
    pub env: BTreeMap<String, String>,
    /// The file that [`read`] wants afterwards, as the box shows it.
    pub report: Option<String>,
}

impl CheckSpec {
    /// Names everything about the check that a result depends on.
    pub fn key(&self) -> Sha256 {
        // Plain data whose map keys are text: serialisation cannot fail.
        Sha256::of(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// The command for one side, where the box shows the tree at `tree` and a temporary folder at `tmp`, and
    /// `is_there` tells whether the side has a path. `None` when the check looks at files of which this side has
    /// none: then [`CheckSpec::nothing_to_look_at`] is its run.
    pub fn command(&self, tree: &str, tmp: &str, is_there: &dyn Fn(&str) -> bool) -> Option<Command> {
        let fill = |text: &String| text.replace(TREE, tree).replace(TMP, tmp);
        let mut argv: Vec<String> = self.argv.iter().map(fill).collect();
        if let FilesArg::Existing(files) = &self.files {
            let there: Vec<&String> = files.iter().filter(|f| is_there(f)).collect();
            if there.is_empty() {
                return None;
            }
            argv.extend(there.into_iter().cloned());
        }
        let env = self.env.iter().map(|(name, value)| (name.clone(), fill(value))).collect();
        let report = match &self.reader {
            Reader::PytestJunit { file } | Reader::Junit { file } | Reader::JestJson { file } => {
                Some(fill(file))
            }
            _ => None,
        };
        Some(Command { argv, env, report })
    }

    /// The check for the candidate: one that builds nothing is given ten times what it took on the base, and a minute at
    /// least; never more than the configuration allows. What builds may have to build anything anew.
    pub fn bounded_by(&self, baseline: &Run) -> CheckSpec {
        const LEAST_SECONDS: u64 = 60;
        let mut spec = self.clone();
        let builds_nothing = matches!(
            self.reader,
            Reader::PytestJunit { .. } | Reader::UnittestText | Reader::RuffJson | Reader::EslintJson
        );
        if builds_nothing && matches!(baseline.end, RunEnd::Passed | RunEnd::Failed { .. }) {
            let tenfold = (baseline.wall_ms / 100).max(LEAST_SECONDS);
            spec.timeout_seconds = spec.timeout_seconds.min(tenfold);
        }
        spec
    }

    /// The run on a side that has none of the files: nothing is wrong with them.
    pub fn nothing_to_look_at(&self) -> Run {
        Run { reports: Some(Vec::new()), ..empty(RunEnd::Passed) }
    }
}

/// A run that says nothing but how it ended.
fn empty(end: RunEnd) -> Run {
    Run { end, tests_run: None, tests: Vec::new(), reports: None, wall_ms: 0, output: None }
}
