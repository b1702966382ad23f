//! Warm layers: what a run of the checks on the base left of build caches, kept as read-only layers over the base checkout,
//! so that each change starts warm and none sees another's output.
//!
//! A layer is complete or absent, never written again, and holds caches only: what tests dropped into the tree is left
//! out, and so is every tracked file. It was written by the base's own code, which therefore can mislead the checks of a
//! change exactly as far as it could without it; nothing on this side runs or follows anything in it.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use domain::ids::Sha256;
use serde::{Deserialize, Serialize};

use super::{Content, changed, remove};
use crate::error::EngineError;

/// The most layers over one base: each look-up of a file goes through all of them.
const LAYERS: usize = 8;

/// Folders that tools fill for themselves alone, beside those that say so by a [`TAG`].
const CACHES: [&str; 15] = [
    "target",
    "__pycache__",
    "node_modules",
    ".venv",
    "venv",
    ".mypy_cache",
    ".ruff_cache",
    ".tox",
    ".nox",
    ".gradle",
    ".next",
    ".nuxt",
    ".turbo",
    ".parcel-cache",
    OWN_CACHE,
];

/// Where checks are told to keep caches that would otherwise lie in the home folder.
pub(crate) const OWN_CACHE: &str = ".codex-task-cache";

/// The file by which a folder says that it is a cache, and how it begins (<https://bford.info/cachedir/>).
const TAG: (&str, &[u8]) = ("CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55");

/// Says which tests failed last, so that a run may be told to take only those: it would change what a run means.
pub(super) const NEVER: &str = ".pytest_cache";

/// What a layer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    /// The keys of the baselines that were run to make it.
    pub(crate) covers: Vec<Sha256>,
    /// Its size on disk.
    pub(crate) bytes: u64,
    /// The newest time of any file, in seconds since 1970-01-01 UTC.
    pub(crate) newest: i64,
}

/// All layers for one base at one level with one set of toolchains.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layers {
    /// The folder that holds them.
    family: PathBuf,
    found: Vec<About>,
}

impl Layers {
    /// The layers below the folder of a base that were made under `key`. Absent ones are none.
    pub(super) fn find(base: &Path, key: &Sha256) -> Self {
        let family = base.join("warm").join(&key.as_str()[..16]);
        let read = |number| {
            let text = fs::read(family.join(number_of(number)).join("about.json")).ok()?;
            serde_json::from_slice(&text).ok()
        };
        Self { found: (0..LAYERS).map_while(read).collect(), family }
    }

    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The layers' folders, the topmost first.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        (0..self.found.len()).rev().map(|number| self.family.join(number_of(number)).join("layer")).collect()
    }

    /// Whether a run of the baseline of this key went into one of them.
    pub(crate) fn cover(&self, key: &Sha256) -> bool {
        self.found.iter().any(|about| about.covers.contains(key))
    }

    /// The newest time of any file in them, in seconds since 1970-01-01 UTC.
    pub(super) fn newest(&self) -> Option<i64> {
        self.found.iter().map(|about| about.newest).max()
    }
}

fn number_of(number: usize) -> String {
    format!("{:02}", number + 1)
}

/// What there is in the upper layer of a run on the base, by path.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Folders that are caches.
    pub(super) caches: Vec<String>,
    /// Everything else that is not tracked.
    pub(super) others: Vec<String>,
}

/// Looks through the tracked folders of an upper layer. A name that is no UTF-8 is passed over.
pub(super) fn look(upper: &Path, content: &Content<'_>) -> Result<Found, EngineError> {
    let mut found = Found::default();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let place = upper.join(&folder);
        for entry in fs::read_dir(&place).map_err(|e| EngineError::folder(&place, e))?.flatten() {
            let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) else { continue };
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            if path == ".git" || path == crate::check_run::OUT || name == NEVER || kind.is_char_device() {
                continue;
            }
            match content.repository.entry(content.tree, &path)? {
                Some(entry) if entry.mode == git::Mode::Tree && kind.is_dir() => folders.push(path),
                Some(_) => {}
                None if kind.is_dir() && is_cache(&name, &entry.path()) => found.caches.push(path),
                None => found.others.push(path),
            }
        }
    }
    Ok(found)
}

/// Whether a folder that is not tracked is a tool's cache.
pub(super) fn is_cache(name: &str, folder: &Path) -> bool {
    let is_tagged = || {
        let tag = folder.join(TAG.0);
        if !fs::symlink_metadata(&tag).is_ok_and(|meta| meta.is_file()) {
            return false;
        }
        let mut start = [0; TAG.1.len()];
        fs::File::open(tag).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == TAG.1
    };
    CACHES.contains(&name) || is_tagged()
}

