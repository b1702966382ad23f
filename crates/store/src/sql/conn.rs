//! One way to speak to either database: statements with `$n` places, transactions. The drivers' own types are met here, in
//! `row.rs` and `db_error.rs`, and in `sqlite.rs` and `postgres.rs` with their folders only.

use std::borrow::Cow;
use std::fs;

use rusqlite::Connection;
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::Query as ServerQuery;
use sqlx::{AssertSqlSafe, Postgres};

use super::db_error::DbError;
use super::flush::Flush;
use super::postgres::ServerTx;
pub(crate) use super::row::{Row, Seen, Stored};
use super::sqlite::{FileTx, file};
use crate::error::Fault;

/// A connection of either kind, borrowed.
#[derive(Debug)]
pub(crate) enum Db<'c> {
    Sqlite(&'c mut Connection),
    Postgres(&'c mut PgConnection),
}

/// A transaction; dropping it takes everything back.
#[derive(Debug)]
pub(crate) enum Tx<'c> {
    Sqlite(FileTx<'c>, Option<Ending<'c>>),
    Postgres(ServerTx<'c>),
}

/// What follows a transaction that wrote to SQLite.
#[derive(Debug)]
pub(crate) struct Ending<'c> {
    /// The place in the queue of writers, to be given up.
    pub(super) place: Option<fs::File>,
    /// Where to wait for the disk.
    pub(super) flush: &'c Flush,
}

impl Tx<'_> {
    pub(crate) fn db(&mut self) -> Db<'_> {
        match self {
            Self::Sqlite(tx, _) => Db::Sqlite(tx.conn()),
            Self::Postgres(tx) => Db::Postgres(tx.conn()),
        }
    }

    /// Commits, and waits until that is on the disk with all before it.
    pub(crate) async fn commit(self) -> Result<(), DbError> {
        match self {
            Self::Sqlite(tx, ending) => {
                tx.commit().await?;
                let Some(Ending { place, flush }) = ending else { return Ok(()) };
                drop(place);
                flush.wait().await.map_err(DbError::Disk)
            }
            Self::Postgres(tx) => tx.commit().await,
        }
    }

    /// The same if it has written nothing: then too all before it is on the disk.
    pub(crate) async fn commit_all(self) -> Result<(), DbError> {
        match self {
            Self::Sqlite(..) => self.commit().await,
            Self::Postgres(tx) => tx.commit_all().await,
        }
    }

    /// Commits without waiting for the disk.
    pub(crate) async fn commit_unflushed(self) -> Result<(), DbError> {
        match self {
            Self::Sqlite(tx, _ending) => tx.commit().await,
            Self::Postgres(tx) => tx.commit_unflushed().await,
        }
    }

    /// Commits, and lets the wait for the disk be shared where others wait. Whether it is on the disk: if not,
    /// [`super::Database::flush`] has to follow.
    pub(crate) async fn commit_sharing(self) -> Result<bool, DbError> {
        match self {
            Self::Sqlite(tx, _ending) => tx.commit().await.map(|()| false),
            Self::Postgres(tx) => tx.commit_sharing().await,
        }
    }

    /// Takes everything back. Dropping it does the same, and costs a server's connection.
    pub(crate) async fn give_up(self) -> Result<(), DbError> {
        match self {
            Self::Sqlite(..) => Ok(()),
            Self::Postgres(tx) => tx.give_up().await,
        }
    }
}

/// What stands in a place of a statement.
#[derive(Debug)]
pub(crate) enum Bound<'q> {
    Number(Option<i64>),
    Text(Option<&'q str>),
    Owned(String),
    Bytes(&'q [u8]),
}

/// A statement with its values.
#[derive(Debug)]
pub(crate) struct Query<'q> {
    pub(super) text: Cow<'static, str>,
    pub(super) values: Vec<Bound<'q>>,
}

/// A statement whose text is fixed.
pub(crate) fn query<'q>(text: &'static str) -> Query<'q> {
    Query { text: Cow::Borrowed(text), values: Vec::new() }
}

