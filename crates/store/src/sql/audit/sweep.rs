//! The quick pass of the audit: every entry, row, suggestion and reservation is read once, in the order of the intents'
//! ids, some hundreds of intents a round, and judged while the next round is read. It proves that they fit and names
//! nothing: whatever does not fit exactly is left to the slow checks beside it, which say what and where.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use domain::event::EVENT_FORMAT;
use domain::ids::Sha256;
use domain::registry::REGISTRY;
use tokio::task::JoinHandle;

use super::{Watch, missing_blobs};
use crate::audit::{Expected, told};
use crate::chain::blobs_in;
use crate::columns::{Column, Value};
use crate::error::Fault;
use crate::sql::conn::{Db, Row, query};
use crate::sql::journal::Entry;
use crate::sql::{statements, tallies};
use crate::tally::{self, Tallies};

/// Intents a round: with their entries, all that is in memory at once, times the rounds under way.
const ROUND: i64 = 256;
/// Rounds that are judged while the next one is read.
const AHEAD: usize = 2;
/// With more odd intents than this, nothing is gained by the quick pass.
const ODD: usize = 10_000;

/// What the ledger's rows add up to: counted money and requests, by agent, day, week and month.
pub(super) type Sums = BTreeMap<[Option<String>; 4], [i64; 2]>;

/// What was swept.
#[derive(Debug, Default)]
pub(super) struct Swept {
    /// Whole entries that were read.
    pub(super) entries: i64,
    /// Intents that fit in every table.
    pub(super) intents: u64,
    /// Whether each entry has its hash and a known format, and what was recorded with it is there.
    pub(super) entries_fit: bool,
    /// The intents that do not fit; `None` when there are too many.
    pub(super) odd: Option<Vec<String>>,
    /// `None` when a row could not be read.
    pub(super) sums: Option<Sums>,
    /// What the registry's rows add to the figures; `None` as before.
    pub(super) tallies: Option<Tallies>,
}

/// One round as it was read.
#[derive(Debug)]
struct Round {
    ids: Vec<String>,
    journal: Vec<Row>,
    intents: Vec<Row>,
    suggestions: Vec<Row>,
    ledger: Vec<Row>,
}

/// What is known of a round.
#[derive(Debug, Default)]
struct Judged {
    entries: i64,
    intents: u64,
    entries_fit: bool,
    odd: Vec<String>,
    attached: BTreeSet<String>,
    sums: Option<Sums>,
    tallies: Option<Tallies>,
}

/// Sweeps all tables.
pub(super) async fn run(db: &mut Db<'_>, watch: &mut Watch<'_>) -> Result<Swept, Fault> {
    let mut swept = Swept {
        entries_fit: true,
        odd: Some(Vec::new()),
        sums: Some(Sums::new()),
        tallies: Some(Tallies::new()),
        ..Swept::default()
    };
    let mut under_way: VecDeque<JoinHandle<Judged>> = VecDeque::new();
    let mut after = String::new();
    while let Some(round) = read(db, &after).await? {
        after = round.ids.last().cloned().unwrap_or_default();
        under_way.push_back(tokio::task::spawn_blocking(move || judge(&round)));
        if under_way.len() > AHEAD {
            take(db, under_way.pop_front(), &mut swept).await?;
        }
        watch.saw(swept.entries);
        if swept.odd.is_none() {
            return Ok(swept);
        }
    }
    while let Some(round) = under_way.pop_front() {
        take(db, Some(round), &mut swept).await?;
    }
    Ok(swept)
}

async fn read(db: &mut Db<'_>, after: &str) -> Result<Option<Round>, Fault> {
    let ids: Vec<String> = query(statements::IDS_AFTER).bind(after).bind(ROUND).scalars(db).await?;
    let Some(last) = ids.last().cloned() else { return Ok(None) };
    let between = |text| query(text).bind(after).bind(last.as_str());
    Ok(Some(Round {
        journal: between(statements::ENTRIES_BETWEEN).rows(db).await?,
        intents: between(statements::INTENTS_BETWEEN).rows(db).await?,
        suggestions: between(statements::SUGGESTIONS_BETWEEN).rows(db).await?,
        ledger: between(statements::LEDGER_BETWEEN).rows(db).await?,
        ids,
    }))
}

