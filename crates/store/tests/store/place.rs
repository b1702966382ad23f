//! Where a test's store is: in a folder of its own, or in a schema of its own on a PostgreSQL server. Each test of the
//! suite is a function of a place, and [`on_both!`](crate::on_both) runs it on either.

use std::path::{Path, PathBuf};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row as _};
use store::{Problem, Store};
use tempfile::TempDir;

/// The tables in an order that the references allow.
pub(crate) const TABLES: [&str; 15] = [
    "meta",
    "intents",
    "journal",
    "checkpoints",
    "suggestions",
    "ledger",
    "budgets",
    "tallies",
    "blobs",
    "exchanges",
    "cache",
    "agents",
    "agent_keys",
    "promises",
    "traces",
];

pub(crate) struct Place {
    folder: TempDir,
    /// The schema's address, when it is not a file in the folder.
    url: Option<String>,
}

/// A connection behind the store's back.
pub(crate) enum Raw {
    Sqlite(rusqlite::Connection),
    Postgres(PgConnection),
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), url: None }
    }

    pub(crate) fn postgres() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), url: Some(testkit::postgres_schema()) }
    }

    /// A new place of the same kind.
    pub(crate) fn another(&self) -> Self {
        if self.is_file() { Self::sqlite() } else { Self::postgres() }
    }

    /// The folder and the address, for whoever opens it elsewhere.
    pub(crate) fn parts(&self) -> (PathBuf, Option<String>) {
        (self.path().to_owned(), self.url.clone())
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn is_file(&self) -> bool {
        self.url.is_none()
    }

    pub(crate) async fn open(&self) -> Store {
        open(self.path(), self.url.as_deref()).await
    }

    pub(crate) async fn problems(&self) -> Vec<Problem> {
        let store = self.open().await;
        let problems = store.verify(&[]).await.unwrap().problems;
        // Else its files go at any time, also while they are copied.
        store.close().await.unwrap();
        problems
    }

    /// Changes something in a copy, and looks what is found there.
    pub(crate) async fn problems_after(&self, statements: &str) -> Vec<Problem> {
        let copy = self.copy().await;
        copy.execute(statements).await;
        copy.problems().await
    }

    /// The same rows and files at another place.
    pub(crate) async fn copy(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(self.path()).unwrap().map(Result::unwrap) {
            std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
        let url = self.url.is_some().then(testkit::postgres_schema);
        let copy = Self { folder, url };
        if let (Some(from), Some(to)) = (&self.url, &copy.url) {
            copy.open().await.close().await.unwrap();
            let mut text = String::new();
            for table in TABLES {
                let (from, to) = (schema_of(from), schema_of(to));
                text +=
                    &format!("DELETE FROM {table}; INSERT INTO {to}.{table} SELECT * FROM {from}.{table};");
            }
            copy.execute(&text).await;
        }
        copy
    }

    pub(crate) async fn raw(&self) -> Raw {
        match &self.url {
            None => {
                let file = self.path().join("journal.db");
                let conn = rusqlite::Connection::open(file).unwrap();
                conn.pragma_update(None, "foreign_keys", false).unwrap();
                Raw::Sqlite(conn)
            }
            Some(url) => {
                let mut conn = url.parse::<PgConnectOptions>().unwrap().connect().await.unwrap();
                // Whoever tampers does not care for references.
                sqlx::raw_sql("SET session_replication_role = replica").execute(&mut conn).await.unwrap();
                Raw::Postgres(conn)
            }
        }
    }

    pub(crate) async fn execute(&self, statements: &str) {
        match self.raw().await {
            Raw::Sqlite(conn) => {
                conn.execute_batch(statements).unwrap();
                conn.close().unwrap();
            }
            Raw::Postgres(mut conn) => {
                sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut conn).await.unwrap();
                conn.close().await.unwrap();
            }
        }
    }

    /// The first column of each row, as text.
    pub(crate) async fn texts(&self, statement: &str) -> Vec<String> {
        match self.raw().await {
            Raw::Sqlite(conn) => {
                let mut prepared = conn.prepare(statement).unwrap();
                let texts = prepared.query_map([], |row| row.get(0)).unwrap();
                texts.collect::<Result<_, _>>().unwrap()
            }
            Raw::Postgres(mut conn) => {
                let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(&mut conn).await.unwrap();
                conn.close().await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }

    /// The journal's bodies as the text that they are.
    pub(crate) fn body_as_text(&self) -> &'static str {
        if self.is_file() { "CAST(body AS TEXT)" } else { "convert_from(body, 'UTF8')" }
    }

    /// The literal of these bytes.
    pub(crate) fn bytes(&self, text: &str) -> String {
        let hex: String = text.bytes().map(|b| format!("{b:02x}")).collect();
        if self.is_file() { format!("X'{hex}'") } else { format!("'\\x{hex}'::bytea") }
    }

    /// The columns of a table.
    pub(crate) async fn columns(&self, table: &str) -> Vec<String> {
        let statement = match self.url {
            None => format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"),
            Some(_) => format!(
                "SELECT CAST(column_name AS TEXT) FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND table_name = '{table}' ORDER BY ordinal_position"
            ),
        };
        self.texts(&statement).await
    }
}

/// The store in a folder, or, with an address, on a server.
pub(crate) async fn open(folder: &Path, url: Option<&str>) -> Store {
    match url {
        None => Store::open(folder).await.unwrap(),
        Some(url) => Store::connect(folder, url).await.unwrap(),
    }
}

fn schema_of(url: &str) -> &str {
    url.rsplit("%3D").next().unwrap()
}

/// Makes a test on SQLite and one on PostgreSQL of each function of a [`Place`].
#[macro_export]
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            use $crate::place::Place;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name(Place::sqlite()).await;
            })+
        }
        mod on_postgres {
            use $crate::place::Place;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                testkit::requires!(testkit::postgres_need());
                super::$name(Place::postgres()).await;
            })+
        }
    };
}
