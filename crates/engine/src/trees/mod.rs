//! The places where checks run: base checkouts, cached by tree id outside of the repository, and one tree for each
//! change. A tree is an overlay over the base (cost of the change), or a checkout of its own where no overlay works.
//!
//! Every folder of ours carries a marker file; nothing without one is ever removed.

mod changed;
#[cfg(test)]
mod tests;
mod upper;

use std::fs;
use std::path::{Path, PathBuf};

use domain::event::Candidate;
use domain::ids::{CommitId, Sha256, TreeId};
use git::{Change, IndexFill, Repository, Throwaway};
use sandbox::{Access, Bind, GitDir, Level};

use crate::error::EngineError;
use crate::world::Folders;

/// The file that says: this folder was made by codex-task and may be removed by it.
const MARKER: &str = ".codex-task-made-this";

/// Where the tree appears in a strict box: the same for base and candidate, so that outputs can be compared.
const AT: &str = "/codex-task/tree";

/// How many base checkouts of one repository are kept.
const BASES_KEPT: usize = 6;

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

/// One tree, for one box at a time. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct Tree {
    folder: PathBuf,
    form: TreeForm,
    base: PathBuf,
    strict: bool,
    objects: Vec<PathBuf>,
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

    /// The checkout of a base tree, made on first use. Complete or absent: it is made beside and renamed.
    pub(crate) fn base(&self, repository: &Repository, tree: &TreeId) -> Result<PathBuf, EngineError> {
        let id = Sha256::of(repository.identity().as_bytes());
        let bases = self.cache.join("bases").join(&id.as_str()[..16]);
        let place = bases.join(tree.as_str());
        if place.join(MARKER).exists() {
            // Marks it as used; only the cleaning looks at it.
            let _ = fs::write(place.join(MARKER), b"");
            return Ok(place.join("root"));
        }
        fs::create_dir_all(&bases).map_err(|e| EngineError::folder(&bases, e))?;
        let making = bases.join(format!("making-{}-{}", std::process::id(), &tree.as_str()[..12]));
        sandbox::remove_tree(&making)?;
        fs::create_dir(&making).map_err(|e| EngineError::folder(&making, e))?;
        repository.checkout_into(tree, &making.join("root"))?;
        fs::write(making.join(MARKER), b"").map_err(|e| EngineError::folder(&making, e))?;
        match fs::rename(&making, &place) {
            Ok(()) => {}
            // Another process was faster: its checkout is as good as ours.
            Err(_) if place.join(MARKER).exists() => sandbox::remove_tree(&making)?,
            Err(error) => return Err(EngineError::folder(&place, error)),
        }
        keep_newest(&bases, &place);
        Ok(place.join("root"))
    }

    /// Makes a tree of this name. A tree that a dead process left under the name is removed before.
    pub(crate) fn open(
        &self,
        name: &str,
        content: &Content<'_>,
        form: TreeForm,
        level: Level,
    ) -> Result<Tree, EngineError> {
        self.sweep(name);
        let base = match form {
            TreeForm::Overlay => self.base(content.repository, content.base)?,
            TreeForm::Checkout => PathBuf::new(),
        };
        let folder = self.folder()?.join(name);
        fs::create_dir(&folder).map_err(|e| EngineError::folder(&folder, e))?;
        let objects = content.repository.object_folders()?;
        let tree = Tree { folder, form, base, strict: level == Level::Strict, objects };
        tree.fill(content)?;
        Ok(tree)
    }

    /// Removes whatever was left under a tree's name: its processes first, then its folder.
    pub(crate) fn sweep(&self, name: &str) {
        let folder = self.cache.join("trees").join(name);
        if folder.join(MARKER).exists() {
            sandbox::kill_leftovers(name);
            remove(&folder);
        }
    }

    /// Finishes removals and drops checkouts that a dead process did not finish. Gives how many there were.
    pub(crate) fn sweep_unfinished(&self) -> usize {
        let mut removed = 0;
        let trees = fs::read_dir(self.cache.join("trees")).into_iter().flatten().flatten();
        for entry in trees.filter(|e| e.path().extension().is_some_and(|x| x == "removing")) {
            removed += usize::from(sandbox::remove_tree(&entry.path()).is_ok());
        }
        let bases = fs::read_dir(self.cache.join("bases")).into_iter().flatten().flatten();
        for entry in bases.flat_map(|b| fs::read_dir(b.path()).into_iter().flatten().flatten()) {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let dead = match name.strip_prefix("making-").and_then(|rest| rest.split('-').next()) {
                Some(pid) => !std::path::Path::new("/proc").join(pid).exists(),
                None => name.ends_with(".removing"),
            };
            if dead {
                removed += usize::from(sandbox::remove_tree(&entry.path()).is_ok());
            }
        }
        removed
    }

    /// The names of all trees there are.
    pub(crate) fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.cache.join("trees")) else { return Vec::new() };
        let ours = entries.flatten().filter(|e| e.path().join(MARKER).exists());
        ours.filter_map(|e| e.file_name().into_string().ok()).collect()
    }
}

