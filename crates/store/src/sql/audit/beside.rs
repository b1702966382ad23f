//! What is checked beside the sweep, with connections of their own: a file page by page, on one thread; the checkpoints, the
//! blobs and the recorded answers, on another one. What a server says of its tables was looked at before.

use std::sync::Arc;

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use tokio::task::{JoinHandle, spawn_blocking};

use super::indexes::Key;
use crate::error::Fault;
use crate::sql::postgres;
use crate::sql::sqlite::{Reader, Structure};

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

/// Both threads; on a server, one task.
pub(super) struct UnderWay {
    structure: Option<JoinHandle<Structure>>,
    tables: JoinHandle<Beside>,
}

/// Begins. The checkpoints are to be of this origin and signed by one of these keys; the indexes are added up under `key`.
pub(super) fn of_file(
    [structure, tables]: [Reader; 2],
    origin: &str,
    trusted: &[String],
    key: &Arc<Key>,
) -> UnderWay {
    let (origin, trusted, key) = (origin.to_owned(), trusted.to_vec(), Arc::clone(key));
    UnderWay {
        structure: Some(spawn_blocking(move || structure.structure(&key))),
        tables: spawn_blocking(move || Beside {
            checkpoints: tables.checkpoints(&origin, &trusted).ok(),
            blobs: tables.blobs().ok(),
            exchanges_fit: tables.exchanges().is_ok(),
            ..Beside::default()
        }),
    }
}

/// The same on a server.
pub(super) fn of_server(mut conn: PgConnection, origin: &str, trusted: &[String]) -> UnderWay {
    let (origin, trusted) = (origin.to_owned(), trusted.to_vec());
    let tables = tokio::spawn(async move {
        let checkpoints = postgres::checkpoints(&mut conn, &origin, &trusted).await.ok();
        let blobs = postgres::blobs(&mut conn).await.ok();
        let exchanges_fit = postgres::exchanges(&mut conn).await.is_ok();
        let _ = conn.close().await;
        Beside { checkpoints, blobs, exchanges_fit, structure: None }
    });
    UnderWay { structure: None, tables }
}

impl UnderWay {
    /// Waits for the end.
    pub(super) async fn end(self) -> Result<Beside, Fault> {
        let gone = |_| Fault::Damaged("the check of its structure did not end".to_owned());
        let structure = match self.structure {
            Some(structure) => Some(structure.await.map_err(gone)?),
            None => None,
        };
        // A thread that is gone has checked nothing: the slow checks do.
        let tables = self.tables.await.unwrap_or_default();
        Ok(Beside { structure, ..tables })
    }
}
