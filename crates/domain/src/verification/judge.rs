//! Verdicts from plain facts: one check from its runs, and all checks together. Unknown is never a pass.

use std::collections::BTreeMap;

use super::{
    Again, CheckKind, CheckResult, CheckVerdict, Run, RunEnd, TestEnd, TestVerdict, Trigger, Verdict, some,
    test_changes, trigger,
};

/// The most names that a verdict lists.
const LISTED: usize = 20;

/// What one check says, from one run on each side.
pub fn judge_check(kind: CheckKind, baseline: &Run, candidate: &Run) -> CheckVerdict {
    judge_again(kind, baseline, candidate, &Again::default())
}

/// What one check says, from its first runs and from those of what failed.
pub fn judge_again(kind: CheckKind, baseline: &Run, candidate: &Run, again: &Again) -> CheckVerdict {
    let not_verified = |why: String| CheckVerdict::NotVerified { why };
    if let Some(why) = candidate.end.why_not_run() {
        return not_verified(why);
    }
    if let Some(why) = baseline.end.why_not_run() {
        return not_verified(format!("on the base: {why}"));
    }
    let tests = test_changes(baseline, candidate, again);
    let of = |wanted: TestVerdict| -> Vec<String> {
        tests.iter().filter(|t| t.verdict == wanted).map(|t| t.name.clone()).collect()
    };
    let mut regressed = of(TestVerdict::Regressed);
    regressed.extend(new_reports(baseline, candidate));
    if !regressed.is_empty() {
        regressed.truncate(LISTED);
        return CheckVerdict::Regressed { what: regressed };
    }
    if kind == CheckKind::Test
        && let Some(why) = shows_too_little(baseline, candidate, &of(TestVerdict::NotRun))
    {
        return not_verified(why);
    }
    if baseline.reports.is_some() && candidate.reports.is_none() {
        return match candidate.end {
            RunEnd::Passed => not_verified("its output could not be read".to_owned()),
            _ => CheckVerdict::Regressed { what: Vec::new() },
        };
    }
    let mut flaky = failed_on(candidate, again, of(TestVerdict::Flaky));
    flaky.truncate(LISTED);
    match (&baseline.end, &candidate.end) {
        (_, RunEnd::Failed { .. }) if !flaky.is_empty() => CheckVerdict::Flaky { what: flaky },
        (RunEnd::Passed, RunEnd::Passed) => CheckVerdict::Passed,
        (RunEnd::Passed, _) if tests.is_empty() && differs_again(again) => {
            CheckVerdict::Flaky { what: Vec::new() }
        }
        (RunEnd::Passed, _) => CheckVerdict::Regressed { what: Vec::new() },
        (_, RunEnd::Passed) => CheckVerdict::Fixed,
        (before, after) if before == after => CheckVerdict::PreExisting,
        (_, RunEnd::Failed { .. }) if tells_apart(baseline, candidate) => CheckVerdict::PreExisting,
        _ => CheckVerdict::Regressed { what: Vec::new() },
    }
}

/// Why a run of tests shows too little to be a pass: none ran, far fewer than on the base, or those that failed on the
/// base are gone.
fn shows_too_little(baseline: &Run, candidate: &Run, not_run: &[String]) -> Option<String> {
    if candidate.tests_run == Some(0) {
        return Some("no test was run".to_owned());
    }
    let failed_before = |name: &&String| {
        baseline
            .tests
            .iter()
            .any(|t| t.end == TestEnd::Failed && t.name == **name && !t.name.starts_with('('))
    };
    let hidden: Vec<String> = not_run.iter().filter(failed_before).cloned().collect();
    if !hidden.is_empty() {
        return Some(format!("failed on the base and not run on the change: {}", some(&hidden)));
    }
    let (Some(before), Some(after)) = (baseline.tests_run, candidate.tests_run) else { return None };
    // Where failures have no names, a failing test that was taken out shows as a smaller count alone.
    let unnamed_failures = baseline.end != RunEnd::Passed && baseline.tests.is_empty();
    let too_few = after.saturating_mul(2) < before || (unnamed_failures && after < before);
    (candidate.end == RunEnd::Passed && too_few)
        .then(|| format!("only {after} of the baseline's {before} tests were run"))
}

/// Those of the tests that failed on the candidate at least once.
fn failed_on(candidate: &Run, again: &Again, names: Vec<String>) -> Vec<String> {
    let runs = || std::iter::once(candidate).chain(&again.candidate).flat_map(|run| &run.tests);
    let failed = |name: &String| runs().any(|t| t.name == *name && t.end == TestEnd::Failed);
    names.into_iter().filter(failed).collect()
}

/// Whether a check without names passed on the candidate when run again, or failed on the base.
fn differs_again(again: &Again) -> bool {
    let failed = |run: &Run| run.end != RunEnd::Passed && run.end.why_not_run().is_none();
    again.candidate.iter().any(|run| run.end == RunEnd::Passed && run.tests_run != Some(0))
        || again.baseline.iter().any(failed)
}

/// Whether both runs name their failures, so that equal failures can be recognised behind other exit codes.
fn tells_apart(baseline: &Run, candidate: &Run) -> bool {
    let named = |run: &Run| run.reports.is_some() || !run.tests.is_empty();
    named(baseline) && named(candidate)
}

/// Reports that are new. Equal names are counted.
fn new_reports(baseline: &Run, candidate: &Run) -> Vec<String> {
    let (Some(before), Some(after)) = (&baseline.reports, &candidate.reports) else { return Vec::new() };
    let mut before = before.clone();
    let mut new = Vec::new();
    for name in after {
        match before.iter().position(|b| b == name) {
            Some(at) => {
                before.swap_remove(at);
            }
            None => new.push(name.clone()),
        }
    }
    new
}

