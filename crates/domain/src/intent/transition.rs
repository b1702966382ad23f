//! The one transition function: which event may follow which, and what it changes.

use crate::decision::{Approval, Decider, Decision};
use crate::event::Event;
use crate::gate::GatePass;
use crate::ids::{IntentId, Sha256};
use crate::intent::{Asks, Attempt, Intent, Phase};
use crate::plan::Wanted;
use crate::proposal::ProviderId;

/// An event that cannot follow what is recorded: the journal is damaged, or we have a defect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("intent {intent}: {event} cannot follow {phase}{detail}")]
pub struct IllegalTransition {
    /// The intent.
    pub intent: IntentId,
    /// The event's name.
    pub event: &'static str,
    /// The phase it met.
    pub phase: String,
    /// More, where there is more to say.
    pub detail: String,
}

impl Intent {
    /// The state after the first event, which has to be [`Event::IntentReserved`].
    pub fn begin(id: IntentId, event: Event) -> Result<Self, IllegalTransition> {
        let name = event.name();
        let Event::IntentReserved { task, base, repository, goal, policy, model, handed_in, agent, images } =
            event
        else {
            return Err(IllegalTransition {
                intent: id,
                event: name,
                phase: "nothing".to_owned(),
                detail: String::new(),
            });
        };
        Ok(Self {
            id,
            task,
            base,
            repository,
            goal,
            policy,
            model,
            handed_in,
            agent,
            images,
            route: None,
            attempts: Vec::new(),
            phase: Phase::New,
            publication: None,
            approved: Vec::new(),
            plan_approved: None,
            asks_for: None,
            redoing: false,
            ended: None,
            version: 1,
        })
    }

    /// Folds one more event in. On an error the state is as it was.
    pub fn apply(&mut self, event: &Event) -> Result<(), IllegalTransition> {
        let phase = self.after(event)?;
        self.phase = phase;
        self.version += 1;
        Ok(())
    }

    fn illegal(&self, event: &Event, detail: &str) -> IllegalTransition {
        let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
        IllegalTransition {
            intent: self.id.clone(),
            event: event.name(),
            phase: self.phase.as_str().to_owned(),
            detail,
        }
    }

    fn after(&mut self, event: &Event) -> Result<Phase, IllegalTransition> {
        match event {
            Event::IntentReserved { .. } => Err(self.illegal(event, "")),
            Event::Routed { route } if self.phase == Phase::New => {
                self.route = Some(route.clone());
                Ok(Phase::Routed)
            }
            Event::ApprovalAsked { .. } | Event::ProviderApproved { .. } | Event::PlanApproved { .. } => {
                self.approving(event)
            }
            Event::Reserved { .. } | Event::ProposalAsked { .. } | Event::ProviderFailed { .. } => {
                self.asking(event)
            }
            Event::EvidenceKept { .. } | Event::ProposalReceived { .. } | Event::Settled { .. } => {
                self.answering(event)
            }
            Event::ReplyRefused { .. }
            | Event::PlanRead { .. }
            | Event::PatchRead { .. }
            | Event::GateJudged { .. } => self.judging(event),
            Event::Staging { .. }
            | Event::Staged { .. }
            | Event::Verifying { .. }
            | Event::Verified { .. } => self.proving(event),
            Event::Decided { attempt, decision } => self.deciding(event, *attempt, decision),
            Event::Publishing { .. }
            | Event::Published { .. }
            | Event::Undoing { .. }
            | Event::Undone { .. } => self.publishing(event),
            Event::Ended { ending, why }
                if !matches!(self.phase, Phase::Ended | Phase::Published | Phase::Undone) =>
            {
                self.ended = Some((*ending, why.clone()));
                Ok(Phase::Ended)
            }
            Event::Routed { .. } | Event::Ended { .. } => Err(self.illegal(event, "")),
        }
    }

    /// The current attempt, when it has this number and the intent stands at this phase.
    fn at(&mut self, phase: Phase, number: u32, event: &Event) -> Result<&mut Attempt, IllegalTransition> {
        if self.phase != phase {
            return Err(self.illegal(event, ""));
        }
        if self.current().is_none_or(|current| current.number != number) {
            return Err(self.illegal(event, "it names another attempt"));
        }
        let at = self.attempts.len() - 1;
        Ok(&mut self.attempts[at])
    }

