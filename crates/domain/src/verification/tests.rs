//! What follows from runs: unknown is never a pass, and what was broken before is not held against the change.

use super::*;

fn run(end: RunEnd) -> Run {
    Run { end, tests_run: None, tests: Vec::new(), reports: None, wall_ms: 1, output: None }
}

fn failed(code: i32) -> Run {
    run(RunEnd::Failed { code })
}

fn tests(results: &[(&str, TestEnd)]) -> Run {
    let bad = results.iter().any(|(_, end)| *end == TestEnd::Failed);
    let mut run = run(if bad { RunEnd::Failed { code: 1 } } else { RunEnd::Passed });
    run.tests = results.iter().map(|(n, end)| TestResult { name: (*n).to_owned(), end: *end }).collect();
    run.tests_run = Some(results.iter().filter(|(_, end)| *end != TestEnd::Skipped).count() as u64);
    run
}

fn result(kind: CheckKind, baseline: Run, candidate: Run) -> CheckResult {
    let verdict = judge_check(kind, &baseline, &candidate);
    CheckResult { name: "check".into(), kind, argv: vec!["x".into()], baseline, candidate, verdict }
}

#[test]
fn zero_tests_are_not_a_pass() {
    let empty = tests(&[]);
    let check = result(CheckKind::Test, empty.clone(), empty);
    assert!(matches!(check.verdict, CheckVerdict::NotVerified { .. }));
    assert!(matches!(judge_all(&[check], &[]), Verdict::NotVerified { .. }));
}

#[test]
fn a_new_failing_test_is_a_regression_even_when_others_failed_before() {
    let before = tests(&[("a", TestEnd::Failed), ("b", TestEnd::Passed)]);
    let after = tests(&[("a", TestEnd::Failed), ("b", TestEnd::Failed)]);
    assert_eq!(
        judge_check(CheckKind::Test, &before, &after),
        CheckVerdict::Regressed { what: vec!["b".to_owned()] }
    );
}

#[test]
fn a_failure_that_was_there_before_is_pre_existing() {
    let before = tests(&[("a", TestEnd::Failed), ("b", TestEnd::Passed)]);
    assert_eq!(judge_check(CheckKind::Test, &before, &before), CheckVerdict::PreExisting);
    let check = result(CheckKind::Test, before.clone(), before);
    assert_eq!(judge_all(&[check], &[]), Verdict::Verified, "b passed before and after");
}

#[test]
fn a_test_command_that_fails_on_the_base_breaks_the_baseline_whatever_else_passes() {
    let good = result(CheckKind::Build, run(RunEnd::Passed), run(RunEnd::Passed));
    for kind in [CheckKind::Test, CheckKind::Command] {
        let broken = result(kind, failed(1), failed(1));
        assert!(
            matches!(judge_all(&[good.clone(), broken], &[]), Verdict::BaselineBroken { .. }),
            "{kind:?}"
        );
    }
    let all_fail = tests(&[("a", TestEnd::Failed)]);
    let broken = result(CheckKind::Test, all_fail.clone(), all_fail);
    assert!(matches!(judge_all(&[broken], &[]), Verdict::BaselineBroken { .. }));
}

#[test]
fn a_compiler_a_linter_and_a_type_checker_alone_verify_nothing() {
    for kind in [CheckKind::Build, CheckKind::Lint, CheckKind::Types] {
        let good = result(kind, run(RunEnd::Passed), run(RunEnd::Passed));
        assert!(matches!(judge_all(&[good], &[]), Verdict::NotVerified { .. }), "{kind:?}");
    }
}

#[test]
fn a_second_report_of_the_same_name_is_new() {
    let with = |n: usize| Run { reports: Some(vec!["a.py E711 x".to_owned(); n]), ..failed(1) };
    assert_eq!(judge_check(CheckKind::Lint, &with(1), &with(1)), CheckVerdict::PreExisting);
    assert!(matches!(judge_check(CheckKind::Lint, &with(1), &with(2)), CheckVerdict::Regressed { .. }));
}

#[test]
fn a_finding_that_is_still_there_fails_whatever_the_tests_say() {
    let good = result(CheckKind::Command, run(RunEnd::Passed), run(RunEnd::Passed));
    let still = result(CheckKind::Finding, failed(1), failed(1));
    assert!(matches!(judge_all(&[good.clone(), still], &[]), Verdict::Failed { .. }));
    let gone = result(CheckKind::Finding, failed(1), run(RunEnd::Passed));
    assert_eq!(judge_all(&[good, gone.clone()], &[]), Verdict::Verified);
    assert!(matches!(judge_all(&[gone], &[]), Verdict::NotVerified { .. }), "a scan alone verifies nothing");
}

#[test]
fn a_changed_tracked_file_voids_the_run() {
    let good = result(CheckKind::Command, run(RunEnd::Passed), run(RunEnd::Passed));
    assert!(matches!(judge_all(&[good], &["a.py".to_owned()]), Verdict::Void { .. }));
}

#[test]
fn no_checks_at_all_is_not_verified() {
    assert!(matches!(judge_all(&[], &[]), Verdict::NotVerified { .. }));
}

#[test]
fn a_timeout_on_both_sides_is_no_verdict_on_the_change() {
    assert_eq!(
        judge_check(CheckKind::Command, &run(RunEnd::TimedOut), &run(RunEnd::TimedOut)),
        CheckVerdict::PreExisting
    );
    assert_eq!(
        judge_check(CheckKind::Command, &run(RunEnd::Passed), &run(RunEnd::TimedOut)),
        CheckVerdict::Regressed { what: vec![] }
    );
}

#[test]
fn losing_most_of_the_tests_is_not_a_pass() {
    let many = tests(&[("a", TestEnd::Passed), ("b", TestEnd::Passed), ("c", TestEnd::Passed)]);
    let few = tests(&[("a", TestEnd::Passed)]);
    assert!(matches!(judge_check(CheckKind::Test, &many, &few), CheckVerdict::NotVerified { .. }));
}
