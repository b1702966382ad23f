//! The store on a database: one code path over SQLite and PostgreSQL. The statements are the same for both; what differs
//! is in `sqlite.rs` and `postgres.rs`, and `conn.rs` hides the drivers. Nothing of a database may show outside of this
//! module.

mod agents;
mod audit;
mod batch;
mod blobs;
mod budgets;
mod cache;
mod compact;
mod conn;
mod db_error;
mod erase;
mod exchanges;
mod flush;
mod journal;
mod ledger;
mod postgres;
mod queue;
mod registry;
mod row;
mod rows;
mod service;
mod sqlite;
mod statements;
mod tallies;
mod turn;

use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::budget::{Scope, Window};
use domain::finding::Fingerprint;
use domain::ids::{IntentId, Sha256};
use domain::registry::RegistryEvent;
use rusqlite::Connection as FileConnection;
use sqlx::Connection;
use tokio::sync::Mutex;

use crate::append::{Append, Appended, Exchange, Recorded};
use crate::audit::{Anchor, AuditReport, OnProgress};
use crate::chain::genesis;
use crate::checkpoint::{Keeper, Note, random};
use crate::error::{Fault, Stop, StoreError};
use crate::ledger::{Period, Reservation, UsageLine};
use crate::list::{Filter, Found, Page, Row};
use crate::time::Micros;
use crate::witness::JournalEntry;
use conn::{Db, Tx, query};
pub(crate) use db_error::DbError;
use flush::Flush;
use postgres::Server;
use queue::Queue;
use sqlite::{Readers, file};

/// How long a writer waits for others. 64 processes at once need a second, and more than ten on a machine that has ten other
/// things to do.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// An open database.
#[derive(Debug)]
pub(crate) struct Database {
    /// The file, or the server's address without a password: for messages.
    name: PathBuf,
    backend: Backend,
}

#[derive(Debug)]
enum Backend {
    /// One connection. Calls of one process take turns on it; other processes have their own.
    Sqlite(Mutex<FileConnection>, Box<Beside>),
    /// Some connections, made as they are needed.
    Postgres(Box<Server>),
}

/// What stands beside SQLite's connection.
#[derive(Debug)]
struct Beside {
    /// Writers of all processes wait here.
    queue: Queue,
    /// Writers of this process wait here for the disk.
    flush: Flush,
    /// Who reads while somebody writes, or reads, has another connection.
    readers: Readers,
}

impl Database {
    /// Opens the file in the keeper's folder.
    pub(crate) async fn open_file(path: &Path, keeper: &Keeper) -> Result<Self, StoreError> {
        let conn = sqlite::open(path, keeper).await?;
        let queue = Queue::new(path.parent().unwrap_or(Path::new("")));
        let beside =
            Box::new(Beside { queue, flush: Flush::new(path), readers: Readers::new(path.to_owned()) });
        Ok(Self { name: path.to_owned(), backend: Backend::Sqlite(Mutex::new(conn), beside) })
    }

    /// Connects to a PostgreSQL server.
    pub(crate) async fn open_server(url: &str, keeper: &Keeper) -> Result<Self, StoreError> {
        let name = PathBuf::from(postgres::shown(url));
        let server = postgres::open(url, &name, keeper).await?;
        Ok(Self { name, backend: Backend::Postgres(Box::new(server)) })
    }

    pub(crate) fn name(&self) -> &Path {
        &self.name
    }

    /// Writes what is left in SQLite's write-ahead log into its file, and lets go.
    pub(crate) async fn close(self) -> Result<(), Fault> {
        match self.backend {
            Backend::Sqlite(conn, beside) => {
                beside.readers.close().await?;
                // The last one writes the log back.
                Ok(file::close(conn.into_inner()).await?)
            }
            Backend::Postgres(server) => {
                server.readers.close().await;
                server.writer.close().await?;
                Ok(server.flush.close().await?)
            }
        }
    }

