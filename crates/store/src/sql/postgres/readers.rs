//! Connections to look by, made as they are needed and kept. sqlx's own pool asks the server after each use whether the
//! connection is well, which is a second way to the server for each look. Here one is kept when its look has ended well, and one
//! whose look failed, or for which nobody waited any more, is not used again.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::super::BUSY_TIMEOUT;
use super::super::db_error::DbError;

/// How many looks of one process may be under way at once.
const CONNECTIONS: usize = 8;
/// A connection that ended a look so lately is not tried before it is used again.
const FRESH: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(in crate::sql) struct Readers {
    options: PgConnectOptions,
    room: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    conn: PgConnection,
    since: Instant,
}

/// A connection, lent; [`Reader::done`] gives it back, and dropping it closes it.
#[derive(Debug)]
pub(in crate::sql) struct Reader<'r> {
    pub(in crate::sql) conn: PgConnection,
    readers: &'r Readers,
    _place: SemaphorePermit<'r>,
}

impl Readers {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self { options, room: Semaphore::new(CONNECTIONS), idle: Mutex::default() }
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// When all are in use for [`BUSY_TIMEOUT`], or the server cannot be reached.
    pub(in crate::sql) async fn take(&self) -> Result<Reader<'_>, DbError> {
        let place = tokio::time::timeout(BUSY_TIMEOUT, self.room.acquire()).await;
        let place = place.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        while let Some(Idle { mut conn, since }) = self.pop() {
            if since.elapsed() < FRESH || conn.ping().await.is_ok() {
                return Ok(Reader { conn, readers: self, _place: place });
            }
        }
        Ok(Reader { conn: self.connect().await?, readers: self, _place: place })
    }

    /// A connection of its own, for something long.
    pub(in crate::sql) async fn connect(&self) -> Result<PgConnection, DbError> {
        Ok(self.options.connect().await?)
    }

    /// The same, with these settings.
    pub(super) async fn connect_with<const N: usize>(
        &self,
        settings: [(&str, &str); N],
    ) -> Result<PgConnection, DbError> {
        Ok(self.options.clone().options(settings).connect().await?)
    }

    /// Lets go of those that nobody uses. None of them has anything to lose.
    pub(in crate::sql) async fn close(&self) {
        while let Some(idle) = self.pop() {
            let _ = idle.conn.close().await;
        }
    }

    fn pop(&self) -> Option<Idle> {
        self.idle().pop()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader<'_> {
    /// Its look has ended well.
    pub(in crate::sql) fn done(self) {
        self.readers.idle().push(Idle { conn: self.conn, since: Instant::now() });
    }
}
