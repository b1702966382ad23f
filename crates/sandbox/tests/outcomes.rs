//! What a report says: how the command ended, what it printed, and that failures of the three kinds stay apart.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "test code")]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::with_each_operator;
use sandbox::{Bind, Level, Limits, Spec, Tree};

const LEVELS: [Level; 3] = [Level::Strict, Level::Weak, Level::None];

fn at_each_level(name: &str, test: impl Fn(&common::Place, Level)) {
    for level in LEVELS {
        with_each_operator(name, level, |place| test(place, level));
    }
}

#[test]
fn exit_codes_and_signals_are_reported_as_they_are() {
    at_each_level("exit_codes_and_signals_are_reported_as_they_are", |place, level| {
        for (script, outcome) in [
            ("exit 0", "Exited { code: 0 }"),
            ("exit 3", "Exited { code: 3 }"),
            ("exit 127", "Exited { code: 127 }"),
            ("kill -9 $$", "Signalled { signal: 9 }"),
            ("kill -15 $$", "Signalled { signal: 15 }"),
        ] {
            assert_eq!(place.shell(level, script).outcome, outcome, "{script} at {level}");
        }
    });
}

#[test]
fn a_program_that_cannot_be_started_is_no_exit_code() {
    at_each_level("a_program_that_cannot_be_started_is_no_exit_code", |place, level| {
        place.make_file("tree/plain", "#!/no/such/interpreter\n");
        let refused = |argv: &[&str]| place.run(&place.spec(level, argv)).outcome;
        assert!(refused(&["no-such-program-here"]).starts_with("ExecFailed"), "{level}");
        assert!(refused(&["./absent"]).contains("No such file"), "{level}");
        assert!(refused(&["./plain"]).contains("Permission denied"), "{level}");
        let long = "x".repeat(200_000);
        assert!(refused(&["echo", &long]).contains("Argument list too long"), "{level}");
        make_executable(&place.path("tree/plain"));
        assert!(refused(&["./plain"]).contains("interpreter or loader"), "{level}");
    });
}

fn make_executable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_box_that_cannot_be_made_names_its_step_and_runs_nothing() {
    with_each_operator("a_box_that_cannot_be_made_names_its_step_and_runs_nothing", Level::Strict, |place| {
        let good = place.spec(Level::Strict, &["sh", "-c", "touch ran"]);
        let missing = vec![Bind::same(place.path("missing"))];
        let upper = Tree::Overlay {
            lower: place.path("lower"),
            layers: Vec::new(),
            upper: place.path("missing"),
            work: place.path("work"),
            at: "/tree".into(),
        };
        for (spec, step) in [
            (Spec { readable: missing, ..good.clone() }, "bind"),
            (Spec { cwd: "/tree/missing".into(), ..good.clone() }, "enter"),
            (Spec { tree: upper, ..good }, "open"),
        ] {
            let ran = place.run(&spec);
            assert!(ran.outcome.starts_with("SetupFailed"), "{ran:?}");
            assert!(ran.outcome.contains(step) && ran.outcome.contains("missing"), "{ran:?}");
        }
        assert!(!place.path("tree/ran").exists() && !place.path("upper/ran").exists());
    });
}

#[test]
fn a_weak_box_with_a_missing_tree_names_its_step() {
    with_each_operator("a_weak_box_with_a_missing_tree_names_its_step", Level::Weak, |place| {
        let path = place.path("missing");
        let tree = Tree::Folder { path: path.clone(), at: path.clone() };
        let ran = place.run(&Spec { tree, cwd: path, ..place.spec(Level::Weak, &["true"]) });
        assert!(ran.outcome.starts_with("SetupFailed") && ran.outcome.contains("missing"), "{ran:?}");
    });
}

