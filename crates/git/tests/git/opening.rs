//! Finding repositories in every shape they come in, HEAD, and revisions by name.

use std::fs;

use git::{GitError, Repository};
use tempfile::TempDir;

use crate::support::{TestRepo, git_in, runner, somebody};

#[test]
fn a_repository_opens_from_its_top_and_from_a_folder_inside() {
    let repo = TestRepo::usual();
    let top = repo.open();
    let inside = Repository::open(&repo.path().join("src/deep")).unwrap();
    assert_eq!(top.work_dir(), Some(repo.path().canonicalize().unwrap().as_path()));
    assert_eq!(inside.work_dir(), top.work_dir());
    assert_eq!(inside.identity(), top.identity());
    let head = top.head().unwrap();
    assert_eq!(head.branch.as_deref(), Some("main"));
    assert_eq!(head.commit.as_str(), repo.git(["rev-parse", "HEAD"]));
    assert_eq!(head.tree, repo.head_tree());
}

#[test]
fn a_folder_without_a_repository_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let error = Repository::open(folder.path()).unwrap_err();
    assert!(matches!(error, GitError::NotARepository { .. }), "{error:?}");
    let missing = Repository::open(&folder.path().join("missing")).unwrap_err();
    assert!(matches!(missing, GitError::Io { .. }), "{missing:?}");
}

#[test]
fn a_folder_inside_the_git_directory_is_refused() {
    let repo = TestRepo::usual();
    for inside in [".git", ".git/refs", ".git/objects/info"] {
        let error = Repository::open(&repo.path().join(inside)).unwrap_err();
        assert!(matches!(error, GitError::InsideGitDir { .. }), "{inside}: {error:?}");
    }
}

#[test]
fn a_repository_without_a_commit_opens_and_says_so_at_head() {
    let repo = TestRepo::empty();
    let error = repo.open().head().unwrap_err();
    assert!(matches!(&error, GitError::NoCommit { branch } if branch == "refs/heads/main"), "{error:?}");
}

#[test]
fn a_detached_head_has_a_commit_and_no_branch() {
    let repo = TestRepo::usual();
    repo.git(["checkout", "-q", "--detach"]);
    let head = repo.open().head().unwrap();
    assert_eq!(head.branch, None);
    assert_eq!(head.tree, repo.head_tree());
}

#[test]
fn a_linked_worktree_shares_the_identity_and_has_its_own_head() {
    let repo = TestRepo::usual();
    let linked = TempDir::new().unwrap();
    let place = linked.path().join("wt");
    repo.git(["worktree", "add", "-q", "-b", "other", place.to_str().unwrap()]);
    let opened = Repository::open(&place).unwrap();
    assert_eq!(opened.identity(), repo.open().identity());
    assert_ne!(opened.git_dir(), opened.common_dir());
    assert_eq!(opened.work_dir(), Some(place.canonicalize().unwrap().as_path()));
    assert_eq!(opened.head().unwrap().branch.as_deref(), Some("other"));
}

#[test]
fn a_bare_repository_opens_without_a_work_tree() {
    let repo = TestRepo::usual();
    let folder = TempDir::new().unwrap();
    let bare = folder.path().join("x.git");
    repo.clone_to(&bare, "--bare");
    let opened = Repository::open(&bare).unwrap();
    assert_eq!(opened.work_dir(), None);
    assert_eq!(opened.head().unwrap().tree, repo.head_tree());
    let error = Repository::open(&bare.join("refs")).unwrap_err();
    assert!(matches!(error, GitError::InsideGitDir { .. }), "{error:?}");
}

#[test]
fn a_bare_git_directory_with_worktrees_beside_it_has_files_only_in_those() {
    let repo = TestRepo::usual();
    let place = repo.path().join("wt");
    repo.git(["worktree", "add", "-q", "--detach", place.to_str().unwrap()]);
    repo.git(["config", "core.bare", "true"]);
    assert_eq!(repo.open().work_dir(), None);
    let linked = Repository::open(&place).unwrap();
    assert_eq!(linked.work_dir(), Some(place.canonicalize().unwrap().as_path()));
}

