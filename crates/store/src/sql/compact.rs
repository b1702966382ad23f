//! Compacting: one transaction that writes the file, takes bodies and bytes away, and records that. Whoever dies in it
//! leaves a file that the next one writes over, and nothing else. Which intents go, and what still names their bytes, is
//! kept in temporary tables; what has to fit into memory is 32 bytes and little more for each answer and blob that may go.

use std::collections::HashSet;
use std::path::Path;

use domain::event::EVENT_FORMAT;
use domain::ids::IntentId;
use domain::registry::{REGISTRY, RegistryEvent};

use super::conn::{Db, Row, Seen, built, query, run_script};
use super::db_error::DbError;
use super::journal::{Entry, Tail, parse_hash};
use super::{Database, audit, blobs, journal, postgres, statements};
use crate::archive::{Answer, Blob, First, Writer, sha256_of};
use crate::checkpoint::Keeper;
use crate::compaction::{Compactable, Compaction, KeptSet, SHORTEST_BODY, names_in, stub, stub_of};
use crate::error::Fault;
use crate::store::Compacting;
use crate::time::Micros;
use crate::witness::JournalEntry;

/// Rows a page.
const PAGE: i64 = 256;
/// The same of rows of which little is kept.
const LARGE_PAGE: i64 = 4096;
/// Names in one statement.
const NAMES: usize = 200;

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

fn event_of(compaction: &Compaction) -> RegistryEvent {
    let Compaction { before, file, sha256, intents, entries, blobs, exchanges, digest, by, .. } =
        compaction.clone();
    RegistryEvent::Compacted {
        before: before.0,
        file,
        sha256,
        intents,
        entries,
        blobs,
        exchanges,
        digest,
        by,
    }
}

/// An entry of the registry as the compaction that it tells of.
pub(super) fn compaction_of(entry: &Entry) -> Option<Compaction> {
    let Ok(RegistryEvent::Compacted { before, file, sha256, intents, entries, blobs, exchanges, digest, by }) =
        entry.registry_event()
    else {
        return None;
    };
    let (seq, at, before) = (entry.seq.unsigned_abs(), Micros(entry.at), Micros(before));
    Some(Compaction { seq, at, before, file, sha256, intents, entries, blobs, exchanges, digest, by })
}

/// Each entry of that name, as what it tells; `None` for one that cannot be read.
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
    if told(db).await?.iter().flatten().any(|compaction| compaction.sha256 == sha256) {
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
    let done = take_away(db, &mut writer, &first, wanted).await;
    let (kept, blobs, exchanges) = match done {
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
        before: wanted.before,
        file,
        sha256,
        intents: kept.intents,
        entries: kept.entries,
        blobs,
        exchanges,
        digest: kept.digest,
        by: wanted.by.to_owned(),
    }))
}

