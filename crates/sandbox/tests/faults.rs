//! Commands that harm: what they fill, multiply and leave. Each ends in a named state, and nothing of it is left.
//! The list says for every fault of the collection which test shows it, wherever that test stands.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "test code")]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{Place, finish, wait_until, with_each_operator};
use sandbox::{Level, Spec, Tree};

const LEVELS: [Level; 3] = [Level::Strict, Level::Weak, Level::None];

fn at_each_level(name: &str, test: impl Fn(&Place, Level)) {
    for level in LEVELS {
        with_each_operator(name, level, |place| test(place, level));
    }
}

fn within(mut spec: Spec, millis: u64) -> Spec {
    spec.limits.wall = Duration::from_millis(millis);
    spec.limits.grace = Duration::from_millis(200);
    spec
}

#[test]
fn an_exponential_fork_bomb_is_bounded_and_dies() {
    at_each_level("an_exponential_fork_bomb_is_bounded_and_dies", |place, level| {
        if level == Level::None {
            // The kernel does not count the processes of real root: a bomb at `none` is a bomb on the machine.
            return;
        }
        let mut spec = within(place.spec(level, &place.attempt(&["bomb"])), 1000);
        spec.limits.processes = 60;
        assert_eq!(place.run(&spec).outcome, "TimedOut", "{level} as {:?}", place.operator);
        place.assert_empty();
        assert_eq!(place.shell(level, "echo on").succeeded().stdout, "on\n", "{level}");
    });
}

#[test]
fn a_flood_is_drained_in_flat_memory() {
    const COUNT: u64 = 1 << 30;
    with_each_operator("a_flood_is_drained_in_flat_memory", Level::Strict, |place| {
        let mut spec = place.spec(Level::Strict, &["head", "-c", &COUNT.to_string(), "/dev/zero"]);
        spec.limits.wall = Duration::from_secs(300);
        spec.limits.output_total = u64::MAX;
        spec.limits.output_kept = 1 << 20;
        let ran = place.run(&spec);
        assert_eq!((ran.succeeded().total, ran.kept), (COUNT, 1 << 20));
        assert!(ran.own_peak_kib < 64 << 10, "{} KiB for {COUNT} bytes", ran.own_peak_kib);
    });
}

#[test]
fn sessions_of_their_own_do_not_outlive_the_command() {
    at_each_level("sessions_of_their_own_do_not_outlive_the_command", |place, level| {
        let script =
            "for i in 1 2 3; do setsid sh -c '(sleep 600 & sleep 600) & sleep 600' & done; echo done; exit 0";
        let ran = place.shell(level, script);
        assert_eq!(ran.succeeded().stdout, "done\n", "{level}");
        assert!(ran.wall < Duration::from_secs(15), "{level}: it waited for a daemon: {ran:?}");
        place.assert_empty();
    });
}

/// A small disk that only the operator and its boxes see, mounted at `"$DISK"`.
fn on_a_small_disk(place: &Place, megabytes: u32) -> String {
    let rights = if place.is_operated_by_root() { "" } else { "--user --map-root-user" };
    let disk = place.make_folder("disk");
    format!(
        "exec unshare {rights} --mount sh -c 'mount -t tmpfs -o size={megabytes}m,mode=755 disk {0} && \
         mkdir {0}/tree && exec \"$@\"' sh \"$@\"",
        disk.display()
    )
}

fn in_folder(place: &Place, name: &str, script: &str) -> Spec {
    let tree = Tree::Folder { path: place.path(name), at: "/tree".into() };
    Spec { tree, ..place.spec(Level::Strict, &["sh", "-c", script]) }
}

const FILL: &str = "head -c 200000000 /dev/zero > big; echo ended $?; sleep 600";

#[test]
fn a_full_disk_is_an_error_inside_and_the_reserve_is_kept() {
    with_each_operator("a_full_disk_is_an_error_inside_and_the_reserve_is_kept", Level::Strict, |place| {
        let script = on_a_small_disk(place, 64);
        let mut spec = in_folder(place, "disk/tree", "head -c 200000000 /dev/zero > big || echo full");
        spec.limits.disk_reserve = 0;
        let full = place.run_through_shell(&script, &spec);
        assert_eq!(full.succeeded().stdout, "full\n", "{full:?}");
        assert!(full.stderr.contains("No space left"), "{full:?}");
        let mut spec = in_folder(place, "disk/tree", FILL);
        spec.limits.disk_reserve = 16 << 20;
        assert_eq!(place.run_through_shell(&script, &spec).outcome, "DiskLimit");
        place.assert_empty();
    });
}

