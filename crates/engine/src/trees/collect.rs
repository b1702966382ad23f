//! Garbage collection: what may be removed of our folders, and why the rest stays. Nothing is removed that lacks our marker,
//! is used or stood in by a live process, or whose change is not at rest by the registry. Renamed first, removed after.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;

use super::hold::Hold;
use super::{MARKER, Trees, is_dead, remove};

/// A folder that was removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// The folder.
    pub path: PathBuf,
    /// Why it is not needed.
    pub why: &'static str,
    /// What it takes on disk.
    pub bytes: u64,
}

/// A folder that stays although nothing may need it, for a person to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stays {
    /// The folder.
    pub path: PathBuf,
    /// Why it was not removed.
    pub why: String,
}

/// What a collection did or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// What is gone, or would be.
    pub removed: Vec<Removed>,
    /// What stays for a reason that a person should know.
    pub kept: Vec<Stays>,
    /// What base checkouts and build caches take afterwards.
    pub bytes: u64,
}

impl Collected {
    fn keep(&mut self, path: &Path, why: impl Into<String>) {
        self.kept.push(Stays { path: path.to_owned(), why: why.into() });
    }

    fn take(&mut self, path: &Path, why: &'static str, dry_run: bool) {
        let bytes = size_of(path);
        if !dry_run {
            remove(path);
            if path.exists() {
                return self.keep(path, "it could not be removed");
            }
        }
        self.removed.push(Removed { path: path.to_owned(), why, bytes });
    }
}

/// One base with what decides about it.
struct Old {
    path: PathBuf,
    used: SystemTime,
    bytes: u64,
}

impl Trees {
    /// Removes trees that are left over. `why_kept` gives the reason for which a tree of this name has to stay.
    pub(crate) fn collect_trees(
        &self,
        why_kept: &dyn Fn(&str) -> Option<String>,
        dry_run: bool,
        collected: &mut Collected,
    ) {
        for path in self.entries("trees", collected) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if is_dead(&path) {
                collected.take(&path, "its removal was not finished", dry_run);
            } else if let Some(why) = not_ours(&path) {
                collected.keep(&path, why);
            } else if let Some(why) = why_kept(&name) {
                collected.keep(&path, why);
            } else if path.join("git").exists() && holds_git(&path.join("tree")) {
                collected.keep(&path, "there is a git repository in it");
            } else {
                let is_preparation = Self::is_preparation(&name);
                let why = if is_preparation { "no process fetches in it" } else { "its change is at rest" };
                collected.take(&path, why, dry_run);
            }
        }
    }

    /// Removes half-made bases, and the bases used longest ago until the rest fits into `quota` bytes.
    ///
    /// `spared` stays in any case.
    pub(crate) fn collect_bases(
        &self,
        quota: u64,
        spared: Option<&Path>,
        dry_run: bool,
        collected: &mut Collected,
    ) {
        if !dry_run {
            self.collect_turns();
        }
        let mut old = Vec::new();
        let mut repositories = self.entries("bases", collected);
        repositories.extend(self.entries("prepared", collected));
        for repository in repositories {
            for path in folders(&repository, collected) {
                look_at_base(path, dry_run, &mut old, collected);
            }
        }
        old.sort_by_key(|base| base.used);
        let mut total: u64 = old.iter().map(|base| base.bytes).sum();
        for base in &old {
            if total <= quota {
                break;
            }
            if spared == Some(&base.path) {
                continue;
            }
            match Hold::alone(&base.path.join(MARKER)) {
                Some(_hold) => {
                    collected.take(&base.path, "above the quota, used longest ago", dry_run);
                    total = total.saturating_sub(base.bytes);
                }
                None => collected.keep(&base.path, "above the quota, but checks run on it"),
            }
        }
        collected.bytes = total;
    }

    /// Removes the lock files of bases on which nobody runs checks. One that is taken at this very moment guards nothing
    /// afterwards; then two processes run the same baseline, and one of them does it in vain.
    fn collect_turns(&self) {
        for entry in fs::read_dir(self.cache.join("turns")).into_iter().flatten().flatten() {
            if Hold::alone(&entry.path()).is_some() {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// The folders below one of ours. Where a link stands in its place, somebody arranged that, and nothing is looked at.
    fn entries(&self, name: &str, collected: &mut Collected) -> Vec<PathBuf> {
        let folder = self.cache.join(name);
        if let Some(link) = [&self.cache, &folder].into_iter().find(|path| path.is_symlink()) {
            collected.keep(link, "it is a link to another place");
            return Vec::new();
        }
        folders(&folder, collected)
    }
}

/// Judges one entry among the bases; what may go by the quota is put with the `old` ones.
fn look_at_base(path: PathBuf, dry_run: bool, old: &mut Vec<Old>, collected: &mut Collected) {
    let is_making = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("making-"));
    if is_dead(&path) {
        return collected.take(&path, "a dead process was making or removing it", dry_run);
    }
    if is_making {
        return;
    }
    if let Some(why) = not_ours(&path) {
        return collected.keep(&path, why);
    }
    if holds_git(&path.join("root")) {
        return collected.keep(&path, "there is a git repository in it");
    }
    for family in folders(&path.join("warm"), &mut Collected::default()) {
        for layer in folders(&family, &mut Collected::default()).into_iter().filter(|layer| is_dead(layer)) {
            collected.take(&layer, "a dead process was making or removing it", dry_run);
        }
    }
    let used = fs::metadata(path.join(MARKER)).and_then(|meta| meta.modified());
    old.push(Old { bytes: size_of(&path), used: used.unwrap_or(SystemTime::UNIX_EPOCH), path });
}

/// The folders in a folder, sorted; anything else in it is reported. A missing folder has none.
fn folders(folder: &Path, collected: &mut Collected) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.push(entry.path());
        } else {
            collected.keep(&entry.path(), "it is no folder of ours");
        }
    }
    found.sort();
    found
}

/// Why a folder cannot be removed, whatever it is for.
fn not_ours(folder: &Path) -> Option<String> {
    if !fs::symlink_metadata(folder.join(MARKER)).is_ok_and(|meta| meta.is_file()) {
        return Some("it does not carry our marker".to_owned());
    }
    stands_in(folder).map(|pid| format!("process {pid} stands in it"))
}

/// Whether a checkout holds a git directory that is not empty; the sandbox leaves an empty one.
fn holds_git(checkout: &Path) -> bool {
    let git = checkout.join(".git");
    match fs::symlink_metadata(&git) {
        Ok(meta) if meta.is_dir() => fs::read_dir(git).map_or(true, |mut entries| entries.next().is_some()),
        Ok(_) => true,
        Err(_) => false,
    }
}

/// A live process whose working folder is there. Those of other users are seen by root only.
fn stands_in(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes
        .filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(&folder)))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .find(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What a folder takes on disk. What cannot be looked at counts nothing.
fn size_of(folder: &Path) -> u64 {
    let (mut bytes, mut open) = (0_u64, vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            bytes = bytes.saturating_add(meta.blocks().saturating_mul(512));
            if meta.is_dir() {
                open.push(entry.path());
            }
        }
    }
    bytes
}
