//! The way of a patch from text to the canonical diff, on small trees in memory.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

mod emitting;
mod forms;
mod headers;
mod placing;

/// A tree in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree(pub(crate) BTreeMap<String, BaseFile>);

impl Tree {
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| {
            ((*path).to_owned(), BaseFile { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular })
        };
        Self(files.iter().map(file).collect())
    }

    fn after(&self, files: &[FileResult]) -> Self {
        let mut tree = self.clone();
        for file in files {
            tree.0.remove(file.path.as_str());
            if let Some(after) = &file.after {
                tree.0.insert(file.path.to_string(), after.clone());
            }
        }
        tree
    }

    pub(crate) fn text(&self, path: &str) -> &str {
        std::str::from_utf8(&self.0[path].bytes).unwrap()
    }
}

impl Base for Tree {
    fn file(&self, path: &RepoPath) -> Result<Option<BaseFile>, BaseError> {
        Ok(self.0.get(path.as_str()).cloned())
    }

    fn list(&self, folder: Option<&RepoPath>) -> Result<Vec<String>, BaseError> {
        let prefix = folder.map(|folder| format!("{folder}/")).unwrap_or_default();
        let below = self.0.keys().filter_map(|path| path.strip_prefix(&prefix));
        let mut names: Vec<String> = below.map(|rest| rest.split('/').next().unwrap().to_owned()).collect();
        names.dedup();
        Ok(names)
    }
}

fn run(tree: &Tree, text: &str, tolerance: Tolerance) -> Result<(Tree, Applied), Vec<PatchFinding>> {
    let applied = apply(&parse(text.as_bytes(), tolerance, &Limits::default())?, tree)?;
    Ok((tree.after(&applied.files), applied))
}

fn codes(result: Result<(Tree, Applied), Vec<PatchFinding>>) -> Vec<PatchCode> {
    result.unwrap_err().into_iter().map(|finding| finding.code).collect()
}

const NUMBERS: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";

fn numbers() -> Tree {
    Tree::of(&[("n.txt", NUMBERS), ("twice.txt", "a\nb\nc\nx\na\nb\nc\n")])
}

const SIMPLE: &str = "--- a/n.txt\n+++ b/n.txt\n@@ -4,3 +4,3 @@\n 4\n-5\n+five\n 6\n";

#[test]
fn a_plain_diff_applies_where_it_says() {
    let (tree, applied) = run(&numbers(), SIMPLE, Tolerance::Strict).unwrap();
    assert_eq!(tree.text("n.txt"), NUMBERS.replace("5\n", "five\n"));
    let anchor = &applied.files[0].anchors[0];
    assert_eq!((anchor.how, anchor.line, anchor.offset), (How::Exact, 4, 0));
}

#[test]
fn a_moved_hunk_is_taken_only_where_its_text_stands_once() {
    let moved = SIMPLE.replace("-4,3", "-9,3");
    let (_, applied) = run(&numbers(), &moved, Tolerance::Strict).unwrap();
    assert_eq!((applied.files[0].anchors[0].how, applied.files[0].anchors[0].offset), (How::Moved, -5));
    let twice = "--- a/twice.txt\n+++ b/twice.txt\n@@ -2,2 +2,2 @@\n a\n-b\n+B\n";
    assert_eq!(codes(run(&numbers(), twice, Tolerance::Strict)), [PatchCode::Ambiguous]);
    assert_eq!(codes(run(&numbers(), twice, Tolerance::Lenient)), [PatchCode::Ambiguous]);
    let (tree, _) = run(&numbers(), &twice.replace("-2,2", "-5,2"), Tolerance::Strict).unwrap();
    assert_eq!(tree.text("twice.txt"), "a\nb\nc\nx\na\nB\nc\n");
}

#[test]
fn wrong_counts_are_counted_again_only_leniently() {
    for header in ["@@ -4,9 +4,9 @@", "@@ -4,1 +4,1 @@", "@@", "@@ ... @@", "@@ -4,3 @@ heading"] {
        let text = SIMPLE.replace("@@ -4,3 +4,3 @@", header);
        assert_eq!(
            PatchFinding::worst(&run(&numbers(), &text, Tolerance::Strict).unwrap_err()),
            Some(Class::Malformed)
        );
        let (tree, applied) = run(&numbers(), &text, Tolerance::Lenient).unwrap();
        assert_eq!(tree.text("n.txt"), NUMBERS.replace("5\n", "five\n"), "{header}");
        assert_ne!(applied.files[0].anchors[0].how, How::Exact);
    }
}

