//! What is there before and after: processes, mounts, files and refs. The difference is what was left behind.
//!
//! It only looks. It sees the processes that this user may read, and the mounts of this process's own namespace and of
//! every process it may read, because a box's mounts live in the box's namespace.

mod look;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::must::fail;

/// What to look at. Nothing is looked at that was not named.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    markers: Vec<String>,
    descendants: bool,
    mounts: Vec<String>,
    folders: Vec<PathBuf>,
    repositories: Vec<PathBuf>,
}

/// One thing that was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Process { pid: u32, started: u64 },
    Mount { namespace: String, point: String },
    File(PathBuf),
    Ref { repository: PathBuf, name: String },
}

/// Everything that a [`Watch`] saw at one moment. The default is a world with nothing in it.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Each thing with more words about it, for the report: a command line, a mount's kind, a ref's target.
    things: BTreeMap<Thing, String>,
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { pid, .. } => write!(f, "process {pid}"),
            Self::Mount { namespace, point } => write!(f, "mount {point} in {namespace}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Ref { repository, name } => write!(f, "ref {name} of {}", repository.display()),
        }
    }
}

impl Watch {
    /// A watch that looks at nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Processes with this text in their command line or environment. This process itself is never counted.
    #[must_use]
    pub fn processes(mut self, marker: &str) -> Self {
        self.markers.push(marker.to_owned());
        self
    }

    /// Every descendant of this process. Only for tests that run in a process of their own.
    #[must_use]
    pub fn descendants(mut self) -> Self {
        self.descendants = true;
        self
    }

    /// Mounts whose line in mountinfo has this text in it, such as a folder or an overlay's lower layer.
    #[must_use]
    pub fn mounts(mut self, text: &str) -> Self {
        self.mounts.push(text.to_owned());
        self
    }

    /// Files, links and folders under this one, at any depth. A folder that is not there has none.
    #[must_use]
    pub fn files(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folders.push(folder.into());
        self
    }

    /// Refs of the repository with this git directory, by name: one that moved is not left over.
    #[must_use]
    pub fn refs(mut self, git_dir: impl Into<PathBuf>) -> Self {
        self.repositories.push(git_dir.into());
        self
    }

    /// Looks now.
    #[track_caller]
    pub fn snapshot(&self) -> Snapshot {
        let mut things = BTreeMap::new();
        look::processes(&self.markers, self.descendants, &mut things);
        look::mounts(&self.mounts, &mut things);
        for folder in &self.folders {
            look::files(folder, &mut things);
        }
        for repository in &self.repositories {
            look::refs(repository, &mut things);
        }
        Snapshot { things }
    }

    /// Waits until there is nothing that was not there `before`; ends the test if that takes longer than `within`.
    /// A killed process is gone only when the kernel has taken it down: a look at once would be too early.
    #[track_caller]
    pub fn wait_until_nothing_left(&self, before: &Snapshot, within: Duration) {
        let deadline = Instant::now() + within;
        loop {
            let after = self.snapshot();
            if left_over(before, &after).is_empty() || Instant::now() >= deadline {
                return assert_nothing_left(before, &after);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Ends the test if `after` has anything that `before` has not, and names each such thing.
#[track_caller]
pub fn assert_nothing_left(before: &Snapshot, after: &Snapshot) {
    let left = left_over(before, after);
    if !left.is_empty() {
        let lines: Vec<&str> = left.iter().map(String::as_str).collect();
        fail(format_args!("left behind ({}):\n  {}", lines.len(), lines.join("\n  ")));
    }
}

/// A line for each thing that is new.
fn left_over(before: &Snapshot, after: &Snapshot) -> BTreeSet<String> {
    let new = after.things.iter().filter(|(thing, _)| !before.things.contains_key(thing));
    new.map(|(thing, words)| format!("{thing}: {words}")).collect()
}

#[cfg(test)]
mod tests;
