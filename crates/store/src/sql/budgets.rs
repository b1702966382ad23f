//! The counters that limits are held against: one row a scope and stretch. Taking from a row is one conditional write, and
//! the rows of a reservation are taken in the order of their keys, whoever takes them.

use domain::agent::AgentName;
use domain::budget::{BudgetLimit, Measure, OverBudget, Scope, Window};
use domain::money::MicroDollars;
use domain::registry::RegistryEvent;

use super::conn::{Db, built, query};
use super::statements;
use crate::error::{AppendError, Fault, Stop};
use crate::time::Micros;

/// Rows of minutes are kept this long, in microseconds.
const MINUTES_KEPT: i64 = 3_600_000_000;

/// What a reservation takes from each of its rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) money: u64,
    pub(super) requests: u64,
    pub(super) tokens: u64,
}

impl Taken {
    fn of(self, measure: Measure) -> u64 {
        match measure {
            Measure::Money => self.money,
            Measure::Requests => self.requests,
            Measure::Tokens => self.tokens,
            Measure::OpenPullRequests => 1,
        }
    }

    fn is_nothing(self) -> bool {
        self.money == 0 && self.requests == 0 && self.tokens == 0
    }
}

/// Takes from every row of this agent at this time, when each limit has room. The first row that has none ends it; the
/// transaction is given up then.
pub(super) async fn take(
    db: &mut Db<'_>,
    agent: Option<&str>,
    at: Micros,
    taken: Taken,
    limits: &[BudgetLimit],
) -> Result<(), Stop> {
    if taken.is_nothing() {
        return Ok(());
    }
    for row in rows_of(agent, at) {
        let limit = |measure| limits.iter().find(|l| l.measure == measure && row.is_of(l)).map(|l| l.limit);
        // Also where there is no row yet.
        let fits = |measure| limit(measure).is_none_or(|limit| taken.of(measure) <= limit);
        let all_fit = MEASURES.into_iter().all(fits);
        if !all_fit || !take_row(db, &row, taken, limit).await? {
            return Err(refusal(db, &row, at, taken, limits).await?);
        }
    }
    forget_minutes(db, agent, at).await
}

/// Takes from one row, unless a limit forbids it.
async fn take_row(
    db: &mut Db<'_>,
    row: &BudgetRow,
    taken: Taken,
    limit: impl Fn(Measure) -> Option<u64>,
) -> Result<bool, Fault> {
    let max = |measure| limit(measure).map(column);
    // Only minutes count tokens: nothing else limits them.
    let tokens = if row.window == Window::Minute { taken.tokens } else { 0 };
    let take = query(statements::TAKE).bind(text_of(&row.scope)).bind(row.stretch.as_str());
    let take = take.bind(column(taken.money)).bind(column(taken.requests)).bind(column(tokens));
    let take = take.bind(max(Measure::Money)).bind(max(Measure::Requests)).bind(max(Measure::Tokens));
    Ok(take.execute(db).await? == 1)
}

/// Gives money and requests back to the stretches in which they were taken; negative amounts are taken all the same.
pub(super) async fn give_back(
    db: &mut Db<'_>,
    agent: Option<&str>,
    stretches: &[String],
    money: i64,
    requests: i64,
) -> Result<(), Stop> {
    if money == 0 && requests == 0 {
        return Ok(());
    }
    for scope in scopes_of(agent) {
        for stretch in stretches {
            let row = query(statements::GIVE_BACK).bind(text_of(&scope)).bind(stretch.as_str());
            row.bind(money).bind(requests).execute(db).await?;
        }
    }
    Ok(())
}

