//! The ledger's rows. A reservation is taken by conditional writes: the sums and the insertion cannot come apart.

use domain::budget::{BudgetLimit, Measure, OverBudget, Window};
use domain::event::Event;
use domain::ids::IntentId;
use domain::money::MicroDollars;
use domain::proposal::ProviderId;

use super::conn::{Db, Row, query};
use super::registry::parsed;
use super::{budgets, exchanges, statements};
use crate::append::Append;
use crate::error::{AppendError, Fault, Stop};
use crate::ledger::{MoneyOp, Period, Reservation, UsageLine};
use crate::time::Micros;

/// Moves the money of these events, and counts the tokens that they tell of.
pub(super) async fn write(db: &mut Db<'_>, entry: &Append<'_>) -> Result<(), Stop> {
    for op in &entry.money {
        match op {
            MoneyOp::Reserve { .. } => reserve(db, op, entry.at).await?,
            MoneyOp::Settle { intent, attempt, billed, imputed, basis } => {
                let basis = exchanges::word(basis)?;
                let before = row_of(db, intent, *attempt).await?;
                let settle = query(statements::SETTLE).bind(intent.as_str()).bind(i64::from(*attempt));
                let settle = settle.bind(number(*billed)).bind(number(*imputed)).bind(basis);
                if settle.execute(db).await? > 0 {
                    let free = before.counted.saturating_sub(number(*billed));
                    let stretches = budgets::lasting(before.at);
                    budgets::give_back(db, before.agent.as_deref(), &stretches, free, 0).await?;
                }
            }
            MoneyOp::Release { intent, attempt } => {
                let before = row_of(db, intent, *attempt).await?;
                let release = query(statements::RELEASE).bind(intent.as_str()).bind(i64::from(*attempt));
                if release.execute(db).await? > 0 {
                    let (free, requests) = (before.counted, before.requests);
                    let stretches = budgets::lasting(before.at);
                    budgets::give_back(db, before.agent.as_deref(), &stretches, free, requests).await?;
                }
            }
        }
    }
    count_tokens(db, entry).await
}

/// What a row held before it is changed.
struct Before {
    at: Micros,
    agent: Option<String>,
    counted: i64,
    requests: i64,
}

/// Doing it twice changes no row; having no row at all is an error.
async fn row_of(db: &mut Db<'_>, intent: &IntentId, attempt: u32) -> Result<Before, Stop> {
    let row = query(statements::LEDGER_ROW).bind(intent.as_str()).bind(i64::from(attempt)).row(db).await?;
    let Some(row) = row else {
        return Err(AppendError::NoReservation { intent: intent.clone(), attempt }.into());
    };
    Ok(Before {
        at: Micros(row.get("at")?),
        agent: row.get("agent")?,
        counted: row.get("counted")?,
        requests: row.get("requests")?,
    })
}

/// Sets money aside: from the intent's own room by the ledger's row, from everybody else's by the rows of `budgets`. When
/// one of them refuses, the whole transaction is given up.
async fn reserve(db: &mut Db<'_>, op: &MoneyOp, at: Micros) -> Result<(), Stop> {
    let MoneyOp::Reserve { intent, attempt, provider, agent, amount, requests, tokens, lease_until, limits } =
        op
    else {
        return Ok(());
    };
    let own = limits.iter().find(|l| l.measure == Measure::Money && l.window == Window::Change);
    let row =
        query(statements::RESERVE).bind(intent.as_str()).bind(i64::from(*attempt)).bind(provider.as_str());
    let row = row.bind(agent.as_deref()).bind(at.0).bind(at.day()).bind(at.month()).bind(at.week());
    let row = row.bind(number(*amount)).bind(*requests as i64).bind(lease_until.map(|l| l.0));
    let row = row.bind(own.map(|l| number(MicroDollars::from_micros(l.limit))));
    if row.execute(db).await? == 0 {
        return Err(why_not(db, intent, *attempt, *amount, own).await?);
    }
    let taken = budgets::Taken { money: amount.micros(), requests: *requests, tokens: *tokens };
    budgets::check_open(db, agent.as_deref(), limits).await?;
    budgets::take(db, agent.as_deref(), at, taken, limits).await
}

