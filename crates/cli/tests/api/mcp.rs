//! The protocol for models, spoken by the official Python client (PyPI `mcp`), which nobody here wrote.

use testkit::{FaultRun, Need};

use crate::served::{Served, agent};
use crate::support::patches::{COMMA, POLICY, greeter};
use crate::support::{Done, PROGRAM, Place};

const CLIENT: &str = include_str!("client.py");

/// Whether the client can be had.
fn client() -> Need {
    let found = python(&["-c", "import mcp"]).is_some_and(|done| done.code == 0);
    Need::Other("the Python package mcp".to_owned(), found)
}

fn python(args: &[&str]) -> Option<Done> {
    let path = testkit_path("python3")?;
    let folder = std::env::temp_dir();
    Some(Done::of(FaultRun::new(&path, &folder).args(args).without_fault()))
}

#[expect(clippy::disallowed_methods, reason = "where the test's own tools lie")]
fn testkit_path(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

#[track_caller]
fn runs_a_change(place: &Place, key: &str, way: &[&str]) {
    let script = place.repo.side_folder("client.py");
    std::fs::write(&script, CLIENT).unwrap();
    let (script, python) = (script.to_string_lossy().into_owned(), testkit_path("python3").unwrap());
    let mut environment = place.environment();
    environment.push(("CODEX_TASK_KEY".to_owned(), key.to_owned()));
    environment.push(("PATCH".to_owned(), COMMA.to_owned()));
    let args: Vec<&str> = [script.as_str()].into_iter().chain(way.iter().copied()).collect();
    let done = Done::of(
        FaultRun::new(&python, place.repo.path()).args(&args).variables(environment).without_fault(),
    );
    assert_eq!(done.code, 0, "stdout: {}\nstderr: {}", done.stdout, done.stderr);
    assert!(done.stdout.contains("published feature/"), "{}", done.stdout);
}

#[test]
fn a_client_lists_the_tools_and_runs_a_change_over_standard_streams() {
    testkit::requires!(client());
    let place = Place::new(greeter(), POLICY);
    let key = agent(&place, &["bot", "--certified"]);
    runs_a_change(&place, &key, &["stdio", PROGRAM]);
    place.assert_nothing_left();
}

#[test]
fn a_client_lists_the_tools_and_runs_a_change_over_http() {
    testkit::requires!(client());
    let place = Place::new(greeter(), POLICY);
    let key = agent(&place, &["bot", "--certified"]);
    let served = Served::by(&place, &[]);
    runs_a_change(&place, &key, &["http", &format!("{}/mcp", served.url)]);
    drop(served);
    place.assert_nothing_left();
}
