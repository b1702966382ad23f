//! What a repair is shown of a failed verification: why it failed, and of each failing check's output the part that
//! tells it. Bounded, and without what looks like a secret: a test may print anything.

use domain::gate;
use domain::verification::{CheckResult, CheckVerdict, Verdict, Verification};

/// How much of the output of all failing checks is shown, in bytes.
const MOST: usize = 12 * 1024;

/// A longer line is cut, in characters.
const LONGEST_LINE: usize = 400;

/// Lines before and after one that names a failing test or report.
const AROUND_NAME: (usize, usize) = (3, 20);

/// Lines before and after one that merely looks like an error.
const AROUND_ERROR: (usize, usize) = (2, 6);

/// The closing lines of an output, which sum it up.
const CLOSING: usize = 12;

/// Words of runners and compilers for what went wrong.
const ERRORS: [&str; 9] =
    ["error", "Error", "ERROR", "FAIL", "panicked at", "Traceback", "assert", "Expected", "not ok "];

/// Why a verification failed, and the failing part of the outputs. `outputs` are the checks with what they printed.
pub fn failure(verification: &Verification, outputs: &[(&CheckResult, String)]) -> String {
    let mut text = String::new();
    if let Verdict::Failed { why } = &verification.verdict {
        why.iter().for_each(|line| text.push_str(&format!("{line}\n")));
    }
    let failing: Vec<_> = outputs.iter().filter(|(check, _)| is_failing(check)).collect();
    let room = MOST / failing.len().max(1);
    for (check, output) in failing {
        text.push_str(&format!("\n## {} ({})\n", check.name, check.candidate.end));
        text.push_str(&failing_part(&without_secrets(output), &names(check), room));
    }
    cut(&without_secrets(&text), MOST + MOST / 4).to_owned()
}

/// Whether a repair should look at this check.
pub fn is_failing(check: &CheckResult) -> bool {
    matches!(check.verdict, CheckVerdict::Regressed { .. })
}

/// What the output is searched for: the own names of the failing tests, and the files of the reports.
fn names(check: &CheckResult) -> Vec<String> {
    let CheckVerdict::Regressed { what } = &check.verdict else { return Vec::new() };
    let is_test = |name: &String| check.candidate.tests.iter().any(|t| t.name == *name);
    let own = |name: &String| {
        let last = if is_test(name) {
            name.rsplit("::")
                .next()
                .and_then(|n| n.split('[').next())
                .and_then(|n| n.rsplit(['.', ' ']).next())
        } else {
            name.split(' ').next()
        };
        last.filter(|n| n.len() > 2).map(str::to_owned)
    };
    let mut names: Vec<String> = what.iter().filter_map(own).collect();
    names.sort();
    names.dedup();
    names
}

/// The lines around those that name what failed or look like an error, names first, and the closing lines; in their
/// order, with a mark where lines are left out.
fn failing_part(output: &str, names: &[String], room: usize) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let mut wanted = vec![false; lines.len()];
    let mut left = room;
    let mut take = |at: usize, around: (usize, usize)| {
        for number in at.saturating_sub(around.0)..(at + around.1 + 1).min(lines.len()) {
            let size = lines[number].len().min(LONGEST_LINE * 4) + 1;
            if !wanted[number] && size <= left {
                wanted[number] = true;
                left -= size;
            }
        }
    };
    if let Some(last) = lines.len().checked_sub(1) {
        take(last, (CLOSING, 0));
    }
    let named = |line: &str| names.iter().any(|name| line.contains(name.as_str()));
    let error = |line: &str| ERRORS.iter().any(|word| line.contains(word));
    let at = |is: &dyn Fn(&str) -> bool| -> Vec<usize> {
        lines.iter().enumerate().filter(|(_, line)| is(line)).map(|(number, _)| number).collect()
    };
    at(&named).into_iter().for_each(|number| take(number, AROUND_NAME));
    at(&error).into_iter().for_each(|number| take(number, AROUND_ERROR));
    let mut part = String::new();
    let mut last = None;
    for (number, line) in lines.iter().enumerate().filter(|(number, _)| wanted[*number]) {
        if last.map_or(number > 0, |last: usize| last + 1 < number) {
            part.push_str("[...]\n");
        }
        part.extend(line.chars().take(LONGEST_LINE));
        part.push('\n');
        last = Some(number);
    }
    part
}

