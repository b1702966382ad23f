//! The judges as tools of their own: `patch check|apply|stat` and `reply check`, by the program, on folders and
//! repositories. What a refusal says is held by snapshots.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test program: what is not there ends the test")]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use support::{Done, Place};
use testkit::TestRepo;

const APP: &str = "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n\n\ndef twice(a):\n    return a + a\n";

const FITS: &str =
    "--- a/app.py\n+++ b/app.py\n@@ -5,2 +5,2 @@\n def sub(a, b):\n-    return a - b\n+    return b - a\n";

fn place() -> Place {
    Place::new(TestRepo::with(&[("app.py", APP), ("vendor/old.py", "x = 1\n"), ("run.sh", "exit 0\n")]), "")
}

/// A folder that is no repository, with `app.py` and a deeper file.
fn folder(place: &Place) -> std::path::PathBuf {
    let folder = place.repo.side_folder("plain");
    std::fs::create_dir_all(folder.join("d/e")).unwrap();
    std::fs::write(folder.join("app.py"), APP).unwrap();
    std::fs::write(folder.join("d/e/one.txt"), "one\n").unwrap();
    folder
}

/// Every file below a folder with its content and mode; links by their target.
fn contents(folder: &Path) -> BTreeMap<String, (Vec<u8>, u32)> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if meta.is_dir() {
                all.insert(format!("{name}/"), (Vec::new(), 0));
                open.push(path);
            } else if meta.is_symlink() {
                all.insert(name, (path.read_link().unwrap().display().to_string().into_bytes(), 0));
            } else {
                all.insert(name, (std::fs::read(&path).unwrap(), meta.permissions().mode()));
            }
        }
    }
    all
}