/// Why the ledger took no row.
async fn why_not(
    db: &mut Db<'_>,
    intent: &IntentId,
    attempt: u32,
    amount: MicroDollars,
    own: Option<&BudgetLimit>,
) -> Result<Stop, Stop> {
    let reserved =
        query(statements::LEDGER_ROW).bind(intent.as_str()).bind(i64::from(attempt)).row(db).await?;
    match own {
        Some(limit) if reserved.is_none() => {
            let used =
                query(statements::SPENT_BY_INTENT).bind(intent.as_str()).number(db).await?.unsigned_abs();
            let (limit, asked) = (limit.clone(), amount.micros());
            Ok(AppendError::OverBudget(OverBudget { limit, used, asked, retry_after: None }).into())
        }
        _ => Ok(AppendError::AlreadyReserved { intent: intent.clone(), attempt }.into()),
    }
}

async fn count_tokens(db: &mut Db<'_>, entry: &Append<'_>) -> Result<(), Stop> {
    for event in entry.events {
        let Event::ProposalReceived { attempt, proposal } = event else { continue };
        let Some(usage) = proposal.usage else { continue };
        let tokens = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let count = query(statements::COUNT_TOKENS).bind(entry.intent.as_str()).bind(i64::from(*attempt));
        count.bind(tokens(usage.prompt)).bind(tokens(usage.completion)).execute(db).await?;
    }
    Ok(())
}

pub(super) async fn usage(db: &mut Db<'_>, period: Period) -> Result<Vec<UsageLine>, Fault> {
    let rows = query(statements::USAGE).bind(period.from.0).bind(period.until.0).rows(db).await?;
    rows.iter().map(usage_line).collect()
}

fn usage_line(row: &Row) -> Result<UsageLine, Fault> {
    let count = |name: &str| row.get::<i64>(name).map(i64::unsigned_abs);
    let sum = |name: &str| row.get::<i64>(name).map(money);
    Ok(UsageLine {
        day: row.get("day")?,
        provider: ProviderId::new(row.get::<String>("provider")?),
        agent: row.get("agent")?,
        kind: parsed(&row.get::<String>("kind")?)?,
        attempts: count("attempts")?,
        requests: count("requests")?,
        billed: sum("billed")?,
        imputed: sum("imputed")?,
        reserved: sum("reserved")?,
        prompt_tokens: count("prompt_tokens")?,
        completion_tokens: count("completion_tokens")?,
    })
}

pub(super) async fn open(db: &mut Db<'_>) -> Result<Vec<Reservation>, Fault> {
    query(statements::OPEN).rows(db).await?.iter().map(reservation).collect()
}

/// The open reservations whose lease has run out, the oldest hundred.
pub(super) async fn expired(db: &mut Db<'_>, now: Micros) -> Result<Vec<Reservation>, Fault> {
    query(statements::EXPIRED).bind(now.0).rows(db).await?.iter().map(reservation).collect()
}

fn reservation(row: &Row) -> Result<Reservation, Fault> {
    let attempt: i64 = row.get("attempt")?;
    let wrong = |_| Fault::Damaged(format!("in the ledger: attempt {attempt}"));
    Ok(Reservation {
        intent: parsed(&row.get::<String>("intent")?)?,
        attempt: u32::try_from(attempt).map_err(wrong)?,
        provider: ProviderId::new(row.get::<String>("provider")?),
        agent: row.get("agent")?,
        amount: money(row.get("amount")?),
        at: Micros(row.get("at")?),
        lease_until: row.get::<Option<i64>>("lease_until")?.map(Micros),
    })
}

/// An amount fits a column: it is at most `i64::MAX` by its type.
fn number(amount: MicroDollars) -> i64 {
    i64::try_from(amount.micros()).unwrap_or(i64::MAX)
}

/// A stored amount; a negative one, which nobody wrote, counts as its size and not as a refund.
fn money(micros: i64) -> MicroDollars {
    MicroDollars::from_micros(micros.unsigned_abs())
}
