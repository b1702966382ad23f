//! The registry's rows: writing them with the version check, finding and listing.

use std::fmt::Display;
use std::str::FromStr;

use domain::confidence::Confidence;
use domain::ids::{IntentId, SuggestionId};
use domain::money::MicroDollars;
use domain::proposal::ProviderId;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::journal::Tail;
use super::statements;
use crate::append::Append;
use crate::columns::{Span, Value, columns_of, reversed};
use crate::error::{AppendError, Fault, Stop};
use crate::list::{Filter, Found, Life, Page, Row};
use crate::time::Micros;

/// How many candidates an ambiguous ending names.
const NAMED: i64 = 6;
/// The shortest ending that is looked up.
const SHORTEST: usize = 4;

/// Writes the row of the state after the events, when the intent is at the expected version and no other live intent
/// stands for its finding.
pub(super) async fn put(conn: &mut SqliteConnection, entry: &Append<'_>, tail: &Tail) -> Result<(), Stop> {
    let found = tail.version.unsigned_abs();
    if found != entry.expected_version {
        let (intent, expected) = (entry.intent.clone(), entry.expected_version);
        return Err(AppendError::Conflict { intent, expected, found }.into());
    }
    refuse_duplicate(conn, entry).await?;
    let span = Span {
        first_seq: tail.first_seq.unwrap_or(tail.seq + 1),
        last_seq: tail.seq + entry.events.len() as i64,
        created_at: tail.created_at.unwrap_or(entry.at.0),
        updated_at: entry.at.0,
    };
    let mut query = sqlx::query(statements::PUT_INTENT);
    for column in columns_of(entry.after, span) {
        query = match column.value {
            Value::Number(number) => query.bind(number),
            Value::Text(text) => query.bind(text),
            Value::Null => query.bind(None::<String>),
        };
    }
    query.bind(tail.version).execute(&mut *conn).await?;
    put_suggestions(conn, entry).await
}

async fn refuse_duplicate(conn: &mut SqliteConnection, entry: &Append<'_>) -> Result<(), Stop> {
    let after = entry.after;
    let Some(finding) = after.task.finding.as_ref().filter(|_| after.phase.is_live()) else { return Ok(()) };
    match live_for(conn, &after.repository, finding.fingerprint.as_str(), Some(entry.intent)).await? {
        Some(existing) => Err(AppendError::Duplicate { existing }.into()),
        None => Ok(()),
    }
}

async fn put_suggestions(conn: &mut SqliteConnection, entry: &Append<'_>) -> Result<(), Stop> {
    for event in entry.events {
        if let domain::event::Event::ProposalAsked { attempt, suggestion, .. } = event {
            let query = sqlx::query(statements::ADD_SUGGESTION).bind(suggestion.as_str());
            query.bind(entry.intent.as_str()).bind(i64::from(*attempt)).execute(&mut *conn).await?;
        }
    }
    Ok(())
}

/// The live intent, other than `but`, that stands for a finding.
pub(super) async fn live_for(
    conn: &mut SqliteConnection,
    repository: &str,
    fingerprint: &str,
    but: Option<&IntentId>,
) -> Result<Option<IntentId>, Fault> {
    let query = sqlx::query_scalar(statements::LIVE_FOR_FINDING).bind(repository).bind(fingerprint);
    let id: Option<String> = query.bind(but.map_or("", IntentId::as_str)).fetch_optional(conn).await?;
    id.map(|id| parsed(&id)).transpose()
}

/// Finds by the end of the id, by the id of any answer, or by the word `last`.
pub(super) async fn find(conn: &mut SqliteConnection, text: &str) -> Result<Found, Fault> {
    let text = text.trim().to_ascii_lowercase();
    if text == "last" {
        let id: Option<String> = sqlx::query_scalar(statements::LAST_INTENT).fetch_optional(conn).await?;
        return found(&id.into_iter().collect::<Vec<_>>());
    }
    if text.len() < SHORTEST || !text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
        return Ok(Found::Nothing);
    }
    let from = reversed(&text);
    // The letter after `f`: above every id that begins so.
    let until = format!("{from}g");
    let query = sqlx::query_scalar(statements::INTENTS_BY_ENDING).bind(&from).bind(&until).bind(NAMED);
    let ids: Vec<String> = query.fetch_all(&mut *conn).await?;
    if !ids.is_empty() {
        return found(&ids);
    }
    let id: Option<String> =
        sqlx::query_scalar(statements::INTENT_OF_SUGGESTION).bind(&text).fetch_optional(conn).await?;
    found(&id.into_iter().collect::<Vec<_>>())
}

fn found(ids: &[String]) -> Result<Found, Fault> {
    match ids {
        [] => Ok(Found::Nothing),
        [one] => Ok(Found::One(parsed(one)?)),
        several => Ok(Found::Ambiguous(several.iter().map(|id| parsed(id)).collect::<Result<_, _>>()?)),
    }
}

pub(super) async fn list(
    conn: &mut SqliteConnection,
    filter: &Filter,
    page: Page,
) -> Result<Vec<Row>, Fault> {
    let is = |life| (filter.life == Some(life)).then_some(1_i64);
    let before = page.before.map_or(i64::MAX, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
    let query = sqlx::query(statements::LIST).bind(&filter.status).bind(&filter.phase);
    let query = query.bind(filter.kind.map(|k| k.as_str())).bind(&filter.file).bind(&filter.rule);
    let query = query.bind(filter.suggestion.as_ref().map(SuggestionId::as_str)).bind(&filter.repository);
    let query =
        query.bind(is(Life::Live)).bind(is(Life::Unfinished)).bind(before).bind(i64::from(page.limit));
    query.fetch_all(conn).await?.iter().map(row).collect()
}

fn row(row: &SqliteRow) -> Result<Row, Fault> {
    let text = |name: &str| row.try_get::<String, _>(name);
    let maybe = |name: &str| row.try_get::<Option<String>, _>(name);
    let number = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
    let count = |name: &str| row.try_get::<Option<i64>, _>(name).map(|n| n.map(i64::unsigned_abs));
    Ok(Row {
        id: parsed(&text("id")?)?,
        seq: number("first_seq")?,
        version: number("version")?,
        at: Micros(row.try_get("created_at")?),
        updated: Micros(row.try_get("updated_at")?),
        status: text("status")?,
        phase: text("phase")?,
        kind: parsed(&text("kind")?)?,
        title: text("title")?,
        repository: text("repository")?,
        file: maybe("file")?,
        rule: maybe("rule")?,
        provider: maybe("provider")?.map(ProviderId::new),
        suggestion: maybe("suggestion")?.map(|id| parsed(&id)).transpose()?,
        branch: maybe("branch")?,
        billed: MicroDollars::from_micros(number("billed")?),
        files: count("files")?,
        added: count("added")?,
        deleted: count("deleted")?,
        confidence: count("confidence")?.map(confidence).transpose()?,
    })
}

fn confidence(millionths: u64) -> Result<Confidence, Fault> {
    Confidence::new(millionths as f64 / 1e6).map_err(|e| Fault::Damaged(format!("in the registry: {e}")))
}

/// A stored text as the type that it was written from.
pub(super) fn parsed<T>(text: &str) -> Result<T, Fault>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse().map_err(|e: T::Err| Fault::Damaged(format!("in the registry: {e}")))
}
