//! What each test says about the change, from all runs of it on both sides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Again, Run, TestEnd};

/// What one test says about the change. A test that only passed has none. Ordered from the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestVerdict {
    /// Failed on the candidate each time, and passed on the base or is new.
    Regressed,
    /// Failed and passed on one side, or its failures were seen on both sides only when it was run again.
    Flaky,
    /// Run on the base, not run on the candidate: gone or skipped.
    NotRun,
    /// Failed on both sides.
    PreExisting,
    /// Failed on the base, passed on the candidate.
    Fixed,
}

impl TestVerdict {
    /// The word for it, as in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Flaky => "flaky",
            Self::NotRun => "not-run",
            Self::PreExisting => "pre-existing",
            Self::Fixed => "fixed",
        }
    }
}

/// A test that did not simply pass on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestChange {
    /// The test's name.
    pub name: String,
    /// What it says.
    pub verdict: TestVerdict,
}

/// How the runs of one test on one side ended.
#[derive(Debug, Clone, Copy, Default)]
struct Ends {
    passed: bool,
    failed: bool,
}

impl Ends {
    fn ran(self) -> bool {
        self.passed || self.failed
    }
}

/// The tests that did not simply pass on both sides, in order of their names.
pub fn test_changes(baseline: &Run, candidate: &Run, again: &Again) -> Vec<TestChange> {
    let before = ends(baseline, &again.baseline);
    let after = ends(candidate, &again.candidate);
    let mut names: Vec<&str> = before.keys().chain(after.keys()).copied().collect();
    names.sort_unstable();
    names.dedup();
    let of = |ends: &BTreeMap<&str, Ends>, name: &str| ends.get(name).copied().unwrap_or_default();
    let change = |name: &&str| {
        let (b, c) = (of(&before, name), of(&after, name));
        let verdict = verdict(b, c)?;
        // A module that could not be loaded fails under its own name; loaded, its tests stand in its place.
        let replaced = verdict == TestVerdict::NotRun && b.failed && has_parts(&after, name);
        let verdict = if replaced { TestVerdict::Fixed } else { verdict };
        Some(TestChange { name: (*name).to_owned(), verdict })
    };
    names.iter().filter_map(change).collect()
}

fn verdict(before: Ends, after: Ends) -> Option<TestVerdict> {
    if !after.ran() {
        return before.ran().then_some(TestVerdict::NotRun);
    }
    if (after.passed && after.failed) || (before.passed && before.failed) {
        return Some(TestVerdict::Flaky);
    }
    match (before.failed, after.failed) {
        (true, true) => Some(TestVerdict::PreExisting),
        (false, true) => Some(TestVerdict::Regressed),
        (true, false) => Some(TestVerdict::Fixed),
        (false, false) => None,
    }
}

/// Readers put what is no test, such as a run without a readable result, in parentheses: it is held against the first
/// run alone, and its absence is no loss.
fn is_no_test(name: &str) -> bool {
    name.starts_with('(')
}

fn ends<'a>(first: &'a Run, again: &'a [Run]) -> BTreeMap<&'a str, Ends> {
    let mut ends: BTreeMap<&str, Ends> = BTreeMap::new();
    let mut add = |name: &'a str, end: TestEnd| {
        let ends = ends.entry(name).or_default();
        ends.passed |= end == TestEnd::Passed;
        ends.failed |= end == TestEnd::Failed;
    };
    for test in &first.tests {
        add(&test.name, test.end);
    }
    for test in again.iter().flat_map(|run| &run.tests).filter(|test| !is_no_test(&test.name)) {
        add(&test.name, test.end);
    }
    ends
}

/// Whether tests ran whose names begin with this one, or that stand for it otherwise.
fn has_parts(after: &BTreeMap<&str, Ends>, name: &str) -> bool {
    let part = |other: &&str| {
        let rest = other.strip_prefix(name).unwrap_or_default();
        rest.starts_with(['.', ':', ' ', '['])
    };
    let ran = |other: &&str| after.get(*other).is_some_and(|ends| ends.ran());
    if is_no_test(name) { after.values().any(|e| e.ran()) } else { after.keys().any(|k| part(k) && ran(k)) }
}
