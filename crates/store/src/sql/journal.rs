//! The journal's rows: the tail, appending, and one intent's events.

use domain::event::{EVENT_FORMAT, Event};
use domain::ids::{IntentId, Sha256};
use domain::registry::{REGISTRY, RegistryEvent};

use super::conn::{Db, Row, built, query};
use super::db_error::DbError;
use super::{exchanges, statements, tallies};
use crate::append::{Append, Recorded};
use crate::chain::{Link, attached_blob, genesis};
use crate::checkpoint::{EVERY, Keeper, Note};
use crate::error::{AppendError, Fault, Stop};
use crate::tally::Tally;
use crate::time::Micros;
use crate::witness::JournalEntry;

/// The end of the journal, and how far one intent is.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) origin: String,
    /// 0 in an empty journal.
    pub(super) seq: i64,
    /// In an empty journal, what the first row's `prev` will be.
    pub(super) hash: Sha256,
    /// When that row was recorded.
    pub(super) at: Micros,
    /// The intent's version; 0 when it is new.
    pub(super) version: i64,
    pub(super) first_seq: Option<i64>,
    pub(super) created_at: Option<i64>,
    /// What the intent's row adds to the figures, when there is one.
    pub(super) tally: Option<Tally>,
}

/// One row as it is stored.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) seq: i64,
    pub(crate) intent: String,
    pub(crate) version: i64,
    pub(crate) at: i64,
    pub(crate) name: String,
    pub(crate) format: i64,
    pub(crate) body: Vec<u8>,
    pub(crate) attached: String,
    pub(crate) prev: String,
    pub(crate) hash: String,
}

impl Entry {
    /// From a row of a statement that reads whole entries: all of them name the columns in this order.
    pub(super) fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            seq: row.get(0)?,
            intent: row.get(1)?,
            version: row.get(2)?,
            at: row.get(3)?,
            name: row.get(4)?,
            format: row.get(5)?,
            body: row.get(6)?,
            attached: row.get(7)?,
            prev: row.get(8)?,
            hash: row.get(9)?,
        })
    }

    /// The row without its hash.
    pub(crate) fn link(&self) -> Link<'_> {
        Link {
            seq: self.seq,
            intent: &self.intent,
            version: self.version,
            at: self.at,
            name: &self.name,
            format: self.format,
            body: &self.body,
            attached: &self.attached,
            prev: &self.prev,
        }
    }

    /// The entry of the registry itself; an error says in words why it cannot be read.
    pub(crate) fn registry_event(&self) -> Result<RegistryEvent, String> {
        serde_json::from_slice(&self.body).map_err(|e| format!("entry {}: {e}", self.seq))
    }
}

pub(super) async fn tail(db: &mut Db<'_>, intent: &str) -> Result<Tail, Fault> {
    let row = query(statements::TAIL).bind(intent).row(db).await?;
    let row = row.ok_or_else(|| Fault::Damaged("it has no origin".to_owned()))?;
    let origin: String = row.get("origin")?;
    let hash = match row.get::<Option<String>>("hash")? {
        Some(hash) => parse_hash(&hash, "the last entry")?,
        None => genesis(&origin),
    };
    let known = row.get::<Option<i64>>("first_seq")?.is_some();
    Ok(Tail {
        tally: known.then(|| tallies::tally_in(&row)).transpose()?,
        seq: row.get::<Option<i64>>("seq")?.unwrap_or(0),
        at: Micros(row.get::<Option<i64>>("at")?.unwrap_or(0)),
        version: row.get("version")?,
        first_seq: row.get("first_seq")?,
        created_at: row.get("created_at")?,
        origin,
        hash,
    })
}

/// The head file is written after a commit, and nobody else can commit now: it must not be ahead of the tail.
pub(super) fn check_head(tail: &Tail, keeper: &Keeper) -> Result<(), Fault> {
    match keeper.head()? {
        Some(head) if head.seq > tail.seq || (head.seq == tail.seq && head.hash != tail.hash.as_str()) => {
            let (expected, found) = (head.seq.unsigned_abs(), tail.seq.unsigned_abs());
            Err(Fault::TailCut { expected, found })
        }
        _ => Ok(()),
    }
}

