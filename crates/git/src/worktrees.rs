//! Which branches are checked out, in the main work tree and in linked ones: read from the HEAD files alone.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{GitError, OwnRef, Repository};

impl Repository {
    /// The git directory of the work tree in which this ref is checked out; `None` when it is nowhere.
    ///
    /// # Errors
    /// When the list of linked work trees cannot be read.
    pub fn checked_out_at(&self, name: &OwnRef) -> Result<Option<PathBuf>, GitError> {
        let common = self.common_dir();
        let mut places = vec![common.to_owned()];
        let linked = common.join("worktrees");
        if linked.is_dir() {
            for entry in fs::read_dir(&linked).map_err(GitError::io("list", &linked))? {
                places.push(entry.map_err(GitError::io("list", &linked))?.path());
            }
        }
        Ok(places.into_iter().find(|place| head_names(place, &name.full())))
    }
}

fn head_names(git_dir: &Path, full: &str) -> bool {
    let head = fs::read_to_string(git_dir.join("HEAD")).unwrap_or_default();
    head.strip_prefix("ref:").is_some_and(|target| target.trim() == full)
}
