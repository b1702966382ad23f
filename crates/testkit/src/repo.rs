//! Git repositories in temporary folders, made by the git program in an environment built from nothing.
//!
//! Same steps, same object ids: names, dates, time zone, locale and configuration are fixed.

mod dirty;
mod environment;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use domain::ids::{CommitId, TreeId};
use tempfile::TempDir;

pub use dirty::DirtyFiles;

use crate::must::{Must, fail};

/// A repository of one test: its folder, and an empty home. Both are removed when it is dropped.
#[derive(Debug)]
pub struct TestRepo {
    folder: TempDir,
    work: PathBuf,
}

impl TestRepo {
    /// An empty repository on the unborn branch `main`.
    #[track_caller]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("codex-task-test-").tempdir().must("making a folder");
        let work = folder.path().join("repo");
        for name in ["repo", "home"] {
            fs::create_dir(folder.path().join(name)).must("making a folder");
        }
        let repo = Self { folder, work };
        repo.git(&["init", "--quiet"]);
        repo
    }

    /// A repository with one commit of everything in this folder. A `.git` in it is left out.
    #[track_caller]
    pub fn from_dir(source: &Path) -> Self {
        let repo = Self::new();
        copy_into(source, &repo.work);
        repo.commit("files as given");
        repo
    }

    /// A repository with one commit of these files.
    #[track_caller]
    pub fn with(files: &[(&str, &str)]) -> Self {
        let repo = Self::new();
        for (path, text) in files {
            repo.write(path, text);
        }
        repo.commit("files as given");
        repo
    }

    /// The working tree.
    pub fn path(&self) -> &Path {
        &self.work
    }

    /// The repository's git directory, `.git` in the working tree.
    pub fn git_dir(&self) -> PathBuf {
        self.work.join(".git")
    }

    /// A folder of its own beside the working tree, for what a test wants removed with the repository.
    pub fn side_folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the working tree, with the folders above it. `path` is relative, with slashes.
    #[track_caller]
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let full = self.work.join(path);
        if let Some(above) = full.parent() {
            fs::create_dir_all(above).must(format_args!("making the folder of {path}"));
        }
        fs::write(&full, bytes).must(format_args!("writing {path}"));
    }

    /// The text of a file of the working tree.
    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.work.join(path)).must(format_args!("reading {path}"))
    }

    /// Commits the whole working tree, also when nothing has changed.
    #[track_caller]
    pub fn commit(&self, message: &str) -> CommitId {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.head()
    }

    /// The commit that HEAD names.
    #[track_caller]
    pub fn head(&self) -> CommitId {
        self.git(&["rev-parse", "HEAD"]).parse().must("reading HEAD")
    }

    /// The tree of the commit that HEAD names.
    #[track_caller]
    pub fn head_tree(&self) -> TreeId {
        self.git(&["rev-parse", "HEAD^{tree}"]).parse().must("reading HEAD's tree")
    }

    /// Runs git in the working tree; its stdout without white space at the end. A failure ends the test.
    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        self.git_in(&self.work, args)
    }

    /// The same in another folder, such as a linked worktree.
    #[track_caller]
    pub fn git_in(&self, folder: &Path, args: &[&str]) -> String {
        let done = self.try_git(folder, args);
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr);
            fail(format_args!("git {} ended with {}: {said}", args.join(" "), done.status));
        }
        String::from_utf8(done.stdout).must("reading what git printed").trim_end().to_owned()
    }

    /// Runs git where it may fail, and gives everything it said.
    #[track_caller]
    pub fn try_git<A: AsRef<OsStr>>(&self, folder: &Path, args: &[A]) -> Output {
        let mut command = environment::git(&self.folder.path().join("home"));
        command.current_dir(folder).args(args).output().must("starting git")
    }

    /// The variables that the git of this repository runs with: also good for the program under test.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        environment::variables(&self.folder.path().join("home"))
    }
}

impl Default for TestRepo {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

/// Copies files, folders, links and modes.
#[track_caller]
fn copy_into(source: &Path, target: &Path) {
    for entry in fs::read_dir(source).must(format_args!("listing {}", source.display())) {
        let entry = entry.must(format_args!("listing {}", source.display()));
        let (from, to) = (entry.path(), target.join(entry.file_name()));
        let kind = entry.file_type().must(format_args!("looking at {}", from.display()));
        if entry.file_name() == ".git" {
            continue;
        }
        if kind.is_dir() {
            fs::create_dir(&to).must(format_args!("making {}", to.display()));
            copy_into(&from, &to);
        } else if kind.is_symlink() {
            let leads = fs::read_link(&from).must(format_args!("reading {}", from.display()));
            std::os::unix::fs::symlink(leads, &to).must(format_args!("linking {}", to.display()));
        } else {
            fs::copy(&from, &to).must(format_args!("copying {}", from.display()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_same_steps_give_the_same_commit_on_every_machine() {
        let repo = TestRepo::with(&[("a.txt", "one\n")]);
        assert_eq!(repo.head(), TestRepo::with(&[("a.txt", "one\n")]).head());
        assert_eq!(repo.git(&["log", "-1", "--format=%an %ae %at"]), environment::AUTHOR_LINE);
        assert_eq!(repo.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    }

    #[test]
    fn no_configuration_of_the_machine_or_the_user_is_read() {
        let repo = TestRepo::new();
        let listed = repo.git(&["config", "--list", "--show-scope"]);
        assert!(
            listed.lines().all(|line| line.starts_with("local") || line.starts_with("command")),
            "{listed}"
        );
    }

    #[test]
    fn a_folder_arrives_with_its_modes_and_links_and_without_its_own_git() {
        let source = TestRepo::with(&[("deep/er/x", "x")]);
        source.write("run.sh", "#!/bin/sh\n");
        fs::set_permissions(source.path().join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("deep/er/x", source.path().join("link")).unwrap();
        let repo = TestRepo::from_dir(source.path());
        let tree = repo.git(&["ls-tree", "-r", "--format=%(objectmode) %(path)", "HEAD"]);
        assert_eq!(tree, "100644 deep/er/x\n120000 link\n100755 run.sh");
        assert_eq!(repo.git(&["rev-list", "--count", "HEAD"]), "1");
    }

    #[test]
    fn a_dropped_repository_is_gone() {
        let repo = TestRepo::with(&[("a", "b")]);
        let path = repo.path().parent().unwrap().to_owned();
        assert!(path.is_dir());
        drop(repo);
        assert!(!path.exists());
    }

    #[test]
    #[should_panic(expected = "git rev-parse no-such-ref ended with")]
    fn a_git_that_fails_says_which_command() {
        TestRepo::new().git(&["rev-parse", "no-such-ref"]);
    }
}