/// Rows in one insertion: as many as events come together, and few enough for the places of a statement.
const ROWS: usize = 32;

/// Appends the events and moves the tail; a checkpoint goes with every [`EVERY`]th entry.
pub(super) async fn write(
    db: &mut Db<'_>,
    tail: &mut Tail,
    entry: &Append<'_>,
    keeper: &Keeper,
) -> Result<(), Stop> {
    let attached = attached(entry)?;
    let bodies = entry.events.iter().map(|event| encode(entry, event)).collect::<Result<Vec<_>, _>>()?;
    let (seq, version) = (tail.seq, tail.version);
    let mut hashes = vec![tail.hash.clone()];
    for number in 0..bodies.len() {
        let row = Numbered { entry, seq, version, number, body: &bodies[number], attached: &attached };
        hashes.push(row.link(&hashes[number]).hash());
    }
    let mut links = Vec::with_capacity(bodies.len());
    for (number, body) in bodies.iter().enumerate() {
        let row = Numbered { entry, seq, version, number, body, attached: &attached };
        links.push((row.link(&hashes[number]), hashes[number + 1].as_str()));
    }
    for links in links.chunks(ROWS) {
        insert(db, links).await?;
    }
    for (link, hash) in links.iter().filter(|(link, _)| link.seq % EVERY == 0) {
        let hash = parse_hash(hash, "a new entry")?;
        add_checkpoint(db, keeper.sign(&tail.origin, link.seq, &hash, entry.at)?).await?;
    }
    (tail.seq, tail.version) = (seq + bodies.len() as i64, version + bodies.len() as i64);
    tail.hash.clone_from(&hashes[bodies.len()]);
    Ok(())
}

/// One of the events that are appended together.
#[derive(Debug, Clone, Copy)]
struct Numbered<'a> {
    entry: &'a Append<'a>,
    /// The last entry and the intent's version before all of them.
    seq: i64,
    version: i64,
    /// Which of them, from 0.
    number: usize,
    body: &'a [u8],
    /// What goes with the first of them.
    attached: &'a str,
}

impl<'a> Numbered<'a> {
    fn link(self, prev: &'a Sha256) -> Link<'a> {
        let number = self.number as i64 + 1;
        Link {
            seq: self.seq + number,
            intent: self.entry.intent.as_str(),
            version: self.version + number,
            at: self.entry.at.0,
            name: self.entry.events[self.number].name(),
            format: i64::from(EVENT_FORMAT),
            body: self.body,
            attached: if self.number == 0 { self.attached } else { "" },
            prev: prev.as_str(),
        }
    }
}

/// Appends an entry of the registry itself.
pub(super) async fn write_registry(
    db: &mut Db<'_>,
    tail: &mut Tail,
    event: &RegistryEvent,
    at: Micros,
    keeper: &Keeper,
) -> Result<(), Fault> {
    let unwritable = |error| Fault::Damaged(format!("{} cannot be recorded: {error}", event.name()));
    let body = serde_json::to_vec(event).map_err(unwritable)?;
    let (prev, version) = (tail.hash.to_string(), query(statements::REGISTRY_VERSION).number(db).await?);
    tail.seq += 1;
    let link = Link {
        seq: tail.seq,
        intent: REGISTRY,
        version: version + 1,
        at: at.0,
        name: event.name(),
        format: i64::from(EVENT_FORMAT),
        body: &body,
        attached: "",
        prev: &prev,
    };
    tail.hash = link.hash();
    insert(db, &[(link, tail.hash.as_str())]).await?;
    if tail.seq % EVERY == 0 {
        add_checkpoint(db, keeper.sign(&tail.origin, tail.seq, &tail.hash, at)?).await?;
    }
    Ok(())
}

/// Adds these entries with their hashes.
async fn insert(db: &mut Db<'_>, links: &[(Link<'_>, &str)]) -> Result<(), Fault> {
    let mut add = match links.len() {
        1 => query(statements::ADD_ENTRY),
        rows => built(statements::add_entries(rows)),
    };
    for (link, hash) in links {
        add = add.bind(link.seq).bind(link.intent).bind(link.version).bind(link.at);
        add = add.bind(link.name).bind(link.format).bind(link.body).bind(link.attached);
        add = add.bind(link.prev).bind(*hash);
    }
    add.execute(db).await?;
    Ok(())
}