/// Adds a judged round to what was swept.
async fn take(db: &mut Db<'_>, round: Option<JoinHandle<Judged>>, swept: &mut Swept) -> Result<(), Fault> {
    let Some(round) = round else { return Ok(()) };
    let Ok(judged) = round.await else {
        // A thread that is gone has judged nothing: the slow checks do.
        *swept = Swept::default();
        return Ok(());
    };
    swept.entries += judged.entries;
    swept.intents += judged.intents;
    swept.entries_fit &= judged.entries_fit && missing_blobs(db, &judged.attached).await?.is_empty();
    swept.odd = swept.odd.take().filter(|odd| odd.len() <= ODD).map(|mut odd| {
        odd.extend(judged.odd);
        odd
    });
    swept.sums = swept.sums.take().zip(judged.sums).map(|(mut sums, more)| {
        for (key, [money, requests]) in more {
            let sum = sums.entry(key).or_default();
            *sum = [sum[0].saturating_add(money), sum[1].saturating_add(requests)];
        }
        sums
    });
    swept.tallies = swept.tallies.take().zip(judged.tallies).map(|(mut tallies, more)| {
        more.into_iter().for_each(|(name, counts)| tally::add(&mut tallies, name, counts));
        tallies
    });
    Ok(())
}

/// A round with a row that cannot be read is odd as a whole.
fn judge(round: &Round) -> Judged {
    judge_rows(round).unwrap_or_else(|_| Judged { odd: round.ids.clone(), ..Judged::default() })
}

fn judge_rows(round: &Round) -> Result<Judged, sqlx::Error> {
    let entries = round.journal.iter().map(Entry::from_row).collect::<Result<Vec<_>, _>>()?;
    let (intents, suggestions, ledger) =
        (keyed(&round.intents)?, keyed(&round.suggestions)?, keyed(&round.ledger)?);
    let mut judged = Judged {
        entries_fit: true,
        sums: sums(&round.ledger).ok(),
        tallies: tallies::summed_of(round.intents.iter(), round.suggestions.len()).ok(),
        ..Judged::default()
    };
    let (mut entries, mut intents) = (entries.as_slice(), intents.as_slice());
    let (mut suggestions, mut ledger) = (suggestions.as_slice(), ledger.as_slice());
    for id in &round.ids {
        let mine = first(&mut entries, |entry| entry.intent == *id);
        let rows = Rows {
            intent: first(&mut intents, |row| row.0 == *id),
            suggestions: first(&mut suggestions, |row| row.0 == *id),
            ledger: first(&mut ledger, |row| row.0 == *id),
        };
        for entry in mine {
            judged.entries += 1;
            judged.entries_fit &=
                entry.format <= i64::from(EVENT_FORMAT) && entry.link().hash().as_str() == entry.hash;
            judged.attached.extend(blobs_in(&entry.attached).map(str::to_owned));
        }
        if id == REGISTRY {
            // Its entries are folded with the budgets; rows of that name are nobody's.
            judged.odd.extend((!rows.are_none()).then(|| id.clone()));
        } else if rows.fit(id, mine).unwrap_or(false) {
            judged.intents += 1;
        } else {
            judged.odd.push(id.clone());
        }
    }
    if !(entries.is_empty() && intents.is_empty() && suggestions.is_empty() && ledger.is_empty()) {
        // Rows between ids that no index knows: the database does not agree with itself.
        judged.odd.clone_from(&round.ids);
        judged.entries_fit = false;
    }
    Ok(judged)
}

/// The rows with the id that each begins with.
fn keyed(rows: &[Row]) -> Result<Vec<(String, &Row)>, sqlx::Error> {
    rows.iter().map(|row| Ok((row.get(0)?, row))).collect()
}

/// Takes away the first elements of which this is true.
fn first<'r, T>(rest: &mut &'r [T], is: impl Fn(&T) -> bool) -> &'r [T] {
    let end = rest.iter().position(|one| !is(one)).unwrap_or(rest.len());
    let (mine, others) = rest.split_at(end);
    *rest = others;
    mine
}

/// What lies beside the journal for one intent.
struct Rows<'r> {
    intent: &'r [(String, &'r Row)],
    suggestions: &'r [(String, &'r Row)],
    ledger: &'r [(String, &'r Row)],
}

