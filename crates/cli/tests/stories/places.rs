//! The places that a change needs, when they are full, read-only, held, tidied or removed by somebody else.

use std::path::Path;

use testkit::{FaultRun, Need, requires};

use crate::support::patches::{ASK, POLICY};
use crate::support::{Done, PROGRAM, Place, SOON, wait_for};
use crate::tell::Tale;

/// Runs the program in a mount namespace of its own, after a script that prepares it; both know `$CODEX_TASK_HOME`.
fn with_mounts(place: &Place, script: &str, args: &[&str]) -> Done {
    let script = format!("{script} && \"$@\"");
    let words = ["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh", PROGRAM];
    let run = FaultRun::new(Path::new("/usr/bin/unshare"), place.repo.path()).args(&words).args(args);
    Done::of(run.variables(place.environment()).without_fault())
}

#[test]
fn a_journal_that_cannot_be_written_is_told_at_the_start() {
    requires!(Need::UserNamespaces);
    let told = Tale::PUBLISHED.begin();
    let place = &told.place;
    place.ends_with(0, &["audit", "verify"]);
    let read_only = "mount --bind \"$CODEX_TASK_HOME/state\" \"$CODEX_TASK_HOME/state\" && \
                     mount -o remount,bind,ro \"$CODEX_TASK_HOME/state\"";
    let done = with_mounts(place, read_only, &[ASK, "--provider", "local"]);
    assert_eq!(done.code, 70, "{}\n{}", done.stdout, done.stderr);
    assert!(done.stderr.contains("state"), "it does not say where: {}", done.stderr);
    assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
    assert_eq!(told.model.requests().len(), 0, "a model was asked without a journal");
    place.assert_nothing_left();
    place.ends_with(0, &[ASK, "--provider", "local"]);
}

/// The journal on a disk of its own with this many KiB left, kept when the program has ended.
fn on_a_full_disk(left_kib: u32) -> String {
    format!(
        "mkdir -p \"$CODEX_TASK_HOME/kept\" && cp -a \"$CODEX_TASK_HOME/state/.\" \"$CODEX_TASK_HOME/kept\" && \
         mount -t tmpfs -o size=4m full \"$CODEX_TASK_HOME/state\" && cp -a \"$CODEX_TASK_HOME/kept/.\" \
         \"$CODEX_TASK_HOME/state\" && free=$(df -k --output=avail \"$CODEX_TASK_HOME/state\" | tail -1) && \
         head -c $(( (free - {left_kib}) * 1024 )) /dev/zero > \"$CODEX_TASK_HOME/state/filler\" && \
         save() {{ code=$?; rm -f \"$CODEX_TASK_HOME/state/filler\"; rm -rf \"$CODEX_TASK_HOME/kept\"; \
         cp -a \"$CODEX_TASK_HOME/state\" \"$CODEX_TASK_HOME/kept\"; exit $code; }} && trap save EXIT"
    )
}

#[test]
fn a_full_disk_under_the_journal_is_told_and_gone_on_from() {
    requires!(Need::UserNamespaces);
    let mut failed = 0;
    // From no room at all to room for some events: it runs full at one write after the other.
    for left_kib in [0, 8, 40, 80, 120, 160, 240] {
        let told = Tale::PUBLISHED.begin();
        let place = &told.place;
        place.ends_with(0, &["audit", "verify"]);
        let done = with_mounts(place, &on_a_full_disk(left_kib), &[ASK, "--provider", "local"]);
        assert!(!done.stderr.contains("panicked"), "{left_kib} KiB: {}", done.stderr);
        assert!([0, 70].contains(&done.code), "{left_kib} KiB: {}\n{}", done.code, done.stderr);
        failed += u32::from(done.code == 70);
        // The disk has room again, and what was on it is there.
        std::fs::remove_dir_all(place.state()).unwrap();
        std::fs::rename(place.home.join("kept"), place.state()).unwrap();
        place.ends_with(0, &["audit", "verify"]);
        place.ends_with(0, &["resume"]);
        place.assert_nothing_left();
        place.assert_refs_told();
    }
    assert!(failed > 1, "the disk was never full");
}

