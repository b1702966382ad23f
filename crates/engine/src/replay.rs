//! Rebuilds a recorded change from the record alone: the same request, the same answer, and so the same patch.

use domain::ids::{IntentId, Sha256};
use domain::plan::Wanted;
use domain::proposal::ProviderId;

use crate::error::EngineError;
use crate::operator::Operator;
use crate::project::Project;
use crate::source::BaseSource;
use crate::steps::extract::{Extracted, extract, extract_plan};

/// One recorded attempt, rebuilt.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// The attempt.
    pub attempt: u32,
    /// Who answered then.
    pub provider: ProviderId,
    /// The patch that the journal names, or the plan.
    pub recorded: Sha256,
    /// The patch, or plan, that the record gives now, or why it gives none.
    pub rebuilt: Result<Sha256, String>,
}

impl Replayed {
    /// Whether the record gives the very same.
    pub fn is_same(&self) -> bool {
        self.rebuilt.as_ref() == Ok(&self.recorded)
    }
}

impl Operator {
    /// Rebuilds every patch and plan of an intent from its recorded answers. No provider is asked.
    ///
    /// # Errors
    /// When the intent is unknown or the journal cannot be read. A record that is gone is in the result.
    pub async fn replay(&self, project: &Project, id: &IntentId) -> Result<Vec<Replayed>, EngineError> {
        let intent = self.store.intent(id).await?;
        let intent = intent.ok_or_else(|| EngineError::NoSuchIntent { name: id.to_string() })?;
        let mut replayed = Vec::new();
        for attempt in &intent.attempts {
            let recorded = match (&attempt.patch, &attempt.plan) {
                (Some(patch), _) => patch.sha256.clone(),
                (None, Some(plan)) => plan.hash(),
                (None, None) => continue,
            };
            let Some(proposal) = &attempt.proposal else { continue };
            let source = BaseSource::new(&project.repository, &intent.base.tree);
            let rebuilt = self.rebuild(&proposal.request, attempt.wanted, &source).await?;
            replayed.push(Replayed {
                attempt: attempt.number,
                provider: attempt.provider.clone(),
                recorded,
                rebuilt,
            });
        }
        Ok(replayed)
    }

    async fn rebuild(
        &self,
        request: &Sha256,
        wanted: Wanted,
        base: &BaseSource<'_>,
    ) -> Result<Result<Sha256, String>, EngineError> {
        let Some(exchange) = self.store.exchange(request).await? else {
            return Ok(Err(format!("nothing is recorded for the request {request}")));
        };
        let Some(answer) = self.store.blob(&exchange.answer).await? else {
            return Ok(Err(format!("the recorded answer {} was erased", exchange.answer)));
        };
        if wanted == Wanted::Plan {
            let plan = extract_plan(exchange.form, &answer);
            return Ok(plan.map(|plan| plan.hash()).map_err(|reasons| reasons.join("; ")));
        }
        Ok(match extract(exchange.form, &answer, base) {
            Extracted::Change(change) => Ok(change.diff.sha256().clone()),
            Extracted::Answer => Err("the recorded answer is a text, not a change".to_owned()),
            Extracted::NoChange(why) => Err(format!("the recorded answer changes nothing: {why}")),
            Extracted::Refused(_, reasons) => Err(reasons.join("; ")),
        })
    }
}
