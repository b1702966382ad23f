//! What `gc` removes, and what it never does.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::support::patches::{COMMA, POLICY, greeter};
use crate::support::{Place, wait_for};

/// A place with one verified change, and so with one base checkout.
fn place() -> Place {
    let place = Place::new(greeter(), POLICY);
    fs::write(place.home.join("comma"), COMMA).unwrap();
    place.ends_with(0, &["verify", &place.home.join("comma").to_string_lossy()]);
    place
}

/// A folder among the trees, as a dead process may have left it.
fn tree(place: &Place, name: &str) -> PathBuf {
    let folder = place.cache().join("trees").join(name);
    fs::create_dir_all(folder.join("tree")).unwrap();
    fs::write(folder.join(".codex-task-made-this"), "").unwrap();
    fs::write(folder.join("tree/file"), "x").unwrap();
    folder
}

fn base(place: &Place) -> PathBuf {
    let repository = fs::read_dir(place.cache().join("bases")).unwrap().flatten().next().unwrap();
    repository.path().join(place.repo.head_tree().as_str())
}

/// What stays, with the reason.
fn kept(place: &Place, args: &[&str]) -> Vec<(PathBuf, String)> {
    let document = place.json(0, &[&["gc"], args].concat());
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let entries = document["kept"].as_array().unwrap();
    entries.iter().map(|e| (PathBuf::from(text(&e["path"])), text(&e["why"]))).collect()
}

#[track_caller]
fn assert_kept(place: &Place, path: &Path, why: &str) {
    let kept = kept(place, &[]);
    assert!(
        kept.iter().any(|(p, w)| p == path && w.contains(why)),
        "{why:?} of {} in {kept:?}",
        path.display()
    );
    assert!(fs::symlink_metadata(path).is_ok());
}

#[test]
fn a_tree_of_a_change_at_rest_goes_and_a_dry_run_only_tells() {
    let place = place();
    let id = place.intent().id.to_string();
    let left = tree(&place, &format!("{id}-1"));
    let told = place.json(0, &["gc", "--dry-run"]);
    assert_eq!(told["removed"][0]["path"], left.to_str().unwrap(), "{told}");
    assert!(left.exists() && told["bytes_freed"].as_u64().unwrap() > 0);
    let done = place.ends_with(0, &["gc"]);
    assert!(done.stdout.contains("its change is at rest"), "{}", done.stdout);
    assert!(!left.exists());
    place.assert_nothing_left();
}

#[test]
fn what_is_not_surely_ours_and_needless_stays_and_is_named() {
    let place = place();
    let id = place.intent().id.to_string();
    let unmarked = tree(&place, &format!("{id}-2"));
    fs::remove_file(unmarked.join(".codex-task-made-this")).unwrap();
    assert_kept(&place, &unmarked, "marker");
    let unknown = tree(&place, "00000000-0000-7000-8000-000000000000-1");
    assert_kept(&place, &unknown, "registry");
    let strange = tree(&place, "of-nobody");
    assert_kept(&place, &strange, "named after no change");
    let worked_in = tree(&place, &format!("{id}-3"));
    fs::create_dir_all(worked_in.join("git")).unwrap();
    fs::create_dir_all(worked_in.join("tree/.git/objects")).unwrap();
    assert_kept(&place, &worked_in, "git repository");
    let link = place.cache().join("trees").join(format!("{id}-4"));
    symlink(place.repo.path(), &link).unwrap();
    assert_kept(&place, &link, "no folder of ours");
    assert!(place.repo.path().join("greet.py").exists());
}

#[test]
fn a_tree_that_a_process_stands_in_stays() {
    let place = place();
    let left = tree(&place, &format!("{}-1", place.intent().id));
    #[expect(clippy::disallowed_methods, reason = "a process that stands in a folder")]
    let mut shell =
        std::process::Command::new("sleep").arg("600").current_dir(left.join("tree")).spawn().unwrap();
    let kept = kept(&place, &[]);
    shell.kill().unwrap();
    shell.wait().unwrap();
    assert!(kept.iter().any(|(path, why)| *path == left && why.contains("stands in it")), "{kept:?}");
    assert!(left.exists());
    place.ends_with(0, &["gc"]);
    assert!(!left.exists());
}

#[test]
fn a_cache_that_is_a_link_is_left_alone() {
    let place = place();
    let (trees, elsewhere) = (place.cache().join("trees"), place.repo.side_folder("elsewhere"));
    fs::rename(&trees, &elsewhere).unwrap();
    symlink(&elsewhere, &trees).unwrap();
    let left = tree(&place, &format!("{}-1", place.intent().id));
    assert_kept(&place, &trees, "link");
    assert!(left.exists());
}

#[test]
fn the_base_used_longest_ago_goes_when_the_quota_is_full() {
    let mut place = place();
    let old = base(&place);
    place.repo.write("more.txt", "later\n");
    place.repo.commit("later");
    place.set("CODEX_TASK_TREES__QUOTA_MB", "0");
    place.ends_with(0, &["verify", &place.home.join("comma").to_string_lossy()]);
    // By itself, after the baseline of the new base, which is spared.
    let new = base(&place);
    assert!(!old.exists() && new.exists(), "{} {}", old.display(), new.display());
    fs::create_dir(new.join("root/.git")).unwrap();
    fs::write(new.join("root/.git/HEAD"), "a person worked here").unwrap();
    assert_kept(&place, &new, "git repository");
    fs::remove_dir_all(new.join("root/.git")).unwrap();
    let done = place.json(0, &["gc"]);
    assert_eq!((done["bytes"].as_u64(), new.exists()), (Some(0), false), "{done}");
    place.ends_with(0, &["verify", &place.home.join("comma").to_string_lossy()]);
    place.assert_nothing_left();
}

#[test]
fn what_a_live_process_uses_stays() {
    let policy = "checks:\n  detect: false\n  commands: [{name: waits, run: \"touch begun; sleep 600\"}]\n";
    let mut place = Place::new(greeter(), policy);
    place.set("CODEX_TASK_TREES__QUOTA_MB", "0");
    let patch = place.home.join("comma");
    fs::write(&patch, COMMA).unwrap();
    let mut running = place.start(&["verify", &patch.to_string_lossy()]);
    let trees = place.cache().join("trees");
    let begun = || {
        let mut trees = fs::read_dir(&trees).ok()?.flatten();
        trees.find(|tree| tree.path().join("tree/begun").exists()).map(|tree| tree.path())
    };
    let used = wait_for("a check that runs", begun);
    let kept = kept(&place, &[]);
    let (tree_there, base_there) = (used.join("tree/begun").exists(), place.cache().join("bases").exists());
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(kept.iter().any(|(path, why)| *path == used && why.contains("works on")), "{kept:?}");
    assert!(tree_there && base_there);
}
