//! What stands in a folder, as a patch's base. Nothing is followed out of it: a symbolic link is a link, and below one
//! there is nothing.

use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use domain::patch::{Base, BaseError, BaseFile, FileMode, RepoPath};

/// Files above this size, in bytes, are not read: nothing that a patch changes is larger.
const FILE_CAP: u64 = 64 << 20;

/// A folder as a base.
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The place of a path, when no folder on the way is a link or a file.
    fn place(&self, path: &RepoPath) -> Result<Option<PathBuf>, BaseError> {
        let folders: Vec<RepoPath> = path.folders().collect();
        for folder in folders.iter().rev() {
            match kind(&self.root.join(folder.as_str()), folder)? {
                Some(kind) if kind.is_dir() => {}
                _ => return Ok(None),
            }
        }
        Ok(Some(self.root.join(path.as_str())))
    }
}

fn kind(place: &Path, path: &RepoPath) -> Result<Option<fs::FileType>, BaseError> {
    match fs::symlink_metadata(place) {
        Ok(meta) => Ok(Some(meta.file_type())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(BaseError(format!("{path}: {error}"))),
    }
}

impl Base for Folder {
    fn file(&self, path: &RepoPath) -> Result<Option<BaseFile>, BaseError> {
        let Some(place) = self.place(path)? else { return Ok(None) };
        let failed = |error: std::io::Error| BaseError(format!("{path}: {error}"));
        let Some(kind) = kind(&place, path)? else { return Ok(None) };
        if kind.is_dir() {
            return Ok(None);
        }
        if kind.is_symlink() {
            let target = fs::read_link(&place).map_err(failed)?;
            return Ok(Some(BaseFile {
                bytes: target.as_os_str().as_bytes().to_vec(),
                mode: FileMode::Symlink,
            }));
        }
        // Opening a FIFO would wait for a writer that may never come.
        if !kind.is_file() {
            return Err(BaseError(format!("{path}: it is no ordinary file")));
        }
        let mut file = fs::File::open(&place).map_err(failed)?;
        let executable = file.metadata().map_err(failed)?.permissions().mode() & 0o111 != 0;
        let mut bytes = Vec::new();
        Read::by_ref(&mut file).take(FILE_CAP + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > FILE_CAP {
            return Err(BaseError(format!("{path}: larger than {} MiB", FILE_CAP >> 20)));
        }
        Ok(Some(BaseFile { bytes, mode: if executable { FileMode::Executable } else { FileMode::Regular } }))
    }

    fn list(&self, folder: Option<&RepoPath>) -> Result<Vec<String>, BaseError> {
        let place = match folder {
            None => self.root.clone(),
            Some(path) => match self.place(path)? {
                Some(place) if kind(&place, path)?.is_some_and(|kind| kind.is_dir()) => place,
                _ => return Ok(Vec::new()),
            },
        };
        let failed = |error: std::io::Error| BaseError(format!("{}: {error}", place.display()));
        let mut names = Vec::new();
        for entry in fs::read_dir(&place).map_err(failed)? {
            names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }
}
