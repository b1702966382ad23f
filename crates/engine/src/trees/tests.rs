//! Trees are laid out as the change says, notice what runs did to tracked files, and leave nothing.

use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

use domain::verification::CheckKind;
use git::Mode;
use sandbox::Level;
use testkit::TestRepo;

use super::base::BASES_KEPT;

use super::*;

fn write(path: &str, text: &str) -> Change {
    Change::Write { path: path.to_owned(), bytes: text.as_bytes().to_vec(), mode: Mode::File }
}

fn delete(path: &str) -> Change {
    Change::Delete { path: path.to_owned() }
}

struct Place {
    repo: TestRepo,
    repository: Repository,
    folders: Folders,
}

impl Place {
    fn new() -> Self {
        let repo = TestRepo::with(&[
            ("a.txt", "a\n"),
            ("dir/b.txt", "b\n"),
            ("dir/c.txt", "c\n"),
            ("run.sh", "x\n"),
        ]);
        let repository = Repository::open(repo.path()).unwrap();
        let (state, cache) = (repo.side_folder("state"), repo.side_folder("cache"));
        Self { repo, repository, folders: Folders { state, cache } }
    }

    /// Opens a tree with these changes in the overlay's form and looks at it; nothing is mounted.
    fn with<T>(&self, changes: &[Change], form: TreeForm, look: impl FnOnce(&Tree, &Content<'_>) -> T) -> T {
        let (head, base) = (self.repo.head(), self.repo.head_tree());
        let tree_id = self.repository.edit(&base, changes).unwrap();
        let content =
            Content { repository: &self.repository, base: &base, head: &head, tree: &tree_id, changes };
        let level = if form == TreeForm::Overlay { Level::Strict } else { Level::Weak };
        let tree = Trees::new(&self.folders).open("t-1", &content, form, level, Over::default()).unwrap();
        look(&tree, &content)
    }
}

#[test]
fn the_upper_layer_holds_the_change_and_nothing_else() {
    let place = Place::new();
    let changes = [write("dir/b.txt", "B\n"), write("new/n.txt", "n\n"), delete("a.txt")];
    place.with(&changes, TreeForm::Overlay, |tree, content| {
        let root = tree.root();
        assert_eq!(fs::read_to_string(root.join("dir/b.txt")).unwrap(), "B\n");
        assert_eq!(fs::read_to_string(root.join("new/n.txt")).unwrap(), "n\n");
        assert!(fs::symlink_metadata(root.join("a.txt")).unwrap().file_type().is_char_device(), "a whiteout");
        assert!(!root.join("dir/c.txt").exists());
        assert_eq!(tree.changed(content).unwrap(), Vec::<String>::new());
    });
}

#[test]
fn a_file_that_becomes_a_folder_needs_no_whiteout() {
    let place = Place::new();
    let changes = [
        delete("a.txt"),
        write("a.txt/inner", "i\n"),
        delete("dir/b.txt"),
        delete("dir/c.txt"),
        write("dir", "file\n"),
    ];
    place.with(&changes, TreeForm::Overlay, |tree, content| {
        assert!(tree.root().join("a.txt/inner").is_file());
        assert!(tree.root().join("dir").is_file());
        assert_eq!(tree.changed(content).unwrap(), Vec::<String>::new());
    });
}

#[test]
fn a_run_that_touches_tracked_files_is_noticed_in_both_forms() {
    let place = Place::new();
    for form in [TreeForm::Overlay, TreeForm::Checkout] {
        let changes = [write("dir/b.txt", "B\n")];
        let changed = place.with(&changes, form, |tree, content| {
            let root = tree.root();
            fs::write(root.join("dir/b.txt"), "tampered\n").unwrap();
            fs::create_dir_all(root.join("build")).unwrap();
            fs::write(root.join("build/out"), "untracked is fine").unwrap();
            tree.changed(content).unwrap()
        });
        assert_eq!(changed, ["dir/b.txt"], "{form:?}");
    }
}

#[test]
fn a_changed_mode_a_link_and_a_missing_file_are_changes_too() {
    let place = Place::new();
    let changed = place.with(&[write("dir/b.txt", "B\n")], TreeForm::Checkout, |tree, content| {
        let root = tree.root();
        fs::set_permissions(root.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::remove_file(root.join("a.txt")).unwrap();
        fs::remove_file(root.join("dir/c.txt")).unwrap();
        symlink("b.txt", root.join("dir/c.txt")).unwrap();
        tree.changed(content).unwrap()
    });
    assert_eq!(changed, ["a.txt", "dir/c.txt", "run.sh"]);
}

#[test]
fn a_tracked_folder_that_became_a_file_in_the_upper_layer_is_a_change() {
    let place = Place::new();
    let changed = place.with(&[write("a.txt", "A\n")], TreeForm::Overlay, |tree, content| {
        fs::write(tree.root().join("dir"), "file").unwrap();
        tree.changed(content).unwrap()
    });
    assert_eq!(changed, ["dir/"]);
}

/// What differs, as text: path, and the new content or "gone".
fn difference(tree: &Tree, content: &Content<'_>) -> Vec<(String, String)> {
    let shown = |file: domain::patch::FileResult| {
        let after =
            file.after.map(|after| format!("{:?} {}", after.mode, String::from_utf8_lossy(&after.bytes)));
        (file.path.to_string(), after.unwrap_or_else(|| "gone".to_owned()))
    };
    tree.difference(content).unwrap().into_iter().map(shown).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn the_difference_is_what_the_disk_says_and_not_what_a_repository_ignores() {
    let place = Place::new();
    place.repo.write(".gitignore", "*.log\n/out/\n");
    place.repo.commit("ignores");
    for form in [TreeForm::Overlay, TreeForm::Checkout] {
        let found = place.with(&[], form, |tree, content| {
            let root = tree.root();
            put(&root, "dir/b.txt", "B\n");
            put(&root, "dir/c.txt", "c\n");
            put(&root, "new/deep/n.txt", "n\n");
            put(&root, "run.sh", "x\n");
            fs::set_permissions(root.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
            symlink("../outside", root.join("link")).unwrap();
            put(&root, "agent.log", "talk");
            put(&root, "out/built", "x");
            put(&root, "node_modules/p/index.js", "x");
            put(&root, "new/.gitignore", "!keep.log\nsecret\n");
            put(&root, "new/keep.log", "k");
            put(&root, "new/secret", "s");
            put(&root, ".git/hooks/post-commit", "evil");
            difference(tree, content)
        });
        let expected = pairs(&[
            ("dir/b.txt", "Regular B\n"),
            ("link", "Symlink ../outside"),
            ("new/.gitignore", "Regular !keep.log\nsecret\n"),
            ("new/deep/n.txt", "Regular n\n"),
            ("new/keep.log", "Regular k"),
            ("run.sh", "Executable x\n"),
        ]);
        assert_eq!(found, expected, "{form:?}");
    }
}

#[test]
fn what_is_gone_is_gone_in_both_forms() {
    let place = Place::new();
    let expected =
        pairs(&[("a.txt", "gone"), ("dir", "Regular file"), ("dir/b.txt", "gone"), ("dir/c.txt", "gone")]);
    let of_checkout = place.with(&[], TreeForm::Checkout, |tree, content| {
        fs::remove_file(tree.root().join("a.txt")).unwrap();
        fs::remove_dir_all(tree.root().join("dir")).unwrap();
        put(&tree.root(), "dir", "file");
        difference(tree, content)
    });
    assert_eq!(of_checkout, expected);
    // The whiteout and the file in the folder's place are what the kernel leaves in the upper layer.
    let of_overlay = place.with(&[delete("a.txt")], TreeForm::Overlay, |tree, content| {
        put(&tree.root(), "dir", "file");
        let base = Content { changes: &[], tree: content.base, ..*content };
        difference(tree, &base)
    });
    assert_eq!(of_overlay, expected);
}

#[test]
fn a_tree_that_no_patch_can_say_is_refused_with_the_place() {
    let place = Place::new();
    let why = place.with(&[], TreeForm::Checkout, |tree, content| {
        put(&tree.root(), "sub/.git/config", "x");
        tree.difference(content).unwrap_err()
    });
    assert!(why.contains("sub/.git/config"), "{why}");
    let why = place.with(&[], TreeForm::Checkout, |tree, content| {
        fs::File::create(tree.root().join("large")).unwrap().set_len(17 << 20).unwrap();
        tree.difference(content).unwrap_err()
    });
    assert!(why.contains("too large") && why.contains("large"), "{why}");
}

#[test]
fn a_dropped_tree_is_gone_and_its_base_stays() {
    let place = Place::new();
    let base = place.with(&[write("a.txt", "A\n")], TreeForm::Overlay, |tree, _| tree.base_root());
    assert!(base.join("dir/b.txt").is_file());
    let trees = Trees::new(&place.folders);
    assert_eq!(trees.names(), Vec::<String>::new());
    assert_eq!(fs::read_dir(place.folders.cache.join("trees")).unwrap().count(), 0);
}

#[test]
fn a_folder_without_our_mark_is_never_removed() {
    let place = Place::new();
    let users = place.folders.cache.join("trees/t-1");
    fs::create_dir_all(&users).unwrap();
    fs::write(users.join("precious"), "work").unwrap();
    Trees::new(&place.folders).sweep("t-1");
    assert!(users.join("precious").is_file());
}

#[test]
fn a_tree_that_a_dead_process_had_just_begun_is_in_nobodys_way() {
    let place = Place::new();
    let folder = place.folders.cache.join("trees");
    // No process has this number: Linux gives out 2^22 at most.
    fs::create_dir_all(folder.join("making-99999999-t-1")).unwrap();
    // As a process of an earlier release left it: without its mark.
    fs::create_dir_all(folder.join("t-1")).unwrap();
    place.with(&[write("a.txt", "A\n")], TreeForm::Overlay, |tree, _| {
        assert!(tree.root().join("a.txt").is_file())
    });
    assert_eq!(Trees::new(&place.folders).sweep_unfinished(), 1);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn only_the_newest_bases_are_kept_and_never_the_one_in_use() {
    let place = Place::new();
    let trees = Trees::new(&place.folders);
    let mut last = PathBuf::new();
    for n in 0..BASES_KEPT + 3 {
        place.repo.write("a.txt", format!("{n}\n"));
        place.repo.commit("more");
        last = trees.base(&place.repository, &place.repo.head_tree()).unwrap().root();
    }
    let bases = last.parent().and_then(Path::parent).unwrap();
    assert_eq!(fs::read_dir(bases).unwrap().count(), BASES_KEPT);
    assert!(last.join("a.txt").is_file());
}

/// The name under which the tests' layers are found.
fn family() -> Sha256 {
    Sha256::of(b"family")
}

/// One file with its content, below a folder.
fn put(folder: &Path, path: &str, text: &str) {
    let place = folder.join(path);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(place, text).unwrap();
}

impl Place {
    /// Opens a tree on the base, lets `act` play the checks, and keeps what they left.
    fn base_run(&self, name: &str, act: impl FnOnce(&mut Tree, &Content<'_>)) -> Kept {
        let base =
            domain::event::BaseRef { commit: self.repo.head(), tree: self.repo.head_tree(), branch: None };
        let content = Content::base(&self.repository, &base);
        let trees = Trees::new(&self.folders);
        let mut tree = trees
            .open(
                "t-b",
                &content,
                TreeForm::Overlay,
                Level::Strict,
                Over { warm: Some(&family()), prepared: None },
            )
            .unwrap();
        act(&mut tree, &content);
        tree.keep_warm(&content, vec![Sha256::of(name.as_bytes())], 64 << 20).unwrap()
    }

    fn layers(&self) -> Layers {
        Trees::new(&self.folders).layers(&self.repository, &self.repo.head_tree(), &family())
    }
}

#[test]
fn a_run_on_the_base_leaves_its_caches_and_nothing_else() {
    let place = Place::new();
    let kept = place.base_run("build", |tree, content| {
        let root = tree.root();
        put(&root, "target/debug/lib", "built");
        put(&root, "target/tmp/of-a-test", "x");
        put(&root, "dir/generated.rs", "by a build script");
        put(&root, "dir/b.txt", "b\n");
        tree.ran(CheckKind::Build, content).unwrap();
        put(&root, "dropped-by-a-test", "x");
        put(&root, ".pytest_cache/lastfailed", "{}");
        put(&root, "dir/own/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
        tree.ran(CheckKind::Test, content).unwrap();
    });
    assert!(matches!(kept, Kept::Layer(_)), "{kept:?}");
    let layers = place.layers();
    assert!(layers.cover(&Sha256::of(b"build")) && !layers.cover(&Sha256::of(b"other")));
    let layer = &layers.folders()[0];
    for there in ["target/debug/lib", "dir/generated.rs", "dir/own/CACHEDIR.TAG", "target/tmp"] {
        assert!(layer.join(there).exists(), "{there}");
    }
    for absent in ["dir/b.txt", "dropped-by-a-test", ".pytest_cache", "target/tmp/of-a-test", ".git"] {
        assert!(!layer.join(absent).exists(), "{absent}");
    }
}

#[test]
fn a_run_that_changed_tracked_files_leaves_no_layer() {
    let place = Place::new();
    let kept = place.base_run("build", |tree, content| {
        put(&tree.root(), "target/lib", "built");
        put(&tree.root(), "dir/b.txt", "tampered\n");
        tree.ran(CheckKind::Build, content).unwrap();
    });
    assert_eq!(kept, Kept::Nothing("the checks changed tracked files"));
    assert!(place.layers().is_empty());
}

#[test]
fn what_only_tests_wrote_outside_of_caches_leaves_no_layer() {
    let place = Place::new();
    let kept = place.base_run("test", |tree, content| {
        put(&tree.root(), "target/lib", "built");
        put(&tree.root(), "out.txt", "a build step of the tests, or a dropping");
        tree.ran(CheckKind::Test, content).unwrap();
    });
    assert_eq!(kept, Kept::Nothing("the checks wrote files outside of build caches"));
}

#[test]
fn caches_above_the_quota_leave_no_layer_and_no_rest() {
    let place = Place::new();
    let base =
        domain::event::BaseRef { commit: place.repo.head(), tree: place.repo.head_tree(), branch: None };
    let content = Content::base(&place.repository, &base);
    let trees = Trees::new(&place.folders);
    let tree = trees
        .open(
            "t-b",
            &content,
            TreeForm::Overlay,
            Level::Strict,
            Over { warm: Some(&family()), prepared: None },
        )
        .unwrap();
    put(&tree.root(), "target/lib", &"x".repeat(64 << 10));
    assert_eq!(tree.keep_warm(&content, Vec::new(), 1 << 10).unwrap(), Kept::TooLarge);
    let warm = trees.base_folder(&place.repository, &place.repo.head_tree()).join("warm");
    let families = fs::read_dir(warm).unwrap().flatten();
    assert_eq!(families.flat_map(|f| fs::read_dir(f.path()).unwrap()).count(), 0);
}

#[test]
fn layers_lie_one_over_the_other_and_a_change_is_newer_than_all_of_them() {
    let place = Place::new();
    let future = std::time::UNIX_EPOCH + std::time::Duration::from_secs(7_000_000_000);
    place.base_run("first", |tree, _| {
        put(&tree.root(), "target/one", "1");
        let file = fs::File::options().write(true).open(tree.root().join("target/one")).unwrap();
        file.set_modified(future).unwrap();
    });
    place.base_run("second", |tree, _| put(&tree.root(), "target/two", "2"));
    let folders = place.layers().folders();
    assert!(folders[0].join("target/two").is_file() && folders[1].join("target/one").is_file());
    let (head, base) = (place.repo.head(), place.repo.head_tree());
    let changes = [write("dir/b.txt", "B\n")];
    let id = place.repository.edit(&base, &changes).unwrap();
    let content =
        Content { repository: &place.repository, base: &base, head: &head, tree: &id, changes: &changes };
    let trees = Trees::new(&place.folders);
    let tree = trees
        .open(
            "t-1",
            &content,
            TreeForm::Overlay,
            Level::Strict,
            Over { warm: Some(&family()), prepared: None },
        )
        .unwrap();
    assert_eq!(tree.form(), "warm overlay");
    let sandbox::Tree::Overlay { layers, .. } = tree.for_box() else { panic!("an overlay") };
    assert_eq!(layers, folders);
    let written = fs::metadata(tree.root().join("dir/b.txt")).unwrap().modified().unwrap();
    assert!(written > future, "a build tool would take the base's output for the change's");
    let untouched = fs::metadata(tree.base_root().join("a.txt")).unwrap().modified().unwrap();
    assert_eq!(untouched, std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000));
}

#[test]
fn a_base_in_use_is_not_removed_and_one_turn_is_given_at_a_time() {
    let place = Place::new();
    let trees = Trees::new(&place.folders);
    let first = place.repo.head_tree();
    let held = trees.base(&place.repository, &first).unwrap();
    for n in 0..BASES_KEPT + 2 {
        place.repo.write("a.txt", format!("{n}\n"));
        place.repo.commit("more");
        trees.base(&place.repository, &place.repo.head_tree()).unwrap();
    }
    assert!(held.root().join("a.txt").is_file());
    let turn = trees.turn(&place.repository, &first).unwrap();
    assert!(turn.is_some() && trees.turn(&place.repository, &first).unwrap().is_none());
    drop(turn);
    assert!(trees.turn(&place.repository, &first).unwrap().is_some());
}

#[test]
fn a_layer_that_a_dead_process_was_making_is_swept() {
    let place = Place::new();
    place.base_run("build", |tree, _| put(&tree.root(), "target/one", "1"));
    let family = place.layers().folders()[0].ancestors().nth(2).unwrap().to_owned();
    // No process has this number: Linux gives out 2^22 at most.
    put(&family, "making-99999999/layer/x", "x");
    put(&family, "making-1/layer/x", "of a living one");
    assert_eq!(Trees::new(&place.folders).sweep_unfinished(), 1);
    assert!(!family.join("making-99999999").exists() && family.join("making-1").exists());
    assert_eq!(place.layers().folders().len(), 1);
}
