//! One tree: laid out on opening, shown to boxes, looked at afterwards, removed on dropping.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use domain::ids::Sha256;
use domain::patch::FileResult;
use domain::verification::CheckKind;
use git::{IndexFill, Throwaway};
use sandbox::{Access, Bind, GitDir, Level};

use super::base::Base;
use super::warm::{self, Kept, Layers, Making};
use super::{Content, MARKER, Over, Prepared, TreeForm, Trees, changed, difference, remove, upper};
use crate::error::EngineError;

/// Where the tree appears in a strict box: the same for base and candidate, so that outputs can be compared.
const AT: &str = "/codex-task/tree";

/// One tree, for one box at a time. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct Tree {
    folder: PathBuf,
    form: TreeForm,
    /// Under an overlay.
    base: Option<Base>,
    layers: Layers,
    prepared: Option<Prepared>,
    strict: bool,
    objects: Vec<PathBuf>,
    /// What checks that build left outside of caches; none while no such check has run.
    built: Option<Vec<String>>,
    /// Whether tests have run.
    tested: bool,
    /// Of a checkout: what the base has and the disk does not, because it would lead out of the folder or collide.
    unwritten: Vec<String>,
}

impl Trees {
    /// Makes a tree of this name. A tree that a dead process left under the name is removed before. An overlay is laid
    /// over what was fetched for its lock files and the warm layers of its base.
    pub(crate) fn open(
        &self,
        name: &str,
        content: &Content<'_>,
        form: TreeForm,
        level: Level,
        over: Over<'_>,
    ) -> Result<Tree, EngineError> {
        self.sweep(name);
        let base = match form {
            TreeForm::Overlay => Some(self.base(content.repository, content.base)?),
            TreeForm::Checkout => None,
        };
        let layers = base.as_ref().zip(over.warm).map(|(base, key)| Layers::find(&base.folder, key));
        let folder = self.folder()?.join(name);
        make_marked(&folder)?;
        let mut tree = Tree {
            folder,
            form,
            base,
            layers: layers.unwrap_or_default(),
            prepared: over.prepared.filter(|_| form == TreeForm::Overlay),
            strict: level == Level::Strict,
            objects: content.repository.object_folders()?,
            built: None,
            tested: false,
            unwritten: Vec::new(),
        };
        tree.fill(content)?;
        Ok(tree)
    }
}

/// Made beside with its marker and renamed: whoever dies in between leaves no folder that nobody dares to remove.
fn make_marked(folder: &Path) -> Result<(), EngineError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let making = folder.with_file_name(format!("making-{}-{name}", std::process::id()));
    sandbox::remove_tree(&making)?;
    let marked = fs::create_dir(&making).and_then(|()| fs::write(making.join(MARKER), b""));
    marked.and_then(|()| fs::rename(&making, folder)).map_err(|e| EngineError::folder(folder, e))
}

impl Tree {
    fn fill(&mut self, content: &Content<'_>) -> Result<(), EngineError> {
        let made = |path: &Path| fs::create_dir(path).map_err(|e| EngineError::folder(path, e));
        let root = self.root();
        match self.form {
            TreeForm::Overlay => {
                made(&root)?;
                made(&self.folder.join("work"))?;
                upper::write(&root, &self.base_root(), content.changes, self.least_time())?;
            }
            TreeForm::Checkout => {
                let written = content.repository.checkout_into(content.tree, &root)?;
                self.unwritten = written.skipped_links;
                self.unwritten.extend(written.collisions.into_iter().map(|(_, second)| second));
            }
        }
        if !self.strict {
            made(&self.folder.join("scratch"))?;
        }
        let of_base = self.base.as_ref().map(|base| base.index(content)).transpose()?;
        let index = match &of_base {
            Some(index) => IndexFill::Changed { index, changes: content.changes },
            None => IndexFill::FromTree,
        };
        let start = Throwaway { head: content.head, tree: content.tree, index };
        Ok(content.repository.throwaway_git_dir(&self.git_dir(), start)?)
    }

