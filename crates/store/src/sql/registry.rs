//! The registry's rows: finding and listing. They are written in `batch.rs`.

use std::fmt::Display;
use std::str::FromStr;

use domain::confidence::Confidence;
use domain::ids::{IntentId, SuggestionId};
use domain::money::MicroDollars;
use domain::proposal::ProviderId;

use super::conn::{self, Bound, Db, Seen, query};
use super::statements;
use crate::append::Append;
use crate::columns::{Column, Value, reversed};
use crate::error::{AppendError, Fault};
use crate::list::{Filter, Found, Life, Page, Row};
use crate::time::Micros;

/// How many candidates an ambiguous ending names.
const NAMED: i64 = 6;
/// The shortest ending that is looked up.
const SHORTEST: usize = 4;

/// PostgreSQL keeps no text with a zero byte; neither database is given one.
pub(super) fn refuse_nul(columns: &[Column<'_>], entry: &Append<'_>) -> Result<(), AppendError> {
    let has_nul = |c: &&Column<'_>| matches!(&c.value, Value::Text(Some(text)) if text.contains('\0'));
    match columns.iter().find(has_nul) {
        None => Ok(()),
        Some(column) => {
            let what = format!("its {} has a zero byte", column.name);
            Err(AppendError::Contradiction { intent: entry.intent.clone(), what })
        }
    }
}

/// The live intent that stands for a finding.
pub(super) async fn live_for(
    db: &mut Db<'_>,
    repository: &str,
    fingerprint: &str,
) -> Result<Option<IntentId>, Fault> {
    let live = query(statements::LIVE_FOR_FINDING).bind(repository).bind(fingerprint);
    let id: Option<String> = live.scalar(db).await?;
    id.map(|id| parsed(&id)).transpose()
}

/// Finds by the end of the id, by the id of any answer, or by the word `last`.
pub(super) async fn find(db: &mut Db<'_>, text: &str) -> Result<Found, Fault> {
    let text = text.trim().to_ascii_lowercase();
    if text == "last" {
        let id: Option<String> = query(statements::LAST_INTENT).scalar(db).await?;
        return found(&id.into_iter().collect::<Vec<_>>());
    }
    if text.len() < SHORTEST || !text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
        return Ok(Found::Nothing);
    }
    let from = reversed(&text);
    // The letter after `f`: above every id that begins so.
    let until = format!("{from}g");
    let by_ending = query(statements::INTENTS_BY_ENDING).bind(from.as_str()).bind(until.as_str()).bind(NAMED);
    let ids: Vec<String> = by_ending.scalars(db).await?;
    if !ids.is_empty() {
        return found(&ids);
    }
    let id: Option<String> = query(statements::INTENT_OF_SUGGESTION).bind(text.as_str()).scalar(db).await?;
    found(&id.into_iter().collect::<Vec<_>>())
}

fn found(ids: &[String]) -> Result<Found, Fault> {
    match ids {
        [] => Ok(Found::Nothing),
        [one] => Ok(Found::One(parsed(one)?)),
        several => Ok(Found::Ambiguous(several.iter().map(|id| parsed(id)).collect::<Result<_, _>>()?)),
    }
}

