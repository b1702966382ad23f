//! Bytes named by their hash.

use domain::ids::Sha256;
use sqlx::sqlite::SqliteConnection;

use super::statements;
use crate::error::Fault;
use crate::time::Micros;

/// Writes the bytes unless they are there. That they have this hash was checked before.
pub(super) async fn put(conn: &mut SqliteConnection, sha256: &Sha256, bytes: &[u8]) -> Result<(), Fault> {
    let query = sqlx::query(statements::PUT_BLOB).bind(sha256.as_str()).bind(bytes.len() as i64);
    query.bind(bytes).execute(conn).await?;
    Ok(())
}

/// The bytes, checked; `None` when there are none or they were erased.
pub(super) async fn get(conn: &mut SqliteConnection, sha256: &Sha256) -> Result<Option<Vec<u8>>, Fault> {
    let query = sqlx::query_scalar(statements::BLOB).bind(sha256.as_str());
    let bytes: Option<Option<Vec<u8>>> = query.fetch_optional(conn).await?;
    match bytes.flatten() {
        Some(bytes) if Sha256::of(&bytes) != *sha256 => {
            Err(Fault::Damaged(format!("blob {sha256} was changed")))
        }
        bytes => Ok(bytes),
    }
}

/// Whether a row of this name is there, erased or not.
pub(super) async fn is_known(conn: &mut SqliteConnection, sha256: &Sha256) -> Result<bool, Fault> {
    let query = sqlx::query_scalar(statements::HAS_BLOB).bind(sha256.as_str());
    Ok(query.fetch_one(conn).await.map(|rows: i64| rows > 0)?)
}

/// Takes the bytes away and leaves the name; says whether there were any.
pub(super) async fn erase(conn: &mut SqliteConnection, sha256: &Sha256, at: Micros) -> Result<bool, Fault> {
    let query = sqlx::query(statements::ERASE_BLOB).bind(sha256.as_str()).bind(at.0);
    Ok(query.execute(conn).await?.rows_affected() > 0)
}
