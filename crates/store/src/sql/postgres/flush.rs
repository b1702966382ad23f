//! The server's wait for its disk, shared. An append commits without waiting, which lets the next writer go on, and waits
//! here until its entry is on the disk: one transaction that waits serves all whose entries it finds in the journal.
//!
//! What that transaction waits for is what the server's own `synchronous_commit` says (with `remote_apply`, standbys too): a
//! commit that waits and has written something waits for the whole log before it
//! (<https://www.postgresql.org/docs/current/wal-async-commit.html>). It writes a message that nobody reads. A server that
//! crashed in between has lost the end of its log and may have given the same numbers to other entries; so each entry is
//! looked for by its hash, in the same transaction.

use std::collections::HashSet;
use std::sync::{Arc, Mutex as Guarded, OnceLock, PoisonError};

use domain::ids::Sha256;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::Mutex;

use super::super::db_error::DbError;
use super::writer::is_gone;

/// Which of these entries are there; when the answer comes they are on the disk.
const FLUSHED: &str = "SELECT ARRAY(SELECT hash FROM journal WHERE seq = ANY($1)), \
     CAST(pg_logical_emit_message(true, 'codex-task', '') AS TEXT)";

/// Where those wait who have committed.
#[derive(Debug)]
pub(in crate::sql) struct Flush {
    options: PgConnectOptions,
    /// Those who wait, and those who gave up waiting since the last time.
    asked: Guarded<Vec<Arc<Entry>>>,
    conn: Mutex<Option<PgConnection>>,
}

/// The last entry of an append.
#[derive(Debug)]
struct Entry {
    seq: i64,
    hash: Sha256,
    /// Whether it is there for good; not known yet.
    is_there: OnceLock<bool>,
}

impl Flush {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self { options, asked: Guarded::default(), conn: Mutex::new(None) }
    }

    /// Waits until this entry, and all before it, is on the server's disk.
    ///
    /// # Errors
    /// [`DbError::Lost`] when the server lost it in a crash; others when the server cannot be asked: whether the entry is
    /// recorded is unknown then.
    pub(in crate::sql) async fn wait(&self, seq: i64, hash: &Sha256) -> Result<(), DbError> {
        let mine = Arc::new(Entry { seq, hash: hash.clone(), is_there: OnceLock::new() });
        self.asked().push(Arc::clone(&mine));
        let mut conn = self.conn.lock().await;
        if mine.is_there.get().is_none() {
            let asked = self.asked().clone();
            let there = self.flushed(&mut conn, &asked).await?;
            for entry in &asked {
                let _ = entry.is_there.set(there.contains(entry.hash.as_str()));
            }
            self.asked().retain(|entry| entry.is_there.get().is_none());
        }
        match mine.is_there.get() {
            Some(true) => Ok(()),
            _ => Err(DbError::Lost),
        }
    }

    /// Lets go.
    pub(in crate::sql) async fn close(self) -> Result<(), DbError> {
        match self.conn.into_inner() {
            Some(conn) => Ok(conn.close().await?),
            None => Ok(()),
        }
    }

    fn asked(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Entry>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hashes found at these entries' numbers. The connection is given back only when the answer is whole.
    async fn flushed(
        &self,
        home: &mut Option<PgConnection>,
        entries: &[Arc<Entry>],
    ) -> Result<HashSet<String>, DbError> {
        let seqs: Vec<i64> = entries.iter().map(|entry| entry.seq).collect();
        if let Some(mut conn) = home.take() {
            match ask(&mut conn, &seqs).await {
                Ok(there) => {
                    *home = Some(conn);
                    return Ok(there);
                }
                Err(error) if !is_gone(&error) => return Err(error.into()),
                Err(_) => {}
            }
        }
        let mut conn = self.options.connect().await?;
        let there = ask(&mut conn, &seqs).await?;
        *home = Some(conn);
        Ok(there)
    }

    /// Keeps everybody waiting.
    #[cfg(test)]
    pub(super) async fn hold(&self) -> tokio::sync::MutexGuard<'_, Option<PgConnection>> {
        self.conn.lock().await
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.asked().len()
    }
}

async fn ask(conn: &mut PgConnection, seqs: &[i64]) -> Result<HashSet<String>, sqlx::Error> {
    let (there, _): (Vec<String>, String) = sqlx::query_as(FLUSHED).bind(seqs).fetch_one(conn).await?;
    Ok(there.into_iter().collect())
}

/// Waits for all that was committed before, on a connection without a transaction.
pub(super) async fn flush_all(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    ask(conn, &[]).await.map(drop)
}