    /// The time that files of a change must have at least. Build tools compare times: a changed file must be newer than
    /// everything that was built from the base, also when the clock was set back in between.
    fn least_time(&self) -> Option<SystemTime> {
        let newest = self.layers.newest().max(self.prepared.as_ref().map(Prepared::newest))?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(newest).ok()?.saturating_add(2)))
    }

    /// The name under which it and the processes in it can be found.
    pub(crate) fn name(&self) -> &str {
        self.folder.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Whether it starts with build caches of its base.
    pub(crate) fn is_warm(&self) -> bool {
        !self.layers.is_empty()
    }

    /// What was fetched for its lock files, where something was.
    pub(crate) fn prepared(&self) -> Option<&Prepared> {
        self.prepared.as_ref()
    }

    /// Writes a file that a command is to read, and that is not kept.
    pub(crate) fn put_scrap(&self, path: &str, text: &str) -> Result<(), EngineError> {
        let place = self.root().join(path);
        let folder = place.parent().unwrap_or(&place);
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&place, text));
        written.map_err(|e| EngineError::folder(&place, e))
    }

    pub(super) fn base_root(&self) -> PathBuf {
        self.base.as_ref().map(Base::root).unwrap_or_default()
    }

    /// How it is laid out, for the record.
    pub(crate) fn form(&self) -> &'static str {
        match self.form {
            TreeForm::Checkout => self.form.as_str(),
            TreeForm::Overlay => match (self.prepared.is_some(), self.layers.is_empty()) {
                (true, true) => "prepared overlay",
                (true, false) => "warm prepared overlay",
                (false, true) => self.form.as_str(),
                (false, false) => "warm overlay",
            },
        }
    }

    /// Notes that a check of this kind has run on the base: what is left by those that build belongs to the build.
    pub(crate) fn ran(&mut self, kind: CheckKind, content: &Content<'_>) -> Result<(), EngineError> {
        self.tested |= matches!(kind, CheckKind::Test | CheckKind::Command);
        if self.form == TreeForm::Overlay && !self.tested {
            self.built = Some(warm::look(&self.root(), content)?.others);
        }
        Ok(())
    }

    /// Keeps the build caches that runs on the base left here as a layer for the changes to come. `covers` are the keys of
    /// the baselines that were run; at most `cap` bytes. No run may follow.
    pub(crate) fn keep_warm(
        self,
        content: &Content<'_>,
        covers: Vec<Sha256>,
        cap: u64,
    ) -> Result<Kept, EngineError> {
        let (root, built) = (self.root(), self.built.as_deref());
        self.layers.add(&Making { upper: &root, content, built, covers, cap })
    }

    /// The writable folder: the overlay's upper layer, or the checkout.
    pub(crate) fn root(&self) -> PathBuf {
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
                lower: self.base_root(),
                layers: self
                    .layers
                    .folders()
                    .into_iter()
                    .chain(self.prepared.as_ref().map(Prepared::layer))
                    .collect(),
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

    /// Writes the files that a program is to find in its home folder, and gives the folder that holds them.
    pub(crate) fn put_home(&self, files: &BTreeMap<PathBuf, String>) -> Result<PathBuf, EngineError> {
        let home = self.folder.join("home");
        let _ = sandbox::remove_tree(&home);
        fs::create_dir_all(&home).map_err(|e| EngineError::folder(&home, e))?;
        for (path, text) in files {
            let place = home.join(path);
            let folder = place.parent().unwrap_or(&home);
            let written = fs::create_dir_all(folder).and_then(|()| fs::write(&place, text));
            written.map_err(|e| EngineError::folder(&place, e))?;
        }
        Ok(home)
    }

    /// What differs from the base; see [`difference`].
    pub(crate) fn difference(&self, content: &Content<'_>) -> Result<Vec<FileResult>, String> {
        let root = self.root();
        match self.form {
            TreeForm::Overlay => difference::of_upper(&root, content),
            TreeForm::Checkout => difference::of_checkout(&root, content, &self.unwritten),
        }
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
