//! One way to speak to either database: statements with `$n` places, rows, transactions. The drivers' own types are met
//! here and in `sqlite.rs` and `postgres.rs` with their folders only.

use std::fs;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::query::Query as DriverQuery;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{
    AssertSqlSafe, ColumnIndex, Decode, Encode, Postgres, Row as _, SqlSafeStr, SqlStr, Sqlite, Transaction,
    Type,
};

use super::flush::Flush;

/// A connection of either kind, borrowed.
#[derive(Debug)]
pub(crate) enum Db<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

/// A transaction; dropping it takes everything back.
#[derive(Debug)]
pub(crate) enum Tx<'c> {
    Sqlite(Transaction<'c, Sqlite>, Option<Ending<'c>>),
    Postgres(Transaction<'c, Postgres>),
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
            Self::Sqlite(tx, _) => Db::Sqlite(tx),
            Self::Postgres(tx) => Db::Postgres(tx),
        }
    }

    /// Commits, and waits until that is on the disk.
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(tx, ending) => {
                tx.commit().await?;
                let Some(Ending { place, flush }) = ending else { return Ok(()) };
                drop(place);
                flush.wait().await.map_err(sqlx::Error::Io)
            }
            Self::Postgres(tx) => tx.commit().await,
        }
    }

    /// Commits; where that does not wait for the disk, [`super::Database::flush`] has to follow.
    pub(crate) async fn commit_unflushed(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(tx, _ending) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
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
    text: SqlStr,
    values: Vec<Bound<'q>>,
}

/// A statement whose text is fixed.
pub(crate) fn query<'q>(text: &'static str) -> Query<'q> {
    Query { text: text.into_sql_str(), values: Vec::new() }
}

/// A statement that was put together from our own pieces; no value may be part of its text.
pub(crate) fn built<'q>(text: String) -> Query<'q> {
    Query { text: AssertSqlSafe(text).into_sql_str(), values: Vec::new() }
}

impl<'q> Query<'q> {
    /// Fills the next place.
    pub(crate) fn bind(mut self, value: impl Into<Bound<'q>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Runs the statement; gives the number of rows that it changed.
    pub(crate) async fn execute(self, db: &mut Db<'_>) -> Result<u64, sqlx::Error> {
        match db {
            Db::Sqlite(conn) => {
                prepared::<Sqlite>(self).execute(&mut **conn).await.map(|r| r.rows_affected())
            }
            Db::Postgres(conn) => {
                prepared::<Postgres>(self).execute(&mut **conn).await.map(|r| r.rows_affected())
            }
        }
    }

    /// All rows.
    pub(crate) async fn rows(self, db: &mut Db<'_>) -> Result<Vec<Row>, sqlx::Error> {
        match db {
            Db::Sqlite(conn) => {
                let rows = prepared::<Sqlite>(self).fetch_all(&mut **conn).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Db::Postgres(conn) => {
                let rows = prepared::<Postgres>(self).fetch_all(&mut **conn).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// The first row.
    pub(crate) async fn row(self, db: &mut Db<'_>) -> Result<Option<Row>, sqlx::Error> {
        match db {
            Db::Sqlite(conn) => {
                Ok(prepared::<Sqlite>(self).fetch_optional(&mut **conn).await?.map(Row::Sqlite))
            }
            Db::Postgres(conn) => {
                Ok(prepared::<Postgres>(self).fetch_optional(&mut **conn).await?.map(Row::Postgres))
            }
        }
    }

    /// The first column of each row.
    pub(crate) async fn scalars<T: Stored>(self, db: &mut Db<'_>) -> Result<Vec<T>, sqlx::Error> {
        self.rows(db).await?.iter().map(|row| row.get(0)).collect()
    }

    /// The first column of the first row.
    pub(crate) async fn scalar<T: Stored>(self, db: &mut Db<'_>) -> Result<Option<T>, sqlx::Error> {
        self.row(db).await?.map(|row| row.get(0)).transpose()
    }

    /// The one number that the statement gives, as a count or a sum.
    pub(crate) async fn number(self, db: &mut Db<'_>) -> Result<i64, sqlx::Error> {
        self.scalar(db).await?.ok_or(sqlx::Error::RowNotFound)
    }
}

/// Runs statements that take no values and may be several.
pub(crate) async fn run_script(db: &mut Db<'_>, text: String) -> Result<(), sqlx::Error> {
    let script = sqlx::raw_sql(AssertSqlSafe(text));
    match db {
        Db::Sqlite(conn) => script.execute(&mut **conn).await.map(drop),
        Db::Postgres(conn) => script.execute(&mut **conn).await.map(drop),
    }
}

fn prepared<'a, D>(query: Query<'_>) -> DriverQuery<'a, D, D::Arguments>
where
    D: sqlx::Database,
    for<'t> Option<i64>: Encode<'t, D> + Type<D>,
    for<'t> Option<&'t str>: Encode<'t, D> + Type<D>,
    for<'t> String: Encode<'t, D> + Type<D>,
    for<'t> &'t [u8]: Encode<'t, D> + Type<D>,
{
    let mut prepared = sqlx::query::<D>(query.text);
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

/// A row of either kind.
#[derive(Debug)]
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What a column can be read as.
pub(crate) trait Stored:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl Stored for i64 {}
impl Stored for String {}
impl Stored for Vec<u8> {}
impl Stored for Option<i64> {}
impl Stored for Option<String> {}
impl Stored for Option<Vec<u8>> {}

impl Row {
    /// A column by its name or place.
    pub(crate) fn get<T: Stored>(
        &self,
        column: impl ColumnIndex<SqliteRow> + ColumnIndex<PgRow>,
    ) -> Result<T, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }
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
