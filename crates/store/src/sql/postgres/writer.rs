//! The connection by which a process writes: writers take turns at the server anyway, so one is enough, and readers are
//! never kept waiting by those who wait for their turn. It is made when it is needed, and again when the server went away.

use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row as _, raw_sql};
use tokio::sync::{Mutex, MutexGuard};

use super::super::db_error::DbError;
use super::super::statements;
use super::{BEGIN, COMMIT_UNFLUSHED, EACH, KEEP_PLANS, PLAN_EACH, WRITE_NOTHING};

/// A journal of so many entries more than at the last time is no reason to plan anew.
const FEW: i64 = 64;

/// Where the writers of a process wait for their turn.
#[derive(Debug)]
pub(in crate::sql) struct Writer {
    options: PgConnectOptions,
    home: Mutex<Option<Home>>,
    /// How many wait.
    waiting: AtomicUsize,
}

/// A connection between two turns.
#[derive(Debug)]
struct Home {
    conn: PgConnection,
    /// How long the journal was when it was last looked at.
    length: i64,
    /// How long it was when the plans were made; `None` before there is one of the look.
    planned_for: Option<i64>,
}

/// What a transaction begins with.
#[derive(Debug, Clone, Copy)]
struct Looking<'q> {
    /// As [`statements::standings`] takes it.
    wanted: &'q str,
    /// Whether money moves in it.
    has_money: bool,
}

/// A turn.
#[derive(Debug)]
pub(in crate::sql) struct WriterTurn<'w> {
    writer: &'w Writer,
    home: MutexGuard<'w, Option<Home>>,
}

/// A transaction that has the lock of those who write. The connection goes back when the transaction has ended; else it is
/// closed, and the server takes everything back.
#[derive(Debug)]
pub(in crate::sql) struct ServerTx<'t> {
    own: Home,
    home: &'t mut Option<Home>,
    waiting: &'t AtomicUsize,
    /// Whether somebody else had the lock, or waited for it, when it was asked for.
    had_to_wait: bool,
}

impl Writer {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self { options, home: Mutex::new(None), waiting: AtomicUsize::new(0) }
    }

    pub(in crate::sql) async fn turn(&self) -> WriterTurn<'_> {
        let _counted = Counted::among(&self.waiting);
        WriterTurn { writer: self, home: self.home.lock().await }
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Lets go.
    pub(in crate::sql) async fn close(self) -> Result<(), DbError> {
        match self.home.into_inner() {
            Some(home) => Ok(home.conn.close().await?),
            None => Ok(()),
        }
    }
}

impl Home {
    async fn connect(options: &PgConnectOptions) -> Result<Self, sqlx::Error> {
        Ok(Self { conn: options.connect().await?, length: 0, planned_for: None })
    }

    /// What has to be said before the look. A plan is kept, since making it costs more than the look itself; one that was
    /// made for small tables reads them wholly when they are large, so all are made anew when the journal has doubled.
    fn plans(&self) -> String {
        match self.planned_for {
            None => format!("PREPARE codex_task_look (text) AS {}; ", statements::standings(EACH)),
            Some(length) if self.length > 2 * length + FEW => "DISCARD PLANS; ".to_owned(),
            Some(_) => String::new(),
        }
    }

    /// Begins a transaction; gives a row about its lock, and those of the look if something is wanted. Where the value is part
    /// of the text all of it goes in one way; nothing but hexadecimal digits is.
    async fn begin(&mut self, looking: Option<Looking<'_>>) -> Result<Vec<PgRow>, sqlx::Error> {
        let Some(looking) = looking else { return raw_sql(BEGIN).fetch_all(&mut self.conn).await };
        let (plans, wanted) = (self.plans(), hex::encode(looking.wanted));
        let look = format!("EXECUTE codex_task_look(convert_from(decode('{wanted}', 'hex'), 'UTF8'))");
        let rest = if looking.has_money { PLAN_EACH } else { "" };
        let text = AssertSqlSafe(format!("{BEGIN}; {KEEP_PLANS}; {plans}{look}; {rest}"));
        let rows = raw_sql(text).fetch_all(&mut self.conn).await?;
        if let Some(found) = rows.get(1) {
            self.length = found.try_get::<Option<i64>, _>("seq")?.unwrap_or(0);
        }
        if !plans.is_empty() {
            self.planned_for = Some(self.length);
        }
        Ok(rows)
    }
}

/// One among those who wait, until it is dropped.
struct Counted<'c>(&'c AtomicUsize);

