//! PostgreSQL: one schema, shared by any number of machines. Writers take turns through an advisory lock of the
//! transaction; everything else is READ COMMITTED. What only PostgreSQL says stands here.

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};

use super::conn::{Db, query, run_script};
use super::db_error::DbError;
use super::{BUSY_TIMEOUT, begin_journal, journal};
use crate::audit::{AuditReport, Problem};
use crate::checkpoint::Keeper;
use crate::error::{Fault, StoreError};
use crate::migrate::{FORMAT, MIGRATIONS};
pub(super) use aside::{blobs, checkpoints, exchanges};
use flush::Flush;
pub(super) use readers::Reader as ServerReader;
use readers::Readers;
pub(super) use rounds::send as send_rounds;
pub(super) use rows::put_all;
use writer::Writer;
pub(super) use writer::{ServerTx, WriterTurn};

/// One moment of the database, for looking only.
pub(super) const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A transaction that writes, with the advisory lock of everybody who writes; a number that nobody else takes by chance.
/// Its one row says whether the lock was free.
const BEGIN: &str = "BEGIN; SELECT CASE WHEN pg_try_advisory_xact_lock(7165055919145116019) THEN TRUE \
     ELSE CAST(pg_advisory_xact_lock(7165055919145116019) AS TEXT) <> '' END";
const LOCK_WRITERS: &str = "SELECT pg_advisory_xact_lock(7165055919145116019)";
/// What a transaction writes that has nothing to write, so that its commit waits for what others have committed.
const WRITE_NOTHING: &str = "SELECT pg_logical_emit_message(true, 'codex-task', '')";
/// A commit that is waited for later, with others.
const COMMIT_UNFLUSHED: &str = "SET LOCAL synchronous_commit = off; COMMIT";

/// The blobs among those of a [`list`].
pub(super) const BLOBS_NAMED: &str = "SELECT sha256 FROM blobs WHERE sha256 = ANY(string_to_array($1, ' '))";

/// The values of an array in JSON, in a column `value`.
pub(super) const EACH: &str = "json_array_elements(CAST($1 AS JSON))";

/// Whoever writes looks rows up by their keys. A plan that is kept from when a table was empty reads along an index that does not
/// help, and one that knows no values takes what is too old for a third of all: so each statement is planned by its values and the
/// size that its table has now, but for those of an append ([`KEEP_PLANS`]).
const BY_KEYS: [(&str, &str); 4] = [
    ("plan_cache_mode", "force_custom_plan"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];
/// What an append looks at and writes, it does by keys alone, and to plan it takes longer than to do it: its plans are kept.
/// `writer.rs` has them made anew when the tables have grown.
const KEEP_PLANS: &str = "SET LOCAL plan_cache_mode = force_generic_plan";
/// From here on it is no longer so: money is limited by ranges too.
const PLAN_EACH: &str = "SET LOCAL plan_cache_mode = force_custom_plan";

/// A server, as one process speaks to it.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) readers: Readers,
    pub(super) writer: Writer,
    pub(super) flush: Flush,
}

/// Each table's columns, indexes, constraints, triggers and rules, as the catalogue tells them, without the schema's name.
const SCHEMA: &str = "SELECT 'column ' || c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod) \
       || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || COALESCE(' ' || pg_get_expr(d.adbin, d.adrelid), '') \
       || COALESCE((SELECT ' ' || collname FROM pg_collation o WHERE o.oid = a.attcollation), '') \
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d \
       ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f') \
       AND a.attnum > 0 AND NOT a.attisdropped \
     UNION ALL SELECT 'index ' || indexname, replace(indexdef, current_schema() || '.', '') \
     FROM pg_indexes WHERE schemaname = current_schema() \
     UNION ALL SELECT 'constraint ' || conname, replace(pg_get_constraintdef(oid), current_schema() || '.', '') \
     FROM pg_constraint WHERE connamespace = current_schema()::regnamespace \
     UNION ALL SELECT 'trigger ' || t.tgname, replace(pg_get_triggerdef(t.oid), current_schema() || '.', '') \
     FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid \
     WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal \
     UNION ALL SELECT 'rule ' || rulename, definition FROM pg_rules WHERE schemaname = current_schema()";

/// The server's address as it may be shown: without the password.
pub(super) fn shown(url: &str) -> String {
    match PgConnectOptions::from_str(url) {
        Ok(options) => format!(
            "postgres://{}@{}:{}/{}",
            options.get_username(),
            options.get_host(),
            options.get_port(),
            options.get_database().unwrap_or_else(|| options.get_username())
        ),
        Err(_) => "postgres://".to_owned(),
    }
}

/// Connects; makes or migrates the tables first where that is needed.
pub(super) async fn open(url: &str, name: &Path, keeper: &Keeper) -> Result<Server, StoreError> {
    keeper.make_folder()?;
    let wait = format!("{}s", BUSY_TIMEOUT.as_secs());
    let options = PgConnectOptions::from_str(url).map_err(|e| Fault::from(e).at(name))?;
    let options = options
        .application_name("codex-task")
        .options([("lock_timeout", wait.as_str())])
        .disable_statement_logging();
    ready(&options, name, keeper).await.map_err(|fault| fault.at(name))?;
    let writer = Writer::new(options.clone().options(BY_KEYS));
    let flush = Flush::new(options.clone());
    Ok(Server { readers: Readers::new(options), writer, flush })
}

