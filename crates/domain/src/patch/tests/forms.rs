//! The forms beside the unified diff: `*** Begin Patch`, search/replace blocks, whole files, binary content.

use super::*;

fn read_as(tree: &Tree, form: Form, text: &str) -> Result<(Tree, Applied), Vec<PatchFinding>> {
    let applied = apply(&read(text.as_bytes(), form, Tolerance::Lenient, &Limits::default())?, tree)?;
    Ok((tree.after(&applied.files), applied))
}

fn auto(tree: &Tree, text: &str) -> Result<(Tree, Applied), Vec<PatchFinding>> {
    read_as(tree, Form::Auto, text)
}

fn python() -> Tree {
    Tree::of(&[
        ("a.py", "class A:\n    def f(self):\n        return 1\n\n    def g(self):\n        return 1\n"),
        ("b.txt", "1\n2\n"),
    ])
}

#[test]
fn the_form_that_comes_first_is_read() {
    let form = |text: &str| {
        read(text.as_bytes(), Form::Auto, Tolerance::Lenient, &Limits::default()).map(|patch| patch.form)
    };
    assert_eq!(form(SIMPLE), Ok(Form::Diff));
    assert_eq!(form("text\n*** Begin Patch\n*** Delete File: a\n*** End Patch\n"), Ok(Form::V4a));
    assert_eq!(form("a.py\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n"), Ok(Form::SearchReplace));
    let strict = read(b"*** Begin Patch\n*** End Patch\n", Form::Auto, Tolerance::Strict, &Limits::default());
    assert_eq!(strict.unwrap_err()[0].code, PatchCode::UnsupportedFormat);
    let mixed = format!("{SIMPLE}*** Begin Patch\n*** Delete File: a\n*** End Patch\n");
    assert_eq!(codes(auto(&numbers(), &mixed)), [PatchCode::MixedForms]);
    let other_way = "*** Begin Patch\n*** Delete File: n.txt\n*** End Patch\ndiff --git a/n.txt b/n.txt\n";
    assert_eq!(codes(auto(&numbers(), other_way)), [PatchCode::MixedForms]);
    let blocks = "n.txt\n<<<<<<< SEARCH\n4\n=======\nfour\n>>>>>>> REPLACE\n";
    assert_eq!(codes(auto(&numbers(), &format!("{blocks}{SIMPLE}"))), [PatchCode::MixedForms]);
    assert_eq!(codes(auto(&numbers(), &format!("{blocks}*** Begin Patch\n"))), [PatchCode::MixedForms]);
}

#[test]
fn the_lines_outside_of_sections_that_say_something_are_named() {
    let outside =
        |text: &str| parse(text.as_bytes(), Tolerance::Lenient, &Limits::default()).unwrap().outside;
    assert_eq!(outside(&format!("Here:\n\n```diff\n{SIMPLE}```\n \t\nDone.\n")), [1, 13]);
    assert_eq!(outside(&format!("{}{SIMPLE}", "prose\n".repeat(101))), (1..=100).collect::<Vec<_>>());
}

#[test]
fn a_text_in_another_encoding_and_a_line_that_is_too_long_are_named() {
    let refused = |text: &[u8], limits: &Limits| {
        let finding = parse(text, Tolerance::Lenient, limits).unwrap_err()[0].clone();
        (finding.code, finding.line)
    };
    for text in [b"\xff\xfed\0", b"\xfe\xff\0d"] {
        assert_eq!(refused(text, &Limits::default()), (PatchCode::NotAPatch, None));
        assert!(
            parse(text, Tolerance::Lenient, &Limits::default()).unwrap_err()[0].detail.contains("UTF-16")
        );
    }
    let limits = Limits { line_bytes: 3, ..Limits::default() };
    assert_eq!(refused(b"abc\nabc\nabcd\n", &limits), (PatchCode::LineTooLong, Some(3)));
    assert_eq!(refused(b"abc\nabc\nabcd", &limits), (PatchCode::LineTooLong, Some(3)));
    assert_eq!(refused(b"abc\nabc\nabc", &limits).0, PatchCode::NotAPatch);
}

