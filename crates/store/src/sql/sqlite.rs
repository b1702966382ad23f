//! SQLite: one file in WAL mode, shared by any number of processes; `flush.rs` synchronises it to disk after each commit.
//! Writers take turns through `BEGIN IMMEDIATE`. What only SQLite says stands here.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;

use super::conn::{Db, query, run_script};
use super::db_error::DbError;
use super::{BUSY_TIMEOUT, begin_journal};
use crate::audit::AuditReport;
use crate::audit::Problem;
use crate::checkpoint::{Keeper, make_private};
use crate::error::{Fault, StoreError};
use crate::migrate::{FORMAT, MIGRATIONS};
pub(super) use file::{FileTx, rewrite};
pub(super) use reader::{FEW, Reader, Stopped};
pub(super) use readers::{Lent, Readers};
pub(super) use structure::Structure;

/// A transaction that writes: nobody else can begin one meanwhile.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";

/// How the file is made: for good, with a log that is written ahead, and each commit is on the disk when it is done.
const LASTING: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";

/// How often a moment is looked for in which nobody writes; each takes less than a millisecond.
const TRIES: usize = 50;

/// The blobs among those of a [`list`].
pub(super) const BLOBS_NAMED: &str =
    "SELECT sha256 FROM blobs WHERE sha256 IN (SELECT value FROM json_each($1))";

/// The values of an array in JSON, in a column `value`.
pub(super) const EACH: &str = "json_each($1)";

/// The database's table of contents, without the statistics that `ANALYZE` adds.
const SCHEMA: &str = "SELECT CAST(type AS TEXT) || ' ' || CAST(name AS TEXT), \
     quote(type) || quote(name) || quote(tbl_name) || quote(sql) FROM sqlite_schema \
     WHERE substr(name, 1, 11) <> 'sqlite_stat'";

/// Opens the database in the keeper's folder; makes or migrates it first where that is needed.
pub(super) async fn open(path: &Path, keeper: &Keeper) -> Result<Connection, StoreError> {
    match format_of(path).await? {
        Some((conn, FORMAT)) => Ok(conn),
        Some((_, found)) if found > FORMAT => Err(Fault::NewerFormat { found, known: FORMAT }.at(path)),
        _ => set_up(path, keeper).await,
    }
}

/// The connection and its format; `None` when there is no database yet. This is all that a warm start costs.
async fn format_of(path: &Path) -> Result<Option<(Connection, i64)>, StoreError> {
    if !path.exists() {
        return Ok(None);
    }
    let mut conn = file::connect(path).await.map_err(|e| Fault::Sql(e).at(path))?;
    let format = format(&mut Db::Sqlite(&mut conn)).await.map_err(|e| e.at(path))?;
    Ok(Some((conn, format)))
}

async fn format(db: &mut Db<'_>) -> Result<i64, Fault> {
    Ok(query("PRAGMA user_version").number(db).await?)
}

/// Makes the folder, the file, the tables, the origin and the first head; or migrates. One process at a time.
async fn set_up(path: &Path, keeper: &Keeper) -> Result<Connection, StoreError> {
    keeper.make_folder()?;
    let lock = keeper.lock(BUSY_TIMEOUT).await?;
    make_private(path)?;
    let conn = migrate(path, keeper).await.map_err(|fault| fault.at(path))?;
    drop(lock);
    Ok(conn)
}

/// Brings the database to the present format, wholly or not at all.
async fn migrate(path: &Path, keeper: &Keeper) -> Result<Connection, Fault> {
    let mut conn = file::connect_with(path, LASTING).await?;
    let mut tx = FileTx::begin(&mut conn).await?;
    let db = &mut Db::Sqlite(tx.conn());
    let found = format(db).await?;
    if found > FORMAT {
        return Err(Fault::NewerFormat { found, known: FORMAT });
    }
    raise(db, found, FORMAT).await?;
    let head = if found == 0 { Some(begin_journal(db, path, keeper).await?) } else { None };
    tx.commit().await?;
    if let Some(head) = head {
        keeper.write_head(&head)?;
    }
    file::close(conn).await?;
    Ok(file::connect(path).await?)
}

