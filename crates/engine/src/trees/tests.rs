//! Trees are laid out as the change says, notice what runs did to tracked files, and leave nothing.

use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

use git::Mode;
use testkit::TestRepo;

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
        let tree = Trees::new(&self.folders).open("t-1", &content, form, level).unwrap();
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

#[test]
fn a_dropped_tree_is_gone_and_its_base_stays() {
    let place = Place::new();
    let base = place.with(&[write("a.txt", "A\n")], TreeForm::Overlay, |tree, _| tree.base.clone());
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
fn only_the_newest_bases_are_kept_and_never_the_one_in_use() {
    let place = Place::new();
    let trees = Trees::new(&place.folders);
    let mut last = PathBuf::new();
    for n in 0..BASES_KEPT + 3 {
        place.repo.write("a.txt", format!("{n}\n"));
        place.repo.commit("more");
        last = trees.base(&place.repository, &place.repo.head_tree()).unwrap();
    }
    let bases = last.parent().and_then(Path::parent).unwrap();
    assert_eq!(fs::read_dir(bases).unwrap().count(), BASES_KEPT);
    assert!(last.join("a.txt").is_file());
}
