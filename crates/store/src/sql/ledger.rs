//! The ledger's rows. A reservation is one conditional statement: the sums and the insertion cannot come apart.

use domain::event::Event;
use domain::ids::IntentId;
use domain::money::MicroDollars;
use domain::proposal::ProviderId;

use super::conn::{Db, Query, Row, built, query};
use super::registry::parsed;
use super::{exchanges, statements};
use crate::append::Append;
use crate::error::{AppendError, Fault, Stop};
use crate::ledger::{BudgetLimit, MoneyOp, Period, Reservation, Scope, UsageLine, Window};
use crate::time::Micros;

/// What a reservation is made of.
struct Asked<'a> {
    intent: &'a IntentId,
    attempt: u32,
    provider: &'a ProviderId,
    agent: Option<&'a str>,
    amount: MicroDollars,
    at: Micros,
}

/// Moves the money of these events, and counts the tokens that they tell of.
pub(super) async fn write(db: &mut Db<'_>, entry: &Append<'_>) -> Result<(), Stop> {
    for op in &entry.money {
        match op {
            MoneyOp::Reserve { intent, attempt, provider, agent, amount, limits } => {
                let agent = agent.as_deref();
                let asked =
                    Asked { intent, attempt: *attempt, provider, agent, amount: *amount, at: entry.at };
                reserve(db, &asked, limits).await?;
            }
            MoneyOp::Settle { intent, attempt, billed, imputed, basis } => {
                let basis = exchanges::word(basis)?;
                let settle = query(statements::SETTLE).bind(intent.as_str()).bind(i64::from(*attempt));
                let settle = settle.bind(number(*billed)).bind(number(*imputed)).bind(basis);
                let changed = settle.execute(db).await?;
                expect_reservation(db, intent, *attempt, changed).await?;
            }
            MoneyOp::Release { intent, attempt } => {
                let release = query(statements::RELEASE).bind(intent.as_str()).bind(i64::from(*attempt));
                let changed = release.execute(db).await?;
                expect_reservation(db, intent, *attempt, changed).await?;
            }
        }
    }
    count_tokens(db, entry).await
}

/// Doing it twice changes no row; having no row at all is an error.
async fn expect_reservation(
    db: &mut Db<'_>,
    intent: &IntentId,
    attempt: u32,
    changed: u64,
) -> Result<(), Stop> {
    if changed > 0 || is_reserved(db, intent, attempt).await? {
        return Ok(());
    }
    Err(AppendError::NoReservation { intent: intent.clone(), attempt }.into())
}

async fn is_reserved(db: &mut Db<'_>, intent: &IntentId, attempt: u32) -> Result<bool, Fault> {
    let rows = query(statements::IS_RESERVED).bind(intent.as_str()).bind(i64::from(attempt));
    Ok(rows.number(db).await? > 0)
}

async fn reserve(db: &mut Db<'_>, asked: &Asked<'_>, limits: &[BudgetLimit]) -> Result<(), Stop> {
    // What costs nothing needs no room, not even in a budget that was lowered below what is spent.
    let limits = if asked.amount == MicroDollars::ZERO { &[] } else { limits };
    let mut text = statements::RESERVE.to_owned();
    for (number, limit) in (PLACES + 1..).zip(limits) {
        text += &format!(" AND {} + $8 <= ${number}", used(limit, number + limits.len()));
    }
    let mut reserve = bind_row(built(text + statements::UNLESS_RESERVED), asked);
    for limit in limits {
        reserve = reserve.bind(number(limit.limit));
    }
    for limit in limits {
        reserve = reserve.bind(agent_of(limit));
    }
    if reserve.execute(db).await? == 1 {
        return Ok(());
    }
    Err(why_not(db, asked, limits).await?)
}

/// How many places the row takes in the statement.
const PLACES: usize = 8;

fn bind_row<'q>(reserve: Query<'q>, asked: &Asked<'q>) -> Query<'q> {
    let reserve =
        reserve.bind(asked.intent.as_str()).bind(i64::from(asked.attempt)).bind(asked.provider.as_str());
    let reserve = reserve.bind(asked.agent).bind(asked.at.0).bind(asked.at.day()).bind(asked.at.month());
    reserve.bind(number(asked.amount))
}

/// What is spent and set aside under a limit, as a scalar of the statement that [`bind_row`] fills; `$place` is the
/// limit's agent.
fn used(limit: &BudgetLimit, place: usize) -> String {
    let window = match limit.window {
        Window::Change => "intent = $1",
        Window::Day => "month = $7 AND day = $6",
        Window::Month => "month = $7",
    };
    let scope = match &limit.scope {
        Scope::Global => format!("${place} = ''"),
        Scope::Agent(_) => format!("agent = ${place}"),
        Scope::Intent => format!("intent = $1 AND ${place} = ''"),
    };
    format!("(SELECT CAST(COALESCE(SUM(counted), 0) AS BIGINT) FROM ledger WHERE {window} AND {scope})")
}

fn agent_of(limit: &BudgetLimit) -> &str {
    match &limit.scope {
        Scope::Agent(name) => name,
        Scope::Global | Scope::Intent => "",
    }
}

/// Which limit had no room: still inside the transaction, so that the numbers are those that refused.
async fn why_not(db: &mut Db<'_>, asked: &Asked<'_>, limits: &[BudgetLimit]) -> Result<Stop, Stop> {
    let (intent, attempt) = (asked.intent.clone(), asked.attempt);
    if is_reserved(db, &intent, attempt).await? {
        return Ok(AppendError::AlreadyReserved { intent, attempt }.into());
    }
    for limit in limits {
        // The places that this limit has no use for are named all the same: each is bound, and has to have a type.
        let text = format!(
            "SELECT {} WHERE $2 = $2 AND $3 = $3 AND ($4 = $4 OR $4 IS NULL) AND $5 = $5 AND $1 = $1 AND $6 = $6 \
             AND $7 = $7 AND $8 = $8",
            used(limit, PLACES + 1)
        );
        let used = money(bind_row(built(text), asked).bind(agent_of(limit)).number(db).await?);
        if used.plus(asked.amount) > limit.limit {
            let (window, scope, limit) = (limit.window, limit.scope.clone(), limit.limit);
            return Ok(AppendError::OverBudget { window, scope, limit, used, asked: asked.amount }.into());
        }
    }
    let what = "a reservation was refused and no limit says why".to_owned();
    Ok(AppendError::Contradiction { intent, what }.into())
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
        attempts: count("attempts")?,
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
