//! Stories for tests: intents whose events are made here, appended as the engine would.

use domain::agent::AgentName;
use domain::confidence::Confidence;
use domain::decision::Goal;
use domain::event::{BaseRef, Ending, Event, PatchRecord};
use domain::finding::Finding;
use domain::ids::{IntentId, Sha256, SuggestionId};
use domain::intent::Intent;
use domain::money::MicroDollars;
use domain::patch::{How, Stat};
use domain::plan::Wanted;
use domain::proposal::{Charge, ChargeBasis, Form, Proposal, ProviderId, Usage};
use domain::route::{Leg, Route};
use domain::task::{Kind, Task};
use store::{Append, AppendError, Appended, BudgetLimit, Exchange, Micros, MoneyOp, Store};

/// Noon of 2026-11-21 UTC.
pub(crate) const NOON: i64 = 1_795_262_400_000_000;
pub(crate) const REPOSITORY: &str = "/home/u/project/.git";
pub(crate) const ANSWER: &[u8] = b"{\"patch\":\"...\"}";
pub(crate) const DIFF: &[u8] = b"--- a/a.py\n+++ b/a.py\n";

/// One intent under way.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    pub(crate) id: IntentId,
    pub(crate) intent: Option<Intent>,
    pub(crate) at: Micros,
    pub(crate) agent: Option<String>,
    /// The most tokens of its question.
    pub(crate) tokens: u64,
    /// How long its reservations are held, in microseconds.
    pub(crate) lease: Option<i64>,
    pub(crate) limits: Vec<BudgetLimit>,
}

impl Story {
    /// The story whose id ends in this number.
    pub(crate) fn new(number: u64) -> Self {
        let id = format!("01990000-0000-7000-8000-{number:012x}").parse().unwrap();
        Self { id, intent: None, at: Micros(NOON), agent: None, tokens: 0, lease: None, limits: Vec::new() }
    }

    pub(crate) fn version(&self) -> u64 {
        self.intent.as_ref().map_or(0, |i| i.version)
    }

    /// Appends events, with the money that they tell of.
    pub(crate) async fn append(&mut self, store: &Store, events: &[Event]) -> Result<Appended, AppendError> {
        self.append_with(store, events, &[], None).await
    }

    pub(crate) async fn append_with(
        &mut self,
        store: &Store,
        events: &[Event],
        blobs: &[&[u8]],
        exchange: Option<Exchange>,
    ) -> Result<Appended, AppendError> {
        let after = self.after(events);
        let hashes: Vec<Sha256> = blobs.iter().map(|b| Sha256::of(b)).collect();
        let blobs: Vec<(&Sha256, &[u8])> = hashes.iter().zip(blobs.iter().copied()).collect();
        let appended = store
            .append(Append {
                intent: &self.id,
                at: self.at,
                events,
                after: &after,
                expected_version: self.version(),
                money: events.iter().filter_map(|e| self.money(e)).collect(),
                blobs: &blobs,
                exchange,
            })
            .await?;
        self.intent = Some(after);
        self.at.0 += 1_000;
        Ok(appended)
    }

    pub(crate) fn after(&self, events: &[Event]) -> Intent {
        match self.intent.clone() {
            None => Intent::fold(self.id.clone(), events.to_vec()).unwrap().unwrap(),
            Some(mut intent) => {
                events.iter().for_each(|e| intent.apply(e).unwrap());
                intent
            }
        }
    }

    pub(crate) fn money(&self, event: &Event) -> Option<MoneyOp> {
        let intent = self.id.clone();
        match event {
            Event::Reserved { attempt, amount } => Some(MoneyOp::Reserve {
                intent,
                attempt: *attempt,
                provider: ProviderId::new("local"),
                agent: self.agent.clone(),
                amount: *amount,
                requests: 1,
                tokens: self.tokens,
                lease_until: self.lease.map(|lease| Micros(self.at.0 + lease)),
                limits: self.limits.clone(),
            }),
            Event::Settled { attempt, charge } => Some(MoneyOp::Settle {
                intent,
                attempt: *attempt,
                billed: charge.billed,
                imputed: charge.imputed,
                basis: charge.basis,
            }),
            _ => None,
        }
    }

    /// Registers the intent and routes it.
    pub(crate) async fn begin(
        &mut self,
        store: &Store,
        finding: Option<Finding>,
    ) -> Result<Appended, AppendError> {
        let mut first = registered(finding);
        if let Event::IntentReserved { agent, .. } = &mut first {
            *agent = self.agent.as_ref().map(|name| name.parse().unwrap());
        }
        self.append(store, &[first, routed()]).await
    }

