//! Whose turn it is: to write, one at a time, or to look, side by side.

use rusqlite::Connection as FileConnection;
use tokio::sync::MutexGuard;

use super::conn::{Db, Ending, Row, Tx, built};
use super::db_error::DbError;
use super::postgres::{ServerReader, WriterTurn};
use super::sqlite::{self, FileTx, Lent};
use super::{Backend, Beside, Database, statements};

/// A connection to which nobody else speaks meanwhile.
pub(super) enum Turn<'a> {
    Sqlite(MutexGuard<'a, FileConnection>, &'a Beside),
    Postgres(WriterTurn<'a>),
}

impl Turn<'_> {
    /// A transaction that writes: one at a time, whoever asks.
    pub(super) async fn begin(&mut self) -> Result<Tx<'_>, DbError> {
        match self {
            Self::Sqlite(conn, beside) => begin_file(conn, beside).await,
            Self::Postgres(turn) => Ok(Tx::Postgres(turn.begin().await?)),
        }
    }

    /// The same for an append, with the rows of [`statements::standings`] as nobody else can change them.
    pub(super) async fn begin_looking(
        &mut self,
        wanted: String,
        has_money: bool,
    ) -> Result<(Tx<'_>, Vec<Row>), DbError> {
        match self {
            Self::Sqlite(conn, beside) => {
                let mut tx = begin_file(conn, beside).await?;
                let look = built(statements::standings(sqlite::EACH));
                let rows = look.bind(wanted).rows(&mut tx.db()).await?;
                Ok((tx, rows))
            }
            Self::Postgres(turn) => {
                let (tx, rows) = turn.begin_looking(&wanted, has_money).await?;
                Ok((Tx::Postgres(tx), rows.into_iter().map(Row::Postgres).collect()))
            }
        }
    }
}

impl Turn<'_> {
    /// Writes the whole database anew, so that nothing that was deleted is left in its files; if something may be, why.
    pub(super) async fn rewrite(&mut self) -> Result<Option<&'static str>, DbError> {
        match self {
            Self::Sqlite(conn, beside) => {
                let _place = beside.queue.turn().await;
                sqlite::rewrite(conn).await
            }
            Self::Postgres(turn) => turn.rewrite().await,
        }
    }
}

async fn begin_file<'t>(conn: &'t mut FileConnection, beside: &'t Beside) -> Result<Tx<'t>, DbError> {
    let place = beside.queue.turn().await;
    let tx = FileTx::begin(conn).await?;
    Ok(Tx::Sqlite(tx, Some(Ending { place, flush: &beside.flush })))
}

/// A connection to read by.
pub(super) enum Look<'a> {
    Own(MutexGuard<'a, FileConnection>),
    Reader(Lent<'a>),
    Server(ServerReader<'a>),
}

impl Look<'_> {
    pub(super) fn db(&mut self) -> Db<'_> {
        match self {
            Self::Own(conn) => Db::Sqlite(conn),
            Self::Reader(reader) => Db::Sqlite(&mut reader.conn),
            Self::Server(reader) => Db::Postgres(&mut reader.conn),
        }
    }

    /// Gives the connection back, if the look has ended well.
    pub(super) fn done<T, E>(self, looked: Result<T, E>) -> Result<T, E> {
        if let (Self::Server(reader), Ok(_)) = (self, &looked) {
            reader.done();
        }
        looked
    }
}

impl Database {
    pub(super) async fn turn(&self) -> Result<Turn<'_>, DbError> {
        match &self.backend {
            Backend::Sqlite(conn, beside) => Ok(Turn::Sqlite(conn.lock().await, beside)),
            Backend::Postgres(server) => Ok(Turn::Postgres(server.writer.turn().await)),
        }
    }

    /// A connection to read by, which does not wait for those who write. It sees what was committed before. On SQLite the first
    /// one serves as long as nobody else needs it: a command has no other.
    pub(super) async fn look(&self) -> Result<Look<'_>, DbError> {
        let (conn, beside) = match &self.backend {
            Backend::Sqlite(conn, beside) => (conn, beside),
            Backend::Postgres(server) => return Ok(Look::Server(server.readers.take().await?)),
        };
        if let Some(reader) = beside.readers.idle() {
            return Ok(Look::Reader(reader));
        }
        match conn.try_lock() {
            Ok(conn) => Ok(Look::Own(conn)),
            Err(_) => Ok(Look::Reader(beside.readers.take().await?)),
        }
    }
}
