//! One connection to SQLite's file: a statement is a call in place, which takes micro- to milliseconds. Only the wait for a
//! lock of another process can be long, and nobody's thread is held meanwhile. Text with `$n` places as everywhere.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;
use rusqlite::{CachedStatement, Connection, OpenFlags, ffi};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::{block_in_place, coop, spawn_blocking};

use super::super::BUSY_TIMEOUT;
use super::super::conn::{Bound, Query};
use super::super::db_error::DbError;
use super::super::row::FileRow;
use super::BEGIN;

/// The log is written into the database beyond this many pages (of 4 KiB): a process that starts reads it through.
const LOG_PAGES: i32 = 256;
/// Statements that a connection keeps prepared: more than there are, with those that are built.
const STATEMENTS: usize = 160;
/// How often a lock is looked at that another process has.
const PAUSE: Duration = Duration::from_millis(5);

/// A connection to a database that is there.
pub(in crate::sql) async fn connect(path: &Path) -> Result<Connection, DbError> {
    connect_with(path, "").await
}

/// The same, with statements that come before all others.
pub(super) async fn connect_with(path: &Path, first: &str) -> Result<Connection, DbError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let set = format!("PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL; {first}");
    patiently(&mut (), |()| {
        let mut conn = Connection::open_with_flags(path, flags)?;
        // Who waits does so in `patiently`.
        conn.busy_timeout(Duration::ZERO)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        // Else SQLite prepares a statement anew for each value that might make another plan the better one.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        conn.execute_batch(&set)?;
        conn.wal_hook(Some(write_back))?;
        Ok(conn)
    })
    .await
}

/// After a commit. It waits for the disk, so other threads take over this one's tasks meanwhile, where there are any.
fn write_back(log: &mut Wal, pages: i32) -> rusqlite::Result<()> {
    if pages < LOG_PAGES {
        return Ok(());
    }
    // What cannot be written back now stays in the log, and the next one tries again.
    let _ = match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(|| log.checkpoint()),
        _ => log.checkpoint(),
    };
    Ok(())
}

/// Lets go. The last one to do so writes the log back.
pub(in crate::sql) async fn close(conn: Connection) -> Result<(), DbError> {
    let closed = spawn_blocking(move || conn.close().map_err(|(_, error)| error)).await;
    closed.map_err(|gone| DbError::Disk(std::io::Error::other(gone)))?.map_err(DbError::File)
}

/// Runs a statement; gives the number of rows that it changed.
pub(in crate::sql) async fn execute(conn: &mut Connection, query: &Query<'_>) -> Result<u64, DbError> {
    patiently(conn, |conn| Ok(filled(conn, query)?.raw_execute()? as u64)).await
}

/// The rows of a statement, at most so many.
pub(in crate::sql) async fn rows(
    conn: &mut Connection,
    query: &Query<'_>,
    limit: usize,
) -> Result<Vec<FileRow>, DbError> {
    patiently(conn, |conn| {
        let mut statement = filled(conn, query)?;
        let names: Arc<[String]> = statement.column_names().map(str::to_owned).collect();
        let mut found = Vec::new();
        let mut rows = statement.raw_query();
        while found.len() < limit {
            let Some(row) = rows.next()? else { break };
            found.push(FileRow::taken(row, &names)?);
        }
        Ok(found)
    })
    .await
}

