//! A test that failed on the change and not on the base is run again on both sides: one that is not the same every time
//! is flaky, and neither held against the change nor taken for a pass. Bounded in number and in time.

use domain::verification::{Again, CheckKind, CheckVerdict, Run as CheckRun, RunEnd, TestEnd, judge_again};

use super::runner::{Runner, Side, open};
use crate::checks::{CheckSpec, MOST_AGAIN};
use crate::error::EngineError;
use crate::provider::Source;
use crate::source::BaseSource;
use crate::trees::{Content, Tree};

/// Runs again what only the candidate failed; nothing when nothing regressed, or when it is no matter of luck: a run that
/// was stopped at a limit, or more failures than [`MOST_AGAIN`]. `sides` are the first runs; `tree` is the candidate's,
/// in which the first run has left what it writes.
pub(super) async fn run(
    runner: &mut Runner<'_>,
    check: &CheckSpec,
    (baseline, candidate): (&CheckRun, &CheckRun),
    tree: &Tree,
) -> Result<Again, EngineError> {
    let (run, plan) = (runner.run, runner.plan);
    let mut again = Again::default();
    let most = run.project.config.checks.reruns;
    if most == 0 || !may_be_luck(check.kind, baseline, candidate) {
        return Ok(again);
    }
    let failed = failed(candidate);
    let known: Vec<String> =
        failed.iter().filter(|name| baseline.tests.iter().any(|t| t.name == **name)).cloned().collect();
    let base = run.intent.base.clone();
    let content = Content::base(&run.project.repository, &base);
    let base_tree = open(run, plan, &plan.base_name(), &content, Side::Base)?;
    for _ in 0..most {
        let spent: u64 = again.baseline.iter().chain(&again.candidate).map(|run| run.wall_ms).sum();
        if run.call.cancel.is_set() || spent > check.timeout_seconds.saturating_mul(1000) {
            break;
        }
        let spec = chosen(runner, check, &failed, Side::Candidate);
        again.candidate.push(runner.one(&spec, tree, Side::Candidate).await?);
        // What is new with the change cannot be chosen on the base.
        if failed.is_empty() || !known.is_empty() {
            let spec = chosen(runner, check, &known, Side::Base);
            again.baseline.push(runner.one(&spec, &base_tree, Side::Base).await?);
        }
        if !is_regressed(&judge_again(check.kind, baseline, candidate, &again)) {
            break;
        }
    }
    Ok(again)
}

fn chosen(runner: &Runner<'_>, check: &CheckSpec, names: &[String], side: Side) -> CheckSpec {
    let source = BaseSource::new(&runner.run.project.repository, runner.tree_at(side));
    check.again(names, &|path| source.read(path).is_some())
}

fn may_be_luck(kind: CheckKind, baseline: &CheckRun, candidate: &CheckRun) -> bool {
    let runs_code = matches!(kind, CheckKind::Test | CheckKind::Command);
    let ended = matches!(candidate.end, RunEnd::Failed { .. } | RunEnd::Signalled { .. });
    let regressed = is_regressed(&judge_again(kind, baseline, candidate, &Again::default()));
    let failed = failed(candidate);
    // What readers put in parentheses is no test, but a run that broke down or did not build.
    let broke_down = failed.iter().any(|name| name.starts_with('('));
    runs_code && ended && regressed && !broke_down && failed.len() <= MOST_AGAIN
}

fn is_regressed(verdict: &CheckVerdict) -> bool {
    matches!(verdict, CheckVerdict::Regressed { .. })
}

fn failed(run: &CheckRun) -> Vec<String> {
    run.tests.iter().filter(|t| t.end == TestEnd::Failed).map(|t| t.name.clone()).collect()
}
