//! What can go wrong, named by the database and the thing. Writing fails closed: an error means that nothing was written.

use std::path::{Path, PathBuf};

use domain::budget::OverBudget;
use domain::ids::{IntentId, Sha256};
use domain::intent::IllegalTransition;

use crate::sql::DbError;

use crate::compaction::Compaction;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A failure of the store itself.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A newer codex-task has been here.
    #[error(
        "{path} was written by a newer version of codex-task (format {found}; this one knows {known}): use that version"
    )]
    Newer {
        /// The database: its file, or its address without a password.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// Another process kept the database locked.
    #[error("{path} stayed locked by another process for {seconds} s: let it finish, then try again")]
    Busy {
        /// The database.
        path: PathBuf,
        /// How long we waited.
        seconds: u64,
        /// What the database says.
        source: Source,
    },
    /// What is stored is not what was written.
    #[error("{path} is damaged ({detail}): run `codex-task audit verify`, and keep the file as it is")]
    Damaged {
        /// The database or the file beside it.
        path: PathBuf,
        /// What does not fit.
        detail: String,
        /// What the database says, where it was the one to notice.
        source: Option<Source>,
    },
    /// The journal is shorter than, or other than, the head that was signed for it.
    #[error(
        "{path} was cut or exchanged: its head file knows entry {expected}, the journal ends at {found}. Nothing is \
             written until that is settled: run `codex-task audit verify`"
    )]
    TailCut {
        /// The database.
        path: PathBuf,
        /// The last entry by the head file.
        expected: u64,
        /// The last entry in the journal.
        found: u64,
    },
    /// A recorded event that this version cannot read.
    #[error(
        "entry {seq} of {path} was written by a newer version of codex-task (event format {format}): use that version"
    )]
    NewerEvent {
        /// The database.
        path: PathBuf,
        /// The entry.
        seq: u64,
        /// Its format.
        format: i64,
    },
    /// The recorded events of an intent make no story.
    #[error("{path} holds a story that cannot be: run `codex-task audit verify`")]
    Story {
        /// The database.
        path: PathBuf,
        /// Which event does not fit.
        source: IllegalTransition,
    },
    /// The intent's events went into a file, or were erased.
    #[error("change {intent} was {compaction}: the journal has its hashes and costs, not what it said")]
    Compacted {
        /// The intent.
        intent: IntentId,
        /// What was done with it.
        compaction: Box<Compaction>,
    },
    /// An intent that cannot be erased.
    #[error("change {intent} {why}")]
    NotErasable {
        /// The intent.
        intent: IntentId,
        /// Why not, and what to do.
        why: String,
    },
    /// A file of a compaction cannot be read as one, or not be written.
    #[error("{path}: {detail}")]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is in the way.
        detail: String,
    },
    /// The database refused.
    #[error("the database {path} failed")]
    Database {
        /// The database.
        path: PathBuf,
        /// What it says.
        source: Source,
    },
    /// A file beside the database.
    #[error("cannot {doing} {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// The system gave no random bytes for a key or an origin.
    #[error("the system gives no random bytes, needed for {path}")]
    Random {
        /// The file they were for.
        path: PathBuf,
        /// Why not.
        source: getrandom::Error,
    },
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else appended to this intent.
    #[error("intent {intent} is at version {found}, not {expected}: another process works on it")]
    Conflict {
        /// The intent.
        intent: IntentId,
        /// The version that the caller knew.
        expected: u64,
        /// The version in the journal.
        found: u64,
    },
    /// A live intent stands for the same finding.
    #[error("intent {existing} already stands for this finding")]
    Duplicate {
        /// The live intent.
        existing: IntentId,
    },
    /// A budget has no room.
    #[error("{0}")]
    OverBudget(OverBudget),
    /// Settled or released without a reservation.
    #[error("intent {intent} has no reservation for attempt {attempt}")]
    NoReservation {
        /// The intent.
        intent: IntentId,
        /// The attempt.
        attempt: u32,
    },
    /// Reserved twice.
    #[error("intent {intent} has a reservation for attempt {attempt} already")]
    AlreadyReserved {
        /// The intent.
        intent: IntentId,
        /// The attempt.
        attempt: u32,
    },
    /// A blob whose bytes have another hash.
    #[error("a blob named {expected} has the hash {found}")]
    BlobHash {
        /// The name given.
        expected: Sha256,
        /// The hash of its bytes.
        found: Sha256,
    },
    /// An exchange whose answer was never stored.
    #[error("the answer {answer} of an exchange is not stored")]
    NoAnswer {
        /// The answer's hash.
        answer: Sha256,
    },
    /// What is to be appended contradicts itself: a defect of the caller.
    #[error("intent {intent}: {what}")]
    Contradiction {
        /// The intent.
        intent: IntentId,
        /// What does not fit.
        what: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A failure before it is known in which file; becomes a [`StoreError`] where the path is at hand.
#[derive(Debug)]
pub(crate) enum Fault {
    Sql(DbError),
    Damaged(String),
    NewerFormat { found: i64, known: i64 },
    NewerEvent { seq: u64, format: i64 },
    TailCut { expected: u64, found: u64 },
    Story(IllegalTransition),
    Compacted(IntentId, Box<Compaction>),
    NotErasable(IntentId, String),
    Archive(PathBuf, String),
    Other(StoreError),
}

/// Why a transaction is given up: refused, or failed.
#[derive(Debug)]
pub(crate) enum Stop {
    Refused(AppendError),
    Fault(Fault),
}

impl Fault {
    /// The same failure, with its file.
    pub(crate) fn at(self, path: &Path) -> StoreError {
        let path = path.to_owned();
        match self {
            Self::Sql(error) => sql_error(path, error),
            Self::Damaged(detail) => StoreError::Damaged { path, detail, source: None },
            Self::NewerFormat { found, known } => StoreError::Newer { path, found, known },
            Self::NewerEvent { seq, format } => StoreError::NewerEvent { path, seq, format },
            Self::TailCut { expected, found } => StoreError::TailCut { path, expected, found },
            Self::Story(source) => StoreError::Story { path, source },
            Self::Compacted(intent, compaction) => StoreError::Compacted { intent, compaction },
            Self::NotErasable(intent, why) => StoreError::NotErasable { intent, why },
            Self::Archive(path, detail) => StoreError::Archive { path, detail },
            Self::Other(error) => error,
        }
    }
}

impl Stop {
    /// The same, with the database's path.
    pub(crate) fn at(self, path: &Path) -> AppendError {
        match self {
            Self::Refused(error) => error,
            Self::Fault(fault) => AppendError::Store(fault.at(path)),
        }
    }
}

fn sql_error(path: PathBuf, error: DbError) -> StoreError {
    if error.is_corrupt() {
        let detail = error.to_string();
        return StoreError::Damaged { path, detail, source: Some(Box::new(error)) };
    }
    if error.is_locked() {
        return StoreError::Busy {
            path,
            seconds: crate::sql::BUSY_TIMEOUT.as_secs(),
            source: Box::new(error),
        };
    }
    StoreError::Database { path, source: Box::new(error) }
}

impl From<DbError> for Fault {
    fn from(error: DbError) -> Self {
        Self::Sql(error)
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error.into())
    }
}

impl From<IllegalTransition> for Fault {
    fn from(error: IllegalTransition) -> Self {
        Self::Story(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Other(error)
    }
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        Self::Fault(Fault::Sql(error))
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<AppendError> for Stop {
    fn from(error: AppendError) -> Self {
        Self::Refused(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Fault(Fault::Other(error))
    }
}