#[test]
fn a_tree_of_any_depth_and_of_odd_names_is_used_again_and_removed() {
    let name = "a_tree_of_any_depth_and_of_odd_names_is_used_again_and_removed";
    with_each_operator(name, Level::Strict, |place| {
        // A shell forgets how to name where it is; each step is a process of its own folder.
        let deep = "i=0; while [ $i -lt 300 ]; do mkdir d && cd -P d || exit 1; i=$((i+1)); done";
        let odd = "mkfifo pipe; ln -s / root; ln -s loop loop; mkdir -m 0 shut; touch CON aux.c 'a b' \"$(printf 'x\\ny')\" \
                   \"$(printf '\\377')\" -rf; mkdir $(seq 1 300); chmod 0 1 2 3";
        place.shell(Level::Strict, &format!("{odd}; {deep}")).succeeded();
        let again = place.shell(Level::Strict, "test -p pipe && test -d d/d/d && ls | wc -l");
        assert!(again.succeeded().stdout.trim().parse::<u32>().unwrap() > 300, "{again:?}");
        place.remove_as_operator("tree");
        assert!(!place.path("tree").exists());
    });
}

#[test]
fn an_operator_that_sleeps_through_its_command_reports_it_all_the_same() {
    at_each_level("an_operator_that_sleeps_through_its_command_reports_it_all_the_same", |place, level| {
        let script = "touch started; while test ! -e go; do sleep 0.01; done; echo done; touch ended";
        let operator = place.start(&place.spec(level, &["sh", "-c", script]));
        wait_until("the command has started", || place.path("tree/started").exists());
        place.freeze(&operator);
        place.make_file("tree/go", "");
        wait_until("the command has ended", || place.path("tree/ended").exists());
        place.thaw(&operator);
        assert_eq!(finish(operator).succeeded().stdout, "done\n", "{level}");
        place.assert_empty();
    });
}

