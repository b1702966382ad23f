//! Test results in the text of `python3 -m unittest -v`. The sections of failures and the closing lines are reliable;
//! the running lines may be torn by what tests print, so a passed test may be missing from the list.

use domain::verification::{TestEnd, TestResult};

use super::cause;

/// What the text says.
pub(super) struct Text {
    /// How many tests were run, skipped ones not counted; `None` when there is no closing line.
    pub(super) run: Option<u64>,
    /// The tests that could be told apart.
    pub(super) results: Vec<TestResult>,
}

/// Reads the text; whatever it is.
pub(super) fn read(text: &str) -> Text {
    let mut results: Vec<TestResult> = Vec::new();
    let mut last = None;
    let mut run: Option<u64> = None;
    let mut skipped = 0;
    let mut after_rule = false;
    for line in text.lines() {
        if let Some(count) = ran(line) {
            run = Some(run.unwrap_or(0).saturating_add(count));
        } else if let Some(count) =
            line.split("skipped=").nth(1).filter(|_| closes(line)).and_then(leading_number)
        {
            skipped += count;
        } else if let Some(failed) = section(line).filter(|_| after_rule) {
            results.push(TestResult::new(failed, TestEnd::Failed));
        } else if let (Some(cause), Some(failed)) = (cause::of(line), results.last_mut()) {
            failed.cause = failed.cause.or(Some(cause));
        } else {
            results.extend(running(line, &mut last));
        }
        after_rule = line.starts_with("======") || (after_rule && line.starts_with("UNEXPECTED SUCCESS: "));
    }
    Text { run: run.map(|run| run.saturating_sub(skipped)), results }
}

/// `Ran 9 tests in 0.001s`.
fn ran(line: &str) -> Option<u64> {
    let (count, _) = line.strip_prefix("Ran ")?.split_once(" test")?;
    count.parse().ok()
}

/// `OK (skipped=1)`, `FAILED (failures=3, skipped=1)`, `NO TESTS RAN (skipped=1)`.
fn closes(line: &str) -> bool {
    ["OK (", "FAILED (", "NO TESTS RAN ("].iter().any(|start| line.starts_with(start))
}

fn leading_number(text: &str) -> Option<u64> {
    text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// `FAIL: test_bad (tests.test_u.U.test_bad)`, after a line of `=`.
fn section(line: &str) -> Option<String> {
    let starts = ["FAIL: ", "ERROR: ", "UNEXPECTED SUCCESS: "];
    starts
        .iter()
        .find_map(|start| line.strip_prefix(start))
        .map(|rest| owner(&dotted(rest).unwrap_or_else(|| rest.to_owned())))
}

/// A failure of what stands around tests goes by the name of the class or module, under which its tests are found when
/// it is mended: `tests.test_u.S.setUpClass` as `tests.test_u.S`.
fn owner(name: &str) -> String {
    let name = name.strip_prefix("unittest.loader._FailedTest.").unwrap_or(name);
    let ends = [".setUpClass", ".tearDownClass", ".setUpModule", ".tearDownModule"];
    ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned()
}

/// `test_ok (tests.test_u.U.test_ok) ... ok`, or its end on the line after a docstring.
fn running(line: &str, last: &mut Option<String>) -> Option<TestResult> {
    let Some((before, end)) = line.rsplit_once(" ... ") else {
        *last = dotted(line.trim());
        return None;
    };
    let end = match end {
        "ok" | "expected failure" => TestEnd::Passed,
        "FAIL" | "ERROR" | "unexpected success" => TestEnd::Failed,
        _ if end.starts_with("skipped") => TestEnd::Skipped,
        _ => return None,
    };
    let name = dotted(before.trim()).or_else(|| last.take())?;
    Some(TestResult::new(owner(&name), end))
}

/// `test_bad (tests.test_u.U.test_bad)` as `tests.test_u.U.test_bad`, also in the older form without the last part,
/// with the parameters of a subtest behind it.
fn dotted(text: &str) -> Option<String> {
    let (method, rest) = text.split_once(" (")?;
    let (class, rest) = rest.split_once(')')?;
    let fits = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "._".contains(c));
    if !fits(method) || !fits(class) {
        return None;
    }
    let whole = if class == method || class.ends_with(&format!(".{method}")) {
        class.to_owned()
    } else {
        format!("{class}.{method}")
    };
    let parameters = rest.trim();
    Some(if parameters.starts_with(['(', '[']) { format!("{whole} {parameters}") } else { whole })
}
