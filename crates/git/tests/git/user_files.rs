//! The fingerprint of the user's files: it sees every change of theirs and none of ours.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use git::{Mode, OwnRef, Repository, difference, digest};
use tempfile::TempDir;

use crate::support::{TestRepo, somebody, write};

/// Staged, unstaged, untracked and ignored files, and a stash.
fn dirty() -> TestRepo {
    let repo = TestRepo::usual();
    repo.put("README.md", "stashed\n");
    repo.git(["stash", "-q"]);
    repo.put("src/main.py", "staged\n");
    repo.git(["add", "src/main.py"]);
    repo.put("run.sh", "unstaged\n");
    repo.put("untracked", "x\n");
    repo.put(".gitignore", "ignored\n");
    repo.put("ignored", "x\n");
    repo
}

/// All that this crate writes, once.
fn work(repository: &Repository) {
    let head = repository.head().unwrap();
    let tree = repository.edit(&head.tree, &[write("src/main.py", "ours\n")]).unwrap();
    let commit = repository.commit(&tree, std::slice::from_ref(&head.commit), "m", &somebody()).unwrap();
    for name in [OwnRef::hidden("candidates/x").unwrap(), OwnRef::branch("fix/x").unwrap()] {
        repository.create_ref(&name, &head.commit).unwrap();
        repository.update_ref(&name, &commit, &head.commit).unwrap();
    }
    let gone = OwnRef::branch("gone").unwrap();
    repository.create_ref(&gone, &commit).unwrap();
    repository.delete_ref(&gone, &commit).unwrap();
}

#[test]
fn our_work_leaves_a_dirty_repository_byte_for_byte() {
    let repo = dirty();
    let before = digest(repo.path()).unwrap();
    work(&repo.open());
    assert_eq!(difference(&before, &digest(repo.path()).unwrap()), Vec::<String>::new());
}

#[test]
fn our_work_leaves_packed_refs_with_ours_among_them() {
    let repo = dirty();
    let before_packing = repo.open();
    let head = before_packing.head().unwrap().commit;
    let ours = OwnRef::branch("packed").unwrap();
    before_packing.create_ref(&ours, &head).unwrap();
    repo.git(["tag", "-m", "annotated", "v1"]);
    repo.git(["pack-refs", "--all"]);
    let before = digest(repo.path()).unwrap();
    let repository = repo.open();
    work(&repository);
    repository.delete_ref(&ours, &head).unwrap();
    assert_eq!(difference(&before, &digest(repo.path()).unwrap()), Vec::<String>::new());
}

#[test]
fn our_work_leaves_a_detached_head_and_a_linked_worktree() {
    let repo = dirty();
    let linked = TempDir::new().unwrap();
    let place = linked.path().join("wt");
    repo.git(["worktree", "add", "-q", "--detach", place.to_str().unwrap()]);
    fs::write(place.join("mine"), "x\n").unwrap();
    let before = (digest(repo.path()).unwrap(), digest(&place).unwrap());
    work(&Repository::open(&place).unwrap());
    let after = (digest(repo.path()).unwrap(), digest(&place).unwrap());
    assert_eq!(difference(&before.0, &after.0), Vec::<String>::new());
    assert_eq!(difference(&before.1, &after.1), Vec::<String>::new());
}

#[test]
fn every_change_of_the_users_shows_by_name() {
    let repo = dirty();
    let show = |what: &str, change: &dyn Fn()| {
        let before = digest(repo.path()).unwrap();
        change();
        let lines = difference(&before, &digest(repo.path()).unwrap());
        assert!(lines.iter().any(|line| line.contains(what)), "{what}: {lines:?}");
    };
    show("changed: work tree: ignored", &|| repo.put("ignored", "y\n"));
    show("new: work tree: fresh", &|| repo.put("fresh", "y\n"));
    show("gone: work tree: untracked", &|| fs::remove_file(repo.path().join("untracked")).unwrap());
    show("new: work tree: empty", &|| fs::create_dir(repo.path().join("empty")).unwrap());
    show("changed: work tree: README.md", &|| {
        fs::set_permissions(repo.path().join("README.md"), fs::Permissions::from_mode(0o600)).unwrap();
    });
    show("changed: work tree: link", &|| {
        fs::remove_file(repo.path().join("link")).unwrap();
        std::os::unix::fs::symlink("elsewhere", repo.path().join("link")).unwrap();
    });
    show("git directory: index", &|| drop(repo.git(["add", "fresh"])));
    show("gone: git directory: refs/stash", &|| drop(repo.git(["stash", "drop", "-q"])));
    show("changed: git directory: config", &|| repo.configure("[user]\n\tname = x\n"));
    show("new: git directory: refs/heads/theirs", &|| drop(repo.git(["branch", "theirs"])));
    show("new: git directory: packed-refs", &|| drop(repo.git(["pack-refs", "--all"])));
    show("changed: git directory: HEAD", &|| drop(repo.git(["checkout", "-q", "--detach"])));
}

#[test]
fn an_executable_bit_survives_an_edit_of_the_file() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let base = opened.head().unwrap().tree;
    let change = git::Change::Write { path: "run.sh".into(), bytes: b"x".to_vec(), mode: Mode::Executable };
    let changed = opened.edit(&base, &[change]).unwrap();
    assert!(repo.git(["ls-tree", changed.as_str(), "run.sh"]).starts_with("100755"));
}