    /// One transaction: registry, blobs, exchanges, journal, ledger, checkpoints. Then the head file.
    pub(crate) async fn append(
        &self,
        entries: &[Append<'_>],
        keeper: &Keeper,
    ) -> Result<Vec<Appended>, Stop> {
        let Some(last) = entries.last() else { return Ok(Vec::new()) };
        let wanted = batch::Wanted::by(entries);
        let list = wanted.list()?;
        let has_money = entries.iter().any(|entry| !entry.money.is_empty());
        let mut turn = self.turn().await?;
        // Files and signatures are seen to while a server works.
        let (begun, head) = tokio::join!(turn.begin_looking(list, has_money), async { keeper.head() });
        let ((mut tx, found), head) = (begun?, head?);
        let looked = batch::Looked { wanted: &wanted, found: &found, head: head.as_ref() };
        let (appended, tail) = match batch::append(&mut tx.db(), &looked, entries, keeper).await {
            Ok(done) => done,
            Err(stop) => {
                // Nothing of it stays in either case: what fails here ends with the connection.
                let _ = tx.give_up().await;
                return Err(stop);
            }
        };
        let sign = async { keeper.sign(&tail.origin, tail.seq, &tail.hash, last.at) };
        let (committed, note) = tokio::join!(tx.commit_sharing(), sign);
        let is_on_disk = committed?;
        // The next one may write while this one waits for the disk.
        drop(turn);
        if !is_on_disk {
            self.flush(&tail).await?;
        }
        keeper.write_head(&note?)?;
        Ok(appended)
    }

    pub(crate) async fn events(&self, intent: &IntentId) -> Result<Vec<Recorded>, Fault> {
        let mut look = self.look().await?;
        let found = journal::of_intent(&mut look.db(), intent).await;
        look.done(found)
    }

    pub(crate) async fn find_intent(&self, text: &str) -> Result<Found, Fault> {
        let mut look = self.look().await?;
        let found = registry::find(&mut look.db(), text).await;
        look.done(found)
    }

    pub(crate) async fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Row>, Fault> {
        let mut look = self.look().await?;
        let found = registry::list(&mut look.db(), filter, page).await;
        look.done(found)
    }

    pub(crate) async fn live_for_fingerprint(
        &self,
        repository: &str,
        fingerprint: &Fingerprint,
    ) -> Result<Option<IntentId>, Fault> {
        let mut look = self.look().await?;
        let found = registry::live_for(&mut look.db(), repository, fingerprint.as_str()).await;
        look.done(found)
    }

    pub(crate) async fn blob(&self, sha256: &Sha256) -> Result<Option<Vec<u8>>, Fault> {
        let mut look = self.look().await?;
        let found = blobs::get(&mut look.db(), sha256).await;
        look.done(found)
    }

    pub(crate) async fn entries(&self, after: u64, limit: u32) -> Result<Vec<JournalEntry>, Fault> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let mut look = self.look().await?;
        let found = journal::entries(&mut look.db(), after, i64::from(limit)).await;
        look.done(found)
    }

    pub(crate) async fn checkpoint(&self, keeper: &Keeper) -> Result<Note, Fault> {
        // Nobody writes meanwhile, and what is signed is on the disk.
        let mut turn = self.turn().await?;
        let mut tx = turn.begin().await?;
        let tail = journal::tail(&mut tx.db()).await?;
        journal::check_head(&tail, keeper.head()?.as_ref())?;
        tx.commit_all().await?;
        Ok(keeper.sign(&tail.origin, tail.seq, &tail.hash, tail.at)?)
    }

    pub(crate) async fn rotate_signing_key(&self, at: Micros, keeper: &Keeper) -> Result<String, Fault> {
        let mut turn = self.turn().await?;
        let mut tx = turn.begin().await?;
        let origin = journal::tail(&mut tx.db()).await?.origin;
        let keys = keeper.next_key(&origin)?;
        let event = RegistryEvent::KeyRotated {
            old: keys.old.clone(),
            new: keys.new.clone(),
            proof: keys.proof.clone(),
        };
        self.record(tx, &event, at, keeper).await?;
        keeper.exchange_keys(&keys)?;
        Ok(keys.new)
    }

    pub(crate) async fn exchange(&self, request: &Sha256) -> Result<Option<Exchange>, Fault> {
        let mut look = self.look().await?;
        let found = exchanges::get(&mut look.db(), request).await;
        look.done(found)
    }

    pub(crate) async fn cached(&self, key: &Sha256) -> Result<Option<Vec<u8>>, Fault> {
        let mut look = self.look().await?;
        let found = cache::get(&mut look.db(), key).await;
        look.done(found)
    }

