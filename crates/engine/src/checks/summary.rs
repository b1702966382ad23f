//! How many tests a command ran, by the closing lines of the runners that we know: pytest, unittest, libtest.
//! For commands of the user's, where all that is certain is the exit code.

use super::{libtest, unittest};

/// The tests of all closing lines together; `None` when there is none that we know.
pub(super) fn tests_run(text: &str) -> Option<u64> {
    let closing = |line: &str| pytest(line).or_else(|| libtest::closing(line));
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
            ("all good in 0.1s\nRunning tests in 3s", None),
        ] {
            assert_eq!(tests_run(text), run, "{text}");
        }
    }
}
