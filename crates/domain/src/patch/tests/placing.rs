//! Where hunks go: which place is taken first, which hunks are in each other's way, what is said when there is none.

use super::*;

fn place(base: &str, text: &str, tolerance: Tolerance) -> Result<Vec<Anchor>, Vec<PatchFinding>> {
    let text = format!("--- a/f\n+++ b/f\n{text}");
    let (_, applied) = run(&Tree::of(&[("f", base)]), &text, tolerance)?;
    Ok(applied.files[0].anchors.clone())
}

fn lines(base: &str, text: &str, tolerance: Tolerance) -> Vec<u32> {
    place(base, text, tolerance).unwrap().iter().map(|anchor| anchor.line).collect()
}

fn refused(base: &str, text: &str, tolerance: Tolerance) -> Vec<PatchCode> {
    place(base, text, tolerance).unwrap_err().into_iter().map(|finding| finding.code).collect()
}

#[test]
fn less_context_is_left_out_before_more() {
    let hunk = "@@ -1,5 +1,5 @@\n first\n second\n third\n-remove\n+added\n tail\n";
    let near = "other\nsecond\nthird\nremove\nother\n";
    let far = "x\nx\nx\nremove\ntail\n";
    for base in [format!("{near}{far}"), format!("{far}{near}")] {
        let found = place(&base, hunk, Tolerance::Lenient).unwrap();
        assert_eq!((found[0].trimmed, base.lines().nth(found[0].line as usize - 1)), (2, Some("second")));
    }
}

#[test]
fn three_lines_of_context_may_differ_and_something_must_be_left() {
    let base = "alpha\nbeta\ngamma\nremove\ndelta\nepsilon\nzeta\n";
    let hunk = |front: [&str; 3], back: [&str; 3]| {
        let context = |lines: [&str; 3]| lines.map(|line| format!(" {line}\n")).concat();
        format!("@@ -1,7 +1,7 @@\n{}-remove\n+added\n{}", context(front), context(back))
    };
    let (front, back) = (["alpha", "beta", "gamma"], ["delta", "epsilon", "zeta"]);
    for (front, back, fits) in [
        (front, back, true),
        (["x", "x", "x"], back, true),
        (front, ["x", "x", "x"], true),
        (["x", "x", "gamma"], ["delta", "epsilon", "x"], true),
        (["x", "x", "gamma"], ["delta", "x", "x"], false),
        (["x", "x", "x"], ["delta", "epsilon", "x"], false),
    ] {
        assert_eq!(place(base, &hunk(front, back), Tolerance::Lenient).is_ok(), fits, "{front:?} {back:?}");
    }
    let short = "ab\nremove it\n";
    assert!(
        place(short, "@@ -1,2 +1,1 @@\n xx\n-remove it\n", Tolerance::Lenient).is_err(),
        "no context is left"
    );
    let weak = "x\n{\n}\n";
    let of_signs = |line: &str| format!("@@ -1,3 +1,2 @@\n {line}\n {{\n-}}\n");
    assert!(place(weak, &of_signs("yyy"), Tolerance::Lenient).is_err(), "no word is left");
    assert!(
        place(&weak.replace('{', "abc"), &of_signs("yyy").replace('{', "abc"), Tolerance::Lenient).is_ok()
    );
    assert!(
        place(&weak.replace('{', "ab"), &of_signs("yyy").replace('{', "ab"), Tolerance::Lenient).is_err()
    );
}

#[test]
fn hunks_that_change_the_same_lines_are_in_each_others_way() {
    let base = NUMBERS;
    let three = "@@ -3,1 +3,1 @@\n-3\n+three\n";
    let again = "@@ -3,1 +3,1 @@\n-3\n+drei\n";
    for tolerance in [Tolerance::Strict, Tolerance::Lenient] {
        assert_eq!(refused(base, &format!("{three}{again}"), tolerance), [PatchCode::OverlappingHunks]);
        let next = "@@ -4,1 +4,1 @@\n-4\n+four\n";
        assert_eq!(lines(base, &format!("{three}{next}"), tolerance), [3, 4], "side by side");
        let both = "@@ -3,2 +3,2 @@\n-3\n-4\n+three\n+four\n";
        assert_eq!(refused(base, &format!("{both}{next}"), tolerance), [PatchCode::OverlappingHunks]);
    }
    let shares = "@@ -2,3 +2,3 @@\n 2\n-3\n+three\n 4\n@@ -4,2 +4,2 @@\n 4\n-5\n+five\n";
    assert_eq!(refused(base, shares, Tolerance::Strict), [PatchCode::OverlappingHunks]);
    assert_eq!(lines(base, shares, Tolerance::Lenient), [2, 4]);
    let inserts = "@@ -3,2 +3,3 @@\n 3\n+a\n 4\n@@ -3,2 +4,3 @@\n 3\n+b\n 4\n";
    assert_eq!(
        refused(base, inserts, Tolerance::Lenient),
        [PatchCode::OverlappingHunks],
        "which comes first?"
    );
}

