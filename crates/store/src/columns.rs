//! An intent's row in the registry, worked out from its fold. Writing and auditing share it. Pure.

use std::borrow::Cow;

use domain::confidence::Confidence;
use domain::intent::{Attempt, Intent, Phase};

/// Where an intent's events stand in the journal, and when they were recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) first_seq: i64,
    pub(crate) last_seq: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Number(Option<i64>),
    Text(Option<Cow<'a, str>>),
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column<'a> {
    pub(crate) name: &'static str,
    pub(crate) value: Value<'a>,
}

impl Value<'_> {
    /// The value as the database writes it when it is asked for text.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Self::Number(number) => number.map(|n| n.to_string()),
            Self::Text(text) => text.as_deref().map(str::to_owned),
        }
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<u64> for Value<'_> {
    /// Numbers above what a column holds are cut there.
    fn from(number: u64) -> Self {
        Self::Number(Some(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Self::Number(Some(i64::from(truth)))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(Cow::Owned(text)))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text.map(Cow::Borrowed))
    }
}

impl From<Option<u64>> for Value<'_> {
    fn from(number: Option<u64>) -> Self {
        number.map_or(Self::Number(None), Into::into)
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

/// The row of `intents` for this state, in the order of the table's columns.
pub(crate) fn columns_of(intent: &Intent, span: Span) -> Vec<Column<'_>> {
    let column = |name, value| Column { name, value };
    let mut columns = Vec::with_capacity(27);
    columns.extend([
        column("id", intent.id.as_str().into()),
        column("reversed", reversed(intent.id.as_str()).into()),
        column("version", intent.version.into()),
        column("first_seq", span.first_seq.into()),
        column("last_seq", span.last_seq.into()),
        column("created_at", span.created_at.into()),
        column("updated_at", span.updated_at.into()),
    ]);
    columns.extend(task_columns(intent));
    columns.extend(state_columns(intent));
    columns.extend(attempt_columns(told(intent)));
    columns.push(column("agent", intent.agent.as_ref().map(|a| a.as_str()).into()));
    columns
}

/// The id from back to front.
pub(crate) fn reversed(id: &str) -> String {
    let mut reversed = String::with_capacity(id.len());
    reversed.extend(id.chars().rev());
    reversed
}

fn task_columns(intent: &Intent) -> [Column<'_>; 6] {
    let finding = intent.task.finding.as_ref();
    let column = |name, value| Column { name, value };
    [
        column("repository", intent.repository.as_str().into()),
        column("kind", intent.task.kind.as_str().into()),
        column("title", intent.task.title().into()),
        column("fingerprint", finding.map(|f| f.fingerprint.as_str()).into()),
        column("file", finding.map(|f| f.path.as_str()).into()),
        column("rule", finding.map(|f| f.code.as_str()).into()),
    ]
}

fn state_columns(intent: &Intent) -> [Column<'_>; 9] {
    let told = told(intent);
    let column = |name, value| Column { name, value };
    [
        column("phase", intent.phase.as_str().into()),
        column("status", intent.status().into()),
        column("live", intent.phase.is_live().into()),
        column("unfinished", (!intent.phase.is_at_rest()).into()),
        column("provider", told.map(|a| a.provider.as_str()).filter(|p| !p.is_empty()).into()),
        column("suggestion", told.and_then(|a| a.suggestion.as_ref()).map(|s| s.as_str()).into()),
        column("branch", intent.publication.as_ref().map(|p| p.reference.as_str()).into()),
        column("billed", intent.billed().micros().into()),
        column("imputed", intent.imputed().micros().into()),
    ]
}

fn attempt_columns(attempt: Option<&Attempt>) -> [Column<'_>; 4] {
    let stat = attempt.and_then(|a| a.patch.as_ref()).map(|p| &p.stat);
    let column = |name, value| Column { name, value };
    [
        column("files", stat.map(|s| u64::from(s.files)).into()),
        column("added", stat.map(|s| u64::from(s.added)).into()),
        column("deleted", stat.map(|s| u64::from(s.deleted)).into()),
        column("confidence", attempt.and_then(|a| a.confidence).map(|c| millionths(c.combined)).into()),
    ]
}

/// The attempt that a list tells of: the current one, or, once all is over, the last one that gave a patch.
fn told(intent: &Intent) -> Option<&Attempt> {
    let current = intent.current();
    if intent.phase != Phase::Ended {
        return current;
    }
    intent.attempts.iter().rev().find(|a| a.patch.is_some()).or(current)
}

/// A confidence as whole millionths, so that no column holds a float.
fn millionths(confidence: Confidence) -> i64 {
    (confidence.value() * 1e6).round() as i64
}
