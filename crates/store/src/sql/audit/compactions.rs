//! The audit of what was compacted: what stays of the intents has to be exactly what the entry of their compaction says.

use std::collections::BTreeMap;

use domain::ids::Sha256;

use super::tables::{page, stored};
use crate::audit::{AuditReport, Problem};
use crate::chain::Link;
use crate::compaction::{KEPT, Kept, KeptSet, stub_of};
use crate::error::Fault;
use crate::sql::conn::Db;
use crate::sql::journal::Entry;
use crate::sql::{compact, statements};

/// What stays of compacted intents, by the entries that tell of their compactions. Intents have to come in the order of
/// their ids.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::sql) struct Compacted(BTreeMap<i64, KeptSet>);

impl Compacted {
    /// The next intent.
    pub(super) fn add(&mut self, compaction: i64, kept: &Sha256, entries: u64) {
        self.0.entry(compaction).or_insert_with(|| KeptSet::new(compaction)).add(kept, entries);
    }
}

/// Which compaction an intent went with, by its entries; an error in words when they do not agree. `None` when it did not.
pub(super) fn compaction_of(entries: &[Link<'_>]) -> Result<Option<i64>, String> {
    let Some(compaction) = entries.iter().find_map(|entry| stub_of(entry.body)) else { return Ok(None) };
    for (version, entry) in (1..).zip(entries) {
        if stub_of(entry.body) != Some(compaction) {
            return Err(format!("entry {} is not compacted, though others of its intent are", entry.seq));
        }
        if entry.version != version {
            return Err(format!("event {version} is missing"));
        }
    }
    Ok(Some(compaction))
}

/// What stays of a compacted intent, its rows read from the database.
pub(in crate::sql) async fn kept_of(db: &mut Db<'_>, id: &str, entries: &[Entry]) -> Result<Sha256, Fault> {
    let mut kept = Kept::of(id);
    kept.table(0, entries.len());
    entries.iter().for_each(|entry| kept.link(&entry.link(), &entry.hash));
    let tables = [statements::FROM_INTENTS, statements::FROM_SUGGESTIONS, statements::FROM_LEDGER];
    for (place, from) in (1..).zip(tables) {
        let columns = KEPT[place].1;
        let rows = page(db, columns, from, id).await?;
        kept.table(place, rows.len());
        for row in &rows {
            columns.iter().for_each(|column| kept.cell(stored(row, column).as_deref()));
        }
    }
    Ok(kept.digest())
}

/// Compares what stays with what the journal tells.
pub(super) async fn check(db: &mut Db<'_>, found: &Compacted, report: &mut AuditReport) -> Result<(), Fault> {
    let mut found = found.0.clone();
    report.compacted = found.values().map(|set| set.intents).sum();
    report.stubs = found.values().map(|set| set.entries).sum();
    // An entry that cannot be read was named with the chain.
    for told in compact::told(db).await?.into_iter().flatten() {
        let seq = told.seq.cast_signed();
        let set = found.remove(&seq).unwrap_or_else(|| KeptSet::new(seq));
        if told.archive.is_none() {
            report.erased_intents += set.intents;
        }
        let mut differs = |what: &str, expected: String, found: String| {
            report.add(Problem::CompactionDiffers { seq, what: what.to_owned(), expected, found });
        };
        for (what, expected, found) in
            [("intents", told.intents, set.intents), ("entries", told.entries, set.entries)]
        {
            if expected != found {
                differs(what, expected.to_string(), found.to_string());
            }
        }
        if told.digest != set.digest {
            differs("what stays of them", told.digest.to_string(), set.digest.to_string());
        }
    }
    for (seq, set) in found {
        report.add(Problem::NotCompacted { seq, intents: set.intents });
    }
    Ok(())
}
