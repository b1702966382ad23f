//! Detection on small trees, and reading what the tools really print (`samples/`: ruff 0.17, pytest 9, mypy 2, Python
//! 3.11, cargo 1.95, with their folders renamed).

use std::collections::BTreeMap;

use domain::verification::{Cause, CheckKind, CheckVerdict, Run, RunEnd, TestEnd, judge_check};
use proptest::prelude::*;

use super::*;
use crate::config::{CheckCommand, Checks, CommandLine};
use crate::provider::Source;

struct Files(BTreeMap<&'static str, &'static str>);

impl Source for Files {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.get(path).map(|text| text.as_bytes().to_vec())
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let inside = self.0.keys().filter_map(|path| path.strip_prefix(prefix.as_str()));
        let mut names: Vec<String> = inside
            .map(|rest| rest.split_once('/').map_or(rest.to_owned(), |(folder, _)| format!("{folder}/")))
            .collect();
        names.dedup();
        names
    }
}

const ALL_TOOLS: &[&str] = &["python3", "ruff", "mypy", "pytest", "cargo", "cargo-clippy", "clippy-driver"];

fn detected(
    files: &[(&'static str, &'static str)],
    tools: &[&str],
    changed: &[&str],
    config: &Checks,
) -> Detected {
    let changed: Vec<String> = changed.iter().map(|c| (*c).to_owned()).collect();
    detect(&Files(files.iter().copied().collect()), &|tool| tools.contains(&tool), &changed, config)
}

fn names(found: &Detected) -> Vec<&str> {
    found.checks.iter().map(|c| c.name.as_str()).collect()
}

fn check<'a>(found: &'a Detected, name: &str) -> &'a CheckSpec {
    found.checks.iter().find(|c| c.name == name).unwrap()
}

const PYPROJECT: &str =
    "[project]\nname = 'x'\n[tool.ruff.lint]\nselect = ['F']\n[tool.mypy]\nfiles = ['src']\n";
const MIXED: &[(&str, &str)] = &[
    ("Cargo.lock", ""),
    ("Cargo.toml", "[workspace]\nmembers = []\n"),
    ("pyproject.toml", PYPROJECT),
    ("src/app/__init__.py", ""),
    ("tests/test_app.py", "import unittest\n"),
];

#[test]
fn a_python_change_gets_the_configured_tools_on_its_files_and_no_cargo() {
    let found = detected(MIXED, ALL_TOOLS, &["src/app/a.py", "README.md"], &Checks::default());
    assert_eq!(
        names(&found),
        ["python-syntax", "ruff", "mypy", "pytest", "cargo-test"],
        "README.md may be tested"
    );
    let found = detected(MIXED, ALL_TOOLS, &["src/app/a.py"], &Checks::default());
    assert_eq!(names(&found), ["python-syntax", "ruff", "mypy", "pytest"]);
    assert_eq!(check(&found, "ruff").files, FilesArg::Existing(vec!["src/app/a.py".to_owned()]));
    assert_ne!(check(&found, "mypy").argv.last().unwrap(), ".", "the configuration names the files");
    let command = check(&found, "pytest").command("/t", "/s", &|_| true).unwrap();
    assert_eq!(command.env["PYTHONPATH"], "/t/src:/t", "the change is tested, not an installed copy");
    assert!(command.argv.contains(&"--junitxml=/s/codex-task-pytest.xml".to_owned()));
    assert_eq!(command.report.as_deref(), Some("/s/codex-task-pytest.xml"));
}

#[test]
fn a_rust_change_gets_cargo_offline_and_no_python() {
    let found = detected(MIXED, ALL_TOOLS, &["crates/a/src/lib.rs"], &Checks::default());
    assert_eq!(names(&found), ["clippy", "cargo-test"]);
    for check in &found.checks {
        for word in ["--offline", "--locked", "--workspace"] {
            assert!(check.argv.iter().any(|w| w == word), "{}: {word}", check.name);
        }
        assert_eq!(check.env["CARGO_TARGET_DIR"], "{tree}/target");
    }
    let unlocked = [("Cargo.toml", "[package]\nname = 'a'\n"), ("src/lib.rs", "")];
    let found = detected(&unlocked, &["cargo"], &["src/lib.rs"], &Checks::default());
    assert_eq!(names(&found), ["cargo-check", "cargo-test"]);
    assert!(!found.checks[0].argv.iter().any(|w| w == "--locked" || w == "--workspace"));
    assert_eq!(found.notes, ["clippy is not installed"]);
}

