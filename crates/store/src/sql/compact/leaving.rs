//! What goes of some intents, and what stays. Which intents they are, what their stubs keep, and what nobody else names, is kept
//! in temporary tables; what has to fit into memory is 32 bytes and little more for each answer and blob that may go.

use std::collections::HashSet;

use crate::archive::{Answer, Blob, Writer};
use crate::compaction::{KeptSet, names_in, stub, stub_of};
use crate::error::Fault;
use crate::sql::conn::{Db, Seen, built, query, run_script};
use crate::sql::journal::{Entry, parse_hash};
use crate::sql::rows::{self, Rows};
use crate::sql::{audit, blobs, statements};
use crate::witness::JournalEntry;

/// Rows a page.
const PAGE: i64 = 256;
/// The same of rows of which little is kept.
const LARGE_PAGE: i64 = 4096;
/// Names in one statement.
const NAMES: usize = 200;

/// Where it goes to.
pub(in crate::sql) struct Archiving<'w> {
    pub(in crate::sql) writer: &'w mut Writer,
    /// Whether bytes go there too; else they are gone.
    pub(in crate::sql) with_blobs: bool,
}

/// What was done.
pub(in crate::sql) struct Left {
    /// What stays of the chosen intents.
    pub(in crate::sql) kept: KeptSet,
    /// How many blobs and recorded answers went.
    pub(in crate::sql) blobs: u64,
    pub(in crate::sql) exchanges: u64,
    /// How many of both the chosen intents name and others too, so that they stay.
    pub(in crate::sql) shared: u64,
}

/// Everything that goes of the chosen intents: out of the database, and into a file if there is one. `compaction` is the
/// number of the entry that will tell of it.
pub(in crate::sql) async fn take_away(
    db: &mut Db<'_>,
    mut into: Option<Archiving<'_>>,
    compaction: i64,
) -> Result<Left, Fault> {
    let is_erasing = into.is_none();
    let entries = leave_entries(db, &mut into).await?;
    let shared = spare_named(db).await?;
    let mut exchanges = take_answers(db, &mut into).await?;
    if is_erasing {
        // Also those that others name: they are not asked with this answer again.
        exchanges += query(statements::DROP_OWN_ANSWERS).execute(db).await?;
    }
    let spared_for_answers = query(statements::SPARE_ANSWERS).execute(db).await?;
    if let Some(into) = into.filter(|into| into.with_blobs) {
        write_blobs(db, into.writer).await?;
    }
    let blobs = query(statements::DROP_GOING_BLOBS).execute(db).await?;
    let stubs = query(statements::MAKE_STUBS).bind(stub(compaction).as_slice()).execute(db).await?;
    if is_erasing {
        query(statements::CLEAR_TEXTS).execute(db).await?;
    }
    let kept = kept(db, compaction).await?;
    if (kept.entries, stubs) != (entries, entries) {
        let what = format!("{entries} entries were expected, and {stubs} are there");
        return Err(Fault::Damaged(format!("the intents that go have gaps: {what}")));
    }
    run_script(db, statements::DROP_COMPACTING.to_owned()).await?;
    Ok(Left { kept, blobs, exchanges, shared: shared + spared_for_answers })
}

/// Each entry is proved before it goes; what it names is noted, and what its stub keeps. Gives how many there are.
async fn leave_entries(db: &mut Db<'_>, into: &mut Option<Archiving<'_>>) -> Result<u64, Fault> {
    let (mut after, mut count) = (String::new(), 0);
    loop {
        let ids: Vec<String> =
            query(statements::COMPACTING_AFTER).bind(after.as_str()).bind(PAGE).scalars(db).await?;
        let Some(last) = ids.last() else { return Ok(count) };
        after.clone_from(last);
        let (mut names, mut stubs) = (Names::default(), Vec::new());
        for id in &ids {
            let rows = query(statements::ENTRIES_OF_INTENT).bind(id.as_str()).rows(db).await?;
            for (version, row) in (1..).zip(&rows) {
                let entry =
                    Entry::from_row(row).map_err(|e| Fault::Damaged(format!("an entry of {id}: {e}")))?;
                if entry.version != version || !entry.link().has_hash(&entry.hash) {
                    return Err(Fault::Damaged(format!(
                        "entry {} was changed: it stays, with all others",
                        entry.seq
                    )));
                }
                names.add(&entry.body);
                names.add(entry.attached.as_bytes());
                let link = entry.link();
                let (attached, exchange) = (link.attached_to_stub(), link.exchange().unwrap_or_default());
                stubs.push(vec![entry.seq.into(), attached.into(), exchange.to_owned().into()]);
                if let Some(into) = into {
                    into.writer.entry(&as_text(entry)?)?;
                }
            }
        }
        count += stubs.len() as u64;
        rows::put_all(db, &[Rows { table: &statements::STUBS, rows: &stubs }]).await?;
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

    /// Runs a statement that has so many places for names; gives how many rows it changed.
    async fn each_chunk(self, db: &mut Db<'_>, text: fn(usize) -> String) -> Result<u64, Fault> {
        let names: Vec<String> = self.0.into_iter().collect();
        let mut changed = 0;
        for chunk in names.chunks(NAMES) {
            let mut statement = built(text(chunk.len()));
            for name in chunk {
                statement = statement.bind(name.as_str());
            }
            changed += statement.execute(db).await?;
        }
        Ok(changed)
    }
}

/// What any entry that stays names, in its body or beside it, stays too. Each of them is looked at, and so this is what takes
/// long where little goes. Gives how many are spared.
async fn spare_named(db: &mut Db<'_>) -> Result<u64, Fault> {
    let mut going = going(db).await?;
    let (mut after, mut spared) = (0_i64, 0);
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
        let Some((last, _)) = rows.last() else { return Ok(spared) };
        after = *last;
        let names = Names(rows.into_iter().flat_map(|(_, names)| names.0).collect());
        for name in &names.0 {
            going.remove(&key(name));
        }
        spared += names.each_chunk(db, statements::spare_names).await?;
    }
    Ok(spared)
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

async fn take_answers(db: &mut Db<'_>, into: &mut Option<Archiving<'_>>) -> Result<u64, Fault> {
    let mut after = String::new();
    while let Some(into) = into {
        let rows = query(statements::GOING_ANSWERS).bind(after.as_str()).bind(PAGE).rows(db).await?;
        let Some(last) = rows.last() else { break };
        after = last.get("request")?;
        for row in &rows {
            into.writer.answer(&Answer {
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
