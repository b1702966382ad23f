//! The checks of a Cargo package or workspace at the root: clippy (the compiler alone where it is not installed) and tests;
//! offline, as the project configures them.

use std::collections::BTreeMap;

use domain::verification::CheckKind;

use super::detect::Found;
use super::language::Wanted;
use super::project::Project;
use super::{FilesArg, Reader};

/// Adds the checks of a Cargo project.
pub(super) fn detect(project: &Project<'_>, wanted: Wanted, test_command: bool, found: &mut Found<'_>) {
    if !project.has("Cargo.toml") {
        if wanted == Wanted::All {
            found.note("Rust files changed, but there is no Cargo.toml at the root".to_owned());
        }
        return;
    }
    if !found.has("cargo") {
        found.note("this is a Cargo project, but cargo is not installed".to_owned());
        return;
    }
    // A lock file that is tracked must not be rewritten by a check: a run that changes tracked files is void.
    let locked: &[&str] = if project.has("Cargo.lock") { &["--locked"] } else { &[] };
    let workspace: &[&str] =
        if project.has_section("Cargo.toml", "[workspace") { &["--workspace"] } else { &[] };
    let add = |found: &mut Found<'_>, name: &str, kind, words: &[&str], reader| {
        let argv = [&["cargo"], words, &["--offline"], locked, workspace].concat();
        found.add_with(name, kind, &argv, FilesArg::Nothing, reader, environment());
    };
    if wanted == Wanted::All {
        // clippy is the compiler with more lints, so it says all that `cargo check` says.
        if found.has("cargo-clippy") && found.has("clippy-driver") {
            let clippy = ["clippy", "--all-targets", "--message-format=json"];
            add(found, "clippy", CheckKind::Lint, &clippy, Reader::CargoJson);
        } else {
            let check = ["check", "--all-targets", "--message-format=json"];
            add(found, "cargo-check", CheckKind::Build, &check, Reader::CargoJson);
            found.note("clippy is not installed".to_owned());
        }
    }
    if test_command {
        return;
    }
    // Its runner is the project's own choice: it runs each test in a process, and no examples in documents.
    if project.has(".config/") && project.list(".config").iter().any(|name| name == "nextest.toml") {
        if found.has("cargo-nextest") {
            let flags = [&["--offline"], locked, workspace].concat().join(" ");
            let line = format!("{NEXTEST}exec cargo nextest run {flags} {NEXTEST_FLAGS}");
            let reader = Reader::Junit { file: NEXTEST_JUNIT.to_owned() };
            let argv = ["sh", "-c", line.as_str()];
            found.add_with("nextest", CheckKind::Test, &argv, FilesArg::Nothing, reader, environment());
            return;
        }
        found.note("nextest is configured but not installed: cargo test runs the tests".to_owned());
    }
    add(found, "cargo-test", CheckKind::Test, &["test", "--no-fail-fast"], Reader::CargoTestText);
}

/// nextest writes a report only where its configuration says so: a file beside the report itself says it.
const NEXTEST_JUNIT: &str = "{tmp}/codex-task-nextest.xml";
const NEXTEST: &str = r#"mkdir -p '{tmp}' && printf '[profile.default.junit]\npath = "%s"\n' '{tmp}/codex-task-nextest.xml' > '{tmp}/codex-task-nextest.toml' && "#;
const NEXTEST_FLAGS: &str = "--no-fail-fast --tool-config-file 'codex-task:{tmp}/codex-task-nextest.toml'";

/// The build goes to `target` in the tree, whatever the user's settings say: the tree is thrown away with it, the
/// checks share it, and on an overlay the base's warm build is found there without one change seeing another's.
/// Incremental, although the tree is thrown away: what the base's build left is there for each change, and a change of one
/// line is built in a fraction of the time. Backtraces only make logs long, and so nobody needs the debugger's tables.
fn environment() -> BTreeMap<String, String> {
    let pairs = [
        ("CARGO_TARGET_DIR", "{tree}/target"),
        ("CARGO_TERM_COLOR", "never"),
        ("CARGO_INCREMENTAL", "1"),
        ("CARGO_PROFILE_DEV_DEBUG", "0"),
        ("CARGO_PROFILE_TEST_DEBUG", "0"),
        ("RUST_BACKTRACE", "0"),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
