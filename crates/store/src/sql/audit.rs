//! The audit's reading: everything in pages, at one moment of the database, with no more than some pages in memory.
//! `sweep` reads everything once and proves that it fits. Where it does not, the checks here (of the journal itself) and in
//! `tables` and `budgets` (of what lies beside it) go through it again, one by one, and name what they find.

mod archives;
mod beside;
mod budgets;
pub(super) mod cells;
mod compactions;
pub(super) mod indexes;
mod judge;
pub(super) mod round;
mod stretches;
mod sweep;
mod tables;
mod tallies;

use std::collections::BTreeSet;
use std::sync::Arc;

use sqlx::postgres::PgConnection;

use super::conn::{Db, Row, query};
use super::db_error::DbError;
use super::journal::Entry;
use super::sqlite::Reader;
use super::{postgres, sqlite, statements};
use crate::audit::{Anchor, AuditReport, ChainCheck, OnProgress, Problem, Witness, check_note};
use crate::checkpoint::{EVERY, Keeper, Note};
use crate::error::{Fault, StoreError};
use crate::time::Micros;
pub(super) use archives::check as check_archives;
use beside::Beside;
pub(super) use compactions::kept_of;
use indexes::Key;
use round::TABLES;
use sweep::{Rounds, Swept};

/// Rows a page.
const PAGE: i64 = 256;
const HEAD_FILE: &str = "the head file";

/// Who is told how far the audit is.
pub(super) struct Watch<'a> {
    total: u64,
    tell: OnProgress<'a>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(tell: OnProgress<'a>) -> Self {
        Self { total: 0, tell }
    }

    /// So many entries were looked at.
    fn saw(&mut self, entries: i64) {
        (self.tell)(entries.unsigned_abs(), self.total);
    }
}

/// The head file as it was before the moment at which the database is looked at: it may lag, and is never ahead. One that
/// cannot be read as one is a finding, not a failure.
pub(super) fn read_head(keeper: &Keeper, report: &mut AuditReport) -> Result<Option<Note>, Fault> {
    match keeper.head() {
        Err(StoreError::Damaged { detail, .. }) => {
            report.add(Problem::HeadChanged { detail });
            Ok(None)
        }
        head => Ok(head?),
    }
}

/// Who reads everything once: connections of their own.
pub(super) enum Readers {
    /// For the rows, for the file, and for what lies beside the rows.
    File(Box<[Reader; 3]>),
    /// For what lies beside the rows, and for each swept table.
    Server([PgConnection; 1 + TABLES.len()]),
}

/// Everything that can be named is in the report, also when the database is too damaged to be read to its end. `db` stands
/// at one moment of the database, and so do the readers; without them the slow checks alone are made.
pub(super) async fn verify(
    db: &mut Db<'_>,
    readers: Option<Readers>,
    (anchors, keeper, head): (&[Anchor], &Keeper, Option<&Note>),
    watch: Watch<'_>,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    match look(db, readers, (anchors, keeper, head), watch, report).await {
        Err(Fault::Sql(error)) if is_damage(&error) || !report.is_clean() => {
            report.add(Problem::Structure { detail: error.to_string() });
            Ok(())
        }
        looked => looked,
    }
}