#[test]
fn what_is_called_for_and_not_installed_is_a_note() {
    let files = [("tests/test_a.py", "import pytest\n"), ("ruff.toml", ""), ("mypy.ini", "[mypy]\n")];
    let found = detected(&files, &["python3"], &["a.py"], &Checks::default());
    assert_eq!(names(&found), ["python-syntax"]);
    for tool in ["ruff", "mypy", "pytest"] {
        assert!(found.notes.iter().any(|n| n.starts_with(tool)), "{tool}: {:?}", found.notes);
    }
    let found =
        detected(&[("Cargo.toml", "")], &[], &["src/lib.rs", "web/a.ts", "web/b.js"], &Checks::default());
    assert!(found.checks.is_empty());
    assert_eq!(found.notes.len(), 2, "cargo, and no package.json: {:?}", found.notes);
}

#[test]
fn without_pytest_unittest_runs_the_tests_that_it_can() {
    let run = |files: &[(&'static str, &'static str)]| {
        let found = detected(files, &["python3"], &["a.py"], &Checks::default());
        check(&found, "unittest").argv.join(" ")
    };
    assert!(run(&[("tests/test_a.py", "import unittest\n")]).ends_with("discover -v -s tests"));
    assert!(
        run(&[("tests/__init__.py", ""), ("tests/test_a.py", "import unittest\n")]).ends_with("discover -v")
    );
    assert!(run(&[("test_a.py", "from unittest import mock\n"), ("tests/x", "")]).ends_with("discover -v"));
    assert!(run(&[("pkg/sub/test_a.py", "import unittest\n")]).ends_with("discover -v"));
}

#[test]
fn the_first_tests_of_a_project_are_run() {
    let found = detected(&[("a.py", "")], ALL_TOOLS, &["tests/test_a.py"], &Checks::default());
    assert_eq!(names(&found), ["python-syntax", "pytest"]);
}

#[test]
fn the_test_command_stands_for_the_detected_tests_only() {
    let config = Checks { test_command: Some("make test".to_owned()), ..Checks::default() };
    let found = detected(MIXED, ALL_TOOLS, &["a.py", "b.rs"], &config);
    assert_eq!(names(&found), ["python-syntax", "ruff", "mypy", "clippy", "test-command"]);
    assert_eq!(check(&found, "test-command").argv, ["sh", "-c", "make test"]);
}

#[test]
fn a_change_is_given_ten_times_the_time_of_the_base_where_nothing_is_built() {
    let took = |wall_ms| Run { wall_ms, ..junit().nothing_to_look_at() };
    let cargo = spec(CheckKind::Test, Reader::CargoTestText, &[]);
    let limit = |check: &CheckSpec, wall_ms| {
        CheckSpec { timeout_seconds: 300, ..check.clone() }.bounded_by(&took(wall_ms)).timeout_seconds
    };
    let found = [10, 12_000, 90_000].map(|wall_ms| limit(&junit(), wall_ms));
    assert_eq!(found, [60, 120, 300]);
    assert_eq!(limit(&cargo, 10), 300, "the base may have been built already");
}

#[test]
fn configured_commands_run_always_or_when_their_paths_changed() {
    let command = |name: &str, paths: &[&str]| CheckCommand {
        name: name.to_owned(),
        run: CommandLine::Words(vec!["true".to_owned()]),
        kind: CheckKind::Command,
        paths: paths.iter().map(|p| (*p).to_owned()).collect(),
        timeout_seconds: None,
    };
    let commands =
        vec![command("always", &[]), command("docs", &["docs/*.md"]), command("deep", &["docs/**"])];
    let config = Checks { detect: false, commands, ..Checks::default() };
    assert_eq!(names(&detected(&[], &[], &["a.c"], &config)), ["always"]);
    assert_eq!(names(&detected(&[], &[], &["docs/a.md"], &config)), ["always", "docs", "deep"]);
    assert_eq!(names(&detected(&[], &[], &["docs/x/a.md"], &config)), ["always", "deep"]);
}

