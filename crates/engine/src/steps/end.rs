//! How an intent comes to rest: everything durable, nothing of ours left outside of the journal.

use domain::decision::Decision;
use domain::event::{Ending, Event};
use domain::intent::Phase;
use git::OwnRef;
use store::MoneyOp;

use crate::error::EngineError;
use crate::run::Run;
use crate::steps::propose;

/// Ends the intent because somebody asked to stop. What was paid for stays recorded.
pub(crate) fn abort(run: &mut Run<'_>) -> Result<(), EngineError> {
    stop(run, Ending::Aborted, "stopped on request")
}

/// Ends the intent before its time, with its money settled first.
pub(crate) fn stop(run: &mut Run<'_>, ending: Ending, why: &str) -> Result<(), EngineError> {
    match run.intent.phase {
        Phase::Asked => propose::interrupted(run)?,
        Phase::Answered => propose::settle(run)?,
        Phase::Reserved => {
            let attempt = run.attempt()?.number;
            run.money(MoneyOp::Release { intent: run.intent.id.clone(), attempt });
        }
        _ => {}
    }
    run.note(Event::Ended { ending, why: why.to_owned() })
}

/// Makes everything durable, and removes what an ended intent does not need: candidates are kept (paid work is never
/// thrown away), trees and half-made refs are not.
pub(crate) async fn rest(run: &mut Run<'_>) -> Result<(), EngineError> {
    run.commit().await?;
    run.operator.sweep(&run.intent);
    for attempt in &run.intent.attempts {
        let unfinished = attempt.candidate.is_none();
        if let (true, Some(reference)) = (unfinished, &attempt.reference) {
            let own = OwnRef::parse(reference)?;
            if let Some(found) = run.project.repository.read_ref(&own)? {
                run.project.repository.delete_ref(&own, &found)?;
            }
        }
    }
    Ok(())
}

/// The reasons why a person has to decide, when that is where the intent rests.
pub fn waiting_for(intent: &domain::intent::Intent) -> &[String] {
    match intent.current().and_then(|a| a.decision.as_ref()) {
        Some(Decision::NeedsPerson { reasons }) => reasons,
        _ => &[],
    }
}
