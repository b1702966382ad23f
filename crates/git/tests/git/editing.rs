//! Looking up, editing, comparing and committing trees in memory, against what the git program says.

use std::ops::ControlFlow;

use git::{Change, GitError, Mode};

use crate::support::{TestRepo, delete, somebody, write};

#[test]
fn an_edit_gives_the_tree_that_git_gives_for_the_same_files() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let base = opened.head().unwrap().tree;
    let changes = [
        write("src/main.py", "print('changed')\r\n"),
        write("new/folder/file.txt", "new\n"),
        Change::Write { path: "tool".into(), bytes: b"#!/bin/sh\n".to_vec(), mode: Mode::Executable },
        delete("src/deep/er/x.py"),
    ];
    let ours = opened.edit(&base, &changes).unwrap();
    repo.put("src/main.py", "print('changed')\r\n");
    repo.put("new/folder/file.txt", "new\n");
    repo.put("tool", "#!/bin/sh\n");
    std::fs::remove_dir_all(repo.path().join("src/deep")).unwrap();
    repo.git(["add", "-A"]);
    repo.git(["update-index", "--chmod=+x", "tool"]);
    assert_eq!(ours.as_str(), repo.git(["write-tree"]));
    repo.git(["fsck", "--strict", ours.as_str()]);
}

#[test]
fn an_edit_of_nothing_is_the_same_tree_and_of_everything_is_the_empty_one() {
    let repo = TestRepo::with(&[("a/b", "x\n")]);
    let opened = repo.open();
    let base = opened.head().unwrap().tree;
    assert_eq!(opened.edit(&base, &[]).unwrap(), base);
    assert_eq!(opened.edit(&base, &[write("a/b", "x\n")]).unwrap(), base);
    let empty = opened.edit(&base, &[delete("a/b")]).unwrap();
    assert_eq!(empty.as_str(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    assert_eq!(opened.edit(&empty, &[write("a/b", "x\n")]).unwrap(), base);
}

#[test]
fn an_edit_that_does_not_fit_writes_nothing() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let base = opened.head().unwrap().tree;
    let before = repo.git(["count-objects"]);
    let refused = |changes: &[Change]| opened.edit(&base, changes).unwrap_err();
    let fine = || write("fine", "fine\n");
    assert!(matches!(refused(&[fine(), delete("missing")]), GitError::NoSuchFile { .. }));
    assert!(matches!(refused(&[fine(), delete("src")]), GitError::NoSuchFile { .. }));
    assert!(matches!(refused(&[fine(), write("src", "x")]), GitError::PathConflict { .. }));
    assert!(matches!(refused(&[fine(), write("README.md/x", "x")]), GitError::PathConflict { .. }));
    assert!(matches!(refused(&[fine(), write("n", "x"), write("n/x", "x")]), GitError::PathConflict { .. }));
    assert!(matches!(refused(&[fine(), fine()]), GitError::InvalidPath { .. }));
    assert_eq!(repo.git(["count-objects"]), before);
}

#[test]
fn paths_that_git_would_not_check_out_are_refused() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let base = opened.head().unwrap().tree;
    let long = "a/".repeat(600) + "b";
    let bad = [
        "",
        "/abs",
        "a//b",
        "a/",
        "./a",
        "../a",
        "a/../b",
        ".git",
        ".git/config",
        "x/.GIT/hooks/y",
        "git~1/x",
        ".g\u{200c}it/config",
        "nul\0",
        ".git ",
        &long,
    ];
    for path in bad {
        let error = opened.edit(&base, &[write(path, "x")]).unwrap_err();
        assert!(matches!(error, GitError::InvalidPath { .. }), "{path:?}: {error:?}");
    }
    let error = opened.edit(&base, &[delete(&"a/".repeat(1_000_000))]).unwrap_err();
    assert!(matches!(error, GitError::InvalidPath { .. }));
    for path in [".gitignore", "with blank", "new\nline", "ünï", "a:b", ".github/x", "a\\b"] {
        opened.edit(&base, &[write(path, "x")]).unwrap_or_else(|error| panic!("{path:?}: {error:?}"));
    }
}

