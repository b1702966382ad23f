//! A repository whose configuration, attributes and hooks try to run programs: nothing of it fires, neither in memory nor
//! through the runner.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use git::run::Place;
use git::{GitError, IndexFill, OwnRef, Repository, Throwaway};
use tempfile::TempDir;

use crate::support::{TestRepo, somebody, write};

/// Everything that a repository can name to have it run, each touching a file of its own below `fired`.
fn trap() -> (TestRepo, PathBuf) {
    let repo = TestRepo::with(&[("a.txt", "one\n"), ("b.txt", "b\n")]);
    let fired = repo.dot_git().join("fired");
    fs::create_dir(&fired).unwrap();
    let touch = |name: &str| format!("touch {}/{name}; cat", fired.display());
    let included = repo.dot_git().join("included");
    fs::write(&included, format!("[filter \"inc\"]\n\tclean = {}\n", touch("included"))).unwrap();
    let keys = [
        "core|fsmonitor",
        "core|pager",
        "core|editor",
        "core|sshCommand",
        "core|askPass",
        "core|alternateRefsCommand",
        "credential|helper",
        "diff|external",
        "gpg|program",
        "sequence|editor",
        "interactive|diffFilter",
        "filter \"f\"|clean",
        "filter \"f\"|smudge",
        "filter \"p\"|process",
        "diff \"d\"|textconv",
        "diff \"d\"|command",
        "merge \"m\"|driver",
        "alias|status",
        "pager|log",
        "trailer \"t\"|command",
        "hook \"h\"|command",
        "tar \"tar.x\"|command",
        "diff \"odd=name\"|textconv",
    ];
    let mut text = format!("[include]\n\tpath = {}\n", included.display());
    for key in keys {
        let (section, name) = key.split_once('|').unwrap();
        let file: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
        text += &format!("[{section}]\n\t{name} = \"{}\"\n", touch(&file));
    }
    let hooks = repo.dot_git().join("evil-hooks");
    text += &format!("[core]\n\thooksPath = {}\n[filter \"f\"]\n\trequired\n", hooks.display());
    text += "[hook \"h\"]\n\tevent = pre-commit\n[commit]\n\tgpgSign = true\n[protocol \"ext\"]\n\tallow = always\n";
    plant_hooks(&repo, &hooks);
    repo.configure(&text);
    let attributes = "a.txt filter=f diff=d merge=m\nb.txt filter=p\nc.txt filter=inc diff=odd=name\n";
    fs::create_dir_all(repo.dot_git().join("info")).unwrap();
    fs::write(repo.dot_git().join("info/attributes"), attributes).unwrap();
    (repo, fired)
}

fn plant_hooks(repo: &TestRepo, other: &std::path::Path) {
    for folder in [repo.dot_git().join("hooks"), other.to_owned()] {
        fs::create_dir_all(&folder).unwrap();
        for name in [
            "pre-commit",
            "commit-msg",
            "post-commit",
            "post-checkout",
            "reference-transaction",
            "post-index-change",
        ] {
            let path = folder.join(name);
            let script = format!("#!/bin/sh\ntouch {}/fired/{name}\n", repo.dot_git().display());
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}

fn assert_silent(fired: &std::path::Path) {
    let names: Vec<_> = fs::read_dir(fired).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.is_empty(), "these were run: {names:?}");
}

#[test]
fn the_traps_are_real() {
    let (repo, fired) = trap();
    fs::write(repo.path().join("a.txt"), "two\n").unwrap();
    #[expect(clippy::disallowed_methods, reason = "an ordinary git, to show that the traps work")]
    let mut plain = std::process::Command::new("git");
    plain.args(["diff", "--stat"]).current_dir(repo.path()).env("HOME", "/nonexistent").output().unwrap();
    assert!(
        fs::read_dir(&fired).unwrap().count() > 0,
        "a plain git diff runs nothing: the other tests show nothing"
    );
}

#[test]
fn work_in_memory_runs_nothing() {
    let (repo, fired) = trap();
    let opened = repo.open();
    let head = opened.head().unwrap();
    let tree = opened.edit(&head.tree, &[write("a.txt", "two\n"), write("c.txt", "c\n")]).unwrap();
    let commit = opened.commit(&tree, std::slice::from_ref(&head.commit), "m", &somebody()).unwrap();
    let name = OwnRef::branch("x").unwrap();
    opened.create_ref(&name, &commit).unwrap();
    opened.delete_ref(&name, &commit).unwrap();
    let folder = TempDir::new().unwrap();
    opened.checkout_into(&tree, &folder.path().join("tree")).unwrap();
    let start = Throwaway { head: &commit, tree: &tree, index: IndexFill::FromTree };
    opened.throwaway_git_dir(&folder.path().join("git"), start).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("tree/a.txt")).unwrap(), "two\n");
    assert_silent(&fired);
}