/// Requests to a server, which are no requests to a provider: they have rows of their own, for minutes only.
pub(super) async fn take_requests(
    db: &mut Db<'_>,
    agent: &AgentName,
    limit: u32,
    wanted: u32,
    at: Micros,
) -> Result<u32, Fault> {
    let (scope, stretch) = (format!("requests:{agent}"), format!("minute:{}", at.minute()));
    let row = query(statements::COUNTS).bind(scope.as_str()).bind(stretch.as_str()).row(db).await?;
    let used = row.map_or(Ok(0), |row| row.get::<i64>("requests"))?;
    let free = u32::try_from(i64::from(limit) - used).unwrap_or(0);
    let granted = wanted.min(free);
    if granted > 0 {
        let take =
            query(statements::TAKE).bind(scope.as_str()).bind(stretch).bind(0).bind(i64::from(granted));
        take.bind(0).bind(None::<i64>).bind(None::<i64>).bind(None::<i64>).execute(db).await?;
        let until = format!("minute:{}", Micros(at.0.saturating_sub(MINUTES_KEPT)).minute());
        query(statements::FORGET_MINUTES).bind(scope.as_str()).bind(until).execute(db).await?;
    }
    Ok(granted)
}

/// Forgives all that was settled in the stretch; open reservations go on counting. `None` when nothing was counted there.
pub(super) async fn reset(
    db: &mut Db<'_>,
    scope: &Scope,
    window: Window,
    at: Micros,
    by: &str,
) -> Result<Option<RegistryEvent>, Fault> {
    let (Some(open), Some(value)) = (statements::open_in(window), value_of(window, at)) else {
        return Ok(None);
    };
    let (scope_text, stretch) = (text_of(scope), format!("{window}:{value}"));
    let counts = query(statements::COUNTS).bind(scope_text.as_str()).bind(stretch.as_str());
    let Some(row) = counts.row(db).await? else { return Ok(None) };
    let open = built(open).bind(agent_of(scope)).bind(value).number(db).await?;
    let money = row.get::<i64>("money")?.saturating_sub(open);
    let requests = row.get::<i64>("requests")?;
    let forgive = query(statements::FORGIVE).bind(scope_text.as_str()).bind(stretch.as_str());
    forgive.bind(money).bind(requests).execute(db).await?;
    Ok(Some(RegistryEvent::BudgetReset {
        scope: scope_text,
        stretch,
        forgiven: MicroDollars::from_micros(money.unsigned_abs()),
        requests: requests.unsigned_abs(),
        by: by.to_owned(),
    }))
}

/// Whether another branch may be published; looks at what is published now.
pub(super) async fn check_open(
    db: &mut Db<'_>,
    agent: Option<&str>,
    limits: &[BudgetLimit],
) -> Result<(), Stop> {
    for limit in limits.iter().filter(|l| l.measure == Measure::OpenPullRequests) {
        let counted = match &limit.scope {
            Scope::Agent(name) if agent != Some(name) => continue,
            Scope::Agent(name) => query(statements::PUBLISHED_BY).bind(name.as_str()),
            Scope::Global | Scope::Intent => query(statements::PUBLISHED),
        };
        let used = counted.number(db).await?.unsigned_abs();
        if used >= limit.limit {
            let limit = limit.clone();
            return Err(
                AppendError::OverBudget(OverBudget { limit, used, asked: 1, retry_after: None }).into()
            );
        }
    }
    Ok(())
}

const MEASURES: [Measure; 3] = [Measure::Money, Measure::Requests, Measure::Tokens];
/// In the order of their keys.
const WINDOWS: [Window; 4] = [Window::Day, Window::Minute, Window::Month, Window::Week];

/// A row that a reservation takes from.
struct BudgetRow {
    scope: Scope,
    window: Window,
    stretch: String,
}

impl BudgetRow {
    fn is_of(&self, limit: &BudgetLimit) -> bool {
        limit.window == self.window && limit.scope == self.scope
    }
}

