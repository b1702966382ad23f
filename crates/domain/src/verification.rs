//! The results of all checks on a candidate, against the baseline, and the verdict that follows from them.
//! The verdict is worked out here from plain facts; whoever runs the checks only reports.

use serde::{Deserialize, Serialize};

use crate::ids::{Sha256, TreeId};

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
    /// The command could not be started, or the box could not be set up: says nothing about the change.
    NotRun {
        /// Why.
        why: String,
    },
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
    /// Nothing was shown.
    NotVerified {
        /// Why.
        why: String,
    },
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

/// The results of all checks on a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The tree that was checked: the candidate's.
    pub tree: TreeId,
    /// The sandbox level of the runs.
    pub sandbox: String,
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
}

/// The most names that a verdict lists.
const LISTED: usize = 20;

/// What one check says, from its two runs. Unknown is never a pass.
pub fn judge_check(kind: CheckKind, baseline: &Run, candidate: &Run) -> CheckVerdict {
    let not_verified = |why: String| CheckVerdict::NotVerified { why };
    if let RunEnd::NotRun { why } = &candidate.end {
        return not_verified(why.clone());
    }
    if let RunEnd::NotRun { why } = &baseline.end {
        return not_verified(format!("on the base: {why}"));
    }
    let regressed = new_failures(baseline, candidate);
    if !regressed.is_empty() {
        return CheckVerdict::Regressed { what: regressed };
    }
    if kind == CheckKind::Test && candidate.tests_run == Some(0) {
        return not_verified("no test was run".to_owned());
    }
    match (&baseline.end, &candidate.end) {
        (RunEnd::Passed, RunEnd::Passed) if fewer_tests(baseline, candidate) => not_verified(format!(
            "only {} of the baseline's {} tests were run",
            candidate.tests_run.unwrap_or(0),
            baseline.tests_run.unwrap_or(0)
        )),
        (RunEnd::Passed, RunEnd::Passed) => CheckVerdict::Passed,
        (RunEnd::Passed, _) => CheckVerdict::Regressed { what: Vec::new() },
        (_, RunEnd::Passed) => CheckVerdict::Fixed,
        (before, after) if before == after => CheckVerdict::PreExisting,
        (_, RunEnd::Failed { .. }) if tells_apart(baseline, candidate) => CheckVerdict::PreExisting,
        _ => CheckVerdict::Regressed { what: Vec::new() },
    }
}

/// A run that lost more than half of the baseline's tests shows too little.
fn fewer_tests(baseline: &Run, candidate: &Run) -> bool {
    matches!((baseline.tests_run, candidate.tests_run), (Some(b), Some(c)) if c * 2 < b)
}

/// Whether both runs name their failures, so that equal failures can be recognised behind other exit codes.
fn tells_apart(baseline: &Run, candidate: &Run) -> bool {
    let named = |run: &Run| run.reports.is_some() || !run.tests.is_empty();
    named(baseline) && named(candidate)
}

/// Tests that passed (or did not exist) and fail now, and reports that are new; at most [`LISTED`].
fn new_failures(baseline: &Run, candidate: &Run) -> Vec<String> {
    let failed = |run: &Run| -> Vec<String> {
        run.tests.iter().filter(|t| t.end == TestEnd::Failed).map(|t| t.name.clone()).collect()
    };
    let mut before = failed(baseline);
    let mut new: Vec<String> = Vec::new();
    let reports = match (&baseline.reports, &candidate.reports) {
        (Some(b), Some(c)) => {
            before.extend(b.iter().cloned());
            c.clone()
        }
        _ => Vec::new(),
    };
    for name in failed(candidate).into_iter().chain(reports) {
        match before.iter().position(|b| *b == name) {
            Some(at) => {
                before.swap_remove(at);
            }
            None => new.push(name),
        }
    }
    new.truncate(LISTED);
    new
}

/// What all checks together say. `changed` are the tracked files that the runs touched.
pub fn judge_all(checks: &[CheckResult], changed: &[String]) -> Verdict {
    if !changed.is_empty() {
        return Verdict::Void { changed: changed.iter().take(LISTED).cloned().collect() };
    }
    let failed: Vec<String> = checks.iter().filter_map(failure).collect();
    if !failed.is_empty() {
        return Verdict::Failed { why: failed };
    }
    let broken: Vec<String> =
        checks.iter().filter(|c| is_broken(c)).map(|c| format!("{} ({})", c.name, c.baseline.end)).collect();
    if !broken.is_empty() {
        return Verdict::BaselineBroken { why: format!("fails on the base already: {}", broken.join(", ")) };
    }
    if checks.iter().any(shows_behaviour) {
        return Verdict::Verified;
    }
    Verdict::NotVerified { why: not_verified_because(checks) }
}

/// Whether a check shows that the code still does what it did: passed tests, or a command that the user chose. Style,
/// types, a compiler and a scan can speak against a change; alone they are no proof for it.
fn shows_behaviour(check: &CheckResult) -> bool {
    let chosen = matches!(check.kind, CheckKind::Test | CheckKind::Command);
    match check.verdict {
        CheckVerdict::Passed | CheckVerdict::Fixed => chosen,
        CheckVerdict::PreExisting => chosen && some_tests_passed(&check.candidate),
        CheckVerdict::Regressed { .. } | CheckVerdict::NotVerified { .. } => false,
    }
}

/// Whether tests or a chosen command fail on the base in a way that says nothing about single tests: then nothing can be
/// judged, whatever else passes.
fn is_broken(check: &CheckResult) -> bool {
    matches!(check.kind, CheckKind::Test | CheckKind::Command)
        && check.verdict == CheckVerdict::PreExisting
        && !some_tests_passed(&check.candidate)
}

fn some_tests_passed(run: &Run) -> bool {
    run.tests.iter().any(|t| t.end == TestEnd::Passed)
}

fn failure(check: &CheckResult) -> Option<String> {
    match &check.verdict {
        CheckVerdict::Regressed { what } if what.is_empty() => {
            Some(format!("{}: {} (on the base: {})", check.name, check.candidate.end, check.baseline.end))
        }
        CheckVerdict::Regressed { what } => Some(format!("{}: {}", check.name, what.join(", "))),
        CheckVerdict::PreExisting if check.kind == CheckKind::Finding => {
            Some(format!("{}: still there", check.name))
        }
        _ => None,
    }
}

fn not_verified_because(checks: &[CheckResult]) -> String {
    let real: Vec<&CheckResult> = checks.iter().filter(|c| c.kind != CheckKind::Finding).collect();
    if real.is_empty() {
        return "no check is configured or detected".to_owned();
    }
    let reason = |c: &&CheckResult| match &c.verdict {
        CheckVerdict::NotVerified { why } => format!("{}: {why}", c.name),
        CheckVerdict::PreExisting => format!("{}: fails on the base already", c.name),
        _ => format!("{} {}", c.name, c.candidate.end),
    };
    format!(
        "no test was run that shows what the code does ({})",
        real.iter().map(reason).collect::<Vec<_>>().join("; ")
    )
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
            Self::NotRun { why } => write!(f, "not run: {why}"),
        }
    }
}

#[cfg(test)]
mod tests;