/// A page of the intents that pass the filter. The statement has only the conditions that are asked for, so that each
/// finds its index.
pub(super) async fn list(db: &mut Db<'_>, filter: &Filter, page: Page) -> Result<Vec<Row>, Fault> {
    let before = page.before.map_or(i64::MAX, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
    let by_time = filter.since.is_some() || filter.until.is_some();
    let (text, values) = listing(filter, by_time, matches!(db, Db::Sqlite(_)));
    let mut query = conn::built(text).bind(before).bind(i64::from(page.limit));
    if by_time {
        query = query.bind(filter.until.map_or(i64::MAX, |until| until.0));
    }
    for value in values {
        query = query.bind(value);
    }
    query.each(db, row).await
}

/// The statement of a list, and the values of the filter's conditions.
pub(super) fn listing(filter: &Filter, by_time: bool, is_sqlite: bool) -> (String, Vec<Bound<'_>>) {
    let (mut text, order) = match by_time {
        false => (statements::LIST.to_owned(), statements::NEWEST_FIRST),
        true => (statements::LIST_BY_TIME.to_owned(), statements::LATEST_FIRST),
    };
    // SQLite has no statistics here and does not know that of a file there are few: a term with a plus looks for no index.
    let file_leads = is_sqlite && !by_time && filter.file.is_some() && filter.suggestion.is_none();
    let mut values = Vec::new();
    for (number, (condition, value)) in (if by_time { 4 } else { 3 }..).zip(conditions(filter)) {
        let plus = if file_leads && !condition.starts_with("file") { "+" } else { "" };
        text += &format!(" AND {plus}{condition}").replace("$n", &format!("${number}"));
        values.push(value);
    }
    // A partial index wants its condition as it stands in the index.
    text += match filter.life {
        Some(Life::Live) => " AND live = 1",
        Some(Life::Unfinished) => " AND unfinished = 1",
        None => "",
    };
    (text + order, values)
}

/// One intent's row.
pub(super) async fn one(db: &mut Db<'_>, intent: &IntentId) -> Result<Option<Row>, Fault> {
    Ok(query(statements::INTENT).bind(intent.as_str()).each(db, row).await?.pop())
}

/// What has to hold, and the value that stands for `$n` there.
fn conditions(filter: &Filter) -> Vec<(&'static str, Bound<'_>)> {
    fn text<'q>(condition: &'static str, value: Option<&'q str>) -> Option<(&'static str, Bound<'q>)> {
        value.map(|value| (condition, value.into()))
    }
    fn time<'q>(condition: &'static str, value: Option<Micros>) -> Option<(&'static str, Bound<'q>)> {
        value.map(|at| (condition, at.0.into()))
    }
    let suggestion = filter.suggestion.as_ref().map(SuggestionId::as_str);
    let all = [
        text("status = $n", filter.status.as_deref()),
        text("phase = $n", filter.phase.as_deref()),
        text("kind = $n", filter.kind.map(|k| k.as_str())),
        text("file = $n", filter.file.as_deref()),
        text("rule = $n", filter.rule.as_deref()),
        text("id = (SELECT intent FROM suggestions WHERE suggestion = $n)", suggestion),
        text("repository = $n", filter.repository.as_deref()),
        text("agent = $n", filter.agent.as_ref().map(|a| a.as_str())),
        time("created_at >= $n", filter.since),
        time("created_at < $n", filter.until),
    ];
    all.into_iter().flatten().collect()
}

/// From the columns of `statements::LIST`, in their order.
fn row(row: &Seen<'_>) -> Result<Row, Fault> {
    let text = |place| row.get::<String>(place);
    let maybe = |place| row.get::<Option<String>>(place);
    let number = |place| row.get::<i64>(place).map(i64::unsigned_abs);
    let count = |place| row.get::<Option<i64>>(place).map(|n| n.map(i64::unsigned_abs));
    Ok(Row {
        id: parsed(row.text(0)?)?,
        seq: number(1)?,
        version: number(2)?,
        at: Micros(row.get(3)?),
        updated: Micros(row.get(4)?),
        status: text(5)?,
        phase: text(6)?,
        kind: parsed(row.text(7)?)?,
        title: text(8)?,
        repository: text(9)?,
        agent: maybe(10)?.map(|name| parsed(&name)).transpose()?,
        file: maybe(11)?,
        rule: maybe(12)?,
        provider: maybe(13)?.map(ProviderId::new),
        suggestion: maybe(14)?.map(|id| parsed(&id)).transpose()?,
        branch: maybe(15)?,
        billed: MicroDollars::from_micros(number(16)?),
        files: count(17)?,
        added: count(18)?,
        deleted: count(19)?,
        confidence: count(20)?.map(confidence).transpose()?,
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
