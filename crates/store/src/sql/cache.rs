//! Results that can be worked out again, such as baselines. No part of the journal; the oldest go first.

use domain::ids::Sha256;

use super::conn::{Db, query};
use super::statements;
use crate::error::Fault;
use crate::time::Micros;

/// How many results are kept: a few repositories' worth of baselines.
const KEPT: i64 = 512;

/// The result; what is not as it was put is as good as absent.
pub(super) async fn get(db: &mut Db<'_>, key: &Sha256) -> Result<Option<Vec<u8>>, Fault> {
    let row = query(statements::CACHED).bind(key.as_str()).row(db).await?;
    let Some(row) = row else { return Ok(None) };
    let (sha256, bytes): (String, Vec<u8>) = (row.get("sha256")?, row.get("bytes")?);
    Ok((hash(key, &bytes).as_str() == sha256).then_some(bytes))
}

pub(super) async fn put(db: &mut Db<'_>, key: &Sha256, bytes: &[u8], at: Micros) -> Result<(), Fault> {
    let put = query(statements::PUT_CACHED).bind(key.as_str()).bind(at.0);
    put.bind(hash(key, bytes).as_str()).bind(bytes).execute(db).await?;
    query(statements::TRIM_CACHE).bind(KEPT).execute(db).await?;
    Ok(())
}

/// Covers the key too: two results that changed places are not as they were put.
fn hash(key: &Sha256, bytes: &[u8]) -> Sha256 {
    Sha256::of_fields(&[key.as_str().as_bytes(), bytes])
}
