//! Plan -> approval: policy lets a plan be carried out where its rules allow that, and otherwise a person is asked. The
//! mechanism is that of a provider's cost: the intent rests until somebody approves.

use domain::decision::{Decider, PlanFacts, reasons_to_show_a_plan};
use domain::event::Event;
use domain::patch::RepoPath;
use domain::route::Complexity;

use crate::error::EngineError;
use crate::run::Run;
use crate::steps::propose;

/// `leg` is the place in the route of the provider that is asked to carry it out.
pub(crate) async fn run(run: &mut Run<'_>, leg: usize) -> Result<(), EngineError> {
    let plan = run.intent.plan().ok_or_else(|| EngineError::defect("there is no plan to approve"))?;
    let route = run.intent.route.as_ref();
    let provider = route.and_then(|route| route.providers.get(leg)).map(|leg| leg.provider.clone());
    let provider = provider.ok_or_else(|| EngineError::defect("the route has no such place"))?;
    let policy = run.project.gate_policy();
    let is_protected = |path: &&str| policy.review.contains(path) || policy.denied.contains(path);
    let protected: Vec<&str> = plan.files.iter().map(RepoPath::as_str).filter(is_protected).collect();
    let facts = PlanFacts {
        goal: run.intent.goal,
        is_critical: route.is_some_and(|route| route.complexity == Some(Complexity::Critical)),
        files: plan.files.len(),
        protected: &protected,
    };
    let reasons = reasons_to_show_a_plan(&run.project.config.approval, &facts);
    let plan = plan.hash();
    if reasons.is_empty() {
        return run.note(Event::PlanApproved { plan, decider: Decider::Policy });
    }
    let ceiling = propose::ceiling_of(run, &provider, &run.images().await?);
    run.note(Event::ApprovalAsked { provider, ceiling, plan: Some(plan) })
}
