//! Bytes named by their hash.

use domain::ids::Sha256;

use super::conn::{Db, Row, query};
use super::rows::Cell;
use super::statements;
use crate::error::Fault;

/// Rows that are looked at together at most, and bytes of them.
const PAGE: i64 = 256;
const BYTES: i64 = 4 << 20;

/// The row of these bytes. That they have this hash was checked before.
pub(super) fn row<'a>(sha256: &'a Sha256, bytes: &'a [u8]) -> Vec<Cell<'a>> {
    vec![sha256.as_str().into(), (bytes.len() as i64).into(), bytes.into()]
}

/// The bytes, checked; `None` when there are none or they were erased.
pub(super) async fn get(db: &mut Db<'_>, sha256: &Sha256) -> Result<Option<Vec<u8>>, Fault> {
    let bytes: Option<Option<Vec<u8>>> = query(statements::BLOB).bind(sha256.as_str()).scalar(db).await?;
    match bytes.flatten() {
        Some(bytes) if Sha256::of(&bytes) != *sha256 => {
            Err(Fault::Damaged(format!("blob {sha256} was changed")))
        }
        bytes => Ok(bytes),
    }
}

/// Whether a row of this name is there, erased or not.
pub(super) async fn is_known(db: &mut Db<'_>, sha256: &Sha256) -> Result<bool, Fault> {
    Ok(query(statements::HAS_BLOB).bind(sha256.as_str()).number(db).await? > 0)
}

/// The rows after this name, as many as take [`BYTES`]; a larger one by itself.
pub(super) async fn after(db: &mut Db<'_>, name: &str) -> Result<Vec<Row>, Fault> {
    let sizes = query(statements::BLOB_SIZES_AFTER).bind(name).bind(PAGE).rows(db).await?;
    let (mut count, mut bytes) = (0, 0);
    for row in &sizes {
        bytes += row.get::<Option<i64>>(0)?.unwrap_or_default();
        if count > 0 && bytes > BYTES {
            break;
        }
        count += 1;
    }
    Ok(query(statements::BLOBS_AFTER).bind(name).bind(count).rows(db).await?)
}
