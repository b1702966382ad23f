//! What comes next, worked out from the state alone. The same state and rules give the same answer, live and after
//! a crash.

use crate::event::Ending;
use crate::gate;
use crate::intent::{Attempt, Intent, Phase};
use crate::patch::Class;
use crate::proposal::{ChargeBasis, FailureKind};
use crate::verification::Verdict;

/// The policy values that decide about going on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FlowRules {
    /// How often a failed verification may be handed back to its provider.
    pub max_retries: u32,
    /// The least confidence, as the provider gave it, that is worth a repair.
    pub repair_confidence: f64,
}

impl Default for FlowRules {
    /// The seeds' rule: once, from 0.7 on.
    fn default() -> Self {
        Self { max_retries: 1, repair_confidence: 0.7 }
    }
}

/// The next step of an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Choose the providers.
    Route,
    /// Ask a person whether the provider at this place of the route may be asked.
    AskPerson {
        /// The place in the route.
        leg: usize,
    },
    /// Ask the provider at this place of the route.
    Ask {
        /// The number of the attempt.
        attempt: u32,
        /// The place in the route.
        leg: usize,
        /// The attempt whose failure is to be repaired.
        repairs: Option<u32>,
    },
    /// The process died while a provider was being asked: record that.
    Interrupted,
    /// Settle the money of the current attempt.
    Settle,
    /// Read the answer.
    Extract,
    /// Have the plan approved, by policy or a person; the provider at this place of the route is asked next.
    Plan {
        /// The place in the route.
        leg: usize,
    },
    /// Judge the patch.
    Gate,
    /// Write the candidate.
    Stage,
    /// Run the checks.
    Verify,
    /// Decide.
    Decide,
    /// Make the branch.
    Publish,
    /// Finish taking the branch back, or bringing it back.
    Undo,
    /// The intent is over; say so.
    End(Ending, String),
    /// Nothing to do: final, or a person has to decide.
    Rest,
}

impl Next {
    /// The step's name, in one word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::AskPerson { .. } => "ask-person",
            Self::Ask { .. } => "propose",
            Self::Interrupted => "interrupted",
            Self::Settle => "settle",
            Self::Extract => "read",
            Self::Plan { .. } => "plan",
            Self::Gate => "judge",
            Self::Stage => "stage",
            Self::Verify => "verify",
            Self::Decide => "decide",
            Self::Publish => "publish",
            Self::Undo => "undo",
            Self::End(..) => "end",
            Self::Rest => "rest",
        }
    }
}

impl Intent {
    /// What comes next.
    pub fn next(&self, rules: &FlowRules) -> Next {
        match self.phase {
            Phase::New => Next::Route,
            Phase::Routed => self.ask_leg(0, None),
            Phase::Reserved => self.ask_reserved(),
            Phase::Asked => Next::Interrupted,
            Phase::Answered => Next::Settle,
            Phase::Settled => match self.current() {
                Some(attempt) if attempt.failure.is_some() => self.after_failure(attempt),
                _ => Next::Extract,
            },
            Phase::ReplyRefused => self.next_leg(),
            // Who made the plan is the first to be asked to carry it out.
            Phase::Planned => match (self.current().map_or(0, |a| a.leg), &self.plan_approved) {
                (leg, None) => Next::Plan { leg },
                (leg, Some(_)) => self.ask_leg(leg, None),
            },
            Phase::Read => Next::Gate,
            Phase::Judged => match self.current().and_then(|a| a.pass.as_ref()) {
                Some(_) => Next::Stage,
                None => self.next_leg(),
            },
            Phase::Staging => Next::Stage,
            Phase::Staged | Phase::Verifying => Next::Verify,
            Phase::Verified => self.after_verification(rules),
            Phase::Approved | Phase::Publishing => Next::Publish,
            Phase::Rejected => Next::End(Ending::Rejected, "a person rejected the change".to_owned()),
            Phase::Undoing => Next::Undo,
            Phase::Unapproved | Phase::Waiting | Phase::Published | Phase::Undone | Phase::Ended => {
                Next::Rest
            }
        }
    }

    fn ask_reserved(&self) -> Next {
        let attempt = self.attempts.len() as u32;
        let before = self.attempts.len().checked_sub(2).map(|i| &self.attempts[i]);
        let leg = before.map_or(0, |b| if b.keeps_the_turn() { b.leg } else { b.leg + 1 });
        Next::Ask { attempt, leg, repairs: None }
    }

    fn ask_leg(&self, leg: usize, repairs: Option<u32>) -> Next {
        let legs = self.route.as_ref().map_or(0, |r| r.providers.len());
        if leg >= legs {
            let (ending, why) = self.exhausted();
            return Next::End(ending, why);
        }
        if repairs.is_none() && self.lacks_approval(leg) {
            return Next::AskPerson { leg };
        }
        Next::Ask { attempt: self.attempts.len() as u32 + 1, leg, repairs }
    }