#[test]
fn a_journal_that_somebody_holds_for_a_while_is_waited_for() {
    let told = Tale::PUBLISHED.begin();
    let place = &told.place;
    place.ends_with(0, &["audit", "verify"]);
    let holder = rusqlite::Connection::open(place.state().join("journal.db")).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let mut waiting = place.start(&[ASK, "--provider", "local"]);
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(waiting.try_wait().unwrap(), None, "it did not wait");
    holder.execute_batch("COMMIT").unwrap();
    let status = wait_for("the end", || waiting.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
    assert_eq!(place.intent().status(), "published");
    place.assert_nothing_left();
}

#[test]
fn operators_with_registries_of_their_own_share_a_repository() {
    let told = Tale::PUBLISHED.begin();
    let place = &told.place;
    let untouched = place.digest();
    let homes: Vec<_> = (0..8).map(|n| place.repo.side_folder(&format!("home-{n}"))).collect();
    let mut running: Vec<_> = homes
        .iter()
        .map(|home| {
            std::fs::create_dir(home).unwrap();
            std::fs::write(home.join("config.yaml"), POLICY).unwrap();
            place.start_with(&[ASK, "--provider", "local"], &[("CODEX_TASK_HOME", home.to_str().unwrap())])
        })
        .collect();
    for program in &mut running {
        assert_eq!(wait_for("the end", || program.try_wait().unwrap()).code(), Some(0));
    }
    let branches = place.repo.git(&["for-each-ref", "--format=%(refname)", "refs/heads/feature"]);
    assert_eq!(branches.lines().count(), homes.len(), "{branches}");
    place.assert_untouched(&untouched);
    let watch = homes.iter().fold(place.watch_processes(), |w, home| w.files(home.join("cache/trees")));
    watch.wait_until_nothing_left(&testkit::Snapshot::default(), SOON);
}

#[test]
fn a_branch_name_that_somebody_took_meanwhile_is_left_to_them() {
    let told = Tale::PUBLISHED.begin();
    let place = &told.place;
    let killed = testkit::KillAfter::first("Publishing");
    place.program(&[ASK, "--provider", "local"]).must_be_killed(&killed);
    let announced = place.intent().publication.unwrap();
    let head = place.repo.git(&["rev-parse", "HEAD"]);
    place.repo.git(&["update-ref", &announced.reference, "HEAD"]);
    place.ends_with(0, &["resume"]);
    let published = place.intent().publication.unwrap();
    assert_eq!(published.commit, announced.commit);
    assert!(published.reference.starts_with(&format!("{}-", announced.reference)), "{}", published.reference);
    assert_eq!(place.repo.git(&["rev-parse", &announced.reference]), head);
    assert_eq!(place.repo.git(&["rev-parse", &published.reference]).trim(), published.commit.as_str());
    place.assert_nothing_left();
}

#[test]
fn a_lock_file_of_a_dead_process_locks_nothing() {
    let told = Tale::PUBLISHED.begin();
    let place = &told.place;
    let killed = testkit::KillAfter::first("Staged");
    place.program(&[ASK, "--provider", "local"]).must_be_killed(&killed);
    let locks = std::fs::read_dir(place.state().join("running")).unwrap().count();
    assert!(locks > 0, "there is no lock file to be left over");
    place.ends_with(0, &["resume"]);
    assert_eq!(place.intent().status(), "published");
    place.assert_nothing_left();
}

#[test]
fn what_git_tidies_meanwhile_is_not_missed() {
    let told = Tale::PUBLISHED.begin();
    let place = &told.place;
    place.ends_with(3, &[ASK, "--provider", "local", "--review"]);
    place.repo.git(&["worktree", "prune"]);
    place.repo.git(&["reflog", "expire", "--expire=now", "--all"]);
    place.repo.git(&["gc", "--quiet", "--prune=now"]);
    place.ends_with(0, &["commit", "last", "-m", "fix(greet): add a comma"]);
    assert_eq!(place.intent().status(), "published");
    place.repo.git(&["fsck", "--strict"]);
    place.assert_refs_told();
    place.assert_nothing_left();
}

#[test]
fn a_cache_that_was_removed_by_hand_is_made_again() {
    let told = Tale::PUBLISHED.begin();
    let place = &told.place;
    place.ends_with(3, &[ASK, "--provider", "local", "--review"]);
    sandbox::remove_tree(&place.cache()).unwrap();
    place.ends_with(0, &["commit", "last", "-m", "fix(greet): add a comma"]);
    place.ends_with(0, &["undo"]);
    place.ends_with(0, &["undo"]);
    place.ends_with(0, &["Put a comma behind Hello, again", "--provider", "local"]);
    place.assert_nothing_left();
}

#[test]
fn stored_times_do_not_follow_the_time_zone() {
    let mut told = Tale::PUBLISHED.begin();
    told.place.set("TZ", "Pacific/Kiritimati");
    let place = &told.place;
    let before = micros();
    place.ends_with(0, &[ASK, "--provider", "local"]);
    let id = place.intent().id;
    let times: Vec<i64> = place.with_store(|store| async move {
        store.events(&id).await.unwrap().into_iter().map(|recorded| recorded.at.0).collect()
    });
    assert!(times.iter().all(|at| (before..=micros()).contains(at)), "{before}: {times:?}");
    let text = place.ends_with(0, &["show", "last", "--json"]).stdout;
    assert!(!text.contains("+14:00"), "{text}");
}

#[expect(clippy::disallowed_methods, reason = "compares the program's clock with the machine's")]
fn micros() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_micros()).unwrap()
}
