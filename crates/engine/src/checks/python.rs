//! The checks of a Python project: syntax, ruff, mypy, pytest or unittest. Tools run as the project configures them,
//! except that none may write into the tree.

use std::collections::BTreeMap;

use domain::verification::CheckKind;

use super::detect::Found;
use super::language::{Language, Wanted, of};
use super::project::Project;
use super::{FilesArg, Reader};

/// Compiles each file in memory, so that nothing is written, and reports in mypy's form. `-I` keeps the tree's own
/// modules out of the interpreter's search path.
const SYNTAX: &str = r#"import sys
bad = False
for path in sys.argv[1:]:
    try:
        with open(path, "rb") as file:
            compile(file.read(), path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        bad = True
        print(f"{path}:{getattr(error, 'lineno', None) or 1}: error: {getattr(error, 'msg', None) or error}  [syntax]")
sys.exit(bad)
"#;

/// pytest's report: outside of the tree.
const JUNIT: &str = "{tmp}/codex-task-pytest.xml";

/// Adds the checks of a Python project. `test_command` says that the caller runs the tests in another way.
pub(super) fn detect(
    project: &Project<'_>,
    changed: &[String],
    wanted: Wanted,
    test_command: bool,
    found: &mut Found<'_>,
) {
    if wanted == Wanted::All {
        let files: Vec<String> =
            changed.iter().filter(|p| p.ends_with(".py") || p.ends_with(".pyi")).cloned().collect();
        syntax(&files, found);
        ruff(project, &files, found);
        mypy(project, found);
        pyright(project, found);
    }
    if !test_command {
        tests(project, changed, found);
    }
}

fn syntax(files: &[String], found: &mut Found<'_>) {
    if files.is_empty() {
        return;
    }
    if !found.has("python3") {
        found.note("Python files changed, but python3 is not installed".to_owned());
        return;
    }
    let argv = ["python3", "-I", "-W", "ignore", "-c", SYNTAX];
    found.add(
        "python-syntax",
        CheckKind::Build,
        &argv,
        FilesArg::Existing(files.to_vec()),
        Reader::ErrorLines,
    );
}

fn ruff(project: &Project<'_>, files: &[String], found: &mut Found<'_>) {
    let configured = project.has("ruff.toml")
        || project.has(".ruff.toml")
        || project.has_section("pyproject.toml", "[tool.ruff");
    if !configured || files.is_empty() {
        return;
    }
    if !found.has("ruff") {
        found.note("ruff is configured but not installed".to_owned());
        return;
    }
    // `--no-fix`: a configuration with `fix = true` would change the very files that are checked.
    let argv = ["ruff", "check", "--output-format=json", "--no-cache", "--no-fix", "--force-exclude", "--"];
    found.add("ruff", CheckKind::Lint, &argv, FilesArg::Existing(files.to_vec()), Reader::RuffJson);
}

fn mypy(project: &Project<'_>, found: &mut Found<'_>) {
    let places = [
        ("mypy.ini", "[mypy]"),
        (".mypy.ini", "[mypy]"),
        ("pyproject.toml", "[tool.mypy"),
        ("setup.cfg", "[mypy]"),
    ];
    let Some((file, header)) = places.into_iter().find(|(file, header)| project.has_section(file, header))
    else {
        return;
    };
    if !found.has("mypy") {
        found.note("mypy is configured but not installed".to_owned());
        return;
    }
    let mut argv = vec![
        "mypy",
        "--no-error-summary",
        "--no-pretty",
        "--no-color-output",
        "--show-error-codes",
        "--hide-error-context",
        "--cache-dir={tree}/.codex-task-cache/mypy",
    ];
    if !project.section_sets(file, header, &["files", "packages", "modules"]) {
        argv.push(".");
    }
    found.add("mypy", CheckKind::Types, &argv, FilesArg::Nothing, Reader::ErrorLines);
}

fn pyright(project: &Project<'_>, found: &mut Found<'_>) {
    if !project.has("pyrightconfig.json") && !project.has_section("pyproject.toml", "[tool.pyright") {
        return;
    }
    if !found.has("pyright") {
        found.note("pyright is configured but not installed".to_owned());
        return;
    }
    let argv = ["pyright", "--outputjson"];
    found.add("pyright", CheckKind::Types, &argv, FilesArg::Nothing, Reader::PyrightJson);
}

fn tests(project: &Project<'_>, changed: &[String], found: &mut Found<'_>) {
    let configured = has_pytest_config(project);
    let mut files = test_files(project);
    files.extend(changed.iter().filter(|p| is_test_path(p)).cloned());
    if files.is_empty() && !configured {
        return;
    }
    if found.has("pytest") {
        let junit = format!("--junitxml={JUNIT}");
        // One module that cannot be imported must not hide what all the others say.
        let argv = [
            "pytest",
            "-p",
            "no:cacheprovider",
            // It replaces the closing line, without which a report counts for nothing.
            "-p",
            "no:sugar",
            "--continue-on-collection-errors",
            "--verbosity=0",
            "--color=no",
            &junit,
        ];
        let reader = Reader::PytestJunit { file: JUNIT.to_owned() };
        found.add_with("pytest", CheckKind::Test, &argv, FilesArg::Nothing, reader, environment(project));
        return;
    }
    if configured || project.any_holds(&files, &["import pytest", "from pytest"]) {
        found.note("pytest is configured or imported but not installed".to_owned());
    }
    if project.any_holds(&files, &["import unittest", "from unittest"]) {
        unittest(project, found);
    } else {
        found.note("there are Python tests, and neither pytest nor unittest can run them".to_owned());
    }
}

fn unittest(project: &Project<'_>, found: &mut Found<'_>) {
    if !found.has("python3") {
        found.note("there are unittest tests, but python3 is not installed".to_owned());
        return;
    }
    let mut argv = vec!["python3", "-W", "ignore", "-m", "unittest", "discover", "-v"];
    // Discovery from the root goes into packages only.
    let folder = ["tests", "test"]
        .into_iter()
        .find(|f| project.has(&format!("{f}/")) && !project.list(f).iter().any(|name| name == "__init__.py"));
    let at_root = project.list("").iter().any(|name| is_test_name(name));
    if let Some(folder) = folder.filter(|_| !at_root) {
        argv.extend(["-s", folder]);
    }
    found.add_with(
        "unittest",
        CheckKind::Test,
        &argv,
        FilesArg::Nothing,
        Reader::UnittestText,
        environment(project),
    );
}

/// The tree comes before installed packages: otherwise an installed copy of the project would be tested instead of
/// the change.
fn environment(project: &Project<'_>) -> BTreeMap<String, String> {
    let path = if project.has("src/") { "{tree}/src:{tree}" } else { "{tree}" };
    BTreeMap::from([("PYTHONPATH".to_owned(), path.to_owned())])
}

fn has_pytest_config(project: &Project<'_>) -> bool {
    let places = [
        ("pyproject.toml", "[tool.pytest"),
        ("tox.ini", "[pytest]"),
        ("setup.cfg", "[tool:pytest]"),
        ("pytest.ini", "[pytest]"),
        (".pytest.ini", "[pytest]"),
    ];
    places.into_iter().any(|(file, header)| project.has_section(file, header))
}

/// The project's test files: at the root, under `tests` and `test`, and beside the code when nowhere else.
fn test_files(project: &Project<'_>) -> Vec<String> {
    let root = project.list("").into_iter().filter(|name| is_test_name(name));
    let mut files: Vec<String> = root.collect();
    files.extend(project.find(&["tests", "test"], &is_test_name));
    if files.is_empty() { project.find(&[""], &is_test_name) } else { files }
}

fn is_test_name(name: &str) -> bool {
    name.ends_with(".py") && (name.starts_with("test") || name.ends_with("_test.py"))
}

fn is_test_path(path: &str) -> bool {
    of(path) == Language::Python && is_test_name(path.rsplit('/').next().unwrap_or(path))
}

/// Whether the tree is a Python project at all, as far as a change without Python files asks.
pub(super) fn is_project(project: &Project<'_>) -> bool {
    ["pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "pytest.ini", "requirements.txt"]
        .into_iter()
        .any(|name| project.has(name))
        || !test_files(project).is_empty()
}