#[test]
fn a_configured_command_with_a_detected_name_replaces_nothing() {
    let fake = CheckCommand {
        name: "ruff".to_owned(),
        run: CommandLine::Shell("true".to_owned()),
        kind: CheckKind::Lint,
        paths: Vec::new(),
        timeout_seconds: Some(7),
    };
    let config = Checks { commands: vec![fake], ..Checks::default() };
    let found = detected(MIXED, ALL_TOOLS, &["a.py"], &config);
    assert_eq!(check(&found, "ruff").argv[0], "ruff");
    assert_eq!(
        (check(&found, "ruff (configured)").timeout_seconds, check(&found, "ruff").timeout_seconds),
        (7, 300)
    );
}

#[test]
fn a_check_of_files_names_those_that_its_side_has() {
    let found = detected(MIXED, ALL_TOOLS, &["new.py", "old.py"], &Checks::default());
    let ruff = check(&found, "ruff");
    let command = ruff.command("/t", "/s", &|path| path == "new.py").unwrap();
    assert_eq!(command.argv.last().map(String::as_str), Some("new.py"));
    assert_eq!(ruff.command("/t", "/s", &|_| false), None);
    assert_eq!(ruff.nothing_to_look_at().reports, Some(Vec::new()));
    assert_ne!(ruff.key(), check(&detected(MIXED, ALL_TOOLS, &["new.py"], &Checks::default()), "ruff").key());
}

#[test]
fn what_only_reads_is_what_we_start_with_a_command_line_of_our_own() {
    let own = Checks {
        commands: vec![CheckCommand {
            name: "clippy".to_owned(),
            run: CommandLine::Shell("make lint".to_owned()),
            kind: CheckKind::Lint,
            paths: Vec::new(),
            timeout_seconds: None,
        }],
        ..Checks::default()
    };
    let found = detected(&[("Makefile", "lint:\ntest:\n"), ("new.py", "")], ALL_TOOLS, &["new.py"], &own);
    let reads: Vec<&str> = found.checks.iter().filter(|c| c.only_reads).map(|c| c.name.as_str()).collect();
    assert!(reads.is_empty(), "{reads:?}");
    let found = detected(MIXED, ALL_TOOLS, &["new.py", "src/lib.rs"], &Checks::default());
    let reads: Vec<&str> = found.checks.iter().filter(|c| c.only_reads).map(|c| c.name.as_str()).collect();
    assert!(reads.contains(&"ruff") && reads.contains(&"clippy"), "{reads:?}");
    assert!(
        found.checks.iter().all(|c| !c.only_reads || matches!(c.kind, CheckKind::Lint | CheckKind::Types))
    );
}

fn spec(kind: CheckKind, reader: Reader, files: &[&str]) -> CheckSpec {
    CheckSpec {
        name: "check".to_owned(),
        kind,
        argv: vec!["x".to_owned()],
        env: BTreeMap::new(),
        timeout_seconds: 1,
        files: FilesArg::Existing(files.iter().map(|f| (*f).to_owned()).collect()),
        reader,
        only_reads: false,
    }
}

const FAILED: RunEnd = RunEnd::Failed { code: 1 };

fn junit() -> CheckSpec {
    spec(CheckKind::Test, Reader::PytestJunit { file: "x".to_owned() }, &[])
}

/// What pytest prints last.
const CLOSING: &[u8] = b"5 failed, 6 passed, 2 skipped, 2 errors in 0.42s";

fn ended(run: &Run, end: TestEnd) -> Vec<&str> {
    run.tests.iter().filter(|t| t.end == end).map(|t| t.name.as_str()).collect()
}

#[test]
fn ruffs_reports_are_named_by_file_code_and_message() {
    let ruff = spec(CheckKind::Lint, Reader::RuffJson, &["app.py"]);
    let run = read(&ruff, FAILED, include_bytes!("samples/ruff.json"), b"", None);
    let reports = run.reports.unwrap();
    assert_eq!(reports[0], "app.py F401 `os` imported but unused");
    assert_eq!(reports.iter().filter(|r| r.contains(" E711 ")).count(), 3, "{reports:?}");
    let run = read(&ruff, FAILED, include_bytes!("samples/ruff_syntax.json"), b"", None);
    assert_eq!(run.reports.map(|r| r.len()), Some(2));
}

