//! Money and tokens: reserved, settled, released. The values; the statements are in `sql/ledger.rs`.

use domain::event::Event;
use domain::ids::IntentId;
use domain::money::MicroDollars;
use domain::proposal::{ChargeBasis, ProviderId};
use serde::{Deserialize, Serialize};

use crate::time::Micros;

/// One movement of money, in the transaction of its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoneyOp {
    /// Sets money aside for one attempt, when every limit has room for it. It counts in the day and the month of the
    /// transaction's time, whenever it is settled. An amount of zero always has room.
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

/// A limit on what may be spent or set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetLimit {
    /// In which stretch.
    pub window: Window,
    /// By whom.
    pub scope: Scope,
    /// At most this much, open reservations included.
    pub limit: MicroDollars,
}

/// The stretch over which a limit counts. Days and months are those of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// All attempts of the intent.
    Change,
    /// The day of the reservation.
    Day,
    /// The month of the reservation.
    Month,
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Change => "change",
            Self::Day => "day",
            Self::Month => "month",
        })
    }
}

/// Whose spending a limit counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Everybody's.
    Global,
    /// This agent's.
    Agent(String),
    /// The intent's own.
    Intent,
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Global => f.write_str("everybody"),
            Self::Agent(name) => write!(f, "agent {name}"),
            Self::Intent => f.write_str("this change"),
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

/// What one provider cost on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsageLine {
    /// The day in UTC, `2026-11-21`.
    pub day: String,
    /// The provider.
    pub provider: ProviderId,
    /// How often it was to be asked.
    pub attempts: u64,
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
