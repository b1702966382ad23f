//! What is checked beside the sweep, on two more threads with connections of their own: the file as SQLite sees it; the
//! checkpoints, the blobs and the recorded answers.

use tokio::task::{JoinHandle, spawn_blocking};

use crate::error::Fault;
use crate::sql::conn::Db;
use crate::sql::sqlite::{self, Reader};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// What is wrong with the file.
    pub(super) structure: Vec<String>,
    /// How many checkpoints there are; `None` when one of them is not as it should be.
    pub(super) checkpoints: Option<i64>,
    /// How many blobs are whole, and how many erased; `None` when there is anything else.
    pub(super) blobs: Option<(u64, u64)>,
    /// Whether each recorded answer is the one that the journal names.
    pub(super) exchanges_fit: bool,
}

impl Beside {
    /// The structure alone; for the rest there are the slow checks.
    pub(super) async fn without_readers(db: &mut Db<'_>) -> Result<Self, Fault> {
        let structure = match db {
            Db::Sqlite(_) => sqlite::integrity(db).await?,
            Db::Postgres(_) => Vec::new(),
        };
        Ok(Self { structure, ..Self::default() })
    }
}

/// Both threads.
pub(super) struct UnderWay {
    structure: JoinHandle<Result<Vec<String>, String>>,
    tables: JoinHandle<Beside>,
}

/// Begins. The checkpoints are to be of this origin and signed by one of these keys.
pub(super) fn begin(structure: Reader, tables: Reader, origin: &str, trusted: &[String]) -> UnderWay {
    let (origin, trusted) = (origin.to_owned(), trusted.to_vec());
    UnderWay {
        structure: spawn_blocking(move || structure.integrity().map_err(|e| e.to_string())),
        tables: spawn_blocking(move || Beside {
            structure: Vec::new(),
            checkpoints: tables.checkpoints(&origin, &trusted).ok(),
            blobs: tables.blobs().ok(),
            exchanges_fit: tables.exchanges().is_ok(),
        }),
    }
}

impl UnderWay {
    /// Waits for the end. A file that SQLite cannot even check is damaged.
    pub(super) async fn end(self) -> Result<Beside, Fault> {
        let gone = |_| Fault::Damaged("the check of its structure did not end".to_owned());
        let structure = match self.structure.await.map_err(gone)? {
            Ok(lines) => lines,
            Err(line) => vec![line],
        };
        // A thread that is gone has checked nothing: the slow checks do.
        Ok(Beside { structure, ..self.tables.await.unwrap_or_default() })
    }
}
