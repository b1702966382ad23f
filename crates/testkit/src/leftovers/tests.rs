//! Each kind of leftover is made for real, seen, and gone again.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::*;
use crate::{Need, TestRepo};

/// A process that waits for its stdin to close, marked in its environment.
#[expect(clippy::disallowed_methods, reason = "a process to be found")]
fn marked(marker: &str) -> Child {
    let mut command = Command::new("cat");
    command.env("MARKER", marker).stdin(Stdio::piped()).stdout(Stdio::null());
    command.spawn().unwrap()
}

fn end(mut child: Child) {
    drop(child.stdin.take());
    child.wait().unwrap();
}

fn new_things(before: &Snapshot, after: &Snapshot) -> String {
    left_over(before, after).into_iter().collect::<Vec<_>>().join("\n")
}

#[test]
fn a_process_is_found_by_a_word_in_its_environment_until_it_ends() {
    let watch = Watch::new().processes("leftover-mark-41c7");
    let before = watch.snapshot();
    let child = marked("leftover-mark-41c7");
    let seen = new_things(&before, &watch.snapshot());
    assert_eq!(seen, format!("process {}: cat", child.id()));
    end(child);
    watch.wait_until_nothing_left(&before, Duration::from_secs(10));
}

#[test]
fn a_child_that_nobody_has_waited_for_is_left_over_too() {
    let watch = Watch::new().descendants();
    let mut child = marked("");
    drop(child.stdin.take());
    let ended = || {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        look::stat_fields(&text).unwrap()[0] == "Z"
    };
    while !ended() {
        std::thread::yield_now();
    }
    let seen = new_things(&Snapshot::default(), &watch.snapshot());
    assert!(seen.contains(&format!("process {}: (a zombie)", child.id())), "{seen}");
    child.wait().unwrap();
}

#[test]
fn a_name_with_blanks_and_parentheses_does_not_shift_the_fields() {
    let text = "12 (a) b (c) S 1 12 12 0";
    assert_eq!(look::stat_fields(text).unwrap()[..2], ["S", "1"]);
}

#[test]
fn files_and_folders_are_found_at_any_depth_and_a_missing_folder_has_none() {
    let place = tempfile::tempdir().unwrap();
    let watch = Watch::new().files(place.path()).files(place.path().join("not-there"));
    let before = watch.snapshot();
    std::fs::create_dir_all(place.path().join("a/b")).unwrap();
    std::fs::write(place.path().join("a/b/c"), "x").unwrap();
    std::os::unix::fs::symlink("/", place.path().join("link")).unwrap();
    let seen = new_things(&before, &watch.snapshot());
    assert_eq!(seen.lines().count(), 4, "{seen}");
    assert!(seen.contains("a/b/c: a file") && seen.contains("link: a link"), "{seen}");
}

#[test]
fn a_new_ref_is_found_and_a_moved_one_is_not() {
    let repo = TestRepo::with(&[("a", "b")]);
    let watch = Watch::new().refs(repo.git_dir());
    let before = watch.snapshot();
    repo.commit("the branch moves");
    repo.git(&["update-ref", "refs/codex-task/candidates/1", "HEAD"]);
    let seen = new_things(&before, &watch.snapshot());
    assert_eq!(seen.lines().count(), 1, "{seen}");
    assert!(seen.starts_with("ref refs/codex-task/candidates/1 of "), "{seen}");
}

#[test]
fn a_mount_in_a_namespace_of_its_own_is_found() {
    crate::requires!(Need::UserNamespaces);
    let place = tempfile::tempdir().unwrap();
    let point = place.path().join("leftover-mount").display().to_string();
    std::fs::create_dir(&point).unwrap();
    let watch = Watch::new().mounts(&point);
    let before = watch.snapshot();
    #[expect(clippy::disallowed_methods, reason = "a process with a mount to be found")]
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    command.arg(format!("mount -t tmpfs none {point} && echo mounted && cat >&2"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line)
        .unwrap();
    let seen = new_things(&before, &watch.snapshot());
    assert!(seen.starts_with(&format!("mount {point} in mnt:[")), "{line:?} {seen}");
    end(child);
    watch.wait_until_nothing_left(&before, Duration::from_secs(10));
}

#[test]
#[should_panic(expected = "left behind (2):\n  file /x/a: a file\n  ref refs/b of /r: 1234")]
fn what_is_left_is_named_one_a_line() {
    let mut after = Snapshot::default();
    after.things.insert(Thing::File("/x/a".into()), "a file".to_owned());
    after.things.insert(Thing::Ref { repository: "/r".into(), name: "refs/b".to_owned() }, "1234".to_owned());
    assert_nothing_left(&Snapshot::default(), &after);
}

#[test]
fn what_was_there_before_is_not_left_over() {
    let watch = Watch::new().processes("leftover-mark-old-88");
    let child = marked("leftover-mark-old-88");
    let before = watch.snapshot();
    assert_nothing_left(&before, &watch.snapshot());
    end(child);
}
