//! Prepared layers: the dependencies that `codex-task prepare` fetched, kept as one read-only layer below the warm
//! layers of every base of the repository that has the same lock files.
//!
//! A layer is complete or absent, and never written again. It is what package managers wrote in the sandbox; nothing on
//! this side runs, follows or parses anything in it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::ids::Sha256;
use git::Repository;
use serde::{Deserialize, Serialize};

use super::hold::Hold;
use super::{Content, MARKER, Tree, Trees, Turn, changed, remove, warm};
use crate::error::EngineError;

/// Python's virtual environment: at the same path in every box, so that the programs in it find their interpreter.
pub(crate) const VENV: &str = ".venv";

/// Cargo's home, with its registry.
pub(crate) const CARGO_HOME: &str = ".codex-task-cache/cargo";

/// Go's module cache.
pub(crate) const GO_MODULES: &str = ".codex-task-cache/go-mod";

/// Yarn's cache, from which newer versions run packages.
pub(crate) const YARN_CACHE: &str = ".codex-task-cache/yarn";

/// How the tree of a preparation is called, before its key.
const NAME: &str = "prepare-";

/// What is written down about a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    /// Differs whenever it was fetched anew: what was found with another one is not taken for this one's.
    pub(crate) id: Sha256,
    /// What was run to fetch it.
    pub(crate) steps: Vec<String>,
    /// Its size on disk.
    pub(crate) bytes: u64,
    /// The newest time of any file, in seconds since 1970-01-01 UTC.
    pub(crate) newest: i64,
}

/// One layer, which stays while this lives.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    folder: PathBuf,
    about: About,
    _hold: Arc<Hold>,
}

impl Prepared {
    /// Which one it is.
    pub(crate) fn id(&self) -> &Sha256 {
        &self.about.id
    }

    /// What was run to fetch it.
    pub(crate) fn steps(&self) -> &[String] {
        &self.about.steps
    }

    /// Its size on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.about.bytes
    }

    pub(super) fn newest(&self) -> i64 {
        self.about.newest
    }

    pub(super) fn layer(&self) -> PathBuf {
        self.folder.join("layer")
    }

    /// Whether a program was installed with it, of those that come first on the search path.
    pub(crate) fn has_program(&self, name: &str) -> bool {
        let program = self.layer().join(VENV).join("bin").join(name);
        fs::metadata(program).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    }

    /// The folder of its programs in a box that shows the tree at `at`.
    pub(crate) fn programs(&self, at: &Path) -> Option<String> {
        let there = self.layer().join(VENV).join("bin").is_dir();
        there.then(|| at.join(VENV).join("bin").to_string_lossy().into_owned())
    }

    /// Where package managers find what was fetched, in a box that shows the tree at `at`.
    pub(crate) fn environment(&self, at: &Path) -> BTreeMap<String, String> {
        let places = [
            ("VIRTUAL_ENV", VENV),
            ("CARGO_HOME", CARGO_HOME),
            ("GOMODCACHE", GO_MODULES),
            ("YARN_CACHE_FOLDER", YARN_CACHE),
        ];
        let there = places.into_iter().filter(|(_, place)| self.layer().join(place).is_dir());
        there.map(|(name, place)| (name.to_owned(), at.join(place).to_string_lossy().into_owned())).collect()
    }
}

/// What came of keeping what was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PreparedEnd {
    /// A layer of so many bytes.
    Kept(u64),
    /// Larger than the quota.
    TooLarge,
    /// The commands changed these tracked files.
    Changed(Vec<String>),
}

impl Trees {
    fn prepared_of(&self, repository: &Repository) -> PathBuf {
        let id = Sha256::of(repository.identity().as_bytes());
        self.cache.join("prepared").join(&id.as_str()[..16])
    }

    fn prepared_folder(&self, repository: &Repository, key: &Sha256) -> PathBuf {
        self.prepared_of(repository).join(&key.as_str()[..32])
    }

    /// Whether anything was ever prepared for this repository.
    pub(crate) fn has_prepared(&self, repository: &Repository) -> bool {
        self.prepared_of(repository).is_dir()
    }

    /// The layer that was made under `key`.
    pub(crate) fn prepared(&self, repository: &Repository, key: &Sha256) -> Option<Prepared> {
        let folder = self.prepared_folder(repository, key);
        let hold = Hold::shared(&folder.join(MARKER))?;
        let about = serde_json::from_slice(&fs::read(folder.join("about.json")).ok()?).ok()?;
        // Marks it as used; only the cleaning looks at it.
        let _ = fs::write(folder.join(MARKER), b"");
        Some(Prepared { folder, about, _hold: Arc::new(hold) })
    }