#[test]
fn a_hunk_that_does_not_fit_names_the_first_line_that_differs() {
    let text = SIMPLE.replace(" 6\n", " six\n").replace("@@ -4,3", "@@ -1,3");
    let findings = run(&numbers(), &text, Tolerance::Strict).unwrap_err();
    let expected = Mismatch { nearest: 4, base_line: 6, expected: "six".into(), found: Some("6".into()) };
    assert_eq!(findings[0].mismatch.as_deref(), Some(&expected));
    assert_eq!(
        findings[0].to_string(),
        "n.txt: hunk 1: its text does not stand in the file [context-mismatch]; nearest place: line 4; \
         line 6 should be \"six\" and is \"6\""
    );
}

#[test]
fn all_findings_are_given_and_nothing_is_half_applied() {
    let text = format!(
        "{SIMPLE}--- a/gone\n+++ b/gone\n@@ -1 +1 @@\n-x\n+y\n--- a/twice.txt\n+++ b/twice.txt\n@@ -1 +1 @@\n-q\n+y\n"
    );
    assert_eq!(
        codes(run(&numbers(), &text, Tolerance::Strict)),
        [PatchCode::MissingFile, PatchCode::ContextMismatch]
    );
}

#[test]
fn white_space_is_forgiven_leniently_and_the_bases_own_is_kept() {
    let tree = Tree::of(&[("a.py", "def f():\n    if x:  \n        return 1\n    return 2\n")]);
    let text = "--- a/a.py\n+++ b/a.py\n@@ -1,4 +1,4 @@\n def f():\n   if x:\n-        return 1\n+        return 3\n     return 2\n";
    assert_eq!(codes(run(&tree, text, Tolerance::Strict)), [PatchCode::ContextMismatch]);
    let (after, applied) = run(&tree, text, Tolerance::Lenient).unwrap();
    assert_eq!(after.text("a.py"), "def f():\n    if x:  \n        return 3\n    return 2\n");
    assert_eq!(applied.weakest_anchor(), How::Whitespace);
}

#[test]
fn a_hunk_written_at_another_depth_is_moved_to_the_depth_of_the_code() {
    let tree = Tree::of(&[("a.py", "class A:\n    def f(self):\n        return 1\n")]);
    let shallow =
        "--- a/a.py\n+++ b/a.py\n@@ -2,2 +2,3 @@\n def f(self):\n-    return 1\n+    x = 2\n+    return x\n";
    let (after, _) = run(&tree, shallow, Tolerance::Lenient).unwrap();
    assert_eq!(after.text("a.py"), "class A:\n    def f(self):\n        x = 2\n        return x\n");
    let deep =
        shallow.replace("\n ", "\n         ").replace("\n-", "\n-        ").replace("\n+  ", "\n+          ");
    let (after, _) = run(&tree, &deep, Tolerance::Lenient).unwrap();
    assert_eq!(after.text("a.py"), "class A:\n    def f(self):\n        x = 2\n        return x\n");
    let with_blank = shallow.replace("+    return x\n", "+\n+    return x\n").replace("+2,3", "+2,4");
    let (after, _) = run(&tree, &with_blank, Tolerance::Lenient).unwrap();
    assert_eq!(after.text("a.py"), "class A:\n    def f(self):\n        x = 2\n\n        return x\n");
    let slipped =
        "--- a/a.py\n+++ b/a.py\n@@ -2,2 +2,3 @@\n      def f(self):\n+        x = 2\n         return 1\n";
    let (after, _) = run(&tree, slipped, Tolerance::Lenient).unwrap();
    assert_eq!(after.text("a.py"), "class A:\n    def f(self):\n        x = 2\n        return 1\n");
}

