//! How many tests a command ran, by the closing lines of the runners that we know: pytest, unittest, libtest, jest,
//! vitest, mocha, Node's own, TAP.
//! For commands of the user's, where all that is certain is the exit code.

use super::{libtest, unittest};

/// The tests of all closing lines together; `None` when there is none that we know.
pub(super) fn tests_run(text: &str) -> Option<u64> {
    let closing = |line: &str| {
        pytest(line).or_else(|| libtest::closing(line)).or_else(|| jest(line)).or_else(|| counted(line))
    };
    let counts = text.lines().filter_map(closing).chain(unittest::read(text).run);
    counts.fold(None, |sum: Option<u64>, count| Some(sum.unwrap_or(0).saturating_add(count)))
}

/// `== 3 passed, 1 skipped in 0.10s ==`, `no tests ran in 0.01s`; skipped and deselected ones are not counted.
fn pytest(line: &str) -> Option<u64> {
    let line = line.trim_matches(['=', ' ']);
    let (counts, time) = line.rsplit_once(" in ")?;
    let seconds = time.split(' ').next()?.strip_suffix('s')?;
    seconds.parse::<f64>().ok()?;
    if counts == "no tests ran" {
        return Some(0);
    }
    let mut run = 0_u64;
    for part in counts.split(", ") {
        let (count, word) = part.split_once(' ')?;
        let count: u64 = count.parse().ok()?;
        match word {
            "passed" | "failed" | "error" | "errors" | "xpassed" => run = run.saturating_add(count),
            "skipped" | "xfailed" | "deselected" | "warning" | "warnings" | "rerun" | "subtests passed" => {}
            _ => return None,
        }
    }
    Some(run)
}

/// jest's `Tests:       1 failed, 2 skipped, 3 passed, 6 total` and vitest's `Tests  1 failed | 3 passed (4)`.
fn jest(line: &str) -> Option<u64> {
    let rest = line.trim_start().strip_prefix("Tests")?;
    let rest = rest.strip_prefix(':').or_else(|| rest.starts_with("  ").then_some(rest))?;
    let mut run = None;
    for part in rest.split([',', '|']) {
        let mut words = part.split_whitespace();
        let count: u64 = words.next()?.parse().ok()?;
        match words.next()? {
            "passed" | "failed" => run = Some(run.unwrap_or(0_u64).saturating_add(count)),
            "skipped" | "todo" | "total" => run = Some(run.unwrap_or(0)),
            _ => return None,
        }
    }
    run
}

/// mocha's `3 passing (5ms)` and `1 failing`; `# pass 3` and `# fail 1` of Node and other writers of TAP.
fn counted(line: &str) -> Option<u64> {
    let mut words = line.split_whitespace();
    let (first, second) = (words.next()?, words.next()?);
    let third = words.next();
    match (first, second) {
        (count, "passing" | "failing") if third.is_none_or(|w| w.starts_with('(')) => count.parse().ok(),
        ("#" | "\u{2139}", "pass" | "fail") => third?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_of_known_runners_are_counted() {
        for (text, run) in [
            ("============ 3 passed, 1 skipped in 0.10s ============", Some(3)),
            ("5 failed, 6 passed, 2 skipped, 2 errors in 61.42s (0:01:01)", Some(13)),
            ("no tests ran in 0.01s", Some(0)),
            ("1 skipped in 0.01s", Some(0)),
            ("Ran 9 tests in 0.001s\n\nOK (skipped=9)", Some(0)),
            (
                "test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s",
                Some(1),
            ),
            ("Tests:       1 failed, 1 skipped, 1 passed, 3 total", Some(2)),
            ("      Tests  1 failed | 1 passed | 1 skipped (3)", Some(2)),
            ("  3 passing (5ms)\n  1 failing\n", Some(4)),
            ("# tests 4\n# pass 3\n# fail 1\n", Some(4)),
            ("\u{2139} pass 2\n\u{2139} fail 0\n", Some(2)),
            ("Tests: none", None),
            ("all good in 0.1s\nRunning tests in 3s", None),
        ] {
            assert_eq!(tests_run(text), run, "{text}");
        }
    }
}