#[test]
fn a_file_and_a_folder_may_take_each_others_place_when_the_old_one_is_deleted() {
    let repo = TestRepo::with(&[("a", "file\n"), ("d/x", "x\n"), ("d/y", "y\n")]);
    let opened = repo.open();
    let base = opened.head().unwrap().tree;
    let changed = opened
        .edit(&base, &[delete("a"), write("a/b", "in\n"), delete("d/x"), delete("d/y"), write("d", "file\n")])
        .unwrap();
    assert_eq!(repo.git(["ls-tree", "-r", "--name-only", changed.as_str()]), "a/b\nd");
    let kept = opened.edit(&base, &[delete("d/x"), write("d", "file\n")]).unwrap_err();
    assert!(matches!(kept, GitError::PathConflict { .. }), "d/y is still there");
}

#[test]
fn entries_that_no_change_names_survive_whatever_they_are() {
    let repo = TestRepo::usual();
    let blob = repo.blob(b"x");
    let commit = repo.git(["rev-parse", "HEAD"]);
    let base = repo.raw_tree(&[
        ("100664", b"group-writable", &blob),
        ("120000", b"link", &blob),
        ("100644", b"not\xffutf8", &blob),
        ("160000", b"sub", &commit),
    ]);
    let opened = repo.open();
    let changed = opened.edit(&base, &[write("new", "x")]).unwrap();
    assert_eq!(opened.edit(&changed, &[delete("new")]).unwrap(), base);
    assert!(matches!(opened.edit(&base, &[write("sub", "x")]).unwrap_err(), GitError::PathConflict { .. }));
    opened.edit(&base, &[delete("sub")]).unwrap();
    let mut seen = Vec::new();
    let lossy = opened
        .walk(&base, &mut |file| {
            seen.push((file.path.to_owned(), file.entry.mode));
            ControlFlow::Continue(())
        })
        .unwrap();
    let expected = [("group-writable", Mode::File), ("link", Mode::Symlink), ("sub", Mode::Submodule)];
    assert_eq!(seen, expected.map(|(path, mode)| (path.to_owned(), mode)));
    assert_eq!(lossy, ["not\u{fffd}utf8"]);
    let listing = opened.list(&base, "").unwrap();
    assert_eq!((listing.entries.len(), listing.not_utf8.len()), (3, 1));
}

#[test]
fn reading_gives_bytes_as_stored_and_respects_the_cap() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let tree = opened.head().unwrap().tree;
    let read = |path: &str| opened.read(&tree, path, 13).unwrap();
    assert_eq!(read("README.md").unwrap().bytes, b"hello\r\nworld\n");
    assert_eq!(read("run.sh").unwrap().mode, Mode::Executable);
    assert_eq!(read("link").unwrap().bytes, b"README.md");
    assert_eq!((read("src"), read("missing"), read("README.md/x")), (None, None, None));
    let error = opened.read(&tree, "README.md", 12).unwrap_err();
    assert!(matches!(error, GitError::TooLarge { limit: 12, .. }), "{error:?}");
}

#[test]
fn listing_shows_one_level_in_order() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let tree = opened.head().unwrap().tree;
    let names = |prefix: &str| {
        let listing = opened.list(&tree, prefix).unwrap();
        listing.entries.into_iter().map(|(name, entry)| (name, entry.mode)).collect::<Vec<_>>()
    };
    assert_eq!(names("src"), [("deep".to_owned(), Mode::Tree), ("main.py".to_owned(), Mode::File)]);
    assert_eq!(names("").len(), 4);
    assert!(names("missing").is_empty() && names("README.md").is_empty());
}