impl Rows<'_> {
    fn are_none(&self) -> bool {
        self.intent.is_empty() && self.suggestions.is_empty() && self.ledger.is_empty()
    }

    /// Whether the entries make a story, and every row is as the story tells.
    fn fit(&self, id: &str, entries: &[Entry]) -> Result<bool, sqlx::Error> {
        let Ok(Some(expected)) = told(id, entries) else { return Ok(false) };
        let [(_, row)] = self.intent else { return Ok(false) };
        let mut places = expected.columns.iter().enumerate();
        Ok(all(&mut places, |(place, column)| holds(row, place, &column.value))?
            && self.suggestions_fit(&expected)?
            && self.ledger_fits(&expected)?)
    }

    fn suggestions_fit(&self, expected: &Expected) -> Result<bool, sqlx::Error> {
        let mut pairs = self.suggestions.iter().zip(&expected.suggestions);
        Ok(self.suggestions.len() == expected.suggestions.len()
            && all(&mut pairs, |((_, row), (suggestion, attempt))| {
                Ok(row.get::<String>(1)? == *suggestion && row.get::<i64>(2)? == *attempt)
            })?)
    }

    /// Attempts are keys, so as many rows as attempts, each of an attempt, are all of them.
    fn ledger_fits(&self, expected: &Expected) -> Result<bool, sqlx::Error> {
        let mut rows = self.ledger.iter();
        Ok(self.ledger.len() == expected.money.len()
            && all(&mut rows, |(_, row)| {
                let attempt = u32::try_from(row.get::<i64>("attempt")?);
                let Some(money) = attempt.ok().and_then(|n| expected.money.get(&n)) else { return Ok(false) };
                let state: String = row.get("state")?;
                let lease: Option<i64> = row.get("lease_until")?;
                let mut columns = expected.ledger_row(money, Some(&state)).into_iter();
                Ok(lease.is_none_or(|until| row.get::<i64>("at").is_ok_and(|at| until >= at))
                    && all(&mut columns, |Column { name, value }| holds(row, name, &value))?)
            })?)
    }
}

/// Whether all of them are true; the first that cannot be told ends it.
fn all<T>(
    of: &mut impl Iterator<Item = T>,
    mut is: impl FnMut(T) -> Result<bool, sqlx::Error>,
) -> Result<bool, sqlx::Error> {
    for one in of {
        if !is(one)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a column holds exactly this, in its type too.
fn holds<I>(row: &Row, place: I, value: &Value) -> Result<bool, sqlx::Error>
where
    I: sqlx::ColumnIndex<sqlx::sqlite::SqliteRow> + sqlx::ColumnIndex<sqlx::postgres::PgRow>,
{
    Ok(match value {
        Value::Number(number) => row.get::<Option<i64>>(place)? == *number,
        Value::Text(text) => row.get::<Option<String>>(place)? == *text,
    })
}

fn sums(ledger: &[Row]) -> Result<Sums, sqlx::Error> {
    let mut sums = Sums::new();
    for row in ledger {
        let key = [row.get("agent")?, row.get("day")?, row.get("week")?, row.get("month")?];
        let sum = sums.entry(key).or_default();
        *sum = [sum[0].saturating_add(row.get("counted")?), sum[1].saturating_add(row.get("requests")?)];
    }
    Ok(sums)
}

/// The chain of hashes by the database's own comparison, and its end.
#[derive(Debug)]
pub(super) struct Chain {
    /// How many entries.
    pub(super) entries: i64,
    /// How many have a time before that of the one before.
    pub(super) back: i64,
    /// Whether the numbers have no gap and each entry goes on from the one before.
    pub(super) holds: bool,
}

/// Asks the database for the whole chain at once; the hashes themselves are worked out in [`run`].
pub(super) async fn chain(db: &mut Db<'_>, genesis: &Sha256) -> Result<Chain, Fault> {
    let row = query(statements::CHAIN).bind(genesis.as_str()).row(db).await?;
    let row = row.ok_or_else(|| Fault::Damaged("a count gives no row".to_owned()))?;
    let number = |name: &str| row.get::<i64>(name);
    let (entries, first, last) = (number("entries")?, number("first")?, number("last")?);
    let holds = first == 1 && last == entries && number("broken")? == 0;
    Ok(Chain { entries, back: number("back")?, holds })
}