    /// Whether the last attempt is over, so that another may begin.
    fn between_attempts(&self) -> bool {
        let refused = self.current().is_some_and(|a| a.pass.is_none());
        match self.phase {
            Phase::Routed | Phase::ReplyRefused | Phase::Verified => true,
            Phase::Settled => self.current().is_some_and(|a| a.failure.is_some()),
            Phase::Judged => refused,
            Phase::Planned => self.plan_approved.is_some(),
            _ => false,
        }
    }

    /// Asking for an approval changes nothing but that the intent rests; with it, it goes on where it stood.
    fn approving(&mut self, event: &Event) -> Result<Phase, IllegalTransition> {
        match event {
            Event::ApprovalAsked { provider, ceiling, plan } if self.may_be_asked_for(plan.as_ref()) => {
                let (provider, plan) = (provider.clone(), plan.clone());
                self.asks_for = Some(Asks { provider, ceiling: *ceiling, plan, back: self.phase });
                Ok(Phase::Unapproved)
            }
            Event::ProviderApproved { provider, decider } if self.phase == Phase::Unapproved => {
                let fits = |asks: &Asks| asks.plan.is_none() && asks.provider == *provider;
                let back = self.approved(event, decider, "another provider was asked about", fits)?;
                self.approved.push(provider.clone());
                Ok(back)
            }
            Event::PlanApproved { plan, decider } if self.phase == Phase::Unapproved => {
                let fits = |asks: &Asks| asks.plan.as_ref() == Some(plan);
                let back = self.approved(event, decider, "another plan was asked about", fits)?;
                self.plan_approved = Some(decider.clone());
                Ok(back)
            }
            Event::PlanApproved { plan, decider: Decider::Policy } if self.may_be_asked_for(Some(plan)) => {
                self.plan_approved = Some(Decider::Policy);
                Ok(Phase::Planned)
            }
            _ => Err(self.illegal(event, "")),
        }
    }

    /// Whether an approval of this plan, or without one of a provider, may be asked for now.
    fn may_be_asked_for(&self, plan: Option<&Sha256>) -> bool {
        match plan {
            None => self.between_attempts(),
            Some(plan) => {
                let waits = self.phase == Phase::Planned && self.plan_approved.is_none();
                waits && self.plan().is_some_and(|own| own.hash() == *plan)
            }
        }
    }

    /// Takes up what was asked for, when it is this and somebody else than the asker approves it. Gives where it goes on.
    fn approved(
        &mut self,
        event: &Event,
        decider: &Decider,
        other: &str,
        fits: impl Fn(&Asks) -> bool,
    ) -> Result<Phase, IllegalTransition> {
        if self.is_by_its_asker(decider) {
            return Err(self.illegal(event, "an agent cannot approve what it asked for"));
        }
        let back = self.asks_for.as_ref().filter(|asks| fits(asks)).map(|asks| asks.back);
        let back = back.ok_or_else(|| self.illegal(event, other))?;
        self.asks_for = None;
        Ok(back)
    }

    fn asking(&mut self, event: &Event) -> Result<Phase, IllegalTransition> {
        match event {
            Event::Reserved { attempt, amount } => {
                self.open_attempt(*attempt, event)?.reserved = Some(*amount);
                Ok(Phase::Reserved)
            }
            Event::ProposalAsked { attempt, suggestion, provider, request, repairs, wanted } => {
                if self.at(Phase::Reserved, *attempt, event)?.wanted != *wanted {
                    return Err(self.illegal(event, "something else is wanted now"));
                }
                let asked = self.at(Phase::Reserved, *attempt, event)?;
                asked.suggestion = Some(suggestion.clone());
                asked.provider = provider.clone();
                asked.request = Some(request.clone());
                asked.repairs = *repairs;
                self.place_in_route(provider, *repairs);
                Ok(Phase::Asked)
            }
            Event::ProviderFailed { attempt, provider, failure } if self.between_attempts() => {
                let opened = self.open_attempt(*attempt, event)?;
                opened.provider = provider.clone();
                opened.failure = Some(failure.clone());
                self.place_in_route(provider, None);
                Ok(Phase::Settled)
            }
            Event::ProviderFailed { attempt, failure, .. } => {
                self.at(Phase::Asked, *attempt, event)?.failure = Some(failure.clone());
                Ok(Phase::Answered)
            }
            _ => Err(self.illegal(event, "")),
        }
    }

