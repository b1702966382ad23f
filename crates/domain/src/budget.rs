//! Budgets: what is limited, for whom, and over which stretch. The values and their words; counting is the store's.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::money::MicroDollars;

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Micro-dollars that were billed or are set aside.
    Money,
    /// Questions put to providers that are not answered from the record.
    Requests,
    /// Tokens that those questions and their answers can have at most.
    Tokens,
    /// Branches that are published and not taken back.
    OpenPullRequests,
}

/// The stretch over which a limit counts. All of them are those of UTC; weeks begin on Monday. The whole allowance of a
/// stretch may be used at its first moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// All attempts of the intent.
    Change,
    /// The minute of the reservation.
    Minute,
    /// The day of the reservation.
    Day,
    /// The week of the reservation.
    Week,
    /// The month of the reservation.
    Month,
    /// What is so now.
    Now,
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Change => "change",
            Self::Minute => "minute",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Now => "moment",
        })
    }
}

/// Whose spending a limit counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Everybody's.
    Global,
    /// This agent's.
    Agent(String),
    /// The intent's own.
    Intent,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("everybody"),
            Self::Agent(name) => write!(f, "agent {name}"),
            Self::Intent => f.write_str("this change"),
        }
    }
}

/// A limit on what may be spent or set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetLimit {
    /// Of what.
    pub measure: Measure,
    /// In which stretch.
    pub window: Window,
    /// By whom.
    pub scope: Scope,
    /// At most this much, open reservations included; money in micro-dollars.
    pub limit: u64,
}

impl BudgetLimit {
    /// A limit on money.
    pub fn money(window: Window, scope: Scope, limit: MicroDollars) -> Self {
        Self { measure: Measure::Money, window, scope, limit: limit.micros() }
    }

    /// A limit on something that is counted.
    pub fn count(measure: Measure, window: Window, scope: Scope, limit: u64) -> Self {
        Self { measure, window, scope, limit }
    }
}

/// A budget has no room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OverBudget {
    /// The limit that has none.
    pub limit: BudgetLimit,
    /// Spent and set aside so far.
    pub used: u64,
    /// What was asked for.
    pub asked: u64,
    /// In how many seconds the stretch is over; `None` where waiting does not help.
    pub retry_after: Option<u64>,
}

impl fmt::Display for OverBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BudgetLimit { measure, window, scope, limit } = &self.limit;
        let dollars = MicroDollars::from_micros;
        match measure {
            Measure::Money => write!(
                f,
                "over budget: {} asked, {} of {} used ({scope}, per {window})",
                dollars(self.asked),
                dollars(self.used),
                dollars(*limit)
            ),
            Measure::Requests => write!(f, "{} of {limit} requests used ({scope}, per {window})", self.used),
            Measure::Tokens => write!(
                f,
                "up to {} tokens asked, {} of {limit} used ({scope}, per {window})",
                self.asked, self.used
            ),
            Measure::OpenPullRequests => {
                write!(f, "{} of {limit} open pull requests ({scope})", self.used)
            }
        }?;
        match self.retry_after {
            Some(seconds) if *window == Window::Minute => write!(f, "; try again in {seconds} s"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_was_asked_and_what_there_was() {
        let limit = BudgetLimit::money(
            Window::Month,
            Scope::Agent("ada".to_owned()),
            MicroDollars::from_micros(20_000_000),
        );
        let over = OverBudget { limit, used: 19_990_000, asked: 20_000, retry_after: Some(86_400) };
        assert_eq!(
            over.to_string(),
            "over budget: $0.02 asked, $19.99 of $20.00 used (agent ada, per month)"
        );
        let limit = BudgetLimit::count(Measure::Requests, Window::Minute, Scope::Global, 30);
        let over = OverBudget { limit, used: 30, asked: 1, retry_after: Some(12) };
        assert_eq!(over.to_string(), "30 of 30 requests used (everybody, per minute); try again in 12 s");
    }
}
