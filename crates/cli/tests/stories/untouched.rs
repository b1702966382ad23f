//! Whatever state the user's repository is in, it is the same byte for byte after every command, and only refs of ours
//! are new.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use git::{difference, digest};
use testkit::{ScriptedModel, Step, TestRepo};

use crate::support::{Done, Place};

const OWNER: &str = "def is_free(owner):\n    return owner == None\n";
const GREET: &str = crate::support::patches::BEFORE;
const POLICY: &str =
    "checks:\n  detect: false\n  commands: [{name: readable, run: \"grep -q def owner.py greet.py\"}]\n";

/// Files in every state, hooks that would tell, settings that would run programs, and a stash.
fn user_s() -> TestRepo {
    let repo = TestRepo::with(&[("owner.py", OWNER), ("greet.py", GREET), ("other.py", "import os\n")]);
    repo.stash();
    repo.dirty();
    // The user is in the middle of the very files that are to be fixed.
    repo.write("owner.py", format!("# in the middle of something\n{OWNER}"));
    repo.write("greet.py", "half a li");
    repo.git(&["add", "greet.py"]);
    let trap = repo.side_folder("trapped");
    let script = format!("#!/bin/sh\ntouch '{}'\n", trap.display());
    for hook in ["post-checkout", "reference-transaction", "post-index-change", "pre-commit", "post-commit"] {
        let path = repo.git_dir().join("hooks").join(hook);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let run = format!("touch '{}'", trap.display());
    for (name, value) in [
        ("core.fsmonitor", run.as_str()),
        ("filter.trap.clean", &run),
        ("filter.trap.smudge", &run),
        ("diff.trap.textconv", &run),
        ("core.pager", &run),
        ("user.name", "A User"),
        ("alias.status", "!false"),
    ] {
        repo.git(&["config", name, value]);
    }
    fs::create_dir_all(repo.git_dir().join("info")).unwrap();
    fs::write(repo.git_dir().join("info/attributes"), "*.py filter=trap diff=trap\n").unwrap();
    // The set-up itself ran some of it.
    let _ = fs::remove_file(&trap);
    repo
}

/// Every command that makes, judges or takes back a change, started in `folder`; after each one everything is as before.
fn all_commands(repo: TestRepo, folder: &Path) {
    let model = ScriptedModel::respond_with(|_| Step::patch(crate::support::patches::COMMA, 0.9));
    let mut place = Place::new(repo, POLICY);
    place.ask_model_at(&model.base_url());
    let patch = place.home.join("comma.diff");
    fs::write(&patch, crate::support::patches::COMMA).unwrap();
    let patch = patch.to_string_lossy().into_owned();
    let (here, main) = (digest(folder).unwrap(), place.digest());
    let commands: [(i32, &[&str]); 13] = [
        (0, &["scan"]),
        (0, &["scan", "--working-tree"]),
        (0, &["fix", "--dry-run"]),
        (0, &["fix"]),
        (0, &["suggest", "--file", "greet.py", "--line", "2", "--code", "X1", "--provider", "local"]),
        (0, &["undo"]),
        (0, &["undo"]),
        (0, &["verify", &patch]),
        (0, &["commit", "last", "-m", "fix(greet): add a comma"]),
        (0, &["show", "last"]),
        (0, &["diff", "last"]),
        (0, &["replay", "last"]),
        (0, &["audit", "verify"]),
    ];
    for (code, command) in commands {
        let done = Done::of(place.program_in(folder, command).without_fault());
        assert_eq!(done.code, code, "{command:?}\n{}\n{}", done.stdout, done.stderr);
        let lines: Vec<String> = difference(&here, &digest(folder).unwrap());
        assert_eq!(lines, Vec::<String>::new(), "{command:?}");
        place.assert_untouched(&main);
        assert!(
            !place.repo.side_folder("trapped").exists(),
            "{command:?} ran a program of the user's configuration"
        );
    }
    assert_eq!(place.intents().iter().filter(|i| i.status() == "published").count(), 3);
    place.assert_refs_told();
    place.assert_nothing_left();
}

#[test]
fn a_dirty_repository_stays_as_it_is() {
    let repo = user_s();
    let folder = repo.path().to_owned();
    all_commands(repo, &folder);
}

#[test]
fn a_repository_with_a_detached_head_stays_as_it_is() {
    let repo = user_s();
    repo.git(&["-c", "core.hooksPath=/dev/null", "update-ref", "--no-deref", "HEAD", "HEAD~0"]);
    let head: PathBuf = repo.git_dir().join("HEAD");
    fs::write(&head, format!("{}\n", repo.head())).unwrap();
    let _ = fs::remove_file(repo.side_folder("trapped"));
    let folder = repo.path().to_owned();
    all_commands(repo, &folder);
}

#[test]
fn a_linked_worktree_and_the_main_one_stay_as_they_are() {
    let repo = user_s();
    let linked = repo.linked_worktree("beside");
    fs::write(linked.join("owner.py"), "in the middle of something else\n").unwrap();
    fs::write(linked.join("new.txt"), "untracked\n").unwrap();
    let _ = fs::remove_file(repo.side_folder("trapped"));
    all_commands(repo, &linked);
}
