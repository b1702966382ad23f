//! Writing a tree to disk with our own writer.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use git::GitError;
use tempfile::TempDir;

use crate::support::{TestRepo, git_in};

#[test]
fn a_checkout_is_what_git_calls_clean() {
    let repo = TestRepo::usual();
    repo.put(".gitattributes", "*.md text eol=crlf\n*.py filter=x\n");
    repo.commit_all("attributes");
    let opened = repo.open();
    let folder = TempDir::new().unwrap();
    let dest = folder.path().join("new");
    let done = opened.checkout_into(&repo.head_tree(), &dest).unwrap();
    assert_eq!((done.files, done.links), (5, 1));
    assert_eq!(fs::read(dest.join("README.md")).unwrap(), repo_bytes(&repo, "README.md"));
    assert_eq!(fs::read_link(dest.join("link")).unwrap().to_str(), Some("README.md"));
    let mode = |name: &str| fs::metadata(dest.join(name)).unwrap().permissions().mode() & 0o111;
    assert_ne!(mode("run.sh"), 0);
    assert_eq!(mode("README.md"), 0);
    let status = git_in(
        &repo.runner,
        &repo.dot_git(),
        Some(&dest),
        ["diff", "--name-only", "HEAD", "--", "src", "run.sh"],
    );
    assert_eq!(status, "");
}

/// The bytes of the blob itself.
fn repo_bytes(repo: &TestRepo, path: &str) -> Vec<u8> {
    let opened = repo.open();
    opened.read(&repo.head_tree(), path, 1000).unwrap().unwrap().bytes
}

#[test]
fn many_files_arrive_whole_over_two_threads() {
    let repo = TestRepo::empty();
    for number in 0..1000 {
        repo.put(&format!("f{}/x{number}", number % 10), &format!("{number}\n"));
    }
    repo.commit_all("many");
    repo.git(["gc", "-q"]);
    let dest = TempDir::new().unwrap();
    let done = repo.open().checkout_into(&repo.head_tree(), dest.path()).unwrap();
    assert_eq!(done.files, 1000);
    let expected: u64 = (0..1000).map(|number| format!("{number}\n").len() as u64).sum();
    assert_eq!(done.bytes, expected);
    for number in 0..1000 {
        let path = dest.path().join(format!("f{}/x{number}", number % 10));
        assert_eq!(fs::read_to_string(path).unwrap(), format!("{number}\n"));
    }
}

#[test]
fn a_folder_with_something_in_it_is_refused() {
    let repo = TestRepo::usual();
    let dest = TempDir::new().unwrap();
    fs::write(dest.path().join("mine"), "x").unwrap();
    let error = repo.open().checkout_into(&repo.head_tree(), dest.path()).unwrap_err();
    assert!(matches!(error, GitError::NotEmpty { .. }), "{error:?}");
    assert_eq!(fs::read_dir(dest.path()).unwrap().count(), 1);
}

#[test]
fn links_that_lead_out_are_left_out_and_reported() {
    let repo = TestRepo::usual();
    let out = repo.blob(b"/etc/passwd");
    let up = repo.blob(b"../../x");
    let fine = repo.blob(b"a");
    let tree = repo.raw_tree(&[
        ("100644", b"a", &fine),
        ("120000", b"absolute", &out),
        ("120000", b"fine", &fine),
        ("120000", b"up", &up),
    ]);
    let dest = TempDir::new().unwrap();
    let done = repo.open().checkout_into(&tree, dest.path()).unwrap();
    assert_eq!(done.skipped_links, ["absolute", "up"]);
    assert_eq!(done.links, 1);
    assert!(dest.path().join("absolute").symlink_metadata().is_err());
}

#[test]
fn submodules_become_empty_folders_and_odd_names_are_written() {
    let repo = TestRepo::usual();
    let blob = repo.blob(b"x");
    let commit = repo.git(["rev-parse", "HEAD"]);
    let tree = repo.raw_tree(&[
        ("100644", b"new\nline", &blob),
        ("100644", b"not\xffutf8", &blob),
        ("160000", b"sub", &commit),
        ("100644", b"with blank", &blob),
    ]);
    let dest = TempDir::new().unwrap();
    let done = repo.open().checkout_into(&tree, dest.path()).unwrap();
    assert_eq!((done.files, done.submodules), (3, vec!["sub".to_owned()]));
    assert_eq!(fs::read_dir(dest.path().join("sub")).unwrap().count(), 0);
    assert_eq!(fs::read(dest.path().join("new\nline")).unwrap(), b"x");
}

#[test]
fn names_that_are_one_on_other_file_systems_are_reported() {
    let repo = TestRepo::usual();
    let blob = repo.blob(b"x");
    let tree = repo.raw_tree(&[
        ("100644", b"A", &blob),
        ("100644", b"a", &blob),
        ("100644", "o\u{308}".as_bytes(), &blob),
        ("100644", "ö".as_bytes(), &blob),
    ]);
    let dest = TempDir::new().unwrap();
    let done = repo.open().checkout_into(&tree, dest.path()).unwrap();
    let pairs = [("A", "a"), ("o\u{308}", "ö")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(done.collisions, pairs);
}

#[test]
fn a_tree_with_a_path_into_git_or_upwards_is_refused_before_anything_is_written() {
    let repo = TestRepo::usual();
    let blob = repo.blob(b"x");
    let inner = repo.raw_tree(&[("100644", b"config", &blob)]);
    for name in [b".git".as_slice(), b".GIT", b"..", b".", b"git~1", b"a/b"] {
        let tree = repo.raw_tree(&[("40000", name, inner.as_str())]);
        let dest = TempDir::new().unwrap();
        let error = repo.open().checkout_into(&tree, dest.path()).unwrap_err();
        // A slash in a name cannot be told from a folder here; it stays below the folder or fails to be made.
        assert!(matches!(error, GitError::InvalidPath { .. } | GitError::Io { .. }), "{name:?}: {error:?}");
        assert_eq!(fs::read_dir(dest.path()).unwrap().count(), 0);
    }
}
