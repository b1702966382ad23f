//! Patch -> judgement: the rules of the base's policy on the canonical patch. All findings are recorded.

use domain::event::Event;
use domain::gate::{self, GateInput, Scope};

use crate::error::EngineError;
use crate::run::Run;
use crate::source::BaseSource;
use crate::steps::extract;

pub(crate) async fn run(run: &mut Run<'_>) -> Result<(), EngineError> {
    let diff = extract::diff(run).await?;
    let current = run.attempt()?;
    let attempt = current.number;
    let patch = current.patch.as_ref().ok_or_else(|| EngineError::defect("there is no patch to judge"))?;
    let anchor = patch.anchor;
    let source = BaseSource::new(&run.project.repository, &run.intent.base.tree);
    let (judgement, _) = gate::judge(&GateInput {
        diff: &diff,
        anchor,
        base_tree: &run.intent.base.tree,
        base: &source,
        scope: Scope::from(&run.intent.task),
        policy: run.project.gate_policy(),
        policy_hash: &run.intent.policy,
    });
    run.note(Event::GateJudged { attempt, judgement })
}
