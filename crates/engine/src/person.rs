//! What a person, or an agent that reviews, does with an intent at rest: approve, reject, take the branch back or bring it back.

use domain::decision::{Decider, Decision};
use domain::event::{Ending, Event};
use domain::ids::IntentId;
use domain::intent::{Intent, Phase};

use crate::error::EngineError;
use crate::lock::IntentLock;
use crate::operator::{Call, Operator};
use crate::project::Project;
use crate::run::Run;
use crate::steps::undo;

impl Operator {
    /// Approves the verified candidate of a waiting intent and makes its branch, with the person's message if given.
    ///
    /// # Errors
    /// When the intent does not wait for a decision, when the policy changed since it was judged, or when `message`
    /// is no conventional commit.
    pub async fn approve(
        &self,
        project: &Project,
        id: &IntentId,
        decider: Decider,
        message: Option<String>,
        call: Call<'_>,
    ) -> Result<Intent, EngineError> {
        let mut run = self.waiting(project, id, call).await?;
        if run.intent.phase == Phase::Unapproved {
            return Err(EngineError::WrongState {
                intent: id.clone(),
                status: run.intent.status().to_owned(),
                need: "there is no change yet: approve what it waits for first (`approve`)".to_owned(),
            });
        }
        if run.intent.policy != project.policy {
            let what = "the policy changed since this change was judged; run the task again".to_owned();
            return Err(EngineError::Moved { what });
        }
        if let Some(message) = &message {
            crate::message::check_conventional(message)?;
        }
        let binding = run.intent.binding().ok_or_else(|| EngineError::defect("nothing to approve"))?;
        not_ones_own(&run.intent, &decider)?;
        self.decide(&mut run, Decision::Approved { decider, binding, message }).await?;
        Ok(run.intent)
    }

    /// Approves what an intent waits for, a provider's cost or a plan, and goes on with it.
    ///
    /// # Errors
    /// When the intent waits for no such approval, and when the agent that asked for the change would approve it.
    pub async fn approve_asked(
        &self,
        project: &Project,
        id: &IntentId,
        decider: Decider,
        call: Call<'_>,
    ) -> Result<Intent, EngineError> {
        let mut run = self.allowed(project, id, decider, call).await?;
        self.drive(&mut run).await?;
        Ok(run.intent)
    }

    /// The same without going on: [`Operator::resume`] does, in this process or another.
    ///
    /// # Errors
    /// As [`Operator::approve_asked`].
    pub async fn allow(
        &self,
        project: &Project,
        id: &IntentId,
        decider: Decider,
        call: Call<'_>,
    ) -> Result<Intent, EngineError> {
        Ok(self.allowed(project, id, decider, call).await?.intent)
    }

    async fn allowed<'a>(
        &'a self,
        project: &'a Project,
        id: &IntentId,
        decider: Decider,
        call: Call<'a>,
    ) -> Result<Run<'a>, EngineError> {
        let lock = IntentLock::take(&self.world.folders, id)?;
        let mut run = Run::reopen(self, project, id, lock, call).await?;
        let Some(asked) = run.intent.asks_for.clone() else {
            return Err(EngineError::WrongState {
                intent: id.clone(),
                status: run.intent.status().to_owned(),
                need: "it does not wait for a provider or a plan to be approved".to_owned(),
            });
        };
        if run.intent.policy != project.policy {
            let what = "the policy changed since this was asked; run the task again".to_owned();
            return Err(EngineError::Moved { what });
        }
        not_ones_own(&run.intent, &decider)?;
        let event = match asked.plan {
            Some(plan) => Event::PlanApproved { plan, decider },
            None => Event::ProviderApproved { provider: asked.provider, decider },
        };
        run.announce(event).await?;
        Ok(run)
    }

    /// Rejects the candidate of a waiting intent, its plan, or that a provider is asked which costs money.
    ///
    /// # Errors
    /// When the intent does not wait for a decision.
    pub async fn reject(
        &self,
        project: &Project,
        id: &IntentId,
        decider: Decider,
        reason: String,
        call: Call<'_>,
    ) -> Result<Intent, EngineError> {
        let mut run = self.waiting(project, id, call).await?;
        if run.intent.phase == Phase::Unapproved {
            let why = format!("rejected by {decider}: {reason}");
            run.announce(Event::Ended { ending: Ending::Rejected, why }).await?;
            self.drive(&mut run).await?;
            return Ok(run.intent);
        }
        self.decide(&mut run, Decision::Rejected { decider, reason }).await?;
        Ok(run.intent)
    }

    /// Takes a published branch back; one that was taken back is brought back.
    ///
    /// # Errors
    /// When there is no such branch, when it holds work that is not ours, or when it is checked out.
    pub async fn undo(
        &self,
        project: &Project,
        id: &IntentId,
        call: Call<'_>,
    ) -> Result<Intent, EngineError> {
        let lock = IntentLock::take(&self.world.folders, id)?;
        let mut run = Run::reopen(self, project, id, lock, call).await?;
        undo::begin(&mut run).await?;
        self.drive(&mut run).await?;
        Ok(run.intent)
    }

    async fn waiting<'a>(
        &'a self,
        project: &'a Project,
        id: &IntentId,
        call: Call<'a>,
    ) -> Result<Run<'a>, EngineError> {
        let lock = IntentLock::take(&self.world.folders, id)?;
        let run = Run::reopen(self, project, id, lock, call).await?;
        if matches!(run.intent.phase, Phase::Waiting | Phase::Unapproved) {
            return Ok(run);
        }
        Err(EngineError::WrongState {
            intent: id.clone(),
            status: run.intent.status().to_owned(),
            need: "only a change that waits for a person can be decided upon".to_owned(),
        })
    }

    async fn decide(&self, run: &mut Run<'_>, decision: Decision) -> Result<(), EngineError> {
        let attempt = run.attempt()?.number;
        run.announce(Event::Decided { attempt, decision }).await?;
        self.drive(run).await
    }
}

/// An agent never approves what it asked for itself, whatever its rights.
fn not_ones_own(intent: &Intent, decider: &Decider) -> Result<(), EngineError> {
    match decider {
        Decider::Agent { name } if intent.agent.as_ref() == Some(name) => {
            Err(EngineError::OwnChange { intent: intent.id.clone(), agent: name.clone() })
        }
        _ => Ok(()),
    }
}
