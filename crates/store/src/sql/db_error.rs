//! What either database says when it fails. `error.rs` makes of it what the user is told.

use std::fmt;
use std::io;

/// A failure of a database, before it is known in which file.
#[derive(Debug)]
pub(crate) enum DbError {
    /// SQLite's.
    File(rusqlite::Error),
    /// PostgreSQL's, or of the way to it.
    Server(sqlx::Error),
    /// A column of SQLite's that holds something else than is read from it.
    Column {
        /// Its name, in quotes, or its place.
        column: String,
        /// What it holds instead.
        why: String,
    },
    /// SQLite gave no such column.
    NoColumn(String),
    /// There is no row, where one has to be.
    NoRow,
    /// The disk refused.
    Disk(io::Error),
    /// The server went down before what was committed was on its disk.
    Lost,
}

impl DbError {
    /// Whether the database says that its file is damaged, or is none.
    pub(crate) fn is_corrupt(&self) -> bool {
        matches!(self.primary_code(), Some(rusqlite::ffi::SQLITE_CORRUPT | rusqlite::ffi::SQLITE_NOTADB))
    }

    /// Whether somebody else kept a lock for too long. PostgreSQL says `55P03`.
    pub(crate) fn is_locked(&self) -> bool {
        match self {
            Self::Server(error) => {
                error.as_database_error().and_then(|e| e.code()).is_some_and(|code| code == "55P03")
            }
            _ => {
                matches!(self.primary_code(), Some(rusqlite::ffi::SQLITE_BUSY | rusqlite::ffi::SQLITE_LOCKED))
            }
        }
    }

    /// Whether a column is not there, or holds what no column of ours can hold.
    pub(crate) fn is_of_column(&self) -> bool {
        use sqlx::Error::{ColumnDecode, ColumnNotFound};
        matches!(
            self,
            Self::Column { .. } | Self::NoColumn(_) | Self::Server(ColumnDecode { .. } | ColumnNotFound(_))
        )
    }

    /// SQLite's primary result code: <https://www.sqlite.org/rescode.html>.
    fn primary_code(&self) -> Option<i32> {
        match self {
            Self::File(error) => error.sqlite_error().map(|e| e.extended_code & 0xff),
            _ => None,
        }
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The code tells apart what SQLite says in the same words.
            Self::File(rusqlite::Error::SqliteFailure(error, Some(message))) => {
                write!(f, "error returned from database: (code: {}) {message}", error.extended_code)
            }
            Self::File(error) => write!(f, "error returned from database: {error}"),
            Self::Server(error) => error.fmt(f),
            Self::Column { column, why } => write!(f, "error occurred while decoding column {column}: {why}"),
            Self::NoColumn(name) => write!(f, "no column found for name: {name}"),
            Self::NoRow => {
                write!(f, "no rows returned by a query that expected to return at least one row")
            }
            Self::Disk(error) => write!(f, "error communicating with database: {error}"),
            Self::Lost => write!(f, "the server went down before this was on its disk, and has lost it"),
        }
    }
}

impl std::error::Error for DbError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(rusqlite::Error::SqliteFailure(..)) => None,
            Self::File(error) => Some(error),
            Self::Server(error) => error.source(),
            Self::Disk(error) => Some(error),
            Self::Column { .. } | Self::NoColumn(_) | Self::NoRow | Self::Lost => None,
        }
    }
}

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> Self {
        Self::File(error)
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        Self::Server(error)
    }
}
