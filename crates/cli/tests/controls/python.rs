//! Python: syntax, ruff, mypy, pyright, pytest, unittest.

use testkit::{Need, TestRepo};

use super::Control;
use super::support::Place;

const APP: &str = "\"\"\"Adds.\"\"\"\n\n\ndef add(a, b):\n    return a + b\n";
const TEST: &str = "from app import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n";
const UNITTEST: &str = "import unittest\n\nfrom app import add\n\n\nclass AddTest(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n";
const SPARE: &str = "\"\"\"Nothing imports this.\"\"\"\n\nLIMIT: int = 3\n";
const GOOD: &str = "\"\"\"Nothing imports this.\"\"\"\n\nLIMIT: int = 4\n";

pub(crate) const ALL: &[&Control] = &[&SYNTAX, &RUFF, &MYPY, &PYRIGHT, &PYTEST, &PYTEST_IMPORT, &UNITTESTS];

const SYNTAX: Control = Control {
    files: &[("app.py", APP), ("tests/test_app.py", TEST), ("spare.py", SPARE)],
    path: "spare.py",
    good: GOOD,
    bad: "\"\"\"Nothing imports this.\"\"\"\n\nLIMIT: int = = 4\n",
    red: &["python-syntax"],
    reason: "syntax error: python-syntax: spare.py",
    needs: &["python3", "pytest"],
    policy: "",
};

const RUFF: Control = Control {
    files: &[("app.py", APP), ("tests/test_app.py", TEST), ("spare.py", SPARE), ("ruff.toml", "")],
    bad: "\"\"\"Nothing imports this.\"\"\"\n\nLIMIT: int = nothing\n",
    red: &["ruff"],
    reason: "new critical lint findings: ruff: spare.py F821",
    needs: &["python3", "pytest", "ruff"],
    ..SYNTAX
};

const MYPY: Control = Control {
    files: &[("app.py", APP), ("tests/test_app.py", TEST), ("spare.py", SPARE), ("mypy.ini", "[mypy]\n")],
    bad: "\"\"\"Nothing imports this.\"\"\"\n\nLIMIT: int = \"4\"\n",
    red: &["mypy"],
    reason: "new type errors: mypy: spare.py assignment",
    needs: &["python3", "pytest", "mypy"],
    ..SYNTAX
};

const PYRIGHT: Control = Control {
    files: &[
        ("app.py", APP),
        ("tests/test_app.py", TEST),
        ("spare.py", SPARE),
        ("pyrightconfig.json", "{}\n"),
    ],
    bad: "\"\"\"Nothing imports this.\"\"\"\n\nimport nothing_of_this_name\n\nLIMIT: int = 4\n",
    red: &["pyright"],
    reason: "import error or missing dependency: pyright: spare.py reportMissingImports",
    needs: &["python3", "pytest", "pyright", "node"],
    ..SYNTAX
};

const PYTEST: Control = Control {
    files: &[("app.py", APP), ("tests/test_app.py", TEST)],
    path: "app.py",
    good: "\"\"\"Adds.\"\"\"\n\n\ndef add(a, b):\n    return b + a\n",
    bad: "\"\"\"Adds.\"\"\"\n\n\ndef add(a, b):\n    return a - b\n",
    red: &["pytest"],
    reason: "failing tests: pytest: tests.test_app::test_add",
    needs: &["python3", "pytest"],
    policy: "",
};

const PYTEST_IMPORT: Control = Control {
    bad: "\"\"\"Adds.\"\"\"\n\nimport nothing_of_this_name\n\n\ndef add(a, b):\n    return a + b\n",
    reason: "import error or missing dependency: pytest: tests.test_app",
    ..PYTEST
};

const UNITTESTS: Control = Control {
    files: &[("app.py", APP), ("test_app.py", UNITTEST)],
    red: &["unittest"],
    reason: "failing tests: unittest: test_app.AddTest.test_add",
    needs: &["python3"],
    ..PYTEST
};

#[test]
fn a_syntax_error_turns_the_syntax_check_red() {
    SYNTAX.hold();
}

#[test]
fn a_new_finding_turns_ruff_red() {
    RUFF.hold();
}

#[test]
fn a_wrong_type_turns_mypy_red() {
    MYPY.hold();
}

#[test]
fn a_missing_import_turns_pyright_red() {
    PYRIGHT.hold();
}

#[test]
fn a_wrong_sum_turns_pytest_red() {
    PYTEST.hold();
}

#[test]
fn a_missing_import_is_named_as_such_by_pytest() {
    PYTEST_IMPORT.hold();
}

#[test]
fn a_wrong_sum_turns_unittest_red() {
    testkit::requires!(Need::Program("python3"));
    let mut place = Place::new(TestRepo::with(UNITTESTS.files), UNITTESTS.policy);
    // unittest runs where pytest is not installed.
    let path = place.environment().into_iter().find(|(name, _)| name == "PATH").unwrap().1;
    let without: Vec<&str> =
        path.split(':').filter(|folder| !std::path::Path::new(folder).join("pytest").exists()).collect();
    place.set("PATH", &without.join(":"));
    UNITTESTS.hold_in(&mut place);
}