#[test]
fn the_environment_is_what_was_given_and_three_names_of_the_box() {
    at_each_level("the_environment_is_what_was_given_and_three_names_of_the_box", |place, level| {
        let env = [("PATH", "/usr/bin:/bin"), ("ONE", "1 2=3"), ("HOME", "/root")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let ran = place.run(&Spec { env, ..place.spec(level, &["env"]) });
        let found: BTreeMap<&str, &str> =
            ran.stdout.lines().filter_map(|line| line.split_once('=')).collect();
        let scratch = place.path("scratch").display().to_string();
        let (home, tmp) = match level {
            Level::Strict => ("/home/box".to_owned(), "/tmp".to_owned()),
            _ => (format!("{scratch}/home"), format!("{scratch}/tmp")),
        };
        let expected = BTreeMap::from([
            ("PATH", "/usr/bin:/bin"),
            ("ONE", "1 2=3"),
            ("HOME", home.as_str()),
            ("TMPDIR", tmp.as_str()),
            ("CODEX_TASK_BOX", place.marker()),
        ]);
        assert_eq!(found, expected, "{level}");
    });
}

#[test]
fn home_and_temporary_folder_exist_and_can_be_written() {
    at_each_level("home_and_temporary_folder_exist_and_can_be_written", |place, level| {
        let script = "ls -A $HOME $TMPDIR && touch $HOME/a $TMPDIR/b && mktemp && rm $HOME/a $TMPDIR/b";
        for _ in 0..2 {
            place.shell(level, script).succeeded();
        }
    });
}

#[test]
fn a_package_cache_appears_in_home_and_cannot_be_written() {
    at_each_level("a_package_cache_appears_in_home_and_cannot_be_written", |place, level| {
        if level == Level::None {
            return;
        }
        place.make_folder("cache");
        place.make_file("cache/package", "text");
        let in_home = vec![Bind { source: place.path("cache"), target: ".cargo/registry".into() }];
        let script = "cat ~/.cargo/registry/package; touch ~/.cargo/beside && echo beside; \
                      touch ~/.cargo/registry/x 2>/dev/null || echo refused";
        let ran = place.run(&Spec { in_home, ..place.spec(level, &["sh", "-c", script]) });
        assert_eq!(ran.stdout, "textbeside\nrefused\n", "{level}: {ran:?}");
        assert_eq!(place.read("cache/package"), "text");
    });
}

#[test]
fn the_input_is_empty_and_no_descriptor_is_inherited() {
    at_each_level("the_input_is_empty_and_no_descriptor_is_inherited", |place, level| {
        assert_eq!(place.shell(level, "cat; echo end").stdout, "end\n");
        let spec = place.spec(level, &place.attempt(&["descriptors"]));
        let ran = place.run_through_shell("exec 7</etc/passwd 9>/dev/null; exec \"$@\"", &spec);
        assert_eq!(ran.told("descriptors"), "0 1 2", "{level}");
    });
}

#[test]
fn output_is_counted_exactly_and_kept_within_its_bound() {
    at_each_level("output_is_counted_exactly_and_kept_within_its_bound", |place, level| {
        let count = 30_000_001u64;
        let mut spec = place.spec(level, &place.attempt(&["flood", &count.to_string()]));
        spec.limits.output_kept = 10_000;
        let ran = place.run(&spec);
        assert_eq!((ran.succeeded().total, ran.kept), (count, 10_000), "{level}");
    });
}

#[test]
fn endless_output_ends_the_box() {
    at_each_level("endless_output_ends_the_box", |place, level| {
        let mut spec = place.spec(level, &["sh", "-c", "yes & yes"]);
        spec.limits.output_total = 1 << 20;
        let ran = place.run(&spec);
        assert_eq!(ran.outcome, "OutputLimit", "{level}");
        assert!(ran.wall < Duration::from_secs(10), "{ran:?}");
        place.assert_empty();
    });
}

#[test]
fn errors_and_output_are_kept_apart() {
    at_each_level("errors_and_output_are_kept_apart", |place, level| {
        let ran = place.shell(level, "echo out; echo err >&2");
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("out\n", "err\n"), "{level}");
    });
}

#[test]
fn a_meaningless_request_is_refused_before_anything_starts() {
    with_each_operator("a_meaningless_request_is_refused_before_anything_starts", Level::None, |place| {
        let spec = Spec { cwd: "/etc".into(), ..place.spec(Level::None, &["true"]) };
        assert!(place.run(&spec).outcome.starts_with("Error: sandbox request refused, field cwd"));
    });
}

#[test]
fn memory_processor_time_and_file_size_are_bounded() {
    at_each_level("memory_processor_time_and_file_size_are_bounded", |place, level| {
        let limited = |script: &str, change: fn(&mut Limits)| {
            let mut spec = place.spec(level, &["sh", "-c", script]);
            change(&mut spec.limits);
            place.run(&spec)
        };
        let ran = limited("while :; do :; done", |limits| limits.cpu = Some(Duration::from_secs(1)));
        assert_eq!(ran.outcome, "Signalled { signal: 24 }", "{level}: {ran:?}");
        let ran = limited("head -c 3000000 /dev/zero > big", |limits| limits.file_size = 1 << 20);
        assert!(!ran.outcome.contains("code: 0"), "{level}: {ran:?}");
        assert_eq!(std::fs::metadata(place.path("tree/big")).unwrap().len(), 1 << 20);
        let ran = limited("x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo ${#x}", |limits| {
            limits.memory = Some(64 << 20);
        });
        assert!(!ran.stdout.contains("200000000"), "{level}: {ran:?}");
    });
}
