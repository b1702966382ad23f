//! The ledger's rows. A reservation is one conditional statement: the sums and the insertion cannot come apart.

use domain::event::Event;
use domain::ids::IntentId;
use domain::money::MicroDollars;
use domain::proposal::ProviderId;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Row as _, Sqlite};

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
pub(super) async fn write(conn: &mut SqliteConnection, entry: &Append<'_>) -> Result<(), Stop> {
    for op in &entry.money {
        match op {
            MoneyOp::Reserve { intent, attempt, provider, agent, amount, limits } => {
                let agent = agent.as_deref();
                let asked =
                    Asked { intent, attempt: *attempt, provider, agent, amount: *amount, at: entry.at };
                reserve(conn, &asked, limits).await?;
            }
            MoneyOp::Settle { intent, attempt, billed, imputed, basis } => {
                let basis = exchanges::word(basis)?;
                let query = sqlx::query(statements::SETTLE).bind(intent.as_str()).bind(i64::from(*attempt));
                let query = query.bind(number(*billed)).bind(number(*imputed)).bind(basis);
                let changed = query.execute(&mut *conn).await?.rows_affected();
                expect_reservation(conn, intent, *attempt, changed).await?;
            }
            MoneyOp::Release { intent, attempt } => {
                let query = sqlx::query(statements::RELEASE).bind(intent.as_str()).bind(i64::from(*attempt));
                let changed = query.execute(&mut *conn).await?.rows_affected();
                expect_reservation(conn, intent, *attempt, changed).await?;
            }
        }
    }
    count_tokens(conn, entry).await
}

/// Doing it twice changes no row; having no row at all is an error.
async fn expect_reservation(
    conn: &mut SqliteConnection,
    intent: &IntentId,
    attempt: u32,
    changed: u64,
) -> Result<(), Stop> {
    if changed > 0 || is_reserved(conn, intent, attempt).await? {
        return Ok(());
    }
    Err(AppendError::NoReservation { intent: intent.clone(), attempt }.into())
}

async fn is_reserved(conn: &mut SqliteConnection, intent: &IntentId, attempt: u32) -> Result<bool, Fault> {
    let query = sqlx::query_scalar(statements::IS_RESERVED).bind(intent.as_str()).bind(i64::from(attempt));
    Ok(query.fetch_one(conn).await.map(|rows: i64| rows > 0)?)
}

async fn reserve(conn: &mut SqliteConnection, asked: &Asked<'_>, limits: &[BudgetLimit]) -> Result<(), Stop> {
    // What costs nothing needs no room, not even in a budget that was lowered below what is spent.
    let limits = if asked.amount == MicroDollars::ZERO { &[] } else { limits };
    let mut query = QueryBuilder::<Sqlite>::new(statements::RESERVE);
    push_row(&mut query, asked);
    query.push(" WHERE 1 = 1");
    for limit in limits {
        query.push(" AND ");
        push_used(&mut query, asked, limit);
        query.push(" + ").push_bind(number(asked.amount)).push(" <= ").push_bind(number(limit.limit));
    }
    query.push(statements::UNLESS_RESERVED);
    if query.build().execute(&mut *conn).await?.rows_affected() == 1 {
        return Ok(());
    }
    Err(why_not(conn, asked, limits).await?)
}

fn push_row(query: &mut QueryBuilder<Sqlite>, asked: &Asked<'_>) {
    let amount = number(asked.amount);
    let mut row = query.separated(", ");
    row.push_bind(asked.intent.to_string())
        .push_bind(i64::from(asked.attempt))
        .push_bind(asked.provider.to_string());
    row.push_bind(asked.agent.map(str::to_owned)).push_bind(asked.at.0);
    row.push_bind(asked.at.day()).push_bind(asked.at.month());
    row.push("'open'").push_bind(amount).push_bind(amount).push("0, 0, NULL, 0, 0");
}

