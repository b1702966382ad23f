//! The diagnostics of `cargo check` and `cargo clippy`, one JSON object a line.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::names;

#[derive(Deserialize)]
struct Line {
    reason: String,
    #[serde(default)]
    message: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct Diagnostic {
    #[serde(default)]
    level: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    code: Option<Code>,
    #[serde(default)]
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: u64,
    column_start: u64,
    is_primary: bool,
}

/// The errors and warnings. `None` when cargo did not get as far as building: a manifest that it cannot read, a
/// dependency that is not there offline; or when a line is cut, so that reports may be missing.
///
/// With `--all-targets` a library is compiled twice and says the same twice, or once when the build stopped in
/// between: reports of the same place are one.
pub(super) fn diagnostics(stdout: &[u8]) -> Option<Vec<String>> {
    let text = String::from_utf8_lossy(stdout);
    let mut finished = false;
    let mut seen = BTreeSet::new();
    let mut reports = Vec::new();
    for line in text.lines().filter(|l| l.starts_with('{')) {
        let line = serde_json::from_str::<Line>(line).ok()?;
        finished |= line.reason == "build-finished";
        let Some(diagnostic) = line.message.filter(|_| line.reason == "compiler-message") else { continue };
        reports.extend(named(&diagnostic).filter(|report| seen.insert(report.clone())).map(|(name, _)| name));
    }
    finished.then_some(reports)
}

/// The report's name and its place; `None` for notes and for the closing summaries, which have no place.
fn named(diagnostic: &Diagnostic) -> Option<(String, (u64, u64))> {
    let level = diagnostic.level.as_str();
    if !matches!(level, "error" | "warning") && !level.starts_with("error:") {
        return None;
    }
    let span = diagnostic.spans.iter().find(|s| s.is_primary)?;
    let code = diagnostic.code.as_ref().map_or(level, |c| c.code.as_str());
    let name = names::report(&span.file_name, code, &diagnostic.message);
    Some((name, (span.line_start, span.column_start)))
}
