//! The store on SQLite: one file in WAL mode, synchronised to disk at every commit, shared by any number of processes.
//! Writers take turns through `BEGIN IMMEDIATE`. Nothing of SQLite may show outside of this module.

mod audit;
mod blobs;
mod cache;
mod exchanges;
mod journal;
mod ledger;
mod registry;
mod statements;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::finding::Fingerprint;
use domain::ids::{IntentId, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tokio::sync::{Mutex, MutexGuard};

use crate::append::{Append, Appended, Exchange, Recorded};
use crate::audit::{Anchor, AuditReport};
use crate::chain::genesis;
use crate::checkpoint::{Keeper, make_private, random};
use crate::error::{Fault, Stop, StoreError};
use crate::ledger::{Period, Reservation, UsageLine};
use crate::list::{Filter, Found, Page, Row};
use crate::migrate::{FORMAT, MIGRATIONS};
use crate::time::Micros;

pub(crate) use journal::Entry;

/// How long a writer waits for another one; 50 of them at once need well under a second.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The log is written into the database beyond this many pages (of 4 KiB): a process that starts reads it through.
const LOG_PAGES: &str = "256";

/// One connection to the database. Calls of one process take turns on it; other processes have their own.
#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
    conn: Mutex<SqliteConnection>,
}

impl Database {
    /// Opens the database in the keeper's folder; makes or migrates it first where that is needed.
    pub(crate) async fn open(path: &Path, keeper: &Keeper) -> Result<Self, StoreError> {
        let opened = match format_of(path).await? {
            Some((conn, FORMAT)) => conn,
            Some((_, found)) if found > FORMAT => {
                return Err(Fault::NewerFormat { found, known: FORMAT }.at(path));
            }
            _ => set_up(path, keeper).await?,
        };
        Ok(Self { path: path.to_owned(), conn: Mutex::new(opened) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what is left in the write-ahead log into the database file and lets go of it.
    pub(crate) async fn close(self) -> Result<(), Fault> {
        Ok(self.conn.into_inner().close().await?)
    }

    /// One transaction: registry, blobs, exchange, journal, ledger, checkpoint. Then the head file.
    pub(crate) async fn append(&self, entry: &Append<'_>, keeper: &Keeper) -> Result<Appended, Stop> {
        let mut conn = self.conn.lock().await;
        let mut tx = conn.begin_with(statements::BEGIN).await?;
        let mut tail = journal::tail(&mut tx, entry.intent.as_str()).await?;
        journal::check_head(&tail, keeper)?;
        registry::put(&mut tx, entry, &tail).await?;
        for (sha256, bytes) in entry.blobs {
            blobs::put(&mut tx, sha256, bytes).await?;
        }
        if let Some(exchange) = &entry.exchange {
            exchanges::put(&mut tx, exchange, tail.seq + 1).await?;
        }
        journal::write(&mut tx, &mut tail, entry, keeper).await?;
        ledger::write(&mut tx, entry).await?;
        tx.commit().await?;
        keeper.write_head(&keeper.sign(&tail.origin, tail.seq, &tail.hash, entry.at)?)?;
        Ok(Appended { last_seq: tail.seq.unsigned_abs(), hash: tail.hash })
    }

    pub(crate) async fn events(&self, intent: &IntentId) -> Result<Vec<Recorded>, Fault> {
        journal::of_intent(&mut *self.turn().await, intent).await
    }

    pub(crate) async fn find_intent(&self, text: &str) -> Result<Found, Fault> {
        registry::find(&mut *self.turn().await, text).await
    }

    pub(crate) async fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Row>, Fault> {
        registry::list(&mut *self.turn().await, filter, page).await
    }

    pub(crate) async fn live_for_fingerprint(
        &self,
        repository: &str,
        fingerprint: &Fingerprint,
    ) -> Result<Option<IntentId>, Fault> {
        registry::live_for(&mut *self.turn().await, repository, fingerprint.as_str(), None).await
    }

    pub(crate) async fn blob(&self, sha256: &Sha256) -> Result<Option<Vec<u8>>, Fault> {
        blobs::get(&mut *self.turn().await, sha256).await
    }

    pub(crate) async fn erase_blob(&self, sha256: &Sha256, at: Micros) -> Result<bool, Fault> {
        blobs::erase(&mut *self.turn().await, sha256, at).await
    }

    pub(crate) async fn exchange(&self, request: &Sha256) -> Result<Option<Exchange>, Fault> {
        exchanges::get(&mut *self.turn().await, request).await
    }

    pub(crate) async fn forget_exchange(&self, request: &Sha256) -> Result<bool, Fault> {
        exchanges::forget(&mut *self.turn().await, request).await
    }

    pub(crate) async fn cached(&self, key: &Sha256) -> Result<Option<Vec<u8>>, Fault> {
        cache::get(&mut *self.turn().await, key).await
    }

    pub(crate) async fn put_cached(&self, key: &Sha256, bytes: &[u8], at: Micros) -> Result<(), Fault> {
        let mut conn = self.turn().await;
        let mut tx = conn.begin_with(statements::BEGIN).await?;
        cache::put(&mut tx, key, bytes, at).await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn usage(&self, period: Period) -> Result<Vec<UsageLine>, Fault> {
        ledger::usage(&mut *self.turn().await, period).await
    }

    pub(crate) async fn open_reservations(&self) -> Result<Vec<Reservation>, Fault> {
        ledger::open(&mut *self.turn().await).await
    }

    /// Looks at one moment of the database through a connection of its own, so that nobody waits for it.
    pub(crate) async fn verify(&self, anchors: &[Anchor], keeper: &Keeper) -> Result<AuditReport, Fault> {
        let mut conn = options(&self.path).connect().await?;
        let report = audit::verify(&mut conn, anchors, keeper).await;
        conn.close().await?;
        report
    }

    async fn turn(&self) -> MutexGuard<'_, SqliteConnection> {
        self.conn.lock().await
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", LOG_PAGES)
        .disable_statement_logging()
}

/// The connection and its format; `None` when there is no database yet. This is all that a warm start costs.
async fn format_of(path: &Path) -> Result<Option<(SqliteConnection, i64)>, StoreError> {
    if !path.exists() {
        return Ok(None);
    }
    let mut conn = options(path).connect().await.map_err(|e| Fault::Sql(e).at(path))?;
    let format = format(&mut conn).await.map_err(|e| e.at(path))?;
    Ok(Some((conn, format)))
}

async fn format(conn: &mut SqliteConnection) -> Result<i64, Fault> {
    Ok(sqlx::query_scalar("PRAGMA user_version").fetch_one(conn).await?)
}

/// Makes the folder, the file, the tables, the origin and the first head; or migrates. One process at a time.
async fn set_up(path: &Path, keeper: &Keeper) -> Result<SqliteConnection, StoreError> {
    keeper.make_folder()?;
    let lock = keeper.lock(BUSY_TIMEOUT).await?;
    make_private(path)?;
    let conn = migrate_and_begin(path, keeper).await.map_err(|fault| fault.at(path))?;
    drop(lock);
    Ok(conn)
}

async fn migrate_and_begin(path: &Path, keeper: &Keeper) -> Result<SqliteConnection, Fault> {
    let mut conn = options(path).journal_mode(SqliteJournalMode::Wal).connect().await?;
    let origin = format!("codex-task/{}", hex::encode(random::<8>(path)?));
    if migrate(&mut conn, &origin).await? == 0 {
        keeper.write_head(&keeper.sign(&origin, 0, &genesis(&origin), Micros(0))?)?;
    }
    Ok(conn)
}

/// Brings the database to the present format, wholly or not at all; gives the format it had. A new one gets the origin.
async fn migrate(conn: &mut SqliteConnection, origin: &str) -> Result<i64, Fault> {
    let mut tx = conn.begin_with(statements::BEGIN).await?;
    let found = format(&mut tx).await?;
    if found > FORMAT {
        return Err(Fault::NewerFormat { found, known: FORMAT });
    }
    raise(&mut tx, found, FORMAT).await?;
    if found == 0 {
        sqlx::query(statements::SET_ORIGIN).bind(origin).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(found)
}

/// Runs the migrations after `from`, up to `to`.
async fn raise(conn: &mut SqliteConnection, from: i64, to: i64) -> Result<(), Fault> {
    for (number, text) in (1..=to).zip(MIGRATIONS.iter().copied()).filter(|(number, _)| *number > from) {
        sqlx::raw_sql(text).execute(&mut *conn).await?;
        let mark = AssertSqlSafe(format!("PRAGMA user_version = {number}"));
        sqlx::raw_sql(mark).execute(&mut *conn).await?;
    }
    Ok(())
}

/// What the database is made of: each table, index and whatever else, with its text.
async fn schema(conn: &mut SqliteConnection) -> Result<BTreeSet<(String, String)>, Fault> {
    Ok(sqlx::query_as(statements::SCHEMA).fetch_all(conn).await?.into_iter().collect())
}

/// The same of a database that was made just now.
async fn pristine_schema() -> Result<BTreeSet<(String, String)>, Fault> {
    let mut conn = SqliteConnectOptions::new().in_memory(true).disable_statement_logging().connect().await?;
    raise(&mut conn, 0, FORMAT).await?;
    let schema = schema(&mut conn).await?;
    conn.close().await?;
    Ok(schema)
}

#[cfg(test)]
mod tests;
