//! A small git directory of its own for a checkout: it borrows the repository's objects read-only, and has its own HEAD,
//! an empty configuration and no hooks, so that git works in a box without a path to the real one.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use domain::ids::{CommitId, TreeId};
use gix::bstr::{BString, ByteSlice};

use crate::checkout::prepare;
use crate::objects::{object, parse};
use crate::tree::walk_bytes;
use crate::{Entry, GitError, Mode, Repository};

/// Git reads alternates of alternates up to this depth.
const MAX_ALTERNATES: usize = 5;

/// Whether the git directory gets an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexFill {
    /// None: `git diff A B`, `log`, `show` and `blame` work; `status`, `add` and `commit` need a `git read-tree HEAD` first.
    /// The cost does not grow with the repository.
    None,
    /// One entry for each file, as `git read-tree` would write it: nothing is looked at on disk, so the first git command
    /// that asks about a path compares its content. The cost grows with the number of files.
    FromTree,
}

/// What the git directory starts from.
#[derive(Debug, Clone, Copy)]
pub struct Throwaway<'a> {
    /// Where the detached HEAD points.
    pub head: &'a CommitId,
    /// What the index holds; the tree that is checked out.
    pub tree: &'a TreeId,
    /// Whether there is an index.
    pub index: IndexFill,
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
        match start.index {
            IndexFill::None => Ok(()),
            IndexFill::FromTree => put(dest, "index", &index(&gix, start.tree)?),
        }
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

/// An index, version 2 (git's `index-format`), with the stat fields at zero as after `git read-tree`.
fn index(gix: &gix::Repository, tree: &TreeId) -> Result<Vec<u8>, GitError> {
    let mut files: Vec<(BString, Entry)> = Vec::new();
    walk_bytes(gix, parse(gix, tree.as_str())?, &mut |path, entry| {
        if entry.mode != Mode::Tree {
            files.push((path.into(), entry));
        }
        ControlFlow::Continue(())
    })?;
    files.sort_by(|a, b| a.0.cmp(&b.0));
    let mut bytes = b"DIRC\0\0\0\x02".to_vec();
    bytes.extend_from_slice(&u32::try_from(files.len()).unwrap_or(u32::MAX).to_be_bytes());
    for (path, entry) in &files {
        index_entry(&mut bytes, path, entry);
    }
    let mut hasher = gix::hash::hasher(gix.object_hash());
    hasher.update(&bytes);
    let sum = hasher
        .try_finalize()
        .map_err(|error| GitError::WriteObject { source: gix::Error::from_error(error) })?;
    bytes.extend_from_slice(sum.as_slice());
    Ok(bytes)
}

/// Six stat words, the mode, three more stat words, the id, the name's length, the name, and 1 to 8 NULs up to a multiple
/// of eight.
fn index_entry(bytes: &mut Vec<u8>, path: &[u8], entry: &Entry) {
    let start = bytes.len();
    let mode: u32 = match entry.mode {
        Mode::File | Mode::Tree => 0o100_644,
        Mode::Executable => 0o100_755,
        Mode::Symlink => 0o120_000,
        Mode::Submodule => 0o160_000,
    };
    bytes.extend_from_slice(&[0; 24]);
    bytes.extend_from_slice(&mode.to_be_bytes());
    bytes.extend_from_slice(&[0; 12]);
    bytes.extend_from_slice(entry.id.0.as_slice());
    bytes.extend_from_slice(&u16::try_from(path.len().min(0xfff)).unwrap_or(0xfff).to_be_bytes());
    bytes.extend_from_slice(path);
    let padding = 8 - (bytes.len() - start) % 8;
    bytes.extend_from_slice(&[0; 8][..padding]);
}