/// The text with each secret replaced; nothing of it when the rules for secrets cannot be read.
fn without_secrets(text: &str) -> String {
    let Some(mut secrets) = gate::secrets::find("output.log", text.as_bytes()) else {
        return "[not shown: the rules for secrets cannot be read]\n".to_owned();
    };
    secrets.sort_by_key(|secret| secret.range.start);
    let mut clean = String::with_capacity(text.len());
    let mut from = 0;
    for secret in secrets {
        let Some(before) = text.get(from.min(secret.range.start)..secret.range.start) else { continue };
        clean.push_str(before);
        if secret.range.start >= from {
            clean.push_str("[secret left out]");
        }
        from = from.max(secret.range.end);
    }
    clean.push_str(text.get(from..).unwrap_or_default());
    clean
}

/// The first `most` bytes, cut at a character.
fn cut(text: &str, most: usize) -> &str {
    let mut to = text.len().min(most);
    while !text.is_char_boundary(to) {
        to -= 1;
    }
    &text[..to]
}

#[cfg(test)]
mod tests {
    use domain::verification::{Again, BothSides, CheckKind, Run, RunEnd, TestEnd, TestResult, judge_all};

    use super::*;

    fn check() -> CheckResult {
        let run = |end, failed| Run {
            end,
            tests_run: Some(1),
            tests: vec![TestResult::new("tests.test_app::test_greet", failed)],
            reports: None,
            wall_ms: 1,
            output: None,
        };
        let baseline = run(RunEnd::Passed, TestEnd::Passed);
        let candidate = run(RunEnd::Failed { code: 1 }, TestEnd::Failed);
        let sides = BothSides { baseline, candidate, again: Again::default() };
        CheckResult::new("pytest".into(), CheckKind::Test, vec!["pytest".into()], sides)
    }

    fn shown(output: &str) -> String {
        let check = check();
        let checks = vec![check.clone()];
        let verdict = judge_all(&checks, &[]);
        let verification = Verification {
            tree: "0".repeat(40).parse().unwrap(),
            sandbox: "strict".into(),
            limits: Vec::new(),
            tree_form: "overlay".into(),
            checks,
            changed: Vec::new(),
            verdict,
        };
        failure(&verification, &[(&check, output.to_owned())])
    }

    #[test]
    fn the_failing_part_is_shown_and_not_the_head_or_the_noise() {
        let noise = |from: usize| (from..from + 3000).map(|n| format!("noise {n}\n")).collect::<String>();
        let trace =
            "____ test_greet ____\n    assert greet('Ann') == 'Hello Ann'\nE   AssertionError: Hello, Ann\n";
        let output = format!("{}{trace}{}1 failed in 0.10s\n", noise(0), noise(5000));
        let shown = shown(&output);
        assert!(shown.starts_with("failing tests: pytest: tests.test_app::test_greet\n"), "{shown}");
        assert!(shown.contains(trace) && shown.ends_with("1 failed in 0.10s\n"), "{shown}");
        assert!(!shown.contains("noise 0\n") && shown.len() < 2000, "{} bytes", shown.len());
    }

    #[test]
    fn it_is_bounded_however_much_fails_and_however_long_the_lines_are() {
        let many = "E   AssertionError: test_greet ä\n".repeat(8_000);
        let long = format!("test_greet {}\n", "ä".repeat(1 << 17));
        for output in [many, long] {
            assert!(shown(&output).len() <= MOST + MOST / 4);
        }
    }

    #[test]
    fn what_looks_like_a_secret_is_left_out() {
        // Put together here so that no scanner takes this file for a leak.
        let token = ["gh", "p_", "x7Kq2mZ9vB4nR8tY1wE5uI3oP6aS0dF7gH2j"].concat();
        let output =
            format!("test_greet\nE   AssertionError: token = \"{token}\" is wrong\n1 failed in 0.1s\n");
        let shown = shown(&output);
        assert!(!shown.contains(&token) && shown.contains("[secret left out]"), "{shown}");
        assert!(shown.contains("is wrong"), "{shown}");
    }
}