/// Runs the migrations after `from`, up to `to`.
pub(super) async fn raise(db: &mut Db<'_>, from: i64, to: i64) -> Result<(), Fault> {
    for (number, text) in (1..=to).zip(MIGRATIONS.iter().copied()).filter(|(number, _)| *number > from) {
        run_script(db, text.to_owned()).await?;
        run_script(db, format!("PRAGMA user_version = {number}")).await?;
    }
    Ok(())
}

/// A connection that stands at one moment of the database until it is closed, and readers that stand at the same one: for
/// the sweep, for the structure, for what is checked beside them.
/// Without readers when somebody wrote at every try, or the other driver cannot open the file.
pub(super) async fn at_one_moment(path: &Path) -> Result<(Connection, Option<[Reader; 3]>), DbError> {
    for _ in 0..TRIES {
        let mut conn = file::connect(path).await?;
        let Ok(watch) = Reader::open(path, FEW) else { break };
        let before = watch.version();
        begin_to_read(&mut conn).await?;
        let begun = |reader: Reader| reader.begin().map(|()| reader);
        let readers = [(); 3].map(|()| Reader::open(path, FEW).and_then(begun));
        let [Ok(a), Ok(b), Ok(c)] = readers else { break };
        if before.is_ok() && before.ok() == watch.version().ok() {
            return Ok((conn, Some([a, b, c])));
        }
        file::close(conn).await?;
    }
    let mut conn = file::connect(path).await?;
    begin_to_read(&mut conn).await?;
    Ok((conn, None))
}

/// The moment is that of the first reading.
async fn begin_to_read(conn: &mut Connection) -> Result<(), DbError> {
    let db = &mut Db::Sqlite(conn);
    query("BEGIN").execute(db).await?;
    query(super::statements::ORIGIN).row(db).await.map(drop)
}

/// What SQLite itself finds wrong with the file; nothing when it is whole.
pub(super) async fn integrity(db: &mut Db<'_>) -> Result<Vec<String>, Fault> {
    checked(db, "PRAGMA integrity_check(100)").await
}

/// The same, without what the indexes hold.
pub(super) async fn quick(db: &mut Db<'_>) -> Result<Vec<String>, Fault> {
    checked(db, "PRAGMA quick_check(100)").await
}

async fn checked(db: &mut Db<'_>, text: &'static str) -> Result<Vec<String>, Fault> {
    let lines: Vec<String> = query(text).scalars(db).await?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// Whether its tables are as ours are.
pub(super) async fn check_schema(db: &mut Db<'_>, report: &mut AuditReport) -> Result<(), Fault> {
    let mut pristine = Connection::open_in_memory().map_err(DbError::File)?;
    let ours = &mut Db::Sqlite(&mut pristine);
    raise(ours, 0, FORMAT).await?;
    let (wanted, found) = (schema(ours).await?, schema(db).await?);
    for (name, _) in wanted.symmetric_difference(&found) {
        report.add(Problem::Structure { detail: format!("{name} is not as codex-task makes it") });
    }
    Ok(())
}

/// What the database is made of: each table, index and whatever else, with its text.
async fn schema(db: &mut Db<'_>) -> Result<BTreeSet<(String, String)>, Fault> {
    let rows = query(SCHEMA).rows(db).await?;
    Ok(rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<_, DbError>>()?)
}

/// Hashes as one value of a statement.
pub(super) fn list(hashes: &BTreeSet<String>) -> String {
    serde_json::to_string(hashes).unwrap_or_default()
}

/// These columns as text; bytes and floats, which we never write there, are marked.
pub(super) fn as_text(column: &str) -> String {
    format!(
        "CASE typeof({column}) WHEN 'blob' THEN 'blob:' || {column} WHEN 'real' THEN 'real:' || {column} \
         ELSE CAST({column} AS TEXT) END AS {column}"
    )
}

mod btree;
pub(super) mod file;
mod reader;
mod readers;
mod rounds;
mod structure;
#[cfg(test)]
mod tests;
