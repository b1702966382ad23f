//! What a check's output says. It is written by the change under judgement, so it never decides alone: the exit code
//! stands beside it, and output that cannot be read is no pass.

use std::collections::BTreeMap;

use domain::verification::{Cause, Run, RunEnd, TestEnd, TestResult};

use super::{
    CheckSpec, FilesArg, Reader, cargo, cause, empty, go_reports, javascript_reports, junit, libtest, lint,
    names, summary, unittest,
};

/// No more of any one output is read than this, in bytes; a report that is cut is no whole report.
const MOST_BYTES: usize = 32 << 20;

/// No more results or reports are kept than this.
const MOST: usize = 20_000;

/// The longest name of a test, in characters.
const LONGEST: usize = 300;

/// pytest's exit code when it found no test, and since Python 3.12 unittest's.
const NO_TESTS: i32 = 5;

/// Reads a run. `file` is the content of [`super::Command::report`]. Wall time and the hash of the output are the
/// caller's to fill in. Never panics, whatever the bytes.
pub fn read(spec: &CheckSpec, end: RunEnd, stdout: &[u8], stderr: &[u8], file: Option<&[u8]>) -> Run {
    read_noting(spec, end, stdout, stderr, file).0
}

/// The same, and why the output could not be read, when it could not.
pub fn read_noting(
    spec: &CheckSpec,
    end: RunEnd,
    stdout: &[u8],
    stderr: &[u8],
    file: Option<&[u8]>,
) -> (Run, Option<String>) {
    let run = empty(end);
    if run.end.why_not_run().is_some() {
        return (run, None);
    }
    let passed = run.end == RunEnd::Passed;
    let given: &[String] = match &spec.files {
        FilesArg::Existing(files) => files,
        FilesArg::Nothing => &[],
    };
    let (stdout, stderr) = (cut(stdout), cut(stderr));
    match &spec.reader {
        Reader::ExitCode => (run, None),
        Reader::TestSummary => {
            let text = format!("{}\n{}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr));
            (Run { tests_run: summary::tests_run(&text), ..run }, None)
        }
        Reader::ErrorLines => reports(spec, run, lint::error_lines(stdout, passed)),
        Reader::RuffJson => reports(spec, run, lint::ruff(stdout, given)),
        Reader::CargoJson => reports(spec, run, cargo::diagnostics(stdout)),
        Reader::EslintJson => reports(spec, run, javascript_reports::eslint(stdout, given)),
        Reader::TscLines => reports(spec, run, javascript_reports::tsc(stdout, passed)),
        Reader::PyrightJson => reports(spec, run, lint::pyright(stdout)),
        Reader::GoLines => reports(spec, run, go_reports::lines(stderr, passed)),
        Reader::Junit { .. } => {
            let results = file.filter(|f| f.len() <= MOST_BYTES).and_then(junit::results);
            let count = results.as_ref().map(|all| count(all));
            tests(spec, run, (stdout, stderr), count, results.unwrap_or_default())
        }
        Reader::JestJson { .. } => {
            let results = file.filter(|f| f.len() <= MOST_BYTES).and_then(javascript_reports::jest);
            let count = results.as_ref().map(|all| count(all));
            tests(spec, run, (stdout, stderr), count, results.unwrap_or_default())
        }
        Reader::GoTestJson => {
            let events = go_reports::test(stdout, stderr);
            let count = events.closed.then(|| count(&events.results));
            tests(spec, run, (stdout, stderr), count, events.results)
        }
        Reader::PytestJunit { .. } => {
            let results = file.filter(|f| f.len() <= MOST_BYTES).and_then(junit::results);
            // A process that leaves before its runner is done may leave any report behind: the closing line is the
            // last thing that pytest prints.
            let closed = summary::tests_run(&String::from_utf8_lossy(stdout)).is_some();
            let results = results.filter(|all| closed || all.is_empty());
            let count = results.as_ref().map(|all| count(all));
            tests(spec, run, (stdout, stderr), count, results.unwrap_or_default())
        }
        Reader::UnittestText => {
            let text = unittest::read(&String::from_utf8_lossy(stderr));
            tests(spec, run, (stdout, stderr), text.run, text.results)
        }
        Reader::CargoTestText => {
            let mut text = libtest::read(&String::from_utf8_lossy(stdout), &String::from_utf8_lossy(stderr));
            if text.torn && !passed {
                text.results.push(failed("(a test target ended before its tests did)".to_owned()));
            }
            tests(spec, run, (stdout, stderr), text.run, text.results)
        }
    }
}

fn cut(bytes: &[u8]) -> &[u8] {
    bytes.get(..MOST_BYTES).unwrap_or(bytes)
}

fn reports(spec: &CheckSpec, run: Run, found: Option<Vec<String>>) -> (Run, Option<String>) {
    let note = found.is_none().then(|| unreadable(spec, &run));
    let found = found.map(|mut reports| {
        reports.truncate(MOST);
        reports
    });
    (Run { reports: found, ..run }, note)
}

/// A run of tests. Where the runner passed and left nothing readable, no test was seen to run; where it failed so,
/// that is a failure of its own, which a baseline with readable failures does not excuse.
fn tests(
    spec: &CheckSpec,
    run: Run,
    printed: (&[u8], &[u8]),
    count: Option<u64>,
    results: Vec<TestResult>,
) -> (Run, Option<String>) {
    if count.is_some() {
        return (Run { tests_run: count, tests: unique(results), ..run }, None);
    }
    let note = unreadable(spec, &run);
    if matches!(run.end, RunEnd::Passed | RunEnd::Failed { code: NO_TESTS }) {
        return (Run { tests_run: Some(0), ..run }, Some(note));
    }
    let mut results = unique(results);
    let cause = [printed.0, printed.1].iter().find_map(|text| cause::of(&String::from_utf8_lossy(text)));
    results.push(TestResult { cause, ..failed(format!("(no readable result: {})", run.end)) });
    (Run { tests: results, ..run }, Some(note))
}

fn failed(name: String) -> TestResult {
    TestResult::new(name, TestEnd::Failed)
}

fn unreadable(spec: &CheckSpec, run: &Run) -> String {
    format!("{}: {}, and its output could not be read", spec.name, run.end)
}

fn count(results: &[TestResult]) -> u64 {
    results.iter().filter(|t| t.end != TestEnd::Skipped).count() as u64
}

/// One result a name, the worst; in order of names. Runners report a test twice when it fails in its teardown, or
/// once more for each of its parts.
fn unique(results: Vec<TestResult>) -> Vec<TestResult> {
    let rank = |end: TestEnd| match end {
        TestEnd::Skipped => 0,
        TestEnd::Passed => 1,
        TestEnd::Failed => 2,
    };
    let mut worst: BTreeMap<String, (TestEnd, Option<Cause>)> = BTreeMap::new();
    for result in results {
        let name = names::without_addresses(&result.name);
        let name: String = name.chars().map(|c| if c.is_control() { '?' } else { c }).take(LONGEST).collect();
        let (end, cause) = worst.entry(name).or_insert((result.end, None));
        if rank(result.end) > rank(*end) {
            *end = result.end;
        }
        *cause = cause.or(result.cause);
    }
    // Failures are what verdicts are made of: they stay when there are too many.
    let mut all: Vec<TestResult> = worst
        .into_iter()
        .map(|(name, (end, cause))| TestResult { cause, ..TestResult::new(name, end) })
        .collect();
    if all.len() > MOST {
        all.sort_by_key(|t| std::cmp::Reverse(rank(t.end)));
        all.truncate(MOST);
        all.sort_by(|a, b| a.name.cmp(&b.name));
    }
    all
}