/// What is to become a layer.
pub(super) struct Making<'a> {
    /// The upper layer of the run, in which nothing runs any more. It loses what is kept.
    pub(super) upper: &'a Path,
    pub(super) content: &'a Content<'a>,
    /// What the checks that build had left outside of caches before the first test ran.
    pub(super) built: Option<&'a [String]>,
    pub(super) covers: Vec<Sha256>,
    /// The most bytes on disk.
    pub(super) cap: u64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kept {
    /// A layer of so many bytes.
    Layer(u64),
    /// No layer: it would be larger than the quota.
    TooLarge,
    /// No layer, with the reason.
    Nothing(&'static str),
}

impl Layers {
    /// Makes the next layer from what a run on the base left. `self` are the layers that the run saw.
    pub(super) fn add(&self, making: &Making<'_>) -> Result<Kept, EngineError> {
        let nothing = |why| Ok(Kept::Nothing(why));
        if self.found.len() == LAYERS {
            return nothing("there are as many layers already as there may be");
        }
        if !changed::in_upper(making.upper, making.content)?.is_empty() {
            return nothing("the checks changed tracked files");
        }
        let found = look(making.upper, making.content)?;
        let built = making.built.unwrap_or_default();
        if making.built.is_none() && !found.others.is_empty() {
            // Tests alone: their droppings cannot be told from what their build needs.
            return nothing("the checks wrote files outside of build caches");
        }
        let mut kept = found.caches;
        kept.extend(found.others.into_iter().filter(|path| built.contains(path)));
        if kept.is_empty() {
            return nothing("the checks left no build caches");
        }
        self.publish(making, &kept)
    }

    fn publish(&self, making: &Making<'_>, kept: &[String]) -> Result<Kept, EngineError> {
        let failed = |path: &Path, e| EngineError::folder(path, e);
        fs::create_dir_all(&self.family).map_err(|e| failed(&self.family, e))?;
        let folder = self.family.join(format!("making-{}", std::process::id()));
        sandbox::remove_tree(&folder)?;
        fs::create_dir(&folder).map_err(|e| failed(&folder, e))?;
        let layer = folder.join("layer");
        let made = take(making.upper, &layer, kept).and_then(|()| measure(&layer, making.cap));
        let (bytes, newest) = match made {
            Ok(Some(measured)) => measured,
            Ok(None) => {
                remove(&folder);
                return Ok(Kept::TooLarge);
            }
            Err(error) => {
                remove(&folder);
                return Err(failed(&layer, error));
            }
        };
        let about = About { covers: making.covers.clone(), bytes, newest };
        let text = serde_json::to_vec(&about).unwrap_or_default();
        fs::write(folder.join("about.json"), text).map_err(|e| failed(&folder, e))?;
        if fs::rename(&folder, self.family.join(number_of(self.found.len()))).is_err() {
            // Another process was faster, with the same work.
            remove(&folder);
            return Ok(Kept::Nothing("another process made the layer"));
        }
        Ok(Kept::Layer(bytes))
    }
}

/// Moves the paths from the upper layer into the new one. The folders above them belong to whom the upper layer belongs.
pub(super) fn take(upper: &Path, layer: &Path, paths: &[String]) -> std::io::Result<()> {
    let top = fs::symlink_metadata(upper)?;
    let make = |place: &Path| -> std::io::Result<()> {
        match fs::create_dir(place) {
            Ok(()) => std::os::unix::fs::lchown(place, Some(top.uid()), Some(top.gid())),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    };
    make(layer)?;
    for path in paths {
        let mut parents: Vec<&Path> = Path::new(path).ancestors().skip(1).collect();
        parents.pop();
        for parent in parents.into_iter().rev() {
            make(&layer.join(parent))?;
        }
        fs::rename(upper.join(path), layer.join(path))?;
    }
    Ok(())
}

/// The size on disk and the newest time of what is in the folder; `None` as soon as it is larger than `cap`. Empties
/// cargo's folder for the files of tests on the way.
pub(super) fn measure(folder: &Path, cap: u64) -> std::io::Result<Option<(u64, i64)>> {
    let (mut bytes, mut newest) = (0_u64, 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let tests_own = folder.ends_with("target/tmp");
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if tests_own {
                drop_entry(&entry)?;
                continue;
            }
            let meta = entry.metadata()?;
            bytes = bytes.saturating_add(meta.blocks().saturating_mul(512));
            newest = newest.max(meta.mtime());
            if bytes > cap {
                return Ok(None);
            }
            if meta.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(Some((bytes, newest)))
}

fn drop_entry(entry: &fs::DirEntry) -> std::io::Result<()> {
    if entry.file_type()?.is_dir() {
        return sandbox::remove_tree(&entry.path()).map_err(std::io::Error::other);
    }
    fs::remove_file(entry.path())
}
