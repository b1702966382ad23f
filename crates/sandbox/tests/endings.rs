//! Nothing of a box outlives it: not at its own end, not at the deadline, not when those who watch it are killed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "test code")]

mod common;

use std::process::Child;
use std::time::{Duration, Instant};

use common::{Place, cancel, finish, wait_until, with_each_operator};
use sandbox::{Level, Spec};

const LEVELS: [Level; 3] = [Level::Strict, Level::Weak, Level::None];

fn at_each_level(name: &str, test: impl Fn(&Place, Level)) {
    for level in LEVELS {
        with_each_operator(name, level, |place| test(place, level));
    }
}

fn with_wall(mut spec: Spec, millis: u64) -> Spec {
    spec.limits.wall = Duration::from_millis(millis);
    spec.limits.grace = Duration::from_millis(200);
    spec
}

/// Starts a box and waits until its command has made a file.
fn start_and_wait(place: &Place, level: Level, script: &str) -> Child {
    let script = format!("{script} touch started; sleep 600");
    let child = place.start(&place.spec(level, &["sh", "-c", &script]));
    wait_until("the command has started", || place.path("tree/started").exists());
    child
}

#[test]
fn a_daemon_dies_with_its_command_and_is_counted() {
    at_each_level("a_daemon_dies_with_its_command_and_is_counted", |place, level| {
        let ran = place.try_in_box(level, &["daemon"]);
        assert_eq!(ran.succeeded().stdout, "started\n", "{level}");
        assert_eq!(ran.leftovers, 1, "{level}");
        assert!(ran.wall < Duration::from_secs(5), "{ran:?}");
        place.assert_empty();
    });
}

#[test]
fn a_command_that_ignores_requests_dies_at_the_deadline() {
    at_each_level("a_command_that_ignores_requests_dies_at_the_deadline", |place, level| {
        let ran = place.run(&with_wall(place.spec(level, &place.attempt(&["stubborn"])), 500));
        assert_eq!((ran.outcome.as_str(), ran.stdout.as_str()), ("TimedOut", "ready\n"), "{level}");
        assert!(ran.wall >= Duration::from_millis(700) && ran.wall < Duration::from_secs(5), "{ran:?}");
        place.assert_empty();
    });
}

#[test]
fn a_command_may_clean_up_before_the_deadline_kills_it() {
    at_each_level("a_command_may_clean_up_before_the_deadline_kills_it", |place, level| {
        let script = "trap 'echo cleaned; exit 0' TERM; echo ready; while :; do sleep 600 & wait; done";
        let mut spec = with_wall(place.spec(level, &["sh", "-c", script]), 500);
        spec.limits.grace = Duration::from_secs(10);
        let ran = place.run(&spec);
        assert_eq!((ran.outcome.as_str(), ran.stdout.as_str()), ("TimedOut", "ready\ncleaned\n"), "{level}");
        assert!(ran.wall < Duration::from_secs(5), "{ran:?}");
    });
}

#[test]
fn closing_the_output_does_not_hide_from_the_deadline() {
    at_each_level("closing_the_output_does_not_hide_from_the_deadline", |place, level| {
        let spec = with_wall(place.spec(level, &["sh", "-c", "exec >&- 2>&-; sleep 600"]), 300);
        assert_eq!(place.run(&spec).outcome, "TimedOut", "{level}");
        place.assert_empty();
    });
}

#[test]
fn a_stopped_command_dies_at_the_deadline() {
    at_each_level("a_stopped_command_dies_at_the_deadline", |place, level| {
        let spec = with_wall(place.spec(level, &["sh", "-c", "kill -STOP $$"]), 300);
        assert_eq!(place.run(&spec).outcome, "TimedOut", "{level}");
        place.assert_empty();
    });
}

#[test]
fn a_fork_bomb_is_bounded_and_dies() {
    at_each_level("a_fork_bomb_is_bounded_and_dies", |place, level| {
        let mut spec = place.spec(level, &place.attempt(&["forks"]));
        spec.limits.processes = 40;
        let ran = place.run(&spec);
        if level == Level::None && place.is_operated_by_root() {
            // The kernel never counts the processes of real root; that is among the reasons why `none` is no box.
            place.assert_empty();
            return;
        }
        let count: u64 = ran.told("forks").parse().unwrap();
        // Outside of strict the user's other processes count too, and some may end meanwhile.
        let bound = if level == Level::Strict { 40 } else { 500 };
        assert!((1..=bound).contains(&count), "{level}: {ran:?}");
        assert_eq!(ran.leftovers, count, "{level}");
        place.assert_empty();
    });
}

