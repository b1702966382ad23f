//! What can go wrong with a repository, by the thing it went wrong with.
//!
//! Sources are chained, not pasted into the message; classifying for the user (whose fault, which hint) is the
//! caller's business.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of this crate's work on objects, trees, refs and files. The git program has its own: [`crate::run::RunError`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// Neither the folder nor one above it is a repository.
    #[error("{} is not inside a git repository", path.display())]
    NotARepository {
        /// The folder that was asked for.
        path: PathBuf,
    },
    /// The folder lies inside the repository's own files, where no work can be done.
    #[error("{} is inside the git directory {}; name the work tree instead", path.display(), git_dir.display())]
    InsideGitDir {
        /// The folder that was asked for.
        path: PathBuf,
        /// The git directory around it.
        git_dir: PathBuf,
    },
    /// `core.worktree` names another folder than the one in which the repository was found: a repository's own
    /// configuration must not send us elsewhere.
    #[error("core.worktree points to {}, but the repository was found at {}", configured.display(), found.display())]
    WorkTreeElsewhere {
        /// The folder that holds `.git`.
        found: PathBuf,
        /// The folder that the configuration names.
        configured: PathBuf,
    },
    /// The repository uses a format that this program does not read.
    #[error("the repository {} uses {feature}, which is not supported", git_dir.display())]
    Unsupported {
        /// The git directory.
        git_dir: PathBuf,
        /// The extension or format, as written in the configuration.
        feature: String,
    },
    /// The repository could not be opened for another reason, such as a malformed configuration.
    #[error("cannot open the repository at {}", path.display())]
    Open {
        /// The git directory or work tree.
        path: PathBuf,
        /// What the reader said.
        source: gix::Error,
    },
    /// HEAD names a branch without a commit.
    #[error("the repository has no commit yet (HEAD is the unborn {branch})")]
    NoCommit {
        /// The full name of the branch that HEAD names.
        branch: String,
    },
    /// The name is no ref and no object id.
    #[error("no branch, tag or commit is called {rev:?}")]
    UnknownRevision {
        /// The name as given.
        rev: String,
    },
    /// The name means more than one thing.
    #[error("{rev:?} is ambiguous: {}", candidates.join(", "))]
    AmbiguousRevision {
        /// The name as given.
        rev: String,
        /// Everything it could mean.
        candidates: Vec<String>,
    },
    /// The object is not in the repository, as in a partial clone or a damaged one.
    #[error("object {id} is not in the repository (a partial clone, or a damaged one?)")]
    MissingObject {
        /// The object's id.
        id: String,
    },
    /// The object is of another kind.
    #[error("object {id} is a {found}, not a {expected}")]
    WrongKind {
        /// The object's id.
        id: String,
        /// What was needed.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// The object is there and cannot be read.
    #[error("cannot read object {id}")]
    ReadObject {
        /// The object's id.
        id: String,
        /// What the reader said.
        source: gix::Error,
    },
    /// The object cannot be written.
    #[error("cannot write a git object")]
    WriteObject {
        /// What the writer said.
        source: gix::Error,
    },
    /// A limit on size, number or depth was passed.
    #[error("{what} is over the limit of {limit}")]
    TooLarge {
        /// The thing, with its path.
        what: String,
        /// The limit, in the thing's own unit.
        limit: u64,
    },
    /// A path that git or a file system would take for something else.
    #[error("the path {path:?} is not allowed: {reason}")]
    InvalidPath {
        /// The path, lossily as text.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The path is taken by something that the change does not remove.
    #[error("cannot write {path:?}: {occupant} is in the way")]
    PathConflict {
        /// The path of the change.
        path: String,
        /// What is there.
        occupant: String,
    },
    /// The file that a change deletes is not in the tree.
    #[error("cannot delete {path:?}: the tree has no such file")]
    NoSuchFile {
        /// The path of the change.
        path: String,
    },
    /// A commit's author or message cannot be written.
    #[error("a commit cannot have this {field}: {reason}")]
    InvalidCommit {
        /// `author name`, `author email` or `message`.
        field: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// A ref name that is malformed or not ours.
    #[error("{name:?} cannot be a ref of ours: {reason}")]
    InvalidRef {
        /// The name as given.
        name: String,
        /// Why not.
        reason: String,
    },
    /// The ref exists and points elsewhere.
    #[error("the ref {name} already exists, at {found}")]
    RefExists {
        /// The full name.
        name: String,
        /// The commit it points to, or the ref that it is a link to.
        found: String,
    },
    /// A branch exists whose name differs only in case; some file systems hold them for one.
    #[error("cannot create {name}: {existing} differs only in case")]
    RefVariant {
        /// The full name.
        name: String,
        /// The name that exists.
        existing: String,
    },
    /// A ref is in the way, as `feature` is of `feature/x`.
    #[error("cannot create {name}: {existing} is in the way")]
    RefBlocked {
        /// The full name.
        name: String,
        /// The ref in the way.
        existing: String,
    },
    /// Somebody else moved the ref.
    #[error("the ref {name} is not at {expected} but at {found}")]
    RefMoved {
        /// The full name.
        name: String,
        /// Where it was expected.
        expected: String,
        /// Where it is, or `nothing`.
        found: String,
    },
    /// A lock file was held for as long as we wait (about a second a lock).
    #[error("the ref {name} is locked by {}; another git may be running, or one died", lock.display())]
    RefLocked {
        /// The full name.
        name: String,
        /// The lock file.
        lock: PathBuf,
    },
    /// Reading or writing the ref failed for another reason.
    #[error("cannot read or write the ref {name}")]
    Ref {
        /// The full name or prefix.
        name: String,
        /// What the ref store said.
        source: gix::Error,
    },
    /// The folder for a checkout or a git directory is not empty.
    #[error("the folder {} is not empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl GitError {
    /// Wraps an I/O error with what was tried and where.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
