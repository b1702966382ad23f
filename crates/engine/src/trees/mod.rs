//! The places where checks run: base checkouts, cached by tree id outside of the repository, and one tree for each
//! change. A tree is an overlay over the base (cost of the change), or a checkout of its own where no overlay works.
//!
//! Every folder of ours carries a marker file; nothing without one is ever removed.

mod base;
mod changed;
mod collect;
mod difference;
mod hold;
mod prepared;
mod tree;
mod upper;
mod warm;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use domain::event::Candidate;
use domain::ids::{CommitId, Sha256, TreeId};
use git::{Change, Repository};

use crate::error::EngineError;
use crate::world::Folders;
use hold::Hold;

pub use collect::{Collected, Removed, Stays};
pub(crate) use prepared::{CARGO_HOME, GO_MODULES, Prepared, PreparedEnd, VENV, YARN_CACHE, preparing_name};
pub(crate) use tree::Tree;
pub(crate) use warm::{Kept, Layers, OWN_CACHE};

/// The file that says: this folder was made by codex-task and may be removed by it.
const MARKER: &str = ".codex-task-made-this";

/// Where runs put what is not kept: the reports of test runners, caches that are thrown away.
pub(crate) const SCRAP: &str = crate::check_run::OUT;

/// What a tree is laid over, beside its base.
#[derive(Debug, Default)]
pub(crate) struct Over<'a> {
    /// The name of the warm layers.
    pub(crate) warm: Option<&'a Sha256>,
    /// What was fetched for its lock files.
    pub(crate) prepared: Option<Prepared>,
}

/// How a tree is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TreeForm {
    /// Copy-on-write over the base checkout.
    Overlay,
    /// A checkout of its own.
    Checkout,
}

impl TreeForm {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Overlay => "overlay",
            Self::Checkout => "checkout",
        }
    }
}

/// Makes and removes trees.
pub(crate) struct Trees {
    cache: PathBuf,
}

/// The right to run checks on a base, as long as it lives.
#[derive(Debug)]
pub(crate) struct Turn {
    _hold: Hold,
}

/// What a tree is made from.
pub(crate) struct Content<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) base: &'a TreeId,
    /// The commit that is HEAD in the tree, and the tree at it.
    pub(crate) head: &'a CommitId,
    pub(crate) tree: &'a TreeId,
    /// What turns `base` into `tree`.
    pub(crate) changes: &'a [Change],
}

impl Trees {
    pub(crate) fn new(folders: &Folders) -> Self {
        Self { cache: folders.cache.clone() }
    }

    /// The folder in which trees live: what the sandbox probes for overlays.
    pub(crate) fn folder(&self) -> Result<PathBuf, EngineError> {
        let folder = self.cache.join("trees");
        fs::create_dir_all(&folder).map_err(|e| EngineError::folder(&folder, e))?;
        Ok(folder)
    }

    /// The layers over a base that were made under `key`.
    pub(crate) fn layers(&self, repository: &Repository, tree: &TreeId, key: &Sha256) -> Layers {
        Layers::find(&self.base_folder(repository, tree), key)
    }

    /// The right to run checks on a base; `None` while another process has it. What that one finds is in the cache then.
    pub(crate) fn turn(&self, repository: &Repository, tree: &TreeId) -> Result<Option<Turn>, EngineError> {
        let key = Sha256::of_fields(&[repository.identity().as_bytes(), tree.as_str().as_bytes()]);
        self.turn_of(&key.as_str()[..16])
    }

    /// A lock file of this name, taken; `None` while another process has it.
    fn turn_of(&self, name: &str) -> Result<Option<Turn>, EngineError> {
        let folder = self.cache.join("turns");
        fs::create_dir_all(&folder).map_err(|e| EngineError::folder(&folder, e))?;
        let file = folder.join(name);
        let turn = Hold::turn(&file).map_err(|e| EngineError::folder(&file, e))?;
        Ok(turn.map(|hold| Turn { _hold: hold }))
    }

    /// Keeps bases with their build caches below `quota` bytes; that of this tree stays.
    pub(crate) fn trim(&self, repository: &Repository, tree: &TreeId, quota: u64) {
        let current = self.base_folder(repository, tree);
        self.collect_bases(quota, Some(&current), false, &mut Collected::default());
    }

    /// Removes whatever was left under a tree's name: its processes first, then its folder.
    pub(crate) fn sweep(&self, name: &str) {
        let folder = self.cache.join("trees").join(name);
        if folder.join(MARKER).exists() {
            sandbox::kill_leftovers(name);
            remove(&folder);
        }
    }

    /// Finishes removals and drops what a dead process did not finish to make. Gives how many there were.
    pub(crate) fn sweep_unfinished(&self) -> usize {
        let below = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path());
        let bases: Vec<PathBuf> = ["bases", "prepared"]
            .iter()
            .flat_map(|name| below(self.cache.join(name)))
            .flat_map(below)
            .collect();
        let layers = bases.iter().flat_map(|base| below(base.join("warm"))).flat_map(below);
        let all = below(self.cache.join("trees")).chain(layers).chain(bases.iter().cloned());
        all.filter(|path| is_dead(path)).filter(|path| sandbox::remove_tree(path).is_ok()).count()
    }

    /// The names of all trees there are.
    pub(crate) fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.cache.join("trees")) else { return Vec::new() };
        let ours = entries.flatten().filter(|e| e.path().join(MARKER).exists());
        ours.filter_map(|e| e.file_name().into_string().ok()).collect()
    }
}

/// Whether the folder is being removed, or was being made by a process that is dead.
fn is_dead(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    match name.strip_prefix("making-").and_then(|rest| rest.split('-').next()) {
        Some(pid) => !Path::new("/proc").join(pid).exists(),
        None => name.ends_with(".removing"),
    }
}

/// Renamed first, removed after: a half-removed tree is never taken for a whole one.
fn remove(folder: &Path) {
    let gone = folder.with_extension("removing");
    let from = if fs::rename(folder, &gone).is_ok() { gone.as_path() } else { folder };
    let _ = sandbox::remove_tree(from);
}

impl<'a> Content<'a> {
    /// The candidate: the base with its changes.
    pub(crate) fn candidate(
        repository: &'a Repository,
        base: &'a TreeId,
        candidate: &'a Candidate,
        changes: &'a [Change],
    ) -> Self {
        Self { repository, base, head: &candidate.commit, tree: &candidate.tree, changes }
    }

    /// The base itself.
    pub(crate) fn base(repository: &'a Repository, base: &'a domain::event::BaseRef) -> Self {
        Self { repository, base: &base.tree, head: &base.commit, tree: &base.tree, changes: &[] }
    }
}