/// Renamed first, removed after: a half-removed tree is never taken for a whole one.
fn remove(folder: &Path) {
    let gone = folder.with_extension("removing");
    let from = if fs::rename(folder, &gone).is_ok() { gone.as_path() } else { folder };
    let _ = sandbox::remove_tree(from);
}

/// Removes the oldest base checkouts of a repository, by last use. Never `current`.
fn keep_newest(bases: &Path, current: &Path) {
    let Ok(entries) = fs::read_dir(bases) else { return };
    let used = |path: &PathBuf| fs::metadata(path.join(MARKER)).and_then(|m| m.modified()).ok();
    let mut found: Vec<_> = entries.flatten().map(|e| e.path()).filter(|p| p != current).collect();
    found.retain(|path| used(path).is_some());
    found.sort_by_key(|path| std::cmp::Reverse(used(path)));
    for old in found.iter().skip(BASES_KEPT - 1) {
        remove(old);
    }
}

impl Tree {
    fn fill(&self, content: &Content<'_>) -> Result<(), EngineError> {
        let made = |path: &Path| fs::create_dir(path).map_err(|e| EngineError::folder(path, e));
        fs::write(self.folder.join(MARKER), b"").map_err(|e| EngineError::folder(&self.folder, e))?;
        let root = self.root();
        match self.form {
            TreeForm::Overlay => {
                made(&root)?;
                made(&self.folder.join("work"))?;
                upper::write(&root, &self.base, content.changes)?;
            }
            TreeForm::Checkout => {
                content.repository.checkout_into(content.tree, &root)?;
            }
        }
        if !self.strict {
            made(&self.folder.join("scratch"))?;
        }
        let start = Throwaway { head: content.head, tree: content.tree, index: IndexFill::None };
        Ok(content.repository.throwaway_git_dir(&self.git_dir(), start)?)
    }

    /// The writable folder: the overlay's upper layer, or the checkout.
    fn root(&self) -> PathBuf {
        self.folder.join("tree")
    }

    fn git_dir(&self) -> PathBuf {
        if self.strict { self.folder.join("git") } else { self.root().join(".git") }
    }

    /// The tree as the sandbox wants it.
    pub(crate) fn for_box(&self) -> sandbox::Tree {
        let at = self.at();
        match self.form {
            TreeForm::Overlay => sandbox::Tree::Overlay {
                lower: self.base.clone(),
                layers: Vec::new(),
                upper: self.root(),
                work: self.folder.join("work"),
                at,
            },
            TreeForm::Checkout => sandbox::Tree::Folder { path: self.root(), at },
        }
    }

    /// Where the tree stands inside the box.
    pub(crate) fn at(&self) -> PathBuf {
        if self.strict { PathBuf::from(AT) } else { self.root() }
    }

    /// The throw-away git directory.
    pub(crate) fn git_for_box(&self) -> GitDir {
        GitDir { path: self.git_dir(), access: Access::ReadWrite }
    }

    /// The object folders that the git directory borrows.
    pub(crate) fn borrowed(&self) -> impl Iterator<Item = Bind> {
        self.objects.iter().map(Bind::same)
    }

    /// The folder for home and temporary files where the box has none of its own.
    pub(crate) fn scratch(&self) -> Option<PathBuf> {
        (!self.strict).then(|| self.folder.join("scratch"))
    }

    /// Reads a file that a check wrote into the tree; `None` when it is not there, is no plain file, or is over `cap`.
    pub(crate) fn written(&self, path: &Path, cap: u64) -> Option<Vec<u8>> {
        let place = self.root().join(path);
        let meta = fs::symlink_metadata(&place).ok()?;
        if !meta.is_file() || meta.len() > cap {
            return None;
        }
        fs::read(place).ok()
    }

    /// The tracked files that are not as the candidate has them any more.
    pub(crate) fn changed(&self, content: &Content<'_>) -> Result<Vec<String>, EngineError> {
        match self.form {
            TreeForm::Overlay => changed::in_upper(&self.root(), content),
            TreeForm::Checkout => changed::in_checkout(&self.root(), content),
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        remove(&self.folder);
    }
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
