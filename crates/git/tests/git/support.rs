//! A repository in a temporary folder, made without any of the machine's configuration.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use domain::ids::{CommitId, TreeId};
use git::run::{Place, Runner};
use git::{Change, Mode, Repository, Signature};
use tempfile::TempDir;

pub(crate) struct TestRepo {
    pub(crate) folder: TempDir,
    pub(crate) runner: Runner,
}

#[expect(clippy::disallowed_methods, reason = "tests run outside of the program that reads the environment")]
pub(crate) fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap()
}

pub(crate) fn runner() -> Runner {
    Runner::find(&search_path()).unwrap()
}

pub(crate) fn somebody() -> Signature {
    Signature { name: "Ada".into(), email: "ada@example.org".into(), seconds: 1_700_000_000, offset: 3600 }
}

pub(crate) fn write(path: &str, text: &str) -> Change {
    Change::Write { path: path.into(), bytes: text.into(), mode: Mode::File }
}

pub(crate) fn delete(path: &str) -> Change {
    Change::Delete { path: path.into() }
}

impl TestRepo {
    /// A repository with no commit.
    pub(crate) fn empty() -> Self {
        let folder = TempDir::new().unwrap();
        let runner = runner();
        runner
            .call(Place::Nowhere, ["init".as_ref(), "-q".as_ref(), folder.path().as_os_str()])
            .run()
            .unwrap();
        Self { folder, runner }
    }

    /// A repository with these files in one commit.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let repo = Self::empty();
        for (path, text) in files {
            repo.put(path, text);
        }
        repo.commit_all("first");
        repo
    }

    /// A few files of every kind that matters: a plain one, an executable, a link, one in a folder.
    pub(crate) fn usual() -> Self {
        let repo = Self::empty();
        repo.put("README.md", "hello\r\nworld\n");
        repo.put("src/main.py", "print('hi')\n");
        repo.put("src/deep/er/x.py", "x = 1\n");
        repo.put("run.sh", "#!/bin/sh\n");
        fs::set_permissions(repo.path().join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("README.md", repo.path().join("link")).unwrap();
        repo.commit_all("first");
        repo
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn dot_git(&self) -> PathBuf {
        self.path().join(".git")
    }

    pub(crate) fn put(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs git in this repository and gives back its trimmed stdout.
    pub(crate) fn git<const N: usize>(&self, args: [&str; N]) -> String {
        git_in(&self.runner, &self.dot_git(), Some(self.path()), args)
    }

    /// A clone of this repository at `to`, made with one more flag; by a URL, so that flags about transport count.
    pub(crate) fn clone_to(&self, to: &Path, flag: &str) {
        let source = format!("file://{}", self.path().display());
        let from = if flag == "--shared" { self.path().to_str().unwrap() } else { &source };
        let args = ["clone", "-q", flag, from, to.to_str().unwrap()];
        self.runner.call(Place::Nowhere, args).run().unwrap();
    }

    pub(crate) fn commit_all(&self, message: &str) -> CommitId {
        self.git(["add", "-A"]);
        self.git(["commit", "-q", "--allow-empty", "-m", message]);
        self.git(["rev-parse", "HEAD"]).parse().unwrap()
    }

    pub(crate) fn open(&self) -> Repository {
        Repository::open(self.path()).unwrap()
    }

    pub(crate) fn head_tree(&self) -> TreeId {
        self.git(["rev-parse", "HEAD^{tree}"]).parse().unwrap()
    }

    /// Appends to the repository's configuration file.
    pub(crate) fn configure(&self, text: &str) {
        let path = self.dot_git().join("config");
        let before = fs::read_to_string(&path).unwrap();
        fs::write(path, before + text).unwrap();
    }

    /// Hashes a blob without any path, and gives back its id.
    pub(crate) fn blob(&self, bytes: &[u8]) -> String {
        let place = Place::Repository { git_dir: &self.dot_git(), work_tree: None, index: None };
        let output = self.runner.call(place, ["hash-object", "-w", "--stdin"]).input(bytes).run().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A tree from raw `mode SP name NUL id` entries, however unlikely.
    pub(crate) fn raw_tree(&self, entries: &[(&str, &[u8], &str)]) -> TreeId {
        let mut bytes = Vec::new();
        for (mode, name, id) in entries {
            bytes.extend_from_slice(mode.as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(name);
            bytes.push(0);
            bytes.extend((0..id.len()).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()));
        }
        let place = Place::Repository { git_dir: &self.dot_git(), work_tree: None, index: None };
        let args = ["hash-object", "-w", "--literally", "-t", "tree", "--stdin"];
        let output = self.runner.call(place, args).input(bytes).run().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    }
}

pub(crate) fn git_in<const N: usize>(
    runner: &Runner,
    git_dir: &Path,
    work_tree: Option<&Path>,
    args: [&str; N],
) -> String {
    let place = Place::Repository { git_dir, work_tree, index: None };
    let output = runner.call(place, args).identity(&somebody()).run().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