/// Writes down which intents go; `None` when there are none.
async fn choose(db: &mut Db<'_>, tail: &Tail, wanted: &Compacting<'_>) -> Result<Option<First>, Fault> {
    let tables = match db {
        Db::Sqlite(_) => statements::COMPACTING_TABLES.to_owned(),
        Db::Postgres(_) => postgres::translated(statements::COMPACTING_TABLES),
    };
    run_script(db, tables).await?;
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

/// Everything between the first line and the last one: into the file, and out of the database. Gives what stays, and how
/// many blobs and recorded answers went.
async fn take_away(
    db: &mut Db<'_>,
    writer: &mut Writer,
    first: &First,
    wanted: &Compacting<'_>,
) -> Result<(KeptSet, u64, u64), Fault> {
    write_entries(db, writer).await?;
    spare_named(db).await?;
    let exchanges = take_answers(db, writer).await?;
    query(statements::SPARE_ANSWERS).execute(db).await?;
    let blobs = take_blobs(db, writer, wanted).await?;
    let body = stub(first.compaction);
    let stubs =
        query(statements::MAKE_STUBS).bind(body.as_slice()).bind(i64::from(EVENT_FORMAT)).execute(db).await?;
    let kept = kept(db, first.compaction).await?;
    if (kept.intents, kept.entries, stubs) != (first.intents, first.entries, first.entries) {
        let what = format!("{} entries were expected, and {stubs} are there", first.entries);
        return Err(Fault::Damaged(format!("the intents to be compacted have gaps: {what}")));
    }
    run_script(db, statements::DROP_COMPACTING.to_owned()).await?;
    Ok((kept, blobs, exchanges))
}

/// Each entry is proved before it goes, and what it names is noted.
async fn write_entries(db: &mut Db<'_>, writer: &mut Writer) -> Result<(), Fault> {
    let mut after = String::new();
    loop {
        let ids: Vec<String> =
            query(statements::COMPACTING_AFTER).bind(after.as_str()).bind(PAGE).scalars(db).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after.clone_from(last);
        let mut names = Names::default();
        for id in &ids {
            let rows = query(statements::ENTRIES_OF_INTENT).bind(id.as_str()).rows(db).await?;
            for (version, row) in (1..).zip(&rows) {
                let entry =
                    Entry::from_row(row).map_err(|e| Fault::Damaged(format!("an entry of {id}: {e}")))?;
                if entry.version != version || !entry.link().has_hash(&entry.hash) {
                    return Err(Fault::Damaged(format!(
                        "entry {} was changed: nothing is compacted",
                        entry.seq
                    )));
                }
                names.add(&entry.body);
                names.add(entry.attached.as_bytes());
                writer.entry(&as_text(entry)?)?;
            }
        }
        names.each_chunk(db, statements::note_names).await?;
    }
}

fn as_text(entry: Entry) -> Result<JournalEntry, Fault> {
    let Entry { seq, intent, version, at, name, format, body, attached, prev, hash } = entry;
    let body = String::from_utf8(body).map_err(|_| Fault::Damaged(format!("entry {seq} is not text")))?;
    Ok(JournalEntry { seq, intent, version, at, name, format, body, attached, prev, hash })
}

/// Names that were found, each once.
#[derive(Debug, Default)]
struct Names(std::collections::BTreeSet<String>);

impl Names {
    fn add(&mut self, bytes: &[u8]) {
        self.0.extend(names_in(bytes).map(str::to_owned));
    }

    /// Runs a statement that has so many places for names.
    async fn each_chunk(self, db: &mut Db<'_>, text: fn(usize) -> String) -> Result<(), Fault> {
        let names: Vec<String> = self.0.into_iter().collect();
        for chunk in names.chunks(NAMES) {
            let mut statement = built(text(chunk.len()));
            for name in chunk {
                statement = statement.bind(name.as_str());
            }
            statement.execute(db).await?;
        }
        Ok(())
    }
}

/// What any entry that stays names, in its body or beside it, stays too. Each of them is looked at, and so this is what takes
/// long where little goes.
async fn spare_named(db: &mut Db<'_>) -> Result<(), Fault> {
    let mut going = going(db).await?;
    let mut after = 0_i64;
    while !going.is_empty() {
        let named = |row: &Seen<'_>| {
            let body = row.bytes(1)?;
            let mut names = Names::default();
            // What was compacted before needs nothing any more.
            if stub_of(body).is_none() {
                for bytes in [body, row.text(2)?.as_bytes()] {
                    let spared = names_in(bytes).filter(|name| going.contains(&key(name)));
                    names.0.extend(spared.map(str::to_owned));
                }
            }
            Ok((row.get::<i64>(0)?, names))
        };
        let rows = query(statements::STAYING_AFTER).bind(after).bind(LARGE_PAGE).each(db, named).await?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = *last;
        let names = Names(rows.into_iter().flat_map(|(_, names)| names.0).collect());
        for name in &names.0 {
            going.remove(&key(name));
        }
        names.each_chunk(db, statements::spare_names).await?;
    }
    Ok(())
}

