//! Creating, moving and deleting refs of ours, and what stands in the way.

use std::fs;

use domain::ids::CommitId;
use git::{GitError, OwnRef, Repository};

use crate::support::{TestRepo, somebody};

fn candidate() -> OwnRef {
    OwnRef::hidden("candidates/0199").unwrap()
}

fn branch() -> OwnRef {
    OwnRef::branch("fix/a-thing").unwrap()
}

/// The HEAD commit and a new one.
fn two(opened: &Repository) -> (CommitId, CommitId) {
    let head = opened.head().unwrap();
    let next = opened.commit(&head.tree, std::slice::from_ref(&head.commit), "next", &somebody()).unwrap();
    (head.commit, next)
}

#[test]
fn only_names_of_ours_can_be_made() {
    for name in
        ["refs/heads/main", "HEAD", "refs/tags/x", "refs/heads/feature", "refs/codex-task", "refs/stash"]
    {
        assert!(matches!(OwnRef::parse(name), Err(GitError::InvalidRef { .. })), "{name}");
    }
    for rest in
        ["", "..", "a/../b", "../main", "a//b", "/a", "a/", ".a", "a.lock", "a b", "a\nb", "ü", "a@{b", "x:y"]
    {
        assert!(OwnRef::branch(rest).is_err(), "{rest:?}");
        assert!(OwnRef::hidden(rest).is_err(), "{rest:?}");
    }
    let name = OwnRef::parse("refs/heads/feature/fix/a-thing").unwrap();
    assert_eq!(name, branch());
    assert_eq!(name.to_string(), "refs/heads/feature/fix/a-thing");
}

#[test]
fn a_ref_lives_from_creation_to_deletion_and_every_step_may_run_twice() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let (first, second) = two(&opened);
    for name in [candidate(), branch()] {
        assert_eq!(opened.read_ref(&name).unwrap(), None);
        opened.create_ref(&name, &first).unwrap();
        opened.create_ref(&name, &first).unwrap();
        assert_eq!(repo.git(["rev-parse", &name.full()]), first.to_string());
        opened.update_ref(&name, &second, &first).unwrap();
        assert_eq!(opened.read_ref(&name).unwrap(), Some(second.clone()));
        opened.delete_ref(&name, &second).unwrap();
        opened.delete_ref(&name, &second).unwrap();
        assert_eq!(opened.read_ref(&name).unwrap(), None);
    }
}

#[test]
fn a_ref_that_somebody_else_moved_is_left_alone() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let (first, second) = two(&opened);
    opened.create_ref(&branch(), &second).unwrap();
    let error = opened.create_ref(&branch(), &first).unwrap_err();
    assert!(matches!(&error, GitError::RefExists { found, .. } if *found == second.to_string()), "{error:?}");
    let error = opened.update_ref(&branch(), &second, &first).unwrap_err();
    assert!(matches!(error, GitError::RefMoved { .. }), "{error:?}");
    let error = opened.delete_ref(&branch(), &first).unwrap_err();
    assert!(matches!(error, GitError::RefMoved { .. }), "{error:?}");
    assert_eq!(opened.read_ref(&branch()).unwrap(), Some(second.clone()));
    let error = opened.update_ref(&candidate(), &second, &first).unwrap_err();
    assert!(matches!(&error, GitError::RefMoved { found, .. } if found == "nothing"), "{error:?}");
}

#[test]
fn of_many_who_move_a_ref_at_once_exactly_one_wins() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let head = opened.head().unwrap();
    opened.create_ref(&branch(), &head.commit).unwrap();
    let wins: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|number| {
                let (opened, head) = (&opened, &head);
                scope.spawn(move || {
                    let commit = opened.commit(&head.tree, &[], &format!("{number}"), &somebody()).unwrap();
                    usize::from(opened.update_ref(&branch(), &commit, &head.commit).is_ok())
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(wins, 1);
}

#[test]
fn listing_gives_our_refs_packed_or_loose_and_no_others() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let (first, second) = two(&opened);
    opened.create_ref(&candidate(), &first).unwrap();
    repo.git(["pack-refs", "--all"]);
    opened.create_ref(&branch(), &second).unwrap();
    repo.git(["update-ref", "refs/heads/features/x", first.as_str()]);
    assert_eq!(opened.list_refs("refs/codex-task/").unwrap(), [(candidate(), first.clone())]);
    assert_eq!(opened.list_refs("refs/heads/feature/").unwrap(), [(branch(), second)]);
    assert_eq!(opened.list_refs("refs/").unwrap().len(), 2);
    opened.delete_ref(&candidate(), &first).unwrap();
    assert_eq!(opened.list_refs("refs/codex-task/").unwrap(), []);
    assert!(repo.git(["show-ref"]).contains("refs/heads/main"));
}

#[test]
fn a_branch_that_differs_only_in_case_is_refused() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let head = opened.head().unwrap().commit;
    for existing in ["feature/Fix/A-thing", "Feature/other"] {
        repo.git(["branch", existing]);
        let error = opened.create_ref(&branch(), &head).unwrap_err();
        assert!(matches!(error, GitError::RefVariant { .. }), "{existing}: {error:?}");
        repo.git(["branch", "-D", existing]);
    }
    for fine in ["feature/fix/another", "Features/other", "FEATURE-x"] {
        repo.git(["branch", fine]);
    }
    opened.create_ref(&branch(), &head).unwrap();
}

