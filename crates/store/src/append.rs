//! What is written in one transaction, and what is read back of it.

use domain::event::Event;
use domain::ids::{IntentId, Sha256};
use domain::intent::Intent;
use domain::proposal::{Form, ProviderId, Usage};

use crate::error::AppendError;
use crate::ledger::MoneyOp;
use crate::time::Micros;

/// Some events of one intent, with everything that has to be true at the same moment.
#[derive(Debug)]
pub struct Append<'a> {
    /// The intent.
    pub intent: &'a IntentId,
    /// When, by the caller's clock. It may go back; the order is that of the sequence.
    pub at: Micros,
    /// What happened, in order; at least one event.
    pub events: &'a [Event],
    /// The fold after these events; the registry's row is made from it.
    pub after: &'a Intent,
    /// The intent's version before these events; 0 for a new intent. When the journal is further, nothing is written.
    pub expected_version: u64,
    /// The money that moves with these events: a [`MoneyOp::Reserve`] for each `Reserved`, a [`MoneyOp::Settle`] for
    /// each `Settled`, and releases.
    pub money: Vec<MoneyOp>,
    /// Bytes that the events speak of, by their hash. Those already there are not written again.
    pub blobs: &'a [(&'a Sha256, &'a [u8])],
    /// The answer to a request, to be served again; its bytes have to be among `blobs` or be there already.
    pub exchange: Option<Exchange>,
}

/// What was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The sequence number of the last event.
    pub last_seq: u64,
    /// Its hash: together they are an anchor for the journal up to here.
    pub hash: Sha256,
}

/// One recorded event.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its place in the journal, from 1.
    pub seq: u64,
    /// When it was recorded.
    pub at: Micros,
    /// What happened.
    pub event: Event,
    /// The hash of its row in the chain.
    pub hash: Sha256,
}

/// What a provider answered to a request. The answer's bytes are a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The hash of the canonical request.
    pub request: Sha256,
    /// Who answered.
    pub provider: ProviderId,
    /// The model that the provider named.
    pub model: Option<String>,
    /// The form of the answer.
    pub form: Form,
    /// The hash of the answer's bytes.
    pub answer: Sha256,
    /// Tokens, where the provider reports them.
    pub usage: Option<Usage>,
    /// When it answered.
    pub at: Micros,
}

impl Append<'_> {
    /// Refuses what contradicts itself, before a transaction is opened.
    pub(crate) fn check(&self) -> Result<(), AppendError> {
        let wrong = |what: String| Err(AppendError::Contradiction { intent: self.intent.clone(), what });
        let version = self.expected_version + self.events.len() as u64;
        if self.events.is_empty() {
            return wrong("there is no event".to_owned());
        }
        if self.after.id != *self.intent || self.after.version != version {
            return wrong(format!(
                "the state is that of {} at version {}, not at {version}",
                self.after.id, self.after.version
            ));
        }
        for (expected, bytes) in self.blobs {
            let found = Sha256::of(bytes);
            if found != **expected {
                return Err(AppendError::BlobHash { expected: (*expected).clone(), found });
            }
        }
        self.check_money()
    }

    /// Money moves only with its event, and an event about money only with the money.
    fn check_money(&self) -> Result<(), AppendError> {
        let wrong = |what: String| Err(AppendError::Contradiction { intent: self.intent.clone(), what });
        if let Some(op) = self.money.iter().find(|op| op.intent() != self.intent) {
            return wrong(format!("money of another intent, {}", op.intent()));
        }
        for event in self.events {
            if !event_is_paid(event, &self.money) {
                return wrong(format!("{} without the same movement of money", event.name()));
            }
        }
        match self.money.iter().find(|op| !op_is_told(op, self.events)) {
            Some(op) => wrong(format!("money moves without its event (attempt {})", op.attempt())),
            None => Ok(()),
        }
    }
}

fn event_is_paid(event: &Event, money: &[MoneyOp]) -> bool {
    match event {
        Event::Reserved { .. } | Event::Settled { .. } => {
            money.iter().filter(|op| op.fits(event)).count() == 1
        }
        _ => true,
    }
}

fn op_is_told(op: &MoneyOp, events: &[Event]) -> bool {
    matches!(op, MoneyOp::Release { .. }) || events.iter().any(|event| op.fits(event))
}
