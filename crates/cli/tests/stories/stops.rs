//! Stopped from outside: interrupts, requests to end, a closed terminal, an output that nobody reads, SIGKILL at any
//! moment; and checks that leave what a reader would stumble over.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use testkit::{FaultRun, Killed, Snapshot};

use crate::support::patches::ASK;
use crate::support::{PROGRAM, Place, SOON, wait_for};
use crate::tell::{Tale, Told};

/// A check that says that it began and then waits, deaf to requests to end, beside others that are too.
const DEAF: &str = "checks:\n  detect: false\n  commands:\n    - name: deaf\n      run: \"trap '' TERM INT HUP; \
                    touch begun; (setsid sleep 600 & sleep 600) & sleep 600\"\n";

fn hanging() -> Told {
    Tale { policy: DEAF, ..Tale::PUBLISHED }.begin()
}

/// The file of a check that has begun, in whatever tree there is.
fn begun(place: &Place) -> Option<PathBuf> {
    let trees = std::fs::read_dir(place.cache().join("trees")).ok()?;
    trees.flatten().map(|tree| tree.path().join("tree/begun")).find(|file| file.exists())
}

/// Starts a change, waits until its check runs, and sends a signal.
fn signalled(place: &Place, signal: Signal) -> ExitStatus {
    let mut operator: Child = place.start(&[ASK, "--provider", "local"]);
    wait_for("a check that runs", || begun(place));
    kill_process(Pid::from_child(&operator), signal).unwrap();
    wait_for("the operator's end", || operator.try_wait().unwrap())
}

fn is_aborted_with_nothing_left(place: &Place) {
    let intent = place.intent();
    assert_eq!(intent.status(), "aborted");
    place.assert_nothing_left();
    place.assert_refs_told();
}

#[test]
fn an_interrupt_during_a_check_aborts_the_change() {
    let told = hanging();
    let untouched = told.place.digest();
    let status = signalled(&told.place, Signal::INT);
    assert_eq!(status.code(), Some(130));
    is_aborted_with_nothing_left(&told.place);
    told.place.assert_untouched(&untouched);
}

#[test]
fn a_request_to_end_is_met_even_by_a_check_that_ignores_it() {
    let told = hanging();
    let status = signalled(&told.place, Signal::TERM);
    assert_eq!(status.code(), Some(130));
    is_aborted_with_nothing_left(&told.place);
}

#[test]
fn a_terminal_that_is_closed_takes_the_check_along() {
    let told = hanging();
    let status = signalled(&told.place, Signal::HUP);
    assert_eq!(status.signal(), Some(1));
    told.place.watch_processes().wait_until_nothing_left(&Snapshot::default(), SOON);
    // Nobody was there to say how it ended; under another policy it is not gone on with.
    std::fs::write(told.place.home.join("config.yaml"), crate::support::patches::POLICY).unwrap();
    told.place.ends_with(0, &["resume"]);
    is_aborted_with_nothing_left(&told.place);
}

/// Runs the program with an output that nobody reads any more, and the errors too where `both`. Gives its exit code and
/// what it said on its errors.
fn unread(place: &Place, args: &[&str], both: bool) -> (Option<i32>, String) {
    let broken = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    let said = place.home.join("said");
    let errors = if both { broken() } else { std::fs::File::create(&said).unwrap().into() };
    #[expect(clippy::disallowed_methods, reason = "starts the program under test")]
    let mut command = std::process::Command::new(PROGRAM);
    command.args(args).current_dir(place.repo.path()).env_clear().envs(place.environment());
    let status = command.stdin(Stdio::null()).stdout(broken()).stderr(errors).status().unwrap();
    (status.code(), std::fs::read_to_string(said).unwrap_or_default())
}

#[test]
fn an_output_that_nobody_reads_keeps_the_exit_code() {
    for both in [false, true] {
        let told = Tale::PUBLISHED.begin();
        let place = &told.place;
        let runs: [(i32, &[&str]); 6] = [
            (0, &[ASK, "--provider", "local"]),
            (0, &["show", "last", "--json"]),
            (0, &["doctor"]),
            (0, &["help"]),
            (2, &["show", "no-such-change"]),
            (2, &["--no-such-flag"]),
        ];
        for (code, args) in runs {
            let (ended, said) = unread(place, args, both);
            assert_eq!(ended, Some(code), "{args:?}: {said}");
            assert!(!said.contains("panicked"), "{args:?}: {said}");
        }
        assert_eq!(place.intent().status(), "published");
        place.assert_nothing_left();
    }
}

