//! A fingerprint of everything of a repository that is the user's, so that a test can assert that it was left alone.
//! Reads plain files only; asks neither gix nor git.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use domain::ids::Sha256;

use crate::{GitError, Repository};

/// Places below the common directory that are ours to write: the objects, our refs and their logs.
const OURS: [&str; 5] =
    ["objects", "refs/codex-task", "refs/heads/feature", "logs/refs/codex-task", "logs/refs/heads/feature"];

/// Each file, link and folder with its mode and a hash of its content: the work tree (untracked and ignored files too),
/// and below the git directory everything but the objects and our own refs: index, HEAD, refs, packed-refs, stash,
/// configuration, hooks, logs, locks. Times are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoDigest {
    parts: BTreeMap<String, String>,
}

/// Takes the fingerprint of the repository that holds `path`: this work tree, and the git directory that all share.
pub fn digest(path: &Path) -> Result<RepoDigest, GitError> {
    let repository = Repository::open(path)?;
    let mut taken = Taken { parts: BTreeMap::new() };
    if let Some(root) = repository.work_dir() {
        let git_dir = root.join(".git");
        let skip = |path: &Path| path == git_dir && path.is_dir();
        taken.folder("work tree", root, root, &skip, true)?;
    }
    let common = repository.common_dir();
    let ours: Vec<PathBuf> = OURS.iter().map(|place| common.join(place)).collect();
    // Empty folders below refs and logs come and go with the refs in them.
    let skip = |path: &Path| ours.iter().any(|place| path.starts_with(place));
    taken.folder("git directory", common, common, &skip, false)?;
    Ok(RepoDigest { parts: taken.parts })
}

/// What differs, one line for each file: empty when nothing does.
pub fn difference(before: &RepoDigest, after: &RepoDigest) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, old) in &before.parts {
        match after.parts.get(name) {
            None => lines.push(format!("gone: {name}")),
            Some(new) if new != old => lines.push(format!("changed: {name} ({old} -> {new})")),
            Some(_) => {}
        }
    }
    let added = after.parts.keys().filter(|name| !before.parts.contains_key(*name));
    lines.extend(added.map(|name| format!("new: {name}")));
    lines
}

struct Taken {
    parts: BTreeMap<String, String>,
}

impl Taken {
    fn folder(
        &mut self,
        side: &str,
        root: &Path,
        folder: &Path,
        skip: &dyn Fn(&Path) -> bool,
        with_folders: bool,
    ) -> Result<(), GitError> {
        let entries = fs::read_dir(folder).map_err(GitError::io("list", folder))?;
        for entry in entries {
            let path = entry.map_err(GitError::io("list", folder))?.path();
            if skip(&path) {
                continue;
            }
            let meta = path.symlink_metadata().map_err(GitError::io("look at", &path))?;
            let inner = path.strip_prefix(root).unwrap_or(&path);
            let name = format!("{side}: {}", inner.as_os_str().as_bytes().escape_ascii());
            if meta.is_dir() {
                if with_folders {
                    self.parts.insert(name, format!("folder {:o}", meta.permissions().mode()));
                }
                self.folder(side, root, &path, skip, with_folders)?;
            } else {
                self.parts.insert(name, content(&path, &meta)?);
            }
        }
        Ok(())
    }
}

fn content(path: &Path, meta: &fs::Metadata) -> Result<String, GitError> {
    if meta.is_symlink() {
        let target = fs::read_link(path).map_err(GitError::io("read the link", path))?;
        return Ok(format!("link {}", target.display()));
    }
    if !meta.is_file() {
        return Ok(format!("special {:o}", meta.permissions().mode()));
    }
    let mut bytes = fs::read(path).map_err(GitError::io("read", path))?;
    if path.file_name().is_some_and(|name| name == "packed-refs") {
        bytes = without_ours(&bytes);
    }
    Ok(format!("file {:o} {}", meta.permissions().mode(), Sha256::of(&bytes)))
}

/// The lines of packed-refs that are not ours; a peeled line (`^`) belongs to the line before it.
fn without_ours(bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut ours = false;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if !line.starts_with(b"^") {
            let text = String::from_utf8_lossy(line);
            ours = text.contains(" refs/codex-task/") || text.contains(" refs/heads/feature/");
        }
        if !ours {
            kept.extend_from_slice(line);
        }
    }
    kept
}
