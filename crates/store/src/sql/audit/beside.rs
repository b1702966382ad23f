//! What is checked beside the sweep, on two more threads with connections of their own: the file page by page; the
//! checkpoints, the blobs and the recorded answers. A server has one connection: there it is done after the sweep.

use std::sync::Arc;

use tokio::task::{JoinHandle, spawn_blocking};

use super::PAGE;
use super::indexes::Key;
use crate::checkpoint::Signatures;
use crate::error::Fault;
use crate::sql::conn::{Db, query};
use crate::sql::sqlite::{Reader, Structure};
use crate::sql::statements;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// What was seen of the file; `None` when nobody looked.
    pub(super) structure: Option<Structure>,
    /// How many checkpoints there are; `None` when one of them is not as it should be.
    pub(super) checkpoints: Option<i64>,
    /// How many blobs are whole, and how many erased; `None` when there is anything else.
    pub(super) blobs: Option<(u64, u64)>,
    /// Whether each recorded answer is the one that the journal names.
    pub(super) exchanges_fit: bool,
}

/// Both threads.
pub(super) struct UnderWay {
    structure: JoinHandle<Structure>,
    tables: JoinHandle<Beside>,
}

/// Begins. The checkpoints are to be of this origin and signed by one of these keys; the indexes are added up under `key`.
pub(super) fn begin(
    [structure, tables]: [Reader; 2],
    origin: &str,
    trusted: &[String],
    key: &Arc<Key>,
) -> UnderWay {
    let (origin, trusted, key) = (origin.to_owned(), trusted.to_vec(), Arc::clone(key));
    UnderWay {
        structure: spawn_blocking(move || structure.structure(&key)),
        tables: spawn_blocking(move || Beside {
            checkpoints: tables.checkpoints(&origin, &trusted).ok(),
            blobs: tables.blobs().ok(),
            exchanges_fit: tables.exchanges().is_ok(),
            ..Beside::default()
        }),
    }
}

impl UnderWay {
    /// Waits for the end.
    pub(super) async fn end(self) -> Result<Beside, Fault> {
        let gone = |_| Fault::Damaged("the check of its structure did not end".to_owned());
        let structure = self.structure.await.map_err(gone)?;
        // A thread that is gone has checked nothing: the slow checks do.
        let tables = self.tables.await.unwrap_or_default();
        Ok(Beside { structure: Some(structure), ..tables })
    }
}

/// As [`Reader::checkpoints`], on a server: how many there are; `None` when one of them is not as it should be.
pub(super) async fn checkpoints(
    db: &mut Db<'_>,
    origin: &str,
    trusted: &[String],
) -> Result<Option<i64>, Fault> {
    let mut signatures = Signatures::new(origin, trusted);
    let mut after = i64::MIN;
    loop {
        let rows = query(statements::CHECKPOINTS_AFTER).bind(after).bind(PAGE).rows(db).await?;
        let Some(last) = rows.last() else { return Ok(signatures.end()) };
        after = last.get("seq")?;
        for row in &rows {
            let text = |name: &str| row.get::<String>(name).unwrap_or_default();
            let hashes = [text("hash"), text("journal_hash")];
            let hashes = hashes.each_ref().map(String::as_str);
            if !signatures.next(row.get("seq")?, hashes, &text("key"), &text("signature")) {
                return Ok(None);
            }
        }
    }
}
