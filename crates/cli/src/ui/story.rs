//! One intent for people: what was asked, who answered, what the gate and the checks said, and what can be done next.

use domain::event::Ending;
use domain::intent::{Attempt, Intent, Phase};
use domain::plan::Plan;
use domain::verification::{CheckKind, CheckResult, CheckVerdict, TestVerdict, Verification};
use engine::provider::Permission;

use super::shell::{BOLD, DIM, GREEN, RED, Shell, YELLOW, clean};
use super::table::table;
use super::words;

/// The whole story; `permissions` are what agents asked to do in each attempt.
pub(crate) fn story(shell: &Shell, intent: &Intent, permissions: &[(u32, Permission)]) {
    let line = |name: &str, text: &str| {
        shell.out(&format!("{} {}", shell.paint_out(DIM, &format!("{name:<11}")), clean(text)))
    };
    shell.out(&format!("{} {}", shell.paint_out(BOLD, "intent"), intent.id));
    line("task", &intent.task.title());
    if let Some(finding) = &intent.task.finding {
        line(
            "finding",
            &format!(
                "{}:{}:{} {} ({})",
                finding.path, finding.line, finding.column, finding.code, finding.tool
            ),
        );
    }
    for image in &intent.images {
        let (hash, kind) = (&image.sha256.as_str()[..12], image.media.mime());
        line("image", &format!("{} ({kind}, {} bytes, sha256 {hash})", image.name, image.bytes));
    }
    line(
        "base",
        &format!(
            "{} {}",
            &intent.base.commit.as_str()[..12],
            intent.base.branch.as_deref().unwrap_or("(detached)")
        ),
    );
    line("repository", &intent.repository);
    if let Some(route) = &intent.route {
        for leg in &route.providers {
            let word = if leg.needs_approval { "on approval" } else { "asked" };
            line(word, &format!("{}: {}", leg.provider, leg.reason));
        }
        for leg in &route.skipped {
            line("skipped", &format!("{}: {}", leg.provider, leg.reason));
        }
    }
    if intent.route.as_ref().is_some_and(|route| route.plan_first) {
        let by = intent.plan_approved.as_ref().map(|decider| format!(", approved by {decider}"));
        line("plan first", &format!("a feature is planned before it is made{}", by.unwrap_or_default()));
    }
    for attempt in &intent.attempts {
        attempt_story(shell, attempt, intent.attempts.len() > 1);
        for (_, asked) in permissions.iter().filter(|(number, _)| *number == attempt.number) {
            let word = if asked.allowed { "allowed" } else { "declined" };
            line(word, &format!("{} ({})", asked.asked, asked.why));
        }
    }
    line("cost", &cost(intent));
    outcome(shell, intent);
}

fn attempt_story(shell: &Shell, attempt: &Attempt, several: bool) {
    let line = |name: &str, text: &str| {
        shell.out(&format!("{} {}", shell.paint_out(DIM, &format!("{name:<11}")), clean(text)))
    };
    if several {
        shell.out(&shell.paint_out(BOLD, &format!("attempt {} by {}", attempt.number, attempt.provider)));
    }
    for artifact in &attempt.evidence {
        line(
            "evidence",
            &format!(
                "{} ({} bytes, sha256 {})",
                artifact.name,
                artifact.bytes,
                &artifact.sha256.as_str()[..12]
            ),
        );
    }
    if let Some(failure) = &attempt.failure {
        line("no answer", &format!("{}: {}", failure.kind.as_str(), failure.detail));
    }
    for reason in attempt.refused.iter().flatten() {
        line("unreadable", reason);
    }
    if let Some(read) = &attempt.plan {
        line("plan", &format!("{}, sha256 {}", words::plan_size(read), read.hash()));
        plan(shell, read);
    }
    if let Some(patch) = &attempt.patch {
        line("patch", &format!("{}, sha256 {}", words::size(&patch.stat), patch.sha256));
        line("because", &patch.explanation);
    }
    if let Some(judgement) = &attempt.judgement {
        line("gate", &judgement.verdict.to_string());
        for finding in &judgement.findings {
            line("", &finding.to_string());
        }
    }
    if let Some(verification) = &attempt.verification {
        line("sandbox", &format!("{} on {}", verification.sandbox, verification.tree_form));
        checks(shell, verification);
        line("verdict", &words::verdict(&verification.verdict));
    }
    if let Some(confidence) = &attempt.confidence {
        let raw = confidence.raw.map_or_else(|| "none given".to_owned(), |raw| raw.to_string());
        line("confidence", &format!("{} (the provider's own: {raw})", confidence.combined));
    }
    if let Some(decision) = &attempt.decision {
        line("decision", &words::decision(decision));
    }
}

/// A plan in full, indented.
pub(crate) fn plan(shell: &Shell, plan: &Plan) {
    for line in plan.text().lines() {
        shell.out(format!("            {}", clean(line)).trim_end());
    }
}