async fn add_checkpoint(db: &mut Db<'_>, note: Note) -> Result<(), Fault> {
    let add = query(statements::ADD_CHECKPOINT).bind(note.seq).bind(note.hash).bind(note.at.0);
    add.bind(note.key).bind(note.signature).execute(db).await?;
    Ok(())
}

/// The event's bytes; what could not be read again is not written (a number that is none becomes `null`).
fn encode(entry: &Append<'_>, event: &Event) -> Result<Vec<u8>, AppendError> {
    let wrong = |error: serde_json::Error| AppendError::Contradiction {
        intent: entry.intent.clone(),
        what: format!("{} cannot be recorded: {error}", event.name()),
    };
    let body = serde_json::to_vec(event).map_err(wrong)?;
    serde_json::from_slice::<Event>(&body).map_err(wrong)?;
    Ok(body)
}

fn attached(entry: &Append<'_>) -> Result<String, Fault> {
    let mut words: Vec<String> = entry.blobs.iter().map(|(sha256, _)| attached_blob(sha256)).collect();
    words.sort();
    words.dedup();
    if let Some(exchange) = &entry.exchange {
        words.push(exchanges::digest(exchange)?);
    }
    Ok(words.join(" "))
}

/// One intent's events, each checked against its own hash, so that nobody acts on an edited one.
pub(super) async fn of_intent(db: &mut Db<'_>, intent: &IntentId) -> Result<Vec<Recorded>, Fault> {
    let rows = query(statements::ENTRIES_OF_INTENT).bind(intent.as_str()).rows(db).await?;
    let entries = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    for (expected, entry) in (1..).zip(&entries) {
        if entry.version != expected {
            return Err(Fault::Damaged(format!("intent {intent} has no event {expected}")));
        }
    }
    entries.iter().map(recorded).collect()
}

fn read(row: &Row) -> Result<Entry, Fault> {
    Entry::from_row(row).map_err(|e| Fault::Damaged(format!("an entry of the journal cannot be read: {e}")))
}

fn recorded(entry: &Entry) -> Result<Recorded, Fault> {
    let seq = entry.seq.unsigned_abs();
    if entry.format > i64::from(EVENT_FORMAT) {
        return Err(Fault::NewerEvent { seq, format: entry.format });
    }
    let hash = entry.link().hash();
    if hash.as_str() != entry.hash {
        return Err(Fault::Damaged(format!("entry {seq} was changed")));
    }
    let event = entry.link().event().map_err(Fault::Damaged)?;
    Ok(Recorded { seq, at: Micros(entry.at), event, hash })
}

/// A hash as it is stored, or what is damaged.
pub(super) fn parse_hash(text: &str, what: &str) -> Result<Sha256, Fault> {
    text.parse().map_err(|e| Fault::Damaged(format!("{what}: {e}")))
}

/// The entries after this number, as a witness needs them.
pub(super) async fn entries(db: &mut Db<'_>, after: i64, limit: i64) -> Result<Vec<JournalEntry>, Fault> {
    let rows = query(statements::ENTRIES_AFTER).bind(after).bind(limit).rows(db).await?;
    rows.iter()
        .map(|row| {
            let Entry { seq, intent, version, at, name, format, body, attached, prev, hash } = read(row)?;
            let not_text = |_| Fault::Damaged(format!("entry {seq} is not text"));
            let body = String::from_utf8(body).map_err(not_text)?;
            Ok(JournalEntry { seq, intent, version, at, name, format, body, attached, prev, hash })
        })
        .collect()
}
