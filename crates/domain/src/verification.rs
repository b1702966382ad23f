//! The results of all checks on a candidate, against the baseline, and the verdict that follows from them.
//! The verdict is worked out here from plain facts; whoever runs the checks only reports.

mod judge;
mod per_test;
mod trigger;

use serde::{Deserialize, Serialize};

use crate::ids::{Sha256, TreeId};

pub use judge::{judge_again, judge_all, judge_check};
pub use per_test::{TestChange, TestVerdict, test_changes};
pub use trigger::Trigger;

/// What a check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckKind {
    /// Runs tests; zero tests is not a pass.
    Test,
    /// Reports style or likely mistakes.
    Lint,
    /// Checks types.
    Types,
    /// Compiles or parses.
    Build,
    /// A command of the user's, judged by its exit code.
    Command,
    /// Scans again for the finding that was to be fixed.
    Finding,
}

/// How one run of a check ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum RunEnd {
    /// Exit code 0.
    Passed,
    /// Another exit code.
    Failed {
        /// The exit code.
        code: i32,
    },
    /// Killed by a signal that we did not send.
    Signalled {
        /// The signal's number.
        signal: i32,
    },
    /// Killed at the deadline.
    TimedOut,
    /// Killed because of its output's size.
    OutputLimit,
    /// Killed because it wrote more than the box may hold.
    DiskLimit,
    /// Killed because it needed more memory than the box as a whole may have.
    MemoryLimit,
    /// The box could not be set up, and nothing was run without it: says nothing about the change.
    NoSandbox {
        /// The step that failed and the system's answer.
        why: String,
    },
    /// The box stood and the command could not be started in it: says nothing about the change.
    NotStarted {
        /// The program and the system's answer.
        why: String,
    },
    /// There was nothing to run, or it was stopped on request: says nothing about the change.
    NotRun {
        /// Why.
        why: String,
    },
}

impl RunEnd {
    /// The end's word, as in the journal.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed { .. } => "failed",
            Self::Signalled { .. } => "signalled",
            Self::TimedOut => "timed-out",
            Self::OutputLimit => "output-limit",
            Self::DiskLimit => "disk-limit",
            Self::MemoryLimit => "memory-limit",
            Self::NoSandbox { .. } => "no-sandbox",
            Self::NotStarted { .. } => "not-started",
            Self::NotRun { .. } => "not-run",
        }
    }

    /// Why the command did not run to any end of its own or of its limits; `None` when it did.
    pub fn why_not_run(&self) -> Option<String> {
        match self {
            Self::NoSandbox { why } => Some(format!("the sandbox could not be set up: {why}")),
            Self::NotStarted { why } => Some(format!("the command could not be started: {why}")),
            Self::NotRun { why } => Some(why.clone()),
            Self::Passed
            | Self::Failed { .. }
            | Self::Signalled { .. }
            | Self::TimedOut
            | Self::OutputLimit
            | Self::DiskLimit
            | Self::MemoryLimit => None,
        }
    }
}

/// How one test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TestEnd {
    /// It passed.
    Passed,
    /// It failed or could not be set up.
    Failed,
    /// It was not run.
    Skipped,
}

/// One test's result, where the runner reports each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResult {
    /// The test's name, unique in its run.
    pub name: String,
    /// How it ended.
    pub end: TestEnd,
    /// Why it could not even be loaded, where the runner tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

impl TestResult {
    /// A result without a known cause.
    pub fn new(name: impl Into<String>, end: TestEnd) -> Self {
        Self { name: name.into(), end, cause: None }
    }
}

/// Why code could not even be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It cannot be parsed.
    SyntaxError,
    /// A module, a package or a name in one is not there.
    ImportError,
}

/// One report of a linter or type checker, named so that moved lines keep the name.
pub type Report = String;

/// One run of one check on one tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// How the command ended.
    pub end: RunEnd,
    /// How many tests were run (skipped ones not counted); `None` when the check runs none or does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests_run: Option<u64>,
    /// Each test's result, where the runner reports them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestResult>,
    /// Reports of a linter or type checker, where they can be told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reports: Option<Vec<Report>>,
    /// Wall time in milliseconds.
    pub wall_ms: u64,
    /// The hash of the kept output, where there is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Sha256>,
}

/// What one check says about the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum CheckVerdict {
    /// Passed before and after.
    Passed,
    /// Failed before, passes now.
    Fixed,
    /// Passed before, fails now; or fails in more ways than before.
    Regressed {
        /// The tests or reports that are new, at most twenty; empty when only the exit code tells.
        what: Vec<String>,
    },
    /// Fails as it did before: no worse, and no proof either.
    PreExisting,
    /// Failed, and did not fail every time or failed on the base too when it was run again: a person has to look.
    Flaky {
        /// The tests that are not the same every time, at most twenty; empty when only the exit code tells.
        what: Vec<String>,
    },
    /// Nothing was shown.
    NotVerified {
        /// Why.
        why: String,
    },
}

/// The runs after the first, of a check in which something failed that did not fail on the base.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    /// On the base; of the tests that failed on the candidate, where the runner can choose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baseline: Vec<Run>,
    /// On the candidate, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidate: Vec<Run>,
}