#[test]
fn outer_context_that_differs_is_trimmed_leniently() {
    let text = "--- a/n.txt\n+++ b/n.txt\n@@ -2,5 +2,5 @@\n two\n 300\n-400\n+four\n 500\n 6\n";
    let tree = Tree::of(&[("n.txt", &NUMBERS.replace('3', "300").replace('4', "400").replace('5', "500"))]);
    assert_eq!(codes(run(&tree, text, Tolerance::Strict)), [PatchCode::ContextMismatch]);
    let (after, applied) = run(&tree, text, Tolerance::Lenient).unwrap();
    assert!(after.text("n.txt").contains("300\nfour\n500\n"));
    let anchor = &applied.files[0].anchors[0];
    assert_eq!((anchor.how, anchor.trimmed, anchor.line, anchor.offset), (How::Trimmed, 1, 3, 0));
}

#[test]
fn a_hunk_with_most_of_its_context_wrong_is_refused_even_leniently() {
    let text = "--- a/n.txt\n+++ b/n.txt\n@@ -2,5 +2,5 @@\n two\n three\n-400\n+four\n five\n six\n";
    let tree = Tree::of(&[("n.txt", &NUMBERS.replace('4', "400"))]);
    assert_eq!(codes(run(&tree, text, Tolerance::Lenient)), [PatchCode::ContextMismatch]);
    let near = text.replace(" three\n", " 3\n").replace(" five\n", " 5\n").replace(" six\n", " 6\n");
    assert!(run(&tree, &near, Tolerance::Lenient).is_ok());
    let spaced = near.replace("-400\n", "-400  \n");
    assert_eq!(
        codes(run(&tree, &spaced, Tolerance::Lenient)),
        [PatchCode::ContextMismatch],
        "one liberty at a time"
    );
}

#[test]
fn hunks_may_change_places_only_when_they_stand_there_byte_for_byte() {
    let text = "--- a/n.txt\n+++ b/n.txt\n@@ -9,2 +9,2 @@\n 9\n-10\n+ten\n@@ -3,2 +3,2 @@\n 3\n-4\n+four\n";
    assert!(run(&numbers(), text, Tolerance::Strict).is_ok());
    let loose = text.replace(" 3\n", " 3 \n");
    assert_eq!(codes(run(&numbers(), &loose, Tolerance::Lenient)), [PatchCode::HunkOrder]);
}

#[test]
fn written_out_line_ends_are_read_only_when_the_counts_come_out_right() {
    let escaped = SIMPLE.replace('\n', "\\n");
    assert_eq!(codes(run(&numbers(), &escaped, Tolerance::Strict)), [PatchCode::NotAPatch]);
    let (after, _) = run(&numbers(), &escaped, Tolerance::Lenient).unwrap();
    assert_eq!(after.text("n.txt"), NUMBERS.replace("5\n", "five\n"));
    let of_the_code = SIMPLE.replace("+five", "+fi\\nve").replace('\n', "\\n");
    let (after, _) = run(&numbers(), &of_the_code, Tolerance::Lenient).unwrap();
    assert_eq!(after.text("n.txt"), NUMBERS.replace("5\n", "fi\\nve\n"));
    let like_context = SIMPLE.replace("+five", "+fi\\n ve").replace('\n', "\\n");
    assert_eq!(codes(run(&numbers(), &like_context, Tolerance::Lenient)), [PatchCode::BadHunkCount]);
}

#[test]
fn a_line_that_lost_its_blank_is_context_and_prose_behind_the_diff_is_not() {
    let lost = SIMPLE.replace(" 4\n", "4\n").replace("@@ -4,3 +4,3 @@", "@@");
    let (after, _) = run(&numbers(), &lost, Tolerance::Lenient).unwrap();
    assert_eq!(after.text("n.txt"), NUMBERS.replace("5\n", "five\n"));
    let prose = format!(
        "Here it is:\n```diff\n{}```\nThis does:\n- one thing\n+ another\n",
        SIMPLE.replace("-4,3", "-4,9")
    );
    let (after, _) = run(&numbers(), &prose, Tolerance::Lenient).unwrap();
    assert_eq!(after.text("n.txt"), NUMBERS.replace("5\n", "five\n"));
}