    pub(crate) async fn put_cached(&self, key: &Sha256, bytes: &[u8], at: Micros) -> Result<(), Fault> {
        let mut turn = self.turn().await?;
        let mut tx = turn.begin().await?;
        cache::put(&mut tx.db(), key, bytes, at).await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn expired(&self, now: Micros) -> Result<Vec<Reservation>, Fault> {
        let mut look = self.look().await?;
        let found = ledger::expired(&mut look.db(), now).await;
        look.done(found)
    }

    /// Forgives what was spent, and records that.
    pub(crate) async fn reset_budget(
        &self,
        (scope, window): (&Scope, Window),
        at: Micros,
        by: &str,
        keeper: &Keeper,
    ) -> Result<Option<RegistryEvent>, Fault> {
        let mut turn = self.turn().await?;
        let mut tx = turn.begin().await?;
        let Some(event) = budgets::reset(&mut tx.db(), scope, window, at, by).await? else { return Ok(None) };
        self.record(tx, &event, at, keeper).await?;
        Ok(Some(event))
    }

    /// Records what happened to the registry itself, and ends the transaction in which it happened.
    async fn record(
        &self,
        mut tx: Tx<'_>,
        event: &RegistryEvent,
        at: Micros,
        keeper: &Keeper,
    ) -> Result<(), Fault> {
        let db = &mut tx.db();
        let mut tail = journal::tail(db).await?;
        journal::check_head(&tail, keeper.head()?.as_ref())?;
        journal::write_registry(db, &mut tail, event, at, keeper).await?;
        tx.commit().await?;
        Ok(keeper.write_head(&keeper.sign(&tail.origin, tail.seq, &tail.hash, at)?)?)
    }

    pub(crate) async fn usage(&self, period: Period) -> Result<Vec<UsageLine>, Fault> {
        let mut look = self.look().await?;
        let found = ledger::usage(&mut look.db(), period).await;
        look.done(found)
    }

    pub(crate) async fn open_reservations(&self) -> Result<Vec<Reservation>, Fault> {
        let mut look = self.look().await?;
        let found = ledger::open(&mut look.db()).await;
        look.done(found)
    }

    /// Looks at one moment of the database through a connection of its own, so that nobody waits for it.
    pub(crate) async fn verify(
        &self,
        anchors: &[Anchor],
        archives: &[PathBuf],
        keeper: &Keeper,
        on_progress: OnProgress<'_>,
    ) -> Result<AuditReport, Fault> {
        let watch = audit::Watch::new(on_progress);
        let mut report = AuditReport { anchors: anchors.len() as u64, ..AuditReport::default() };
        match &self.backend {
            Backend::Sqlite(..) => {
                let head = audit::read_head(keeper, &mut report)?;
                let (mut conn, readers) = sqlite::at_one_moment(&self.name).await?;
                let with = (anchors, keeper, head.as_ref());
                let db = &mut Db::Sqlite(&mut conn);
                let readers = readers.map(|readers| audit::Readers::File(Box::new(readers)));
                let mut looked = audit::verify(db, readers, with, watch, &mut report).await;
                if looked.is_ok() {
                    looked = audit::check_archives(db, archives, keeper, &mut report).await;
                }
                file::close(conn).await?;
                looked?;
            }
            Backend::Postgres(server) => {
                let mut conn = server.readers.connect().await?;
                postgres::check_structure(&mut conn, &mut report).await?;
                let head = audit::read_head(keeper, &mut report)?;
                let mut tx = conn.begin_with(postgres::SNAPSHOT).await?;
                let readers = audit::Readers::Server(server.readers.beside(&mut tx).await?);
                let with = (anchors, keeper, head.as_ref());
                let db = &mut Db::Postgres(&mut tx);
                audit::verify(db, Some(readers), with, watch, &mut report).await?;
                audit::check_archives(db, archives, keeper, &mut report).await?;
                tx.rollback().await?;
                conn.close().await?;
            }
        }
        Ok(report)
    }

    /// Waits until the journal is on the disk up to here, which was committed.
    async fn flush(&self, tail: &journal::Tail) -> Result<(), DbError> {
        match &self.backend {
            Backend::Sqlite(_, beside) => beside.flush.wait().await.map_err(DbError::Disk),
            Backend::Postgres(server) => server.flush.wait(tail.seq, &tail.hash).await,
        }
    }
}

/// Gives a new journal its origin; gives the head of the empty journal, to be written once that is committed.
async fn begin_journal(db: &mut Db<'_>, name: &Path, keeper: &Keeper) -> Result<Note, Fault> {
    let origin = format!("codex-task/{}", hex::encode(random::<8>(name)?));
    query(statements::SET_ORIGIN).bind(origin.as_str()).execute(db).await?;
    Ok(keeper.sign(&origin, 0, &genesis(&origin), Micros(0))?)
}
