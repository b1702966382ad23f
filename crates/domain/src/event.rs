//! What can happen to an intent. Events are appended to the journal and never changed; the state is their fold
//! (see `intent`). Adding a variant is a recipe of its own: docs/recipes/event.md.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::agent::AgentName;
use crate::confidence::{Assessment, Confidence};
use crate::decision::{Decider, Decision, Goal};
use crate::gate::Judgement;
use crate::ids::{CommitId, Sha256, SuggestionId, TreeId};
use crate::image::ImageRecord;
use crate::money::MicroDollars;
use crate::patch::{Class, How, Stat};
use crate::plan::{Plan, Wanted};
use crate::proposal::{Charge, Proposal, ProviderFailure, ProviderId};
use crate::route::Route;
use crate::tagged::Tagged;
use crate::task::Task;
use crate::verification::Verification;

/// The format of recorded events. A reader refuses a higher number. 2: a verification has a verdict for each test and
/// the runs of what was run again; older programs would drop them, and with them the hash that an approval is bound to.
/// 3: an intent may belong to an agent, and an agent may decide; older programs would let anybody see and decide it.
/// 4: an intent may wait for the approval of a provider, and end as an answered question.
/// 5: a provider's work leaves evidence, and an intent may end because a provider needs a person.
/// 6: a feature begins with a plan, which is approved before there is a change; images may go along with a task.
/// 7: finished intents may be compacted (`registry`); older programs would take what is left of them for damage.
/// 8: an entry's hash covers a salted commitment to what it says (the store's `chain.rs`), and finished intents may be erased.
pub const EVENT_FORMAT: u32 = 8;

/// The state of the repository that a change starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseRef {
    /// The commit.
    pub commit: CommitId,
    /// Its tree.
    pub tree: TreeId,
    /// The branch that it was the tip of, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
}

/// A canonical patch that lies beside the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchRecord {
    /// The hash of the canonical diff.
    pub sha256: Sha256,
    /// Its size in files and lines.
    pub stat: Stat,
    /// What the provider says of it.
    pub explanation: String,
    /// The provider's confidence, as it gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_confidence: Option<Confidence>,
    /// How the hunks found their places: the weakest way of all.
    pub anchor: How,
    /// What was mended in the reply or the diff, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mended: Vec<String>,
}

/// Something that shows what a provider did: bytes that lie beside the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// The name of a file: `page.png`.
    pub name: String,
    /// The hash of its bytes.
    pub sha256: Sha256,
    /// How many there are.
    pub bytes: u64,
}

/// A candidate: the commit made from a patch, kept under a hidden ref.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The result tree.
    pub tree: TreeId,
    /// The commit.
    pub commit: CommitId,
    /// The hidden ref.
    pub reference: String,
}

/// A published branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// The branch's full ref name.
    pub reference: String,
    /// The commit at its tip.
    pub commit: CommitId,
}

/// How an intent ended, when it was not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The gate refused what was proposed.
    Refused,
    /// Checks failed, or showed nothing.
    NotVerified,
    /// No provider could answer.
    NoProvider,
    /// A provider could not answer before a person did something there: signed in, answered a captcha.
    ProviderNeedsPerson,
    /// The answer changes nothing.
    NoChange,
    /// A budget or quota said no.
    OverBudget,
    /// The checks fail on the base already.
    BaselineBroken,
    /// A person said no.
    Rejected,
    /// A question was answered in text.
    Answered,
    /// Stopped by a person or a signal.
    Aborted,
    /// Something of ours or of the machine's failed.
    Failed,
}

impl Ending {
    /// The word for it, as in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::NotVerified => "not-verified",
            Self::NoProvider => "no-provider",
            Self::ProviderNeedsPerson => "provider-needs-person",
            Self::NoChange => "no-change",
            Self::OverBudget => "over-budget",
            Self::BaselineBroken => "baseline-broken",
            Self::Rejected => "rejected",
            Self::Answered => "answered",
            Self::Aborted => "aborted",
            Self::Failed => "failed",
        }
    }
}

