//! Verification -> decision: policy approves by itself what its rules allow, and otherwise asks for a person.

use domain::decision::{Decider, Decision, Facts, reasons_for_a_person};
use domain::event::Event;
use domain::gate;
use domain::route::Complexity;
use domain::task::Kind;

use crate::error::EngineError;
use crate::run::Run;

pub(crate) fn run(run: &mut Run<'_>) -> Result<(), EngineError> {
    let current = run.attempt()?;
    let attempt = current.number;
    let patch = current.patch.as_ref().ok_or_else(|| EngineError::defect("a decision needs a patch"))?;
    let mut review: Vec<String> = current.judgement.as_ref().map(gate::refusals).unwrap_or_default();
    review.extend(current.verification.iter().flat_map(|v| v.doubts()));
    if run.intent.task.kind == Kind::Feature {
        review.push("a feature is always reviewed".to_owned());
    }
    if let Some(route) = run.intent.route.as_ref().filter(|r| r.complexity == Some(Complexity::Critical)) {
        review.push(format!("the task is critical: {}", route.because.join("; ")));
    }
    let facts = Facts {
        goal: run.intent.goal,
        files: patch.stat.files,
        added: patch.stat.added,
        deleted: patch.stat.deleted,
        review: &review,
    };
    let reasons = reasons_for_a_person(&run.project.config.approval, &facts);
    let decision = if reasons.is_empty() {
        let binding = run.intent.binding().ok_or_else(|| EngineError::defect("nothing to approve"))?;
        Decision::Approved { decider: Decider::Policy, binding, message: None }
    } else {
        Decision::NeedsPerson { reasons }
    };
    run.note(Event::Decided { attempt, decision })
}