/// The names of what may go.
async fn going(db: &mut Db<'_>) -> Result<HashSet<[u8; 32]>, Fault> {
    let (mut going, mut after) = (HashSet::new(), String::new());
    loop {
        let page = query(statements::GOING_AFTER).bind(after.as_str()).bind(LARGE_PAGE);
        let names: Vec<String> = page.scalars(db).await?;
        going.extend(names.iter().map(|name| key(name)));
        let Some(last) = names.into_iter().next_back() else { return Ok(going) };
        after = last;
    }
}

/// A name as [`names_in`] finds them, so a hash in hexadecimal, as its bytes.
fn key(name: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    let _ = hex::decode_to_slice(name, &mut bytes);
    bytes
}

async fn take_answers(db: &mut Db<'_>, writer: &mut Writer) -> Result<u64, Fault> {
    let mut after = String::new();
    loop {
        let rows = query(statements::GOING_ANSWERS).bind(after.as_str()).bind(PAGE).rows(db).await?;
        let Some(last) = rows.last() else { break };
        after = last.get("request")?;
        for row in &rows {
            writer.answer(&Answer {
                request: row.get("request")?,
                provider: row.get("provider")?,
                model: row.get("model")?,
                form: row.get("form")?,
                answer: row.get("answer")?,
                usage: row.get("usage")?,
                at: row.get::<i64>("at")?.to_string(),
                seq: row.get("seq")?,
            })?;
        }
    }
    Ok(query(statements::DROP_GOING_ANSWERS).execute(db).await?)
}

/// The rows stay without their bytes, as of what was erased.
async fn take_blobs(db: &mut Db<'_>, writer: &mut Writer, wanted: &Compacting<'_>) -> Result<u64, Fault> {
    if wanted.keep_blobs {
        write_blobs(db, writer).await?;
    }
    Ok(query(statements::ERASE_GOING).bind(wanted.at.0).execute(db).await?)
}

/// One at a time: they may be large.
async fn write_blobs(db: &mut Db<'_>, writer: &mut Writer) -> Result<(), Fault> {
    let mut after = String::new();
    loop {
        let name: Option<String> = query(statements::GOING_BLOB).bind(after.as_str()).scalar(db).await?;
        let Some(name) = name else { return Ok(()) };
        let sha256 = parse_hash(&name, "a blob")?;
        if let Some(bytes) = blobs::get(db, &sha256).await? {
            writer.blob(&Blob::new(sha256, bytes))?;
        }
        after = name;
    }
}

/// What stays of the chosen intents, as the audit will work it out.
async fn kept(db: &mut Db<'_>, compaction: i64) -> Result<KeptSet, Fault> {
    let mut set = KeptSet::new(compaction);
    let mut after = String::new();
    loop {
        let ids: Vec<String> =
            query(statements::COMPACTING_AFTER).bind(after.as_str()).bind(PAGE).scalars(db).await?;
        let Some(last) = ids.last() else { return Ok(set) };
        after.clone_from(last);
        for id in &ids {
            let rows = query(statements::ENTRIES_OF_INTENT).bind(id.as_str()).rows(db).await?;
            let entries = rows.iter().map(Entry::from_row).collect::<Result<Vec<_>, _>>()?;
            let digest = audit::kept_of(db, id, &entries).await?;
            set.add(&digest, entries.len() as u64);
        }
    }
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

#[cfg(test)]
mod tests {
    use domain::ids::Sha256;

    use super::*;

    #[test]
    fn a_name_is_noted_once() {
        let mut names = Names::default();
        let hash = Sha256::of(b"x").to_string();
        names.add(format!("blob:{hash} blob:{hash}").as_bytes());
        assert_eq!(names.0.into_iter().collect::<Vec<_>>(), [hash]);
    }
}
