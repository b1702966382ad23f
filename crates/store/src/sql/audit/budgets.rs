//! The audit of the registry's own entries, and of the budgets' counters: what the ledger and the recorded resets say they
//! should be.

use std::collections::BTreeMap;

use domain::event::EVENT_FORMAT;
use domain::registry::{REGISTRY, RegistryEvent};

use super::judge::Sums;
use crate::audit::{AuditReport, Problem};
use crate::checkpoint::is_vouched_for;
use crate::error::Fault;
use crate::sql::conn::{Db, query};
use crate::sql::journal::Entry;
use crate::sql::statements;

/// A row's columns: money, requests, forgiven money, forgiven requests, and tokens, which only minutes count.
type Counts = [i64; 5];
const COLUMNS: [&str; 5] = ["money", "requests", "forgiven_money", "forgiven_requests", "tokens"];

/// By scope and stretch. There are as many as days and agents, not as intents.
type Rows = BTreeMap<(String, String), Counts>;

/// The rows of minutes are left out: they are kept for a while only.
pub(super) async fn check(
    db: &mut Db<'_>,
    origin: &str,
    sums: Option<&Sums>,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    let mut expected = match sums {
        Some(sums) => expected_of(sums),
        None => expected(db).await?,
    };
    registry_entries(db, origin, &mut expected, report).await?;
    let mut found = Rows::new();
    for row in query(statements::BUDGET_ROWS).rows(db).await? {
        let mut counts = Counts::default();
        for (count, column) in counts.iter_mut().zip(COLUMNS) {
            *count = row.get(column)?;
        }
        found.insert((row.get("scope")?, row.get("stretch")?), counts);
    }
    compare(&expected, &found, report);
    Ok(())
}

/// What the ledger adds up to, by the database.
async fn expected(db: &mut Db<'_>) -> Result<Rows, Fault> {
    let mut expected = Rows::new();
    for row in query(statements::LEDGER_SUMS).rows(db).await? {
        let counts = [row.get("money")?, row.get("requests")?, 0, 0, 0];
        expected.insert((row.get("scope")?, row.get("stretch")?), counts);
    }
    Ok(expected)
}

/// The same of sums that were taken already.
fn expected_of(sums: &Sums) -> Rows {
    let mut expected = Rows::new();
    for ([agent, day, week, month], [money, requests]) in sums {
        let scopes = agent.iter().map(|name| format!("agent:{name}")).chain(["global".to_owned()]);
        let stretches = [("day", day), ("week", week), ("month", month)];
        let stretches =
            stretches.iter().filter_map(|(name, value)| Some(format!("{name}:{}", value.as_ref()?)));
        let stretches: Vec<String> = stretches.collect();
        for scope in scopes {
            for stretch in &stretches {
                let counts = expected.entry((scope.clone(), stretch.clone())).or_default();
                counts[0] = counts[0].saturating_add(*money);
                counts[1] = counts[1].saturating_add(*requests);
            }
        }
    }
    expected
}

/// The registry's own entries, in order; the last reset of a stretch holds.
async fn registry_entries(
    db: &mut Db<'_>,
    origin: &str,
    expected: &mut Rows,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    let rows = query(statements::ENTRIES_OF_INTENT).bind(REGISTRY).rows(db).await?;
    // An entry that cannot be read was named with the chain.
    let entries: Vec<Entry> = rows.iter().filter_map(|row| Entry::from_row(row).ok()).collect();
    for (version, entry) in (1..).zip(&entries) {
        if entry.version != version {
            let detail = format!("entry {version} of the registry is missing");
            report.add(Problem::IllegalStory { intent: REGISTRY.to_owned(), detail });
            return Ok(());
        }
        if entry.format > i64::from(EVENT_FORMAT) {
            return Ok(());
        }
        match entry.registry_event() {
            Ok(RegistryEvent::BudgetReset { scope, stretch, forgiven, requests, .. }) => {
                let counts = expected.entry((scope, stretch)).or_default();
                counts[2] = i64::try_from(forgiven.micros()).unwrap_or(i64::MAX);
                counts[3] = i64::try_from(requests).unwrap_or(i64::MAX);
            }
            Ok(RegistryEvent::KeyRotated { old, new, proof })
                if !is_vouched_for(origin, &old, &new, &proof) =>
            {
                let where_from = format!("entry {}", entry.seq);
                let detail = format!("the old key does not vouch for the new one, {new}");
                report.add(Problem::BadSignature { where_from, detail });
            }
            // What was compacted is compared by itself.
            Ok(
                RegistryEvent::KeyRotated { .. }
                | RegistryEvent::Erased { .. }
                | RegistryEvent::IntentsErased { .. }
                | RegistryEvent::Compacted { .. },
            ) => {}
            Err(detail) => report.add(Problem::IllegalStory { intent: REGISTRY.to_owned(), detail }),
        }
    }
    Ok(())
}

fn compare(expected: &Rows, found: &Rows, report: &mut AuditReport) {
    let keys = expected.keys().chain(found.keys().filter(|key| !expected.contains_key(*key)));
    for key in keys {
        let (wanted, there) = (expected.get(key), found.get(key));
        let zero = Counts::default();
        // A row without a count is as good as none: what was given back leaves one.
        if wanted.unwrap_or(&zero) == there.unwrap_or(&zero) {
            continue;
        }
        let (wanted, there) = (wanted.unwrap_or(&zero), there.unwrap_or(&zero));
        for (column, (wanted, there)) in COLUMNS.iter().zip(wanted.iter().zip(there)) {
            if wanted != there {
                report.add(Problem::BudgetDiffers {
                    scope: key.0.clone(),
                    stretch: key.1.clone(),
                    column: (*column).to_owned(),
                    expected: Some(wanted.to_string()),
                    found: Some(there.to_string()),
                });
            }
        }
    }
}
