//! Writes the sample rows that a migration is tested with; see docs/recipes/migration.md.

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::story::{Story, finding, open};

/// The tables in an order that the references allow.
const TABLES: [&str; 9] =
    ["meta", "intents", "journal", "checkpoints", "suggestions", "ledger", "blobs", "exchanges", "cache"];

#[tokio::test]
#[ignore = "writes migrations/samples/ of the present format anew"]
async fn write_the_sample_of_the_present_format() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    for number in 1..=9 {
        Story::new(number).tell(&store, (number % 2 == 0).then(|| finding("x == None"))).await;
    }
    let mut under_way = Story::new(10);
    under_way.begin(&store, Some(finding("x == None"))).await.unwrap();
    under_way.ask(&store, 700).await.unwrap();
    store.put_cached(&under_way.request(), b"baseline", under_way.at).await.unwrap();
    let path = folder.path().join("journal.db");
    let mut conn = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let format: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut conn).await.unwrap();
    let mut text = format!("-- Rows as format {format} wrote them; see docs/recipes/migration.md.\n");
    for table in TABLES {
        text += &rows(&mut conn, table).await;
    }
    conn.close().await.unwrap();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/samples");
    std::fs::write(format!("{root}/{format:04}.sql"), text).unwrap();
}

async fn rows(conn: &mut SqliteConnection, table: &str) -> String {
    let columns = AssertSqlSafe(format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"));
    let columns: Vec<String> = sqlx::query_scalar(columns).fetch_all(&mut *conn).await.unwrap();
    let quoted: Vec<String> = columns.iter().map(|c| format!("quote({c})")).collect();
    let rows = AssertSqlSafe(format!("SELECT {} FROM {table} ORDER BY 1", quoted.join(" || ', ' || ")));
    let rows: Vec<String> = sqlx::query_scalar(rows).fetch_all(conn).await.unwrap();
    let columns = columns.join(", ");
    rows.iter().map(|row| format!("INSERT INTO {table} ({columns}) VALUES ({row});\n")).collect()
}