#[test]
fn without_any_open_stream_a_change_is_made_all_the_same() {
    let told = Tale::PUBLISHED.begin();
    let place = &told.place;
    let words = ["-c", "exec \"$@\" <&- >&- 2>&-", "sh", PROGRAM, ASK, "--provider", "local"];
    let run = FaultRun::new(std::path::Path::new("/bin/sh"), place.repo.path()).args(&words);
    assert_eq!(run.variables(place.environment()).without_fault().killed, Killed::No(0));
    assert_eq!(place.intent().status(), "published");
    place.assert_nothing_left();
}

#[test]
fn pipes_links_and_closed_folders_that_a_check_leaves_stop_nobody() {
    let script = "mkfifo pipe .codex-task-out 2>/dev/null || mkfifo pipe; ln -s / root; ln -s loop loop; mkdir -p a/b; \
                  touch a/b/c; chmod 0 a/b a; touch CON 'x y'; grep -q 'Hello, ' greet.py";
    for level in ["auto", "weak"] {
        let mut told = Tale::PUBLISHED.begin();
        told.place.set("CODEX_TASK_SANDBOX__LEVEL", level);
        let run = serde_json::to_string(&["sh", "-c", script]).unwrap();
        let policy = format!("checks:\n  detect: false\n  commands: [{{name: odd, run: {run}}}]\n");
        std::fs::write(told.place.home.join("config.yaml"), policy).unwrap();
        told.place.ends_with(0, &[ASK, "--provider", "local"]);
        assert_eq!(told.place.intent().status(), "published", "{level}");
        told.place.assert_nothing_left();
    }
}

#[test]
fn a_tracked_file_that_became_a_pipe_voids_the_run() {
    let script = "rm greet.py; mkfifo greet.py";
    for level in ["auto", "weak"] {
        let mut told = Tale::PUBLISHED.begin();
        told.place.set("CODEX_TASK_SANDBOX__LEVEL", level);
        let policy =
            format!("checks:\n  detect: false\n  commands: [{{name: odd, run: [sh, -c, '{script}']}}]\n");
        std::fs::write(told.place.home.join("config.yaml"), policy).unwrap();
        told.place.ends_with(1, &[ASK, "--provider", "local"]);
        let intent = told.place.intent();
        let verification = intent.attempts.iter().rev().find_map(|a| a.verification.clone()).unwrap();
        assert_eq!(verification.changed, ["greet.py"], "{level}");
        told.place.assert_nothing_left();
    }
}

/// How many moments are tried; `CODEX_TASK_ROUNDS` asks for more.
fn rounds() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test's own settings come from its environment")]
    let asked = std::env::var("CODEX_TASK_ROUNDS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(10)
}

#[test]
fn killed_at_any_moment_a_change_comes_to_rest() {
    let mut struck = 0;
    for round in 0..rounds() {
        let told = Tale::PUBLISHED.begin();
        let place = &told.place;
        let untouched = place.digest();
        // Moments that do not repeat, over about the time that the whole way takes.
        let moment = Duration::from_millis(round * 37 % 400);
        let run = place.program(&[ASK, "--provider", "local"]).timeout(moment).without_fault();
        struck += u64::from(run.killed == Killed::TimedOut);
        std::fs::create_dir_all(place.state()).unwrap();
        place.watch_processes().wait_until_nothing_left(&Snapshot::default(), SOON);
        place.ends_with(0, &["resume"]);
        let intents = place.intents();
        assert!(intents.len() <= 1, "round {round}");
        assert!(intents.iter().all(|intent| intent.phase.is_at_rest()), "round {round}: {intents:?}");
        place.assert_nothing_left();
        place.assert_refs_told();
        place.assert_untouched(&untouched);
        place.ends_with(0, &["audit", "verify"]);
    }
    assert!(struck > 0, "no round was cut short");
}