#[test]
fn diffs_of_merges_and_blank_lines_between_hunks() {
    for head in ["diff --cc n.txt", "diff --combined n.txt"] {
        let text = format!("{head}\nindex 1,2..3\n");
        assert_eq!(
            codes(run(&numbers(), &text, Tolerance::Strict)),
            [PatchCode::UnsupportedFormat],
            "{head}"
        );
    }
    let apart = format!("{SIMPLE}\n \n@@ -9,2 +9,2 @@\n 9\n-10\n+ten\n");
    assert!(codes(run(&numbers(), &apart, Tolerance::Strict)).contains(&PatchCode::HunkWithoutFile));
    let (_, applied) = run(&numbers(), &apart, Tolerance::Lenient).unwrap();
    assert_eq!(applied.files[0].anchors.len(), 2);
}

#[test]
fn behind_too_many_hunks_nothing_is_read() {
    let limits = Limits { hunks: 1, ..Limits::default() };
    let text =
        "*** Begin Patch\n*** Update File: n\n@@\n-a\n+b\n@@\n-a\n+b\n*** Rename File: x\n*** End Patch\n";
    let findings = read(text.as_bytes(), Form::V4a, Tolerance::Lenient, &limits).unwrap_err();
    assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), [PatchCode::TooManyHunks]);
    let text = "--- a/n\n+++ b/n\n@@ -1 +1 @@\n-a\n+b\n@@ -5 +5 @@\n-a\n+b\ndiff --git a/../x b/../x\n";
    let findings = parse(text.as_bytes(), Tolerance::Strict, &limits).unwrap_err();
    assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), [PatchCode::TooManyHunks]);
}

#[test]
fn a_v4a_patch_adds_changes_moves_and_deletes() {
    let text = "*** Begin Patch\n*** Add File: new/c.txt\n+one\n+\n*** Update File: a.py\n@@ class A:\n@@     def g(self):\n-        return 1\n+        return 2\n*** Delete File: b.txt\n*** End Patch\n";
    let (after, applied) = auto(&python(), text).unwrap();
    assert_eq!(after.text("new/c.txt"), "one\n\n");
    assert_eq!(
        after.text("a.py"),
        python().text("a.py").replace("g(self):\n        return 1", "g(self):\n        return 2")
    );
    assert!(!after.0.contains_key("b.txt"));
    assert_eq!(applied.weakest_anchor(), How::Exact);
    let moved =
        "*** Begin Patch\n*** Update File: b.txt\n*** Move to: d/c.txt\n@@\n 1\n-2\n+two\n*** End Patch";
    let (after, _) = auto(&python(), moved).unwrap();
    assert_eq!((after.text("d/c.txt"), after.0.contains_key("b.txt")), ("1\ntwo\n", false));
}

#[test]
fn a_v4a_hunk_without_its_heading_is_ambiguous_where_its_text_is() {
    let text =
        "*** Begin Patch\n*** Update File: a.py\n@@\n-        return 1\n+        return 2\n*** End Patch\n";
    assert_eq!(codes(auto(&python(), text)), [PatchCode::Ambiguous]);
    let at_end = text.replace("*** End Patch", "*** End of File\n*** End Patch");
    let (after, _) = auto(&python(), &at_end).unwrap();
    assert!(after.text("a.py").ends_with("def g(self):\n        return 2\n"));
    assert!(after.text("a.py").contains("def f(self):\n        return 1\n"));
}

