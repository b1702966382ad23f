//! The collection of sandbox cases, each by its id: real attempts inside of a box, made by root and by an ordinary user,
//! at strict and, as far as it promises the same, at weak. An attempt that succeeds is a breach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "test code")]

mod common;

use std::collections::BTreeSet;

use common::{Place, with_each_operator};
use sandbox::{Answer, Level, Spec, Tried};

/// A case's id and the test that shows it: in this file, or in the file that is named.
const SHOWN: [(&str, &str); 15] = [
    ("sbx-003", "proc_leads_nowhere_and_the_running_program_is_not_overwritten"),
    ("sbx-004", "the_kernels_settings_are_not_written_by_anybody"),
    ("sbx-005", "nothing_is_mounted_remounted_or_unmounted"),
    ("sbx-006", "there_is_no_further_user_namespace"),
    ("sbx-009", "attributes_are_not_set"),
    ("sbx-011", "crates/cli/tests/stories/boxed.rs: what_a_check_plants_in_its_tree_is_honoured_by_nobody"),
    (
        "sbx-013",
        "crates/cli/tests/stories/boxed.rs: a_git_file_that_a_check_replaces_leads_no_step_of_ours_astray",
    ),
    ("sbx-015", "crates/cli/tests/stories/boxed.rs: tests_that_call_git_find_a_repository_of_their_own"),
    ("sbx-017", "sockets_of_the_machine_are_not_reached"),
    ("sbx-018", "uncommon_sockets_do_not_open"),
    ("sbx-019", "an_own_loopback_works"),
    ("sbx-024", "keys_rings_and_kernel_code_are_refused"),
    ("sbx-027", "no_descriptor_is_inherited"),
    ("sbx-031", "without_namespaces_a_box_is_weak_by_name_or_not_there_at_all"),
    ("sbx-032", "a_box_that_cannot_be_made_is_neither_a_failing_test_nor_no_box"),
];

#[test]
fn every_case_is_shown_by_a_test_that_exists() {
    for (id, place) in SHOWN {
        let (file, name) = place.split_once(": ").unwrap_or(("crates/sandbox/tests/cases.rs", place));
        let text = std::fs::read_to_string(testkit::workspace_root().join(file)).unwrap_or_default();
        assert!(text.contains(&format!("fn {name}()")), "{id}: no test {name} in {file}");
    }
    let Some(cases) = testkit::cases_dir() else {
        return println!("the collection of cases is not here: its ids were not compared");
    };
    let text = std::fs::read_to_string(cases.join("sandbox.jsonl")).unwrap();
    let id = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let wanted: BTreeSet<String> = text.lines().filter(|line| !line.is_empty()).map(id).collect();
    let shown: BTreeSet<String> = SHOWN.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert_eq!(shown, wanted);
}

/// Asserts for every operator and both levels that these attempts are denied.
fn denied(test: &str, names: &[&str]) {
    for level in [Level::Strict, Level::Weak] {
        with_each_operator(test, level, |place| {
            let tried = place.try_denials(level);
            for name in names {
                let found = answer(&tried, name);
                assert!(matches!(found, Answer::Denied { .. }), "{name} at {level}: {found:?}");
            }
        });
    }
}

fn answer<'a>(tried: &'a [Tried], name: &str) -> &'a Answer {
    &tried.iter().find(|t| t.name == name).unwrap_or_else(|| panic!("{name} was not tried")).answer
}

#[test]
fn proc_leads_nowhere_and_the_running_program_is_not_overwritten() {
    denied(
        "proc_leads_nowhere_and_the_running_program_is_not_overwritten",
        &["proc-root", "own-program", "host-processes"],
    );
}

#[test]
fn the_kernels_settings_are_not_written_by_anybody() {
    denied("the_kernels_settings_are_not_written_by_anybody", &["kernel-settings", "privileges"]);
}

#[test]
fn nothing_is_mounted_remounted_or_unmounted() {
    denied("nothing_is_mounted_remounted_or_unmounted", &["mounts"]);
}

#[test]
fn there_is_no_further_user_namespace() {
    denied("there_is_no_further_user_namespace", &["namespaces", "mounts"]);
}

#[test]
fn attributes_are_not_set() {
    denied("attributes_are_not_set", &["attributes"]);
}

#[test]
fn sockets_of_the_machine_are_not_reached() {
    denied("sockets_of_the_machine_are_not_reached", &["host-sockets", "host-network", "host-datagrams"]);
}

#[test]
fn uncommon_sockets_do_not_open() {
    denied("uncommon_sockets_do_not_open", &["socket-families"]);
}

#[test]
fn an_own_loopback_works() {
    with_each_operator("an_own_loopback_works", Level::Strict, |place| {
        assert_eq!(*answer(&place.try_denials(Level::Strict), "own-loopback"), Answer::Works);
    });
    with_each_operator("an_own_loopback_works", Level::Weak, |place| {
        let tried = place.try_denials(Level::Weak);
        assert!(matches!(answer(&tried, "own-loopback"), Answer::NotPromised { .. }), "{tried:?}");
    });
}

#[test]
fn keys_rings_and_kernel_code_are_refused() {
    denied(
        "keys_rings_and_kernel_code_are_refused",
        &["keys", "io-uring", "kernel-code", "machine", "trace"],
    );
}

