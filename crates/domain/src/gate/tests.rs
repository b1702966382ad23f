//! Tests are the ruler: the repair of a finding does not touch them, and what makes them measure less is shown to a
//! person. The tests before the change and after it are compared over all files, so that one that moved, or that a
//! formatter touched, is not taken for one that is gone. Still a tripwire: no program is understood here.

mod assertion;
mod bounds;
mod compare;
mod lexer;
mod outline;
mod silence;
mod steps;

use std::collections::BTreeMap;

use compare::Side;
use lexer::{Language, Source};

use super::{Findings, GateInput, Rule, Scope};
use crate::patch::{BaseFile, FileMode, Touched};

/// More bytes of one file than this are not read as a program; rules about sizes speak of such a file.
const MOST: usize = 1 << 20;

/// A file of the change as these rules see it.
struct TestFile<'a> {
    touched: &'a Touched<'a>,
    is_test: bool,
    before: Option<Source<'a>>,
    after: Option<Source<'a>>,
}

impl<'a> TestFile<'a> {
    fn of(touched: &'a Touched<'a>) -> Self {
        let path = touched.file.path.as_str();
        let language = Language::of(path);
        let read = |side: &'a Option<BaseFile>| {
            let file = side.as_ref().filter(|file| file.mode != FileMode::Symlink)?;
            let readable = file.bytes.len() <= MOST && !file.bytes.contains(&0);
            language.filter(|_| readable).map(|language| Source::read(language, &file.bytes))
        };
        Self {
            touched,
            is_test: is_test_path(path),
            before: read(&touched.file.before),
            after: read(&touched.file.after),
        }
    }

    /// Whether tests are looked for in it: Rust has them anywhere.
    fn may_hold_tests(&self) -> bool {
        let rust = [&self.before, &self.after].into_iter().flatten().any(|s| s.language == Language::Rust);
        self.is_test || rust
    }
}

pub(super) fn judge(input: &GateInput<'_>, touched: &[Touched<'_>], findings: &mut Findings) {
    let files: Vec<TestFile<'_>> = touched.iter().map(TestFile::of).collect();
    for file in files.iter().filter(|file| file.is_test) {
        if input.scope == Scope::Finding {
            findings.say(Rule::TestTouchedByFinding, file.touched, None);
        }
    }
    gone(&files, findings);
    let (before, after) =
        (Side::of(&files, |file| file.before.as_ref()), Side::of(&files, |file| file.after.as_ref()));
    compare::judge(&files, &before, &after, findings);
    silence::judge(&files, findings);
    steps::judge(&files, findings);
    bounds::judge(&files, findings);
}

/// Test files that go away and whose tests are not looked into: what they held must stand somewhere else.
fn gone(files: &[TestFile<'_>], findings: &mut Findings) {
    let content = |side: &Option<BaseFile>| side.as_ref().map(|file| file.bytes.clone());
    let comes: Vec<Vec<u8>> = files
        .iter()
        .filter(|file| file.touched.file.before.is_none())
        .filter_map(|file| content(&file.touched.file.after))
        .collect();
    for file in files.iter().filter(|file| file.is_test && file.touched.file.after.is_none()) {
        let moved = content(&file.touched.file.before).is_some_and(|bytes| comes.contains(&bytes));
        if file.before.is_none() && !moved && !is_data(file.touched.file.path.as_str()) {
            findings.say(Rule::TestDeleted, file.touched, None);
        }
    }
}

/// Data that lies beside tests; what needs it fails without it.
fn is_data(path: &str) -> bool {
    let ending =
        path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, ending)| ending);
    ![
        "java", "kt", "rb", "php", "cs", "swift", "c", "cc", "cpp", "scala", "ex", "exs", "lua", "sh",
        "snap", "feature", "robot",
    ]
    .contains(&ending.to_ascii_lowercase().as_str())
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

/// Whether runners look for tests in a file of this name, as they do when nobody tells them otherwise.
fn is_collected(language: Language, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
    match language {
        Language::Python => {
            stem.starts_with("test_") || stem.ends_with("_test") || stem == "tests" || stem == "test"
        }
        Language::Go => stem.ends_with("_test"),
        // Rust's tests are modules of any name, and scripts are collected by folder or by name.
        Language::Rust => true,
        Language::JavaScript => is_test_path(path),
    }
}

/// How often each text stands on one side, with one place of it: the file's index and the line.
type Counts = BTreeMap<String, (usize, usize, u32)>;

/// Counts a text once more; its first place is kept.
fn count(counts: &mut Counts, text: String, file: usize, line: u32) {
    counts.entry(text).or_insert((0, file, line)).0 += 1;
}

/// Texts that stand more often afterwards than before, with a place of each: that of a file that has more of it.
fn more(before: &Counts, after: &Counts) -> Vec<(String, usize, u32)> {
    let had = |text: &String| before.get(text).map_or(0, |(times, _, _)| *times);
    let more = after.iter().filter(|(text, (times, _, _))| *times > had(text));
    more.map(|(text, (_, file, line))| (text.clone(), *file, *line)).collect()
}

#[cfg(test)]
mod cases {
    use super::*;

    #[test]
    fn test_files_are_known_by_folder_or_name() {
        for path in [
            "tests/a.py",
            "a/Test/b.c",
            "__tests__/a.js",
            "spec/a.rb",
            "specs/a",
            "testing/a",
            "testdata/a",
            "a/__snapshots__/b.snap",
            "src/test_a.py",
            "src/a_test.go",
            "src/a_tests.rs",
            "src/a_spec.rb",
            "src/a.test.ts",
            "src/a.spec.ts",
            "conftest.py",
            "src/tests.rs",
            "app/tests.py",
            "src/test.rs",
            "app/test.py",
        ] {
            assert!(is_test_path(path), "{path}");
        }
        for path in
            ["src/a.py", "src/attest.py", "src/latest/a.py", "src/test", "src/spec.rs", "src/contest.rs"]
        {
            assert!(!is_test_path(path), "{path}");
        }
    }

    #[test]
    fn runners_look_into_files_of_some_names() {
        use Language::{Go, JavaScript, Python, Rust};
        for (language, path, collected) in [
            (Python, "a/test_b.py", true),
            (Python, "a/b_test.py", true),
            (Python, "tests.py", true),
            (Python, "test.py", true),
            (Python, "tests/b.py", false),
            (Python, "tests/atest.py", false),
            (Go, "a_test.go", true),
            (Go, "tests/a.go", false),
            (Rust, "src/a.rs", true),
            (JavaScript, "tests/a.js", true),
            (JavaScript, "src/a.js", false),
        ] {
            assert_eq!(is_collected(language, path), collected, "{path}");
        }
    }
}
