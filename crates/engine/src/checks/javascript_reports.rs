//! What the tools of JavaScript and TypeScript report: jest's and eslint's JSON, tsc's lines. Paths stand in them as
//! the box shows them; the tree's own is taken off before.

use domain::verification::{TestEnd, TestResult};
use serde::Deserialize;

use super::{cause, names};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Jest {
    test_results: Vec<JestFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JestFile {
    name: String,
    status: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    assertion_results: Vec<JestTest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JestTest {
    full_name: String,
    status: String,
}

/// The results in what `jest --json` writes; `None` when it is none. A file that could not be loaded is a failed test.
pub(super) fn jest(json: &[u8]) -> Option<Vec<TestResult>> {
    let report: Jest = serde_json::from_slice(json).ok()?;
    let mut results = Vec::new();
    for file in &report.test_results {
        if file.status == "failed" && file.assertion_results.is_empty() {
            let cause = cause::of(&file.message);
            results.push(TestResult { cause, ..TestResult::new(file.name.as_str(), TestEnd::Failed) });
        }
        for test in &file.assertion_results {
            let end = match test.status.as_str() {
                "passed" => TestEnd::Passed,
                "failed" => TestEnd::Failed,
                _ => TestEnd::Skipped,
            };
            results.push(TestResult::new(format!("{}::{}", file.name, test.full_name), end));
        }
    }
    Some(results)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EslintFile {
    file_path: String,
    messages: Vec<EslintMessage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EslintMessage {
    #[serde(default)]
    rule_id: Option<String>,
    #[serde(default)]
    fatal: bool,
    message: String,
}

/// The reports in what `eslint --format json` prints; `None` when it is none. A file that the configuration ignores is
/// told by a message without a rule, which is no report.
pub(super) fn eslint(stdout: &[u8], given: &[String]) -> Option<Vec<String>> {
    let files: Vec<EslintFile> = serde_json::from_slice(stdout).ok()?;
    let mut reports = Vec::new();
    for file in &files {
        let path = names::relative(&file.file_path, given);
        for message in &file.messages {
            match &message.rule_id {
                Some(rule) => reports.push(names::report(path, rule, &message.message)),
                None if message.fatal => reports.push(names::report(path, "syntax", &message.message)),
                None => {}
            }
        }
    }
    Some(reports)
}

/// The errors in what tsc prints: `a.ts(1,7): error TS2322: ...`. `None` when it failed and named none.
pub(super) fn tsc(stdout: &[u8], passed: bool) -> Option<Vec<String>> {
    let text = String::from_utf8_lossy(stdout);
    let error = |line: &str| {
        let (place, rest) = line.split_once("): error ")?;
        let (code, message) = rest.split_once(": ")?;
        let (path, at) = place.rsplit_once('(')?;
        let is_place = at.bytes().all(|b| b.is_ascii_digit() || b == b',');
        (is_place && code.starts_with("TS")).then(|| names::report(path, code, message))
    };
    let reports: Vec<String> = text.lines().filter_map(error).collect();
    (passed || !reports.is_empty()).then_some(reports)
}
