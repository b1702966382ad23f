//! What the lines above the hunks say, and when they contradict each other.

use super::*;

fn tree() -> Tree {
    let mut tree = numbers();
    let link = BaseFile { bytes: b"n.txt".to_vec(), mode: FileMode::Symlink };
    tree.0.insert("link".to_owned(), link);
    tree
}

fn found(text: &str, tolerance: Tolerance) -> Vec<PatchCode> {
    run(&tree(), text, tolerance).err().unwrap_or_default().into_iter().map(|finding| finding.code).collect()
}

#[test]
fn headers_that_contradict_each_other_are_refused() {
    let git = |name: &str, below: &str| format!("diff --git a/{name} b/{name}\n{below}");
    for (text, code) in [
        (git("link", "old mode 100644\nnew mode 100755\n"), PatchCode::ModeMismatch),
        (git("n.txt", "old mode 120000\nnew mode 120000\n"), PatchCode::ModeMismatch),
        (git("n.txt", "old mode 100644\nnew mode 160000\n"), PatchCode::Submodule),
        (git("n.txt", "old mode 100644\nnew mode 100666\n"), PatchCode::BadMode),
        (git("x", "rename from n.txt\ncopy to x\n"), PatchCode::BadHeader),
        (git("x", "rename from n.txt\n"), PatchCode::BadHeader),
        (git("x", "new file mode 100644\n--- a/x\n+++ /dev/null\n@@ -0,0 +1 @@\n+x\n"), PatchCode::BadHeader),
        (git("n.txt", "deleted file mode 100644\n--- /dev/null\n+++ b/n.txt\n"), PatchCode::BadHeader),
        (git("x", "new file mode 100644\ndeleted file mode 100644\n"), PatchCode::BadHeader),
        ("--- /dev/null\n+++ /dev/null\n@@ -0,0 +1 @@\n+x\n".to_owned(), PatchCode::BadHeader),
    ] {
        for tolerance in [Tolerance::Strict, Tolerance::Lenient] {
            assert_eq!(found(&text, tolerance), [code], "{text}");
        }
    }
}

#[test]
fn a_line_number_is_at_most_a_milliard() {
    let text = |start: u64| SIMPLE.replace("-4,3", &format!("-{start},3"));
    assert_eq!(found(&text(1_000_000_000), Tolerance::Strict), []);
    assert_eq!(found(&text(1_000_000_001), Tolerance::Strict), [PatchCode::BadHunkHeader]);
    assert_eq!(found(&text(1_000_000_001), Tolerance::Lenient), []);
}

#[test]
fn hunks_without_counts_end_where_the_next_thing_begins() {
    let first = "--- a/n.txt\n+++ b/n.txt\n@@\n 3\n-4\n+four\n";
    let next = "@@\n 9\n-10\n+ten\n";
    let other = "--- a/twice.txt\n+++ b/twice.txt\n@@\n-x\n+y\n";
    for (behind, hunks, files) in [
        (next, 2, 1),
        ("```\n- a\n", 1, 1),
        ("*** End Patch\n- a\n", 1, 1),
        ("-- \n- a\n", 1, 1),
        (other, 1, 2),
    ] {
        let (_, applied) = run(&tree(), &format!("{first}{behind}"), Tolerance::Lenient).unwrap();
        assert_eq!((applied.files[0].anchors.len(), applied.files.len()), (hunks, files), "{behind}");
    }
}
