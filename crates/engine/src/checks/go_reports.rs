//! What Go's tools print: the events of `go test -json`, and the lines of `go build` and `go vet`.

use std::collections::BTreeMap;

use domain::verification::{Cause, TestEnd, TestResult};
use serde::Deserialize;

use super::{cause, names};

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "Action", default)]
    action: String,
    #[serde(rename = "Package", default)]
    package: String,
    #[serde(rename = "Test")]
    test: Option<String>,
    #[serde(rename = "Output", default)]
    output: String,
}

/// What the events say.
pub(super) struct Events {
    /// Each test's result. A package that failed without a failed test, because it does not build or a process left,
    /// is a failed test of its own.
    pub(super) results: Vec<TestResult>,
    /// Whether a package was looked at to its end.
    pub(super) closed: bool,
}

/// Reads the events of `go test -json`; other lines are left out. `stderr` is where a build that fails says why.
pub(super) fn test(stdout: &[u8], stderr: &[u8]) -> Events {
    let text = String::from_utf8_lossy(stdout);
    let cause_of_build = cause::of(&String::from_utf8_lossy(stderr));
    let mut ends: BTreeMap<String, TestEnd> = BTreeMap::new();
    let mut failed_packages: Vec<String> = Vec::new();
    let mut told: BTreeMap<String, Cause> = BTreeMap::new();
    let mut closed = false;
    for line in text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
        if let Some(cause) = cause::of(&line.output) {
            told.insert(line.package.clone(), cause);
        }
        let end = match line.action.as_str() {
            "pass" => TestEnd::Passed,
            "fail" => TestEnd::Failed,
            "skip" => TestEnd::Skipped,
            _ => continue,
        };
        match line.test {
            Some(test) => {
                ends.insert(format!("{}::{test}", line.package), end);
            }
            None => {
                closed = true;
                if end == TestEnd::Failed {
                    failed_packages.push(line.package);
                }
            }
        }
    }
    let mut results: Vec<TestResult> =
        ends.iter().map(|(name, end)| TestResult::new(name.as_str(), *end)).collect();
    for package in failed_packages {
        let begins = format!("{package}::");
        let has_failed = ends.iter().any(|(n, end)| n.starts_with(&begins) && *end == TestEnd::Failed);
        if !has_failed {
            let cause = told.get(&package).copied().or(cause_of_build);
            results.push(TestResult { cause, ..TestResult::new(package, TestEnd::Failed) });
        }
    }
    Events { results, closed }
}

/// The complaints of `go build` and `go vet`: `./a.go:5:2: message`, or `vet: ./a.go:5:2: message`. `None` when the
/// command failed and named none.
pub(super) fn lines(stderr: &[u8], passed: bool) -> Option<Vec<String>> {
    let text = String::from_utf8_lossy(stderr);
    let complaint = |line: &str| {
        let line = line.strip_prefix("vet: ").unwrap_or(line);
        let (path, rest) = line.split_once(".go:")?;
        let message = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':').trim_start();
        let code = match cause::of(line) {
            Some(Cause::SyntaxError) => "syntax",
            Some(Cause::ImportError) => "missing-package",
            None => "go",
        };
        (!path.contains(' ') && !message.is_empty())
            .then(|| names::report(&format!("{path}.go"), code, message))
    };
    let reports: Vec<String> = text.lines().filter_map(complaint).collect();
    (passed || !reports.is_empty()).then_some(reports)
}
