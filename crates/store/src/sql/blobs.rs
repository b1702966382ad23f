//! Bytes named by their hash.

use domain::ids::Sha256;

use super::conn::{Db, query};
use super::rows::Cell;
use super::statements;
use crate::error::Fault;
use crate::time::Micros;

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

/// Takes the bytes away and leaves the name; says whether there were any.
pub(super) async fn erase(db: &mut Db<'_>, sha256: &Sha256, at: Micros) -> Result<bool, Fault> {
    Ok(query(statements::ERASE_BLOB).bind(sha256.as_str()).bind(at.0).execute(db).await? > 0)
}