/// What `take` makes of each row while the statement stands at it; its own failure ends the statement.
pub(in crate::sql) async fn each<T, E>(
    conn: &mut Connection,
    query: &Query<'_>,
    take: impl Fn(&rusqlite::Row<'_>) -> Result<T, E>,
) -> Result<Result<Vec<T>, E>, DbError> {
    patiently(conn, |conn| {
        let mut statement = filled(conn, query)?;
        let (mut found, mut rows) = (Vec::new(), statement.raw_query());
        while let Some(row) = rows.next()? {
            match take(row) {
                Ok(one) => found.push(one),
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(found))
    })
    .await
}

/// Runs statements that take no values and may be several.
pub(in crate::sql) async fn run_script(conn: &mut Connection, text: &str) -> Result<(), DbError> {
    patiently(conn, |conn| conn.execute_batch(text)).await
}

/// Writes the whole file anew, so that nothing that was deleted is left in it or in its log; if something may be, why.
pub(in crate::sql) async fn rewrite(conn: &mut Connection) -> Result<Option<&'static str>, DbError> {
    patiently(conn, |conn| conn.execute_batch("VACUUM")).await?;
    let began = Instant::now();
    loop {
        let emptied = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        if emptied.map_err(DbError::File)? == 0 {
            return Ok(None);
        }
        if began.elapsed() > BUSY_TIMEOUT {
            return Ok(Some(
                "somebody reads the registry all the time, which keeps its log from being emptied",
            ));
        }
        pause().await?;
    }
}

/// The statement, prepared once a connection, with its values.
fn filled<'c>(conn: &'c Connection, query: &Query<'_>) -> rusqlite::Result<CachedStatement<'c>> {
    // To SQLite `$1` is a name, and `?1` the number. No statement of ours has a `$` of another meaning.
    let mut statement = conn.prepare_cached(&query.text.replace('$', "?"))?;
    for (place, value) in (1..).zip(&query.values) {
        match value {
            Bound::Number(number) => statement.raw_bind_parameter(place, number)?,
            Bound::Text(text) => statement.raw_bind_parameter(place, text)?,
            Bound::Owned(text) => statement.raw_bind_parameter(place, text)?,
            Bound::Bytes(bytes) => statement.raw_bind_parameter(place, bytes)?,
        }
    }
    Ok(statement)
}

/// Does it again while another process has the lock that it needs, for as long as writers wait for each other. A task that
/// does much lets the others go on in between.
async fn patiently<C, T>(
    on: &mut C,
    mut act: impl FnMut(&mut C) -> rusqlite::Result<T>,
) -> Result<T, DbError> {
    coop::consume_budget().await;
    let mut began = None;
    loop {
        match act(on) {
            Err(error) if may_go(&error) && began.is_none_or(|at: Instant| at.elapsed() < BUSY_TIMEOUT) => {}
            done => return done.map_err(DbError::File),
        }
        began.get_or_insert_with(Instant::now);
        pause().await?;
    }
}

/// Not by the runtime's clock, which not every runtime has.
async fn pause() -> Result<(), DbError> {
    let paused = spawn_blocking(|| std::thread::sleep(PAUSE)).await;
    paused.map_err(|gone| DbError::Disk(std::io::Error::other(gone)))
}

/// Whether waiting may help: the moment that somebody reads at only gets older.
fn may_go(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|e| {
        e.extended_code & 0xff == ffi::SQLITE_BUSY && e.extended_code != ffi::SQLITE_BUSY_SNAPSHOT
    })
}

/// A transaction that writes; dropping it takes everything back.
#[derive(Debug)]
pub(in crate::sql) struct FileTx<'c> {
    conn: &'c mut Connection,
}

impl<'c> FileTx<'c> {
    /// Waits for the lock of those who write, and takes it.
    pub(in crate::sql) async fn begin(conn: &'c mut Connection) -> Result<Self, DbError> {
        patiently(conn, |conn| conn.prepare_cached(BEGIN)?.raw_execute()).await?;
        Ok(Self { conn })
    }

    pub(in crate::sql) fn conn(&mut self) -> &mut Connection {
        self.conn
    }

    /// Commits without waiting for the disk.
    pub(in crate::sql) async fn commit(self) -> Result<(), DbError> {
        patiently(self.conn, |conn| conn.prepare_cached("COMMIT")?.raw_execute()).await.map(drop)
    }
}

impl Drop for FileTx<'_> {
    fn drop(&mut self) {
        if !self.conn.is_autocommit() {
            // When that fails, SQLite takes it back with the connection.
            let _ = self.conn.execute_batch("ROLLBACK");
        }
    }
}
