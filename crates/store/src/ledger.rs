//! Money and tokens: reserved, settled, released. The values; the statements are in `sql/ledger.rs`.

use domain::budget::BudgetLimit;
use domain::event::Event;
use domain::ids::IntentId;
use domain::money::MicroDollars;
use domain::proposal::{ChargeBasis, ProviderId};
use domain::task::Kind;
use serde::Serialize;

use crate::time::Micros;

/// One movement of money, in the transaction of its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoneyOp {
    /// Sets money aside for one attempt, when every limit has room for it. It counts in the day, the week and the month of
    /// the transaction's time, whenever it is settled. Nothing at all always has room.
    Reserve {
        /// The intent.
        intent: IntentId,
        /// The attempt.
        attempt: u32,
        /// Who is to be asked.
        provider: ProviderId,
        /// The agent that pays, where there is one.
        agent: Option<String>,
        /// The most that the attempt can cost.
        amount: MicroDollars,
        /// 1 when the provider is really to be asked, 0 when the record answers or it needs no asking.
        requests: u64,
        /// The most tokens that question and answer can have; they count in the minute of the transaction's time.
        tokens: u64,
        /// When nobody can be waiting for the answer any more: from then on [`crate::Store::expire_leases`] settles what
        /// is still open at its ceiling. Without it, only the intent's own operator settles.
        lease_until: Option<Micros>,
        /// The limits that have to have room.
        limits: Vec<BudgetLimit>,
    },
    /// Records what an attempt cost, also when that is above the reservation. Settling twice changes nothing.
    Settle {
        /// The intent.
        intent: IntentId,
        /// The attempt.
        attempt: u32,
        /// Money owed.
        billed: MicroDollars,
        /// List price of what was free.
        imputed: MicroDollars,
        /// What the amounts are based on.
        basis: ChargeBasis,
    },
    /// Gives back the reservation of an attempt that was never sent. Releasing what is settled or released changes
    /// nothing.
    Release {
        /// The intent.
        intent: IntentId,
        /// The attempt.
        attempt: u32,
    },
}

impl MoneyOp {
    /// Whose money moves.
    pub fn intent(&self) -> &IntentId {
        match self {
            Self::Reserve { intent, .. } | Self::Settle { intent, .. } | Self::Release { intent, .. } => {
                intent
            }
        }
    }

    /// For which attempt.
    pub fn attempt(&self) -> u32 {
        match self {
            Self::Reserve { attempt, .. } | Self::Settle { attempt, .. } | Self::Release { attempt, .. } => {
                *attempt
            }
        }
    }

    /// Whether the event tells of exactly this movement.
    pub(crate) fn fits(&self, event: &Event) -> bool {
        match (self, event) {
            (Self::Reserve { attempt, amount, .. }, Event::Reserved { attempt: a, amount: m }) => {
                (attempt, amount) == (a, m)
            }
            (Self::Settle { attempt, billed, imputed, basis, .. }, Event::Settled { attempt: a, charge }) => {
                attempt == a && (*billed, *imputed, *basis) == (charge.billed, charge.imputed, charge.basis)
            }
            _ => false,
        }
    }
}

/// Money that is set aside and neither settled nor released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reservation {
    /// The intent.
    pub intent: IntentId,
    /// The attempt.
    pub attempt: u32,
    /// Who was to be asked.
    pub provider: ProviderId,
    /// The agent that pays.
    pub agent: Option<String>,
    /// How much.
    pub amount: MicroDollars,
    /// Since when.
    pub at: Micros,
    /// Until when somebody may be waiting for the answer.
    pub lease_until: Option<Micros>,
}

/// A stretch of time, from its first moment to just before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first moment.
    pub from: Micros,
    /// The first moment after it.
    pub until: Micros,
}

impl Period {
    /// All times.
    pub const ALL: Self = Self { from: Micros(i64::MIN), until: Micros(i64::MAX) };
}

/// What one provider cost on one day, for one agent and one kind of task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsageLine {
    /// The day in UTC, `2026-11-21`.
    pub day: String,
    /// The provider.
    pub provider: ProviderId,
    /// The agent that pays; `None` for people.
    pub agent: Option<String>,
    /// The kind of task.
    pub kind: Kind,
    /// How often it was to be asked.
    pub attempts: u64,
    /// How often it was really asked, and not answered from the record.
    pub requests: u64,
    /// Money owed.
    pub billed: MicroDollars,
    /// List price of what was free.
    pub imputed: MicroDollars,
    /// Money still set aside.
    pub reserved: MicroDollars,
    /// Tokens of requests, as reported.
    pub prompt_tokens: u64,
    /// Tokens of answers, as reported.
    pub completion_tokens: u64,
}
