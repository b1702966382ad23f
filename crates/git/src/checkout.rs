//! Writing a tree's files into an empty folder with our own writer: bytes as stored, no filters, no attributes, no line
//! endings, no hooks, and LFS pointers stay pointers. It never writes through a symbolic link.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use domain::ids::TreeId;
use gix::bstr::{BString, ByteSlice};

use crate::edit::check_path;
use crate::objects::{blob_bytes, parse};
use crate::tree::walk_bytes;
use crate::{Entry, GitError, Mode, Repository};

/// One file may have this many bytes: it is held in memory while it is written.
const MAX_FILE: u64 = 1 << 30;
/// All files together may have this many bytes.
const MAX_TOTAL: u64 = 16 << 30;
/// The time of every file and folder: long past and always the same, so that build tools, which compare times, take files
/// that come to a checkout later for newer, and a checkout that is made again for the same.
const WRITTEN_AT: Duration = Duration::from_secs(1_000_000_000);
/// Folders that a path may be led through by links before it is held to be a loop; Linux takes 40.
const MAX_LINKS: usize = 40;
/// Below this many files a second thread costs more than it saves.
const FILES_WORTH_A_THREAD: usize = 200;

/// What a checkout wrote, and what it left out. Paths that are not UTF-8 are written, and named here lossily.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkout {
    /// Plain and executable files written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Symbolic links written.
    pub links: u64,
    /// Links that were not written because following them leads out of the folder (or in circles).
    pub skipped_links: Vec<String>,
    /// Submodules: each is an empty folder.
    pub submodules: Vec<String>,
    /// Pairs of paths that are one file where case or Unicode form does not count. Where the file system is such a one,
    /// the second of them is not written.
    pub collisions: Vec<(String, String)>,
}

#[derive(Default)]
struct Plan {
    folders: Vec<BString>,
    files: Vec<(BString, Entry)>,
    links: Vec<(BString, Entry)>,
    stats: Checkout,
    invalid: Option<GitError>,
}

impl Repository {
    /// Writes all files of `tree` below `dest`, which must be new or empty. The folder is left as it is after an error.
    /// Files and folders are dated 2001-09-09.
    /// Nothing is synced to disk: a checkout can be made again.
    pub fn checkout_into(&self, tree: &TreeId, dest: &Path) -> Result<Checkout, GitError> {
        prepare(dest)?;
        let gix = self.gix();
        let mut plan = Plan::default();
        walk_bytes(&gix, parse(&gix, tree.as_str())?, &mut |path, entry| plan.take(path.into(), entry))?;
        if let Some(error) = plan.invalid {
            return Err(error);
        }
        plan.stats.collisions = collisions(plan.folders.iter().chain(plan.files.iter().map(|file| &file.0)));
        for folder in &plan.folders {
            make_folder(&at(dest, folder))?;
        }
        let total = AtomicU64::new(0);
        self.write_files(&plan.files, dest, &total)?;
        plan.stats.files = plan.files.len() as u64;
        plan.stats.bytes = total.into_inner();
        self.write_links(&plan.links, dest, &mut plan.stats)?;
        for folder in plan.folders.iter().rev().map(|folder| at(dest, folder)).chain([dest.to_owned()]) {
            let dated = fs::File::open(&folder).and_then(|file| file.set_modified(UNIX_EPOCH + WRITTEN_AT));
            dated.map_err(GitError::io("date", &folder))?;
        }
        Ok(plan.stats)
    }

    fn write_files(
        &self,
        files: &[(BString, Entry)],
        dest: &Path,
        total: &AtomicU64,
    ) -> Result<(), GitError> {
        let write = |part: &[(BString, Entry)]| {
            let gix = self.gix();
            part.iter().try_for_each(|(path, entry)| {
                let name = path.to_str_lossy();
                let bytes = blob_bytes(&gix, entry.id.0, MAX_FILE, &name)?;
                let before = total.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                if before + bytes.len() as u64 > MAX_TOTAL {
                    return Err(GitError::TooLarge {
                        what: "the size of all files in bytes".into(),
                        limit: MAX_TOTAL,
                    });
                }
                write_file(&at(dest, path), &bytes, entry.mode)
            })
        };
        if files.len() < FILES_WORTH_A_THREAD {
            return write(files);
        }
        let (first, second) = files.split_at(files.len() / 2);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| write(second));
            let mine = write(first);
            let died = || {
                Err(GitError::io("write below", dest)(std::io::Error::other("a thread of the checkout died")))
            };
            mine.and(other.join().unwrap_or_else(|_| died()))
        })
    }

    /// Links come last, so that no file can be written through one.
    fn write_links(
        &self,
        links: &[(BString, Entry)],
        dest: &Path,
        stats: &mut Checkout,
    ) -> Result<(), GitError> {
        let gix = self.gix();
        let mut targets = HashMap::new();
        for (path, entry) in links {
            targets.insert(path.clone(), blob_bytes(&gix, entry.id.0, 4096, &path.to_str_lossy())?);
        }
        for (path, _) in links {
            let Some(target) = targets.get(path) else { continue };
            if target.is_empty() || target.contains(&0) || !stays_inside(path, &targets) {
                stats.skipped_links.push(path.to_str_lossy().into_owned());
                continue;
            }
            let place = at(dest, path);
            match std::os::unix::fs::symlink(OsStr::from_bytes(target), &place) {
                Ok(()) => stats.links += 1,
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(GitError::io("create the link", &place)(error)),
            }
        }
        Ok(())
    }
}

