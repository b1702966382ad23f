//! Each state that a repository can be found in works or is refused with a clear sentence, and the user's repository stays
//! byte for byte the same. The tests are named after the cases of `repo_states.jsonl`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use git::{difference, digest};
use testkit::{TestRepo, cases_dir};

use crate::support::patches::{AFTER, BEFORE, COMMA, POLICY, greeter};
use crate::support::{Done, Place};

/// Another change than the comma; its title is the same.
const COLON: &str = "--- a/greet.py\n+++ b/greet.py\n@@ -1,2 +1,2 @@\n def greet(name):\n\
                     -    return \"Hello \" + name\n+    return \"Hello, : \" + name\n";

/// A place in this repository, with both patches ready.
fn place(repo: TestRepo) -> Place {
    let place = Place::new(repo, POLICY);
    for (name, patch) in [("comma", COMMA), ("colon", COLON)] {
        fs::write(place.home.join(name), patch).unwrap();
    }
    place
}

/// Runs the program in a folder of the user's, and asserts that the folder is as it was.
#[track_caller]
fn run_in(place: &Place, folder: &Path, args: &[&str]) -> Done {
    let before = digest(folder).unwrap();
    let done = Done::of(place.program_in(folder, args).without_fault());
    let lines = difference(&before, &digest(folder).unwrap());
    assert_eq!(lines, Vec::<String>::new(), "{args:?}");
    done
}

/// Verifies the comma in this folder and makes its branch; nothing else changes.
#[track_caller]
fn works_in(place: &Place, folder: &Path) {
    let patch = place.home.join("comma").to_string_lossy().into_owned();
    for command in [vec!["verify", &patch], vec!["commit", "last", "-m", "fix(greet): add a comma"]] {
        let done = run_in(place, folder, &command);
        assert_eq!(done.code, 0, "{command:?}\n{}\n{}", done.stdout, done.stderr);
    }
    let branch = place.intents()[0].publication.clone().unwrap().reference;
    let made = place.repo.git_in(folder, &["show", &format!("{branch}:greet.py")]);
    assert_eq!(made.trim_end(), AFTER.trim_end());
    place.assert_nothing_left();
}

#[track_caller]
fn works(repo: TestRepo) -> Place {
    let place = place(repo);
    works_in(&place, place.repo.path());
    place
}

/// Asserts that the command is refused in this folder, in words that hold all of `words`.
#[track_caller]
fn refused_in(place: &Place, folder: &Path, words: &[&str]) {
    let patch = place.home.join("comma").to_string_lossy().into_owned();
    let done = Done::of(place.program_in(folder, &["verify", &patch]).without_fault());
    assert_ne!(done.code, 0, "{}", done.stdout);
    assert_ne!(done.code, 70, "a state of the user's is no defect of ours: {}", done.stderr);
    for word in words {
        assert!(done.stderr.contains(word), "{word:?} is missing in: {}", done.stderr);
    }
    assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
}