#[test]
fn the_hunks_around_leave_one_place() {
    let base = "a\nb\n1\na\nb\n2\na\nb\n3\n";
    let at = |mark: &str| format!("@@\n-{mark}\n+{mark}{mark}\n");
    let twice = "@@\n-b\n+B\n";
    assert_eq!(lines(base, &format!("{}{twice}{}", at("1"), at("2")), Tolerance::Lenient), [3, 5, 6]);
    assert_eq!(lines(base, &format!("{}{twice}", at("2")), Tolerance::Lenient), [6, 8]);
    assert_eq!(lines(base, &format!("{twice}{}", at("1")), Tolerance::Lenient), [2, 3]);
    assert_eq!(refused(base, &format!("{twice}{}", at("2")), Tolerance::Lenient), [PatchCode::Ambiguous]);
    assert_eq!(refused(base, &format!("{}{twice}", at("1")), Tolerance::Lenient), [PatchCode::Ambiguous]);
}

#[test]
fn places_that_are_too_many_are_told_by_their_first_lines() {
    let detail = |count: usize| {
        let findings = place(&"a\n".repeat(count), "@@\n-a\n+b\n", Tolerance::Lenient);
        findings.unwrap_err()[0].detail.clone()
    };
    assert_eq!(detail(5), "its text stands in 5 places: lines 1, 2, 3, 4, 5");
    assert_eq!(detail(6), "its text stands in 6 places: lines 1, 2, 3, 4, 5, ...");
}

#[test]
fn the_nearest_place_is_told_with_the_first_line_that_differs() {
    let mismatch = |base: &str, text: &str| {
        let found = place(base, text, Tolerance::Strict).unwrap_err()[0].mismatch.clone().unwrap();
        (found.nearest, found.base_line, found.expected, found.found)
    };
    let hunk = "@@ -1,3 +1,3 @@\n one\n two\n-three\n+3\n";
    assert_eq!(mismatch("x\none\ntwo\nfour\n", hunk), (2, 4, "three".into(), Some("four".into())));
    assert_eq!(mismatch("one\ntwo\n", hunk), (1, 3, "three".into(), None));
    assert_eq!(mismatch("x\none\ny\none\ntwo\nz\n", hunk), (4, 6, "three".into(), Some("z".into())));
    let twice = "one\ntwo\nx\none\ntwo\ny\n";
    assert_eq!(mismatch(twice, hunk).0, 1, "the one that is nearer to the header's number");
    assert_eq!(mismatch(twice, &hunk.replace("-1,3", "-4,3")).0, 4);
}

#[test]
fn a_trimmed_hunk_changes_the_lines_that_it_names() {
    let base = "alpha\nbeta\ngamma\ndelta\nepsilon\nzeta\n";
    let trimmed = "@@ -1,4 +1,4 @@\n other\n beta\n-gamma\n+G\n delta\n";
    let same = "@@ -3,1 +3,1 @@\n-gamma\n+g\n";
    let next = "@@ -5,1 +5,1 @@\n-epsilon\n+e\n";
    assert_eq!(refused(base, &format!("{trimmed}{same}"), Tolerance::Lenient), [PatchCode::OverlappingHunks]);
    assert_eq!(lines(base, &format!("{trimmed}{next}"), Tolerance::Lenient), [2, 5]);
    assert_eq!(refused(base, &format!("{next}{trimmed}"), Tolerance::Lenient), [PatchCode::HunkOrder]);
}

#[test]
fn a_heading_tells_three_places_apart() {
    let block = |name: &str| format!("def {name}():\n    return 1\n");
    let base = ["f", "g", "h"].map(block).concat();
    let hunk = "@@ -90,1 +90,1 @@ def g():\n-    return 1\n+    return 2\n";
    assert_eq!(lines(&base, hunk, Tolerance::Lenient), [4]);
}

#[test]
fn lines_that_are_added_loosely_end_as_the_files_do() {
    let after = |base: &str, text: &str| {
        let text = format!("--- a/f\n+++ b/f\n{text}");
        run(&Tree::of(&[("f", base)]), &text, Tolerance::Lenient).unwrap().0.text("f").to_owned()
    };
    let loose = "@@ -1,2 +1,3 @@\n a b\n+x\r\n c\n";
    assert_eq!(after("a  b\nc\n", loose), "a  b\nx\nc\n");
    assert_eq!(after("a  b\r\nc\r\n", &loose.replace('\r', "")), "a  b\r\nx\r\nc\r\n");
    assert_eq!(after("a  b\r\nc\n", loose), "a  b\r\nx\r\nc\n", "a file of both keeps what is written");
    let exact = "@@ -1,1 +1,1 @@\n-a\r\n+A\n@@ -2,1 +2,1 @@\n-b\n+B\n";
    assert_eq!(after("a\r\nb\r\n", exact), "A\nB\r\n", "a hunk that fits byte for byte means its line ends");
    let open = "\\ No newline at end of file\n";
    let last = format!("@@ -1,2 +1,2 @@\n a b\n-c\n{open}+d\n{open}");
    assert_eq!(after("a  b\nc", &last), "a  b\nd");
}