#[test]
fn a_v4a_patch_that_is_cut_off_or_odd_is_malformed() {
    let cut = "*** Begin Patch\n*** Update File: b.txt\n@@\n 1\n-2\n+two\n";
    assert_eq!(codes(auto(&python(), cut)), [PatchCode::Truncated]);
    let no_plus = "*** Begin Patch\n*** Add File: c\nraw\n*** End Patch\n";
    assert_eq!(codes(auto(&python(), no_plus)), [PatchCode::BadHunkLine]);
    let unknown = "*** Begin Patch\n*** Rename File: c\n*** End Patch\n";
    assert_eq!(codes(auto(&python(), unknown)), [PatchCode::BadHeader]);
    let idle = "*** Begin Patch\n*** Update File: b.txt\n@@\n 1\n 2\n*** End Patch\n";
    assert_eq!(codes(auto(&python(), idle)), [PatchCode::NoHunks]);
    let outside = "*** Begin Patch\n*** Update File: ../b.txt\n@@\n-1\n+2\n*** End Patch\n";
    assert_eq!(codes(auto(&python(), outside)), [PatchCode::PathTraversal]);
    let moved_out =
        "*** Begin Patch\n*** Update File: b.txt\n*** Move to: /etc/b\n@@\n-1\n+2\n*** End Patch\n";
    assert_eq!(codes(auto(&python(), moved_out)), [PatchCode::AbsolutePath]);
    let there = "*** Begin Patch\n*** Add File: b.txt\n+x\n*** End Patch\n";
    assert_eq!(codes(auto(&python(), there)), [PatchCode::AlreadyExists]);
}

#[test]
fn a_v4a_line_that_lost_its_blank_is_context_leniently_only() {
    let text = "*** Begin Patch\n*** Update File: b.txt\n@@\n1\n-2\n+two\n\n*** End Patch\n";
    let (after, _) = auto(&python(), text).unwrap();
    assert_eq!(after.text("b.txt"), "1\ntwo\n");
    let strict = read(text.as_bytes(), Form::V4a, Tolerance::Strict, &Limits::default()).unwrap_err();
    assert_eq!((strict[0].code, strict[0].hunk, strict[0].line), (PatchCode::BadHunkLine, Some(1), Some(4)));
    assert_eq!(strict[0].path.as_deref(), Some("b.txt"));
}

#[test]
fn blocks_name_their_file_above_and_may_share_it() {
    let text = "Change `b.txt`:\n\n**b.txt**\n```text\n<<<<<<< SEARCH\n1\n=======\none\n>>>>>>> REPLACE\n```\nand\n```\n<<<<<<< SEARCH\n2\n=======\n2\n3\n>>>>>>> REPLACE\n```\n";
    let (after, applied) = auto(&python(), text).unwrap();
    assert_eq!(after.text("b.txt"), "one\n2\n3\n");
    assert_eq!(
        applied.files[0].anchors.iter().map(|a| (a.hunk, a.how)).collect::<Vec<_>>(),
        [(1, How::Exact), (2, How::Exact)]
    );
    let other_marks = "# File: b.txt\n------- SEARCH\n1\n=======\none\n+++++++ REPLACE\n";
    assert_eq!(auto(&python(), other_marks).unwrap().0.text("b.txt"), "one\n2\n");
}

#[test]
fn an_empty_search_makes_a_new_file_and_never_overwrites_one() {
    let text = "src/new.py\n<<<<<<< SEARCH\n=======\nx = 1\n>>>>>>> REPLACE\n";
    assert_eq!(auto(&python(), text).unwrap().0.text("src/new.py"), "x = 1\n");
    assert_eq!(codes(auto(&python(), &text.replace("src/new.py", "b.txt"))), [PatchCode::AlreadyExists]);
    let nothing = "b.txt\n<<<<<<< SEARCH\n1\n=======\n1\n>>>>>>> REPLACE\n";
    assert_eq!(codes(auto(&python(), nothing)), [PatchCode::NoEffect]);
}

