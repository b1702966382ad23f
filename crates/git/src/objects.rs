//! Single objects: what an entry of a tree is, reading blobs with a cap, writing commits. No refs, no files on disk.
//!
//! Durability: an object is written to a temporary file beside its place and renamed, without fsync, which is git's own
//! default for loose objects (`core.fsync` leaves them out). An object that exists already is not touched; git would
//! refresh its age, so only a prune of unreachable objects with no grace period could take one away under us.

use std::fmt;
use std::str::FromStr;

use domain::ids::{BlobId, CommitId, InvalidId, TreeId};
use gix::objs::{Kind, tree::EntryKind};

use crate::{GitError, Repository};

/// The id of any object: what a tree's entry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub(crate) gix::ObjectId);

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for ObjectId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let wrong = |_| InvalidId { kind: "object id", text: text.chars().take(80).collect() };
        gix::ObjectId::from_hex(text.as_bytes()).map(Self).map_err(wrong)
    }
}

/// What an entry of a tree is. Old repositories hold modes such as 100664; they read as [`Mode::File`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// A plain file (100644).
    File,
    /// A file with the executable bit (100755).
    Executable,
    /// A symbolic link (120000); its blob is the target.
    Symlink,
    /// Another repository's commit (160000).
    Submodule,
    /// A folder (040000).
    Tree,
}

impl Mode {
    /// The six digits that git prints.
    pub fn octal(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
            Self::Submodule => "160000",
            Self::Tree => "040000",
        }
    }

    pub(crate) fn kind(self) -> EntryKind {
        match self {
            Self::File => EntryKind::Blob,
            Self::Executable => EntryKind::BlobExecutable,
            Self::Symlink => EntryKind::Link,
            Self::Submodule => EntryKind::Commit,
            Self::Tree => EntryKind::Tree,
        }
    }

    /// Whether the entry is a blob: a file or a link.
    pub fn is_blob(self) -> bool {
        matches!(self, Self::File | Self::Executable | Self::Symlink)
    }
}

impl From<EntryKind> for Mode {
    fn from(kind: EntryKind) -> Self {
        match kind {
            EntryKind::Blob => Self::File,
            EntryKind::BlobExecutable => Self::Executable,
            EntryKind::Link => Self::Symlink,
            EntryKind::Commit => Self::Submodule,
            EntryKind::Tree => Self::Tree,
        }
    }
}

/// One entry of a tree, without its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The object that the entry names.
    pub id: ObjectId,
    /// What it is.
    pub mode: Mode,
}

impl Entry {
    /// The blob, when the entry is a file or a link.
    pub fn blob(&self) -> Option<BlobId> {
        self.mode.is_blob().then(|| self.id.0.to_string().parse().ok()).flatten()
    }

    /// The tree, when the entry is a folder.
    pub fn tree(&self) -> Option<TreeId> {
        (self.mode == Mode::Tree).then(|| self.id.0.to_string().parse().ok()).flatten()
    }
}

/// A file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// The blob's id.
    pub id: ObjectId,
    /// The bytes as stored: no line ending or filter is applied.
    pub bytes: Vec<u8>,
    /// File, executable or symbolic link.
    pub mode: Mode,
}

/// Who made a commit, and when. The same is written as author and committer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The name; not empty, no line break, no angle bracket.
    pub name: String,
    /// The address; no line break, no angle bracket.
    pub email: String,
    /// Seconds since 1970 (UTC).
    pub seconds: i64,
    /// Offset from UTC in seconds, east positive.
    pub offset: i32,
}

impl Repository {
    /// The tree of a commit.
    pub fn tree_of(&self, commit: &CommitId) -> Result<TreeId, GitError> {
        let gix = self.gix();
        let (id, data) = object(&gix, commit.as_str(), Kind::Commit)?;
        let parsed = gix::objs::CommitRef::from_bytes(&data, gix.object_hash())
            .map_err(|source| GitError::ReadObject { id: id.to_string(), source })?;
        tree_id(parsed.tree())
    }

    /// A commit's message as it is stored; bytes that are not UTF-8 are replaced.
    pub fn message(&self, commit: &CommitId) -> Result<String, GitError> {
        let gix = self.gix();
        let (id, data) = object(&gix, commit.as_str(), Kind::Commit)?;
        let parsed = gix::objs::CommitRef::from_bytes(&data, gix.object_hash())
            .map_err(|source| GitError::ReadObject { id: id.to_string(), source })?;
        Ok(String::from_utf8_lossy(parsed.message).into_owned())
    }