/// The checks on both sides.
pub(crate) fn checks(shell: &Shell, verification: &Verification) {
    if verification.checks.is_empty() {
        return;
    }
    let rows = verification.checks.iter().map(|check| {
        let style = match check.verdict {
            CheckVerdict::Passed | CheckVerdict::Fixed => GREEN,
            CheckVerdict::Regressed { .. } => RED,
            CheckVerdict::PreExisting | CheckVerdict::Flaky { .. } | CheckVerdict::NotVerified { .. } => {
                YELLOW
            }
        };
        vec![
            clean(&check.name),
            words::run_end(&check.baseline),
            words::run_end(&check.candidate),
            words::time(check.candidate.wall_ms),
            // The last column: colours have no width, and a table does not know that.
            shell.paint_out(
                style,
                &clean(&format!("{}{}", words::check_verdict(&check.verdict), hint(check))),
            ),
        ]
    });
    shell.out(&table(&["check", "base", "candidate", "time", "verdict"], rows));
    for check in &verification.checks {
        tests(shell, check);
    }
}

/// Where no test is counted, a run much shorter than on the base is worth a look: it may have tested nothing.
fn hint(check: &CheckResult) -> &'static str {
    const LONG_MS: u64 = 10_000;
    let (base, change) = (&check.baseline, &check.candidate);
    let counted = base.tests_run.is_some() || change.tests_run.is_some();
    let short = base.wall_ms > LONG_MS && change.wall_ms.saturating_mul(10) < base.wall_ms;
    if check.kind == CheckKind::Test && !counted && short {
        " (in less than a tenth of the base's time)"
    } else {
        ""
    }
}

/// How many tests of one check are named.
const TESTS_SHOWN: usize = 20;

/// The tests of a check that did not simply pass on both sides.
fn tests(shell: &Shell, check: &CheckResult) {
    for test in check.tests.iter().take(TESTS_SHOWN) {
        let style = match test.verdict {
            TestVerdict::Regressed => RED,
            TestVerdict::Fixed => GREEN,
            TestVerdict::Flaky | TestVerdict::NotRun | TestVerdict::PreExisting => YELLOW,
        };
        let verdict = shell.paint_out(style, &format!("{:<12}", test.verdict.as_str()));
        shell.out(&format!("{}  {verdict} {}", clean(&check.name), clean(&test.name)));
    }
    let more = check.tests.len().saturating_sub(TESTS_SHOWN);
    if more > 0 {
        shell.out(&format!("{}  and {more} more, see --json", clean(&check.name)));
    }
    let (base, change) = (check.again.baseline.len(), check.again.candidate.len());
    if base + change > 0 {
        let times = |n| words::count(n as u64, "time");
        let line = format!("run again {} on the base, {} on the change", times(base), times(change));
        shell.out(&shell.paint_out(DIM, &format!("{}  {line}", clean(&check.name))));
    }
}

/// The last line of a run and the commands that go on from there.
pub(crate) fn outcome(shell: &Shell, intent: &Intent) {
    let style = match intent.phase {
        Phase::Published | Phase::Undone => GREEN,
        Phase::Waiting | Phase::Unapproved => YELLOW,
        _ => RED,
    };
    shell.out(&format!(
        "{} {}",
        shell.paint_out(BOLD, "result     "),
        shell.paint_out(style, &clean(&words::end_state(intent)))
    ));
    for command in next(intent) {
        shell.out(&format!("{} {command}", shell.paint_out(DIM, "next       ")));
    }
}

/// What all attempts cost.
pub(crate) fn cost(intent: &Intent) -> String {
    let imputed = intent.imputed();
    if imputed == domain::money::MicroDollars::ZERO {
        intent.billed().to_string()
    } else {
        format!("{} (list price {imputed})", intent.billed())
    }
}

/// The commands that make sense now.
pub(crate) fn next(intent: &Intent) -> Vec<String> {
    let id = intent.id.short();
    match intent.phase {
        Phase::Unapproved => {
            vec![format!("codex-task approve {id}"), format!("codex-task reject {id} --reason \"...\"")]
        }
        Phase::Waiting => vec![
            format!("codex-task diff {id}"),
            format!("codex-task commit {id}"),
            format!("codex-task reject {id} --reason \"...\""),
        ],
        Phase::Published => {
            let branch = words::branch(intent).unwrap_or_default();
            vec![format!("git diff HEAD...{branch}"), format!("codex-task undo {id}")]
        }
        Phase::Undone => vec![format!("codex-task undo {id}   # brings the branch back")],
        Phase::Ended if matches!(intent.ended, Some((Ending::ProviderNeedsPerson, _))) => {
            vec![format!("codex-task show {id} --evidence FOLDER")]
        }
        Phase::Ended if intent.attempts.iter().any(|a| a.patch.is_some()) => {
            vec![format!("codex-task show {id}"), format!("codex-task diff {id}")]
        }
        Phase::Ended => vec![format!("codex-task show {id}")],
        _ => vec!["codex-task resume".to_owned()],
    }
}