#[test]
fn a_block_that_could_be_read_in_two_ways_is_not_read() {
    let two = "b.txt\n<<<<<<< SEARCH\n1\n=======\n2\n=======\none\n>>>>>>> REPLACE\n";
    assert_eq!(codes(auto(&python(), two)), [PatchCode::BadHunkLine]);
    let none = "b.txt\n<<<<<<< SEARCH\n1\n>>>>>>> REPLACE\n";
    assert_eq!(codes(auto(&python(), none)), [PatchCode::BadHunkLine]);
    let open = "b.txt\n<<<<<<< SEARCH\n1\n=======\n2\n";
    assert_eq!(codes(auto(&python(), open)), [PatchCode::Truncated]);
    let opened_again = format!("{open}<<<<<<< SEARCH\n1\n=======\n2\n>>>>>>> REPLACE\n");
    assert_eq!(codes(auto(&python(), &opened_again)), [PatchCode::Truncated]);
    let nameless = "<<<<<<< SEARCH\n1\n=======\n2\n>>>>>>> REPLACE\n";
    assert_eq!(codes(auto(&python(), nameless)), [PatchCode::HunkWithoutFile]);
    let prose = format!("Here you are.\n{nameless}");
    assert_eq!(codes(auto(&python(), &prose)), [PatchCode::HunkWithoutFile]);
    let twice = "a.py\n<<<<<<< SEARCH\n        return 1\n=======\n        return 2\n>>>>>>> REPLACE\n";
    assert_eq!(codes(auto(&python(), twice)), [PatchCode::Ambiguous]);
    let escaping = "../b.txt\n<<<<<<< SEARCH\n1\n=======\n2\n>>>>>>> REPLACE\n";
    assert_eq!(codes(auto(&python(), escaping)), [PatchCode::PathTraversal]);
}

#[test]
fn whole_files_are_read_only_when_they_are_asked_for() {
    let text = "b.txt\n```\n1\nzwei\n```\n\nnew/c.py:\n````python\nx = '''\n```\n'''\n````\n";
    assert_eq!(codes(auto(&python(), text)), [PatchCode::NotAPatch]);
    let (after, _) = read_as(&python(), Form::Whole, text).unwrap();
    assert_eq!((after.text("b.txt"), after.text("new/c.py")), ("1\nzwei\n", "x = '''\n```\n'''\n"));
    let unnamed = "```\n1\n```\n";
    assert_eq!(codes(read_as(&python(), Form::Whole, unnamed)), [PatchCode::HunkWithoutFile]);
    assert_eq!(codes(read_as(&python(), Form::Whole, "b.txt\n```\n1\n")), [PatchCode::Truncated]);
    assert_eq!(codes(read_as(&python(), Form::Whole, "b.txt\n")), [PatchCode::NotAPatch]);
}

#[test]
fn a_whole_file_that_leaves_lines_out_is_refused() {
    for line in
        ["# ... existing code ...", "// ...", "/* rest of the file unchanged... */", "# … remaining lines"]
    {
        let text = format!("b.txt\n```\n1\n{line}\n```\n");
        let findings = read_as(&python(), Form::Whole, &text).unwrap_err();
        assert_eq!(
            findings.iter().map(|finding| finding.code).collect::<Vec<_>>(),
            [PatchCode::Elided],
            "{line}"
        );
        assert!(findings[0].detail.starts_with("line 2 of the file"), "{}", findings[0].detail);
    }
    for line in ["...", "# see above ...", "# the rest of the world"] {
        let text = format!("b.txt\n```\n1\n{line}\n```\n");
        assert!(read_as(&python(), Form::Whole, &text).is_ok(), "{line}");
    }
    let known = Tree::of(&[("b.txt", "# ...\n1\n")]);
    assert!(read_as(&known, Form::Whole, "b.txt\n```\n# ...\n2\n```\n").is_ok());
}

