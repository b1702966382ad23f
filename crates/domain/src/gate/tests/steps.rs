//! What ends the run of all tests or steers which are collected, and commands whose failure no longer counts.

use super::super::patterns::patterns;
use super::super::{Findings, Rule};
use super::TestFile;
use super::lexer::Source;

patterns! {
    EXIT = r"\b(?:os\._exit|sys\.exit|os\.abort|os\.kill|pytest\.exit|process\.exit|process::exit|process::abort|os\.Exit)[ \t]*\(";
    HOOK = r"^[ \t]*(?:def[ \t]+(?:pytest_collection_modifyitems|pytest_ignore_collect|pytest_collect_file|pytest_runtest_makereport|pytest_runtest_protocol|pytest_runtest_call|pytest_pyfunc_call|pytest_report_teststatus|pytest_sessionfinish)\b|collect_ignore(?:_glob)?[ \t]*[+=])|\bexitstatus[ \t]*=";
    /// The one way in which a test's main function ends in Go.
    GO_MAIN = r"\bos\.Exit[ \t]*\([ \t]*(?:m\.Run\(\)|code|exitCode|rc)";

    IGNORED = r"\|\|[ \t]*(?:true|:|exit[ \t]+0|echo)(?:[^\w]|$)|;[ \t]*true[ \t]*[\x22'\x60]?[ \t]*$|--exit-zero\b|--passWithNoTests\b|--no-verify\b|;[ \t]*exit[ \t]+0\b";
    IGNORED_STEP = r"\b(?:continue-on-error|allow_failure|ignore_errors|passWithNoTests)[\x22']?[ \t]*:[ \t]*(?:true|\$\{\{)|^[ \t]*(?:-[ \t]+)?if:[ \t]*(?:false|\$\{\{[ \t]*false)|^[ \t]*(?:run:[ \t]*)?set[ \t]+\+e\b";
    RECIPE = r"^\t@?-";
    CHECK = r"\b(?:test|tests|pytest|unittest|jest|vitest|mocha|ava|cargo|go|npm|npx|yarn|pnpm|bun|lint|ruff|flake8|black|mypy|pyright|pylint|clippy|tox|nox|make|check|eslint|tsc|biome|coverage|nextest|verify|audit|ctest|rspec|phpunit|gradle|mvn|bandit|semgrep)\b";
    SCRIPTS = r#"(?i)(?:\.(?:ya?ml|sh|bash|zsh|mk|just|ps1)|(?:^|/)(?:(?:GNU)?Makefile(?:\.(?:am|in|inc))?|Dockerfile[^/]*|justfile|package\.json|tox\.ini|noxfile\.py|Jenkinsfile|Taskfile[^/]*|\.husky/[^/]+|jest\.config\.\w+|vitest\.config\.\w+))$"#;
}

pub(super) fn judge(files: &[TestFile<'_>], findings: &mut Findings) {
    for file in files {
        if file.is_test {
            tampering(file, findings);
        }
        if SCRIPTS.is_match(file.touched.file.path.as_str().as_bytes()) {
            ignored(file, findings);
        }
    }
}

fn tampering(file: &TestFile<'_>, findings: &mut Findings) {
    let Some(after) = &file.after else { return };
    let conftest = file.touched.file.path.name() == "conftest.py";
    for pattern in [Some(&EXIT), conftest.then_some(&HOOK)].into_iter().flatten() {
        let places = |source: &Source<'_>| -> Vec<u32> {
            let all = pattern.find_iter(&source.code);
            let ours = all.filter(|found| {
                !GO_MAIN.is_match_at(&source.code, found.start()) || !starts_main(source, found.start())
            });
            ours.map(|found| {
                source.line(
                    found.start() + found.as_bytes().iter().take_while(|b| b.is_ascii_whitespace()).count(),
                )
            })
            .collect()
        };
        let (old, new) = (file.before.as_ref().map_or(0, |source| places(source).len()), places(after));
        if new.len() > old {
            let added = |line: &&u32| file.touched.added.iter().any(|(number, _)| number == *line);
            let line = new.iter().find(added).or(new.first()).copied();
            findings.say(Rule::TestTampering, file.touched, line);
            return;
        }
    }
}

/// Whether the exit at this place is that of a main function of tests.
fn starts_main(source: &Source<'_>, at: usize) -> bool {
    GO_MAIN.find_at(&source.code, at).is_some_and(|found| found.start() == at)
}

/// Lines that let a check fail unseen, as far as there are more than before.
fn ignored(file: &TestFile<'_>, findings: &mut Findings) {
    let makefile = file.touched.file.path.name().to_ascii_lowercase().contains("makefile")
        || file.touched.file.path.name().ends_with(".mk");
    let hides = |line: &[u8]| {
        let line = line.trim_ascii_end();
        if line.trim_ascii_start().starts_with(b"#") {
            return false;
        }
        (CHECK.is_match(line) && (IGNORED.is_match(line) || (makefile && RECIPE.is_match(line))))
            || IGNORED_STEP.is_match(line)
    };
    let count = |lines: &[(u32, &[u8])]| lines.iter().filter(|(_, line)| hides(line)).count();
    if count(&file.touched.added) > count(&file.touched.removed) {
        let line = file.touched.added.iter().find(|(_, line)| hides(line)).map(|(number, _)| *number);
        findings.say(Rule::FailureIgnored, file.touched, line);
    }
}

#[cfg(test)]
mod cases {
    use super::*;

    #[test]
    fn ways_to_ignore_a_failure_are_known() {
        for line in
            ["pytest || true", "npm test || exit 0", "run: cargo test; true", "ruff --exit-zero", "x || :"]
        {
            assert!(IGNORED.is_match(line.as_bytes()), "{line}");
        }
        for line in ["pytest || exit 1", "a || trueish", "truenorth; x", "git commit"] {
            assert!(!IGNORED.is_match(line.as_bytes()), "{line}");
        }
        for line in [
            "  continue-on-error: true",
            "allow_failure: true",
            "  if: false",
            "set +e",
            "continue-on-error: ${{ x }}",
        ] {
            assert!(IGNORED_STEP.is_match(line.as_bytes()), "{line}");
        }
        for line in ["continue-on-error: false", "if: x == false", "set -e", "allow_failure: no"] {
            assert!(!IGNORED_STEP.is_match(line.as_bytes()), "{line}");
        }
        assert!(all_patterns().len() > 7);
    }

    #[test]
    fn scripts_are_known_by_their_path() {
        for path in [
            ".github/workflows/a.yml",
            "a.sh",
            "Makefile",
            "a/Dockerfile.dev",
            "package.json",
            ".husky/pre-commit",
        ] {
            assert!(SCRIPTS.is_match(path.as_bytes()), "{path}");
        }
        for path in ["a.py", "package.json.md", "src/makefile.rs", "yml"] {
            assert!(!SCRIPTS.is_match(path.as_bytes()), "{path}");
        }
    }
}
