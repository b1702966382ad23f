//! The base's files, read from git objects: what providers may see, what patches are applied to, what the gate looks
//! at. The user's working tree is never read.

use domain::ids::TreeId;
use domain::patch::{Base, BaseError, BaseFile, FileMode, FileResult, RepoPath, paths};
use git::{Change, Mode, Repository};

use crate::provider::Source;

/// Files above this size are not read: nothing that a model or a codemod changes is larger.
const FILE_CAP: u64 = 16 << 20;

/// The files of one tree.
#[derive(Clone, Copy)]
pub struct BaseSource<'a> {
    repository: &'a Repository,
    tree: &'a TreeId,
}

impl<'a> BaseSource<'a> {
    /// The files of this tree.
    pub fn new(repository: &'a Repository, tree: &'a TreeId) -> Self {
        Self { repository, tree }
    }

    fn lookup(&self, path: &str) -> Result<Option<BaseFile>, BaseError> {
        let failed = |e: git::GitError| BaseError(format!("{path}: {e}"));
        let Some(entry) = self.repository.entry(self.tree, path).map_err(failed)? else { return Ok(None) };
        match entry.mode {
            Mode::Tree => Ok(None),
            Mode::Submodule => Ok(Some(BaseFile { bytes: Vec::new(), mode: FileMode::Gitlink })),
            Mode::File | Mode::Executable | Mode::Symlink => {
                let blob = self.repository.read(self.tree, path, FILE_CAP).map_err(failed)?;
                Ok(blob.map(|blob| BaseFile { bytes: blob.bytes, mode: file_mode(blob.mode) }))
            }
        }
    }

    /// One edited file as a result: `text` is the new content, `None` deletes it. `Ok(None)` when nothing changes.
    ///
    /// # Errors
    /// The reason, with a code, when the path is unsafe or the file cannot be changed so.
    pub(crate) fn edited(&self, path: &str, text: Option<String>) -> Result<Option<FileResult>, String> {
        let path = paths::check(path.as_bytes()).map_err(|p| format!("edits-path: {path:?}: {p}"))?;
        let before = self.lookup(path.as_str()).map_err(|e| format!("edits-base: {e}"))?;
        let mode = before.as_ref().map_or(FileMode::Regular, |b| b.mode);
        let after = text.map(|text| BaseFile { bytes: text.into_bytes(), mode });
        if before == after {
            return Ok(None);
        }
        Ok(Some(FileResult { path, before, after, anchors: Vec::new() }))
    }
}

impl Base for BaseSource<'_> {
    fn file(&self, path: &RepoPath) -> Result<Option<BaseFile>, BaseError> {
        self.lookup(path.as_str())
    }

    fn list(&self, folder: Option<&RepoPath>) -> Result<Vec<String>, BaseError> {
        let folder = folder.map_or("", RepoPath::as_str);
        match self.repository.entry(self.tree, folder) {
            Ok(Some(entry)) if entry.mode == Mode::Tree => {}
            Ok(_) => return Ok(Vec::new()),
            Err(error) => return Err(BaseError(format!("{folder}: {error}"))),
        }
        let listing =
            self.repository.list(self.tree, folder).map_err(|e| BaseError(format!("{folder}: {e}")))?;
        Ok(listing.entries.into_iter().map(|(name, _)| name).chain(listing.not_utf8).collect())
    }
}

impl Source for BaseSource<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let path = paths::check(path.as_bytes()).ok()?;
        let file = self.lookup(path.as_str()).ok()??;
        matches!(file.mode, FileMode::Regular | FileMode::Executable).then_some(file.bytes)
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let Ok(listing) = self.repository.list(self.tree, folder) else { return Vec::new() };
        let name = |(name, entry): (String, git::Entry)| {
            if entry.mode == Mode::Tree { format!("{name}/") } else { name }
        };
        listing.entries.into_iter().map(name).collect()
    }
}

fn file_mode(mode: Mode) -> FileMode {
    match mode {
        Mode::Executable => FileMode::Executable,
        Mode::Symlink => FileMode::Symlink,
        Mode::Submodule => FileMode::Gitlink,
        Mode::File | Mode::Tree => FileMode::Regular,
    }
}

/// The files of a patch as changes of a tree.
pub fn changes(files: &[FileResult]) -> Vec<Change> {
    files.iter().map(change).collect()
}

fn change(file: &FileResult) -> Change {
    let path = file.path.as_str().to_owned();
    match &file.after {
        Some(after) => Change::Write { path, bytes: after.bytes.clone(), mode: git_mode(after.mode) },
        None => Change::Delete { path },
    }
}

pub(crate) fn git_mode(mode: FileMode) -> Mode {
    match mode {
        FileMode::Regular => Mode::File,
        FileMode::Executable => Mode::Executable,
        FileMode::Symlink => Mode::Symlink,
        FileMode::Gitlink => Mode::Submodule,
    }
}
