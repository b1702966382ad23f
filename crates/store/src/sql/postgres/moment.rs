//! Several connections that look at one moment of the database: the server works in one process for each.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, raw_sql};

use super::super::conn::{Db, query};
use super::super::db_error::DbError;
use super::{Readers, SNAPSHOT};
use crate::error::Fault;

/// For whoever reads whole tables in the order of an index: rows come at once and as they are needed, none is kept, and to
/// compile the statement takes longer than it saves. Such a statement takes as long as the audit.
const IN_ORDER: [(&str, &str); 6] = [
    ("enable_sort", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("max_parallel_workers_per_gather", "0"),
    ("jit", "off"),
    ("statement_timeout", "0"),
];
/// The connection whose moment it is waits for the others.
const MAY_WAIT: &str = "SET LOCAL idle_in_transaction_session_timeout = 0";

impl Readers {
    /// Connections of their own that stand where this one stands, which is in a transaction as [`SNAPSHOT`] begins it and has
    /// to stay in it until they do.
    ///
    /// # Errors
    /// When the server cannot be reached or has no room for so many.
    pub(in crate::sql) async fn beside<const N: usize>(
        &self,
        conn: &mut PgConnection,
    ) -> Result<[PgConnection; N], Fault> {
        raw_sql(MAY_WAIT).execute(&mut *conn).await.map_err(DbError::from)?;
        let name: Option<String> =
            query("SELECT pg_export_snapshot()").scalar(&mut Db::Postgres(conn)).await?;
        let is_name = |name: &String| name.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let name = name
            .filter(is_name)
            .ok_or_else(|| Fault::Damaged("the server gave its moment no name".to_owned()))?;
        let begin = format!("{SNAPSHOT}; SET TRANSACTION SNAPSHOT '{name}'");
        let mut conns = Vec::with_capacity(N);
        for _ in 0..N {
            let mut conn = self.connect_with(IN_ORDER).await?;
            raw_sql(AssertSqlSafe(begin.as_str())).execute(&mut conn).await.map_err(DbError::from)?;
            conns.push(conn);
        }
        conns.try_into().map_err(|_| Fault::Damaged("the server gave too few connections".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;

    use super::*;

    #[tokio::test]
    async fn all_stand_where_the_first_one_stands_whatever_is_written_meanwhile() {
        testkit::requires!(testkit::postgres_need());
        let readers = Readers::new(testkit::postgres_schema().parse().unwrap());
        let mut writer = readers.connect().await.unwrap();
        raw_sql("CREATE TABLE t (a BIGINT)").execute(&mut writer).await.unwrap();
        let mut conn = readers.connect().await.unwrap();
        let mut tx = conn.begin_with(SNAPSHOT).await.unwrap();
        let count = async |conn: &mut PgConnection| {
            sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM t").fetch_one(conn).await.unwrap()
        };
        assert_eq!(count(&mut tx).await, 0);
        raw_sql("INSERT INTO t VALUES (1)").execute(&mut writer).await.unwrap();
        let mut beside: [PgConnection; 2] = readers.beside(&mut tx).await.unwrap();
        raw_sql("INSERT INTO t VALUES (2)").execute(&mut writer).await.unwrap();
        for conn in &mut beside {
            assert_eq!(count(conn).await, 0);
            let written = raw_sql("INSERT INTO t VALUES (3)").execute(&mut *conn).await;
            assert!(written.unwrap_err().to_string().contains("read-only"));
        }
        assert_eq!(count(&mut writer).await, 2);
    }
}