impl Plan {
    fn take(&mut self, path: BString, entry: Entry) -> ControlFlow<()> {
        if let Err(reason) = check_path(path.as_ref(), entry.mode) {
            let path = path.to_str_lossy().into_owned();
            self.invalid = Some(GitError::InvalidPath { path, reason });
            return ControlFlow::Break(());
        }
        match entry.mode {
            Mode::Tree => self.folders.push(path),
            Mode::Submodule => {
                self.stats.submodules.push(path.to_str_lossy().into_owned());
                self.folders.push(path);
            }
            Mode::Symlink => self.links.push((path, entry)),
            Mode::File | Mode::Executable => self.files.push((path, entry)),
        }
        ControlFlow::Continue(())
    }
}

/// Makes the folder if it is missing; refuses one with anything in it.
pub(crate) fn prepare(dest: &Path) -> Result<(), GitError> {
    fs::create_dir_all(dest).map_err(GitError::io("create", dest))?;
    let mut entries = fs::read_dir(dest).map_err(GitError::io("list", dest))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(GitError::NotEmpty { path: dest.to_owned() }),
    }
}

fn at(dest: &Path, path: &[u8]) -> PathBuf {
    dest.join(OsStr::from_bytes(path))
}

fn make_folder(path: &Path) -> Result<(), GitError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome.map_err(GitError::io("create", path)),
    }
}

fn write_file(path: &Path, bytes: &[u8], mode: Mode) -> Result<(), GitError> {
    let bits = if mode == Mode::Executable { 0o755 } else { 0o644 };
    match fs::OpenOptions::new().write(true).create_new(true).mode(bits).open(path) {
        Ok(mut file) => file
            .write_all(bytes)
            .and_then(|()| file.set_modified(UNIX_EPOCH + WRITTEN_AT))
            .map_err(GitError::io("write", path)),
        // Only where names that differ in case or form are one; the pair is in the report.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(GitError::io("create", path)(error)),
    }
}

fn collisions<'a>(paths: impl Iterator<Item = &'a BString>) -> Vec<(String, String)> {
    let mut seen: HashMap<String, &BString> = HashMap::new();
    let mut pairs = Vec::new();
    for path in paths {
        let folded = gix::utils::str::precompose(path.to_str_lossy()).to_lowercase();
        match seen.get(&folded) {
            Some(first) => {
                pairs.push((first.to_str_lossy().into_owned(), path.to_str_lossy().into_owned()));
            }
            None => {
                seen.insert(folded, path);
            }
        }
    }
    pairs
}

/// Whether following the link `start` stays below the top, through all other links of the tree on the way.
fn stays_inside(start: &BString, links: &HashMap<BString, Vec<u8>>) -> bool {
    let mut at: Vec<&[u8]> = Vec::new();
    let mut ahead: Vec<&[u8]> = start.split(|byte| *byte == b'/').rev().collect();
    let mut followed = 0;
    while let Some(part) = ahead.pop() {
        match part {
            b"" | b"." => continue,
            b".." if at.pop().is_none() => return false,
            b".." => continue,
            name => at.push(name),
        }
        let Some(target) = links.get(&BString::from(at.join(&b'/'))) else { continue };
        followed += 1;
        if target.starts_with(b"/") || followed > MAX_LINKS {
            return false;
        }
        at.pop();
        ahead.extend(target.split(|byte| *byte == b'/').rev());
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(pairs: &[(&str, &str)]) -> HashMap<BString, Vec<u8>> {
        pairs.iter().map(|(path, target)| (BString::from(*path), target.as_bytes().to_vec())).collect()
    }

    fn inside(pairs: &[(&str, &str)], start: &str) -> bool {
        stays_inside(&start.into(), &links(pairs))
    }

    #[test]
    fn a_link_within_the_tree_stays_inside_even_when_its_target_is_missing() {
        assert!(inside(&[("a/l", "../b")], "a/l"));
        assert!(inside(&[("l", "missing/x")], "l"));
        assert!(inside(&[("l", "a/../b")], "l"));
    }

    #[test]
    fn absolute_and_climbing_links_lead_out() {
        assert!(!inside(&[("l", "/etc/passwd")], "l"));
        assert!(!inside(&[("l", "..")], "l"));
        assert!(!inside(&[("a/b/l", "../../../x")], "a/b/l"));
    }

    #[test]
    fn a_link_that_climbs_by_way_of_another_link_leads_out() {
        // By text alone `a/b/c/up/../..` is `a/b`; the system goes to the top first and leaves it then.
        let pairs = [("a/b/c/up", "../../.."), ("a/b/c/out", "up/../..")];
        assert!(inside(&pairs, "a/b/c/up"));
        assert!(!inside(&pairs, "a/b/c/out"));
    }

    #[test]
    fn links_in_a_circle_lead_nowhere_and_are_refused() {
        assert!(!inside(&[("a", "b"), ("b", "a")], "a"));
    }
}