#[test]
fn boxes_do_not_use_up_each_others_processes() {
    with_each_operator("boxes_do_not_use_up_each_others_processes", Level::Strict, |place| {
        let mut spec = place.spec(Level::Strict, &place.attempt(&["forks"]));
        spec.limits.processes = 40;
        let others: Vec<Child> = (0..3).map(|_| place.start(&spec)).collect();
        let counts: Vec<u64> =
            others.into_iter().map(|child| finish(child).told("forks").parse().unwrap()).collect();
        assert!(counts.iter().all(|count| *count == counts[0] && *count > 30), "{counts:?}");
    });
}

#[test]
fn a_killed_operator_takes_its_box_along() {
    at_each_level("a_killed_operator_takes_its_box_along", |place, level| {
        let mut operator = start_and_wait(place, level, "setsid sleep 600 & sleep 600 &");
        assert!(place.survivors().len() >= 3, "{:?}", place.survivors());
        operator.kill().unwrap();
        operator.wait().unwrap();
        place.assert_empty();
    });
}

#[test]
fn a_killed_helper_takes_its_box_along_and_is_reported() {
    at_each_level("a_killed_helper_takes_its_box_along_and_is_reported", |place, level| {
        let operator = start_and_wait(place, level, "setsid sleep 600 &");
        place.kill_helper(&operator);
        assert!(finish(operator).outcome.contains("ended without a report"), "{level}");
        place.assert_empty();
    });
}

#[test]
fn orphans_of_a_killed_helper_are_found_by_their_marker() {
    with_each_operator("orphans_of_a_killed_helper_are_found_by_their_marker", Level::None, |place| {
        let mut operator = start_and_wait(place, Level::None, "setsid sleep 600 &");
        place.freeze(&operator);
        place.kill_helper(&operator);
        operator.kill().unwrap();
        operator.wait().unwrap();
        sandbox::kill_leftovers(place.marker());
        assert_eq!(place.survivors(), [] as [String; 0]);
        assert_eq!(sandbox::kill_leftovers(place.marker()), 0);
    });
}

#[test]
fn a_run_can_be_cancelled_from_another_thread() {
    at_each_level("a_run_can_be_cancelled_from_another_thread", |place, level| {
        let start = Instant::now();
        let mut operator = start_and_wait(place, level, "");
        cancel(&mut operator);
        assert_eq!(finish(operator).outcome, "Cancelled", "{level}");
        assert!(start.elapsed() < Duration::from_secs(10));
        place.assert_empty();
    });
}

#[test]
fn a_disk_that_runs_short_ends_the_box() {
    at_each_level("a_disk_that_runs_short_ends_the_box", |place, level| {
        let mut spec = place.spec(level, &["sleep", "600"]);
        spec.limits.disk_reserve = u64::MAX;
        assert_eq!(place.run(&spec).outcome, "DiskLimit", "{level}");
        place.assert_empty();
    });
}

#[test]
fn a_tree_that_grows_beyond_its_bound_ends_the_box() {
    // The first look at a folder says what was there before: the file comes after it.
    let script = |name: &str| format!("sleep 2; head -c 30000000 /dev/zero > {name}; sleep 600");
    at_each_level("a_tree_that_grows_beyond_its_bound_ends_the_box", |place, level| {
        let mut spec = place.spec(level, &["sh", "-c", &script("one")]);
        spec.limits.tree_bytes = Some(40 << 20);
        let spec = with_wall(spec, 6_000);
        assert_eq!(place.run(&spec).outcome, "TimedOut", "{level}: it may write so much");
        let mut spec = place.spec(level, &["sh", "-c", &script("two")]);
        spec.limits.tree_bytes = Some(8 << 20);
        let spec = with_wall(spec, 60_000);
        assert_eq!(place.run(&spec).outcome, "DiskLimit", "{level}");
        place.assert_empty();
    });
}