/// The rows in the order of their keys.
fn rows_of(agent: Option<&str>, at: Micros) -> Vec<BudgetRow> {
    let mut rows = Vec::new();
    for scope in scopes_of(agent) {
        for window in WINDOWS {
            let Some(value) = value_of(window, at) else { continue };
            rows.push(BudgetRow { scope: scope.clone(), window, stretch: format!("{window}:{value}") });
        }
    }
    rows
}

/// Agents come before everybody, as their texts do.
fn scopes_of(agent: Option<&str>) -> Vec<Scope> {
    agent.map(|name| Scope::Agent(name.to_owned())).into_iter().chain([Scope::Global]).collect()
}

/// The stretches of a reservation that are kept for good.
pub(super) fn lasting(at: Micros) -> Vec<String> {
    let lasting = WINDOWS.into_iter().filter(|w| *w != Window::Minute);
    lasting.filter_map(|w| Some(format!("{w}:{}", value_of(w, at)?))).collect()
}

fn value_of(window: Window, at: Micros) -> Option<String> {
    match window {
        Window::Minute => Some(at.minute()),
        Window::Day => Some(at.day()),
        Window::Week => Some(at.week()),
        Window::Month => Some(at.month()),
        Window::Change | Window::Now => None,
    }
}

fn text_of(scope: &Scope) -> String {
    match scope {
        Scope::Agent(name) => format!("agent:{name}"),
        Scope::Global | Scope::Intent => "global".to_owned(),
    }
}

fn agent_of(scope: &Scope) -> Option<&str> {
    match scope {
        Scope::Agent(name) => Some(name),
        Scope::Global | Scope::Intent => None,
    }
}

/// Which limit of the row had no room: still inside the transaction, so that the numbers are those that refused.
async fn refusal(
    db: &mut Db<'_>,
    row: &BudgetRow,
    at: Micros,
    taken: Taken,
    limits: &[BudgetLimit],
) -> Result<Stop, Fault> {
    let counts = query(statements::COUNTS).bind(text_of(&row.scope)).bind(row.stretch.as_str());
    let counts = counts.row(db).await?;
    for limit in limits.iter().filter(|limit| row.is_of(limit)) {
        let used = match (&counts, limit.measure) {
            (None, _) | (_, Measure::OpenPullRequests) => 0,
            (Some(row), Measure::Money) => row.get::<i64>("money")? - row.get::<i64>("forgiven_money")?,
            (Some(row), Measure::Requests) => {
                row.get::<i64>("requests")? - row.get::<i64>("forgiven_requests")?
            }
            (Some(row), Measure::Tokens) => row.get::<i64>("tokens")?,
        };
        let (used, asked) = (u64::try_from(used).unwrap_or(0), taken.of(limit.measure));
        if asked > 0 && used.saturating_add(asked) > limit.limit {
            let (limit, retry_after) = (limit.clone(), seconds_left(row.window, at));
            return Ok(AppendError::OverBudget(OverBudget { limit, used, asked, retry_after }).into());
        }
    }
    Ok(Fault::Damaged("a budget refused and no limit says why".to_owned()).into())
}

/// How long the stretch lasts from here on. Months and weeks end far from now: nobody waits for them.
fn seconds_left(window: Window, at: Micros) -> Option<u64> {
    let length: i64 = match window {
        Window::Minute => 60,
        Window::Day => 86_400,
        Window::Change | Window::Week | Window::Month | Window::Now => return None,
    };
    Some((length - at.0.div_euclid(1_000_000).rem_euclid(length)).unsigned_abs())
}

/// Minutes that are long over limit nothing any more.
async fn forget_minutes(db: &mut Db<'_>, agent: Option<&str>, at: Micros) -> Result<(), Stop> {
    let until = format!("minute:{}", Micros(at.0.saturating_sub(MINUTES_KEPT)).minute());
    for scope in scopes_of(agent) {
        query(statements::FORGET_MINUTES).bind(text_of(&scope)).bind(until.as_str()).execute(db).await?;
    }
    Ok(())
}

/// A number as a column holds it.
fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