/// Every file below a folder with its bytes: for repositories that our own reader refuses.
fn bytes_below(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => folders.push(entry.path()),
                kind if kind.is_file() => found.push((entry.path(), fs::read(entry.path()).unwrap())),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// Asserts a refusal in the repository itself, with no byte changed.
#[track_caller]
fn refused(repo: TestRepo, words: &[&str]) {
    let place = place(repo);
    let before = bytes_below(place.repo.path());
    refused_in(&place, place.repo.path(), words);
    assert!(before == bytes_below(place.repo.path()), "the user's repository changed");
}

/// A program that tells that it was run, as a file in `.git/trap`.
fn trap(repo: &TestRepo) -> (String, PathBuf) {
    let (program, told) = (repo.side_folder("trap"), repo.side_folder("trapped"));
    fs::write(&program, format!("#!/bin/sh\ntouch '{}'\ncat\n", told.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (program.to_string_lossy().into_owned(), told)
}

#[test]
fn rst_002_a_detached_head_is_a_base() {
    let repo = greeter();
    repo.git(&["checkout", "--quiet", "--detach"]);
    let head = repo.head();
    let place = works(repo);
    let base = place.intents()[0].base.clone();
    assert_eq!((base.commit, base.branch), (head, None));
}

#[test]
fn rst_003_without_a_commit_there_is_no_base() {
    refused(TestRepo::new(), &["no commit yet"]);
}

#[test]
fn rst_004_a_broken_head_is_refused_and_a_name_that_means_two_things_is_not_guessed() {
    let repo = greeter();
    fs::write(repo.git_dir().join("HEAD"), "ref: refs/heads/gone\n").unwrap();
    refused(repo, &["no commit yet", "gone"]);
    let repo = greeter();
    repo.git(&["tag", "main"]);
    repo.write("more.txt", "later than the tag\n");
    repo.commit("later than the tag");
    let head = repo.head();
    let place = works(repo);
    let base = place.intents()[0].base.clone();
    assert_eq!((base.commit, base.branch.as_deref()), (head, Some("main")));
}

#[test]
fn rst_006_the_users_index_lock_is_left_alone() {
    let repo = greeter();
    let lock = repo.git_dir().join("index.lock");
    fs::write(&lock, "").unwrap();
    works(repo);
}

#[test]
fn rst_008_a_locked_branch_is_waited_for_and_then_told() {
    let place = works(greeter());
    let first = place.intents()[0].publication.clone().unwrap().reference;
    let (locked, lock) = waiting(&place, &first, |name| format!("{name}.lock"));
    fs::write(&lock, "").unwrap();
    let done = run_in(&place, place.repo.path(), &["commit", "last", "-m", "fix(greet): add a colon"]);
    assert_ne!(done.code, 0);
    assert!(done.stderr.contains("locked"), "{}", done.stderr);
    assert!(lock.exists(), "the lock of another git is not ours to remove");
    assert!(place.repo.git(&["for-each-ref", &locked]).is_empty());
    fs::remove_file(&lock).unwrap();
    // The approval stands: what is left to do is done by resume, or by committing again.
    place.ends_with(0, &["resume"]);
    assert_eq!(place.intents()[0].status(), "published");
    place.assert_nothing_left();
}

/// Verifies the second change, and gives the name that its branch will have and a file beside it.
fn waiting(place: &Place, first: &str, beside: impl Fn(&str) -> String) -> (String, PathBuf) {
    place.ends_with(0, &["verify", &place.home.join("colon").to_string_lossy()]);
    let intent = place.intents()[0].clone();
    let id = intent.id.clone();
    let registered = place.with_store(|store| async move { store.events(&id).await.unwrap()[0].at.0 });
    // Both have the same title; the end of the name is the time of the registration.
    let time = jiff::Timestamp::from_microsecond(registered).unwrap().strftime("%Y%m%d-%H%M%S").to_string();
    let mut name = format!("{}{time}", &first[..first.len() - time.len()]);
    if name == first {
        // Both were registered within one second: the name is taken, and gets the intent's short id behind it.
        name = format!("{name}-{}", intent.id.short());
    }
    let file = place.repo.git_dir().join(beside(&name));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    (name, file)
}

#[test]
fn rst_009_a_lock_on_packed_refs_does_not_hinder_new_refs() {
    let repo = greeter();
    repo.git(&["pack-refs", "--all"]);
    fs::write(repo.git_dir().join("packed-refs.lock"), "").unwrap();
    works(repo);
}

#[test]
fn rst_012_a_branch_that_differs_only_in_case_is_refused() {
    let place = works(greeter());
    let first = place.intents()[0].publication.clone().unwrap().reference;
    let (_, file) = waiting(&place, &first, |name| {
        let (folder, last) = name.rsplit_once('/').unwrap();
        format!("{folder}/{}", last.to_uppercase())
    });
    fs::write(&file, format!("{}\n", place.repo.head())).unwrap();
    let done = run_in(&place, place.repo.path(), &["commit", "last", "-m", "fix(greet): add a colon"]);
    assert_ne!(done.code, 0);
    assert!(done.stderr.contains("differs only in case"), "{}", done.stderr);
    assert_eq!(fs::read_to_string(&file).unwrap().trim(), place.repo.head().as_str());
}

#[test]
fn rst_013_the_base_may_be_checked_out_in_several_worktrees() {
    let repo = greeter();
    let linked = repo.linked_worktree("beside");
    let place = place(repo);
    let main = place.digest();
    works_in(&place, &linked);
    place.assert_untouched(&main);
}

#[test]
fn rst_014_a_base_branch_that_moves_or_goes_meanwhile_is_not_touched() {
    let place = place(greeter());
    let base = place.repo.head();
    place.repo.git(&["checkout", "--quiet", "-b", "work"]);
    place.ends_with(0, &["verify", &place.home.join("comma").to_string_lossy()]);
    place.repo.write("more.txt", "the user goes on\n");
    let moved = place.repo.commit("the user goes on");
    place.repo.git(&["checkout", "--quiet", "main"]);
    place.repo.git(&["branch", "--quiet", "-D", "work"]);
    place.ends_with(0, &["commit", "last", "-m", "fix(greet): add a comma"]);
    let branch = place.intents()[0].publication.clone().unwrap().reference;
    // The branch starts from the commit that was verified, whatever became of the name.
    assert_eq!(place.repo.git(&["rev-parse", &format!("{branch}^")]).trim(), base.as_str());
    assert_ne!(base, moved);
    assert!(place.repo.git(&["for-each-ref", "refs/heads/work"]).is_empty());
    place.assert_nothing_left();
}

#[test]
fn rst_015_a_folder_in_the_place_of_ours_is_never_taken_or_removed() {
    let place = works(greeter());
    let bases = place.cache().join("bases");
    let repository = fs::read_dir(&bases).unwrap().flatten().next().unwrap().path();
    let base = repository.join(place.repo.head_tree().as_str());
    fs::remove_dir_all(&base).unwrap();
    fs::create_dir(&base).unwrap();
    fs::write(base.join("precious"), "the user's").unwrap();
    let done = place.run(&["verify", &place.home.join("colon").to_string_lossy()]);
    assert_ne!(done.code, 0, "{}", done.stdout);
    assert!(done.stderr.contains(base.to_str().unwrap()), "{}", done.stderr);
    assert_eq!(fs::read_to_string(base.join("precious")).unwrap(), "the user's");
}

#[test]
fn rst_016_a_registered_worktree_whose_folder_is_gone_is_none_of_our_business() {
    let repo = greeter();
    let linked = repo.linked_worktree("beside");
    fs::remove_dir_all(linked).unwrap();
    let place = works(repo);
    assert!(place.repo.git(&["worktree", "list"]).contains("prunable"));
}

#[test]
fn rst_017_a_repository_or_worktree_that_was_moved_works_where_it_is() {
    let repo = greeter();
    let linked = repo.linked_worktree("beside");
    let moved = repo.side_folder("beside-moved");
    fs::rename(linked, &moved).unwrap();
    let place = place(repo);
    works_in(&place, &moved);
    // What waits belongs to the repository by its path: after a move it is named, and can be told by its id.
    place.ends_with(0, &["verify", &place.home.join("colon").to_string_lossy()]);
    let id = place.intents()[0].id.to_string();
    let elsewhere = place.repo.side_folder("repo-moved");
    fs::rename(place.repo.path(), &elsewhere).unwrap();
    let resumed = Done::of(place.program_in(&elsewhere, &["resume"]).without_fault());
    let shown = Done::of(place.program_in(&elsewhere, &["show", &id]).without_fault());
    let again = Done::of(
        place
            .program_in(&elsewhere, &["verify", &place.home.join("comma").to_string_lossy()])
            .without_fault(),
    );
    fs::rename(&elsewhere, place.repo.path()).unwrap();
    assert_eq!((resumed.code, shown.code, again.code), (0, 0, 0), "{}\n{}", resumed.stderr, again.stderr);
    place.ends_with(0, &["commit", &id, "-m", "fix(greet): add a colon"]);
}

#[test]
fn rst_019_odd_paths_links_and_other_devices_work() {
    let repo = greeter();
    let odd = repo.side_folder("with blanks, 'quotes' and\na line break");
    repo.git(&["clone", "--quiet", ".", odd.to_str().unwrap()]);
    let link = repo.side_folder("link");
    symlink(repo.path(), &link).unwrap();
    let place = place(repo);
    works_in(&place, &link);
    // Git borrows objects by the lines of a file, so this one name cannot work, and that is said at once.
    refused_in(&place, &odd, &["line break"]);
    let blanks = place.repo.side_folder("with blanks, 'quotes'");
    fs::rename(&odd, &blanks).unwrap();
    works_in(&place, &blanks);
    if !other_device() {
        println!("there is no other file system to try");
    }
}

/// With our folders on another file system than the repository; false where there is none.
fn other_device() -> bool {
    use std::os::unix::fs::MetadataExt;
    let mut place = place(greeter());
    let device = |path: &Path| fs::metadata(path).map(|meta| meta.dev()).ok();
    let shm = Path::new("/dev/shm");
    if device(shm).is_none() || device(shm) == device(place.repo.path()) {
        return false;
    }
    let other = tempfile::Builder::new().prefix("codex-task-test-").tempdir_in(shm).unwrap();
    let patch = place.home.join("comma").to_string_lossy().into_owned();
    place.set("CODEX_TASK_HOME", other.path().to_str().unwrap());
    fs::copy(place.home.join("config.yaml"), other.path().join("config.yaml")).unwrap();
    let before = place.digest();
    place.ends_with(0, &["verify", &patch]);
    place.assert_untouched(&before);
    assert_eq!(fs::read_dir(other.path().join("cache/trees")).unwrap().count(), 0);
    true
}

#[test]
fn rst_021_a_shallow_clone_stays_shallow() {
    let repo = greeter();
    repo.write("more.txt", "later\n");
    repo.commit("later");
    let shallow = repo.side_folder("shallow");
    let from = format!("file://{}", repo.path().display());
    repo.git(&["clone", "--quiet", "--depth", "1", &from, shallow.to_str().unwrap()]);
    let place = place(repo);
    works_in(&place, &shallow);
    assert_eq!(place.repo.git_in(&shallow, &["rev-list", "--count", "HEAD"]).trim(), "1");
}

#[test]
fn rst_024_without_git_lfs_pointers_stay_pointers() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:\
                   4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    let files = [("greet.py", BEFORE), ("big.bin", pointer), (".gitattributes", "*.bin filter=lfs\n")];
    let repo = TestRepo::with(&files);
    for (name, value) in [("required", "true"), ("smudge", "no-such-git-lfs"), ("clean", "no-such-git-lfs")] {
        repo.git(&["config", &format!("filter.lfs.{name}"), value]);
    }
    let policy =
        "checks:\n  detect: false\n  commands: [{name: pointer, run: \"grep -q '^oid sha256' big.bin\"}]\n";
    let place = place(repo);
    fs::write(place.home.join("config.yaml"), policy).unwrap();
    works_in(&place, place.repo.path());
}

#[test]
fn rst_027_no_filter_textconv_or_merge_driver_runs() {
    let repo = TestRepo::with(&[("greet.py", BEFORE), (".gitattributes", "*.py filter=t diff=t merge=t\n")]);
    let (program, told) = trap(&repo);
    for name in [
        "filter.t.clean",
        "filter.t.smudge",
        "filter.t.process",
        "diff.t.textconv",
        "diff.t.command",
        "merge.t.driver",
    ] {
        repo.git(&["config", name, &program]);
    }
    let _ = fs::remove_file(&told);
    let place = place(repo);
    // Git itself would run them when it looks at the outcome.
    let patch = place.home.join("comma").to_string_lossy().into_owned();
    for command in [vec!["verify", &patch], vec!["commit", "last", "-m", "fix(greet): add a comma"]] {
        assert_eq!(run_in(&place, place.repo.path(), &command).code, 0);
    }
    assert!(!told.exists(), "a program of the user's configuration was run");
}

#[test]
fn rst_028_no_hook_of_the_users_runs() {
    let repo = greeter();
    let (program, told) = trap(&repo);
    let hooks = repo.git_dir().join("hooks");
    fs::create_dir_all(&hooks).unwrap();
    for hook in [
        "pre-commit",
        "post-commit",
        "reference-transaction",
        "post-index-change",
        "post-checkout",
        "commit-msg",
    ] {
        fs::copy(&program, hooks.join(hook)).unwrap();
    }
    works(repo);
    assert!(!told.exists(), "a hook was run");
}

#[test]
fn rst_029_settings_that_sign_watch_or_lead_elsewhere_change_nothing() {
    let repo = greeter();
    let (program, told) = trap(&repo);
    let included = repo.side_folder("included");
    fs::write(&included, format!("[core]\n\tfsmonitor = {program}\n\thooksPath = /nonexistent\n")).unwrap();
    for (name, value) in [
        ("commit.gpgSign", "true"),
        ("gpg.program", program.as_str()),
        ("core.fsmonitor", &program),
        ("safe.directory", "/nonexistent"),
        (&format!("includeIf.gitdir:{}/.path", repo.path().display()), included.to_str().unwrap()),
    ] {
        repo.git(&["config", name, value]);
    }
    works(repo);
    assert!(!told.exists(), "a program of the user's configuration was run");
    let repo = greeter();
    let other = repo.side_folder("other");
    fs::create_dir(&other).unwrap();
    repo.git(&["config", "core.worktree", other.to_str().unwrap()]);
    refused(repo, &["core.worktree"]);
}

#[test]
fn rst_035_variables_of_a_hook_lead_nowhere_else() {
    let other = TestRepo::with(&[("other.txt", "not meant\n")]);
    let mut place = place(greeter());
    let git_dir = other.git_dir().to_string_lossy().into_owned();
    for (name, value) in [
        ("GIT_DIR", git_dir.as_str()),
        ("GIT_WORK_TREE", other.path().to_str().unwrap()),
        ("GIT_INDEX_FILE", &format!("{git_dir}/index")),
        ("GIT_OBJECT_DIRECTORY", &format!("{git_dir}/objects")),
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "core.hooksPath"),
        ("GIT_CONFIG_VALUE_0", "/nonexistent"),
        ("GIT_CONFIG_PARAMETERS", "'core.bare'='true'"),
    ] {
        place.set(name, value);
    }
    let before = digest(other.path()).unwrap();
    works_in(&place, place.repo.path());
    assert_eq!(difference(&before, &digest(other.path()).unwrap()), Vec::<String>::new());
    assert_eq!(place.intents()[0].repository, place.repo.git_dir().canonicalize().unwrap().to_string_lossy());
}

#[test]
fn rst_036_unknown_formats_are_refused_and_a_configuration_of_the_worktrees_own_works() {
    let repo = greeter();
    repo.git(&["config", "core.repositoryFormatVersion", "1"]);
    repo.git(&["config", "extensions.worktreeConfig", "true"]);
    works(repo);
    for (name, value) in [("refStorage", "reftable"), ("objectFormat", "sha256"), ("madeUp", "true")] {
        let repo = greeter();
        let config = repo.git_dir().join("config");
        let text = fs::read_to_string(&config).unwrap();
        let text = text.replace("repositoryformatversion = 0", "repositoryformatversion = 1");
        fs::write(&config, format!("{text}[extensions]\n\t{name} = {value}\n")).unwrap();
        refused(repo, &["not supported", name]);
    }
}

/// Not only by a setting: a real repository of each format, where this git makes them.
#[test]
fn rst_036_real_repositories_of_other_formats_are_refused() {
    let repo = greeter();
    let place = place(repo);
    for option in ["--ref-format=reftable", "--object-format=sha256"] {
        let folder = place.repo.side_folder(option);
        let made =
            place.repo.try_git(place.repo.path(), &["init", "--quiet", option, folder.to_str().unwrap()]);
        if !made.status.success() {
            println!("this git knows no {option}");
            continue;
        }
        fs::write(folder.join("greet.py"), BEFORE).unwrap();
        place.repo.git_in(&folder, &["add", "."]);
        place.repo.git_in(&folder, &["commit", "--quiet", "-m", "first"]);
        let before = bytes_below(&folder);
        refused_in(&place, &folder, &["not supported"]);
        assert!(before == bytes_below(&folder), "the user's repository changed");
    }
}

#[test]
fn every_case_of_the_file_is_shown_here() {
    let Some(folder) = cases_dir() else {
        println!("there is no case material on this machine");
        return;
    };
    let (text, own) =
        (fs::read_to_string(folder.join("repo_states.jsonl")).unwrap(), include_str!("repo_states.rs"));
    let ids = text.lines().map(|line| {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        case["id"].as_str().unwrap().replace('-', "_")
    });
    let absent: Vec<String> = ids.filter(|id| !own.contains(&format!("fn {id}_"))).collect();
    assert_eq!(absent, Vec::<String>::new());
}
