//! Test results in the text of `cargo test`. libtest prints one line a test and a closing line a target; cargo names
//! the targets, in the same order, on standard error.

use domain::verification::{TestEnd, TestResult};

/// What the text says.
pub(super) struct Text {
    /// How many tests were run, over all targets, doctests included; `None` when no target closed.
    pub(super) run: Option<u64>,
    /// Each test's result.
    pub(super) results: Vec<TestResult>,
    /// Whether a target began its tests and did not close: it crashed or left.
    pub(super) torn: bool,
}

/// Reads the text; whatever it is.
pub(super) fn read(stdout: &str, stderr: &str) -> Text {
    let targets: Vec<String> = stderr.lines().filter_map(target).collect();
    let groups = stdout.lines().filter(|line| begins(line)).count();
    // A target without libtest prints no such line; then nobody knows which group is whose.
    let named = groups == targets.len();
    let (mut group, mut closed, mut run, mut results) = (0_usize, 0_usize, None, Vec::new());
    for line in stdout.lines() {
        if begins(line) {
            group += 1;
        } else if let Some(count) = closing(line) {
            closed += 1;
            run = Some(u64::saturating_add(run.unwrap_or(0), count));
        } else if let Some((name, end)) = test(line) {
            let target = targets.get(group.wrapping_sub(1)).filter(|_| named);
            let name = target.map_or_else(|| name.to_owned(), |target| format!("{target} {name}"));
            results.push(TestResult::new(without_line(&name), end));
        }
    }
    Text { run, results, torn: closed < groups }
}

/// `Running unittests src/lib.rs (target/debug/deps/rs-a35a48c092d3f767)` as `rs src/lib.rs`; `Doc-tests rs` as
/// `rs doctest`.
fn target(line: &str) -> Option<String> {
    let line = line.trim_start();
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(format!("{} doctest", name.trim()));
    }
    let (what, binary) = line.strip_prefix("Running ")?.rsplit_once(" (")?;
    let binary = binary.strip_suffix(')')?.rsplit('/').next()?;
    let name = binary.rsplit_once('-').map_or(binary, |(name, _)| name);
    Some(format!("{name} {}", what.strip_prefix("unittests ").unwrap_or(what)))
}

/// `running 6 tests`.
fn begins(line: &str) -> bool {
    let count = line.strip_prefix("running ").and_then(|rest| rest.split_once(" test"));
    count.is_some_and(|(count, rest)| count.parse::<u64>().is_ok() && matches!(rest, "" | "s"))
}

/// `test result: FAILED. 3 passed; 2 failed; 1 ignored; ...`: passed and failed together.
pub(super) fn closing(line: &str) -> Option<u64> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |word: &str| {
        let part = counts.split(';').map(str::trim).find(|part| part.ends_with(word))?;
        part.split(' ').next()?.parse::<u64>().ok()
    };
    Some(count("passed")?.saturating_add(count("failed")?))
}

/// `test tests::fails ... FAILED`.
fn test(line: &str) -> Option<(&str, TestEnd)> {
    let (name, end) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let end = match end {
        "ok" => TestEnd::Passed,
        "FAILED" => TestEnd::Failed,
        _ if end.starts_with("ignored") => TestEnd::Skipped,
        _ => return None,
    };
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    let name = [" - compile fail", " - compile"].iter().find_map(|s| name.strip_suffix(s)).unwrap_or(name);
    Some((name, end))
}

/// A doctest is named by its line, which moves: `src/lib.rs - add (line 2)`.
fn without_line(name: &str) -> String {
    let Some((before, after)) = name.rsplit_once(" (line ") else { return name.to_owned() };
    match after.strip_suffix(')') {
        Some(number) if number.bytes().all(|b| b.is_ascii_digit()) => before.to_owned(),
        _ => name.to_owned(),
    }
}