#[test]
fn differences_are_those_that_git_reports() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let old = opened.head().unwrap().tree;
    let new = opened
        .edit(
            &old,
            &[
                delete("src/deep/er/x.py"),
                write("src/deep/er", "now a file\n"),
                write("src/main.py", "changed\n"),
                Change::Write {
                    path: "README.md".into(),
                    bytes: b"hello\r\nworld\n".to_vec(),
                    mode: Mode::Executable,
                },
                write("a new", "file\n"),
            ],
        )
        .unwrap();
    let ours: Vec<String> = opened
        .diff_trees(&old, &new)
        .unwrap()
        .into_iter()
        .map(|delta| {
            let mode = |side: Option<git::Entry>| side.map_or("000000", |entry| entry.mode.octal());
            format!("{} {} {}", mode(delta.old), mode(delta.new), delta.path)
        })
        .collect();
    let raw = repo.git(["diff-tree", "-r", "--raw", old.as_str(), new.as_str()]);
    let mut gits: Vec<String> = raw
        .lines()
        .map(|line| {
            let (meta, path) = line.split_once('\t').unwrap();
            let modes: Vec<&str> = meta.trim_start_matches(':').split(' ').take(2).collect();
            format!("{} {} {path}", modes[0], modes[1])
        })
        .collect();
    gits.sort_by(|a, b| a[14..].cmp(&b[14..]));
    assert_eq!(ours, gits);
    assert_eq!(ours.len(), 5);
    assert!(opened.diff_trees(&old, &old).unwrap().is_empty());
}

#[test]
fn a_difference_in_a_path_that_is_not_utf8_is_an_error_and_not_overlooked() {
    let repo = TestRepo::usual();
    let blob = repo.blob(b"x");
    let with = repo.raw_tree(&[("100644", b"a", &blob), ("100644", b"b\xff", &blob)]);
    let without = repo.raw_tree(&[("100644", b"a", &blob)]);
    let error = repo.open().diff_trees(&without, &with).unwrap_err();
    assert!(matches!(error, GitError::InvalidPath { .. }), "{error:?}");
}

#[test]
fn a_commit_is_what_git_would_have_written() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let head = opened.head().unwrap();
    let message = "fix: a thing\n\nBody.\n\nAssisted-by: x\n";
    let ours = opened.commit(&head.tree, std::slice::from_ref(&head.commit), message, &somebody()).unwrap();
    let text = repo.git(["cat-file", "commit", ours.as_str()]);
    let stamp = "Ada <ada@example.org> 1700000000 +0100";
    let expected = format!(
        "tree {}\nparent {}\nauthor {stamp}\ncommitter {stamp}\n\n{}",
        head.tree,
        head.commit,
        message.trim_end()
    );
    assert_eq!(text, expected);
    assert_eq!(opened.tree_of(&ours).unwrap(), head.tree);
    assert_eq!(opened.message(&ours).unwrap(), message);
    assert_eq!(repo.git(["for-each-ref", "--points-at", ours.as_str()]), "", "no ref moved");
}

#[test]
fn a_commit_refuses_what_would_forge_a_header_and_what_does_not_exist() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let head = opened.head().unwrap();
    let refused = |author: git::Signature, message: &str| {
        let error = opened.commit(&head.tree, &[], message, &author).unwrap_err();
        assert!(matches!(error, GitError::InvalidCommit { .. }), "{error:?}");
    };
    refused(git::Signature { name: "a\ncommitter b".into(), ..somebody() }, "m");
    refused(git::Signature { email: "a> <b".into(), ..somebody() }, "m");
    refused(git::Signature { name: " ".into(), ..somebody() }, "m");
    refused(somebody(), "a\0b");
    let nothing = "1".repeat(40);
    let error = opened.commit(&nothing.parse().unwrap(), &[], "m", &somebody()).unwrap_err();
    assert!(matches!(error, GitError::MissingObject { .. }), "{error:?}");
    let blob = repo.git(["rev-parse", "HEAD:README.md"]);
    let error = opened.commit(&blob.parse().unwrap(), &[], "m", &somebody()).unwrap_err();
    assert!(matches!(error, GitError::WrongKind { .. }), "{error:?}");
}

#[test]
fn an_edit_of_a_large_tree_writes_only_the_folders_on_the_way() {
    let repo = TestRepo::empty();
    for folder in 0..100 {
        for file in 0..100 {
            repo.put(&format!("f{folder}/x{file}"), "x\n");
        }
    }
    repo.commit_all("10000 files");
    repo.git(["gc", "-q"]);
    let opened = repo.open();
    let base = opened.head().unwrap().tree;
    let changed = opened.edit(&base, &[write("f42/x42", "y\n")]).unwrap();
    assert!(repo.git(["count-objects"]).starts_with("3 objects"), "a blob, a folder, the top");
    assert_eq!(opened.diff_trees(&base, &changed).unwrap().len(), 1);
}