    /// Forgets the layer of this key, unless a process uses it. Whether there is none afterwards.
    pub(crate) fn forget_prepared(&self, repository: &Repository, key: &Sha256) -> bool {
        let folder = self.prepared_folder(repository, key);
        if let Some(_hold) = Hold::alone(&folder.join(MARKER)) {
            remove(&folder);
        }
        !folder.exists()
    }

    /// The right to make the layer of this key; `None` while another process has it.
    pub(crate) fn prepare_turn(&self, key: &Sha256) -> Result<Option<Turn>, EngineError> {
        self.turn_of(&preparing_name(key))
    }

    /// Whether a tree of this name is one of a preparation.
    pub(crate) fn is_preparation(name: &str) -> bool {
        name.starts_with(NAME)
    }

    /// The same, when no process is at it.
    pub(crate) fn is_abandoned_preparation(&self, name: &str) -> bool {
        Self::is_preparation(name) && matches!(self.turn_of(name), Ok(Some(_)))
    }

    /// Removes the trees of preparations that no process is at. Gives how many there were.
    pub(crate) fn sweep_preparations(&self) -> usize {
        let mut removed = 0;
        for name in self.names().iter().filter(|name| Self::is_preparation(name)) {
            if let Ok(Some(_turn)) = self.turn_of(name) {
                self.sweep(name);
                removed += 1;
            }
        }
        removed
    }

    /// Keeps what the commands of a preparation left in their tree. `steps` are their names, `made` is when.
    pub(crate) fn keep_prepared(
        &self,
        tree: &Tree,
        content: &Content<'_>,
        key: &Sha256,
        (steps, made): (Vec<String>, i64),
        cap: u64,
    ) -> Result<PreparedEnd, EngineError> {
        let upper = tree.root();
        let changed = changed::in_upper(&upper, content)?;
        if !changed.is_empty() {
            return Ok(PreparedEnd::Changed(changed));
        }
        let found = warm::look(&upper, content)?;
        let kept: Vec<String> = found.caches.into_iter().chain(found.others).collect();
        let place = self.prepared_folder(content.repository, key);
        let all = self.prepared_of(content.repository);
        let failed = |path: &Path, e| EngineError::folder(path, e);
        fs::create_dir_all(&all).map_err(|e| failed(&all, e))?;
        let making = all.join(format!("making-{}-{}", std::process::id(), &key.as_str()[..12]));
        sandbox::remove_tree(&making)?;
        fs::create_dir(&making).map_err(|e| failed(&making, e))?;
        let made_beside = self.make_beside(&upper, &making, &kept, cap, |bytes, newest| About {
            id: Sha256::of_fields(&[key.as_str().as_bytes(), made.to_string().as_bytes()]),
            steps,
            bytes,
            newest,
        });
        match made_beside {
            Ok(Some(bytes)) => match fs::rename(&making, &place) {
                Ok(()) => Ok(PreparedEnd::Kept(bytes)),
                Err(error) => {
                    remove(&making);
                    Err(failed(&place, error))
                }
            },
            Ok(None) => {
                remove(&making);
                Ok(PreparedEnd::TooLarge)
            }
            Err(error) => {
                remove(&making);
                Err(failed(&making, error))
            }
        }
    }

    /// Moves what is kept into a folder beside the place; `None` when it is larger than `cap`.
    fn make_beside(
        &self,
        upper: &Path,
        making: &Path,
        kept: &[String],
        cap: u64,
        about: impl FnOnce(u64, i64) -> About,
    ) -> std::io::Result<Option<u64>> {
        let layer = making.join("layer");
        warm::take(upper, &layer, kept)?;
        let Some((bytes, newest)) = warm::measure(&layer, cap)? else { return Ok(None) };
        let text = serde_json::to_vec(&about(bytes, newest)).map_err(std::io::Error::other)?;
        fs::write(making.join("about.json"), text)?;
        // Last: what has it is whole.
        fs::write(making.join(MARKER), b"")?;
        Ok(Some(bytes))
    }
}

/// The name of the tree in which the layer of this key is made.
pub(crate) fn preparing_name(key: &Sha256) -> String {
    format!("{NAME}{}", &key.as_str()[..32])
}
