//! The audit's reading: everything in pages, at one moment of the database, with no more than a page in memory.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection, FromRow, Row as _};

use super::exchanges::{Columns, digest_of};
use super::journal::Entry;
use super::statements;
use crate::audit::{Anchor, AuditReport, ChainCheck, Expected, Problem, Witness, check_note, expect};
use crate::chain::blobs_in;
use crate::checkpoint::{EVERY, Keeper, Note};
use crate::error::{Fault, StoreError, is_corrupt};
use crate::time::Micros;
use domain::ids::Sha256;

/// Rows a page.
const PAGE: i64 = 64;
/// The ledger's columns, the agent left out: no event tells who pays.
const LEDGER: [&str; 13] = [
    "attempt",
    "provider",
    "at",
    "day",
    "month",
    "state",
    "amount",
    "counted",
    "billed",
    "imputed",
    "basis",
    "prompt_tokens",
    "completion_tokens",
];
const HEAD_FILE: &str = "the head file";

/// Everything that can be named is in the report, also when the database is too damaged to be read to its end.
pub(super) async fn verify(
    conn: &mut SqliteConnection,
    anchors: &[Anchor],
    keeper: &Keeper,
) -> Result<AuditReport, Fault> {
    let mut report = AuditReport { anchors: anchors.len() as u64, ..AuditReport::default() };
    // The head is read before the moment of the database is fixed: it may lag, and is never ahead.
    let head = read_head(keeper, &mut report)?;
    match look(conn, anchors, keeper, head.as_ref(), &mut report).await {
        Err(Fault::Sql(error)) if is_damage(&error) || !report.is_clean() => {
            report.add(Problem::Structure { detail: error.to_string() });
            Ok(report)
        }
        looked => looked.map(|()| report),
    }
}