fn patch_file(place: &Place, text: &str) -> String {
    let file = place.repo.side_folder("patch.txt");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

/// Applies to the folder; what must be refused must leave every byte as it was.
fn apply(place: &Place, folder: &Path, text: &str) -> Done {
    let before = contents(folder);
    let done = place.run(&["patch", "apply", folder.to_str().unwrap(), &patch_file(place, text)]);
    if done.code != 0 {
        assert_eq!(contents(folder), before, "{}", done.stderr);
    }
    done
}

#[test]
fn a_patch_is_applied_to_a_folder_without_git() {
    let place = place();
    let folder = folder(&place);
    std::fs::set_permissions(folder.join("app.py"), std::fs::Permissions::from_mode(0o640)).unwrap();
    let text = format!(
        "{FITS}--- /dev/null\n+++ b/new/deep/x.txt\n@@ -0,0 +1 @@\n+x\n--- a/d/e/one.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n"
    );
    let done = apply(&place, &folder, &text);
    assert_eq!((done.code, done.stdout.as_str()), (0, "applied: 3 files, +2 -2\n"), "{}", done.stderr);
    let after = contents(&folder);
    assert_eq!(
        after.keys().map(String::as_str).collect::<Vec<_>>(),
        ["app.py", "new/", "new/deep/", "new/deep/x.txt"]
    );
    assert_eq!(after["app.py"].0, APP.replace("a - b", "b - a").into_bytes());
    assert_eq!(after["app.py"].1 & 0o777, 0o640);
}

#[test]
fn modes_and_names_change_as_the_patch_says() {
    let place = place();
    let folder = folder(&place);
    let text = "diff --git a/app.py b/app.py\nold mode 100644\nnew mode 100755\ndiff --git a/d/e/one.txt b/two.txt\nsimilarity index 100%\nrename from d/e/one.txt\nrename to two.txt\n";
    assert_eq!(apply(&place, &folder, text).code, 0);
    let after = contents(&folder);
    assert_eq!(after["app.py"].1 & 0o111, 0o111);
    assert_eq!(after["two.txt"].0, b"one\n");
    assert!(!after.contains_key("d/"));
}

#[test]
fn a_dry_run_and_every_refusal_leave_the_folder_alone() {
    let place = place();
    let folder = folder(&place);
    let before = contents(&folder);
    let file = patch_file(&place, FITS);
    let done = place.run(&["patch", "apply", folder.to_str().unwrap(), &file, "--dry-run"]);
    assert_eq!((done.code, done.stdout.as_str()), (0, "would apply: 1 file, +1 -1\n"));
    assert_eq!(contents(&folder), before);
    std::os::unix::fs::symlink("/etc", folder.join("link")).unwrap();
    let new = |path: &str| format!("--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n");
    for text in [
        FITS.replace("a - b", "a * b"),
        format!("{FITS}{}", new("d/e/one.txt")),
        format!("{FITS}{}", new("link/x")),
        format!("{FITS}{}", new("../x")),
        format!("{FITS}{}", new(".codex-task-apply/list.json")),
        format!("{FITS}{}", new(".git/hooks/post-checkout")),
        "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n".to_owned(),
        String::new(),
        "only words".to_owned(),
    ] {
        assert_eq!(apply(&place, &folder, &text).code, 4, "{text}");
    }
    assert_eq!(place.run(&["patch", "apply", "nowhere", &file]).code, 2);
    assert_eq!(place.run(&["patch", "apply", folder.to_str().unwrap(), "no-such-file"]).code, 2);
}

#[test]
fn what_cannot_be_written_is_taken_back() {
    let place = place();
    let folder = folder(&place);
    // A name that the file system does not take; it is found only when the files are moved into their places.
    let long = "n".repeat(255);
    std::fs::create_dir(folder.join("full")).unwrap();
    let text = format!("{FITS}--- /dev/null\n+++ b/{long}/{long}/x\n@@ -0,0 +1 @@\n+x\n");
    assert_eq!(apply(&place, &folder, &text).code, 0, "a long name that fits is no obstacle");
    let blocked = folder.join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &blocked, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
    let text = FITS.replace("app.py", "fifo");
    let done = place.run(&["patch", "apply", folder.to_str().unwrap(), &patch_file(&place, &text)]);
    assert_eq!(done.code, 4, "{}", done.stderr);
    assert!(done.stderr.contains("no ordinary file"), "{}", done.stderr);
}

#[test]
fn what_a_killed_call_left_half_done_is_taken_back_by_the_next() {
    let place = place();
    let folder = folder(&place);
    let before = contents(&folder);
    // As it stands after the old files moved away and one of two new ones is in its place.
    let stage = folder.join(".codex-task-apply");
    std::fs::create_dir(&stage).unwrap();
    let list = r#"{"files":[{"path":"app.py","existed":true},{"path":"made/x.txt","existed":false}],"made":["made"]}"#;
    std::fs::write(stage.join("list.json"), list).unwrap();
    std::fs::rename(folder.join("app.py"), stage.join("old-0")).unwrap();
    std::fs::create_dir(folder.join("made")).unwrap();
    std::fs::write(folder.join("made/x.txt"), "x\n").unwrap();
    std::fs::write(stage.join("new-0"), "never put in its place\n").unwrap();
    let file = patch_file(&place, "nothing that applies");
    let done = place.run(&["patch", "apply", folder.to_str().unwrap(), &file]);
    assert_eq!(done.code, 4);
    assert!(done.stderr.contains("taken back first"), "{}", done.stderr);
    assert_eq!(contents(&folder), before);
    // Killed after the change was complete: the rest of the old files goes, the change stays.
    std::fs::create_dir(&stage).unwrap();
    std::fs::write(stage.join("old-0"), "old\n").unwrap();
    assert_eq!(apply(&place, &folder, FITS).code, 0);
    assert!(!stage.exists());
}

#[test]
fn a_foreign_list_of_a_killed_call_moves_nothing_through_a_link() {
    let place = place();
    let folder = folder(&place);
    let outside = place.repo.side_folder("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("precious"), "mine\n").unwrap();
    std::os::unix::fs::symlink(&outside, folder.join("link")).unwrap();
    let stage = folder.join(".codex-task-apply");
    std::fs::create_dir(&stage).unwrap();
    std::fs::write(stage.join("old-0"), "theirs\n").unwrap();
    let list = r#"{"files":[{"path":"link/precious","existed":true},{"path":"link/precious","existed":false}],"made":[]}"#;
    std::fs::write(stage.join("list.json"), list).unwrap();
    place.run(&["patch", "apply", folder.to_str().unwrap(), &patch_file(&place, FITS)]);
    assert_eq!(std::fs::read_to_string(outside.join("precious")).unwrap(), "mine\n");
}

#[test]
fn a_check_tells_verdict_and_tree_and_writes_not_even_an_object() {
    let place = place();
    let before = place.digest();
    let file = patch_file(&place, FITS);
    let document = place.json(0, &["patch", "check", &file, "--base", "HEAD"]);
    assert_eq!(document["verdict"], "accept");
    assert_eq!(document["places"][0]["hunks"][0]["how"], "exact");
    let tree = document["tree"].as_str().unwrap().to_owned();
    place.assert_untouched(&before);
    std::fs::write(place.repo.path().join("app.py"), APP.replace("a - b", "b - a")).unwrap();
    place.repo.git(&["commit", "-qam", "the same by hand"]);
    assert_eq!(place.repo.git(&["rev-parse", "HEAD^{tree}"]).trim(), tree);
}

#[test]
fn a_check_is_strict_unless_asked_otherwise() {
    let place = place();
    let file = patch_file(&place, &FITS.replace("@@ -5,2 +5,2 @@", "@@"));
    assert_eq!(place.json(4, &["patch", "check", &file])["verdict"], "malformed");
    const WAY_OUT: &str = "--reading lenient";
    assert!(place.run(&["patch", "check", &file]).stderr.contains(WAY_OUT), "the way out is told");
    let strict = place.run(&["patch", "check", &file, "--reading", "strict"]);
    assert!(!strict.stderr.contains(WAY_OUT), "whoever asks for strict gets strict");
    let nowhere = patch_file(&place, &FITS.replace("a - b", "a * b").replace("@@ -5,2 +5,2 @@", "@@"));
    assert!(!place.run(&["patch", "check", &nowhere]).stderr.contains(WAY_OUT), "no way out where none is");
    let file = patch_file(&place, &FITS.replace("@@ -5,2 +5,2 @@", "@@"));
    let document = place.json(0, &["patch", "check", &file, "--reading", "lenient"]);
    assert_eq!(
        (&document["verdict"], &document["places"][0]["hunks"][0]["how"]),
        (&"accept".into(), &"moved".into())
    );
    let vendored =
        patch_file(&place, "--- a/vendor/old.py\n+++ b/vendor/old.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n");
    let document = place.json(4, &["patch", "check", &vendored]);
    assert_eq!((&document["verdict"], &document["tree"]), (&"reject".into(), &serde_json::Value::Null));
    assert_eq!(place.run(&["patch", "check", &vendored, "--base", "no-such-branch"]).code, 2);
    let review = patch_file(&place, "--- /dev/null\n+++ b/Makefile\n@@ -0,0 +1 @@\n+all:\n");
    let document = place.json(3, &["patch", "check", &review]);
    assert!(document["verdict"] == "review" && document["tree"].is_string());
}

#[test]
fn a_stat_needs_no_base() {
    let place = place();
    let text =
        "*** Begin Patch\n*** Update File: a.py\n@@\n-1\n+2\n+3\n*** Delete File: b.py\n*** End Patch\n";
    let document = place.json(0, &["patch", "stat", &patch_file(&place, text)]);
    assert_eq!(document["form"], "v4a");
    assert_eq!((&document["files"][0]["added"], &document["files"][0]["deleted"]), (&2.into(), &1.into()));
    assert_eq!(document["files"][1]["change"], "delete");
    let done = place.run(&["patch", "stat", &patch_file(&place, FITS)]);
    assert!(done.stdout.contains("app.py"), "{}", done.stdout);
    assert_eq!(place.run(&["patch", "stat", &patch_file(&place, "words")]).code, 4);
}

#[test]
fn a_reply_is_judged_by_its_contract() {
    let place = place();
    let reply = |text: &str| patch_file(&place, text);
    let good = r#"{"patch": "x", "explanation": "why", "confidence": 0.5, "meta": {}}"#;
    let document = place.json(0, &["reply", "check", &reply(&format!("```json\n{good}\n```"))]);
    assert_eq!((&document["verdict"], &document["mended"][0]), (&"ok".into(), &"fence".into()));
    assert_eq!(document["patch_sha256"].as_str().unwrap().len(), 64);
    let document = place.json(4, &["reply", "check", &reply(&good.replace("0.5", "2"))]);
    assert_eq!((&document["verdict"], &document["code"]), (&"reject".into(), &"out_of_range".into()));
    let document = place.json(0, &["reply", "check", &reply(&good.replace("\"x\"", "\"\""))]);
    assert_eq!(
        (&document["verdict"], &document["patch_sha256"]),
        (&"no_change".into(), &serde_json::Value::Null)
    );
    let done = place.run(&["reply", "check", &reply("Sorry.")]);
    assert_eq!(done.code, 4);
    assert!(done.stderr.contains("[no_json]"), "{}", done.stderr);
}

/// What people read when a patch does not fit: file, hunk, the first line that differs, the nearest place.
#[test]
fn refusals_name_file_hunk_line_and_nearest_place() {
    let place = place();
    let folder = folder(&place);
    let cases = [
        ("another line", FITS.replace(" def sub(a, b):\n", " def sub(x, y):\n").replace("- b\n", "- y\n")),
        ("past the end", "--- a/app.py\n+++ b/app.py\n@@ -9,3 +9,3 @@\n def twice(a):\n     return a + a\n-    pass\n+    return 0\n".to_owned()),
        ("two places", "--- a/app.py\n+++ b/app.py\n@@ -40,2 +40,2 @@\n \n-\n+# a\n".to_owned()),
        ("no context", "--- a/app.py\n+++ b/app.py\n@@ -3,0 +4 @@\n+x = 1\n".to_owned()),
        ("two changes of one line", format!("{FITS}@@ -6 +6 @@\n-    return a - b\n+    return 0\n")),
        ("a missing file", FITS.replace("app.py", "lib.py")),
        ("a file in the way", "--- /dev/null\n+++ b/app.py\n@@ -0,0 +1 @@\n+x\n".to_owned()),
        ("out of the tree", FITS.replace("b/app.py", "b/../app.py").replace("a/app.py", "a/../app.py")),
        ("a steering character", FITS.replace("def sub(a, b)", "def sub(\u{1b}[2J\u{202e})").replace("- b\n", "- c\n")),
        ("a cut block", "app.py\n<<<<<<< SEARCH\n    return a - b\n=======\n".to_owned()),
        ("an open patch", "*** Begin Patch\n*** Update File: app.py\n@@\n-    return a - b\n+    return 0\n".to_owned()),
        ("words", "I could not find anything to change.".to_owned()),
    ];
    let mut told = String::new();
    for (name, text) in cases {
        let done = apply(&place, &folder, &text);
        assert_eq!(done.code, 4, "{name}");
        told += &format!("# {name}\n{}{}\n", done.stderr, done.stdout);
    }
    insta::assert_snapshot!(told);
}
