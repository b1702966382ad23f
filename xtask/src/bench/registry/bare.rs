//! The driver without the store: the statements that a look-up and an append cannot do without, prepared once, and
//! nothing around them.

use std::path::Path;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

/// A connection of our own, set as the store sets its own.
pub(super) enum Bare {
    Sqlite(SqliteConnection),
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
                let options = SqliteConnectOptions::new().filename(folder.join("journal.db"));
                let options = options.foreign_keys(true).synchronous(SqliteSynchronous::Full);
                let options = options.pragma("wal_autocheckpoint", "256").disable_statement_logging();
                Self::Sqlite(options.connect().await?)
            }
            Some(url) => {
                let options: PgConnectOptions = url.parse()?;
                Self::Postgres(options.disable_statement_logging().connect().await?)
            }
        })
    }

    pub(super) async fn by_suggestion(&mut self, id: &str) -> Result<usize, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(conn) => sqlx::query(BY_SUGGESTION).bind(id).fetch_all(conn).await?.len(),
            Self::Postgres(conn) => sqlx::query(BY_SUGGESTION).bind(id).fetch_all(conn).await?.len(),
        })
    }

    /// What the appends after this entry left, where each was the first one of its intent.
    pub(super) async fn rows_after(&mut self, seq: i64) -> anyhow::Result<Vec<Rows>> {
        let journal = "SELECT * FROM journal WHERE seq > $1 ORDER BY seq";
        let intents = "SELECT * FROM intents WHERE first_seq > $1 ORDER BY first_seq";
        let (journal, intents) = match self {
            Self::Sqlite(conn) => {
                let journal = sqlx::query(journal).bind(seq).fetch_all(&mut *conn).await?;
                let intents = sqlx::query(intents).bind(seq).fetch_all(conn).await?;
                (
                    journal.iter().map(journal_fields).collect::<Result<Vec<_>, _>>()?,
                    intents.iter().map(intent_fields).collect::<Result<Vec<_>, _>>()?,
                )
            }
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
    pub(super) async fn write(&mut self, appends: &[Rows]) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(conn) => {
                let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
                for rows in appends {
                    execute(&mut *tx, &intents(), &rows.intent).await?;
                    execute(&mut *tx, JOURNAL, &rows.journal).await?;
                }
                tx.commit().await
            }
            Self::Postgres(conn) => {
                let mut tx = conn.begin().await?;
                for rows in appends {
                    execute(&mut *tx, &intents(), &rows.intent).await?;
                    execute(&mut *tx, JOURNAL, &rows.journal).await?;
                }
                tx.commit().await
            }
        }
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

async fn execute<'c, E>(on: E, text: &str, fields: &[Field]) -> Result<(), sqlx::Error>
where
    E: Executor<'c>,
    E::Database: sqlx::Database,
    for<'t> Option<i64>: sqlx::Encode<'t, E::Database> + sqlx::Type<E::Database>,
    for<'t> Option<String>: sqlx::Encode<'t, E::Database> + sqlx::Type<E::Database>,
    for<'t> Vec<u8>: sqlx::Encode<'t, E::Database> + sqlx::Type<E::Database>,
    <E::Database as sqlx::Database>::Arguments: sqlx::IntoArguments<E::Database>,
{
    let mut query = sqlx::query::<E::Database>(AssertSqlSafe(text));
    for field in fields {
        query = match field.clone() {
            Field::Number(number) => query.bind(number),
            Field::Text(text) => query.bind(text),
            Field::Bytes(bytes) => query.bind(bytes),
        };
    }
    query.execute(on).await.map(drop)
}

fn journal_fields<R>(row: &R) -> Result<Vec<Field>, sqlx::Error>
where
    R: sqlx::Row,
    for<'n> &'n str: sqlx::ColumnIndex<R>,
    for<'t> i64: sqlx::Decode<'t, R::Database> + sqlx::Type<R::Database>,
    for<'t> String: sqlx::Decode<'t, R::Database> + sqlx::Type<R::Database>,
    for<'t> Vec<u8>: sqlx::Decode<'t, R::Database> + sqlx::Type<R::Database>,
{
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

fn intent_fields<R>(row: &R) -> Result<Vec<Field>, sqlx::Error>
where
    R: sqlx::Row,
    for<'n> &'n str: sqlx::ColumnIndex<R>,
    for<'t> Option<i64>: sqlx::Decode<'t, R::Database> + sqlx::Type<R::Database>,
    for<'t> Option<String>: sqlx::Decode<'t, R::Database> + sqlx::Type<R::Database>,
{
    let fields = COLUMNS.split(", ").map(str::trim).map(|name| {
        if NUMBERS.contains(&name) || name == "confidence" {
            row.try_get::<Option<i64>, _>(name).map(Field::Number)
        } else {
            row.try_get::<Option<String>, _>(name).map(Field::Text)
        }
    });
    fields.collect()
}
