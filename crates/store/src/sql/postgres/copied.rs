//! Rows as `COPY` sends them in its binary form, read where they lie in what the server sent: a head, then for each row the
//! number of its columns and each one's length and bytes (<https://www.postgresql.org/docs/current/sql-copy.html>). Nothing
//! is allocated for a row. Nothing here judges; whatever is not as it should be ends the pass, and the slow checks say what it is.

use futures_util::stream::{BoxStream, TryStreamExt};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Column as _, Executor as _, SqlSafeStr as _, Statement as _, TypeInfo as _};

use super::super::audit::cells::Cell;
use super::super::db_error::DbError;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// What stands in the place of the number of columns behind the last row.
const END: i16 = -1;
/// What stands in the place of the length of a null.
const NULL: i32 = -1;

/// Why reading ended early.
#[derive(Debug)]
pub(in crate::sql) enum Stopped {
    /// The server says so, or the way to it broke.
    Sql(DbError),
    /// Something is not as we write it.
    Odd,
    /// Nobody wants more.
    Unwanted,
}

impl From<sqlx::Error> for Stopped {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error.into())
    }
}

/// What a column holds, where it is not null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Text,
    Bytes,
    Other,
}

/// A statement whose rows are being sent in messages `M`, standing at one of them.
pub(super) struct Copied<'c, M> {
    messages: BoxStream<'c, Result<M, sqlx::Error>>,
    kinds: Vec<Kind>,
    message: Option<M>,
    /// Where the columns of the row begin and end in the message.
    row: (usize, usize),
    has_begun: bool,
}

/// The statement's rows, from before the first one.
pub(super) async fn copied(
    conn: &mut PgConnection,
    statement: String,
) -> Result<Copied<'_, impl AsRef<[u8]> + Send + use<>>, Stopped> {
    // The copy itself does not say of which type a column is.
    let prepared = conn.prepare(AssertSqlSafe(statement.clone()).into_sql_str()).await?;
    let kinds = prepared.columns().iter().map(|column| Kind::of(column.type_info().name())).collect();
    let statement = format!("COPY ({statement}) TO STDOUT (FORMAT binary)");
    Ok(Copied::new(conn.copy_out_raw(&statement).await?, kinds))
}

impl Kind {
    fn of(name: &str) -> Self {
        match name {
            "INT8" => Self::Number,
            "TEXT" => Self::Text,
            "BYTEA" => Self::Bytes,
            _ => Self::Other,
        }
    }

    fn cell(self, bytes: &[u8]) -> Cell<'_> {
        match self {
            Self::Number => {
                bytes.try_into().map_or(Cell::Other, |bytes| Cell::Number(i64::from_be_bytes(bytes)))
            }
            Self::Text => std::str::from_utf8(bytes).map_or(Cell::Other, Cell::Text),
            Self::Bytes => Cell::Bytes(bytes),
            Self::Other => Cell::Other,
        }
    }
}

impl<'c, M: AsRef<[u8]>> Copied<'c, M> {
    pub(super) fn new(messages: BoxStream<'c, Result<M, sqlx::Error>>, kinds: Vec<Kind>) -> Self {
        Self { messages, kinds, message: None, row: (0, 0), has_begun: false }
    }

    /// Goes to the next row; false when there is none. A message has any number of rows, each of them whole.
    pub(super) async fn advance(&mut self) -> Result<bool, Stopped> {
        let mut at = self.row.1;
        loop {
            let message = self.message.as_ref().map_or(&[][..], AsRef::as_ref);
            if at < message.len() {
                let begins = at + size_of::<i16>();
                return match row(&message[at..], self.kinds.len()).ok_or(Stopped::Odd)? {
                    Some(length) => {
                        self.row = (begins, begins + length);
                        Ok(true)
                    }
                    // Behind it the server only says that it is done.
                    None if begins == message.len() => match self.messages.try_next().await? {
                        None => Ok(false),
                        Some(_) => Err(Stopped::Odd),
                    },
                    None => Err(Stopped::Odd),
                };
            }
            let message = self.messages.try_next().await?.ok_or(Stopped::Odd)?;
            at = if self.has_begun { 0 } else { head(message.as_ref()).ok_or(Stopped::Odd)? };
            self.has_begun = true;
            self.message = Some(message);
        }
    }

    /// What the columns of the row hold, one after the other.
    #[inline]
    pub(super) fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        let message = self.message.as_ref().map_or(&[][..], AsRef::as_ref);
        let mut rest = message.get(self.row.0..self.row.1).unwrap_or_default();
        self.kinds.iter().map_while(move |kind| {
            Some(match column(&mut rest)? {
                None => Cell::Null,
                Some(bytes) => kind.cell(bytes),
            })
        })
    }
}

/// The length of the head, with all that a later version may have put into it; a row with its own number is none of ours.
fn head(message: &[u8]) -> Option<usize> {
    let mut rest = message.strip_prefix(SIGNATURE)?;
    if i32::from_be_bytes(take(&mut rest)?) != 0 {
        return None;
    }
    let more = usize::try_from(i32::from_be_bytes(take(&mut rest)?)).ok()?;
    Some(message.len() - rest.get(more..)?.len())
}

/// How many bytes the columns of the row take that begins here, which has to have so many; within, `None` behind the last row.
fn row(message: &[u8], width: usize) -> Option<Option<usize>> {
    let mut rest = message;
    let columns = i16::from_be_bytes(take(&mut rest)?);
    if columns == END {
        return Some(None);
    }
    if usize::try_from(columns) != Ok(width) {
        return None;
    }
    let begins = rest.len();
    for _ in 0..columns {
        column(&mut rest)?;
    }
    Some(Some(begins - rest.len()))
}

/// Takes a column off; within, `None` for a null.
#[inline]
fn column<'m>(rest: &mut &'m [u8]) -> Option<Option<&'m [u8]>> {
    let length = i32::from_be_bytes(take(rest)?);
    if length == NULL {
        return Some(None);
    }
    let (bytes, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some(Some(bytes))
}

#[inline]
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*bytes)
}

#[cfg(test)]
mod tests;