#[test]
fn a_whole_file_takes_on_the_line_ends_of_the_one_it_replaces() {
    let text = "b.txt\n```\n1\nzwei\n```\n";
    let crlf = Tree::of(&[("b.txt", "1\r\n2\r\n")]);
    assert_eq!(read_as(&crlf, Form::Whole, text).unwrap().0.text("b.txt"), "1\r\nzwei\r\n");
    let open = Tree::of(&[("b.txt", "eins\nzwei")]);
    assert_eq!(read_as(&open, Form::Whole, text).unwrap().0.text("b.txt"), "1\nzwei");
    let other_end = Tree::of(&[("b.txt", "1\nthree")]);
    assert_eq!(read_as(&other_end, Form::Whole, text).unwrap().0.text("b.txt"), "1\nzwei\n");
    let mixed = Tree::of(&[("b.txt", "1\r\n2\n")]);
    assert_eq!(read_as(&mixed, Form::Whole, text).unwrap().0.text("b.txt"), "1\nzwei\n");
}

#[test]
fn a_number_alone_places_a_hunk_only_when_the_other_hunks_prove_it() {
    let text = "--- a/n.txt\n+++ b/n.txt\n@@ -3 +3 @@\n-3\n+three\n@@ -8,0 +9 @@\n+8a\n";
    assert_eq!(codes(run(&numbers(), text, Tolerance::Strict)), [PatchCode::ContextMismatch]);
    let (after, applied) = run(&numbers(), text, Tolerance::Lenient).unwrap();
    assert_eq!(after.text("n.txt"), NUMBERS.replace("3\n", "three\n").replace("8\n", "8\n8a\n"));
    assert_eq!(applied.weakest_anchor(), How::Numbered);
    for (first, second) in [
        ("-2,2 +2 @@\n 2\n-3\n", "-8,0 +8"),
        ("-2 +2,2 @@\n 2\n+2a\n", "-8,0 +10"),
        ("-3 +2,0 @@\n-3\n", "-8,0 +8"),
    ] {
        let text = format!("--- a/n.txt\n+++ b/n.txt\n@@ {first}@@ {second} @@\n+8a\n");
        let (after, _) = run(&numbers(), &text, Tolerance::Lenient).unwrap();
        assert!(after.text("n.txt").contains("8\n8a\n9\n"), "{text}");
    }
    for wrong in [
        text.replace("@@ -3 +3 @@", "@@ -4 +4 @@"),
        text.replace("+9 @@", "+10 @@"),
        text.replace("@@ -3 +3 @@\n-3\n+three\n", ""),
        text.replace("@@ -8,0 +9 @@", "@@"),
        text.replace("@@ -8,0 +9 @@", "@@ -88,0 +89 @@"),
        text.replace("-3\n+three\n", "-3 \n+three\n"),
    ] {
        let first = run(&numbers(), &wrong, Tolerance::Lenient).unwrap_err();
        assert!(first.iter().all(|finding| finding.code == PatchCode::ContextMismatch), "{wrong}");
    }
}

#[test]
fn a_heading_tells_equal_places_apart() {
    let text =
        "--- a/a.py\n+++ b/a.py\n@@ -90,1 +90,1 @@ def g(self):\n-        return 1\n+        return 2\n";
    let (after, _) = run(&python(), text, Tolerance::Lenient).unwrap();
    assert!(after.text("a.py").ends_with("def g(self):\n        return 2\n"));
    assert_eq!(
        codes(run(&python(), &text.replace("def g", "class A"), Tolerance::Lenient)),
        [PatchCode::Ambiguous]
    );
}

fn binary(old: &[u8], new: &[u8]) -> (Tree, CanonicalDiff) {
    let side = |bytes: &[u8]| Some(BaseFile { bytes: bytes.to_vec(), mode: FileMode::Regular });
    let base = Tree([("x.bin".to_owned(), side(old).unwrap())].into());
    (base, emit(vec![FileResult::edited("x.bin".parse().unwrap(), side(old), side(new))]))
}