#[test]
fn the_private_folder_of_a_linked_worktree_is_inside_the_git_directory() {
    let repo = TestRepo::usual();
    repo.git(["worktree", "add", "-q", "--detach", repo.path().join("wt").to_str().unwrap()]);
    let error = Repository::open(&repo.dot_git().join("worktrees/wt")).unwrap_err();
    assert!(matches!(error, GitError::InsideGitDir { .. }), "{error:?}");
}

#[test]
fn a_git_file_that_leads_nowhere_is_an_error() {
    for text in ["gitdir: missing\n", "nonsense", ""] {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join(".git"), text).unwrap();
        let error = Repository::open(folder.path()).unwrap_err();
        assert!(
            matches!(error, GitError::NotARepository { .. } | GitError::Open { .. }),
            "{text:?}: {error:?}"
        );
    }
}

#[test]
fn a_shallow_clone_and_a_sparse_checkout_read_whole_trees() {
    let repo = TestRepo::usual();
    repo.commit_all("second");
    let folder = TempDir::new().unwrap();
    let clone = folder.path().join("clone");
    repo.clone_to(&clone, "--depth=1");
    assert!(clone.join(".git/shallow").exists());
    git_in(&repo.runner, &clone.join(".git"), Some(&clone), ["sparse-checkout", "set", "nothing"]);
    assert!(!clone.join("src/main.py").exists(), "sparse checkout left the file out");
    let opened = Repository::open(&clone).unwrap();
    let head = opened.head().unwrap();
    assert!(opened.read(&head.tree, "src/main.py", 100).unwrap().is_some());
}

#[test]
fn formats_that_would_be_misread_are_refused_by_name() {
    let runner = runner();
    for format in ["--object-format=sha256", "--ref-format=reftable"] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().to_str().unwrap();
        runner.call(git::run::Place::Nowhere, ["init", "-q", format, path]).run().unwrap();
        let error = Repository::open(folder.path()).unwrap_err();
        let word = format.split('=').nth(1).unwrap();
        assert!(
            matches!(&error, GitError::Unsupported { feature, .. } if feature.contains(word)),
            "{error:?}"
        );
    }
    let repo = TestRepo::usual();
    repo.configure("[core]\n\trepositoryformatversion = 7\n");
    assert!(matches!(Repository::open(repo.path()).unwrap_err(), GitError::Unsupported { .. }));
    let repo = TestRepo::usual();
    repo.configure("[extensions]\n\tfutureThing = true\n");
    assert!(matches!(Repository::open(repo.path()).unwrap_err(), GitError::Unsupported { .. }));
}

#[test]
fn a_malformed_configuration_is_an_error_and_not_a_panic() {
    let repo = TestRepo::usual();
    repo.configure("[core\n\"\n");
    let error = Repository::open(repo.path()).unwrap_err();
    assert!(matches!(error, GitError::Open { .. }), "{error:?}");
}

#[test]
fn revisions_resolve_by_branch_tag_full_name_and_id() {
    let repo = TestRepo::usual();
    let first = repo.git(["rev-parse", "HEAD"]);
    repo.git(["tag", "-m", "annotated", "v1"]);
    repo.git(["tag", "light"]);
    repo.commit_all("second");
    let opened = repo.open();
    for name in ["v1", "light", "refs/tags/v1", first.as_str(), &first[..12]] {
        let base = opened.resolve(name).unwrap();
        assert_eq!((base.commit.as_str(), base.branch), (first.as_str(), None), "{name}");
    }
    assert_eq!(opened.resolve("main").unwrap().branch.as_deref(), Some("main"));
    assert_eq!(opened.resolve("refs/heads/main").unwrap(), opened.head().unwrap());
    assert_eq!(opened.resolve("HEAD").unwrap(), opened.head().unwrap());
}

