//! Reading for the audit's quick pass: connections of their own that only read, by a driver that lends each value instead
//! of copying it. Nothing here judges; whatever is not as it should be ends the pass, and the slow checks say what it is.

use std::path::Path;
use std::sync::Arc;

use domain::ids::Sha256;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::super::BUSY_TIMEOUT;
use super::super::audit::cells::Cell;
use super::super::audit::indexes::Key;
use super::super::audit::round::Round;
use super::super::exchanges::is_named;
use super::rounds;
use super::structure::{self, Structure};
use crate::checkpoint::Signatures;

/// Pages that a connection keeps, in KiB: rows in order need few.
pub(in crate::sql) const FEW: u32 = 2 << 10;
const BLOBS: &str = "SELECT sha256, size, bytes, erased_at FROM blobs";
const CHECKPOINTS: &str = "SELECT c.seq, c.hash, c.at, c.key, c.signature, j.hash FROM checkpoints c \
     LEFT JOIN journal j ON j.seq = c.seq ORDER BY c.seq";
const EXCHANGES: &str = "SELECT request, provider, model, form, answer, usage, CAST(at AS TEXT), \
     (SELECT attached FROM journal WHERE journal.seq = exchanges.seq) FROM exchanges WHERE typeof(at) = 'integer'";

/// Why the pass ended early.
#[derive(Debug)]
pub(in crate::sql) enum Stopped {
    /// The database says so.
    Sql(rusqlite::Error),
    /// Something is not as we write it.
    Odd,
    /// Nobody wants more.
    Unwanted,
}

impl From<rusqlite::Error> for Stopped {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

/// A connection that only reads.
#[derive(Debug)]
pub(in crate::sql) struct Reader {
    conn: Connection,
}

impl Reader {
    /// Opens the file, which is there.
    pub(in crate::sql) fn open(path: &Path, cache_kib: u32) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(BUSY_TIMEOUT)?;
        conn.execute_batch(&format!("PRAGMA cache_size = -{cache_kib}; PRAGMA query_only = 1"))?;
        Ok(Self { conn })
    }

    /// A number that changes with every commit of somebody else.
    pub(in crate::sql) fn version(&self) -> rusqlite::Result<i64> {
        self.conn.query_row("PRAGMA data_version", [], |row| row.get(0))
    }

    /// Fixes the moment of the database that is read from now on.
    pub(in crate::sql) fn begin(&self) -> rusqlite::Result<()> {
        self.conn.execute_batch("BEGIN")?;
        self.conn.query_row("SELECT COUNT(*) FROM meta", [], |_| Ok(()))
    }

    /// All rows of the swept tables; see [`rounds::read`].
    pub(in crate::sql) fn rounds(
        &self,
        room: impl FnMut() -> Round,
        take: impl FnMut(Round) -> Result<(), Stopped>,
    ) -> Result<(), Stopped> {
        rounds::read(&self.conn, room, take)
    }

    /// How many blobs are what they are named after, and how many were erased; all of them are one or the other.
    pub(in crate::sql) fn blobs(&self) -> Result<(u64, u64), Stopped> {
        let mut statement = self.conn.prepare(BLOBS)?;
        let mut rows = statement.query([])?;
        let (mut whole, mut erased) = (0, 0);
        while let Some(row) = rows.next()? {
            let (ValueRef::Text(sha256), ValueRef::Integer(size)) = (row.get_ref(0)?, row.get_ref(1)?) else {
                return Err(Stopped::Odd);
            };
            match (row.get_ref(2)?, row.get_ref(3)?) {
                (ValueRef::Null, ValueRef::Integer(_)) => erased += 1,
                (ValueRef::Blob(bytes), _)
                    if usize::try_from(size) == Ok(bytes.len())
                        && Sha256::of(bytes).as_str().as_bytes() == sha256 =>
                {
                    whole += 1;
                }
                _ => return Err(Stopped::Odd),
            }
        }
        Ok((whole, erased))
    }

    /// That each recorded answer is the one that the journal names.
    pub(in crate::sql) fn exchanges(&self) -> Result<(), Stopped> {
        let wanted: i64 = self.conn.query_row("SELECT COUNT(*) FROM exchanges", [], |row| row.get(0))?;
        let mut statement = self.conn.prepare(EXCHANGES)?;
        let mut rows = statement.query([])?;
        let mut found = 0;
        while let Some(row) = rows.next()? {
            let mut texts = [None; 8];
            for (place, text) in texts.iter_mut().enumerate() {
                *text = match cell(row.get_ref(place)?) {
                    Cell::Null => None,
                    Cell::Text(text) => Some(text),
                    _ => return Err(Stopped::Odd),
                };
            }
            if !is_named(texts) {
                return Err(Stopped::Odd);
            }
            found += 1;
        }
        if found == wanted { Ok(()) } else { Err(Stopped::Odd) }
    }

    /// How many checkpoints there are, all of them of this origin and signed by one of these keys; see [`Signatures`].
    pub(in crate::sql) fn checkpoints(&self, origin: &str, trusted: &[String]) -> Result<i64, Stopped> {
        let mut statement = self.conn.prepare(CHECKPOINTS)?;
        let mut rows = statement.query([])?;
        let mut signatures = Signatures::new(origin, trusted);
        while let Some(row) = rows.next()? {
            let cells =
                [cell(row.get_ref(1)?), cell(row.get_ref(3)?), cell(row.get_ref(4)?), cell(row.get_ref(5)?)];
            let [Cell::Text(hash), Cell::Text(key), Cell::Text(signature), Cell::Text(entry)] = cells else {
                return Err(Stopped::Odd);
            };
            let (Cell::Number(seq), Cell::Number(_)) = (cell(row.get_ref(0)?), cell(row.get_ref(2)?)) else {
                return Err(Stopped::Odd);
            };
            if !signatures.next(seq, [hash, entry], key, signature) {
                return Err(Stopped::Odd);
            }
        }
        signatures.end().ok_or(Stopped::Odd)
    }

    /// What is wrong with the file, and what the entries of each index of the swept tables add up to.
    pub(in crate::sql) fn structure(&self, key: &Arc<Key>) -> Structure {
        structure::look(&self.conn, key)
    }
}

fn cell(value: ValueRef<'_>) -> Cell<'_> {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Number(number),
        ValueRef::Real(_) => Cell::Other,
        ValueRef::Text(text) => std::str::from_utf8(text).map_or(Cell::Other, Cell::Text),
        ValueRef::Blob(bytes) => Cell::Bytes(bytes),
    }
}