async fn look(
    db: &mut Db<'_>,
    readers: Option<Readers>,
    (anchors, keeper, head): (&[Anchor], &Keeper, Option<&Note>),
    mut watch: Watch<'_>,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    let trusted = keeper.trusted()?;
    if matches!(db, Db::Sqlite(_)) {
        sqlite::check_schema(db, report).await?;
    }
    let origin: Option<String> = query(statements::ORIGIN).scalar(db).await?;
    let origin = origin.unwrap_or_default();
    let key = Arc::new(Key::new());
    let (rounds, under_way) = match readers {
        Some(Readers::File(readers)) => {
            let [rounds, beside @ ..] = *readers;
            (Some(Rounds::of_file(rounds)), Some(beside::of_file(beside, &origin, &trusted, &key)))
        }
        Some(Readers::Server([beside, rounds @ ..])) => {
            (Some(Rounds::of_server(rounds)), Some(beside::of_server(beside, &origin, &trusted)))
        }
        None => (None, None),
    };
    let mut check = ChainCheck::new(&origin, anchors);
    if let Some(head) = head {
        check_note(head, &origin, &trusted, HEAD_FILE, report);
        check.witness(head.seq, Witness::from_head(head, HEAD_FILE));
    }
    let swept = match rounds {
        Some(rounds) => sweep(db, (rounds, &key), &check, &mut watch, report).await,
        None => Ok(Swept::default()),
    };
    let beside = match under_way {
        Some(under_way) => under_way.end().await?,
        None => Beside::default(),
    };
    let swept = match swept {
        Err(Fault::Sql(error)) if is_damage(&error) => Swept::default(),
        swept => swept?,
    };
    if matches!(db, Db::Sqlite(_)) {
        structure(db, &beside, &swept, report).await?;
    }
    if !swept.entries_fit {
        chain(db, check, &mut watch, report).await?;
    }
    missing_files(head, &trusted, report);
    let wanted = report.head.as_ref().map_or(0, |head| head.seq / EVERY.unsigned_abs());
    match beside.checkpoints {
        Some(found) if found.unsigned_abs() == wanted => report.checkpoints = wanted,
        _ => checkpoints(db, &origin, &trusted, report).await?,
    }
    report.intents = swept.intents;
    let mut compacted = swept.compacted;
    match swept.odd {
        Some(odd) => tables::named(db, &odd, &mut compacted, report).await?,
        None => tables::stories(db, &mut compacted, report).await?,
    }
    compactions::check(db, &compacted, report).await?;
    budgets::check(db, &origin, swept.sums.as_ref(), report).await?;
    tallies::check(db, swept.tallies.as_ref(), report).await?;
    match beside.blobs {
        Some((whole, erased)) => (report.blobs, report.erased) = (whole, erased),
        None => tables::blobs(db, report).await?,
    }
    if !beside.exchanges_fit {
        tables::exchanges(db, report).await?;
    }
    Ok(())
}

/// What is wrong with the file. SQLite checks all of it, index by index, when anything in it does not fit.
async fn structure(
    db: &mut Db<'_>,
    beside: &Beside,
    swept: &Swept,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    let looked = beside.structure.as_ref();
    let odd =
        looked.zip(swept.indexed.as_ref()).map(|(found, wanted)| indexes::differing(&found.indexes, wanted));
    let problems = looked.map(|found| found.problems.as_slice());
    let mut lines = match (problems, odd.as_deref()) {
        // A row that is not as told may be one that its table forbids.
        (Some([]), Some([])) if swept.odd.as_ref().is_none_or(|odd| !odd.is_empty()) => {
            sqlite::quick(db).await?
        }
        (Some([]), Some([])) => return Ok(()),
        _ => sqlite::integrity(db).await?,
    };
    if lines.is_empty() {
        lines.extend(problems.unwrap_or_default().iter().cloned());
    }
    // SQLite does not count the entries of partial indexes: what is too much there is known from the sums only.
    for name in odd.unwrap_or_default() {
        let is_named = |line: &String| line.contains(name);
        if !lines.iter().any(is_named) && !report.structure().any(is_named) {
            lines.push(format!("index {name} does not hold what its table holds"));
        }
    }
    for detail in lines {
        report.add(Problem::Structure { detail });
    }
    Ok(())
}