    fn open_attempt(&mut self, number: u32, event: &Event) -> Result<&mut Attempt, IllegalTransition> {
        let expected = self.attempts.len() as u64 + 1;
        if !self.between_attempts() || u64::from(number) != expected {
            return Err(self.illegal(event, &format!("attempt {expected} would be next")));
        }
        let wanted = self.wanted();
        self.attempts.push(Attempt { wanted, ..Attempt::new(number) });
        let at = self.attempts.len() - 1;
        Ok(&mut self.attempts[at])
    }

    /// A repair, a question asked again and the change behind a plan stay at their place in the route, and so does a repair that could not even be
    /// asked for: its provider comes no more. Anything else goes one on.
    fn place_in_route(&mut self, provider: &ProviderId, repairs: Option<u32>) {
        let legs = self.route.as_ref().map_or(&[][..], |r| r.providers.as_slice());
        let before = self.attempts.len().checked_sub(2).map(|i| &self.attempts[i]);
        let leg = match before {
            None => 0,
            Some(b) if repairs.is_some() || b.keeps_the_turn() => b.leg,
            Some(b) => b.leg + 1,
        };
        let again = before.filter(|b| b.provider == *provider).map_or(leg, |b| b.leg);
        let place = legs.iter().skip(leg).position(|l| l.provider == *provider).map_or(again, |i| leg + i);
        if let Some(current) = self.attempts.last_mut() {
            current.leg = place;
        }
    }

    fn answering(&mut self, event: &Event) -> Result<Phase, IllegalTransition> {
        match event {
            Event::EvidenceKept { attempt, artifacts } => {
                self.at(Phase::Asked, *attempt, event)?.evidence.extend(artifacts.iter().cloned());
                Ok(Phase::Asked)
            }
            Event::ProposalReceived { attempt, proposal } => {
                self.at(Phase::Asked, *attempt, event)?.proposal = Some(proposal.clone());
                Ok(Phase::Answered)
            }
            Event::Settled { attempt, charge } => {
                self.at(Phase::Answered, *attempt, event)?.charge = Some(*charge);
                Ok(Phase::Settled)
            }
            _ => Err(self.illegal(event, "")),
        }
    }

    fn judging(&mut self, event: &Event) -> Result<Phase, IllegalTransition> {
        match event {
            Event::ReplyRefused { attempt, reasons, class } => {
                let current = self.at(Phase::Settled, *attempt, event)?;
                current.refused = Some(reasons.clone());
                current.refusal = Some(*class);
                Ok(Phase::ReplyRefused)
            }
            Event::PlanRead { attempt, plan } => {
                if self.at(Phase::Settled, *attempt, event)?.wanted != Wanted::Plan {
                    return Err(self.illegal(event, "no plan was asked for"));
                }
                self.at(Phase::Settled, *attempt, event)?.plan = Some(plan.clone());
                Ok(Phase::Planned)
            }
            Event::PatchRead { attempt, patch } => {
                if self.at(Phase::Settled, *attempt, event)?.wanted != Wanted::Change {
                    return Err(self.illegal(event, "a plan was asked for"));
                }
                self.at(Phase::Settled, *attempt, event)?.patch = Some(patch.clone());
                Ok(Phase::Read)
            }
            Event::GateJudged { attempt, judgement } => {
                let current = self.at(Phase::Read, *attempt, event)?;
                current.judgement = Some(judgement.clone());
                current.pass = GatePass::recall(judgement);
                Ok(Phase::Judged)
            }
            _ => Err(self.illegal(event, "")),
        }
    }