impl<'c> Counted<'c> {
    fn among(count: &'c AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl WriterTurn<'_> {
    /// Begins a transaction and takes the lock, in one way to the server.
    pub(in crate::sql) async fn begin(&mut self) -> Result<ServerTx<'_>, DbError> {
        let (own, rows) = self.begun(None).await?;
        self.tx(own, &rows)
    }

    /// The same, and gives the rows of [`statements::standings`] as they are with the lock held, still in one way.
    pub(in crate::sql) async fn begin_looking(
        &mut self,
        wanted: &str,
        has_money: bool,
    ) -> Result<(ServerTx<'_>, Vec<PgRow>), DbError> {
        let (own, mut rows) = self.begun(Some(Looking { wanted, has_money })).await?;
        let found = rows.split_off(rows.len().min(1));
        Ok((self.tx(own, &rows)?, found))
    }

    /// Has the server write those tables anew that hold what others said; if it did not, why. For anybody but their owner it
    /// only warns.
    pub(in crate::sql) async fn rewrite(&mut self) -> Result<Option<&'static str>, DbError> {
        let mut home = match self.home.take() {
            Some(home) => home,
            None => Home::connect(&self.writer.options).await?,
        };
        let mut is_rewritten = true;
        for table in ["journal", "intents", "blobs", "exchanges", "promises", "cache"] {
            let place = format!("SELECT pg_relation_filenode('{table}')::BIGINT");
            let before: i64 =
                sqlx::query_scalar(AssertSqlSafe(place.clone())).fetch_one(&mut home.conn).await?;
            // It takes no transaction.
            raw_sql(AssertSqlSafe(format!("VACUUM FULL {table}"))).execute(&mut home.conn).await?;
            let after: i64 = sqlx::query_scalar(AssertSqlSafe(place)).fetch_one(&mut home.conn).await?;
            is_rewritten &= before != after;
        }
        *self.home = Some(home);
        Ok((!is_rewritten).then_some("the registry's tables belong to another user of the server"))
    }

    async fn begun(&mut self, looking: Option<Looking<'_>>) -> Result<(Home, Vec<PgRow>), DbError> {
        if let Some(mut home) = self.home.take() {
            match home.begin(looking).await {
                Ok(rows) => return Ok((home, rows)),
                Err(error) if !is_gone(&error) => return Err(error.into()),
                // The server has restarted since; nothing was asked of it yet.
                Err(_) => {}
            }
        }
        let mut home = Home::connect(&self.writer.options).await?;
        let rows = home.begin(looking).await?;
        Ok((home, rows))
    }

    fn tx(&mut self, own: Home, rows: &[PgRow]) -> Result<ServerTx<'_>, DbError> {
        let was_free: bool = rows.first().ok_or(DbError::NoRow)?.try_get(0)?;
        let waiting = &self.writer.waiting;
        Ok(ServerTx { own, home: &mut self.home, waiting, had_to_wait: !was_free })
    }
}

/// Whether the connection is no more: the way to the server broke, or it ends its connections (class 57).
pub(super) fn is_gone(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => true,
    }
}

impl ServerTx<'_> {
    pub(in crate::sql) fn conn(&mut self) -> &mut PgConnection {
        &mut self.own.conn
    }

    /// Commits; when this returns it is on the disk with all that was committed before, if it has written anything.
    pub(in crate::sql) async fn commit(self) -> Result<(), DbError> {
        self.end("COMMIT").await
    }

    /// The same if it has written nothing.
    pub(in crate::sql) async fn commit_all(mut self) -> Result<(), DbError> {
        raw_sql(WRITE_NOTHING).execute(&mut self.own.conn).await?;
        self.end("COMMIT").await
    }

    /// Commits without waiting for the disk.
    pub(in crate::sql) async fn commit_unflushed(self) -> Result<(), DbError> {
        self.end(COMMIT_UNFLUSHED).await
    }

    /// Commits as [`ServerTx::commit`] does while nobody else wants to write, which is one way to the server less; else
    /// without waiting, so that the next one may go on. Gives whether it is on the disk: if not, [`super::Flush::wait`] has
    /// to follow.
    pub(in crate::sql) async fn commit_sharing(self) -> Result<bool, DbError> {
        let others = self.had_to_wait || self.waiting.load(Ordering::Relaxed) > 0;
        match others {
            true => self.commit_unflushed().await?,
            false => self.commit().await?,
        }
        Ok(!others)
    }

    /// Takes everything back.
    pub(in crate::sql) async fn give_up(self) -> Result<(), DbError> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, text: &'static str) -> Result<(), DbError> {
        raw_sql(text).execute(&mut self.own.conn).await?;
        *self.home = Some(self.own);
        Ok(())
    }
}
