//! The drivers without the store: the statements that a look-up and an append cannot do without, prepared once, and
//! nothing around them. SQLite's runs in place.

use std::path::Path;

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection as FileConnection, ToSql, params_from_iter};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row as _};

/// A connection of our own, set as the store sets its own.
pub(super) enum Bare {
    Sqlite(FileConnection),
    Postgres(PgConnection),
}

/// A row of the journal, or of the registry after it, as it is stored.
#[derive(Debug, Clone)]
pub(super) enum Field {
    Number(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

/// What one append leaves: the event's row and the intent's.
pub(super) struct Rows {
    pub(super) journal: Vec<Field>,
    pub(super) intent: Vec<Field>,
}

const BY_SUGGESTION: &str =
    "SELECT * FROM intents WHERE id = (SELECT intent FROM suggestions WHERE suggestion = $1)";
const JOURNAL: &str = "INSERT INTO journal (seq, intent, version, at, name, format, body, attached, prev, hash) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
/// The columns of the registry's row, in the order of the table.
const COLUMNS: &str = "id, reversed, version, first_seq, last_seq, created_at, updated_at, repository, kind, title, \
     fingerprint, file, rule, phase, status, live, unfinished, provider, suggestion, branch, billed, imputed, files, \
     added, deleted, confidence, agent";
const NUMBERS: [&str; 12] = [
    "version",
    "first_seq",
    "last_seq",
    "created_at",
    "updated_at",
    "live",
    "unfinished",
    "billed",
    "imputed",
    "files",
    "added",
    "deleted",
];

impl Bare {
    pub(super) async fn open(folder: &Path, url: Option<&str>) -> anyhow::Result<Self> {
        Ok(match url {
            None => {
                let conn = FileConnection::open(folder.join("journal.db"))?;
                conn.execute_batch(
                    "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 256",
                )?;
                Self::Sqlite(conn)
            }
            Some(url) => {
                let options: PgConnectOptions = url.parse()?;
                Self::Postgres(options.disable_statement_logging().connect().await?)
            }
        })
    }

    /// How many intents the registry has.
    pub(super) async fn intents(&mut self) -> anyhow::Result<u64> {
        let count = "SELECT COUNT(*) FROM intents";
        let count: i64 = match self {
            Self::Sqlite(conn) => conn.query_row(count, [], |row| row.get(0))?,
            Self::Postgres(conn) => sqlx::query_scalar(count).fetch_one(conn).await?,
        };
        Ok(count.unsigned_abs())
    }

    /// How many rows there are; every value of them was taken.
    pub(super) async fn by_suggestion(&mut self, id: &str) -> anyhow::Result<usize> {
        Ok(match self {
            Self::Sqlite(conn) => file_rows(conn, BY_SUGGESTION, &id)?.len(),
            Self::Postgres(conn) => sqlx::query(BY_SUGGESTION).bind(id).fetch_all(conn).await?.len(),
        })
    }

    /// What the appends after this entry left, where each was the first one of its intent.
    pub(super) async fn rows_after(&mut self, seq: i64) -> anyhow::Result<Vec<Rows>> {
        let journal = "SELECT * FROM journal WHERE seq > $1 ORDER BY seq";
        let intents = "SELECT * FROM intents WHERE first_seq > $1 ORDER BY first_seq";
        let (journal, intents) = match self {
            Self::Sqlite(conn) => (file_rows(conn, journal, &seq)?, file_rows(conn, intents, &seq)?),
            Self::Postgres(conn) => {
                let journal = sqlx::query(journal).bind(seq).fetch_all(&mut *conn).await?;
                let intents = sqlx::query(intents).bind(seq).fetch_all(conn).await?;
                (
                    journal.iter().map(journal_fields).collect::<Result<Vec<_>, _>>()?,
                    intents.iter().map(intent_fields).collect::<Result<Vec<_>, _>>()?,
                )
            }
        };
        Ok(journal.into_iter().zip(intents).map(|(journal, intent)| Rows { journal, intent }).collect())
    }

    /// Writes the rows of some appends in one transaction.
    pub(super) async fn write(&mut self, appends: &[Rows]) -> anyhow::Result<()> {
        let intents = intents();
        match self {
            Self::Sqlite(conn) => {
                conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
                for rows in appends {
                    conn.prepare_cached(&intents)?.execute(params_from_iter(&rows.intent))?;
                    conn.prepare_cached(JOURNAL)?.execute(params_from_iter(&rows.journal))?;
                }
                conn.prepare_cached("COMMIT")?.execute([])?;
            }
            Self::Postgres(conn) => {
                let mut tx = conn.begin().await?;
                for rows in appends {
                    execute(&mut tx, &intents, &rows.intent).await?;
                    execute(&mut tx, JOURNAL, &rows.journal).await?;
                }
                tx.commit().await?;
            }
        }
        Ok(())
    }
}

/// The rows of a statement with one value.
fn file_rows(conn: &FileConnection, text: &str, value: &dyn ToSql) -> rusqlite::Result<Vec<Vec<Field>>> {
    let mut statement = conn.prepare_cached(text)?;
    let width = statement.column_count();
    let fields =
        |row: &rusqlite::Row<'_>| (0..width).map(|place| Ok(row.get::<_, Value>(place)?.into())).collect();
    statement.query_map([value], fields)?.collect()
}

impl From<Value> for Field {
    fn from(value: Value) -> Self {
        match value {
            // Of whichever kind: it goes back as it came.
            Value::Null | Value::Real(_) => Self::Number(None),
            Value::Integer(number) => Self::Number(Some(number)),
            Value::Text(text) => Self::Text(Some(text)),
            Value::Blob(bytes) => Self::Bytes(bytes),
        }
    }
}

impl ToSql for Field {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Number(None) | Self::Text(None) => ValueRef::Null,
            Self::Number(Some(number)) => ValueRef::Integer(*number),
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// The row is there after the first event, and changes with the others.
fn intents() -> String {
    let names: Vec<&str> = COLUMNS.split(", ").map(str::trim).collect();
    let places: Vec<String> = (1..=names.len()).map(|n| format!("${n}")).collect();
    let sets: Vec<String> = names.iter().map(|name| format!("{name} = excluded.{name}")).collect();
    let (places, sets) = (places.join(", "), sets.join(", "));
    format!("INSERT INTO intents ({COLUMNS}) VALUES ({places}) ON CONFLICT (id) DO UPDATE SET {sets}")
}

async fn execute(on: &mut PgConnection, text: &str, fields: &[Field]) -> Result<(), sqlx::Error> {
    let mut query = sqlx::query(AssertSqlSafe(text));
    for field in fields {
        query = match field.clone() {
            Field::Number(number) => query.bind(number),
            Field::Text(text) => query.bind(text),
            Field::Bytes(bytes) => query.bind(bytes),
        };
    }
    query.execute(on).await.map(drop)
}

fn journal_fields(row: &PgRow) -> Result<Vec<Field>, sqlx::Error> {
    let number = |name| row.try_get::<i64, _>(name).map(|n| Field::Number(Some(n)));
    let text = |name| row.try_get::<String, _>(name).map(|t| Field::Text(Some(t)));
    Ok(vec![
        number("seq")?,
        text("intent")?,
        number("version")?,
        number("at")?,
        text("name")?,
        number("format")?,
        row.try_get::<Vec<u8>, _>("body").map(Field::Bytes)?,
        text("attached")?,
        text("prev")?,
        text("hash")?,
    ])
}

fn intent_fields(row: &PgRow) -> Result<Vec<Field>, sqlx::Error> {
    let fields = COLUMNS.split(", ").map(str::trim).map(|name| {
        if NUMBERS.contains(&name) || name == "confidence" {
            row.try_get::<Option<i64>, _>(name).map(Field::Number)
        } else {
            row.try_get::<Option<String>, _>(name).map(Field::Text)
        }
    });
    fields.collect()
}
