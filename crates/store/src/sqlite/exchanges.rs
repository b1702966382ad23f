//! Requests and their answers, to be served again.

use domain::ids::Sha256;
use domain::proposal::ProviderId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::journal::parse_hash;
use super::{blobs, statements};
use crate::append::Exchange;
use crate::chain::attached_exchange;
use crate::error::{AppendError, Fault, Stop};
use crate::time::Micros;

/// Records the exchange; a newer answer to the same request takes the place of the older one.
pub(super) async fn put(conn: &mut SqliteConnection, exchange: &Exchange, seq: i64) -> Result<(), Stop> {
    if !blobs::is_known(conn, &exchange.answer).await? {
        return Err(AppendError::NoAnswer { answer: exchange.answer.clone() }.into());
    }
    let query = sqlx::query(statements::PUT_EXCHANGE)
        .bind(exchange.request.as_str())
        .bind(exchange.provider.as_str());
    let query = query.bind(&exchange.model).bind(word(&exchange.form)?).bind(exchange.answer.as_str());
    let query = query.bind(exchange.usage.map(|u| json(&u)).transpose()?);
    query.bind(exchange.at.0).bind(seq).execute(conn).await?;
    Ok(())
}

pub(super) async fn get(conn: &mut SqliteConnection, request: &Sha256) -> Result<Option<Exchange>, Fault> {
    let row = sqlx::query(statements::EXCHANGE).bind(request.as_str()).fetch_optional(conn).await?;
    row.as_ref().map(read).transpose()
}

pub(super) async fn forget(conn: &mut SqliteConnection, request: &Sha256) -> Result<bool, Fault> {
    let query = sqlx::query(statements::FORGET_EXCHANGE).bind(request.as_str());
    Ok(query.execute(conn).await?.rows_affected() > 0)
}

/// The word in the journal that ties the row to it.
pub(super) fn digest(exchange: &Exchange) -> Result<String, Fault> {
    let usage = exchange.usage.map(|u| json(&u)).transpose()?;
    Ok(digest_of(&Columns {
        request: exchange.request.to_string(),
        provider: exchange.provider.to_string(),
        model: exchange.model.clone(),
        form: word(&exchange.form)?,
        answer: exchange.answer.to_string(),
        usage,
        at: exchange.at.0.to_string(),
    }))
}

/// The columns as text.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Columns {
    pub(super) request: String,
    provider: String,
    model: Option<String>,
    form: String,
    answer: String,
    usage: Option<String>,
    at: String,
}

impl Columns {
    /// Their names.
    pub(super) const NAMES: [&str; 7] = ["request", "provider", "model", "form", "answer", "usage", "at"];
}

/// A column that is not there is told apart from an empty one.
pub(super) fn digest_of(columns: &Columns) -> String {
    let maybe = |text: &Option<String>| text.as_ref().map_or_else(String::new, |t| format!("={t}"));
    let (model, usage) = (maybe(&columns.model), maybe(&columns.usage));
    let Columns { request, provider, form, answer, at, .. } = columns;
    attached_exchange(&[request, provider, &model, form, answer, &usage, at])
}

fn read(row: &SqliteRow) -> Result<Exchange, Fault> {
    let text = |name: &str| row.try_get::<String, _>(name);
    let usage: Option<String> = row.try_get("usage")?;
    Ok(Exchange {
        request: parse_hash(&text("request")?, "an exchange")?,
        provider: ProviderId::new(text("provider")?),
        model: row.try_get("model")?,
        form: from_json(&format!("\"{}\"", text("form")?))?,
        answer: parse_hash(&text("answer")?, "an exchange")?,
        usage: usage.map(|json| from_json(&json)).transpose()?,
        at: Micros(row.try_get("at")?),
    })
}

/// The word that a plain enum is written as.
pub(super) fn word(value: &impl Serialize) -> Result<String, Fault> {
    Ok(json(value)?.trim_matches('"').to_owned())
}

fn json(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|e| Fault::Damaged(format!("a value cannot be written: {e}")))
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|e| Fault::Damaged(format!("an exchange: {e}")))
}
