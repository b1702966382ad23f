//! The state of one intent: the fold of its events, through one transition function that also refuses illegal events.
//! Live runs, recovery and `audit verify` share it. What comes next is asked of the state, in `next`.

use serde::Serialize;

use crate::agent::AgentName;
use crate::confidence::Assessment;
use crate::decision::{Approval, Binding, Decider, Decision, Goal};
use crate::event::{Artifact, BaseRef, Candidate, Ending, Event, PatchRecord, Publication};
use crate::gate::{GatePass, Judgement};
use crate::ids::{IntentId, Sha256, SuggestionId};
use crate::image::ImageRecord;
use crate::money::MicroDollars;
use crate::patch::Class;
use crate::plan::{Plan, Wanted};
use crate::proposal::{Charge, Proposal, ProviderFailure, ProviderId};
use crate::route::Route;
use crate::task::Task;
use crate::verification::Verification;

mod next;
mod transition;

pub use next::{FlowRules, Next};
pub use transition::IllegalTransition;

/// One task's whole story so far.
#[derive(Debug, Clone, Serialize)]
pub struct Intent {
    /// Its id.
    pub id: IntentId,
    /// What is asked for.
    pub task: Task,
    /// What the change starts from.
    pub base: BaseRef,
    /// The repository's identity.
    pub repository: String,
    /// How far it is to go.
    pub goal: Goal,
    /// The policy in force.
    pub policy: Sha256,
    /// The model that the caller named.
    pub model: Option<String>,
    /// A patch that the caller handed in.
    pub handed_in: Option<Sha256>,
    /// The agent that asks, where it is one.
    pub agent: Option<AgentName>,
    /// The images that go along with the task.
    pub images: Vec<ImageRecord>,
    /// The chosen providers.
    pub route: Option<Route>,
    /// The proposals so far, in order; the last one is the current one.
    pub attempts: Vec<Attempt>,
    /// Where the intent stands.
    pub phase: Phase,
    /// The branch, once there is one.
    pub publication: Option<Publication>,
    /// Providers that somebody approved, though they cost money.
    pub approved: Vec<ProviderId>,
    /// Who let the plan be carried out, once somebody did.
    pub plan_approved: Option<Decider>,
    /// What is to be approved before it goes on, and where the intent stood before.
    pub asks_for: Option<Asks>,
    /// Whether the undoing under way (or the last one) brings the branch back.
    pub redoing: bool,
    /// How it ended, when it did not end in a branch.
    pub ended: Option<(Ending, String)>,
    /// How many events were folded.
    pub version: u64,
}

/// What an intent waits for before it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asks {
    /// The provider that is to be asked.
    pub provider: ProviderId,
    /// The most that asking it once can cost, where that is known.
    pub ceiling: Option<MicroDollars>,
    /// The plan that is to be approved; without one it is the provider's cost.
    pub plan: Option<Sha256>,
    /// Where the intent goes on once it is approved.
    #[serde(skip)]
    back: Phase,
}

/// One proposal and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Attempt {
    /// Counts from 1.
    pub number: u32,
    /// Who was asked.
    pub provider: ProviderId,
    /// The place in the route.
    pub leg: usize,
    /// The answer's id, once the provider was asked.
    pub suggestion: Option<SuggestionId>,
    /// The request's hash, once the provider was asked.
    pub request: Option<Sha256>,
    /// The attempt that this one repairs.
    pub repairs: Option<u32>,
    /// What the provider was asked for.
    pub wanted: Wanted,
    /// The money set aside.
    pub reserved: Option<MicroDollars>,
    /// What shows how it worked.
    pub evidence: Vec<Artifact>,
    /// The answer.
    pub proposal: Option<Proposal>,
    /// Why there is no answer.
    pub failure: Option<ProviderFailure>,
    /// What it cost.
    pub charge: Option<Charge>,
    /// Why the answer could not be read.
    pub refused: Option<Vec<String>>,
    /// Of what sort that refusal is.
    pub refusal: Option<Class>,
    /// The plan, when one was asked for and read.
    pub plan: Option<Plan>,
    /// The patch.
    pub patch: Option<PatchRecord>,
    /// The gate's judgement.
    pub judgement: Option<Judgement>,
    /// The gate's proof, when it passed.
    #[serde(skip)]
    pub pass: Option<GatePass>,
    /// The hidden ref, from its announcement on.
    pub reference: Option<String>,
    /// The candidate.
    pub candidate: Option<Candidate>,
    /// The tree's name, while and after checks run.
    pub tree_name: Option<String>,
    /// The checks' results.
    pub verification: Option<Verification>,
    /// The combined confidence.
    pub confidence: Option<Assessment>,
    /// The decision.
    pub decision: Option<Decision>,
    /// The proof that it may be published.
    #[serde(skip)]
    pub approval: Option<Approval>,
}