/// What all checks together say. `changed` are the tracked files that the runs touched.
pub fn judge_all(checks: &[CheckResult], changed: &[String]) -> Verdict {
    if !changed.is_empty() {
        return Verdict::Void { changed: changed.iter().take(LISTED).cloned().collect() };
    }
    let failed: Vec<String> = checks.iter().flat_map(failures).collect();
    if !failed.is_empty() {
        return Verdict::Failed { why: failed };
    }
    let broken: Vec<String> = checks.iter().filter(|c| is_broken(c)).map(what_is_broken).collect();
    if !broken.is_empty() {
        return Verdict::BaselineBroken { why: format!("fails on the base already: {}", broken.join(", ")) };
    }
    if let Some(why) = without_sandbox(checks).or_else(|| hidden_failures(checks)) {
        return Verdict::NotVerified { why };
    }
    if checks.iter().any(shows_behaviour) {
        return Verdict::Verified;
    }
    Verdict::NotVerified { why: not_verified_because(checks) }
}

/// A box that could not be made is a defect of the machine or the work of a check before: no other check stands for it.
fn without_sandbox(checks: &[CheckResult]) -> Option<String> {
    let sides = |check: &CheckResult| {
        let run = [&check.candidate, &check.baseline].into_iter();
        let end = run.map(|run| &run.end).find(|end| matches!(end, RunEnd::NoSandbox { .. }));
        end.and_then(RunEnd::why_not_run).map(|why| format!("{}: {why}", check.name))
    };
    checks.iter().find_map(sides)
}

/// Tests that showed something on the base and show too little on the candidate: no other check stands for them.
fn hidden_failures(checks: &[CheckResult]) -> Option<String> {
    let had_tests = |check: &CheckResult| {
        let ran = check.candidate.end.why_not_run().is_none();
        ran && check.kind == CheckKind::Test && check.baseline.tests_run.is_some_and(|n| n > 0)
    };
    let reasons: Vec<String> = checks
        .iter()
        .filter(|check| had_tests(check))
        .filter_map(|check| match &check.verdict {
            CheckVerdict::NotVerified { why } => Some(format!("{}: {why}", check.name)),
            _ => None,
        })
        .collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// Whether a check shows that the code still does what it did: passed tests, or a command that the user chose. Style,
/// types, a compiler and a scan can speak against a change; alone they are no proof for it.
fn shows_behaviour(check: &CheckResult) -> bool {
    let chosen = matches!(check.kind, CheckKind::Test | CheckKind::Command);
    match check.verdict {
        CheckVerdict::Passed | CheckVerdict::Fixed => chosen,
        CheckVerdict::PreExisting => chosen && some_tests_passed(&check.candidate),
        CheckVerdict::Flaky { .. } => {
            let passed_again = check.again.candidate.iter().any(|run| run.end == RunEnd::Passed);
            chosen && (passed_again || some_tests_passed(&check.candidate))
        }
        CheckVerdict::Regressed { .. } | CheckVerdict::NotVerified { .. } => false,
    }
}

/// Whether tests or a chosen command fail on the base in a way that says nothing about single tests: then nothing can be
/// judged, whatever else passes.
fn is_broken(check: &CheckResult) -> bool {
    matches!(check.kind, CheckKind::Test | CheckKind::Command)
        && check.verdict == CheckVerdict::PreExisting
        && !some_tests_passed(&check.candidate)
}

/// The check with its end on the base, and the tests that failed there.
fn what_is_broken(check: &CheckResult) -> String {
    let failed = check.baseline.tests.iter().filter(|t| t.end == TestEnd::Failed && !t.name.starts_with('('));
    let failed: Vec<String> = failed.map(|t| t.name.clone()).collect();
    let end = &check.baseline.end;
    if failed.is_empty() {
        format!("{} ({end})", check.name)
    } else {
        format!("{} ({end}: {})", check.name, some(&failed))
    }
}

fn some_tests_passed(run: &Run) -> bool {
    run.tests.iter().any(|t| t.end == TestEnd::Passed)
}

/// What takes the change back, a line for each trigger.
fn failures(check: &CheckResult) -> Vec<String> {
    let name = &check.name;
    match &check.verdict {
        CheckVerdict::Regressed { what } if what.is_empty() => {
            let (before, after) = (&check.baseline.end, &check.candidate.end);
            vec![format!("{}: {name}: {after} (on the base: {before})", trigger::of_kind(check))]
        }
        CheckVerdict::Regressed { what } => {
            let mut by_trigger: BTreeMap<Trigger, Vec<&str>> = BTreeMap::new();
            for one in what {
                by_trigger.entry(trigger::of(check, one)).or_default().push(one);
            }
            by_trigger
                .iter()
                .map(|(trigger, what)| format!("{trigger}: {name}: {}", what.join(", ")))
                .collect()
        }
        CheckVerdict::PreExisting if check.kind == CheckKind::Finding => {
            vec![format!("{name}: still there")]
        }
        _ => Vec::new(),
    }
}

fn not_verified_because(checks: &[CheckResult]) -> String {
    let real: Vec<&CheckResult> = checks.iter().filter(|c| c.kind != CheckKind::Finding).collect();
    if real.is_empty() {
        return "no check is configured or detected".to_owned();
    }
    let reason = |c: &&CheckResult| match &c.verdict {
        CheckVerdict::NotVerified { why } => format!("{}: {why}", c.name),
        CheckVerdict::PreExisting => format!("{}: fails on the base already", c.name),
        CheckVerdict::Flaky { .. } => format!("{}: not the same every time", c.name),
        _ => format!("{} {}", c.name, c.candidate.end),
    };
    format!(
        "no test was run that shows what the code does ({})",
        real.iter().map(reason).collect::<Vec<_>>().join("; ")
    )
}