#[test]
fn a_patch_that_lost_its_last_line_end_still_means_whole_lines() {
    let text = "--- a/n.txt\n+++ b/n.txt\n@@ -12 +12 @@\n-12\n+twelve";
    let (after, _) = run(&numbers(), text, Tolerance::Strict).unwrap();
    assert_eq!(after.text("n.txt"), NUMBERS.replace("12\n", "twelve\n"));
}

#[test]
fn sections_of_the_same_file_are_joined_leniently_and_refused_strictly() {
    let text = format!("{SIMPLE}--- a/n.txt\n+++ b/n.txt\n@@ -9,2 +9,2 @@\n 9\n-10\n+ten\n");
    assert_eq!(
        codes(run(&numbers(), &text, Tolerance::Strict)),
        [PatchCode::DuplicateSection, PatchCode::DuplicateSection]
    );
    let parsed = |text: &str| parse(text.as_bytes(), Tolerance::Lenient, &Limits::default()).unwrap();
    assert_eq!((parsed(&text).mended, parsed(SIMPLE).mended), (vec![PatchMend::MergedSections], vec![]));
    let (after, applied) = run(&numbers(), &text, Tolerance::Lenient).unwrap();
    assert_eq!(after.text("n.txt"), NUMBERS.replace("5\n", "five\n").replace("10\n", "ten\n"));
    assert_eq!(applied.files[0].anchors.iter().map(|anchor| anchor.hunk).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn only_sections_that_change_lines_of_the_same_file_are_joined() {
    let duplicate = PatchCode::DuplicateSection;
    let renamed = "diff --git a/twice.txt b/new.txt\nrename from twice.txt\nrename to new.txt\n";
    let onto = renamed.replace("new.txt", "n.txt");
    let mode = "diff --git a/n.txt b/n.txt\nold mode 100644\nnew mode 100755\n";
    let hunk = |path: &str| format!("diff --git a/{path} b/{path}\n{}", SIMPLE.replace("n.txt", path));
    for (text, expected) in [
        (format!("{SIMPLE}{mode}"), vec![duplicate, duplicate]),
        (format!("{mode}{}", hunk("n.txt")), vec![]),
        (format!("{SIMPLE}{onto}"), vec![duplicate]),
        (format!("{onto}{}", hunk("n.txt")), vec![duplicate]),
        (format!("{renamed}{}", hunk("new.txt")), vec![PatchCode::MissingFile]),
    ] {
        let found = run(&numbers(), &text, Tolerance::Lenient).err().unwrap_or_default();
        assert_eq!(found.iter().map(|finding| finding.code).collect::<Vec<_>>(), expected, "{text}");
    }
    let blocks = "n.txt\n<<<<<<< SEARCH\n4\n=======\nfour\n>>>>>>> REPLACE\n".repeat(2);
    let read = read(blocks.as_bytes(), Form::SearchReplace, Tolerance::Lenient, &Limits::default()).unwrap();
    assert_eq!((read.files.len(), read.mended), (1, vec![]), "a block is one section in the form's own way");
}

#[test]
fn a_file_that_ends_in_crlf_keeps_its_line_ends() {
    let tree = Tree::of(&[("n.txt", &NUMBERS.replace('\n', "\r\n"))]);
    let (after, _) = run(&tree, SIMPLE, Tolerance::Lenient).unwrap();
    assert_eq!(after.text("n.txt"), NUMBERS.replace("5\n", "five\n").replace('\n', "\r\n"));
    let (after, applied) = run(&numbers(), &SIMPLE.replace('\n', "\r\n"), Tolerance::Lenient).unwrap();
    assert_eq!(applied.weakest_anchor(), How::Exact);
    assert_eq!(after.text("n.txt"), NUMBERS.replace("5\n", "five\n"));
}

#[test]
fn renames_that_cross_read_the_base() {
    let text =
        "diff --git a/a b/b\nrename from a\nrename to b\ndiff --git a/b b/a\nrename from b\nrename to a\n";
    let (after, _) = run(&Tree::of(&[("a", "1\n"), ("b", "2\n")]), text, Tolerance::Strict).unwrap();
    assert_eq!((after.text("a"), after.text("b")), ("2\n", "1\n"));
}

#[test]
fn files_and_folders_do_not_take_each_others_place() {
    let tree = Tree::of(&[("f", "1\n"), ("d/x", "1\n")]);
    let create = |path: &str| format!("--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+new\n");
    assert_eq!(codes(run(&tree, &create("f/below"), Tolerance::Strict)), [PatchCode::DirFileConflict]);
    assert_eq!(codes(run(&tree, &create("d"), Tolerance::Strict)), [PatchCode::DirFileConflict]);
    assert_eq!(codes(run(&tree, &create("f"), Tolerance::Strict)), [PatchCode::AlreadyExists]);
    let emptied = format!("{}--- a/d/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n", create("d"));
    let (after, _) = run(&tree, &emptied, Tolerance::Strict).unwrap();
    assert_eq!(after.text("d"), "new\n");
}

#[test]
fn nothing_is_written_through_a_link() {
    let mut tree = numbers();
    tree.0.insert("link".into(), BaseFile { bytes: b"elsewhere".to_vec(), mode: FileMode::Symlink });
    let text = "--- /dev/null\n+++ b/link/x\n@@ -0,0 +1 @@\n+new\n";
    assert_eq!(codes(run(&tree, text, Tolerance::Lenient)), [PatchCode::SymlinkInPath]);
}

/// Each limit at its last value that passes and the first that does not.
#[test]
fn what_is_larger_than_a_limit_is_refused() {
    let limits = Limits { bytes: 4_000, files: 3, hunks: 5, line_bytes: 100 };
    let files = |count: usize| "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n".repeat(count);
    let hunks = |count: usize| format!("--- a/n\n+++ b/n\n{}", "@@ -1 +1 @@\n-a\n+b\n".repeat(count));
    let line = |bytes: usize| format!("--- a/n\n+++ b/n\n@@ -1 +1 @@\n-a\n+{}\n", "b".repeat(bytes - 1));
    let size = |bytes: usize| {
        let head = "--- a/n\n+++ b/n\n@@ -1 +1 @@\n-a\n+b\n";
        format!("{head}{}", "\n".repeat(bytes - head.len()))
    };
    let added = |count: usize| {
        format!("*** Begin Patch\n{}*** End Patch\n", "*** Update File: n\n@@\n-a\n+b\n".repeat(count))
    };
    let blocks = |count: usize| "n.txt\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n".repeat(count);
    let whole = |count: usize| "n.txt\n```\na\n```\n".repeat(count);
    let v4a_hunks = |count: usize| {
        format!("*** Begin Patch\n*** Update File: n\n{}*** End Patch\n", "@@\n-a\n+b\n".repeat(count))
    };
    let has = |text: &str, form: Form, tolerance, code| {
        let findings = read(text.as_bytes(), form, tolerance, &limits).err().unwrap_or_default();
        findings.iter().filter(|finding| finding.code == code).count()
    };
    for tolerance in [Tolerance::Strict, Tolerance::Lenient] {
        for (code, passes, over) in [
            (PatchCode::TooManyFiles, files(3), files(4)),
            (PatchCode::TooManyHunks, hunks(5), hunks(6)),
            (PatchCode::TooManyHunks, hunks(5), hunks(60)),
            (PatchCode::LineTooLong, line(100), line(101)),
            (PatchCode::TooLarge, size(4_000), size(4_001)),
        ] {
            assert_eq!(
                (has(&passes, Form::Diff, tolerance, code), has(&over, Form::Diff, tolerance, code)),
                (0, 1),
                "{code}"
            );
        }
        for (form, code, passes, over) in [
            (Form::V4a, PatchCode::TooManyFiles, added(3), added(4)),
            (Form::V4a, PatchCode::TooManyHunks, v4a_hunks(5), v4a_hunks(6)),
            (Form::SearchReplace, PatchCode::TooManyFiles, blocks(3), blocks(4)),
            (Form::Whole, PatchCode::TooManyFiles, whole(3), whole(4)),
        ] {
            assert_eq!(
                (has(&passes, form, tolerance, code), has(&over, form, tolerance, code)),
                (0, 1),
                "{form:?} {code}"
            );
        }
    }
    assert_eq!(
        Limits::default(),
        Limits { bytes: 4 << 20, files: 1_000, hunks: 10_000, line_bytes: 256 << 10 }
    );
    assert_eq!(
        Limits::canonical(),
        Limits { bytes: 1 << 30, files: 100_000, hunks: 10_000_000, line_bytes: 1 << 30 }
    );
}

fn lines() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "a\n",
        "b\n",
        "\n",
        "--- x\n",
        "+++ y\n",
        "@@ -1 +1 @@\n",
        "c\r\n",
        "\\ z\n",
    ]);
    (prop::collection::vec(line, 0..30), any::<bool>()).prop_map(|(lines, open)| {
        let text: String = lines.concat();
        if open { text + "end" } else { text }
    })
}