#[test]
fn binary_content_is_written_and_read_as_git_does() {
    let new: Vec<u8> = (0..70_000u32).map(|n| (n * 7 % 251) as u8).collect();
    let (base, diff) = binary(b"\0old", &new);
    let applied = apply(&parse(diff.bytes(), Tolerance::Strict, &Limits::default()).unwrap(), &base).unwrap();
    assert_eq!(base.after(&applied.files).0["x.bin"].bytes, new);
    assert_eq!(emit(applied.files).sha256(), diff.sha256());
    let (other, _) = binary(b"\0other", b"\0");
    let findings =
        apply(&parse(diff.bytes(), Tolerance::Strict, &Limits::default()).unwrap(), &other).unwrap_err();
    assert_eq!(findings[0].code, PatchCode::ContextMismatch);
}

#[test]
fn damaged_binary_content_is_malformed_and_a_huge_one_refused_unread() {
    let (_, diff) = binary(b"\0old", b"\0new");
    let text = String::from_utf8(diff.bytes().to_vec()).unwrap();
    let code =
        |text: String| parse(text.as_bytes(), Tolerance::Strict, &Limits::default()).unwrap_err()[0].code;
    let data = text.lines().find(|line| line.starts_with('P') || line.starts_with('O')).unwrap().to_owned();
    assert_eq!(code(text.replacen(&data, &data[..data.len() - 1], 1)), PatchCode::BadBinary);
    assert_eq!(code(text.replacen(&data, &data.replacen(&data[1..2], "\"", 1), 1)), PatchCode::BadBinary);
    assert_eq!(code(text.replacen("literal 4", "literal 5", 1)), PatchCode::BadBinary);
    assert_eq!(code(text.replacen("literal 4", "literal 3", 1)), PatchCode::BadBinary);
    assert_eq!(code(text.replacen("literal 4", "literal four", 1)), PatchCode::BadBinary);
    assert_eq!(code(text.replacen("literal 4", "literal 1048577", 1)), PatchCode::TooLarge);
    assert_eq!(code(text.split("literal").next().unwrap().to_owned()), PatchCode::BadBinary);
}

#[test]
fn binary_content_is_taken_up_to_one_mebibyte() {
    for (bytes, taken) in [(1 << 20, true), ((1 << 20) + 1, false)] {
        let (base, diff) = binary(b"\0old", &vec![0; bytes]);
        let parsed = parse(diff.bytes(), Tolerance::Strict, &Limits::default());
        assert_eq!(parsed.is_ok_and(|patch| apply(&patch, &base).is_ok()), taken, "{bytes}");
    }
}

#[test]
fn binary_content_whose_empty_line_was_lost_ends_at_what_follows() {
    let (base, diff) = binary(b"\0old", b"\0new");
    let text = String::from_utf8(diff.bytes().to_vec()).unwrap();
    let mode = "diff --git a/other b/other\nold mode 100644\nnew mode 100755\n";
    for text in [
        text.replace("\n\nliteral", "\nliteral"),
        text.replace("\n\nliteral", "\ndelta"),
        format!("{}{mode}", text.split("\n\nliteral").next().unwrap().to_owned() + "\n"),
    ] {
        let mut base = base.clone();
        base.0.insert("other".to_owned(), file("x\n"));
        let (after, _) = run(&base, &text, Tolerance::Strict).unwrap();
        assert_eq!(after.0["x.bin"].bytes, b"\0new", "{text}");
    }
    let hunk = format!("{text}@@ -1 +1 @@\n-a\n+b\n");
    assert_eq!(codes(run(&base, &hunk, Tolerance::Strict)), [PatchCode::Binary, PatchCode::BadHeader]);
}

