//! How much a box has written to its tree: counted by looking through the tree a slice at a time while the box runs.
//! No quota of the kernel's bounds a single folder without privileges; this bounds it to within what a box can write
//! between two looks.
//!
//! The tree is being written by untrusted code meanwhile, so every step goes through a folder descriptor and follows no
//! link, and what cannot be looked at is passed over: `disk_reserve` stands behind this bound.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

use crate::spec::Tree;

/// The longest time spent at once: a deadline must not wait for a look.
const SLICE: Duration = Duration::from_millis(5);

/// The least time from the end of one look to the next.
const REST: Duration = Duration::from_millis(500);

/// A look rests this many times as long as it took, so that counting costs at most about two percent of a processor.
const SHARE: u32 = 50;

/// The counting, with how far it has come.
pub(crate) struct Growth<'a> {
    folder: &'a Path,
    most: u64,
    /// What was there before the box began. Of a folder that is written in place it is what the first look finds.
    before: Option<u64>,
    /// The folders that are being read, from the top down.
    way: Vec<(OwnedFd, Dir)>,
    sum: u64,
    spent: Duration,
    next: Instant,
}

impl<'a> Growth<'a> {
    /// Bounds what is written to the tree by `most` bytes on disk.
    pub(crate) fn of(tree: &'a Tree, most: u64, start: Instant) -> Self {
        let before = matches!(tree, Tree::Overlay { .. }).then_some(0);
        let next = start + REST;
        Self { folder: tree.written(), most, before, way: Vec::new(), sum: 0, spent: Duration::ZERO, next }
    }

    /// Looks on for a short time; whether more than allowed was written.
    pub(crate) fn is_over(&mut self) -> bool {
        let start = Instant::now();
        if self.way.is_empty() {
            if start < self.next {
                return false;
            }
            self.begin();
        }
        while start.elapsed() < SLICE && self.step() {}
        self.spent += start.elapsed();
        let over = self.before.is_some_and(|before| self.sum.saturating_sub(before) > self.most);
        if self.way.is_empty() {
            self.before.get_or_insert(self.sum);
            self.next = Instant::now() + REST.max(self.spent.saturating_mul(SHARE));
        }
        over
    }

    fn begin(&mut self) {
        (self.sum, self.spent) = (0, Duration::ZERO);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.enter(rustix::fs::open(self.folder, flags, Mode::empty()));
    }

    fn enter(&mut self, folder: rustix::io::Result<OwnedFd>) {
        if let Ok(folder) = folder
            && let Ok(entries) = Dir::read_from(&folder)
        {
            self.way.push((folder, entries));
        }
    }

    /// Counts one entry; false at the end.
    fn step(&mut self) -> bool {
        let Some((folder, entries)) = self.way.last_mut() else { return false };
        let Some(Ok(entry)) = entries.next() else {
            self.way.pop();
            return true;
        };
        let name = entry.file_name();
        if name == c"." || name == c".." {
            return true;
        }
        let Ok(stat) = rustix::fs::statat(&*folder, name, AtFlags::SYMLINK_NOFOLLOW) else { return true };
        self.sum = self.sum.saturating_add(bytes(&stat));
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let below = rustix::fs::openat(&*folder, name, flags, Mode::empty());
            self.enter(below);
        }
        true
    }
}

/// An entry's share of the disk. A file with several names is met once by each of them.
#[allow(clippy::useless_conversion, reason = "the type of st_nlink follows the processor")]
fn bytes(stat: &Stat) -> u64 {
    let blocks = u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512);
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => blocks,
        _ => blocks / u64::from(stat.st_nlink).max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(growth: &mut Growth<'_>) -> bool {
        growth.next = Instant::now();
        let mut over = growth.is_over();
        while !growth.way.is_empty() {
            over = growth.is_over();
        }
        over
    }

    fn overlay(upper: &Path) -> Tree {
        let at = |name: &str| Path::new("/").join(name);
        let (upper, layers) = (upper.to_owned(), Vec::new());
        Tree::Overlay { lower: at("l"), layers, upper, work: at("w"), at: at("t") }
    }

    #[test]
    fn what_is_written_is_counted_once_and_no_link_is_followed() {
        let place = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::write(elsewhere.path().join("large"), vec![1; 1 << 20]).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), place.path().join("link")).unwrap();
        let deep = place.path().join("a/b/c");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(deep.join("file"), vec![1; 200 << 10]).unwrap();
        std::fs::hard_link(deep.join("file"), place.path().join("again")).unwrap();
        let tree = overlay(place.path());
        let mut growth = Growth::of(&tree, 300 << 10, Instant::now());
        assert!(!looked(&mut growth), "{} bytes", growth.sum);
        assert!(growth.sum >= 200 << 10, "{} bytes", growth.sum);
        std::fs::write(place.path().join("more"), vec![1; 200 << 10]).unwrap();
        assert!(looked(&mut growth), "{} bytes", growth.sum);
    }

    #[test]
    fn what_was_in_a_folder_before_is_not_counted() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("file"), vec![1; 200 << 10]).unwrap();
        let tree = Tree::Folder { path: place.path().to_owned(), at: "/t".into() };
        let mut growth = Growth::of(&tree, 100 << 10, Instant::now());
        assert!(!looked(&mut growth));
        assert!(!looked(&mut growth), "nothing was written since");
        std::fs::write(place.path().join("more"), vec![1; 200 << 10]).unwrap();
        assert!(looked(&mut growth));
    }

    #[test]
    fn a_folder_that_is_gone_is_no_reason_to_kill() {
        let tree = overlay(Path::new("/nonexistent/upper"));
        assert!(!looked(&mut Growth::of(&tree, 0, Instant::now())));
    }
}