#[test]
fn removing_one_of_two_reports_of_a_line_is_no_regression() {
    let ruff = spec(CheckKind::Lint, Reader::RuffJson, &["app.py"]);
    let before = read(&ruff, FAILED, include_bytes!("samples/ruff.json"), b"", None);
    let mut after = before.clone();
    after.reports.as_mut().unwrap().retain({
        let mut once = true;
        move |r| !(r.contains(" E711 ") && std::mem::take(&mut once))
    });
    assert_eq!(judge_check(CheckKind::Lint, &before, &after), CheckVerdict::PreExisting);
    assert!(matches!(judge_check(CheckKind::Lint, &after, &before), CheckVerdict::Regressed { .. }));
}

#[test]
fn mypys_errors_are_read_and_a_breakdown_is_not_taken_for_none() {
    let mypy = spec(CheckKind::Types, Reader::ErrorLines, &[]);
    let run = read(&mypy, FAILED, include_bytes!("samples/mypy.txt"), b"", None);
    let reports = run.reports.unwrap();
    assert_eq!(reports[1], "app.py name-defined Name \"undefined_thing\" is not defined");
    assert_eq!(reports.len(), 4);
    let (run, note) = read_noting(&mypy, RunEnd::Failed { code: 2 }, b"mypy: error: bad option", b"", None);
    assert!(run.reports.is_none() && note.is_some());
    assert_eq!(read(&mypy, RunEnd::Passed, b"", b"", None).reports, Some(Vec::new()));
}

#[test]
fn pytests_report_tells_each_test_and_counts_those_that_ran() {
    let run = read(&junit(), FAILED, CLOSING, b"", Some(include_bytes!("samples/pytest.xml")));
    assert_eq!(ended(&run, TestEnd::Skipped), ["tests.test_app::test_skipped", "tests.test_app::test_xfail"]);
    assert!(ended(&run, TestEnd::Passed).contains(&"tests.test_app.TestC::test_in_class"));
    let failed = ended(&run, TestEnd::Failed);
    for name in ["test_fails", "test_setup", "test_teardown", "test_param[\\xfc<>]"] {
        assert!(failed.contains(&format!("tests.test_app::{name}").as_str()), "{name}: {failed:?}");
    }
    assert!(failed.contains(&"tests.test_app.U::test_sub"));
    assert_eq!(run.tests_run, Some(10));
}

#[test]
fn a_report_of_a_runner_that_did_not_come_to_its_end_is_no_report() {
    let whole = include_bytes!("samples/pytest.xml");
    for end in [RunEnd::Passed, FAILED] {
        let run = read(&junit(), end.clone(), b"collected 3 items\n", b"", Some(whole));
        let passed = run.tests.iter().any(|t| t.end == TestEnd::Passed);
        assert!(!passed && run.tests_run.unwrap_or(0) == 0, "{end:?}");
    }
}

#[test]
fn a_module_that_cannot_be_imported_is_a_failed_test() {
    let end = RunEnd::Failed { code: 2 };
    let run =
        read(&junit(), end, b"1 error in 0.10s", b"", Some(include_bytes!("samples/pytest_collect.xml")));
    assert_eq!(ended(&run, TestEnd::Failed), ["tests.test_x"]);
    assert_eq!(run.tests[0].cause, Some(Cause::ImportError));
}

#[test]
fn no_test_is_zero_tests_for_every_runner() {
    let none = RunEnd::Failed { code: 5 };
    let unittest = spec(CheckKind::Test, Reader::UnittestText, &[]);
    let cargo = spec(CheckKind::Test, Reader::CargoTestText, &[]);
    let summary = spec(CheckKind::Test, Reader::TestSummary, &[]);
    let empty = include_bytes!("samples/unittest_empty.txt");
    let no_test =
        b"\nrunning 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
    for run in [
        read(&junit(), none.clone(), b"", b"", Some(include_bytes!("samples/pytest_empty.xml"))),
        read(&junit(), none, b"no tests ran in 0.01s", b"", None),
        read(&junit(), RunEnd::Passed, b"", b"", None),
        read(&junit(), RunEnd::Passed, b"", b"", Some(b"<testsuites><testsuite>")),
        read(&unittest, RunEnd::Passed, b"", empty, None),
        read(&unittest, RunEnd::Passed, b"", b"", None),
        read(&cargo, RunEnd::Passed, no_test, b"", None),
        read(&summary, RunEnd::Passed, b"no tests ran in 0.01s", b"", None),
    ] {
        assert_eq!(run.tests_run, Some(0));
        assert!(matches!(judge_check(CheckKind::Test, &run, &run), CheckVerdict::NotVerified { .. }));
    }
}

