//! Base checkouts: one for each tree id of a repository, shared by all changes that start from it.

use std::fs;
use std::path::{Path, PathBuf};

use domain::ids::{Sha256, TreeId};
use git::Repository;

use super::hold::Hold;
use super::{Content, MARKER, Trees, remove};
use crate::error::EngineError;

/// How many base checkouts of one repository are kept.
pub(super) const BASES_KEPT: usize = 6;

/// How often a checkout that is removed under our hands is made again.
const TRIES: usize = 3;

/// A base checkout that stays while this lives.
#[derive(Debug)]
pub(super) struct Base {
    /// The folder of all that belongs to it.
    pub(super) folder: PathBuf,
    _hold: Hold,
}

impl Base {
    /// The files.
    pub(super) fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// The index of the base tree, kept beside its files: that of a change is made from it at the cost of a copy.
    pub(super) fn index(&self, content: &Content<'_>) -> Result<Vec<u8>, EngineError> {
        let place = self.folder.join("index");
        if let Ok(index) = fs::read(&place) {
            return Ok(index);
        }
        let index = content.repository.index(content.base)?;
        let making = self.folder.join(format!("index-{}", std::process::id()));
        let written = fs::write(&making, &index).and_then(|()| fs::rename(&making, &place));
        written.map_err(|e| EngineError::folder(&place, e))?;
        Ok(index)
    }
}

impl Trees {
    /// The folder for all that belongs to one base tree of one repository.
    pub(super) fn base_folder(&self, repository: &Repository, tree: &TreeId) -> PathBuf {
        let id = Sha256::of(repository.identity().as_bytes());
        self.cache.join("bases").join(&id.as_str()[..16]).join(tree.as_str())
    }

    /// The checkout of a base tree, made on first use.
    pub(super) fn base(&self, repository: &Repository, tree: &TreeId) -> Result<Base, EngineError> {
        let folder = self.base_folder(repository, tree);
        for _ in 0..TRIES {
            if !folder.join(MARKER).exists() {
                make(&folder, repository, tree)?;
            }
            if let Some(hold) = Hold::shared(&folder.join(MARKER)) {
                // Marks it as used; only the cleaning looks at it.
                let _ = fs::write(folder.join(MARKER), b"");
                return Ok(Base { folder, _hold: hold });
            }
        }
        let gone = std::io::Error::other("it is removed again and again by another process");
        Err(EngineError::folder(&folder, gone))
    }
}

/// Complete or absent: the checkout is made beside and renamed.
fn make(place: &Path, repository: &Repository, tree: &TreeId) -> Result<(), EngineError> {
    let bases = place.parent().unwrap_or(place);
    fs::create_dir_all(bases).map_err(|e| EngineError::folder(bases, e))?;
    let making = bases.join(format!("making-{}-{}", std::process::id(), &tree.as_str()[..12]));
    sandbox::remove_tree(&making)?;
    fs::create_dir(&making).map_err(|e| EngineError::folder(&making, e))?;
    repository.checkout_into(tree, &making.join("root"))?;
    fs::write(making.join(MARKER), b"").map_err(|e| EngineError::folder(&making, e))?;
    match fs::rename(&making, place) {
        Ok(()) => {
            keep_newest(bases, place);
            Ok(())
        }
        // Another process was faster: its checkout is as good as ours.
        Err(_) if place.join(MARKER).exists() => Ok(sandbox::remove_tree(&making)?),
        Err(error) => Err(EngineError::folder(place, error)),
    }
}

/// Removes the oldest base checkouts of a repository, by last use. Never `current`, and never one in use.
fn keep_newest(bases: &Path, current: &Path) {
    let Ok(entries) = fs::read_dir(bases) else { return };
    let used = |path: &PathBuf| fs::metadata(path.join(MARKER)).and_then(|m| m.modified()).ok();
    let mut found: Vec<_> = entries.flatten().map(|e| e.path()).filter(|p| p != current).collect();
    found.retain(|path| used(path).is_some());
    found.sort_by_key(|path| std::cmp::Reverse(used(path)));
    for old in found.iter().skip(BASES_KEPT - 1) {
        if Hold::alone(&old.join(MARKER)).is_some() {
            remove(old);
        }
    }
}
