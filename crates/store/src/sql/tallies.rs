//! The rows of `tallies`: one statement a transaction, a dozen rows to read. Counting a million intents would take a second.

use domain::event::Event;
use domain::money::MicroDollars;

use super::conn::{Db, Row, query};
use super::db_error::DbError;
use super::rows::Cell;
use super::statements;
use crate::agents::Figures;
use crate::append::Append;
use crate::columns::{Column, Value};
use crate::error::Fault;
use crate::tally::{COLUMNS, Counts, SUGGESTIONS, Tallies, Tally, change};

/// Changes whose checks passed.
const VERIFIED: [&str; 4] = ["needs-person", "published", "undone", "rejected"];

/// What an append of these events changes, when it makes this of an intent's row.
pub(super) fn changed(before: Option<&Tally>, after: &Tally, entry: &Append<'_>) -> Tallies {
    let asked = entry.events.iter().filter(|e| matches!(e, Event::ProposalAsked { .. })).count();
    change(before, after, asked as i64)
}

/// The rows of [`statements::COUNTED`] for what has changed.
pub(super) fn rows_of(changes: &Tallies) -> Vec<Vec<Cell<'static>>> {
    let row = |(name, counts): (&String, &Counts)| {
        let mut row = vec![Cell::from(name.clone())];
        row.extend(counts.map(Cell::from));
        row
    };
    changes.iter().filter(|(_, counts)| **counts != Counts::default()).map(row).collect()
}

/// What a new row adds to the figures.
pub(super) fn tally_of(columns: &[Column<'_>]) -> Tally {
    let value = |name: &str| columns.iter().find(|column| column.name == name).map(|column| &column.value);
    let number = |name| match value(name) {
        Some(Value::Number(number)) => *number,
        _ => None,
    };
    Tally {
        status: value("status").and_then(Value::text).unwrap_or_default(),
        unfinished: number("unfinished").unwrap_or_default(),
        confidence: number("confidence"),
        billed: number("billed").unwrap_or_default(),
    }
}

/// What a stored row adds to the figures.
pub(super) fn tally_in(row: &Row) -> Result<Tally, DbError> {
    Ok(Tally {
        status: row.get("status")?,
        unfinished: row.get("unfinished")?,
        confidence: row.get("confidence")?,
        billed: row.get("billed")?,
    })
}

/// The tallies as they are kept.
pub(super) async fn kept(db: &mut Db<'_>) -> Result<Tallies, Fault> {
    rows(query(statements::TALLIES).rows(db).await?)
}

/// The tallies as the registry's rows add up.
pub(super) async fn summed(db: &mut Db<'_>) -> Result<Tallies, Fault> {
    rows(query(statements::TALLY_SUMS).rows(db).await?)
}

fn rows(rows: Vec<Row>) -> Result<Tallies, Fault> {
    let mut tallies = Tallies::new();
    for row in rows {
        let mut counts = Counts::default();
        for (count, column) in counts.iter_mut().zip(COLUMNS) {
            *count = row.get(column)?;
        }
        tallies.insert(row.get("name")?, counts);
    }
    Ok(tallies)
}

/// The figures of the whole registry.
pub(super) async fn figures(db: &mut Db<'_>) -> Result<Figures, Fault> {
    let tallies = kept(db).await?;
    let of = |status: &str| tallies.get(&format!("status:{status}")).copied().unwrap_or_default()[0];
    let sum = |column: usize| -> i64 {
        tallies.iter().filter(|(name, _)| *name != SUGGESTIONS).map(|(_, counts)| counts[column]).sum()
    };
    let (rated, confidence) = (sum(2), sum(3));
    Ok(Figures {
        suggestions: tallies.get(SUGGESTIONS).map_or(0, |counts| counts[0].unsigned_abs()),
        verified: VERIFIED.into_iter().map(of).sum::<i64>().unsigned_abs(),
        published: of("published").unsigned_abs(),
        waiting: of("needs-person").unsigned_abs(),
        unfinished: sum(1).unsigned_abs(),
        confidence: (rated > 0).then(|| confidence as f64 / rated as f64 / 1e6),
        billed: MicroDollars::from_micros(sum(4).unsigned_abs()),
    })
}
