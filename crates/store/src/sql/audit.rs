//! The audit's reading: everything in pages, at one moment of the database, with no more than a page in memory.
//! Here is the journal itself; what is worked out from it and lies beside it is in `tables`.

mod budgets;
mod tables;

use super::conn::{Db, Row, Tx, query};
use super::journal::Entry;
use super::{sqlite, statements};
use crate::audit::{Anchor, AuditReport, ChainCheck, Problem, Witness, check_note};
use crate::chain::blobs_in;
use crate::checkpoint::{EVERY, Keeper, Note};
use crate::error::{Fault, StoreError, is_corrupt};
use crate::time::Micros;

/// Rows a page.
const PAGE: i64 = 64;
const HEAD_FILE: &str = "the head file";

/// Everything that can be named is in the report, also when the database is too damaged to be read to its end.
pub(super) async fn verify(
    tx: Tx<'_>,
    anchors: &[Anchor],
    keeper: &Keeper,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    // The head is read before the moment of the database is fixed: it may lag, and is never ahead.
    let head = read_head(keeper, report)?;
    match look(tx, anchors, keeper, head.as_ref(), report).await {
        Err(Fault::Sql(error)) if is_damage(&error) || !report.is_clean() => {
            report.add(Problem::Structure { detail: error.to_string() });
            Ok(())
        }
        looked => looked,
    }
}

async fn look(
    mut tx: Tx<'_>,
    anchors: &[Anchor],
    keeper: &Keeper,
    head: Option<&Note>,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    let trusted = keeper.trusted()?;
    let db = &mut tx.db();
    if matches!(db, Db::Sqlite(_)) {
        sqlite::check_structure(db, report).await?;
    }
    let origin: Option<String> = query(statements::ORIGIN).scalar(db).await?;
    let origin = origin.unwrap_or_default();
    let mut check = ChainCheck::new(&origin, anchors);
    if let Some(head) = head {
        check_note(head, &origin, &trusted, HEAD_FILE, report);
        check.witness(head.seq, Witness::from_head(head, HEAD_FILE));
    }
    chain(db, check, report).await?;
    missing_files(head, &trusted, report);
    checkpoints(db, &origin, &trusted, report).await?;
    tables::stories(db, report).await?;
    budgets::check(db, &origin, report).await?;
    tables::blobs(db, report).await?;
    tables::exchanges(db, report).await?;
    Ok(tx.rollback().await?)
}

/// Files without which nothing is proved; an empty journal needs none.
fn missing_files(head: Option<&Note>, trusted: &[String], report: &mut AuditReport) {
    if report.events == 0 {
        return;
    }
    if trusted.is_empty() {
        report.add(Problem::KeyMissing);
    }
    if head.is_none() && !report.problems.iter().any(|p| matches!(p, Problem::HeadChanged { .. })) {
        report.add(Problem::HeadMissing);
    }
}

/// Whether the database itself says that it is damaged, or holds what no column of ours can hold.
fn is_damage(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_)) || is_corrupt(error)
}

/// A head file that cannot be read as one is a finding, not a failure.
fn read_head(keeper: &Keeper, report: &mut AuditReport) -> Result<Option<Note>, Fault> {
    match keeper.head() {
        Err(StoreError::Damaged { detail, .. }) => {
            report.add(Problem::HeadChanged { detail });
            Ok(None)
        }
        head => Ok(head?),
    }
}

async fn chain(db: &mut Db<'_>, mut check: ChainCheck, report: &mut AuditReport) -> Result<(), Fault> {
    let mut after = i64::MIN;
    loop {
        let rows = query(statements::ENTRIES_AFTER).bind(after).bind(PAGE).rows(db).await?;
        let Some(last) = rows.last() else { break };
        after = last.get("seq")?;
        for row in &rows {
            match Entry::from_row(row) {
                Ok(entry) => {
                    check.entry(&entry.link(), &entry.hash, report);
                    attached(db, &entry, report).await?;
                }
                Err(_) => {
                    let hash = row.get::<String>("hash").unwrap_or_default();
                    check.unreadable(row.get("seq")?, &hash, report);
                }
            }
        }
    }
    check.finish(report);
    Ok(())
}

async fn attached(db: &mut Db<'_>, entry: &Entry, report: &mut AuditReport) -> Result<(), Fault> {
    for sha256 in blobs_in(&entry.attached) {
        if query(statements::HAS_BLOB).bind(sha256).number(db).await? == 0 {
            report.add(Problem::BlobMissing { sha256: sha256.to_owned(), seq: entry.seq });
        }
    }
    Ok(())
}

async fn checkpoints(
    db: &mut Db<'_>,
    origin: &str,
    trusted: &[String],
    report: &mut AuditReport,
) -> Result<(), Fault> {
    let end = report.head.as_ref().map_or(0, |h| i64::try_from(h.seq).unwrap_or(i64::MAX));
    let (mut after, mut next) = (i64::MIN, EVERY);
    loop {
        let rows = query(statements::CHECKPOINTS_AFTER).bind(after).bind(PAGE).rows(db).await?;
        let Some(last) = rows.last() else { break };
        after = last.get("seq")?;
        for row in &rows {
            let seq: i64 = row.get("seq")?;
            while next < seq && next <= end {
                report.add(Problem::CheckpointMissing { seq: next });
                next += EVERY;
            }
            next = next.max(seq.saturating_add(EVERY));
            checkpoint(row, seq, end, (origin, trusted), report);
        }
    }
    while next <= end {
        report.add(Problem::CheckpointMissing { seq: next });
        next += EVERY;
    }
    Ok(())
}

fn checkpoint(row: &Row, seq: i64, end: i64, ours: (&str, &[String]), report: &mut AuditReport) {
    report.checkpoints += 1;
    let where_from = format!("the checkpoint of entry {seq}");
    let text = |name: &str| row.get::<String>(name).unwrap_or_default();
    let note = Note {
        origin: ours.0.to_owned(),
        seq,
        hash: text("hash"),
        at: Micros(row.get("at").unwrap_or_default()),
        key: text("key"),
        signature: text("signature"),
    };
    check_note(&note, ours.0, ours.1, &where_from, report);
    if seq > end {
        report.add(Problem::TailCut { expected: seq, found: end, where_from });
    } else if text("journal_hash") != note.hash {
        report.add(Problem::Rewritten { seq, where_from });
    }
}
