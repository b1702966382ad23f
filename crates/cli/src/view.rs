//! One intent in the JSON contract: stable names, chosen here and not by the shape of our own types.

use domain::intent::{Attempt, Intent};
use domain::verification::{CheckResult, Run};
use serde_json::{Value, json};

use crate::ui::{story, words};

/// The intent as documents show it; the fields are listed in docs/manual/json.md.
pub(crate) fn intent(intent: &Intent) -> Value {
    let attempt = intent.attempts.iter().rev().find(|a| a.patch.is_some()).or_else(|| intent.current());
    json!({
        "id": intent.id,
        "status": intent.status(),
        "summary": words::end_state(intent),
        "kind": intent.task.kind,
        "title": intent.task.title(),
        "finding": intent.task.finding,
        "images": intent.images,
        "repository": intent.repository,
        "base": { "commit": intent.base.commit, "tree": intent.base.tree, "branch": intent.base.branch },
        "goal": intent.goal,
        "route": intent.route,
        "plan": intent.plan().map(|plan| json!({
            "sha256": plan.hash(),
            "summary": plan.summary,
            "steps": plan.steps,
            "files": plan.files,
            "tests": plan.tests,
            "risks": plan.risks,
            "approved": intent.plan_approved,
        })),
        "waits_for": intent.asks_for.as_ref().map(|asks| json!({
            "what": if asks.plan.is_some() { "plan" } else { "provider" },
            "provider": asks.provider,
            "ceiling_micros": asks.ceiling.map(|most| most.micros()),
        })),
        "attempts": intent.attempts.len(),
        "attempt": attempt.map(attempt_view),
        "branch": words::branch(intent),
        "commit": intent.publication.as_ref().map(|p| &p.commit),
        "cost": { "billed_micros": intent.billed().micros(), "imputed_micros": intent.imputed().micros() },
        "ended": intent.ended.as_ref().map(|(how, why)| json!({ "how": how, "why": why })),
        "next": story::next(intent),
    })
}

fn attempt_view(attempt: &Attempt) -> Value {
    json!({
        "number": attempt.number,
        "provider": attempt.provider,
        "wanted": attempt.wanted,
        "suggestion": attempt.suggestion,
        "model": attempt.proposal.as_ref().and_then(|p| p.model.as_ref()),
        "from_record": attempt.proposal.as_ref().map(|p| p.replayed),
        "failure": attempt.failure,
        "evidence": attempt.evidence,
        "unreadable": attempt.refused,
        "patch": attempt.patch.as_ref().map(|p| json!({
            "sha256": p.sha256,
            "files": p.stat.files,
            "added": p.stat.added,
            "deleted": p.stat.deleted,
            "explanation": p.explanation,
        })),
        "gate": attempt.judgement.as_ref().map(|j| json!({ "verdict": j.verdict, "findings": j.findings })),
        "candidate": attempt.candidate,
        "verification": attempt.verification.as_ref().map(|v| json!({
            "verdict": v.verdict,
            "sandbox": v.sandbox,
            "limits": v.limits,
            "tree_form": v.tree_form,
            "checks": v.checks.iter().map(check).collect::<Vec<_>>(),
        })),
        "confidence": attempt.confidence,
        "decision": attempt.decision,
    })
}

fn check(check: &CheckResult) -> Value {
    let run = |run: &Run| json!({ "end": run.end, "tests_run": run.tests_run, "wall_ms": run.wall_ms });
    json!({
        "name": check.name,
        "kind": check.kind,
        "verdict": check.verdict,
        "tests": check.tests,
        "run_again": { "baseline": check.again.baseline.len(), "candidate": check.again.candidate.len() },
        "baseline": run(&check.baseline),
        "candidate": run(&check.candidate),
    })
}