#[test]
fn names_that_mean_nothing_or_more_than_one_thing_are_refused() {
    let repo = TestRepo::usual();
    repo.git(["branch", "twice"]);
    repo.git(["tag", "twice"]);
    let opened = repo.open();
    for unknown in ["nothing", "main~1", "a b", "", "refs/heads/nothing", "..", "0000"] {
        let error = opened.resolve(unknown).unwrap_err();
        assert!(matches!(error, GitError::UnknownRevision { .. }), "{unknown}: {error:?}");
    }
    let error = opened.resolve("twice").unwrap_err();
    assert!(matches!(&error, GitError::AmbiguousRevision { candidates, .. } if candidates.len() == 2));
    let short = opened.head().unwrap().commit.as_str()[..7].to_owned();
    repo.git(["branch", &short]);
    assert!(matches!(opened.resolve(&short).unwrap_err(), GitError::AmbiguousRevision { .. }));
}

#[test]
fn a_tag_on_a_file_is_no_commit() {
    let repo = TestRepo::usual();
    repo.git(["tag", "blob", "HEAD:README.md"]);
    let error = repo.open().resolve("blob").unwrap_err();
    assert!(matches!(error, GitError::WrongKind { expected: "commit", .. }), "{error:?}");
}

#[test]
fn packed_refs_and_borrowed_objects_are_read() {
    let repo = TestRepo::usual();
    repo.git(["tag", "v1"]);
    repo.git(["pack-refs", "--all"]);
    repo.git(["gc", "-q"]);
    let folder = TempDir::new().unwrap();
    let clone = folder.path().join("clone");
    repo.clone_to(&clone, "--shared");
    for path in [repo.path(), clone.as_path()] {
        let opened = Repository::open(path).unwrap();
        assert_eq!(opened.resolve("v1").unwrap().tree, repo.head_tree());
    }
}

#[test]
fn replaced_and_grafted_commits_read_as_they_were_written() {
    let repo = TestRepo::with(&[("a", "one\n")]);
    let first = repo.git(["rev-parse", "HEAD"]);
    let tree = repo.head_tree();
    repo.put("a", "two\n");
    let second = repo.commit_all("second");
    repo.git(["replace", &first, second.as_str()]);
    fs::create_dir_all(repo.dot_git().join("info")).unwrap();
    fs::write(repo.dot_git().join("info/grafts"), format!("{second}\n")).unwrap();
    let opened = repo.open();
    assert_eq!(opened.tree_of(&first.parse().unwrap()).unwrap(), tree);
    let next = opened.commit(&tree, std::slice::from_ref(&second), "m", &somebody()).unwrap();
    assert_eq!(repo.git(["rev-parse", &format!("{next}^")]), second.to_string());
}

#[test]
fn the_environment_cannot_send_us_to_another_repository() {
    const MARK: &str = "CODEX_TASK_GIT_CHILD_OF_TEST";
    let repo = TestRepo::usual();
    #[expect(clippy::disallowed_methods, reason = "the child of this test gets its repository this way")]
    if let Some(path) = std::env::var_os(MARK) {
        let opened = Repository::open(path.as_ref()).unwrap();
        assert_eq!(opened.work_dir(), Some(path.as_ref()));
        assert_eq!(opened.head().unwrap().branch.as_deref(), Some("main"));
        let tree = opened.head().unwrap().tree;
        assert!(opened.read(&tree, "README.md", 100).unwrap().is_some());
        return;
    }
    let decoy = TestRepo::with(&[("decoy", "x\n")]);
    decoy.git(["branch", "-m", "decoy"]);
    let here = repo.path().canonicalize().unwrap();
    #[expect(clippy::disallowed_methods, reason = "only another process can have another environment")]
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "opening::the_environment_cannot_send_us_to_another_repository"])
        .env(MARK, &here)
        .env("GIT_DIR", decoy.dot_git())
        .env("GIT_COMMON_DIR", decoy.dot_git())
        .env("GIT_WORK_TREE", decoy.path())
        .env("GIT_OBJECT_DIRECTORY", decoy.dot_git().join("objects"))
        .env("GIT_INDEX_FILE", decoy.dot_git().join("index"))
        .env("GIT_NAMESPACE", "decoy")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "core.worktree")
        .env("GIT_CONFIG_VALUE_0", decoy.path())
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
}