/// How a fault of the collection is shown.
enum Shown {
    /// By the test of this name in this file.
    By(&'static str, &'static str),
    /// By a golden case.
    Scenario(&'static str),
    /// The part that it is about is not built.
    NotBuilt(&'static str),
    /// Not shown, and why.
    Not(&'static str),
}

use Shown::{By, Not, NotBuilt, Scenario};

const HERE: &str = "crates/sandbox/tests/faults.rs";
const ENDINGS: &str = "crates/sandbox/tests/endings.rs";
const OUTCOMES: &str = "crates/sandbox/tests/outcomes.rs";
const KILLED: &str = "crates/cli/tests/stories/faults.rs";
const DURING: &str = "crates/cli/tests/stories/during.rs";
const STOPS: &str = "crates/cli/tests/stories/stops.rs";
const PLACES: &str = "crates/cli/tests/stories/places.rs";

const AT_EVERY_EVENT: Shown = By(KILLED, "killed_after_any_event_a_good_answer_still_becomes_its_branch");
const NO_PUSH: Shown = NotBuilt("nothing is pushed yet");
const NO_BATCH: Shown = NotBuilt("there are no batches yet");

const FAULTS: &[(&str, Shown)] = &[
    ("flt-001", AT_EVERY_EVENT),
    (
        "flt-002",
        By(KILLED, "killed_while_a_paid_question_is_announced_its_ceiling_is_charged_and_else_what_it_cost"),
    ),
    ("flt-004", By(DURING, "a_free_question_under_way_is_asked_again_after_a_crash")),
    ("flt-005", AT_EVERY_EVENT),
    ("flt-007", AT_EVERY_EVENT),
    ("flt-009", By(DURING, "a_check_dies_with_its_operator_at_the_strongest_level")),
    ("flt-010", AT_EVERY_EVENT),
    ("flt-011", AT_EVERY_EVENT),
    ("flt-013", AT_EVERY_EVENT),
    ("flt-014", NO_PUSH),
    ("flt-015", NO_PUSH),
    (
        "flt-016",
        By(
            "crates/store/tests/store/processes.rs",
            "a_killed_writer_leaves_a_chain_that_verifies_and_goes_on",
        ),
    ),
    ("flt-019", By("crates/store/src/sql/sqlite/tests.rs", "a_migration_that_was_cut_off_begins_again")),
    ("flt-021", By(STOPS, "killed_at_any_moment_a_change_comes_to_rest")),
    ("flt-022", By(STOPS, "an_interrupt_during_a_check_aborts_the_change")),
    ("flt-024", By(STOPS, "a_request_to_end_is_met_even_by_a_check_that_ignores_it")),
    ("flt-025", By(STOPS, "a_terminal_that_is_closed_takes_the_check_along")),
    ("flt-026", By(STOPS, "an_output_that_nobody_reads_keeps_the_exit_code")),
    ("flt-027", By(HERE, "sessions_of_their_own_do_not_outlive_the_command")),
    ("flt-030", By(HERE, "a_flood_is_drained_in_flat_memory")),
    ("flt-032", By(ENDINGS, "closing_the_output_does_not_hide_from_the_deadline")),
    ("flt-034", By(HERE, "an_exponential_fork_bomb_is_bounded_and_dies")),
    ("flt-036", By(HERE, "a_full_disk_is_an_error_inside_and_the_reserve_is_kept")),
    ("flt-039", By(STOPS, "pipes_links_and_closed_folders_that_a_check_leaves_stop_nobody")),
    ("flt-040", Scenario("047_test_rewrites_a_tracked_file")),
    ("flt-041", Scenario("045_leaves_before_the_tests")),
    ("flt-042", Scenario("046_forges_the_report")),
    ("flt-043", By(OUTCOMES, "memory_processor_time_and_file_size_are_bounded")),
    ("flt-045", By(OUTCOMES, "a_program_that_cannot_be_started_is_no_exit_code")),
    ("flt-050", By(PLACES, "a_full_disk_under_the_journal_is_told_and_gone_on_from")),
    ("flt-051", By(PLACES, "a_journal_that_cannot_be_written_is_told_at_the_start")),
    (
        "flt-052",
        Not(
            "needs a file system that fails on demand; the journal's database syncs every transaction in full",
        ),
    ),
    (
        "flt-053",
        Not(
            "needs a disk that loses what was not synced; the journal's database syncs every transaction in full",
        ),
    ),
    (
        "flt-055",
        By(
            "crates/store/tests/store/journal.rs",
            "a_clock_that_goes_back_is_counted_and_does_not_disturb_the_order",
        ),
    ),
    ("flt-056", By(HERE, "an_operator_that_sleeps_through_its_command_reports_it_all_the_same")),
    ("flt-057", By(PLACES, "stored_times_do_not_follow_the_time_zone")),
    ("flt-058", By(PLACES, "a_journal_that_somebody_holds_for_a_while_is_waited_for")),
    ("flt-060", By(PLACES, "operators_with_registries_of_their_own_share_a_repository")),
    ("flt-061", By(PLACES, "a_lock_file_of_a_dead_process_locks_nothing")),
    ("flt-062", Not("no test pauses an operator beyond the lease of its reservation")),
    ("flt-065", NO_PUSH),
    ("flt-066", NO_PUSH),
    ("flt-067", NO_PUSH),
    ("flt-068", By(PLACES, "operators_with_registries_of_their_own_share_a_repository")),
    ("flt-069", By(PLACES, "what_git_tidies_meanwhile_is_not_missed")),
    ("flt-070", By(PLACES, "what_git_tidies_meanwhile_is_not_missed")),
    ("flt-071", NO_BATCH),
    ("flt-072", NO_BATCH),
    (
        "flt-074",
        By("crates/cli/tests/stories/undo.rs", "undo_twice_gives_the_very_same_branch_and_can_go_on_so"),
    ),
    ("flt-075", By(PLACES, "a_cache_that_was_removed_by_hand_is_made_again")),
];

#[test]
fn every_fault_is_shown_by_a_test_that_exists_or_says_why_not() {
    let root = testkit::workspace_root();
    for (id, shown) in FAULTS {
        match shown {
            By(file, name) => {
                let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
                assert!(text.contains(&format!("fn {name}(")), "{id}: no test {name} in {file}");
            }
            Scenario(name) => assert!(root.join("scenarios").join(name).is_dir(), "{id}: no scenario {name}"),
            NotBuilt(why) | Not(why) => println!("{id} is not shown: {why}"),
        }
    }
    let Some(cases) = testkit::cases_dir() else {
        return println!("the collection of faults is not here: its ids were not compared");
    };
    let text = std::fs::read_to_string(cases.join("faults.jsonl")).unwrap();
    let id = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let wanted: BTreeSet<String> = text.lines().filter(|line| !line.is_empty()).map(id).collect();
    let listed: BTreeSet<String> = FAULTS.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert_eq!(listed, wanted);
}
