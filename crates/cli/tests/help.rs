//! The help and the reference that are worked out from it, as users see them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test program: what is not there ends the test")]

#[path = "support/mod.rs"]
mod support;

use support::Place;
use testkit::TestRepo;

fn place() -> Place {
    Place::new(TestRepo::with(&[("a", "a\n")]), "")
}

#[test]
fn the_first_help_teaches() {
    insta::assert_snapshot!(place().ends_with(0, &["--help"]).stdout);
}

#[test]
fn every_command_has_help() {
    let place = place();
    for command in [
        "run",
        "scan",
        "fix",
        "suggest",
        "verify",
        "show",
        "diff",
        "commit",
        "reject",
        "approve",
        "ask",
        "debug",
        "feature",
        "refactor",
        "test",
        "route",
        "undo",
        "policy",
        "intent",
        "usage",
        "replay",
        "audit",
        "resume",
        "prepare",
        "gc",
        "config",
        "doctor",
        "init",
        "demo",
        "examples",
        "serve",
        "mcp",
        "agent",
        "logs",
        "completions",
        "man",
    ] {
        let help = place.ends_with(0, &[command, "--help"]).stdout;
        assert!(help.contains("Usage:") && help.contains("--repo"), "{command}\n{help}");
    }
}

#[test]
fn completions_and_the_manual_page_are_made() {
    let place = place();
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.ends_with(0, &["completions", shell]).stdout.contains("suggest"), "{shell}");
    }
    assert!(place.ends_with(0, &["man"]).stdout.starts_with(".ie"));
    assert!(place.ends_with(0, &["--examples"]).stdout.contains("codex-task demo"));
    assert!(place.ends_with(0, &["--version"]).stdout.starts_with("codex-task "));
}
