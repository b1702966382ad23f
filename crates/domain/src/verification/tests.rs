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
    run.tests = results.iter().map(|(n, end)| TestResult::new(*n, *end)).collect();
    run.tests_run = Some(results.iter().filter(|(_, end)| *end != TestEnd::Skipped).count() as u64);
    run
}

fn result(kind: CheckKind, baseline: Run, candidate: Run) -> CheckResult {
    again(kind, baseline, candidate, Again::default())
}

fn again(kind: CheckKind, baseline: Run, candidate: Run, again: Again) -> CheckResult {
    let sides = BothSides { baseline, candidate, again };
    CheckResult::new("check".into(), kind, vec!["x".into()], sides)
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
    let why = "fails on the base already: check (exit 1: a)".to_owned();
    assert_eq!(judge_all(&[broken], &[]), Verdict::BaselineBroken { why });
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

fn verdicts(check: &CheckResult) -> Vec<(&str, &str)> {
    check.tests.iter().map(|t| (t.name.as_str(), t.verdict.as_str())).collect()
}

#[test]
fn one_broken_one_failing_before_and_one_that_is_not_the_same_every_time() {
    use TestEnd::{Failed, Passed};
    let before = tests(&[("a", Passed), ("b", Failed), ("c", Passed), ("d", Passed)]);
    let after = tests(&[("a", Failed), ("b", Failed), ("c", Failed), ("d", Passed)]);
    let runs = Again {
        baseline: vec![tests(&[("a", Passed), ("b", Failed), ("c", Passed)])],
        candidate: vec![tests(&[("a", Failed), ("b", Failed), ("c", Passed)])],
    };
    let check = again(CheckKind::Test, before, after, runs);
    assert_eq!(verdicts(&check), [("a", "regressed"), ("c", "flaky"), ("b", "pre-existing")]);
    assert_eq!(check.verdict, CheckVerdict::Regressed { what: vec!["a".to_owned()] });
    assert!(matches!(judge_all(&[check], &[]), Verdict::Failed { .. }));
}

#[test]
fn a_flaky_test_alone_is_verified_and_left_to_a_person() {
    use TestEnd::{Failed, Passed};
    let before = tests(&[("a", Passed), ("c", Passed)]);
    let after = tests(&[("a", Passed), ("c", Failed)]);
    let runs = Again { baseline: vec![tests(&[("c", Passed)])], candidate: vec![tests(&[("c", Passed)])] };
    let check = again(CheckKind::Test, before.clone(), after.clone(), runs);
    assert_eq!(check.verdict, CheckVerdict::Flaky { what: vec!["c".to_owned()] });
    assert_eq!(judge_all(std::slice::from_ref(&check), &[]), Verdict::Verified);
    assert_eq!(verification(check).doubts(), ["check: not the same every time: c"]);
    let each_time =
        Again { baseline: vec![tests(&[("c", Passed)])], candidate: vec![tests(&[("c", Failed)])] };
    let check = again(CheckKind::Test, before, after, each_time);
    assert!(matches!(check.verdict, CheckVerdict::Regressed { .. }));
}

#[test]
fn a_command_that_passes_when_run_again_is_flaky_and_one_that_fails_again_is_not() {
    let run_again = |end| Again { baseline: vec![run(RunEnd::Passed)], candidate: vec![run(end)] };
    let flaky = again(CheckKind::Command, run(RunEnd::Passed), failed(1), run_again(RunEnd::Passed));
    assert_eq!(flaky.verdict, CheckVerdict::Flaky { what: vec![] });
    assert_eq!(judge_all(&[flaky], &[]), Verdict::Verified);
    let red =
        again(CheckKind::Command, run(RunEnd::Passed), failed(1), run_again(RunEnd::Failed { code: 1 }));
    assert!(matches!(judge_all(&[red], &[]), Verdict::Failed { .. }));
}

#[test]
fn a_failing_test_that_is_taken_out_or_skipped_repairs_nothing() {
    use TestEnd::{Failed, Passed, Skipped};
    let before = tests(&[("a", Passed), ("b", Passed), ("c", Failed)]);
    for after in
        [tests(&[("a", Passed), ("b", Passed)]), tests(&[("a", Passed), ("b", Passed), ("c", Skipped)])]
    {
        let check = result(CheckKind::Test, before.clone(), after);
        assert_eq!(verdicts(&check), [("c", "not-run")]);
        let other = result(CheckKind::Command, run(RunEnd::Passed), run(RunEnd::Passed));
        assert!(matches!(judge_all(&[check, other], &[]), Verdict::NotVerified { .. }));
    }
    let counted = |end, n| Run { tests_run: Some(n), ..run(end) };
    let gone = result(CheckKind::Test, counted(RunEnd::Failed { code: 1 }, 3), counted(RunEnd::Passed, 2));
    assert!(matches!(gone.verdict, CheckVerdict::NotVerified { .. }), "a count alone tells it too");
}

#[test]
fn a_passing_test_that_is_taken_out_is_left_to_a_person() {
    use TestEnd::Passed;
    let before = tests(&[("a", Passed), ("b", Passed), ("c", Passed)]);
    let check = result(CheckKind::Test, before, tests(&[("a", Passed), ("b", Passed)]));
    assert_eq!(check.verdict, CheckVerdict::Passed);
    assert_eq!(verification(check).doubts(), ["check: run on the base and not on the change: c"]);
}

#[test]
fn a_module_that_can_be_loaded_again_is_repaired_by_the_tests_in_it() {
    use TestEnd::{Failed, Passed};
    for name in ["tests.test_x", "(no readable result: exit 101)"] {
        let before = tests(&[(name, Failed)]);
        let check = result(CheckKind::Test, before, tests(&[("tests.test_x::a", Passed)]));
        assert_eq!(check.verdict, CheckVerdict::Fixed, "{name}");
        assert_eq!(verdicts(&check), [(name, "fixed")]);
    }
}

#[test]
fn tests_that_end_before_they_run_are_not_covered_by_another_check() {
    let nothing = Run { tests_run: Some(0), ..run(RunEnd::Passed) };
    let check = result(CheckKind::Test, tests(&[("a", TestEnd::Passed)]), nothing);
    let other = result(CheckKind::Command, run(RunEnd::Passed), run(RunEnd::Passed));
    let verdict = judge_all(&[check, other], &[]);
    assert_eq!(verdict, Verdict::NotVerified { why: "check: no test was run".to_owned() });
}

#[test]
fn what_could_not_be_boxed_is_not_covered_by_another_check() {
    let good = result(CheckKind::Command, run(RunEnd::Passed), run(RunEnd::Passed));
    let no_box = || run(RunEnd::NoSandbox { why: "no namespaces".to_owned() });
    for (baseline, candidate) in [(run(RunEnd::Passed), no_box()), (no_box(), run(RunEnd::Passed))] {
        let unboxed = result(CheckKind::Lint, baseline, candidate);
        let verdict = judge_all(&[good.clone(), unboxed], &[]);
        assert!(
            matches!(&verdict, Verdict::NotVerified { why } if why.contains("no namespaces")),
            "{verdict:?}"
        );
    }
}

#[test]
fn the_three_ways_not_to_run_say_so_and_nothing_about_the_change() {
    let why = || "because".to_owned();
    for end in
        [RunEnd::NoSandbox { why: why() }, RunEnd::NotStarted { why: why() }, RunEnd::NotRun { why: why() }]
    {
        let one = result(CheckKind::Test, run(RunEnd::Passed), run(end.clone()));
        assert!(matches!(one.verdict, CheckVerdict::NotVerified { .. }), "{end}");
        assert!(end.to_string().contains("because") && end.why_not_run().is_some());
    }
    assert_eq!(RunEnd::MemoryLimit.why_not_run(), None);
}

#[test]
fn a_linter_that_breaks_down_is_not_taken_for_what_it_said_before() {
    let before = Run { reports: Some(vec!["a.py E711 x".to_owned()]), ..failed(1) };
    assert!(matches!(judge_check(CheckKind::Lint, &before, &failed(1)), CheckVerdict::Regressed { .. }));
}

fn verification(check: CheckResult) -> Verification {
    let verdict = judge_all(std::slice::from_ref(&check), &[]);
    let tree = "0".repeat(40).parse().unwrap();
    let (sandbox, tree_form) = ("strict".to_owned(), "overlay".to_owned());
    let (checks, changed) = (vec![check], Vec::new());
    Verification { tree, sandbox, limits: Vec::new(), tree_form, checks, changed, verdict }
}

#[test]
fn each_reason_to_take_a_change_back_is_named_as_such() {
    let why = |check: CheckResult| match judge_all(&[check], &[]) {
        Verdict::Failed { why } => why,
        other => panic!("{other:?}"),
    };
    let passed = tests(&[("a", TestEnd::Passed)]);
    let broken = tests(&[("a", TestEnd::Failed)]);
    let caused = |cause| {
        let mut run = broken.clone();
        run.tests[0].cause = Some(cause);
        why(result(CheckKind::Test, passed.clone(), run))
    };
    assert_eq!(why(result(CheckKind::Test, passed.clone(), broken.clone())), ["failing tests: check: a"]);
    assert_eq!(caused(Cause::SyntaxError), ["syntax error: check: a"]);
    assert_eq!(caused(Cause::ImportError), ["import error or missing dependency: check: a"]);
    let reports = |kind, end, report: &str| {
        let with = |all: Vec<String>, end| Run { reports: Some(all), ..run(end) };
        why(result(kind, with(Vec::new(), RunEnd::Passed), with(vec![report.to_owned()], end)))
    };
    let red = || RunEnd::Failed { code: 1 };
    for (kind, end, report, trigger) in [
        (CheckKind::Build, red(), "a.py syntax invalid syntax", "syntax error"),
        (CheckKind::Lint, red(), "a.py F821 Undefined name `x`", "new critical lint findings"),
        (CheckKind::Lint, RunEnd::Passed, "a.rs unused_variables unused variable", "new lint findings"),
        (CheckKind::Types, red(), "a.py arg-type bad", "new type errors"),
        (
            CheckKind::Types,
            red(),
            "a.py import-not-found Cannot find x",
            "import error or missing dependency",
        ),
        (CheckKind::Types, red(), "a.ts TS2307 Cannot find module 'x'", "import error or missing dependency"),
        (CheckKind::Types, red(), "a.ts TS1005 ';' expected.", "syntax error"),
        (CheckKind::Build, red(), "a.rs E0432 unresolved import", "import error or missing dependency"),
        (CheckKind::Build, red(), "a.rs error expected one of `;` or `}`", "syntax error"),
        (CheckKind::Build, red(), "a.rs E0308 mismatched types", "does not build"),
        (CheckKind::Lint, red(), "a.rs E0308 mismatched types", "does not build"),
        (CheckKind::Lint, red(), "a.py E501 line too long", "new critical lint findings"),
    ] {
        assert_eq!(reports(kind, end, report), [format!("{trigger}: check: {report}")]);
    }
    let command = result(CheckKind::Command, run(RunEnd::Passed), failed(2));
    assert_eq!(why(command), ["failing command: check: exit 2 (on the base: passed)"]);
}

#[test]
fn a_result_of_an_older_journal_is_read() {
    let old = r#"{"name":"pytest","kind":"test","argv":["pytest"],
        "baseline":{"end":{"end":"passed"},"tests_run":1,"tests":[{"name":"a","end":"passed"}],"wall_ms":5},
        "candidate":{"end":{"end":"failed","code":1},"tests_run":1,"tests":[{"name":"a","end":"failed"}],"wall_ms":5},
        "verdict":{"verdict":"regressed","what":["a"]}}"#;
    let read: CheckResult = serde_json::from_str(old).unwrap();
    assert_eq!(read.verdict, CheckVerdict::Regressed { what: vec!["a".to_owned()] });
    assert!(read.tests.is_empty() && read.again.is_empty(), "it was not worked out then");
}