/// What is spent and set aside under a limit, as a scalar.
fn push_used(query: &mut QueryBuilder<Sqlite>, asked: &Asked<'_>, limit: &BudgetLimit) {
    query.push("(SELECT COALESCE(SUM(counted), 0) FROM ledger WHERE ");
    match limit.window {
        Window::Change => query.push("intent = ").push_bind(asked.intent.to_string()),
        Window::Day => {
            query.push("month = ").push_bind(asked.at.month()).push(" AND day = ").push_bind(asked.at.day())
        }
        Window::Month => query.push("month = ").push_bind(asked.at.month()),
    };
    match &limit.scope {
        Scope::Global => {}
        Scope::Agent(name) => {
            query.push(" AND agent = ").push_bind(name.clone());
        }
        Scope::Intent => {
            query.push(" AND intent = ").push_bind(asked.intent.to_string());
        }
    }
    query.push(")");
}

/// Which limit had no room: still inside the transaction, so that the numbers are those that refused.
async fn why_not(
    conn: &mut SqliteConnection,
    asked: &Asked<'_>,
    limits: &[BudgetLimit],
) -> Result<Stop, Stop> {
    let (intent, attempt) = (asked.intent.clone(), asked.attempt);
    if is_reserved(conn, &intent, attempt).await? {
        return Ok(AppendError::AlreadyReserved { intent, attempt }.into());
    }
    for limit in limits {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
        push_used(&mut query, asked, limit);
        let used = money(query.build_query_scalar().fetch_one(&mut *conn).await?);
        if used.plus(asked.amount) > limit.limit {
            let (window, scope) = (limit.window, limit.scope.clone());
            return Ok(AppendError::OverBudget {
                window,
                scope,
                limit: limit.limit,
                used,
                asked: asked.amount,
            }
            .into());
        }
    }
    let what = "a reservation was refused and no limit says why".to_owned();
    Ok(AppendError::Contradiction { intent, what }.into())
}

async fn count_tokens(conn: &mut SqliteConnection, entry: &Append<'_>) -> Result<(), Stop> {
    for event in entry.events {
        let Event::ProposalReceived { attempt, proposal } = event else { continue };
        let Some(usage) = proposal.usage else { continue };
        let tokens = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let query =
            sqlx::query(statements::COUNT_TOKENS).bind(entry.intent.as_str()).bind(i64::from(*attempt));
        query.bind(tokens(usage.prompt)).bind(tokens(usage.completion)).execute(&mut *conn).await?;
    }
    Ok(())
}

pub(super) async fn usage(conn: &mut SqliteConnection, period: Period) -> Result<Vec<UsageLine>, Fault> {
    let query = sqlx::query(statements::USAGE).bind(period.from.0).bind(period.until.0);
    query.fetch_all(conn).await?.iter().map(usage_line).collect()
}

fn usage_line(row: &SqliteRow) -> Result<UsageLine, Fault> {
    let count = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
    let sum = |name: &str| row.try_get::<i64, _>(name).map(money);
    Ok(UsageLine {
        day: row.try_get("day")?,
        provider: ProviderId::new(row.try_get::<String, _>("provider")?),
        attempts: count("attempts")?,
        billed: sum("billed")?,
        imputed: sum("imputed")?,
        reserved: sum("reserved")?,
        prompt_tokens: count("prompt_tokens")?,
        completion_tokens: count("completion_tokens")?,
    })
}

pub(super) async fn open(conn: &mut SqliteConnection) -> Result<Vec<Reservation>, Fault> {
    sqlx::query(statements::OPEN).fetch_all(conn).await?.iter().map(reservation).collect()
}

fn reservation(row: &SqliteRow) -> Result<Reservation, Fault> {
    let attempt: i64 = row.try_get("attempt")?;
    let wrong = |_| Fault::Damaged(format!("in the ledger: attempt {attempt}"));
    Ok(Reservation {
        intent: parsed(&row.try_get::<String, _>("intent")?)?,
        attempt: u32::try_from(attempt).map_err(wrong)?,
        provider: ProviderId::new(row.try_get::<String, _>("provider")?),
        agent: row.try_get("agent")?,
        amount: money(row.try_get("amount")?),
        at: Micros(row.try_get("at")?),
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