fn trees() -> impl Strategy<Value = (Tree, Tree)> {
    let files =
        || prop::collection::btree_map(prop::sample::select(vec!["a", "b c", "d/ü", "e/f"]), lines(), 0..4);
    (files(), files()).prop_map(|(old, new)| {
        let tree = |files: BTreeMap<&str, String>| {
            Tree(files.into_iter().map(|(path, text)| (path.to_owned(), file(&text))).collect())
        };
        (tree(old), tree(new))
    })
}

fn file(text: &str) -> BaseFile {
    BaseFile { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular }
}

fn results(old: &Tree, new: &Tree) -> Vec<FileResult> {
    let paths: std::collections::BTreeSet<&String> = old.0.keys().chain(new.0.keys()).collect();
    let result = |path: &&String| FileResult {
        path: path.parse().unwrap(),
        before: old.0.get(*path).cloned(),
        after: new.0.get(*path).cloned(),
        anchors: Vec::new(),
    };
    paths.iter().map(result).collect()
}

proptest! {
    #[test]
    fn what_is_emitted_is_read_and_applied_to_the_same_result((old, new) in trees()) {
        let diff = emit(results(&old, &new));
        if diff.is_empty() {
            prop_assert_eq!(old.0, new.0);
            return Ok(());
        }
        for tolerance in [Tolerance::Strict, Tolerance::Lenient] {
            let parsed = parse(diff.bytes(), tolerance, &Limits::default()).unwrap();
            let applied = apply(&parsed, &old).unwrap();
            prop_assert_eq!(&old.after(&applied.files).0, &new.0);
            prop_assert_eq!(applied.weakest_anchor(), How::Exact);
            let again = emit(applied.files);
            prop_assert_eq!(again.bytes(), diff.bytes());
        }
    }

    #[test]
    fn a_change_and_its_reverse_give_the_base((old, new) in trees()) {
        let back = emit(results(&new, &old));
        if !back.is_empty() {
            let parsed = parse(back.bytes(), Tolerance::Strict, &Limits::default()).unwrap();
            prop_assert_eq!(new.after(&apply(&parsed, &new).unwrap().files).0, old.0);
        }
    }

    #[test]
    fn the_order_of_sections_and_hunks_means_nothing((old, new) in trees(), seed in any::<u64>()) {
        let diff = emit(results(&old, &new));
        if diff.is_empty() { return Ok(()); }
        let mut parsed = parse(diff.bytes(), Tolerance::Strict, &Limits::default()).unwrap();
        let first = apply(&parsed, &old).unwrap();
        let turn = |n: usize| if n == 0 { 0 } else { (seed as usize) % n };
        let by = turn(parsed.files.len());
        parsed.files.rotate_left(by);
        for file in &mut parsed.files {
            let by = turn(file.hunks.len());
            file.hunks.rotate_left(by);
            file.hunks.reverse();
        }
        let second = apply(&parsed, &old).unwrap();
        prop_assert_eq!(emit(first.files).sha256().clone(), emit(second.files).sha256().clone());
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(diff --git a/x b/x\n|--- a/x\n|\\+\\+\\+ b/x\n|@@ -1,2 \\+1 @@\n|@@\n|[ +-]a\n|\n|```\n|\\\\ No\n|rename from x\n|new file mode 100644\n|x\n|\u{0}|\"a\\\\3){0,30}") {
        let tree = Tree::of(&[("x", "a\na\n")]);
        for tolerance in [Tolerance::Strict, Tolerance::Lenient] {
            if let Ok(parsed) = parse(text.as_bytes(), tolerance, &Limits::default()) {
                let _ = apply(&parsed, &tree);
            }
        }
    }
}