#[test]
fn a_branch_called_feature_is_named_as_the_obstacle() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let head = opened.head().unwrap().commit;
    repo.git(["branch", "feature"]);
    let error = opened.create_ref(&branch(), &head).unwrap_err();
    assert!(
        matches!(&error, GitError::RefBlocked { existing, .. } if existing == "refs/heads/feature"),
        "{error:?}"
    );
    repo.git(["branch", "-D", "feature"]);
    opened.create_ref(&OwnRef::branch("fix/a-thing/below").unwrap(), &head).unwrap();
    let error = opened.create_ref(&branch(), &head).unwrap_err();
    assert!(matches!(error, GitError::RefBlocked { .. }), "{error:?}");
}

#[test]
fn a_symbolic_ref_in_our_place_is_not_followed() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let (first, second) = two(&opened);
    repo.git(["symbolic-ref", &branch().full(), "refs/heads/main"]);
    assert!(opened.create_ref(&branch(), &second).is_err());
    assert!(opened.update_ref(&branch(), &second, &first).is_err());
    assert!(opened.delete_ref(&branch(), &first).is_err());
    assert!(opened.read_ref(&branch()).is_err());
    assert_eq!(repo.git(["rev-parse", "refs/heads/main"]), first.to_string());
}

#[test]
fn a_lock_left_behind_is_named() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let head = opened.head().unwrap().commit;
    fs::write(repo.dot_git().join("index.lock"), "").unwrap();
    opened.create_ref(&candidate(), &head).unwrap();
    let lock = repo.dot_git().join(format!("{}.lock", branch().full()));
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    fs::write(&lock, "").unwrap();
    let error = opened.create_ref(&branch(), &head).unwrap_err();
    assert!(matches!(error, GitError::RefLocked { .. }), "{error:?}");
    fs::remove_file(lock).unwrap();
    opened.create_ref(&branch(), &head).unwrap();
    repo.git(["pack-refs", "--all"]);
    fs::write(repo.dot_git().join("packed-refs.lock"), "").unwrap();
    let error = opened.delete_ref(&branch(), &head).unwrap_err();
    assert!(matches!(error, GitError::RefLocked { .. }), "{error:?}");
    assert_eq!(opened.read_ref(&branch()).unwrap(), Some(head), "nothing was lost");
}

#[test]
fn a_ref_points_to_a_commit_that_exists() {
    let repo = TestRepo::usual();
    let opened = repo.open();
    let missing: CommitId = "1".repeat(40).parse().unwrap();
    assert!(matches!(opened.create_ref(&branch(), &missing).unwrap_err(), GitError::MissingObject { .. }));
    let tree: CommitId = repo.head_tree().as_str().parse().unwrap();
    assert!(matches!(opened.create_ref(&branch(), &tree).unwrap_err(), GitError::WrongKind { .. }));
}

#[test]
fn no_reflog_is_written_even_where_the_user_keeps_them() {
    let repo = TestRepo::usual();
    repo.configure("[core]\n\tlogAllRefUpdates = always\n");
    let opened = repo.open();
    let (first, second) = two(&opened);
    opened.create_ref(&branch(), &first).unwrap();
    opened.create_ref(&candidate(), &first).unwrap();
    opened.update_ref(&branch(), &second, &first).unwrap();
    for name in [branch(), candidate()] {
        assert!(!repo.dot_git().join("logs").join(name.full()).exists(), "{name}");
    }
}

#[test]
fn a_linked_worktree_writes_refs_that_all_see() {
    let repo = TestRepo::usual();
    let linked = tempfile::TempDir::new().unwrap();
    let place = linked.path().join("wt");
    repo.git(["worktree", "add", "-q", "--detach", place.to_str().unwrap()]);
    let opened = Repository::open(&place).unwrap();
    let head = opened.head().unwrap().commit;
    opened.create_ref(&branch(), &head).unwrap();
    assert_eq!(repo.open().read_ref(&branch()).unwrap(), Some(head));
}