    /// Registers and routes for an agent.
    pub(crate) async fn begin_for(
        &mut self,
        store: &Store,
        name: Option<AgentName>,
    ) -> Result<Appended, AppendError> {
        let mut first = registered(None);
        if let Event::IntentReserved { agent, .. } = &mut first {
            *agent = name;
        }
        self.append(store, &[first, routed()]).await
    }

    /// Registers, routes, reserves and asks.
    pub(crate) async fn ask(&mut self, store: &Store, amount: u64) -> Result<Appended, AppendError> {
        let asked = self.asked();
        self.append(store, &[reserved(amount), asked]).await
    }

    pub(crate) fn asked(&self) -> Event {
        Event::ProposalAsked {
            attempt: 1,
            suggestion: self.suggestion(),
            provider: ProviderId::new("local"),
            request: self.request(),
            repairs: None,
            wanted: Wanted::Change,
        }
    }

    pub(crate) fn suggestion(&self) -> SuggestionId {
        self.id.as_str().replace("01990000", "01990001").parse().unwrap()
    }

    pub(crate) fn request(&self) -> Sha256 {
        Sha256::of(self.id.as_str().as_bytes())
    }

    pub(crate) fn exchange(&self) -> Exchange {
        Exchange {
            request: self.request(),
            provider: ProviderId::new("local"),
            model: Some("small".to_owned()),
            form: Form::Reply,
            answer: Sha256::of(ANSWER),
            usage: Some(usage()),
            at: self.at,
        }
    }

    /// The answer, settled.
    pub(crate) async fn answer(&mut self, store: &Store, billed: u64) -> Result<Appended, AppendError> {
        let received = Event::ProposalReceived {
            attempt: 1,
            proposal: Proposal {
                id: self.suggestion(),
                provider: ProviderId::new("local"),
                model: Some("small".to_owned()),
                form: Form::Reply,
                request: self.request(),
                answer: Sha256::of(ANSWER),
                usage: Some(usage()),
                replayed: false,
            },
        };
        let exchange = self.exchange();
        self.append_with(store, &[received, settled(billed)], &[ANSWER], Some(exchange)).await
    }

    /// The whole way to an end.
    pub(crate) async fn tell(&mut self, store: &Store, finding: Option<Finding>) -> Appended {
        self.begin(store, finding).await.unwrap();
        self.ask(store, 500).await.unwrap();
        self.answer(store, 300).await.unwrap();
        self.append_with(store, &[patch_read()], &[DIFF], None).await.unwrap();
        self.append(store, &[ended(Ending::Aborted)]).await.unwrap()
    }
}

pub(crate) fn usage() -> Usage {
    Usage { prompt: 1_000, cached: 0, completion: 200, reasoning: 0 }
}

pub(crate) fn registered(finding: Option<Finding>) -> Event {
    let task = match finding {
        Some(finding) => Task::from_finding(finding),
        None => Task { kind: Kind::Refactor, text: "Tidy up".to_owned(), finding: None },
    };
    let (commit, tree) = ("c".repeat(40).parse().unwrap(), "d".repeat(40).parse().unwrap());
    Event::IntentReserved {
        task,
        base: BaseRef { commit, tree, branch: Some("main".to_owned()) },
        repository: REPOSITORY.to_owned(),
        goal: Goal::Publish,
        policy: Sha256::of(b"policy"),
        model: None,
        handed_in: None,
        agent: None,
        images: Vec::new(),
    }
}

pub(crate) fn routed() -> Event {
    let leg = Leg {
        provider: ProviderId::new("local"),
        reason: "it is the only one".to_owned(),
        repairs: true,
        needs_approval: false,
    };
    Event::Routed { route: Route { providers: vec![leg], ..Route::default() } }
}

pub(crate) fn reserved(amount: u64) -> Event {
    Event::Reserved { attempt: 1, amount: MicroDollars::from_micros(amount) }
}

pub(crate) fn settled(billed: u64) -> Event {
    let billed = MicroDollars::from_micros(billed);
    Event::Settled {
        attempt: 1,
        charge: Charge { billed, imputed: MicroDollars::ZERO, basis: ChargeBasis::Reported },
    }
}

pub(crate) fn patch_read() -> Event {
    Event::PatchRead {
        attempt: 1,
        patch: PatchRecord {
            sha256: Sha256::of(DIFF),
            stat: Stat { files: 1, added: 2, deleted: 3, ..Stat::default() },
            explanation: "because".to_owned(),
            raw_confidence: Some(Confidence::new(0.7).unwrap()),
            anchor: How::Exact,
            mended: Vec::new(),
        },
    }
}

pub(crate) fn ended(ending: Ending) -> Event {
    Event::Ended { ending, why: "the test says so".to_owned() }
}

pub(crate) fn finding(line: &str) -> Finding {
    Finding::at("ruff", "E711", "a.py", line, 1, 1, "comparison to None")
}
