//! The git directory for a box: git works with it and cannot reach the real one.

use std::fs;

use git::{Change, IndexFill, Mode, Repository, Throwaway};
use tempfile::TempDir;

use crate::support::{TestRepo, git_in};

fn made(repo: &TestRepo, index: IndexFill<'_>) -> (TempDir, std::path::PathBuf, std::path::PathBuf) {
    let opened = repo.open();
    let head = opened.head().unwrap();
    let folder = TempDir::new().unwrap();
    let (tree, git_dir) = (folder.path().join("tree"), folder.path().join("git"));
    opened.checkout_into(&head.tree, &tree).unwrap();
    opened.throwaway_git_dir(&git_dir, Throwaway { head: &head.commit, tree: &head.tree, index }).unwrap();
    (folder, tree, git_dir)
}

#[test]
fn git_finds_a_fresh_checkout_clean_and_sees_a_change() {
    let repo = TestRepo::usual();
    let (_folder, tree, git_dir) = made(&repo, IndexFill::FromTree);
    let git = |args: [&str; 4]| git_in(&repo.runner, &git_dir, Some(&tree), args);
    assert_eq!(git(["status", "--porcelain", "--", "src"]), "");
    assert_eq!(git(["status", "--porcelain", "-uall", "--"]), "");
    assert_eq!(git(["ls-files", "-s", "--", "."]), repo.git(["ls-files", "-s"]));
    fs::write(tree.join("src/main.py"), "print('changed')\n").unwrap();
    assert_eq!(git(["status", "--porcelain", "--", "src"]), "M src/main.py");
    assert!(git(["diff", "HEAD", "--", "src/main.py"]).contains("+print('changed')"));
}

#[test]
fn a_commit_inside_stays_inside() {
    let repo = TestRepo::usual();
    let before = git::digest(repo.path()).unwrap();
    let objects = repo.git(["count-objects"]);
    let (_folder, tree, git_dir) = made(&repo, IndexFill::FromTree);
    fs::write(tree.join("new.py"), "x = 1\n").unwrap();
    git_in(&repo.runner, &git_dir, Some(&tree), ["add", "-A"]);
    git_in(&repo.runner, &git_dir, Some(&tree), ["commit", "-q", "-m", "inside"]);
    assert_eq!(git_in(&repo.runner, &git_dir, Some(&tree), ["log", "--format=%s"]), "inside\nfirst");
    assert_eq!(git_in(&repo.runner, &git_dir, Some(&tree), ["status", "--porcelain"]), "");
    assert_eq!(git::difference(&before, &git::digest(repo.path()).unwrap()), Vec::<String>::new());
    assert_eq!(repo.git(["count-objects"]), objects);
}

/// What leads from one tree to another, in every way in which an index can differ.
fn changes() -> Vec<Change> {
    let write = |path: &str, text: &str, mode| Change::Write {
        path: path.to_owned(),
        bytes: text.as_bytes().to_vec(),
        mode,
    };
    vec![
        write("src/main.py", "print('other')\n", Mode::Executable),
        write("0-first", "1\n", Mode::File),
        write("zz/last/link", "../../src", Mode::Symlink),
        write("src.py", "", Mode::File),
        Change::Delete { path: "README.md".to_owned() },
    ]
}

#[test]
fn an_index_with_changes_is_that_of_the_changed_tree() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let base = opened.head().unwrap().tree;
    let changes = changes();
    let tree = opened.edit(&base, &changes).unwrap();
    let folder = TempDir::new().unwrap();
    let git_dir = folder.path().join("git");
    let index = opened.index(&base).unwrap();
    let index = IndexFill::Changed { index: &index, changes: &changes };
    let head = opened.head().unwrap().commit;
    opened.throwaway_git_dir(&git_dir, Throwaway { head: &head, tree: &tree, index }).unwrap();
    assert_eq!(fs::read(git_dir.join("index")).unwrap(), opened.index(&tree).unwrap());
    let listed = git_in(&repo.runner, &git_dir, None, ["ls-files", "-s"]);
    assert_eq!(
        listed,
        repo.git(["ls-tree", "-r", tree.as_str(), "--format=%(objectmode) %(objectname) 0%x09%(path)"])
    );
}

#[test]
fn nothing_of_the_users_configuration_and_hooks_is_in_it() {
    let repo = TestRepo::usual();
    repo.configure("[user]\n\tname = secret\n[alias]\n\tx = !false\n");
    fs::create_dir_all(repo.dot_git().join("hooks")).unwrap();
    fs::write(repo.dot_git().join("hooks/pre-commit"), "#!/bin/sh\nexit 1\n").unwrap();
    let (_folder, _tree, git_dir) = made(&repo, IndexFill::FromTree);
    let mut names: Vec<String> = fs::read_dir(&git_dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["HEAD", "config", "index", "objects", "refs"]);
    assert!(!fs::read_to_string(git_dir.join("config")).unwrap().contains("secret"));
}

#[test]
fn it_borrows_from_those_whom_the_repository_borrows_from_and_keeps_shallow_ends() {
    let repo = TestRepo::usual();
    repo.commit_all("second");
    let folder = TempDir::new().unwrap();
    let shared = folder.path().join("shared");
    repo.clone_to(&shared, "--shared");
    let shallow = folder.path().join("shallow");
    repo.clone_to(&shallow, "--depth=1");
    assert_eq!(Repository::open(&shared).unwrap().object_folders().unwrap().len(), 2);
    for (clone, commits) in [(shared, 2), (shallow, 1)] {
        let opened = Repository::open(&clone).unwrap();
        let head = opened.head().unwrap();
        let git_dir = clone.join("../box");
        let start = Throwaway { head: &head.commit, tree: &head.tree, index: IndexFill::FromTree };
        opened.throwaway_git_dir(&git_dir, start).unwrap();
        let log = git_in(&repo.runner, &git_dir, None, ["log", "--format=%s"]);
        assert_eq!(log.lines().count(), commits);
        fs::remove_dir_all(git_dir).unwrap();
    }
}