/// The quick pass. When the journal holds as a whole, its figures are in the report, else `entries_fit` is false.
async fn sweep(
    db: &mut Db<'_>,
    (rounds, key): (Rounds, &Arc<Key>),
    check: &ChainCheck,
    watch: &mut Watch<'_>,
    report: &mut AuditReport,
) -> Result<Swept, Fault> {
    let last: Option<Option<i64>> = query(statements::LAST_ENTRY).scalar(db).await?;
    watch.total = last.flatten().unwrap_or_default().unsigned_abs();
    let mut swept = sweep::run(db, rounds, (check.genesis().as_str(), key), watch).await?;
    let Some(chain) = swept.chain.take().filter(|chain| chain.entries == swept.entries) else {
        swept.entries_fit = false;
        return Ok(swept);
    };
    for (seq, witnesses) in check.witnesses() {
        let row = query(statements::HASH_AND_TIME).bind(*seq).row(db).await?;
        let row = row.map(|row| Ok::<_, DbError>((row.get(0)?, row.get(1)?))).transpose()?;
        swept.entries_fit &= check.agrees(*seq, witnesses, row.as_ref());
    }
    if swept.entries_fit {
        report.told(chain.entries, chain.back, chain.hash);
    }
    Ok(swept)
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
fn is_damage(error: &DbError) -> bool {
    error.is_of_column() || error.is_corrupt()
}

async fn chain(
    db: &mut Db<'_>,
    mut check: ChainCheck,
    watch: &mut Watch<'_>,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    let mut after = i64::MIN;
    loop {
        let rows = query(statements::ENTRIES_AFTER).bind(after).bind(PAGE).rows(db).await?;
        let Some(last) = rows.last() else { break };
        after = last.get("seq")?;
        let entries: Vec<_> = rows.iter().map(Entry::from_row).collect();
        let attached = entries.iter().flatten().flat_map(|e| e.link().blobs()).map(str::to_owned);
        let missing = missing_blobs(db, &attached.collect()).await?;
        for (row, entry) in rows.iter().zip(&entries) {
            let Ok(entry) = entry else {
                let hash = row.get::<String>("hash").unwrap_or_default();
                check.unreadable(row.get("seq")?, &hash, report);
                continue;
            };
            check.entry(&entry.link(), &entry.hash, report);
            for sha256 in entry.link().blobs().filter(|sha256| missing.contains(*sha256)) {
                report.add(Problem::BlobMissing { sha256: sha256.to_owned(), seq: entry.seq });
            }
        }
        watch.saw(i64::try_from(report.events).unwrap_or(i64::MAX));
    }
    check.finish(report);
    Ok(())
}

/// Those of these hashes that no blob has, erased ones counted as there.
async fn missing_blobs(db: &mut Db<'_>, named: &BTreeSet<String>) -> Result<BTreeSet<String>, Fault> {
    if named.is_empty() {
        return Ok(BTreeSet::new());
    }
    let (text, list) = match db {
        Db::Sqlite(_) => (sqlite::BLOBS_NAMED, sqlite::list(named)),
        Db::Postgres(_) => (postgres::BLOBS_NAMED, postgres::list(named)),
    };
    let there: Vec<String> = query(text).bind(list).scalars(db).await?;
    let there: BTreeSet<String> = there.into_iter().collect();
    Ok(named.difference(&there).cloned().collect())
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

#[cfg(test)]
impl super::Database {
    /// The quick pass alone finds nothing that the slow checks would have to look at.
    pub(super) async fn assert_swept(&self, report: &AuditReport) {
        use sqlx::Connection as _;

        let mut turn = self.look().await.unwrap();
        let mut tell = |_, _| {};
        let origin: Option<String> = query(statements::ORIGIN).scalar(&mut turn.db()).await.unwrap();
        let origin = origin.unwrap();
        let key = Arc::new(Key::new());
        let (rounds, beside) = match &self.backend {
            super::Backend::Sqlite(..) => {
                let reader = || super::sqlite::Reader::open(&self.name, super::sqlite::FEW).unwrap();
                (Rounds::of_file(reader()), beside::of_file([reader(), reader()], &origin, &[], &key))
            }
            super::Backend::Postgres(server) => {
                let mut conn = server.readers.connect().await.unwrap();
                let mut tx = conn.begin_with(postgres::SNAPSHOT).await.unwrap();
                let conns: [PgConnection; 1 + TABLES.len()] = server.readers.beside(&mut tx).await.unwrap();
                let [beside, rounds @ ..] = conns;
                (Rounds::of_server(rounds), beside::of_server(beside, &origin, &[]))
            }
        };
        let beside = beside.end().await.unwrap();
        let genesis = ChainCheck::new(&origin, &[]).genesis().to_string();
        let swept =
            sweep::run(&mut turn.db(), rounds, (&genesis, &key), &mut Watch::new(&mut tell)).await.unwrap();
        assert_eq!((swept.entries.unsigned_abs(), swept.intents), (report.events, report.intents));
        let (mut compacted, mut again) = (compactions::Compacted::default(), AuditReport::default());
        tables::stories(&mut turn.db(), &mut compacted, &mut again).await.unwrap();
        assert_eq!(
            (&compacted, again.problems, again.intents),
            (&swept.compacted, Vec::new(), report.intents)
        );
        assert_eq!((swept.entries_fit, swept.odd, swept.sums.is_some()), (true, Some(Vec::new()), true));
        let chain = swept.chain.unwrap();
        assert_eq!((chain.entries, chain.back.unsigned_abs()), (swept.entries, report.clock_went_back));
        assert_eq!(chain.hash, report.head.as_ref().map(|head| head.hash.clone()));
        assert!(beside.exchanges_fit);
        if matches!(self.backend, super::Backend::Sqlite(..)) {
            let structure = beside.structure.unwrap();
            assert_eq!(structure.problems, Vec::<String>::new());
            assert_eq!(indexes::differing(&structure.indexes, &swept.indexed.unwrap()), Vec::<&str>::new());
        }
        assert_eq!(beside.blobs, Some((report.blobs, report.erased)));
        assert_eq!(beside.checkpoints.map(i64::unsigned_abs), Some(report.checkpoints));
    }
}
