//! The connection by which a process writes: writers take turns at the server anyway, so one is enough, and readers are
//! never kept waiting by those who wait for their turn. It is made when it is needed, and again when the server went away.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, raw_sql};
use tokio::sync::{Mutex, MutexGuard};

use super::super::db_error::DbError;

/// Where the writers of a process wait for their turn.
#[derive(Debug)]
pub(in crate::sql) struct Writer {
    options: PgConnectOptions,
    conn: Mutex<Option<PgConnection>>,
}

/// A turn.
#[derive(Debug)]
pub(in crate::sql) struct WriterTurn<'w> {
    options: &'w PgConnectOptions,
    conn: MutexGuard<'w, Option<PgConnection>>,
}

/// How a commit gets to the server's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sql) enum Wait {
    /// In the commit, while nobody else can write.
    Within,
    /// After it, together with others: [`super::Flush::wait`].
    After,
}

/// A transaction that has the lock of those who write. The connection goes back when the transaction has ended; else it is
/// closed, and the server takes everything back.
#[derive(Debug)]
pub(in crate::sql) struct ServerTx<'t> {
    conn: PgConnection,
    home: &'t mut Option<PgConnection>,
    wait: Wait,
}

impl Writer {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self { options, conn: Mutex::new(None) }
    }

    pub(in crate::sql) async fn turn(&self) -> WriterTurn<'_> {
        WriterTurn { options: &self.options, conn: self.conn.lock().await }
    }

    /// Lets go.
    pub(in crate::sql) async fn close(self) -> Result<(), DbError> {
        match self.conn.into_inner() {
            Some(conn) => Ok(conn.close().await?),
            None => Ok(()),
        }
    }
}

impl WriterTurn<'_> {
    /// Begins a transaction and takes the lock, in one way to the server.
    pub(in crate::sql) async fn begin(&mut self, wait: Wait) -> Result<ServerTx<'_>, DbError> {
        let text = match wait {
            Wait::Within => super::BEGIN,
            Wait::After => super::BEGIN_UNFLUSHED,
        };
        if let Some(mut conn) = self.conn.take() {
            match raw_sql(text).execute(&mut conn).await {
                Ok(_) => return Ok(ServerTx { conn, home: &mut self.conn, wait }),
                Err(error) if !is_gone(&error) => return Err(error.into()),
                // The server has restarted since; nothing was asked of it yet.
                Err(_) => {}
            }
        }
        let mut conn = self.options.connect().await?;
        raw_sql(text).execute(&mut conn).await?;
        Ok(ServerTx { conn, home: &mut self.conn, wait })
    }
}

/// Whether the connection is no more: the way to the server broke, or it ends its connections (class 57).
pub(super) fn is_gone(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => true,
    }
}

impl ServerTx<'_> {
    pub(in crate::sql) fn conn(&mut self) -> &mut PgConnection {
        &mut self.conn
    }

    /// Commits; when this returns it is on the disk with all that was committed before.
    pub(in crate::sql) async fn commit(mut self) -> Result<(), DbError> {
        if self.wait == Wait::After {
            raw_sql(super::WAIT_AFTER_ALL).execute(&mut self.conn).await?;
        }
        self.end("COMMIT").await
    }

    /// Commits; [`super::Flush::wait`] has to follow.
    pub(in crate::sql) async fn commit_unflushed(self) -> Result<(), DbError> {
        self.end("COMMIT").await
    }

    /// Takes everything back.
    pub(in crate::sql) async fn give_up(self) -> Result<(), DbError> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, text: &'static str) -> Result<(), DbError> {
        raw_sql(text).execute(&mut self.conn).await?;
        *self.home = Some(self.conn);
        Ok(())
    }
}
