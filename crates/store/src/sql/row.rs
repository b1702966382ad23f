//! A row of either database, and what its columns can be read as.

use std::sync::Arc;

use rusqlite::types::ValueRef;
use sqlx::postgres::PgRow;
use sqlx::{ColumnIndex, Decode, Postgres, Row as _, Type};

use super::db_error::DbError;

/// A row of either kind.
#[derive(Debug)]
pub(crate) enum Row {
    Sqlite(FileRow),
    Postgres(PgRow),
}

/// A row of SQLite's, taken out of its statement.
#[derive(Debug)]
pub(crate) struct FileRow {
    values: Vec<Kept>,
    /// Shared by all rows of an answer.
    names: Arc<[String]>,
}

/// What a column of SQLite's holds.
#[derive(Debug)]
enum Kept {
    Null,
    Number(i64),
    Real(f64),
    Text(Box<[u8]>),
    Bytes(Box<[u8]>),
}

impl FileRow {
    /// Copies what the statement stands at.
    pub(super) fn taken(row: &rusqlite::Row<'_>, names: &Arc<[String]>) -> rusqlite::Result<Self> {
        let value = |place| {
            Ok(match row.get_ref(place)? {
                ValueRef::Null => Kept::Null,
                ValueRef::Integer(number) => Kept::Number(number),
                ValueRef::Real(number) => Kept::Real(number),
                ValueRef::Text(text) => Kept::Text(text.into()),
                ValueRef::Blob(bytes) => Kept::Bytes(bytes.into()),
            })
        };
        let values = (0..names.len()).map(value).collect::<rusqlite::Result<_>>()?;
        Ok(Self { values, names: Arc::clone(names) })
    }

    fn get<T: Stored>(&self, column: &impl Column) -> Result<T, DbError> {
        let place = column.place(&self.names).ok_or_else(|| DbError::NoColumn(column.shown()))?;
        let value = self.values.get(place).map_or(ValueRef::Null, Kept::lent);
        T::from_file(value).map_err(|why| DbError::Column { column: column.shown(), why })
    }
}

impl Kept {
    fn lent(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Number(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }
    }
}

impl Row {
    /// A column by its name or place.
    pub(crate) fn get<T: Stored>(&self, column: impl Column) -> Result<T, DbError> {
        match self {
            Self::Sqlite(row) => row.get(&column),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }
}

/// A row at which a statement stands, of either kind: nothing is copied that is not asked for.
#[derive(Debug)]
pub(crate) enum Seen<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r PgRow),
}

impl Seen<'_> {
    /// The column at this place, from 0.
    pub(crate) fn get<T: Stored>(&self, place: usize) -> Result<T, DbError> {
        match self {
            Self::Sqlite(row) => {
                let value = row.get_ref(place).map_err(|_| DbError::NoColumn(place.shown()))?;
                T::from_file(value).map_err(|why| wrong_column(row, place, why))
            }
            Self::Postgres(row) => Ok(row.try_get(place)?),
        }
    }

    /// The bytes at this place.
    pub(crate) fn bytes(&self, place: usize) -> Result<&[u8], DbError> {
        match self {
            Self::Sqlite(row) => {
                let value = row.get_ref(place).map_err(|_| DbError::NoColumn(place.shown()))?;
                bytes(value).map_err(|why| wrong_column(row, place, why))
            }
            Self::Postgres(row) => Ok(row.try_get(place)?),
        }
    }

    /// The text at this place, to be parsed.
    pub(crate) fn text(&self, place: usize) -> Result<&str, DbError> {
        match self {
            Self::Sqlite(row) => {
                let value = row.get_ref(place).map_err(|_| DbError::NoColumn(place.shown()))?;
                text(value).map_err(|why| wrong_column(row, place, why))
            }
            Self::Postgres(row) => Ok(row.try_get(place)?),
        }
    }
}

fn wrong_column(row: &rusqlite::Row<'_>, place: usize, why: String) -> DbError {
    let name = row.as_ref().column_name(place).map_or_else(|_| place.shown(), |name| name.shown());
    DbError::Column { column: name, why }
}

/// What names a column.
pub(crate) trait Column: ColumnIndex<PgRow> {
    /// Its place among these, from 0.
    fn place(&self, names: &[String]) -> Option<usize>;
    /// How it is told in an error.
    fn shown(&self) -> String;
}

impl Column for usize {
    fn place(&self, names: &[String]) -> Option<usize> {
        (*self < names.len()).then_some(*self)
    }

    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Column for &str {
    fn place(&self, names: &[String]) -> Option<usize> {
        names.iter().position(|name| name == self)
    }

    fn shown(&self) -> String {
        format!("{self:?}")
    }
}

/// What a column can be read as. Nothing is converted: a number is no text.
pub(crate) trait Stored: for<'r> Decode<'r, Postgres> + Type<Postgres> {
    /// Reads SQLite's value; an error says why it is none of these.
    fn from_file(value: ValueRef<'_>) -> Result<Self, String>;
}

impl Stored for i64 {
    fn from_file(value: ValueRef<'_>) -> Result<Self, String> {
        match value {
            ValueRef::Integer(number) => Ok(number),
            other => Err(wrong("INTEGER", other)),
        }
    }
}

impl Stored for String {
    fn from_file(value: ValueRef<'_>) -> Result<Self, String> {
        text(value).map(str::to_owned)
    }
}

impl Stored for Vec<u8> {
    fn from_file(value: ValueRef<'_>) -> Result<Self, String> {
        bytes(value).map(<[u8]>::to_vec)
    }
}

impl<T> Stored for Option<T>
where
    T: Stored,
    Self: for<'r> Decode<'r, Postgres> + Type<Postgres>,
{
    fn from_file(value: ValueRef<'_>) -> Result<Self, String> {
        match value {
            ValueRef::Null => Ok(None),
            value => T::from_file(value).map(Some),
        }
    }
}

fn bytes(value: ValueRef<'_>) -> Result<&[u8], String> {
    match value {
        ValueRef::Blob(bytes) => Ok(bytes),
        other => Err(wrong("BLOB", other)),
    }
}

fn text(value: ValueRef<'_>) -> Result<&str, String> {
    match value {
        ValueRef::Text(text) => std::str::from_utf8(text).map_err(|error| error.to_string()),
        other => Err(wrong("TEXT", other)),
    }
}

fn wrong(wanted: &str, found: ValueRef<'_>) -> String {
    let found = match found {
        ValueRef::Null => return "unexpected null".to_owned(),
        ValueRef::Integer(_) => "INTEGER",
        ValueRef::Real(_) => "REAL",
        ValueRef::Text(_) => "TEXT",
        ValueRef::Blob(_) => "BLOB",
    };
    format!("it holds {found} and not {wanted}")
}