#[test]
fn unittests_text_tells_each_test() {
    let unittest = spec(CheckKind::Test, Reader::UnittestText, &[]);
    let run = read(&unittest, FAILED, b"", include_bytes!("samples/unittest.txt"), None);
    assert_eq!(run.tests_run, Some(8), "nine without the skipped one");
    assert_eq!(
        ended(&run, TestEnd::Failed),
        [
            "tests.test_broken",
            "tests.test_u.S",
            "tests.test_u.U.test_bad",
            "tests.test_u.U.test_err",
            "tests.test_u.U.test_sub (i=0)",
            "tests.test_u.U.test_sub (i=2)",
            "tests.test_u.U.test_us",
        ]
    );
    assert_eq!(ended(&run, TestEnd::Passed), ["tests.test_u.U.test_ok", "tests.test_u.U.test_xf"]);
    let older = b"test_a (m.T) ... FAIL\n\n======\nFAIL: test_a (m.T)\n------\nRan 1 test in 0.001s\n\nFAILED (failures=1)\n";
    let run = read(&unittest, FAILED, b"", older, None);
    assert_eq!((ended(&run, TestEnd::Failed), run.tests_run), (vec!["m.T.test_a"], Some(1)));
}

#[test]
fn cargo_tests_are_named_by_their_target() {
    let cargo = spec(CheckKind::Test, Reader::CargoTestText, &[]);
    let (out, err) =
        (include_bytes!("samples/cargo_test.stdout.txt"), include_bytes!("samples/cargo_test.stderr.txt"));
    let run = read(&cargo, RunEnd::Failed { code: 101 }, out, err, None);
    assert_eq!(run.tests_run, Some(7), "six, less the ignored one, one of tests/, one doctest");
    assert_eq!(
        ended(&run, TestEnd::Failed),
        ["rs src/lib.rs tests::fails", "rs src/lib.rs tests::panics_bad"]
    );
    let passed = ended(&run, TestEnd::Passed);
    assert!(
        passed.contains(&"rs doctest src/lib.rs - add") && passed.contains(&"i tests/i.rs integration"),
        "{passed:?}"
    );
    assert!(passed.contains(&"rs src/lib.rs tests::panics"));
}

#[test]
fn a_run_of_tests_that_breaks_down_is_not_excused_by_a_baseline_that_fails() {
    let cargo = spec(CheckKind::Test, Reader::CargoTestText, &[]);
    let code = || RunEnd::Failed { code: 101 };
    let out = include_str!("samples/cargo_test.stdout.txt");
    let before = read(&cargo, code(), out.as_bytes(), b"", None);
    let build_failed = read(&cargo, code(), b"", b"error: could not compile `rs`", None);
    let crashed = read(&cargo, code(), format!("{out}\nrunning 2 tests\n").as_bytes(), b"", None);
    for after in [&build_failed, &crashed] {
        assert!(
            matches!(judge_check(CheckKind::Test, &before, after), CheckVerdict::Regressed { .. }),
            "{after:?}"
        );
        assert_eq!(judge_check(CheckKind::Test, after, after), CheckVerdict::PreExisting);
    }
    let killed = read(&junit(), RunEnd::Signalled { signal: 11 }, b"", b"", None);
    assert_eq!(ended(&killed, TestEnd::Failed), ["(no readable result: killed by signal 11)"]);
}

#[test]
fn cargos_diagnostics_are_told_apart_and_a_broken_manifest_is_unreadable() {
    let cargo = spec(CheckKind::Lint, Reader::CargoJson, &[]);
    let before = read(&cargo, RunEnd::Passed, include_bytes!("samples/clippy.json"), b"", None);
    let reports = before.reports.unwrap();
    assert!(reports.contains(&"src/lib.rs unused_variables unused variable: `x`".to_owned()), "{reports:?}");
    assert!(reports.iter().any(|r| r.starts_with("src/lib.rs clippy::ptr_arg ")), "{reports:?}");
    let twice: std::collections::BTreeSet<&String> = reports.iter().collect();
    assert_eq!(twice.len(), reports.len(), "said for the library and for its tests, counted once");
    let end = RunEnd::Failed { code: 101 };
    let broken = read(&cargo, end.clone(), include_bytes!("samples/cargo_check_error.json"), b"", None);
    assert!(broken.reports.unwrap().contains(&"src/lib.rs E0308 mismatched types".to_owned()));
    assert_eq!(read(&cargo, end.clone(), b"", b"error: failed to parse manifest", None).reports, None);
    let whole = include_str!("samples/clippy.json");
    let (start, rest) = (&whole[..500], &whole[2000..]);
    let cut = format!("{start}\n[... dropped ...]\n{rest}");
    assert_eq!(read(&cargo, end, cut.as_bytes(), b"", None).reports, None, "a cut report may miss some");
}