async fn look(
    conn: &mut SqliteConnection,
    anchors: &[Anchor],
    keeper: &Keeper,
    head: Option<&Note>,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    let trusted = keeper.trusted()?;
    let mut tx = conn.begin().await?;
    structure(&mut tx, report).await?;
    let origin: Option<String> = sqlx::query_scalar(statements::ORIGIN).fetch_optional(&mut *tx).await?;
    let origin = origin.unwrap_or_default();
    let mut check = ChainCheck::new(&origin, anchors);
    if let Some(head) = head {
        check_note(head, &origin, &trusted, HEAD_FILE, report);
        check.witness(head.seq, Witness::from_head(head, HEAD_FILE));
    }
    chain(&mut tx, check, report).await?;
    missing_files(head, &trusted, report);
    checkpoints(&mut tx, &origin, &trusted, report).await?;
    stories(&mut tx, report).await?;
    blobs(&mut tx, report).await?;
    exchanges(&mut tx, report).await?;
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

async fn structure(conn: &mut SqliteConnection, report: &mut AuditReport) -> Result<(), Fault> {
    let lines: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(100)").fetch_all(&mut *conn).await?;
    for detail in lines.into_iter().filter(|line| line != "ok") {
        report.add(Problem::Structure { detail });
    }
    let (wanted, found) = (super::pristine_schema().await?, super::schema(conn).await?);
    for (name, _) in wanted.symmetric_difference(&found) {
        report.add(Problem::Structure { detail: format!("{name} is not as codex-task makes it") });
    }
    Ok(())
}

async fn chain(
    conn: &mut SqliteConnection,
    mut check: ChainCheck,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    let mut after = i64::MIN;
    loop {
        let query = sqlx::query(statements::ENTRIES_AFTER).bind(after).bind(PAGE);
        let rows = query.fetch_all(&mut *conn).await?;
        let Some(last) = rows.last() else { break };
        after = last.try_get("seq")?;
        for row in &rows {
            match Entry::from_row(row) {
                Ok(entry) => {
                    check.entry(&entry.link(), &entry.hash, report);
                    attached(conn, &entry, report).await?;
                }
                Err(_) => {
                    let hash = row.try_get::<String, _>("hash").unwrap_or_default();
                    check.unreadable(row.try_get("seq")?, &hash, report);
                }
            }
        }
    }
    check.finish(report);
    Ok(())
}

async fn attached(conn: &mut SqliteConnection, entry: &Entry, report: &mut AuditReport) -> Result<(), Fault> {
    for sha256 in blobs_in(&entry.attached) {
        let query = sqlx::query_scalar(statements::HAS_BLOB).bind(sha256);
        let rows: i64 = query.fetch_one(&mut *conn).await?;
        if rows == 0 {
            report.add(Problem::BlobMissing { sha256: sha256.to_owned(), seq: entry.seq });
        }
    }
    Ok(())
}

async fn checkpoints(
    conn: &mut SqliteConnection,
    origin: &str,
    trusted: &[String],
    report: &mut AuditReport,
) -> Result<(), Fault> {
    let end = report.head.as_ref().map_or(0, |h| i64::try_from(h.seq).unwrap_or(i64::MAX));
    let (mut after, mut next) = (i64::MIN, EVERY);
    loop {
        let query = sqlx::query(statements::CHECKPOINTS_AFTER).bind(after).bind(PAGE);
        let rows = query.fetch_all(&mut *conn).await?;
        let Some(last) = rows.last() else { break };
        after = last.try_get("seq")?;
        for row in &rows {
            let seq: i64 = row.try_get("seq")?;
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

fn checkpoint(row: &SqliteRow, seq: i64, end: i64, ours: (&str, &[String]), report: &mut AuditReport) {
    report.checkpoints += 1;
    let where_from = format!("the checkpoint of entry {seq}");
    let text = |name: &str| row.try_get::<String, _>(name).unwrap_or_default();
    let note = Note {
        origin: ours.0.to_owned(),
        seq,
        hash: text("hash"),
        at: Micros(row.try_get("at").unwrap_or_default()),
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

async fn stories(conn: &mut SqliteConnection, report: &mut AuditReport) -> Result<(), Fault> {
    let mut after = String::new();
    loop {
        let query = sqlx::query_scalar(statements::INTENT_IDS_AFTER).bind(&after).bind(PAGE);
        let ids: Vec<String> = query.fetch_all(&mut *conn).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = last.clone();
        for id in &ids {
            story(conn, id, report).await?;
        }
    }
}

async fn story(conn: &mut SqliteConnection, id: &str, report: &mut AuditReport) -> Result<(), Fault> {
    report.intents += 1;
    let rows = sqlx::query(statements::ENTRIES_OF_INTENT).bind(id).fetch_all(&mut *conn).await?;
    // An entry that cannot be read was named with the chain; without it the rest makes no story.
    let entries: Vec<Entry> = rows.iter().filter_map(|row| Entry::from_row(row).ok()).collect();
    let known = !entries.is_empty();
    let expected = expect(id, &entries, report);
    if known && expected.is_none() {
        return Ok(());
    }
    registry_row(conn, id, expected.as_ref(), report).await?;
    suggestions(conn, id, expected.as_ref(), report).await?;
    ledger_rows(conn, id, expected.as_ref(), report).await
}

async fn registry_row(
    conn: &mut SqliteConnection,
    id: &str,
    expected: Option<&Expected>,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    let names = expected.map_or_else(|| vec!["id"], |e| e.columns.iter().map(|c| c.name).collect());
    let row = page(conn, &names, statements::FROM_INTENTS, id).await?.into_iter().next();
    let mut differs = |column: &str, expected: Option<String>, found: Option<String>| {
        report.add(Problem::RowDiffers { intent: id.to_owned(), column: column.to_owned(), expected, found });
    };
    match (expected, row) {
        (None, None) => {}
        (Some(_), None) => differs("row", Some("there".to_owned()), None),
        (None, Some(_)) => differs("row", None, Some("there".to_owned())),
        (Some(expected), Some(row)) => {
            for column in &expected.columns {
                let (wanted, found) = (column.value.text(), stored(&row, column.name));
                if wanted != found {
                    differs(column.name, wanted, found);
                }
            }
        }
    }
    Ok(())
}

async fn suggestions(
    conn: &mut SqliteConnection,
    id: &str,
    expected: Option<&Expected>,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    let rows = page(conn, &["suggestion", "attempt"], statements::FROM_SUGGESTIONS, id).await?;
    let found: Vec<(String, i64)> = rows
        .iter()
        .filter_map(|row| Some((stored(row, "suggestion")?, stored(row, "attempt")?.parse().ok()?)))
        .collect();
    let wanted = expected.map_or(&[][..], |e| e.suggestions.as_slice());
    if found != wanted {
        let (expected, found) = (Some(format!("{wanted:?}")), Some(format!("{found:?}")));
        report.add(Problem::RowDiffers {
            intent: id.to_owned(),
            column: "suggestions".to_owned(),
            expected,
            found,
        });
    }
    Ok(())
}

async fn ledger_rows(
    conn: &mut SqliteConnection,
    id: &str,
    expected: Option<&Expected>,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    let rows = page(conn, &LEDGER, statements::FROM_LEDGER, id).await?;
    let mut differs = |attempt: &str, column: &str, expected: Option<String>, found: Option<String>| {
        let (intent, attempt, column) = (id.to_owned(), attempt.to_owned(), column.to_owned());
        report.add(Problem::LedgerDiffers { intent, attempt, column, expected, found });
    };
    let mut seen = Vec::new();
    for row in &rows {
        let attempt = stored(row, "attempt").unwrap_or_default();
        let number = attempt.parse::<u32>().ok();
        let money = number.and_then(|n| expected.and_then(|e| Some((e, e.money.get(&n)?))));
        seen.extend(number);
        let Some((expected, money)) = money else {
            differs(&attempt, "row", None, Some("there".to_owned()));
            continue;
        };
        for (column, wanted) in expected.ledger_row(money, stored(row, "state").as_deref()) {
            let found = stored(row, column);
            if wanted != found {
                differs(&attempt, column, wanted, found);
            }
        }
    }
    for attempt in expected.iter().flat_map(|e| e.money.keys()).filter(|a| !seen.contains(a)) {
        differs(&attempt.to_string(), "row", Some("there".to_owned()), None);
    }
    Ok(())
}

/// Rows with these columns as text. `from` says of which table; it takes `key` and, where it has a limit, the page.
async fn page(
    conn: &mut SqliteConnection,
    columns: &[&str],
    from: &str,
    key: &str,
) -> Result<Vec<SqliteRow>, Fault> {
    let text = AssertSqlSafe(statements::as_text(columns.iter().copied()) + from);
    Ok(sqlx::query(text).bind(key).bind(PAGE).fetch_all(conn).await?)
}

/// What a column holds as text; bytes that are none are shown as such.
fn stored(row: &SqliteRow, name: &str) -> Option<String> {
    match row.try_get::<Option<Vec<u8>>, _>(name) {
        Ok(bytes) => bytes.map(|b| String::from_utf8_lossy(&b).into_owned()),
        Err(error) => Some(format!("({error})")),
    }
}

async fn blobs(conn: &mut SqliteConnection, report: &mut AuditReport) -> Result<(), Fault> {
    let mut after = String::new();
    loop {
        // One at a time: a blob may be large.
        let query = sqlx::query(statements::BLOBS_AFTER).bind(&after).bind(1_i64);
        let Some(row) = query.fetch_optional(&mut *conn).await? else { return Ok(()) };
        let sha256: String = row.try_get("sha256")?;
        let bytes = row.try_get::<Option<Vec<u8>>, _>("bytes");
        let size = row.try_get::<i64, _>("size").ok();
        match bytes {
            Ok(None) if stored(&row, "erased_at").is_some() => report.erased += 1,
            Ok(Some(bytes))
                if Sha256::of(&bytes).as_str() == sha256 && size == i64::try_from(bytes.len()).ok() =>
            {
                report.blobs += 1;
            }
            _ => report.add(Problem::BlobChanged { sha256: sha256.clone() }),
        }
        after = sha256;
    }
}

async fn exchanges(conn: &mut SqliteConnection, report: &mut AuditReport) -> Result<(), Fault> {
    let mut after = String::new();
    loop {
        let rows = page(conn, &Columns::NAMES, statements::FROM_EXCHANGES, &after).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.try_get("request")?;
        for row in &rows {
            let attached = stored(row, "attached").unwrap_or_default();
            let named =
                Columns::from_row(row).is_ok_and(|c| attached.split(' ').any(|word| word == digest_of(&c)));
            if !named {
                report.add(Problem::ExchangeChanged { request: stored(row, "request").unwrap_or_default() });
            }
        }
    }
}