/// Where an intent stands: after which event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Registered.
    New,
    /// The route is chosen.
    Routed,
    /// A person has to approve that the next provider is asked, or the plan.
    Unapproved,
    /// Money is set aside.
    Reserved,
    /// A provider is being asked.
    Asked,
    /// It answered, or failed; the money is not settled yet.
    Answered,
    /// The money is settled.
    Settled,
    /// The answer was refused.
    ReplyRefused,
    /// The plan is read, and perhaps approved.
    Planned,
    /// The patch is read.
    Read,
    /// The gate has judged.
    Judged,
    /// The candidate is being written.
    Staging,
    /// The candidate exists.
    Staged,
    /// Checks run.
    Verifying,
    /// Checks have run.
    Verified,
    /// A person has to decide.
    Waiting,
    /// Approved.
    Approved,
    /// Rejected.
    Rejected,
    /// A branch is being made.
    Publishing,
    /// The branch exists.
    Published,
    /// The branch is being taken back or brought back.
    Undoing,
    /// The branch was taken back.
    Undone,
    /// Over.
    Ended,
}

impl Phase {
    /// The word for it, in lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "reserved",
            Self::Routed => "routed",
            Self::Unapproved => "needs-approval",
            Self::Reserved | Self::Asked => "proposing",
            Self::Answered | Self::Settled => "proposed",
            Self::ReplyRefused => "reply-refused",
            Self::Planned => "planned",
            Self::Read => "read",
            Self::Judged => "judged",
            Self::Staging | Self::Staged => "staged",
            Self::Verifying => "verifying",
            Self::Verified => "verified",
            Self::Waiting => "needs-person",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Publishing => "publishing",
            Self::Published => "published",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
            Self::Ended => "ended",
        }
    }

    /// Whether nothing more happens unless somebody asks for it.
    pub fn is_at_rest(self) -> bool {
        matches!(self, Self::Unapproved | Self::Waiting | Self::Published | Self::Undone | Self::Ended)
    }

    /// Whether the intent still stands for its finding: a second one for the same finding would be a duplicate.
    pub fn is_live(self) -> bool {
        !matches!(self, Self::Undone | Self::Ended)
    }
}

impl Intent {
    /// The current attempt.
    pub fn current(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// The plan, once there is one.
    pub fn plan(&self) -> Option<&Plan> {
        self.attempts.iter().find_map(|attempt| attempt.plan.as_ref())
    }

    /// What a provider is asked for next.
    pub fn wanted(&self) -> Wanted {
        let plan_first = self.route.as_ref().is_some_and(|route| route.plan_first);
        if plan_first && self.plan().is_none() { Wanted::Plan } else { Wanted::Change }
    }

    /// The status in one word: the phase, or how it ended.
    pub fn status(&self) -> &'static str {
        match &self.ended {
            Some((ending, _)) => ending.as_str(),
            None => self.phase.as_str(),
        }
    }

    /// What all attempts cost, in money owed.
    pub fn billed(&self) -> MicroDollars {
        self.attempts.iter().filter_map(|a| a.charge).fold(MicroDollars::ZERO, |sum, c| sum.plus(c.billed))
    }

    /// What all attempts would have cost at list prices.
    pub fn imputed(&self) -> MicroDollars {
        self.attempts.iter().filter_map(|a| a.charge).fold(MicroDollars::ZERO, |sum, c| sum.plus(c.imputed))
    }

    /// What an approval of the current candidate has to be bound to; `None` before there is a verified candidate.
    pub fn binding(&self) -> Option<Binding> {
        let attempt = self.current()?;
        let (patch, candidate) = (attempt.patch.as_ref()?, attempt.candidate.as_ref()?);
        Some(Binding {
            patch: patch.sha256.clone(),
            base: self.base.tree.clone(),
            result: candidate.tree.clone(),
            policy: self.policy.clone(),
            verification: attempt.verification.as_ref()?.hash(),
        })
    }

    /// The fold of a whole story; `None` when there is no event.
    pub fn fold(
        id: IntentId,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<Option<Self>, IllegalTransition> {
        let mut events = events.into_iter();
        let Some(first) = events.next() else { return Ok(None) };
        let mut intent = Self::begin(id, first)?;
        for event in events {
            intent.apply(&event)?;
        }
        Ok(Some(intent))
    }
}

#[cfg(test)]
mod tests;
