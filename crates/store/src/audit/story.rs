//! One intent: its events folded again, and what registry and ledger should say by them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::event::{EVENT_FORMAT, Event};
use domain::intent::Intent;
use domain::proposal::Charge;

use super::{AuditReport, Problem, intent_id};
use crate::chain::Link;
use crate::columns::{Column, Span, Value, columns_of};
use crate::time::Micros;

/// What the tables should hold for an intent.
#[derive(Debug)]
pub(crate) struct Expected {
    intent: Intent,
    span: Span,
    /// The answers' ids and attempts.
    pub(crate) suggestions: Vec<(String, i64)>,
    /// The ledger's rows by attempt.
    pub(crate) money: BTreeMap<u32, Money>,
}

/// What the ledger should hold for an attempt.
#[derive(Debug)]
pub(crate) struct Money {
    amount: u64,
    at: Micros,
    provider: Option<String>,
    charge: Option<Charge>,
    tokens: (u64, u64),
}

/// Folds the events of one intent, in the order of their versions. `None` when they cannot be folded: then the reason is
/// in the report, or an entry is of a newer format, which the chain has reported.
pub(crate) fn expect(stored_id: &str, entries: &[Link<'_>], report: &mut AuditReport) -> Option<Expected> {
    if entries.iter().any(|e| e.format > i64::from(EVENT_FORMAT)) {
        return None;
    }
    match told(stored_id, entries) {
        Ok(expected) => expected,
        Err(detail) => {
            report.add(Problem::IllegalStory { intent: stored_id.to_owned(), detail });
            None
        }
    }
}

/// What the tables should hold by these events; an error says in words why they make no story. Their formats have to be
/// known already.
pub(crate) fn told(stored_id: &str, entries: &[Link<'_>]) -> Result<Option<Expected>, String> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(None) };
    check_order(entries)?;
    let id = intent_id(stored_id).ok_or("its id is none")?;
    let events = entries.iter().map(Link::event).collect::<Result<Vec<Event>, String>>()?;
    let span = Span { first_seq: first.seq, last_seq: last.seq, created_at: first.at, updated_at: last.at };
    let (suggestions, money) = (suggestions(&events), money(entries, &events));
    let intent = Intent::fold(id, events).map_err(|illegal| illegal.to_string())?;
    Ok(intent.map(|intent| Expected { intent, span, suggestions, money }))
}

fn check_order(entries: &[Link<'_>]) -> Result<(), String> {
    for (version, entry) in (1..).zip(entries) {
        if entry.version != version {
            return Err(format!("event {version} is missing"));
        }
    }
    match entries.windows(2).find(|pair| pair[0].seq >= pair[1].seq) {
        Some(pair) => Err(format!("entry {} stands before entry {}", pair[1].seq, pair[0].seq)),
        None => Ok(()),
    }
}

fn suggestions(events: &[Event]) -> Vec<(String, i64)> {
    let mut all: Vec<(String, i64)> = events
        .iter()
        .filter_map(|event| match event {
            Event::ProposalAsked { suggestion, attempt, .. } => {
                Some((suggestion.to_string(), i64::from(*attempt)))
            }
            _ => None,
        })
        .collect();
    all.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
    all
}

fn money(entries: &[Link<'_>], events: &[Event]) -> BTreeMap<u32, Money> {
    let mut rows = BTreeMap::new();
    for (entry, event) in entries.iter().zip(events) {
        match event {
            Event::Reserved { attempt, amount } => {
                let (amount, at) = (amount.micros(), Micros(entry.at));
                rows.insert(*attempt, Money { amount, at, provider: None, charge: None, tokens: (0, 0) });
            }
            Event::ProposalAsked { attempt, provider, .. } => {
                let provider = Some(provider.to_string());
                rows.entry(*attempt).and_modify(|row: &mut Money| row.provider = provider);
            }
            Event::ProposalReceived { attempt, proposal } => {
                let tokens = proposal.usage.map_or((0, 0), |u| (u.prompt, u.completion));
                rows.entry(*attempt).and_modify(|row| row.tokens = tokens);
            }
            Event::Settled { attempt, charge } => {
                rows.entry(*attempt).and_modify(|row| row.charge = Some(*charge));
            }
            _ => {}
        }
    }
    rows
}

impl Expected {
    /// The registry's row.
    pub(crate) fn columns(&self) -> Vec<Column<'_>> {
        columns_of(&self.intent, self.span)
    }

    /// What the ledger's row of an attempt should say, by the state it says it is in.
    pub(crate) fn ledger_row<'a>(&'a self, row: &'a Money, state: Option<&str>) -> Vec<Column<'a>> {
        let at_rest = self.intent.phase.is_at_rest();
        let (state, counted) = match (row.charge, state) {
            (Some(charge), _) => ("settled", charge.billed.micros()),
            (None, Some("open")) if !at_rest => ("open", row.amount),
            (None, Some("released")) => ("released", 0),
            (None, _) if at_rest => ("released", 0),
            (None, _) => ("open", row.amount),
        };
        let basis = row.charge.and_then(|c| serde_json::to_value(c.basis).ok()?.as_str().map(str::to_owned));
        let column = |name, value| Column { name, value };
        let mut columns = vec![
            column("at", row.at.0.into()),
            column("agent", self.intent.agent.as_ref().map(|a| a.as_str()).into()),
            column("day", row.at.day().into()),
            column("month", row.at.month().into()),
            column("state", state.into()),
            column("amount", row.amount.into()),
            column("counted", counted.into()),
            column("billed", row.charge.map_or(0, |c| c.billed.micros()).into()),
            column("imputed", row.charge.map_or(0, |c| c.imputed.micros()).into()),
            column("basis", Value::Text(basis.map(Cow::Owned))),
            column("prompt_tokens", row.tokens.0.into()),
            column("completion_tokens", row.tokens.1.into()),
        ];
        columns.extend(row.provider.as_deref().map(|provider| column("provider", provider.into())));
        columns
    }
}
