//! Requests and their answers, to be served again.

use domain::ids::Sha256;
use domain::proposal::ProviderId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::conn::{Db, Row, query};
use super::db_error::DbError;
use super::journal::parse_hash;
use super::rows::Cell;
use super::statements;
use crate::append::Exchange;
use crate::chain::attached_exchange;
use crate::error::Fault;
use crate::time::Micros;

/// The row of an exchange that is recorded with this entry; a newer answer to the same request takes the place of the older.
pub(super) fn row(exchange: &Exchange, seq: i64) -> Result<Vec<Cell<'_>>, Fault> {
    let usage = exchange.usage.map(|u| json(&u)).transpose()?;
    Ok(vec![
        exchange.request.as_str().into(),
        exchange.provider.as_str().into(),
        exchange.model.as_deref().into(),
        word(&exchange.form)?.into(),
        exchange.answer.as_str().into(),
        usage.into(),
        exchange.at.0.into(),
        seq.into(),
    ])
}

pub(super) async fn get(db: &mut Db<'_>, request: &Sha256) -> Result<Option<Exchange>, Fault> {
    let row = query(statements::EXCHANGE).bind(request.as_str()).row(db).await?;
    row.as_ref().map(read).transpose()
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
#[derive(Debug)]
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

    /// From a row in which each of them is text.
    pub(super) fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            request: row.get("request")?,
            provider: row.get("provider")?,
            model: row.get("model")?,
            form: row.get("form")?,
            answer: row.get("answer")?,
            usage: row.get("usage")?,
            at: row.get("at")?,
        })
    }
}

/// A column that is not there is told apart from an empty one.
pub(super) fn digest_of(columns: &Columns) -> String {
    let maybe = |text: &Option<String>| text.as_ref().map_or_else(String::new, |t| format!("={t}"));
    let (model, usage) = (maybe(&columns.model), maybe(&columns.usage));
    let Columns { request, provider, form, answer, at, .. } = columns;
    attached_exchange(&[request, provider, &model, form, answer, &usage, at])
}

/// Whether the entry of the journal names an exchange: its columns as text, in the order of [`Columns::NAMES`], and what is
/// attached to the entry.
pub(super) fn is_named(
    [request, provider, model, form, answer, usage, at, attached]: [Option<&str>; 8],
) -> bool {
    let (Some(request), Some(provider), Some(form)) = (request, provider, form) else { return false };
    let (Some(answer), Some(at), Some(attached)) = (answer, at, attached) else { return false };
    let digest = digest_of(&Columns {
        request: request.to_owned(),
        provider: provider.to_owned(),
        model: model.map(str::to_owned),
        form: form.to_owned(),
        answer: answer.to_owned(),
        usage: usage.map(str::to_owned),
        at: at.to_owned(),
    });
    attached.split(' ').any(|word| word == digest)
}

fn read(row: &Row) -> Result<Exchange, Fault> {
    let text = |name: &str| row.get::<String>(name);
    let usage: Option<String> = row.get("usage")?;
    Ok(Exchange {
        request: parse_hash(&text("request")?, "an exchange")?,
        provider: ProviderId::new(text("provider")?),
        model: row.get("model")?,
        form: from_json(&format!("\"{}\"", text("form")?))?,
        answer: parse_hash(&text("answer")?, "an exchange")?,
        usage: usage.map(|json| from_json(&json)).transpose()?,
        at: Micros(row.get("at")?),
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
