//! Patch -> judgement: the rules of the base's policy on the canonical patch. All findings are recorded.

use domain::event::Event;
use domain::gate::{self, GateInput, Scope};

use crate::error::EngineError;
use crate::run::Run;
use crate::source::BaseSource;
use crate::steps::extract;

pub(crate) async fn run(run: &mut Run<'_>) -> Result<(), EngineError> {
    let diff = extract::diff(run).await?;
    let attempt = run.attempt()?.number;
    let source = BaseSource::new(&run.project.repository, &run.intent.base.tree);
    let (judgement, _) = gate::judge(&GateInput {
        diff: &diff,
        base_tree: &run.intent.base.tree,
        base: &source,
        scope: Scope::from(&run.intent.task),
        policy: run.project.gate_policy(),
        policy_hash: &run.intent.policy,
    });
    run.note(Event::GateJudged { attempt, judgement })
}
