//! The canonical diff byte for byte, its statistics, and the lines that come and go.

use super::*;

fn with(mode: FileMode, bytes: &[u8]) -> Option<BaseFile> {
    Some(BaseFile { bytes: bytes.to_vec(), mode })
}

fn text(bytes: &str) -> Option<BaseFile> {
    with(FileMode::Regular, bytes.as_bytes())
}

fn emitted(path: &str, before: Option<BaseFile>, after: Option<BaseFile>) -> CanonicalDiff {
    emit(vec![FileResult::edited(path.parse().unwrap(), before, after)])
}

#[test]
fn each_sort_of_change_is_written_as_git_writes_it() {
    for (path, before, after, expected) in [
        (
            "a",
            text("1\n2\n3\n4\n5\n"),
            text("1\n2\n3\n4\nfive\n"),
            "--- a/a\n+++ b/a\n@@ -2,4 +2,4 @@\n 2\n 3\n 4\n-5\n+five\n",
        ),
        (
            "a",
            None,
            text("x"),
            "new file mode 100644\n--- /dev/null\n+++ b/a\n@@ -0,0 +1 @@\n+x\n\\ No newline at end of file\n",
        ),
        ("a", text("x\n"), None, "deleted file mode 100644\n--- a/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"),
        ("a", None, text(""), "new file mode 100644\n"),
        ("a", text("x\n"), with(FileMode::Executable, b"x\n"), "old mode 100644\nnew mode 100755\n"),
        ("a b", text("x\n"), text("y\n"), "--- a/a b\t\n+++ b/a b\t\n@@ -1 +1 @@\n-x\n+y\n"),
        (
            "\u{fc} x",
            text("x\n"),
            text("y\n"),
            "--- \"a/\\303\\274 x\"\n+++ \"b/\\303\\274 x\"\n@@ -1 +1 @@\n-x\n+y\n",
        ),
        (
            "a",
            text("x\n"),
            with(FileMode::Symlink, b"y"),
            "deleted file mode 100644\n--- a/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\ndiff --git a/a b/a\n\
             new file mode 120000\n--- /dev/null\n+++ b/a\n@@ -0,0 +1 @@\n+y\n\\ No newline at end of file\n",
        ),
    ] {
        let diff = emitted(path, before, after);
        let written = std::str::from_utf8(diff.bytes()).unwrap();
        let name = |side: &str| super::super::quote::quote(&format!("{side}/{path}"));
        let head = format!("diff --git {} {}\n", name("a"), name("b"));
        assert_eq!(written.strip_prefix(&head), Some(expected), "{path}");
    }
}

#[test]
fn a_binary_side_makes_the_change_binary_with_both_contents() {
    for (before, after) in [("\0", "y\n"), ("y\n", "\0")] {
        let (old, new) = (blob_id(before.as_bytes()), blob_id(after.as_bytes()));
        let diff = emitted("a", text(before), text(after));
        let written = std::str::from_utf8(diff.bytes()).unwrap();
        let sizes = format!("literal {}\n", after.len());
        let head = format!("diff --git a/a b/a\nindex {old}..{new}\nGIT binary patch\n{sizes}");
        assert!(written.starts_with(&head), "{written}");
        assert!(written.contains(&format!("\n\nliteral {}\n", before.len())), "{written}");
    }
    let added = emitted("a", None, text("\0"));
    assert!(String::from_utf8_lossy(added.bytes()).contains(&format!("index {}..", "0".repeat(40))));
}

#[test]
fn changes_are_one_hunk_while_their_context_touches() {
    let lines: Vec<String> = (1..=30).map(|n| format!("{n}\n")).collect();
    let at = |changed: &[usize]| {
        let mut after = lines.clone();
        changed.iter().for_each(|line| after[line - 1] = "x\n".to_owned());
        let diff = emitted("a", text(&lines.concat()), text(&after.concat()));
        let written = String::from_utf8(diff.bytes().to_vec()).unwrap();
        written.lines().filter(|line| line.starts_with("@@")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(at(&[10, 17]), ["@@ -7,14 +7,14 @@"]);
    assert_eq!(at(&[10, 18]), ["@@ -7,7 +7,7 @@", "@@ -15,7 +15,7 @@"]);
    assert_eq!(at(&[2, 29]), ["@@ -1,5 +1,5 @@", "@@ -26,5 +26,5 @@"]);
}

#[test]
fn statistics_count_files_and_lines() {
    let file = |path: &str, before: &str, after: &str| {
        FileResult::edited(path.parse().unwrap(), text(before), text(after))
    };
    let diff =
        emit(vec![file("b", "1\n2\n", "1\n3\n4\n"), file("same", "1\n", "1\n"), file("a", "1\n2\n", "")]);
    let per_file = |path: &str, added, deleted| FileStat { path: path.to_owned(), added, deleted };
    let expected =
        Stat { files: 2, added: 2, deleted: 3, per_file: vec![per_file("a", 0, 2), per_file("b", 2, 1)] };
    assert_eq!((diff.stat(), diff.stat().changed()), (&expected, 5));
    assert_eq!(diff.files().iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let link = emitted("a", text("1\n2\n"), with(FileMode::Symlink, b"y"));
    assert_eq!((link.stat().added, link.stat().deleted), (1, 2));
    let binary = emitted("a", text("1\n"), text("\0\n"));
    assert_eq!(binary.stat().changed(), 0);
}

#[test]
fn touched_lines_have_the_numbers_of_their_side() {
    let diff = emitted("a", text("1\n2\n3\n4\n5\n"), text("1\n3\nx\n4\n6"));
    let touched: Vec<Touched<'_>> = diff.touched().collect();
    assert_eq!(touched[0].removed, [(2, &b"2\n"[..]), (5, b"5\n")]);
    assert_eq!(touched[0].added, [(3, &b"x\n"[..]), (5, b"6")]);
    for (before, after) in [("\0\n", "1\n"), ("1\n", "\0\n")] {
        let diff = emitted("a", text(before), text(after));
        let touched: Vec<Touched<'_>> = diff.touched().collect();
        assert_eq!((touched[0].added.len(), touched[0].removed.len()), (0, 0));
    }
}