/// What can happen to an intent. `attempt` counts proposals from 1.
///
/// Its JSON has the name in the field `event`. Only the traits write and read that: `Event::serialize` and
/// `Event::deserialize`, called by name, are the form without it that the traits build on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum Event {
    /// The task is registered.
    IntentReserved {
        /// What is asked for.
        task: Task,
        /// What the change starts from.
        base: BaseRef,
        /// The repository, by its identity (the path of its common git directory).
        repository: String,
        /// How far the task is to go.
        goal: Goal,
        /// The policy in force, by the hash of its recorded text.
        policy: Sha256,
        /// The model that the caller named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// A patch that the caller handed in, by its hash.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        handed_in: Option<Sha256>,
        /// The agent that asks, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<AgentName>,
        /// The images that go along with the task.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        images: Vec<ImageRecord>,
    },
    /// The providers were chosen.
    Routed {
        /// Which, and why.
        route: Route,
    },
    /// A person has to approve before it goes on: the next provider costs money, or there is a plan to be looked at.
    ApprovalAsked {
        /// Who is to be asked next.
        provider: ProviderId,
        /// The most that asking it once can cost, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ceiling: Option<MicroDollars>,
        /// The plan that is to be approved; without one it is the provider's cost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<Sha256>,
    },
    /// Somebody approved that a provider is asked.
    ProviderApproved {
        /// The provider.
        provider: ProviderId,
        /// Who approved.
        decider: Decider,
    },
    /// The plan may be carried out.
    PlanApproved {
        /// The plan, by its hash.
        plan: Sha256,
        /// Who approved.
        decider: Decider,
    },
    /// Money is set aside for one attempt.
    Reserved {
        /// The attempt.
        attempt: u32,
        /// The most that it can cost.
        amount: MicroDollars,
    },
    /// A provider is about to be asked.
    ProposalAsked {
        /// The attempt.
        attempt: u32,
        /// The answer's id.
        suggestion: SuggestionId,
        /// Who is asked.
        provider: ProviderId,
        /// The hash of the canonical request.
        request: Sha256,
        /// The attempt whose failure this one is to repair.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        repairs: Option<u32>,
        /// What it is asked for.
        #[serde(default, skip_serializing_if = "Wanted::is_change")]
        wanted: Wanted,
    },
    /// What shows how the provider worked, whether or not it answered.
    EvidenceKept {
        /// The attempt.
        attempt: u32,
        /// The pieces, in the order in which they were kept.
        artifacts: Vec<Artifact>,
    },
    /// The provider answered.
    ProposalReceived {
        /// The attempt.
        attempt: u32,
        /// The answer.
        proposal: Proposal,
    },
    /// The provider gave no answer, or was not asked because the budget has no room.
    ProviderFailed {
        /// The attempt.
        attempt: u32,
        /// Who it was.
        provider: ProviderId,
        /// Why.
        failure: ProviderFailure,
    },
    /// The attempt's reservation is settled.
    Settled {
        /// The attempt.
        attempt: u32,
        /// What it cost.
        charge: Charge,
    },
    /// The answer could not be read as what was asked for.
    ReplyRefused {
        /// The attempt.
        attempt: u32,
        /// Every reason, with its code.
        reasons: Vec<String>,
        /// Of what sort: it says how the intent ends when no provider does better.
        class: Class,
    },
    /// The answer is a plan.
    PlanRead {
        /// The attempt.
        attempt: u32,
        /// The plan.
        plan: Plan,
    },
    /// The answer is one canonical patch.
    PatchRead {
        /// The attempt.
        attempt: u32,
        /// The patch.
        patch: PatchRecord,
    },
    /// The gate judged the patch.
    GateJudged {
        /// The attempt.
        attempt: u32,
        /// The verdict with all findings.
        judgement: Judgement,
    },
    /// Objects and the hidden ref are about to be written.
    Staging {
        /// The attempt.
        attempt: u32,
        /// The hidden ref.
        reference: String,
    },
    /// The candidate exists.
    Staged {
        /// The attempt.
        attempt: u32,
        /// The candidate.
        candidate: Candidate,
    },
    /// Checks are about to run.
    Verifying {
        /// The attempt.
        attempt: u32,
        /// The name of the tree's folder and of the box: what is swept when the process dies.
        tree_name: String,
    },
    /// The checks have run.
    Verified {
        /// The attempt.
        attempt: u32,
        /// Their results.
        verification: Verification,
        /// Confidence, combined from the provider's number and our facts.
        confidence: Assessment,
    },
    /// Somebody decided.
    Decided {
        /// The attempt whose candidate is decided upon.
        attempt: u32,
        /// The decision.
        decision: Decision,
    },
    /// A branch is about to be made. Once more, with another name for the same commit, when the first name turns out to be
    /// taken by somebody else.
    Publishing {
        /// The attempt.
        attempt: u32,
        /// The branch and its commit.
        publication: Publication,
    },
    /// The branch exists.
    Published {
        /// The attempt.
        attempt: u32,
        /// The branch and its commit.
        publication: Publication,
    },
    /// A published branch is about to be taken back, or brought back.
    Undoing {
        /// Whether the branch is brought back.
        redo: bool,
    },
    /// The branch is gone, or there again.
    Undone {
        /// Whether the branch was brought back.
        redo: bool,
    },
    /// The intent is over without a publication.
    Ended {
        /// How.
        ending: Ending,
        /// Why, in one sentence.
        why: String,
    },
}

/// The field that has the event's name.
const TAG: &str = "event";

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, Tagged { tag: TAG, inner: serializer })
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(Tagged { tag: TAG, inner: deserializer })
    }
}

impl Event {
    /// The event's name, as in the journal.
    pub fn name(&self) -> &'static str {
        match self {
            Self::IntentReserved { .. } => "IntentReserved",
            Self::Routed { .. } => "Routed",
            Self::ApprovalAsked { .. } => "ApprovalAsked",
            Self::ProviderApproved { .. } => "ProviderApproved",
            Self::PlanApproved { .. } => "PlanApproved",
            Self::Reserved { .. } => "Reserved",
            Self::ProposalAsked { .. } => "ProposalAsked",
            Self::EvidenceKept { .. } => "EvidenceKept",
            Self::ProposalReceived { .. } => "ProposalReceived",
            Self::ProviderFailed { .. } => "ProviderFailed",
            Self::Settled { .. } => "Settled",
            Self::ReplyRefused { .. } => "ReplyRefused",
            Self::PlanRead { .. } => "PlanRead",
            Self::PatchRead { .. } => "PatchRead",
            Self::GateJudged { .. } => "GateJudged",
            Self::Staging { .. } => "Staging",
            Self::Staged { .. } => "Staged",
            Self::Verifying { .. } => "Verifying",
            Self::Verified { .. } => "Verified",
            Self::Decided { .. } => "Decided",
            Self::Publishing { .. } => "Publishing",
            Self::Published { .. } => "Published",
            Self::Undoing { .. } => "Undoing",
            Self::Undone { .. } => "Undone",
            Self::Ended { .. } => "Ended",
        }
    }
}