/// As git 2.47 writes it with `--binary --full-index` for a zero byte and 1,500 lines `y`, and the same with an `x` behind.
const DELTA: &str = "diff --git a/x.bin b/x.bin\nindex 48a7dd428d08caf65f0b94c9b1e317fe182fca9e..381063f3d11eade6d506563a992798b3753758a2 100644\nGIT binary patch\ndelta 9\nQcmdlfzDs<=PHx5u029#zj{pDw\n\ndelta 7\nOcmdlbzEga|PHq4VEdv$+\n\n";

#[test]
fn a_binary_delta_of_git_is_followed() {
    let old: Vec<u8> = std::iter::once(0).chain(b"y\n".iter().copied().cycle().take(3_000)).collect();
    let base = |bytes: &[u8]| {
        Tree([("x.bin".to_owned(), BaseFile { bytes: bytes.to_vec(), mode: FileMode::Regular })].into())
    };
    let patch = parse(DELTA.as_bytes(), Tolerance::Strict, &Limits::default()).unwrap();
    let applied = apply(&patch, &base(&old)).unwrap();
    assert_eq!(applied.files[0].after.as_ref().unwrap().bytes, [old.as_slice(), b"x"].concat());
    assert_eq!(apply(&patch, &base(b"\0")).unwrap_err()[0].code, PatchCode::ContextMismatch);
    let nameless = DELTA.replace("48a7dd428d08caf65f0b94c9b1e317fe182fca9e", "48a7dd4");
    let patch = parse(nameless.as_bytes(), Tolerance::Strict, &Limits::default()).unwrap();
    assert_eq!(apply(&patch, &base(&old)).map(|a| a.files), Ok(applied.files));
    assert_eq!(apply(&patch, &base(b"\0")).unwrap_err()[0].code, PatchCode::BadBinary);
    let otherwise = DELTA.replace("381063f3", "00000000");
    let patch = parse(otherwise.as_bytes(), Tolerance::Strict, &Limits::default()).unwrap();
    assert_eq!(apply(&patch, &base(&old)).unwrap_err()[0].code, PatchCode::BadBinary);
}

proptest! {
    #[test]
    fn no_text_in_any_form_makes_a_reader_panic(
        text in "(\\*\\*\\* Begin Patch\n|\\*\\*\\* End Patch\n|\\*\\*\\* Update File: x\n|\\*\\*\\* Add File: y\n|\\*\\*\\* Move to: z\n|\\*\\*\\* End of File\n|@@ a\n|[ +-]a\n|a\n|\n|x\n|```\n|<<<<<<< SEARCH\n|=======\n|>>>>>>> REPLACE\n|GIT binary patch\n|literal 4\n|diff --git a/x b/x\n){0,30}"
    ) {
        let tree = Tree::of(&[("x", "a\na\n")]);
        for form in [Form::Auto, Form::V4a, Form::SearchReplace, Form::Whole, Form::Diff] {
            if let Ok(parsed) = read(text.as_bytes(), form, Tolerance::Lenient, &Limits::default()) {
                let _ = apply(&parsed, &tree);
            }
        }
    }

    #[test]
    fn a_change_means_the_same_in_every_form((old, new) in (lines(), lines())) {
        let marked = |text: &String| text.lines().any(|line| line.starts_with("***") || line.starts_with("==="));
        if old == new || old.is_empty() || new.is_empty() || marked(&old) || marked(&new)
            || !old.ends_with('\n') || !new.ends_with('\n') || new.starts_with("\r\n") {
            return Ok(());
        }
        let tree = Tree::of(&[("f.txt", &old)]);
        let prefixed = |mark: char, text: &str| text.split_inclusive('\n').map(|line| format!("{mark}{line}")).collect::<String>();
        let v4a = format!("*** Begin Patch\n*** Update File: f.txt\n@@\n{}{}*** End Patch\n", prefixed('-', &old), prefixed('+', &new));
        let block = format!("f.txt\n<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n");
        for text in [v4a, block] {
            let (after, _) = auto(&tree, &text).unwrap();
            prop_assert_eq!(after.text("f.txt"), &new);
        }
    }
}
