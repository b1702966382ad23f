//! A small git directory of its own for a checkout: it borrows the repository's objects read-only, and has its own HEAD,
//! an empty configuration and no hooks, so that git works in a box without a path to the real one.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use domain::ids::{CommitId, TreeId};
use gix::bstr::ByteSlice;

use crate::checkout::prepare;
use crate::objects::object;
use crate::{Change, GitError, Repository, index};

/// Git reads alternates of alternates up to this depth.
const MAX_ALTERNATES: usize = 5;

/// From what the index is made: one entry for each file, as `git read-tree` would write it. Nothing is looked at on disk,
/// so the first git command that asks about a path compares its content.
#[derive(Debug, Clone, Copy)]
pub enum IndexFill<'a> {
    /// From the tree, which is read whole.
    FromTree,
    /// From the index of another tree, as [`Repository::index`] made it, with the changes that lead from there to this one.
    /// It is copied, so a little of the cost grows with the number of files; nothing of the tree is read.
    Changed {
        /// That index.
        index: &'a [u8],
        /// The changes.
        changes: &'a [Change],
    },
}

/// What the git directory starts from.
#[derive(Debug, Clone, Copy)]
pub struct Throwaway<'a> {
    /// Where the detached HEAD points.
    pub head: &'a CommitId,
    /// What the index holds; the tree that is checked out.
    pub tree: &'a TreeId,
    /// From what it is made.
    pub index: IndexFill<'a>,
}

impl Repository {
    /// Makes the git directory at `dest`, which must be new or empty. The box must see each folder of
    /// [`Self::object_folders`] at its own path. To commit inside, the box must give git a name by its environment.
    pub fn throwaway_git_dir(&self, dest: &Path, start: Throwaway<'_>) -> Result<(), GitError> {
        prepare(dest)?;
        let gix = self.gix();
        object(&gix, start.head.as_str(), gix::objs::Kind::Commit)?;
        for folder in ["objects/info", "objects/pack", "refs/heads"] {
            let path = dest.join(folder);
            fs::create_dir_all(&path).map_err(GitError::io("create", &path))?;
        }
        put(dest, "HEAD", format!("{}\n", start.head).as_bytes())?;
        put(
            dest,
            "config",
            b"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogAllRefUpdates = false\n",
        )?;
        put(dest, "objects/info/alternates", &self.alternates()?)?;
        let shallow = self.common_dir().join("shallow");
        if shallow.exists() {
            let bytes = fs::read(&shallow).map_err(GitError::io("read", &shallow))?;
            put(dest, "shallow", &bytes)?;
        }
        let index = match start.index {
            IndexFill::FromTree => self.index(start.tree)?,
            IndexFill::Changed { index, changes } => index::changed(&gix, index, changes)?,
        };
        put(dest, "index", &index)
    }

    /// The folders that hold this repository's objects, absolute: its own, then those it borrows from in turn.
    pub fn object_folders(&self) -> Result<Vec<PathBuf>, GitError> {
        let mut known = BTreeSet::new();
        let mut folders = Vec::new();
        let mut next = vec![self.common_dir().join("objects")];
        for _ in 0..=MAX_ALTERNATES {
            let mut found = Vec::new();
            for folder in next {
                let Ok(folder) = folder.canonicalize() else { continue };
                if known.insert(folder.clone()) {
                    found.extend(borrowed(&folder)?);
                    folders.push(folder);
                }
            }
            next = found;
        }
        Ok(folders)
    }

    /// One line for each folder. A name that git would read otherwise is refused.
    fn alternates(&self) -> Result<Vec<u8>, GitError> {
        let mut text = Vec::new();
        for folder in self.object_folders()? {
            let bytes = folder.as_os_str().as_bytes();
            if bytes.contains(&b'\n') || bytes.starts_with(b"\"") {
                return Err(GitError::InvalidPath {
                    path: folder.to_string_lossy().into_owned(),
                    reason: "git cannot borrow objects from a folder with a line break in its name"
                        .to_owned(),
                });
            }
            text.extend_from_slice(bytes);
            text.push(b'\n');
        }
        Ok(text)
    }
}

/// The folders named in `objects/info/alternates`; relative ones count from the objects folder.
fn borrowed(objects: &Path) -> Result<Vec<PathBuf>, GitError> {
    let file = objects.join("info/alternates");
    if !file.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read(&file).map_err(GitError::io("read", &file))?;
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    Ok(lines.map(|line| objects.join(std::ffi::OsStr::from_bytes(line))).collect())
}

fn put(dest: &Path, name: &str, bytes: &[u8]) -> Result<(), GitError> {
    let path = dest.join(name);
    let mut file = fs::File::create_new(&path).map_err(GitError::io("create", &path))?;
    file.write_all(bytes).map_err(GitError::io("write", &path))
}
