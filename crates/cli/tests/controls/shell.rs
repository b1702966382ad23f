//! What needs no language: targets of make, the test command of the environment, commands of the user's.

use testkit::{Need, TestRepo};

use super::Control;
use super::support::Place;

const MAKEFILE: &str = "test:\n\tgrep -q hello greeting.txt\n\nlint:\n\t! grep -n TODO greeting.txt\n";

pub(crate) const ALL: &[&Control] = &[&MAKE_TEST, &MAKE_LINT, &TEST_COMMAND];

const MAKE_TEST: Control = Control {
    files: &[("Makefile", MAKEFILE), ("greeting.txt", "hello\n")],
    path: "greeting.txt",
    good: "hello you\n",
    bad: "good bye\n",
    red: &["make-test"],
    reason: "failing tests: make-test: exit 2",
    needs: &["make"],
    policy: "",
};

const MAKE_LINT: Control = Control {
    bad: "hello TODO\n",
    red: &["make-lint"],
    reason: "new critical lint findings: make-lint: exit 2",
    ..MAKE_TEST
};

/// Without it, `make test` would be run.
const TEST_COMMAND: Control =
    Control { red: &["test-command"], reason: "failing tests: test-command: exit 1", ..MAKE_TEST };

#[test]
fn a_failing_target_turns_make_test_red() {
    MAKE_TEST.hold();
}

#[test]
fn a_finding_turns_make_lint_red() {
    MAKE_LINT.hold();
}

#[test]
fn the_test_command_of_the_environment_stands_for_the_detected_tests() {
    testkit::requires!(Need::Program("make"));
    let mut place = Place::new(TestRepo::with(TEST_COMMAND.files), TEST_COMMAND.policy);
    place.set("T4_AI_TEST_CMD", "grep -c hello greeting.txt");
    TEST_COMMAND.hold_in(&mut place);
}
