//! The audit's reading of what belongs to the journal: registry, suggestions, ledger, blobs, exchanges.

use domain::ids::Sha256;
use domain::registry::REGISTRY;

use super::PAGE;
use super::compactions::{Compacted, compaction_of, kept_of};
use crate::audit::{AuditReport, Expected, Problem, expect};
use crate::error::Fault;
use crate::sql::conn::{Db, Row, built, query};
use crate::sql::exchanges::{Columns, digest_of};
use crate::sql::journal::Entry;
use crate::sql::{blobs, postgres, sqlite, statements};

/// The ledger's columns that the journal knows, and the lease.
const LEDGER: [&str; 15] = [
    "attempt",
    "provider",
    "agent",
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
    "lease_until",
];

/// These intents, each by itself.
pub(super) async fn named(
    db: &mut Db<'_>,
    ids: &[String],
    compacted: &mut Compacted,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    for id in ids {
        story(db, id, compacted, report).await?;
    }
    Ok(())
}

/// Every intent by itself.
pub(super) async fn stories(
    db: &mut Db<'_>,
    compacted: &mut Compacted,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    *compacted = Compacted::default();
    report.intents = 0;
    let mut after = String::new();
    loop {
        let page = query(statements::IDS_AFTER).bind(after.as_str()).bind(PAGE);
        let ids: Vec<String> = page.scalars(db).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after.clone_from(last);
        named(db, &ids, compacted, report).await?;
    }
}

async fn story(
    db: &mut Db<'_>,
    id: &str,
    compacted: &mut Compacted,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    if id == REGISTRY {
        return Ok(());
    }
    let rows = query(statements::ENTRIES_OF_INTENT).bind(id).rows(db).await?;
    // An entry that cannot be read was named with the chain; without it the rest makes no story.
    let entries: Vec<Entry> = rows.iter().filter_map(|row| Entry::from_row(row).ok()).collect();
    let links: Vec<_> = entries.iter().map(Entry::link).collect();
    match compaction_of(&links) {
        Ok(None) => {}
        Ok(Some(compaction)) => {
            let kept = kept_of(db, id, &entries).await?;
            compacted.add(compaction, &kept, entries.len() as u64);
            return Ok(());
        }
        Err(detail) => {
            report.add(Problem::IllegalStory { intent: id.to_owned(), detail });
            return Ok(());
        }
    }
    report.intents += 1;
    let known = !links.is_empty();
    let expected = expect(id, &links, report);
    if known && expected.is_none() {
        return Ok(());
    }
    compare(db, id, expected.as_ref(), report).await
}

/// Every row of an intent against what its story tells.
pub(super) async fn compare(
    db: &mut Db<'_>,
    id: &str,
    expected: Option<&Expected>,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    registry_row(db, id, expected, report).await?;
    suggestions(db, id, expected, report).await?;
    ledger_rows(db, id, expected, report).await
}

async fn registry_row(
    db: &mut Db<'_>,
    id: &str,
    expected: Option<&Expected>,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    let columns = expected.map(Expected::columns);
    let names = columns.as_ref().map_or_else(|| vec!["id"], |all| all.iter().map(|c| c.name).collect());
    let row = page(db, &names, statements::FROM_INTENTS, id).await?.into_iter().next();
    let mut differs = |column: &str, expected: Option<String>, found: Option<String>| {
        report.add(Problem::RowDiffers { intent: id.to_owned(), column: column.to_owned(), expected, found });
    };
    match (columns, row) {
        (None, None) => {}
        (Some(_), None) => differs("row", Some("there".to_owned()), None),
        (None, Some(_)) => differs("row", None, Some("there".to_owned())),
        (Some(columns), Some(row)) => {
            for column in &columns {
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
    db: &mut Db<'_>,
    id: &str,
    expected: Option<&Expected>,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    let rows = page(db, &["suggestion", "attempt"], statements::FROM_SUGGESTIONS, id).await?;
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
    db: &mut Db<'_>,
    id: &str,
    expected: Option<&Expected>,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    let rows = page(db, &LEDGER, statements::FROM_LEDGER, id).await?;
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
        let number = |name| stored(row, name).and_then(|text| text.parse::<i64>().ok());
        // No event tells how long a reservation is held, but it is not over before it begins.
        if stored(row, "lease_until").is_some() && number("lease_until") < number("at") {
            differs(&attempt, "lease_until", None, stored(row, "lease_until"));
        }
        for column in expected.ledger_row(money, stored(row, "state").as_deref()) {
            let (wanted, found) = (column.value.text(), stored(row, column.name));
            if wanted != found {
                differs(&attempt, column.name, wanted, found);
            }
        }
    }
    for attempt in expected.iter().flat_map(|e| e.money.keys()).filter(|a| !seen.contains(a)) {
        differs(&attempt.to_string(), "row", Some("there".to_owned()), None);
    }
    Ok(())
}

/// Rows with these columns as text. `from` says of which table; it takes `key` and, where it has a limit, the page.
pub(super) async fn page(
    db: &mut Db<'_>,
    columns: &[&str],
    from: &str,
    key: &str,
) -> Result<Vec<Row>, Fault> {
    let as_text = match db {
        Db::Sqlite(_) => sqlite::as_text,
        Db::Postgres(_) => postgres::as_text,
    };
    let columns: Vec<String> = columns.iter().map(|column| as_text(column)).collect();
    let rows = built(format!("SELECT {}{from}", columns.join(", "))).bind(key);
    let rows = if from.contains("$2") { rows.bind(PAGE) } else { rows };
    Ok(rows.rows(db).await?)
}

/// What a column holds as text, or why it cannot be told.
pub(super) fn stored(row: &Row, name: &str) -> Option<String> {
    match row.get::<Option<String>>(name) {
        Ok(text) => text,
        Err(error) => Some(format!("({error})")),
    }
}

pub(super) async fn blobs(db: &mut Db<'_>, report: &mut AuditReport) -> Result<(), Fault> {
    let mut after = String::new();
    loop {
        let page = blobs::after(db, &after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.get("sha256")?;
        for row in &page {
            blob(row, report)?;
        }
    }
}

fn blob(row: &Row, report: &mut AuditReport) -> Result<(), Fault> {
    let sha256: String = row.get("sha256")?;
    let size = row.get::<i64>("size").ok();
    match row.get::<Option<Vec<u8>>>("bytes") {
        Ok(None) if stored(row, "erased_at").is_some() => report.erased += 1,
        Ok(Some(bytes))
            if Sha256::of(&bytes).as_str() == sha256.as_str() && size == i64::try_from(bytes.len()).ok() =>
        {
            report.blobs += 1;
        }
        _ => report.add(Problem::BlobChanged { sha256 }),
    }
    Ok(())
}

pub(super) async fn exchanges(db: &mut Db<'_>, report: &mut AuditReport) -> Result<(), Fault> {
    let mut after = String::new();
    loop {
        let rows = page(db, &Columns::NAMES, statements::FROM_EXCHANGES, &after).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.get("request")?;
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
