//! Compacting: one transaction that writes the file, takes bodies and bytes away, and records that. Whoever dies in it
//! leaves a file that the next one writes over, and nothing else. What is taken away, and how, stands in `leaving.rs`; erasing
//! (`erase.rs`) takes the same away and writes no file.

mod leaving;

use std::path::Path;

use domain::event::EVENT_FORMAT;
use domain::ids::IntentId;
use domain::registry::{REGISTRY, RegistryEvent};

use super::conn::{Db, Row, built, query, run_script};
use super::db_error::DbError;
use super::journal::{Entry, Tail};
use super::{Database, journal, postgres, statements};
use crate::archive::{First, Writer, sha256_of};
use crate::checkpoint::Keeper;
use crate::compaction::{ArchiveFile, Compactable, Compaction, SHORTEST_BODY, stub_of};
use crate::error::Fault;
use crate::store::Compacting;
use crate::time::Micros;
pub(super) use leaving::{Archiving, Left, take_away};

impl Database {
    /// What would go, without doing anything.
    pub(crate) async fn compactable(&self, before: Micros) -> Result<Compactable, Fault> {
        let mut look = self.look().await?;
        let wanted = built(statements::compactable()).bind(before.0).bind(SHORTEST_BODY);
        let row = wanted.row(&mut look.db()).await;
        let Some(row) = look.done(row)? else { return Ok(Compactable::default()) };
        let number = |place: usize| Ok::<_, DbError>(row.get::<i64>(place)?.unsigned_abs());
        Ok(Compactable { intents: number(0)?, entries: number(1)?, bytes: number(2)? })
    }

    /// Compacts; `None` when there is nothing to compact.
    pub(crate) async fn compact(
        &self,
        wanted: &Compacting<'_>,
        keeper: &Keeper,
    ) -> Result<Option<Compaction>, Fault> {
        let mut turn = self.turn().await?;
        let mut tx = turn.begin().await?;
        let tail = journal::tail(&mut tx.db()).await?;
        journal::check_head(&tail, keeper.head()?.as_ref())?;
        refuse_taken(&mut tx.db(), &tail, wanted.file).await?;
        let Some(compaction) = compact_in(&mut tx.db(), &tail, wanted, keeper).await? else {
            return Ok(None);
        };
        self.record(tx, &event_of(&compaction), wanted.at, keeper).await?;
        Ok(Some(compaction))
    }

    /// The compactions that the journal tells of, the oldest first.
    pub(crate) async fn compactions(&self) -> Result<Vec<Compaction>, Fault> {
        let mut look = self.look().await?;
        let compactions = told(&mut look.db()).await;
        Ok(look.done(compactions)?.into_iter().flatten().collect())
    }
}

/// The event that tells of it.
pub(super) fn event_of(compaction: &Compaction) -> RegistryEvent {
    let Compaction { archive, intents, entries, blobs, exchanges, digest, by, .. } = compaction.clone();
    match archive {
        Some(ArchiveFile { before, file, sha256 }) => RegistryEvent::Compacted {
            before: before.0,
            file,
            sha256,
            intents,
            entries,
            blobs,
            exchanges,
            digest,
            by,
        },
        None => RegistryEvent::IntentsErased { intents, entries, blobs, exchanges, digest, by },
    }
}

/// An entry of the registry as the compaction or erasing that it tells of.
pub(super) fn compaction_of(entry: &Entry) -> Option<Compaction> {
    let (seq, at) = (entry.seq.unsigned_abs(), Micros(entry.at));
    Some(match entry.registry_event().ok()? {
        RegistryEvent::Compacted { before, file, sha256, intents, entries, blobs, exchanges, digest, by } => {
            let archive = Some(ArchiveFile { before: Micros(before), file, sha256 });
            Compaction { seq, at, archive, intents, entries, blobs, exchanges, digest, by }
        }
        RegistryEvent::IntentsErased { intents, entries, blobs, exchanges, digest, by } => {
            Compaction { seq, at, archive: None, intents, entries, blobs, exchanges, digest, by }
        }
        _ => return None,
    })
}

/// Each entry of those names, as what it tells; `None` for one that cannot be read.
pub(super) async fn told(db: &mut Db<'_>) -> Result<Vec<Option<Compaction>>, Fault> {
    let rows = query(statements::COMPACTIONS).bind(REGISTRY).rows(db).await?;
    let known = |row: &Row| {
        let entry = Entry::from_row(row).ok().filter(|entry| entry.format <= i64::from(EVENT_FORMAT))?;
        compaction_of(&entry)
    };
    Ok(rows.iter().map(known).collect())
}