    fn lacks_approval(&self, leg: usize) -> bool {
        let leg = self.route.as_ref().and_then(|route| route.providers.get(leg));
        leg.is_some_and(|leg| leg.needs_approval && !self.approved.contains(&leg.provider))
    }

    fn next_leg(&self) -> Next {
        self.ask_leg(self.current().map_or(0, |a| a.leg + 1), None)
    }

    fn after_failure(&self, attempt: &Attempt) -> Next {
        if attempt.is_asked_again() { self.ask_leg(attempt.leg, attempt.repairs) } else { self.next_leg() }
    }

    fn after_verification(&self, rules: &FlowRules) -> Next {
        let Some(attempt) = self.current() else { return Next::Rest };
        match attempt.verification.as_ref().map(|v| &v.verdict) {
            Some(Verdict::Verified) => Next::Decide,
            Some(Verdict::BaselineBroken { why }) => Next::End(Ending::BaselineBroken, why.clone()),
            Some(Verdict::NotVerified { why }) => Next::End(Ending::NotVerified, why.clone()),
            Some(Verdict::Failed { .. }) if self.may_repair(attempt, rules) => {
                self.ask_leg(attempt.leg, Some(attempt.number))
            }
            _ => self.next_leg(),
        }
    }

    fn may_repair(&self, attempt: &Attempt, rules: &FlowRules) -> bool {
        let so_far = self.attempts.iter().filter(|a| a.repairs.is_some() && !a.is_asked_again()).count();
        let able = self.route.as_ref().and_then(|r| r.providers.get(attempt.leg)).is_some_and(|l| l.repairs);
        let confidence = attempt.patch.as_ref().and_then(|p| p.raw_confidence);
        able && (so_far as u64) < u64::from(rules.max_retries)
            && confidence.is_some_and(|c| c.value() >= rules.repair_confidence)
    }

    /// How the intent ends when no provider is left: by the attempt that came furthest, the last one among equals.
    fn exhausted(&self) -> (Ending, String) {
        self.attempts
            .iter()
            .map(Attempt::ending)
            .max_by_key(|(rank, _, _)| *rank)
            .map_or((Ending::NoProvider, self.nobody()), |(_, ending, why)| (ending, why))
    }

    fn nobody(&self) -> String {
        let skipped = self.route.as_ref().map_or(&[][..], |r| r.skipped.as_slice());
        let reasons: Vec<String> = skipped.iter().map(|l| format!("{}: {}", l.provider, l.reason)).collect();
        if reasons.is_empty() { "no provider is configured".to_owned() } else { reasons.join("; ") }
    }
}

impl Attempt {
    /// A free provider that was interrupted by the death of our own process is asked again.
    pub(super) fn is_asked_again(&self) -> bool {
        let interrupted = self.failure.as_ref().is_some_and(|f| f.kind == FailureKind::Interrupted);
        interrupted && self.charge.is_some_and(|c| c.basis == ChargeBasis::Free)
    }

    /// Whether the same provider comes next: it is asked again, or its plan is to be carried out.
    pub(super) fn keeps_the_turn(&self) -> bool {
        self.is_asked_again() || self.plan.is_some()
    }

    /// How far the attempt came (a rank), and the ending and reason that follow if no other came further.
    fn ending(&self) -> (u8, Ending, String) {
        if let Some(verification) = &self.verification {
            let why = match &verification.verdict {
                Verdict::Failed { why } => why.join("; "),
                Verdict::Void { changed } => {
                    format!("the checks changed tracked files: {}", changed.join(", "))
                }
                Verdict::NotVerified { why } | Verdict::BaselineBroken { why } => why.clone(),
                Verdict::Verified => String::new(),
            };
            return (5, Ending::NotVerified, format!("{}: {why}", self.provider));
        }
        if let Some(judgement) = &self.judgement {
            let why: Vec<String> = gate::refusals(judgement);
            return (4, Ending::Refused, format!("{}: {}", self.provider, why.join("; ")));
        }
        if let Some(reasons) = &self.refused {
            let why = format!("{}: {}", self.provider, reasons.join("; "));
            return match self.refusal {
                Some(Class::Refused) => (4, Ending::Refused, why),
                Some(Class::NoChange) => (3, Ending::NoChange, why),
                Some(Class::Conflict | Class::Malformed) | None => (2, Ending::NoProvider, why),
            };
        }
        match &self.failure {
            Some(f) if f.kind == FailureKind::OverBudget => {
                (1, Ending::OverBudget, format!("{}: {}", self.provider, f.detail))
            }
            // A person can do something about it, which goes before what others could not read or find.
            Some(f) if f.kind == FailureKind::NeedsPerson => {
                (3, Ending::ProviderNeedsPerson, format!("{}: {}", self.provider, f.detail))
            }
            Some(f) => (0, Ending::NoProvider, format!("{}: {}", self.provider, f.detail)),
            None => (0, Ending::NoProvider, format!("{}: no answer", self.provider)),
        }
    }
}