    /// A blob's bytes, refused when it has more than `cap` of them.
    pub fn read_blob(&self, blob: &BlobId, cap: u64) -> Result<Vec<u8>, GitError> {
        let gix = self.gix();
        let id = parse(&gix, blob.as_str())?;
        blob_bytes(&gix, id, cap, blob.as_str())
    }

    /// Writes a commit object; no ref moves. `parents` in order; the message is stored as given.
    pub fn commit(
        &self,
        tree: &TreeId,
        parents: &[CommitId],
        message: &str,
        author: &Signature,
    ) -> Result<CommitId, GitError> {
        check(author, message)?;
        let gix = self.gix();
        let signature = gix::actor::Signature {
            name: author.name.as_str().into(),
            email: author.email.as_str().into(),
            time: gix::date::Time { seconds: author.seconds, offset: author.offset },
        };
        let (tree, _) = object(&gix, tree.as_str(), Kind::Tree)?;
        let parents =
            parents.iter().map(|parent| object(&gix, parent.as_str(), Kind::Commit).map(|found| found.0));
        let commit = gix::objs::Commit {
            tree,
            parents: parents.collect::<Result<_, _>>()?,
            author: signature.clone(),
            committer: signature,
            encoding: None,
            message: message.into(),
            extra_headers: Vec::new(),
        };
        let id = gix.write_object(&commit).map_err(|source| GitError::WriteObject { source })?;
        commit_id(id.detach())
    }
}

/// Refuses what would end a header line early or be cut off.
fn check(author: &Signature, message: &str) -> Result<(), GitError> {
    let odd = |text: &str| text.chars().any(|c| c.is_control() || matches!(c, '<' | '>'));
    let refuse = |field, reason| Err(GitError::InvalidCommit { field, reason });
    match () {
        () if author.name.trim().is_empty() => refuse("author name", "it is empty"),
        () if odd(&author.name) => refuse("author name", "it has a control character or an angle bracket"),
        () if odd(&author.email) => refuse("author email", "it has a control character or an angle bracket"),
        () if message.contains('\0') => refuse("message", "it has a NUL"),
        () => Ok(()),
    }
}

/// The object's id and bytes, when it exists and is of that kind.
pub(crate) fn object(
    gix: &gix::Repository,
    id: &str,
    kind: Kind,
) -> Result<(gix::ObjectId, Vec<u8>), GitError> {
    let parsed = parse(gix, id)?;
    Ok((parsed, data(gix, parsed, kind)?))
}

/// The object's bytes, when it exists and is of that kind.
pub(crate) fn data(gix: &gix::Repository, id: gix::ObjectId, kind: Kind) -> Result<Vec<u8>, GitError> {
    let mut found = gix
        .try_find_object(id)
        .map_err(|source| GitError::ReadObject { id: id.to_string(), source })?
        .ok_or_else(|| GitError::MissingObject { id: id.to_string() })?;
    if found.kind != kind {
        let expected = match kind {
            Kind::Tree => "tree",
            Kind::Blob => "blob",
            Kind::Commit => "commit",
            Kind::Tag => "tag",
        };
        return Err(GitError::WrongKind { id: id.to_string(), expected, found: found.kind.to_string() });
    }
    Ok(std::mem::take(&mut found.data))
}

/// A blob's bytes; its size is looked at before it is unpacked. `name` is for the message.
pub(crate) fn blob_bytes(
    gix: &gix::Repository,
    id: gix::ObjectId,
    cap: u64,
    name: &str,
) -> Result<Vec<u8>, GitError> {
    let header = gix
        .try_find_header(id)
        .map_err(|source| GitError::ReadObject { id: id.to_string(), source })?
        .ok_or_else(|| GitError::MissingObject { id: id.to_string() })?;
    if header.size() > cap {
        return Err(GitError::TooLarge { what: format!("the size in bytes of {name:?}"), limit: cap });
    }
    data(gix, id, Kind::Blob)
}

/// The id in this repository's hash; one of another length cannot be in it.
pub(crate) fn parse(gix: &gix::Repository, id: &str) -> Result<gix::ObjectId, GitError> {
    gix::ObjectId::from_hex(id.as_bytes())
        .ok()
        .filter(|parsed| parsed.kind() == gix.object_hash())
        .ok_or_else(|| GitError::MissingObject { id: id.to_owned() })
}

pub(crate) fn tree_id(id: gix::ObjectId) -> Result<TreeId, GitError> {
    id.to_string().parse().map_err(|_| GitError::MissingObject { id: id.to_string() })
}

pub(crate) fn commit_id(id: gix::ObjectId) -> Result<CommitId, GitError> {
    id.to_string().parse().map_err(|_| GitError::MissingObject { id: id.to_string() })
}
