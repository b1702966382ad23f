//! The hardened runner itself: environment, deadline, caps, codes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use git::run::{Place, RunError, Runner};
use tempfile::TempDir;

use crate::support::{TestRepo, runner, search_path};

/// A folder with a program called git that is this shell script, in front of the real search path.
fn fake(script: &str) -> (TempDir, Runner) {
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("git");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut path = folder.path().as_os_str().to_owned();
    path.push(":");
    path.push(search_path());
    (folder, Runner::find(&path).unwrap())
}

#[test]
fn the_version_is_a_number() {
    let version = runner().version().unwrap();
    assert!(version.starts_with(|c: char| c.is_ascii_digit()) && version.contains('.'), "{version}");
}

#[test]
fn a_search_path_without_git_is_named_and_relative_folders_are_not_searched() {
    let folder = TempDir::new().unwrap();
    let error = Runner::find(folder.path().as_os_str()).unwrap_err();
    assert!(matches!(error, RunError::NotInstalled { .. }));
    assert!(Runner::find("bin:.:".as_ref()).is_err());
}

#[test]
fn the_environment_is_built_from_nothing() {
    let (_folder, runner) = fake("env");
    let output = runner.call(Place::Nowhere, ["x"]).run().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("HOME=/nonexistent\n"));
    assert!(text.contains("GIT_CONFIG_GLOBAL=/dev/null\n"));
    let known = ["GIT_", "HOME=", "PATH=", "LC_ALL=", "TZ=", "PWD=", "OLDPWD=", "SHLVL=", "_="];
    for line in text.lines() {
        assert!(known.iter().any(|start| line.starts_with(start)), "{line}");
    }
}

#[test]
fn a_failure_carries_the_call_the_code_and_what_git_said() {
    let error = TestRepo::usual().open().git_dir().to_owned();
    let place = Place::Repository { git_dir: &error, work_tree: None, index: None };
    let error = runner().call(place, ["rev-parse", "nothing"]).run().unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, RunError::Failed { code: 128, .. }), "{text}");
    assert!(text.starts_with("git rev-parse nothing failed with code 128: fatal:"), "{text}");
    let code = runner().call(Place::Nowhere, ["no-such-command"]).run_any().unwrap().code;
    assert_eq!(code, 1);
}

#[test]
fn a_call_past_the_deadline_is_killed_with_its_children() {
    let (folder, runner) = fake("(sleep 300; touch late) & echo $! > $(dirname $0)/pid; sleep 300");
    let start = Instant::now();
    let error =
        runner.with_timeout(Duration::from_millis(300)).call(Place::Nowhere, ["x"]).run().unwrap_err();
    assert!(matches!(error, RunError::TimedOut { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(30));
    let pid = fs::read_to_string(folder.path().join("pid")).unwrap();
    // The signal is on its way when the call returns; who dies of it does so when the machine lets it.
    let stat = || fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    let is_gone = |stat: &str| stat.is_empty() || stat.contains(") Z ");
    while !is_gone(&stat()) && start.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(is_gone(&stat()), "the child still lives: {}", stat());
}

#[test]
fn a_child_left_in_the_background_with_our_pipe_does_not_hold_us() {
    let (_folder, runner) = fake("sleep 300 & echo done");
    let start = Instant::now();
    let output = runner.call(Place::Nowhere, ["x"]).run().unwrap();
    assert_eq!(output.stdout, b"done\n");
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn endless_output_is_stopped_at_the_cap() {
    let (_folder, runner) = fake("yes");
    let error = runner.with_cap(1 << 20).call(Place::Nowhere, ["x"]).run().unwrap_err();
    assert!(matches!(error, RunError::TooMuchOutput { cap: 1_048_576, .. }), "{error}");
}

#[test]
fn large_input_and_output_pass_whole() {
    let (_folder, runner) = fake("cat; cat /dev/null >&2");
    let input = vec![b'x'; 3 << 20];
    let output = runner.call(Place::Nowhere, ["x"]).input(input.clone()).run().unwrap();
    assert!(output.stdout == input);
}

#[test]
fn a_signal_reads_as_a_code_above_128() {
    let (_folder, runner) = fake("kill -TERM $$");
    assert_eq!(runner.call(Place::Nowhere, ["x"]).run_any().unwrap().code, 128 + 15);
}
