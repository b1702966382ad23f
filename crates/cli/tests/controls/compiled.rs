//! Rust and Go: what a compiler refuses is refused by every tool that compiles, so those turn red together.

use std::path::Path;

use testkit::{Need, TestRepo};

use super::Control;
use crate::support::Place;

const MANIFEST: &str = "[package]\nname = \"adds\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"adds\"\nversion = \"0.1.0\"\n";
const LIB: &str = r#"//! Adds.

/// The sum.
pub fn add(a: i32, b: i32) -> i32 {
    a + b
}
"#;
const RUST_TEST: &str = r#"//! Tests the sum.

#[test]
fn adds() {
    assert_eq!(adds::add(1, 2), 3);
}
"#;
const GO_MOD: &str = "module adds\n\ngo 1.19\n";
const GO: &str = r#"package adds

// Add gives the sum.
func Add(a, b int) int {
	return a + b
}
"#;
const GO_TEST: &str = r#"package adds

import "testing"

func TestAdd(t *testing.T) {
	if Add(1, 2) != 3 {
		t.Fatal("sum")
	}
}
"#;

pub(crate) const ALL: &[&Control] =
    &[&CARGO_CHECK, &CLIPPY, &CLIPPY_BUILD, &CARGO_TEST, &NEXTEST, &GO_BUILD, &GO_VET, &GO_TESTS];

const CARGO_TEST: Control = Control {
    files: &[
        ("Cargo.toml", MANIFEST),
        ("Cargo.lock", LOCK),
        ("src/lib.rs", LIB),
        ("tests/adds.rs", RUST_TEST),
    ],
    path: "src/lib.rs",
    good: "//! Adds.\n\n/// The sum.\npub fn add(a: i32, b: i32) -> i32 {\n    b + a\n}\n",
    bad: "//! Adds.\n\n/// The sum.\npub fn add(a: i32, b: i32) -> i32 {\n    a - b\n}\n",
    red: &["cargo-test"],
    reason: "failing tests: cargo-test: adds tests/adds.rs adds",
    needs: &["cargo", "cc"],
    policy: "",
};

const CLIPPY: Control = Control {
    bad: "//! Adds.\n\n/// The sum.\npub fn add(a: i32, b: i32) -> i32 {\n    return a + b;\n}\n",
    red: &["clippy"],
    reason: "new lint findings: clippy: src/lib.rs clippy::needless_return",
    needs: &["cargo", "cc", "cargo-clippy"],
    ..CARGO_TEST
};

/// What a compiler refuses is told by clippy too.
const CLIPPY_BUILD: Control = Control {
    bad: "//! Adds.\n\n/// The sum.\npub fn add(a: i32, b: i32) -> i32 {\n    a + b + \"1\"\n}\n",
    red: &["clippy", "cargo-test"],
    reason: "does not build: clippy: src/lib.rs E0277",
    ..CLIPPY
};

const CARGO_CHECK: Control = Control {
    bad: "//! Adds.\n\n/// The sum.\npub fn add(a: i32, b: i32) -> i32 {\n    a + b + nothing::of::this_name()\n}\n",
    red: &["cargo-check", "cargo-test"],
    reason: "import error or missing dependency: cargo-check: src/lib.rs E0433",
    ..CARGO_TEST
};

const NEXTEST: Control = Control {
    files: &[
        ("Cargo.toml", MANIFEST),
        ("Cargo.lock", LOCK),
        ("src/lib.rs", LIB),
        ("tests/adds.rs", RUST_TEST),
        (".config/nextest.toml", ""),
    ],
    red: &["nextest"],
    reason: "failing tests: nextest: adds::adds::adds",
    needs: &["cargo", "cc", "cargo-nextest"],
    ..CARGO_TEST
};

const GO_TESTS: Control = Control {
    files: &[("go.mod", GO_MOD), ("add.go", GO), ("add_test.go", GO_TEST)],
    path: "add.go",
    good: "package adds\n\n// Add gives the sum.\nfunc Add(a, b int) int {\n\treturn b + a\n}\n",
    bad: "package adds\n\n// Add gives the sum.\nfunc Add(a, b int) int {\n\treturn a - b\n}\n",
    red: &["go-test"],
    reason: "failing tests: go-test: adds::TestAdd",
    needs: &["go"],
    policy: "",
};

/// `go test` applies a few of vet's rules too; this one is not among them.
const GO_VET: Control = Control {
    bad: "package adds\n\n// Add gives the sum.\nfunc Add(a, b int) int {\n\ta = a\n\treturn a + b\n}\n",
    red: &["go-vet"],
    reason: "new critical lint findings: go-vet: add.go",
    ..GO_TESTS
};

const GO_BUILD: Control = Control {
    bad: "package adds\n\n// Add gives the sum.\nfunc Add(a, b int) int {\n\treturn a + + )\n}\n",
    red: &["go-build", "go-vet", "go-test"],
    reason: "syntax error: go-build: add.go",
    ..GO_TESTS
};

#[test]
fn each_of_cargos_checks_turns_red() {
    Control::hold_each(&[&CARGO_TEST, &CLIPPY, &CLIPPY_BUILD]);
}

/// The compiler alone is a check where clippy is not installed: here a folder with links to the other programs stands for
/// such a toolchain.
#[test]
fn without_clippy_a_name_that_is_not_there_turns_cargo_check_red() {
    testkit::requires!(Need::Program("cargo"));
    testkit::requires!(Need::Program("cc"));
    let mut place = Place::new(TestRepo::with(CARGO_CHECK.files), CARGO_CHECK.policy);
    let bare = place.repo.side_folder("toolchain/bin");
    std::fs::create_dir_all(&bare).unwrap();
    for program in ["cargo", "rustc", "rustdoc"] {
        let real = Path::new(env!("CARGO")).with_file_name(program);
        std::os::unix::fs::symlink(real, bare.join(program)).unwrap();
    }
    let path = place.environment().into_iter().find(|(name, _)| name == "PATH").unwrap().1;
    let without = path.split(':').filter(|folder| !Path::new(folder).join("cargo-clippy").exists());
    let path: Vec<&str> = std::iter::once(bare.to_str().unwrap()).chain(without).collect();
    place.set("PATH", &path.join(":"));
    CARGO_CHECK.hold_in(&mut place);
}

#[test]
fn a_wrong_sum_turns_nextest_red() {
    NEXTEST.hold();
}

#[test]
fn each_of_gos_checks_turns_red() {
    Control::hold_each(&[&GO_TESTS, &GO_VET, &GO_BUILD]);
}
