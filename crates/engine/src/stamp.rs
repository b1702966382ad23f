//! Whether files are as they were when they were read, by what the file system says of them.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Files with their state at one moment.
#[derive(Debug, Default)]
pub(crate) struct Stamps(Vec<(PathBuf, Option<State>)>);

/// Inode, length, and when content and inode were changed, in nanoseconds. None stays when a file is written or replaced.
#[derive(Debug, PartialEq, Eq)]
struct State {
    inode: u64,
    length: u64,
    modified: i128,
    changed: i128,
}

impl Stamps {
    /// Keeps the state of a file, to be read after this; also that it is not there.
    pub(crate) fn keep(&mut self, path: &Path) {
        self.0.push((path.to_owned(), state(path)));
    }

    /// Whether every file is as it was.
    pub(crate) fn hold(&self) -> bool {
        self.0.iter().all(|(path, then)| state(path) == *then)
    }
}

fn state(path: &Path) -> Option<State> {
    let found = std::fs::metadata(path).ok()?;
    let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Some(State {
        inode: found.ino(),
        length: found.len(),
        modified: nanos(found.mtime(), found.mtime_nsec()),
        changed: nanos(found.ctime(), found.ctime_nsec()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_comes_is_replaced_or_goes_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a"), folder.path().join("b"));
        let kept = || {
            let mut stamps = Stamps::default();
            stamps.keep(&path);
            stamps
        };
        let nothing = kept();
        assert!(nothing.hold());
        std::fs::write(&path, "one").unwrap();
        assert!(!nothing.hold());
        let one = kept();
        assert!(one.hold());
        std::fs::write(&other, "two").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert!(!one.hold());
        let two = kept();
        std::fs::remove_file(&path).unwrap();
        assert!(!two.hold());
    }
}
