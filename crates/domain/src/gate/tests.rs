//! Tests are the ruler: the repair of a finding does not touch them, and what makes them measure less is shown to a
//! person. These rules read lines, not programs; they are a tripwire.

use super::{Findings, GateInput, Rule, Scope};
use crate::patch::Touched;

/// What skips a test or lets it fail, in the frameworks of the languages that we know.
const SKIPS: &[&str] = &[
    "pytest.mark.skip",
    "pytest.mark.xfail",
    "pytest.skip(",
    "pytest.xfail(",
    "pytest.importorskip",
    "unittest.skip",
    "unittest.expectedFailure",
    "raise SkipTest",
    "self.skipTest(",
    "collect_ignore",
    "#[ignore",
    "#[should_panic]",
    "t.Skip(",
    "t.SkipNow(",
    "t.Skipf(",
    "it.skip(",
    "test.skip(",
    "describe.skip(",
    "xit(",
    "xtest(",
    "xdescribe(",
    "it.only(",
    "test.only(",
    "describe.only(",
    "it.todo(",
    "test.todo(",
    "@Disabled",
    "@Ignore",
];

/// What ends the process, and with it the run of all tests.
const EXITS: &[&str] = &[
    "os._exit(",
    "sys.exit(",
    "os.abort(",
    "pytest.exit(",
    "process.exit(",
    "process::exit(",
    "process::abort(",
    "os.Exit(",
];

/// What tells a linter or a type checker to be silent.
const SUPPRESSIONS: &[&str] = &[
    "#![allow(",
    "#[allow(",
    "#![cfg_attr(",
    "# noqa",
    "#noqa",
    "# type: ignore",
    "# pyright: ignore",
    "# mypy:",
    "# pylint: disable",
    "# ruff: noqa",
    "# flake8: noqa",
    "# nosec",
    "# pragma: no cover",
    "eslint-disable",
    "@ts-ignore",
    "@ts-nocheck",
    "@ts-expect-error",
    "biome-ignore",
    "istanbul ignore",
    "c8 ignore",
    "//nolint",
    "//lint:ignore",
    "@SuppressWarnings",
];

/// What checks something.
const CHECKS: &[&str] =
    &["assert", "expect(", "should.", "pytest.raises", "require.", "t.Error", "t.Fatal", "insta::"];

pub(super) fn judge(input: &GateInput<'_>, file: &Touched<'_>, findings: &mut Findings) {
    for (line, text) in first_with(&file.added, SUPPRESSIONS) {
        findings.at(Rule::LintSuppression, Rule::LintSuppression.verdict(), file, Some(line), text);
    }
    let is_test = is_test_path(file.file.path.as_str());
    if let Some((line, _)) = first_with(&file.added, SKIPS).next() {
        findings.say(Rule::TestSkipped, file, Some(line));
    }
    let defined = |lines: &[(u32, &[u8])]| lines.iter().filter(|(_, line)| defines_test(line)).count();
    if defined(&file.removed) > defined(&file.added) || (is_test && file.file.after.is_none()) {
        findings.say(Rule::TestDeleted, file, None);
    }
    if !is_test {
        return;
    }
    if input.scope == Scope::Finding {
        findings.say(Rule::TestTouchedByFinding, file, None);
    }
    if let Some((line, _)) = first_with(&file.added, EXITS).next() {
        findings.say(Rule::TestTampering, file, Some(line));
    }
    let checks =
        |lines: &[(u32, &[u8])]| lines.iter().filter(|(_, line)| holds_any(line, CHECKS).is_some()).count();
    let leaves =
        file.added.iter().find(|(_, line)| leaves_early(line)).filter(|_| file.file.before.is_some());
    if checks(&file.removed) > checks(&file.added) {
        findings.say(Rule::TestWeakened, file, None);
    } else if let Some((line, _)) = leaves {
        findings.say(Rule::TestWeakened, file, Some(*line));
    }
}

/// Whether test runners collect this file, or tests lean on it.
fn is_test_path(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let folders = ["test", "tests", "__tests__", "spec", "specs", "testing", "testdata", "__snapshots__"];
    let in_folder =
        path.rsplit('/').skip(1).any(|part| folders.contains(&part.to_ascii_lowercase().as_str()));
    let stem = name.split('.').next().unwrap_or_default();
    in_folder
        || stem.starts_with("test_")
        || ["_test", "_tests", "_spec"].iter().any(|end| stem.ends_with(end))
        || [".test.", ".spec."].iter().any(|part| name.contains(part))
        || ["conftest.py", "tests.rs", "tests.py", "test.rs", "test.py"].contains(&name.as_str())
}

/// A line that begins a test, in Python, Rust, Go or JavaScript.
fn defines_test(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    let starts: &[&[u8]] = &[
        b"def test",
        b"async def test",
        b"class Test",
        b"#[test]",
        b"#[tokio::test",
        b"#[test_case",
        b"func Test",
        b"it(",
        b"test(",
        b"describe(",
        b"it.each",
        b"test.each",
    ];
    starts.iter().any(|start| line.starts_with(start))
}

/// A line that leaves the test before it has checked anything.
fn leaves_early(line: &[u8]) -> bool {
    matches!(line.trim_ascii(), b"return" | b"return;" | b"return True" | b"return Ok(());" | b"return nil")
}

/// The first of these words that the line holds, where it does not continue another word (`_exit(` holds no `xit(`).
fn holds_any(line: &[u8], words: &'static [&'static str]) -> Option<&'static str> {
    let part_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let stands = |word: &str| {
        let starts_free =
            |at: usize| !part_of_word(&word.as_bytes()[0]) || at == 0 || !part_of_word(&line[at - 1]);
        line.windows(word.len()).enumerate().any(|(at, part)| part == word.as_bytes() && starts_free(at))
    };
    words.iter().copied().find(|word| stands(word))
}

fn first_with<'a>(
    lines: &'a [(u32, &[u8])],
    words: &'static [&'static str],
) -> impl Iterator<Item = (u32, String)> + 'a {
    let hit = move |(number, line): &(u32, &[u8])| {
        Some((*number, format!("{:?} is added", holds_any(line, words)?)))
    };
    lines.iter().filter_map(hit).take(1)
}