async fn ready(options: &PgConnectOptions, name: &Path, keeper: &Keeper) -> Result<(), Fault> {
    let mut conn = options.connect().await?;
    let found = format(&mut Db::Postgres(&mut conn)).await?;
    if found != FORMAT {
        migrate(&mut conn, name, keeper).await?;
    }
    if keeper.is_new() {
        // This machine has not been here before: what it finds is what it holds the journal to from now on. The last ones
        // may have been committed by somebody who still waits for the disk.
        flush::flush_all(&mut conn).await?;
        let tail = journal::tail(&mut Db::Postgres(&mut conn)).await?;
        keeper.write_head(&keeper.sign(&tail.origin, tail.seq, &tail.hash, tail.at)?)?;
    }
    Ok(conn.close().await?)
}

/// The format of the tables; 0 when there are none.
async fn format(db: &mut Db<'_>) -> Result<i64, Fault> {
    let there =
        query("SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'meta'");
    if there.number(db).await? == 0 {
        return Ok(0);
    }
    let text: Option<String> = query("SELECT value FROM meta WHERE name = 'format'").scalar(db).await?;
    let text = text.ok_or_else(|| Fault::Damaged("it has no format".to_owned()))?;
    text.parse().map_err(|_| Fault::Damaged(format!("its format is {text:?}")))
}

/// Brings the tables to the present format, wholly or not at all.
async fn migrate(conn: &mut PgConnection, name: &Path, keeper: &Keeper) -> Result<(), Fault> {
    let mut tx = conn.begin().await?;
    let db = &mut Db::Postgres(&mut tx);
    query(LOCK_WRITERS).execute(db).await?;
    let found = format(db).await?;
    if found > FORMAT {
        return Err(Fault::NewerFormat { found, known: FORMAT });
    }
    raise(db, found, FORMAT).await?;
    let head = if found == 0 { Some(begin_journal(db, name, keeper).await?) } else { None };
    tx.commit().await?;
    match head {
        Some(head) => Ok(keeper.write_head(&head)?),
        None => Ok(()),
    }
}

/// Runs the migrations after `from`, up to `to`.
pub(super) async fn raise(db: &mut Db<'_>, from: i64, to: i64) -> Result<(), Fault> {
    for (number, text) in (1..=to).zip(MIGRATIONS.iter().copied()).filter(|(number, _)| *number > from) {
        run_script(db, translated(text)).await?;
        let mark = "INSERT INTO meta (name, value) VALUES ('format', $1) ON CONFLICT (name) DO UPDATE SET value = $1";
        query(mark).bind(number.to_string()).execute(db).await?;
    }
    Ok(())
}

/// A migration in PostgreSQL's words. Text is compared byte by byte, as SQLite does.
pub(super) fn translated(migration: &str) -> String {
    let word = |word: &str| match word {
        "INTEGER" => "BIGINT".to_owned(),
        "TEXT" => "TEXT COLLATE \"C\"".to_owned(),
        "BLOB" => "BYTEA".to_owned(),
        other => other.to_owned(),
    };
    let end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    migration
        .split_inclusive(end)
        .map(|piece| {
            let text = piece.trim_end_matches(end);
            word(text) + &piece[text.len()..]
        })
        .collect()
}

/// Whether the tables are as ours are: they are made anew beside them, in a schema that is taken back.
pub(super) async fn check_structure(conn: &mut PgConnection, report: &mut AuditReport) -> Result<(), Fault> {
    let found = schema(&mut Db::Postgres(conn)).await?;
    let mut tx = conn.begin().await?;
    let db = &mut Db::Postgres(&mut tx);
    run_script(
        db,
        "CREATE SCHEMA codex_task_pristine; SET LOCAL search_path = codex_task_pristine".to_owned(),
    )
    .await?;
    raise(db, 0, FORMAT).await?;
    let wanted = schema(db).await?;
    tx.rollback().await?;
    for (name, _) in wanted.symmetric_difference(&found) {
        report.add(Problem::Structure { detail: format!("{name} is not as codex-task makes it") });
    }
    Ok(())
}

async fn schema(db: &mut Db<'_>) -> Result<BTreeSet<(String, String)>, Fault> {
    let rows = query(SCHEMA).rows(db).await?;
    Ok(rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<_, DbError>>()?)
}

/// Hashes, which have no space in them, as one value of a statement.
pub(super) fn list(hashes: &BTreeSet<String>) -> String {
    hashes.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// A column as text.
pub(super) fn as_text(column: &str) -> String {
    format!("CAST({column} AS TEXT) AS {column}")
}

mod aside;
mod copied;
mod flush;
mod moment;
mod readers;
mod rounds;
mod rows;
#[cfg(test)]
mod tests;
mod writer;