/// A file that the journal names is never written over, nor one that is none of ours.
async fn refuse_taken(db: &mut Db<'_>, tail: &Tail, file: &Path) -> Result<(), Fault> {
    let Some(sha256) = sha256_of(file)? else { return Ok(()) };
    let taken = |why: &str| Err(Fault::Archive(file.to_owned(), why.to_owned()));
    if told(db).await?.iter().flatten().any(|told| told.archive.as_ref().is_some_and(|a| a.sha256 == sha256))
    {
        return taken("the journal names it as the record of a compaction: choose another name");
    }
    match crate::archive::Reader::open(file) {
        Ok(reader) if reader.first.origin == tail.origin => Ok(()),
        Ok(_) => taken("it is the record of another journal's compaction: choose another name"),
        Err(_) => taken("it is there already, and not the rest of a compaction: choose another name"),
    }
}

async fn compact_in(
    db: &mut Db<'_>,
    tail: &Tail,
    wanted: &Compacting<'_>,
    keeper: &Keeper,
) -> Result<Option<Compaction>, Fault> {
    let Some(first) = choose(db, tail, wanted).await? else { return Ok(None) };
    let mut writer = Writer::begin(wanted.file, first.clone())?;
    let into = Archiving { writer: &mut writer, with_blobs: wanted.keep_blobs };
    let done = take_away(db, Some(into), first.compaction).await;
    let done = done.and_then(|left| match (left.kept.intents, left.kept.entries) {
        found if found == (first.intents, first.entries) => Ok(left),
        found => Err(Fault::Damaged(format!(
            "the intents to be compacted have gaps: {:?} intents and entries were expected, {found:?} are there",
            (first.intents, first.entries)
        ))),
    });
    let Left { kept, blobs, exchanges, .. } = match done {
        Ok(done) => done,
        Err(fault) => {
            writer.give_up();
            return Err(fault);
        }
    };
    let sha256 = writer.finish(&kept, keeper)?;
    let file = wanted.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Some(Compaction {
        seq: first.compaction.unsigned_abs(),
        at: wanted.at,
        archive: Some(ArchiveFile { before: wanted.before, file, sha256 }),
        intents: kept.intents,
        entries: kept.entries,
        blobs,
        exchanges,
        digest: kept.digest,
        by: wanted.by.to_owned(),
    }))
}

/// Empty tables for what goes.
pub(super) async fn make_tables(db: &mut Db<'_>) -> Result<(), Fault> {
    let tables = match db {
        Db::Sqlite(_) => statements::COMPACTING_TABLES.to_owned(),
        Db::Postgres(_) => postgres::translated(statements::COMPACTING_TABLES),
    };
    Ok(run_script(db, tables).await?)
}

/// Writes down which intents go; `None` when there are none.
async fn choose(db: &mut Db<'_>, tail: &Tail, wanted: &Compacting<'_>) -> Result<Option<First>, Fault> {
    make_tables(db).await?;
    let chosen = built(statements::choose_compactable()).bind(wanted.before.0).bind(SHORTEST_BODY);
    let most = wanted.most.and_then(|most| i64::try_from(most).ok()).unwrap_or(i64::MAX);
    let chosen = chosen.bind(most);
    let intents = chosen.execute(db).await?;
    if intents == 0 {
        return Ok(None);
    }
    let span = query(statements::COMPACTING_SPAN).row(db).await?.ok_or(DbError::NoRow)?;
    Ok(Some(First {
        archive: crate::compaction::NAME.to_owned(),
        origin: tail.origin.clone(),
        compaction: tail.seq + 1,
        before: wanted.before.0,
        intents,
        entries: span.get::<i64>(0)?.unsigned_abs(),
        first_seq: span.get(1)?,
        last_seq: span.get(2)?,
    }))
}

/// What was compacted does not go on: whoever wants to append knew it from before.
pub(super) async fn refuse_appending(db: &mut Db<'_>, intent: &IntentId) -> Result<(), Fault> {
    let body: Option<Vec<u8>> = query(statements::FIRST_BODY).bind(intent.as_str()).scalar(db).await?;
    match body.and_then(|body| stub_of(&body)) {
        Some(compaction) => Err(gone(db, intent, compaction).await),
        None => Ok(()),
    }
}

/// Which compaction an intent went with, in an error of its own.
pub(super) async fn gone(db: &mut Db<'_>, intent: &IntentId, compaction: i64) -> Fault {
    let found =
        told(db).await.map(|all| all.into_iter().flatten().find(|c| i64::try_from(c.seq) == Ok(compaction)));
    match found {
        Ok(Some(compaction)) => Fault::Compacted(intent.clone(), Box::new(compaction)),
        Ok(None) => Fault::Damaged(format!(
            "intent {intent} was compacted at entry {compaction}, which does not tell so"
        )),
        Err(fault) => fault,
    }
}