#[test]
fn the_runner_runs_nothing_and_git_still_works() {
    let (repo, fired) = trap();
    fs::write(repo.path().join("a.txt"), "two\n").unwrap();
    repo.put("c.txt", "c\n");
    assert!(repo.git(["status", "--porcelain"]).contains("a.txt"));
    assert!(repo.git(["diff"]).contains("+two"));
    repo.git(["add", "-A"]);
    repo.git(["commit", "-q", "-m", "second"]);
    assert!(repo.git(["log", "-p", "-1"]).contains("+two"));
    assert!(repo.git(["show", "HEAD", "--", "c.txt"]).contains("+c"));
    assert!(repo.git(["blame", "a.txt"]).contains("two"));
    repo.git(["checkout", "-q", "--detach", "HEAD^"]);
    assert_eq!(fs::read_to_string(repo.path().join("a.txt")).unwrap(), "one\n");
    assert_silent(&fired);
}

#[test]
fn a_merge_driver_neither_runs_nor_passes_as_a_clean_merge() {
    let (repo, fired) = trap();
    let opened = repo.open();
    let base = opened.head().unwrap();
    let side = |text: &str| {
        let tree = opened.edit(&base.tree, &[write("a.txt", text)]).unwrap();
        opened.commit(&tree, std::slice::from_ref(&base.commit), "m", &somebody()).unwrap()
    };
    let (ours, theirs) = (side("ours\n"), side("theirs\n"));
    repo.git(["config", "core.bare", "false"]);
    let place = Place::Repository { git_dir: &repo.dot_git(), work_tree: Some(repo.path()), index: None };
    let scratch = TempDir::new().unwrap();
    let runner = repo.runner.clone().started_in(scratch.path());
    let call = runner.call(place, ["merge-tree", "--write-tree", ours.as_str(), theirs.as_str()]);
    let output = call.run_any().unwrap();
    assert_eq!(output.code, 1, "a conflict: {}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "git took its temporary files away");
    assert_silent(&fired);
}

#[test]
fn transports_that_run_programs_are_forbidden() {
    let (repo, fired) = trap();
    let place = Place::Repository { git_dir: &repo.dot_git(), work_tree: None, index: None };
    let address = format!("ext::sh -c touch% {}/ext", fired.display());
    let error = repo.runner.call(place, ["ls-remote", address.as_str()]).run().unwrap_err();
    assert!(error.to_string().contains("not allowed"), "{error}");
    assert_silent(&fired);
}

#[test]
fn a_command_that_needs_files_fails_where_no_work_tree_was_given() {
    let repo = TestRepo::usual();
    let place = Place::Repository { git_dir: &repo.dot_git(), work_tree: None, index: None };
    assert!(repo.runner.call(place, ["status"]).run().is_err());
}

#[test]
fn a_configured_work_tree_elsewhere_is_refused() {
    let repo = TestRepo::usual();
    let elsewhere = TempDir::new().unwrap();
    repo.configure(&format!("[core]\n\tworktree = {}\n", elsewhere.path().display()));
    let error = Repository::open(repo.path()).unwrap_err();
    assert!(matches!(error, GitError::WorkTreeElsewhere { .. }), "{error:?}");
}

#[test]
fn a_work_tree_of_a_submodule_is_where_its_configuration_says() {
    let repo = TestRepo::usual();
    let inner = TestRepo::usual();
    let sub = repo.path().join("sub");
    let separate = format!("--separate-git-dir={}", repo.dot_git().join("modules/sub").display());
    fs::create_dir(repo.dot_git().join("modules")).unwrap();
    let source = inner.path().to_str().unwrap();
    repo.runner
        .call(Place::Nowhere, ["clone", "-q", &separate, source, sub.to_str().unwrap()])
        .run()
        .unwrap();
    let config = repo.dot_git().join("modules/sub/config");
    let before = fs::read_to_string(&config).unwrap();
    fs::write(config, before + "[core]\n\tworktree = ../../../sub\n").unwrap();
    let opened = Repository::open(&repo.path().join("sub")).unwrap();
    assert_eq!(opened.work_dir(), Some(repo.path().canonicalize().unwrap().join("sub").as_path()));
    assert_ne!(opened.identity(), repo.open().identity());
}
