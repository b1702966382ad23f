//! Repositories in the states that a user leaves them in, each of which the product must not disturb.

use std::fs;
use std::path::PathBuf;

use super::TestRepo;
use crate::must::Must;

/// The files that [`TestRepo::dirty`] left, by what git calls them. Paths are relative to the working tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirtyFiles {
    /// Changed and added to the index.
    pub staged: &'static str,
    /// Changed, and not in the index.
    pub unstaged: &'static str,
    /// Changed, added, and changed again: three versions at once.
    pub both: &'static str,
    /// Deleted from the working tree only.
    pub deleted: &'static str,
    /// Unknown to git.
    pub untracked: &'static str,
    /// Unknown to git and named in `.gitignore`.
    pub ignored: &'static str,
}

const NAMES: DirtyFiles = DirtyFiles {
    staged: "dirty/staged.txt",
    unstaged: "dirty/unstaged.txt",
    both: "dirty/both.txt",
    deleted: "dirty/deleted.txt",
    untracked: "dirty/untracked.txt",
    ignored: "dirty/ignored.log",
};

impl TestRepo {
    /// Commits a few files under `dirty/` and leaves them in every state that a working tree knows.
    #[track_caller]
    pub fn dirty(&self) -> DirtyFiles {
        for path in [NAMES.staged, NAMES.unstaged, NAMES.both, NAMES.deleted] {
            self.write(path, "committed\n");
        }
        self.write("dirty/.gitignore", "*.log\n");
        self.commit("files that will be dirty");
        self.write(NAMES.staged, "staged\n");
        self.write(NAMES.both, "staged\n");
        self.git(&["add", NAMES.staged, NAMES.both]);
        self.write(NAMES.both, "and changed again\n");
        self.write(NAMES.unstaged, "not staged\n");
        fs::remove_file(self.path().join(NAMES.deleted)).must("deleting a file");
        self.write(NAMES.untracked, "untracked\n");
        self.write(NAMES.ignored, "ignored\n");
        NAMES
    }

    /// Takes HEAD off its branch; the commit stays.
    #[track_caller]
    pub fn detached(&self) {
        self.git(&["checkout", "--quiet", "--detach"]);
    }

    /// A second working tree of this repository on a new branch of that name; gives its folder.
    #[track_caller]
    pub fn linked_worktree(&self, branch: &str) -> PathBuf {
        let path = self.side_folder(&format!("worktree-{branch}"));
        let text = path.to_string_lossy().into_owned();
        self.git(&["worktree", "add", "--quiet", "-b", branch, &text]);
        path
    }

    /// Puts one change and one untracked file on the stash. HEAD needs a commit.
    #[track_caller]
    pub fn stash(&self) {
        self.write("stashed.txt", "on the stash\n");
        self.git(&["stash", "push", "--quiet", "--include-untracked", "--message", "a user's stash"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dirty_repository_has_every_state_at_once() {
        let repo = TestRepo::new();
        let files = repo.dirty();
        let status = repo.git(&["status", "--porcelain", "--ignored", "--untracked-files=all"]);
        let mut lines: Vec<&str> = status.lines().collect();
        lines.sort_unstable();
        let mut expected = vec![
            format!(" D {}", files.deleted),
            format!(" M {}", files.unstaged),
            format!("!! {}", files.ignored),
            format!("?? {}", files.untracked),
            format!("M  {}", files.staged),
            format!("MM {}", files.both),
        ];
        expected.sort_unstable();
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_detached_head_names_the_same_commit_and_no_branch() {
        let repo = TestRepo::with(&[("a", "b")]);
        let head = repo.head();
        repo.detached();
        assert_eq!(repo.head(), head);
        assert!(!repo.try_git(repo.path(), &["symbolic-ref", "HEAD"]).status.success());
    }

    #[test]
    fn a_linked_worktree_has_a_file_for_a_git_directory() {
        let repo = TestRepo::with(&[("a", "b")]);
        let path = repo.linked_worktree("other");
        assert!(path.join(".git").is_file());
        assert_eq!(repo.git_in(&path, &["branch", "--show-current"]), "other");
    }

    #[test]
    fn a_stash_is_there_and_the_working_tree_is_as_before() {
        let repo = TestRepo::with(&[("a", "b")]);
        repo.stash();
        assert!(repo.git(&["stash", "list"]).contains("a user's stash"));
        assert_eq!(repo.git(&["status", "--porcelain"]), "");
    }
}
