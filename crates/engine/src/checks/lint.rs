//! Reports of linters and type checkers: ruff's JSON and lines of `path:line: error: message  [code]`.

use serde::Deserialize;

use super::names;

#[derive(Deserialize)]
struct RuffReport {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    filename: String,
    #[serde(default)]
    message: String,
}

/// The reports in ruff's JSON; `None` when it is none.
pub(super) fn ruff(stdout: &[u8], given: &[String]) -> Option<Vec<String>> {
    let reports: Vec<RuffReport> = serde_json::from_slice(stdout).ok()?;
    let name = |r: &RuffReport| {
        names::report(names::relative(&r.filename, given), r.code.as_deref().unwrap_or("syntax"), &r.message)
    };
    Some(reports.iter().map(name).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pyright {
    general_diagnostics: Vec<PyrightReport>,
}

#[derive(Deserialize)]
struct PyrightReport {
    file: String,
    severity: String,
    message: String,
    #[serde(default)]
    rule: Option<String>,
}

/// The errors and warnings in pyright's JSON; `None` when it is none. What has no rule cannot be parsed.
pub(super) fn pyright(stdout: &[u8]) -> Option<Vec<String>> {
    let report: Pyright = serde_json::from_slice(stdout).ok()?;
    let all = report.general_diagnostics.iter().filter(|d| d.severity != "information");
    let name = |d: &PyrightReport| names::report(&d.file, d.rule.as_deref().unwrap_or("syntax"), &d.message);
    Some(all.map(name).collect())
}

/// The errors among the lines of standard output. `None` when the command failed and named none: then it broke down
/// for another reason.
pub(super) fn error_lines(stdout: &[u8], passed: bool) -> Option<Vec<String>> {
    let text = String::from_utf8_lossy(stdout);
    let reports: Vec<String> = text.lines().filter_map(error_line).collect();
    (passed || !reports.is_empty()).then_some(reports)
}

fn error_line(line: &str) -> Option<String> {
    let (place, message) = line.split_once(": error: ")?;
    let (message, code) = match message.trim_end().rsplit_once("  [") {
        Some((message, code)) if code.ends_with(']') => (message, code.trim_end_matches(']')),
        _ => (message, "error"),
    };
    Some(names::report(path_of(place)?, code, message))
}

/// The path of `a.py:3:7`; `None` when no line is named: then it is not about a place, but about the command itself.
fn path_of(place: &str) -> Option<&str> {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (mut path, line) = place.rsplit_once(':')?;
    if !number(line) {
        return None;
    }
    if let Some((before, _)) = path.rsplit_once(':').filter(|(_, line)| number(line)) {
        path = before;
    }
    Some(path)
}