    fn proving(&mut self, event: &Event) -> Result<Phase, IllegalTransition> {
        match event {
            Event::Staging { attempt, reference } => {
                if self.at(Phase::Judged, *attempt, event)?.pass.is_none() {
                    return Err(self.illegal(event, "the gate did not pass it"));
                }
                self.at(Phase::Judged, *attempt, event)?.reference = Some(reference.clone());
                Ok(Phase::Staging)
            }
            Event::Staged { attempt, candidate } => {
                self.at(Phase::Staging, *attempt, event)?.candidate = Some(candidate.clone());
                Ok(Phase::Staged)
            }
            Event::Verifying { attempt, tree_name } => {
                let from = if self.phase == Phase::Verifying { Phase::Verifying } else { Phase::Staged };
                self.at(from, *attempt, event)?.tree_name = Some(tree_name.clone());
                Ok(Phase::Verifying)
            }
            Event::Verified { attempt, verification, confidence } => {
                let candidate = self.at(Phase::Verifying, *attempt, event)?.candidate.as_ref();
                if candidate.is_none_or(|candidate| candidate.tree != verification.tree) {
                    return Err(self.illegal(event, "another tree than the candidate's was checked"));
                }
                let current = self.at(Phase::Verifying, *attempt, event)?;
                current.verification = Some(verification.clone());
                current.confidence = Some(*confidence);
                Ok(Phase::Verified)
            }
            _ => Err(self.illegal(event, "")),
        }
    }

    /// Whether this is the agent that the intent belongs to: whatever its rights, it decides nothing about it.
    fn is_by_its_asker(&self, decider: &Decider) -> bool {
        matches!(decider, Decider::Agent { name } if self.agent.as_ref() == Some(name))
    }

    fn deciding(
        &mut self,
        event: &Event,
        number: u32,
        decision: &Decision,
    ) -> Result<Phase, IllegalTransition> {
        let from = if self.phase == Phase::Waiting { Phase::Waiting } else { Phase::Verified };
        let (expected, other) = (self.binding(), self.illegal(event, "it approves something else"));
        if matches!(decision, Decision::Approved { decider, .. } if self.is_by_its_asker(decider)) {
            return Err(self.illegal(event, "an agent cannot approve what it asked for"));
        }
        let current = self.at(from, number, event)?;
        current.decision = Some(decision.clone());
        match decision {
            Decision::NeedsPerson { .. } => Ok(Phase::Waiting),
            Decision::Rejected { .. } => Ok(Phase::Rejected),
            Decision::Approved { decider, binding, message } => {
                if expected.as_ref() != Some(binding) {
                    current.decision = None;
                    return Err(other);
                }
                current.approval = Some(Approval::recall(binding.clone(), decider.clone(), message.clone()));
                Ok(Phase::Approved)
            }
        }
    }

    fn publishing(&mut self, event: &Event) -> Result<Phase, IllegalTransition> {
        match event {
            Event::Publishing { attempt, publication } => {
                let again = self.phase == Phase::Publishing;
                self.at(if again { Phase::Publishing } else { Phase::Approved }, *attempt, event)?;
                if again && self.publication.as_ref().is_none_or(|first| first.commit != publication.commit) {
                    return Err(self.illegal(event, "another commit was announced"));
                }
                self.publication = Some(publication.clone());
                Ok(Phase::Publishing)
            }
            Event::Published { attempt, publication } => {
                self.at(Phase::Publishing, *attempt, event)?;
                if self.publication.as_ref() != Some(publication) {
                    return Err(self.illegal(event, "another branch was announced"));
                }
                Ok(Phase::Published)
            }
            Event::Undoing { redo } => {
                let from = if *redo { Phase::Undone } else { Phase::Published };
                if self.phase != from {
                    return Err(self.illegal(event, ""));
                }
                self.redoing = *redo;
                Ok(Phase::Undoing)
            }
            Event::Undone { redo } if self.phase == Phase::Undoing && self.redoing == *redo => {
                Ok(if *redo { Phase::Published } else { Phase::Undone })
            }
            _ => Err(self.illegal(event, "")),
        }
    }
}

impl Attempt {
    fn new(number: u32) -> Self {
        Self {
            number,
            provider: ProviderId::new(""),
            leg: 0,
            suggestion: None,
            request: None,
            repairs: None,
            wanted: Wanted::Change,
            reserved: None,
            evidence: Vec::new(),
            proposal: None,
            failure: None,
            charge: None,
            refused: None,
            refusal: None,
            plan: None,
            patch: None,
            judgement: None,
            pass: None,
            reference: None,
            candidate: None,
            tree_name: None,
            verification: None,
            confidence: None,
            decision: None,
            approval: None,
        }
    }
}