impl Again {
    /// Whether nothing was run again.
    pub fn is_empty(&self) -> bool {
        self.baseline.is_empty() && self.candidate.is_empty()
    }
}

/// One check on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// The check's name, as the configuration or the detection gives it.
    pub name: String,
    /// What it looks at.
    pub kind: CheckKind,
    /// The command, as words.
    pub argv: Vec<String>,
    /// The run on the base.
    pub baseline: Run,
    /// The run on the candidate.
    pub candidate: Run,
    /// What follows.
    pub verdict: CheckVerdict,
    /// The tests that did not simply pass on both sides, at most [`MOST_TESTS`], the worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestChange>,
    /// What was run again.
    #[serde(default, skip_serializing_if = "Again::is_empty")]
    pub again: Again,
}

/// What a result is made of.
#[derive(Debug, Clone)]
pub struct BothSides {
    /// The run on the base.
    pub baseline: Run,
    /// The run on the candidate.
    pub candidate: Run,
    /// The runs after the first.
    pub again: Again,
}

impl CheckResult {
    /// The result of a check, with the verdicts that follow from its runs.
    pub fn new(name: String, kind: CheckKind, argv: Vec<String>, sides: BothSides) -> Self {
        let BothSides { baseline, candidate, again } = sides;
        let verdict = judge_again(kind, &baseline, &candidate, &again);
        let mut tests = test_changes(&baseline, &candidate, &again);
        tests.sort_by_key(|test| test.verdict);
        tests.truncate(MOST_TESTS);
        Self { name, kind, argv, baseline, candidate, verdict, tests, again }
    }

    /// What a person has to look at before this result may stand for the change, a line each.
    fn doubts(&self) -> Vec<String> {
        let names = |wanted: TestVerdict| {
            let of = self.tests.iter().filter(|t| t.verdict == wanted).map(|t| t.name.clone());
            of.collect::<Vec<_>>()
        };
        let mut doubts = Vec::new();
        if let CheckVerdict::Flaky { what } = &self.verdict {
            let what = if what.is_empty() { "the check itself".to_owned() } else { some(what) };
            doubts.push(format!("{}: not the same every time: {what}", self.name));
        }
        let gone = names(TestVerdict::NotRun);
        if !gone.is_empty() {
            doubts.push(format!("{}: run on the base and not on the change: {}", self.name, some(&gone)));
        }
        doubts
    }
}

/// No more changed tests of one check are kept than this.
pub const MOST_TESTS: usize = 200;

/// The first few names, and how many more there are.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// What all checks together say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// Tests (or a command that the user chose) passed on the candidate, and no check got worse.
    Verified,
    /// Some check got worse, or the finding is still there.
    Failed {
        /// Why, a line each.
        why: Vec<String>,
    },
    /// No check showed anything.
    NotVerified {
        /// Why.
        why: String,
    },
    /// Tests fail on the base already, in a way that says nothing about single ones: nothing can be judged.
    BaselineBroken {
        /// The checks that fail, with their ends.
        why: String,
    },
    /// The run changed tracked files: what was checked is not what was staged.
    Void {
        /// The files, at most twenty.
        changed: Vec<String>,
    },
}

/// A bound that was in force while checks ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// What is bounded, with its unit, such as `memory bytes`.
    pub what: String,
    /// The bound.
    pub at_most: u64,
    /// Of what: `process` for each single one, `box` for all of a run together, `user` for all that the user runs.
    pub of: String,
}

impl Limit {
    /// A bound of this on each `of`.
    pub fn new(what: &str, at_most: u64, of: &str) -> Self {
        Self { what: what.to_owned(), at_most, of: of.to_owned() }
    }
}

/// The results of all checks on a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The tree that was checked: the candidate's.
    pub tree: TreeId,
    /// The sandbox level of the runs.
    pub sandbox: String,
    /// The bounds that were in force, beside each check's own time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
    /// How the tree was laid out (`overlay`, `warm overlay`, `checkout`).
    pub tree_form: String,
    /// Each check.
    pub checks: Vec<CheckResult>,
    /// Tracked files that the run changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// What follows.
    pub verdict: Verdict,
}

impl Verification {
    /// The hash of the whole record, to which an approval is bound.
    pub fn hash(&self) -> Sha256 {
        // Plain data without maps or floats: serialisation cannot fail, and an empty record matches no approval.
        Sha256::of(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// What keeps policy from approving by itself, though the checks speak for the change; a line each.
    pub fn doubts(&self) -> Vec<String> {
        self.checks.iter().flat_map(CheckResult::doubts).collect()
    }
}

impl std::fmt::Display for RunEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Failed { code } => write!(f, "exit {code}"),
            Self::Signalled { signal } => write!(f, "killed by signal {signal}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::OutputLimit => f.write_str("too much output"),
            Self::DiskLimit => f.write_str("wrote too much"),
            Self::MemoryLimit => f.write_str("needed too much memory"),
            Self::NoSandbox { why } => write!(f, "not run, no sandbox: {why}"),
            Self::NotStarted { why } => write!(f, "not started: {why}"),
            Self::NotRun { why } => write!(f, "not run: {why}"),
        }
    }
}

#[cfg(test)]
mod tests;
