//! The journal's rows: the tail, appending, and one intent's events.

use domain::event::{EVENT_FORMAT, Event};
use domain::ids::{IntentId, Sha256};
use domain::registry::{REGISTRY, RegistryEvent};

use super::conn::{Db, Row, query};
use super::db_error::DbError;
use super::rows::{self, Cell, Rows};
use super::{compact, exchanges, statements};
use crate::append::{Append, Recorded};
use crate::chain::{Link, attached_blob, attached_salt, genesis};
use crate::checkpoint::{EVERY, Keeper, Note};
use crate::compaction::stub_of;
use crate::error::{AppendError, Fault, Stop};
use crate::time::Micros;
use crate::witness::JournalEntry;

/// The end of the journal.
#[derive(Debug, Clone)]
pub(super) struct Tail {
    pub(super) origin: String,
    /// 0 in an empty journal.
    pub(super) seq: i64,
    /// In an empty journal, what the first row's `prev` will be.
    pub(super) hash: Sha256,
    /// When that row was recorded.
    pub(super) at: Micros,
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

pub(super) async fn tail(db: &mut Db<'_>) -> Result<Tail, Fault> {
    let row = query(statements::TAIL).row(db).await?;
    tail_in(row.as_ref())
}

/// From the first row of a statement that begins with it.
pub(super) fn tail_in(row: Option<&Row>) -> Result<Tail, Fault> {
    let row = row.ok_or_else(|| Fault::Damaged("it has no origin".to_owned()))?;
    let origin: String = row.get("origin")?;
    let hash = match row.get::<Option<String>>("hash")? {
        Some(hash) => parse_hash(&hash, "the last entry")?,
        None => genesis(&origin),
    };
    let seq = row.get::<Option<i64>>("seq")?.unwrap_or(0);
    Ok(Tail { seq, at: Micros(row.get::<Option<i64>>("at")?.unwrap_or(0)), origin, hash })
}

/// The head file is written after a commit: one that was read before the tail must not be ahead of it.
pub(super) fn check_head(tail: &Tail, head: Option<&Note>) -> Result<(), Fault> {
    match head {
        Some(head) if head.seq > tail.seq || (head.seq == tail.seq && head.hash != tail.hash.as_str()) => {
            let (expected, found) = (head.seq.unsigned_abs(), tail.seq.unsigned_abs());
            Err(Fault::TailCut { expected, found })
        }
        _ => Ok(()),
    }
}

/// Rows of the journal and of the checkpoints.
#[derive(Debug, Default)]
pub(super) struct Links {
    pub(super) entries: Vec<Vec<Cell<'static>>>,
    pub(super) checkpoints: Vec<Vec<Cell<'static>>>,
}

impl Links {
    /// Writes all of them.
    pub(super) async fn write(&self, db: &mut Db<'_>) -> Result<(), Fault> {
        rows::put_all(db, &self.rows()).await?;
        Ok(())
    }

    /// As they are put into their tables.
    pub(super) fn rows(&self) -> [Rows<'_, 'static>; 2] {
        [
            Rows { table: &statements::JOURNAL, rows: &self.entries },
            Rows { table: &statements::CHECKPOINTS, rows: &self.checkpoints },
        ]
    }

    /// Adds an entry behind the tail, and moves it; a checkpoint goes with every [`EVERY`]th entry.
    fn add(&mut self, tail: &mut Tail, link: Link<'_>, keeper: &Keeper) -> Result<(), Fault> {
        let hash = link.hash();
        self.entries.push(cells(&link, &hash));
        (tail.seq, tail.at, tail.hash) = (link.seq, Micros(link.at), hash);
        if tail.seq % EVERY == 0 {
            let note = keeper.sign(&tail.origin, tail.seq, &tail.hash, tail.at)?;
            let Note { seq, hash, at, key, signature, .. } = note;
            self.checkpoints.push(vec![seq.into(), hash.into(), at.0.into(), key.into(), signature.into()]);
        }
        Ok(())
    }
}

/// The entries of these events behind the tail, which moves on; `version` is the intent's before them.
pub(super) fn links(
    tail: &mut Tail,
    version: i64,
    entry: &Append<'_>,
    keeper: &Keeper,
) -> Result<Links, Stop> {
    let bodies = entry.events.iter().map(|event| encode(entry, event)).collect::<Result<Vec<_>, _>>()?;
    let mut links = Links::default();
    for (number, (event, body)) in (1..).zip(entry.events.iter().zip(&bodies)) {
        let prev = tail.hash.clone();
        let attached = attached(entry, number == 1, keeper)?;
        let link = Link {
            seq: tail.seq + 1,
            intent: entry.intent.as_str(),
            version: version + number,
            at: entry.at.0,
            name: event.name(),
            format: i64::from(EVENT_FORMAT),
            body,
            attached: &attached,
            prev: prev.as_str(),
        };
        links.add(tail, link, keeper)?;
    }
    Ok(links)
}

/// The row of an entry.
fn cells(link: &Link<'_>, hash: &Sha256) -> Vec<Cell<'static>> {
    let text = |text: &str| Cell::from(text.to_owned());
    vec![
        link.seq.into(),
        text(link.intent),
        link.version.into(),
        link.at.into(),
        text(link.name),
        link.format.into(),
        link.body.to_vec().into(),
        text(link.attached),
        text(link.prev),
        text(hash.as_str()),
    ]
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
    let (prev, version) = (tail.hash.clone(), query(statements::REGISTRY_VERSION).number(db).await?);
    let link = Link {
        seq: tail.seq + 1,
        intent: REGISTRY,
        version: version + 1,
        at: at.0,
        name: event.name(),
        format: i64::from(EVENT_FORMAT),
        body: &body,
        attached: "",
        prev: prev.as_str(),
    };
    let mut links = Links::default();
    links.add(tail, link, keeper)?;
    links.write(db).await
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

/// A salt, and with the first event what is recorded with all of them.
fn attached(entry: &Append<'_>, is_first: bool, keeper: &Keeper) -> Result<String, Fault> {
    let salt = attached_salt(keeper.salt()?);
    if !is_first {
        return Ok(salt);
    }
    let mut words: Vec<String> = entry.blobs.iter().map(|(sha256, _)| attached_blob(sha256)).collect();
    words.sort();
    words.dedup();
    words.insert(0, salt);
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
    if let Some(compaction) = entries.first().and_then(|entry| stub_of(&entry.body)) {
        return Err(compact::gone(db, intent, compaction).await);
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