#[test]
fn no_descriptor_is_inherited() {
    denied("no_descriptor_is_inherited", &["descriptors"]);
    for level in [Level::Strict, Level::Weak] {
        with_each_operator("no_descriptor_is_inherited", level, |place| {
            let spec = place.spec(level, &place.attempt(&["descriptors"]));
            let ran = place.run_through_shell("exec 7</etc/passwd 9>/dev/null; exec \"$@\"", &spec);
            assert_eq!(ran.told("descriptors"), "0 1 2", "{level}");
        });
    }
}

#[test]
fn everything_that_is_denied_was_tried_and_holds() {
    for level in [Level::Strict, Level::Weak] {
        with_each_operator("everything_that_is_denied_was_tried_and_holds", level, |place| {
            let tried = place.try_denials(level);
            let names: Vec<&str> = tried.iter().map(|t| t.name.as_str()).collect();
            assert_eq!(names, sandbox::denials().map(|(name, _)| name).collect::<Vec<_>>());
            let open: Vec<&Tried> = tried.iter().filter(|t| !t.holds()).collect();
            assert!(open.is_empty(), "{level} as {:?}: {open:#?}", place.operator);
            place.assert_empty();
        });
    }
}

#[test]
fn an_empty_folder_of_the_homes_name_is_no_breach() {
    for level in [Level::Strict, Level::Weak] {
        with_each_operator("an_empty_folder_of_the_homes_name_is_no_breach", level, |place| {
            let tried = place.try_denials_of(level, std::path::Path::new("/root"));
            let found = answer(&tried, "home");
            assert!(matches!(found, Answer::Denied { .. }), "{level} as {:?}: {found:?}", place.operator);
        });
    }
}

/// The negative control: what would be seen if nothing were denied.
#[test]
fn without_a_box_the_same_attempts_are_breaches() {
    let everybody = [
        "write-outside",
        "read-outside",
        "home",
        "proc-root",
        "host-network",
        "host-datagrams",
        "host-sockets",
        "socket-families",
        "signal",
        "host-processes",
        "machine",
        "privileges",
        "terminal",
    ];
    let root = ["secrets", "system", "kernel-settings", "mounts", "namespaces"];
    with_each_operator("without_a_box_the_same_attempts_are_breaches", Level::None, |place| {
        let tried = place.try_denials(Level::None);
        let more: &[&str] = if place.is_operated_by_root() { &root } else { &[] };
        for name in everybody.iter().chain(more) {
            let found = answer(&tried, name);
            assert!(matches!(found, Answer::Breach { .. }), "{name} as {:?}: {found:?}", place.operator);
        }
    });
}

/// Scripts that start `"$@"` where strict cannot be had, and what is said of it.
const HINDRANCES: [(&str, &str, &str); 2] = [
    (
        "user namespaces are off",
        "exec unshare --user --map-root-user sh -c 'echo 0 > /proc/sys/user/max_user_namespaces; exec \"$@\"' sh \"$@\"",
        "namespaces",
    ),
    (
        "a plain container",
        "exec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin \"$@\"",
        "CAP_SYS_ADMIN",
    ),
];

#[test]
fn without_namespaces_a_box_is_weak_by_name_or_not_there_at_all() {
    let name = "without_namespaces_a_box_is_weak_by_name_or_not_there_at_all";
    with_each_operator(name, Level::Strict, |place| {
        for (what, script, why) in HINDRANCES {
            if what == "a plain container" && !place.is_operated_by_root() {
                // A user without privileges has none to lose.
                continue;
            }
            let machine = place.machine_through_shell(script);
            assert!(machine.strongest < Level::Strict, "{what}: {machine:?}");
            let told = machine.why_not_strict.clone().unwrap_or_default();
            assert!(told.contains(why), "{what}: {told}");
            let refused = machine.choose(Level::Strict, None).unwrap_err().to_string();
            assert!(refused.contains(why), "{what}: {refused}");
            match machine.choose(Level::Weak, None) {
                Ok(level) => assert_eq!(level, Level::Weak, "{what}"),
                Err(error) => assert!(error.to_string().contains("weak"), "{what}: {error}"),
            }
            fails_closed(place, script);
        }
    });
}

/// A box of a level that the machine does not allow is not made as a weaker one.
fn fails_closed(place: &Place, script: &str) {
    let spec = place.spec(Level::Strict, &["sh", "-c", "touch ran"]);
    let ran = place.run_through_shell(script, &spec);
    assert!(ran.outcome.starts_with("SetupFailed"), "{ran:?}");
    assert!(!place.path("tree/ran").exists());
}

#[test]
fn a_box_that_cannot_be_made_is_neither_a_failing_test_nor_no_box() {
    let name = "a_box_that_cannot_be_made_is_neither_a_failing_test_nor_no_box";
    for level in [Level::Strict, Level::Weak] {
        with_each_operator(name, level, |place| {
            let ran = |argv: &[&str]| place.spec(level, argv);
            let good = ran(&["sh", "-c", "touch ran; exit 125"]);
            assert_eq!(place.run(&good).outcome, "Exited { code: 125 }", "{level}");
            std::fs::remove_file(place.path("tree/ran")).unwrap();
            let broken = Spec { cwd: good.cwd.join("missing"), ..good };
            let ended = place.run(&broken);
            assert!(ended.outcome.starts_with("SetupFailed"), "{level}: {ended:?}");
            assert!(!place.path("tree/ran").exists(), "{level}: it was run without its box");
            let absent = place.run(&ran(&["no-such-program"]));
            assert!(absent.outcome.starts_with("ExecFailed"), "{level}: {absent:?}");
        });
    }
}