/// A statement that was put together from our own pieces; no value may be part of its text.
pub(crate) fn built<'q>(text: String) -> Query<'q> {
    Query { text: Cow::Owned(text), values: Vec::new() }
}

impl<'q> Query<'q> {
    /// Fills the next place.
    pub(crate) fn bind(mut self, value: impl Into<Bound<'q>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Runs the statement; gives the number of rows that it changed.
    pub(crate) async fn execute(self, db: &mut Db<'_>) -> Result<u64, DbError> {
        match db {
            Db::Sqlite(conn) => file::execute(conn, &self).await,
            Db::Postgres(conn) => Ok(prepared(self).execute(&mut **conn).await?.rows_affected()),
        }
    }

    /// All rows.
    pub(crate) async fn rows(self, db: &mut Db<'_>) -> Result<Vec<Row>, DbError> {
        match db {
            Db::Sqlite(conn) => {
                let rows = file::rows(conn, &self, usize::MAX).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Db::Postgres(conn) => {
                let rows = prepared(self).fetch_all(&mut **conn).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// What `take` makes of each row while the statement stands at it.
    pub(crate) async fn each<T>(
        self,
        db: &mut Db<'_>,
        take: impl Fn(&Seen<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        match db {
            Db::Sqlite(conn) => file::each(conn, &self, |row| take(&Seen::Sqlite(row))).await?,
            Db::Postgres(conn) => {
                let rows = prepared(self).fetch_all(&mut **conn).await?;
                rows.iter().map(|row| take(&Seen::Postgres(row))).collect()
            }
        }
    }

    /// The first row.
    pub(crate) async fn row(self, db: &mut Db<'_>) -> Result<Option<Row>, DbError> {
        match db {
            Db::Sqlite(conn) => Ok(file::rows(conn, &self, 1).await?.pop().map(Row::Sqlite)),
            Db::Postgres(conn) => Ok(prepared(self).fetch_optional(&mut **conn).await?.map(Row::Postgres)),
        }
    }

    /// The first column of each row.
    pub(crate) async fn scalars<T: Stored>(self, db: &mut Db<'_>) -> Result<Vec<T>, DbError> {
        self.rows(db).await?.iter().map(|row| row.get(0)).collect()
    }

    /// The first column of the first row.
    pub(crate) async fn scalar<T: Stored>(self, db: &mut Db<'_>) -> Result<Option<T>, DbError> {
        self.row(db).await?.map(|row| row.get(0)).transpose()
    }

    /// The one number that the statement gives, as a count or a sum.
    pub(crate) async fn number(self, db: &mut Db<'_>) -> Result<i64, DbError> {
        self.scalar(db).await?.ok_or(DbError::NoRow)
    }
}

/// Runs statements that take no values and may be several.
pub(crate) async fn run_script(db: &mut Db<'_>, text: String) -> Result<(), DbError> {
    match db {
        Db::Sqlite(conn) => file::run_script(conn, &text).await,
        Db::Postgres(conn) => Ok(sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut **conn).await.map(drop)?),
    }
}

fn prepared<'a>(query: Query<'_>) -> ServerQuery<'a, Postgres, PgArguments> {
    let mut prepared = match query.text {
        Cow::Borrowed(text) => sqlx::query(text),
        Cow::Owned(text) => sqlx::query(AssertSqlSafe(text)),
    };
    for value in query.values {
        prepared = match value {
            Bound::Number(number) => prepared.bind(number),
            Bound::Text(text) => prepared.bind(text),
            Bound::Owned(text) => prepared.bind(text),
            Bound::Bytes(bytes) => prepared.bind(bytes),
        };
    }
    prepared
}

impl From<i64> for Bound<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Bound<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl<'q> From<&'q str> for Bound<'q> {
    fn from(text: &'q str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'q> From<Option<&'q str>> for Bound<'q> {
    fn from(text: Option<&'q str>) -> Self {
        Self::Text(text)
    }
}

impl From<String> for Bound<'_> {
    fn from(text: String) -> Self {
        Self::Owned(text)
    }
}

impl<'q> From<&'q [u8]> for Bound<'q> {
    fn from(bytes: &'q [u8]) -> Self {
        Self::Bytes(bytes)
    }
}