#[test]
fn nested_suites_cost_no_stack() {
    let deep = "<testsuite>".repeat(200_000);
    let run = read(&junit(), FAILED, b"", b"", Some(deep.as_bytes()));
    assert_eq!(run.tests_run, None, "it is not closed, so it is no report");
    let closed = format!("{deep}<testcase name='a'/>{}", "</testsuite>".repeat(200_000));
    assert_eq!(read(&junit(), FAILED, CLOSING, b"", Some(closed.as_bytes())).tests_run, Some(1));
}

#[test]
fn a_check_that_did_not_run_is_not_read() {
    let end = RunEnd::NotRun { why: "no box".to_owned() };
    let run = read(&junit(), end, b"1 passed in 0.1s", b"", Some(include_bytes!("samples/pytest.xml")));
    assert!(run.tests.is_empty() && run.tests_run.is_none());
}

fn readers() -> [Reader; 15] {
    let file = || "x".to_owned();
    [
        Reader::Junit { file: file() },
        Reader::JestJson { file: file() },
        Reader::GoTestJson,
        Reader::GoLines,
        Reader::EslintJson,
        Reader::TscLines,
        Reader::PyrightJson,
        Reader::ExitCode,
        Reader::TestSummary,
        Reader::ErrorLines,
        Reader::RuffJson,
        Reader::PytestJunit { file: "x".to_owned() },
        Reader::UnittestText,
        Reader::CargoTestText,
        Reader::CargoJson,
    ]
}

/// Pieces of real output in any order, cut anywhere, with any bytes between them.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "test a ... ok\n",
        "test result: ok. 1 passed; 9",
        "running 3 tests\n",
        " ... ",
        "(",
        ")",
        " (",
        "======\nFAIL: ",
        "Ran 3 tests in",
        "FAILED (skipped=",
        "99999999999999999999",
        "a.py:1:2: error: x  [c]\n",
        ": error: ",
        "  [",
        "[{\"code\":",
        "{\"reason\":\"build-finished\"}\n",
        "<testsuites>",
        "<testcase name=\"&x;&#0;\"/>",
        "</testsuites>",
        "<![CDATA[",
        "<!DOCTYPE a [<!ENTITY x \"y\">]>",
        " in 1s",
        "3 passed",
        "ä",
        "\u{0}",
        "\u{2028}",
        "Running unittests x (y-z)\n",
        "a.ts(1,2): error TS1005: x\n",
        "{\"Action\":\"fail\",\"Package\":\"a\"}\n",
        "a.go:1:2: x\n",
        "Tests  1 failed | ",
        "# pass 3\n",
    ]);
    let piece =
        prop_oneof![words.prop_map(|w| w.as_bytes().to_vec()), prop::collection::vec(any::<u8>(), 0..8)];
    prop::collection::vec(piece, 0..24).prop_map(|all| all.concat())
}

proptest! {
    #[test]
    fn no_output_makes_a_reader_panic(out in pieces(), err in pieces(), file in pieces(), code in -2..6_i32) {
        let end = || if code == 0 { RunEnd::Passed } else { RunEnd::Failed { code } };
        for reader in readers() {
            let run = read(&spec(CheckKind::Test, reader, &["a.py"]), end(), &out, &err, Some(&file));
            prop_assert_eq!(run.end, end());
        }
    }

    #[test]
    fn no_tree_makes_detection_panic(text in "[\\[\\]a-z.= \\n:]{0,80}", changed in prop::collection::vec(".{0,12}", 0..4)) {
        let text: &'static str = Box::leak(text.into_boxed_str());
        let files = ["pyproject.toml", "setup.cfg", "tox.ini", "Cargo.toml", "tests/test_a.py", "package.json", "Makefile"];
        let files = files.map(|p| (p, text));
        detect(&Files(files.into_iter().collect()), &|_| true, &changed, &Checks::default());
    }
}

#[path = "tests/more_languages.rs"]
mod more_languages;
