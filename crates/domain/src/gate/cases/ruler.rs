//! Tests as the gate sees them in whole files: which are gone, which weakened, and what is left alone.

use super::*;

/// The rules that speak about several files' change in a request.
fn speak(files: Vec<FileResult>) -> Vec<Rule> {
    let (judgement, _) =
        judge_diff(&emit(files), &Tree::default(), Scope::Request(Kind::Fix), &GatePolicy::default());
    judgement.findings.into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn a_test_file_in_a_language_that_is_not_read_is_gone_unless_it_moved() {
    let text = || file("it { x }\n");
    assert_eq!(rules("spec/a.rb", text(), None), [Rule::TestDeleted]);
    assert_eq!(rules("lib/a.rb", text(), None), []);
    assert_eq!(rules("spec/a.rb", text(), file("it { y }\n")), []);
    assert_eq!(rules("spec/data.json", text(), None), []);
    let moved = |after: &str| {
        speak(vec![change("spec/a.rb", text(), None), change("spec/b/a.rb", None, file(after))])
    };
    assert_eq!(moved("it { x }\n"), []);
    assert_eq!(moved("it { y }\n"), [Rule::TestDeleted]);
    let over_another = vec![change("spec/a.rb", text(), None), change("spec/b.rb", file("x\n"), text())];
    assert_eq!(speak(over_another), [Rule::TestDeleted], "it took another one's place");
}

#[test]
fn only_texts_and_only_where_tests_are_kept_are_read_as_tests() {
    let test = "def test_a():\n    assert f()\n";
    assert_eq!(rules("tests/test_a.py", file(test), None), [Rule::TestDeleted]);
    assert_eq!(rules("src/a.py", file(test), file("x = 1\n")), []);
    assert_eq!(rules("tests/test_a.py", file(&format!("{test}\0")), None), []);
    let rust = "#[test]\nfn a() {\n    assert!(f());\n}\n";
    assert_eq!(rules("src/a.rs", file(rust), file("fn b() {}\n")), [Rule::TestDeleted]);
}

#[test]
fn a_bound_is_lowered_only_by_a_looser_number() {
    let lowered = |old: &str, new: &str| {
        rules("pyproject.toml", file(&format!("{old}\n")), file(&format!("{new}\n")))
            .contains(&Rule::ThresholdLowered)
    };
    assert!(lowered("fail_under = 80", "fail_under = 79") && lowered("timeout = 9", "timeout = 10"));
    assert!(!lowered("fail_under = 80", "fail_under = 80 # as before"));
    assert!(!lowered("timeout = 9", "timeout = 9 # as before"));
    assert!(!lowered("fail_under = 80", "fail_under = 81") && !lowered("timeout = 9", "timeout = 8"));
}

/// The rules about tests that speak about one file, each with its line.
fn told(path: &str, before: &str, after: &str) -> Vec<(Rule, Option<u32>)> {
    let diff = emit(vec![change(path, file(before), file(after))]);
    let (judgement, _) =
        judge_diff(&diff, &Tree::default(), Scope::Request(Kind::Fix), &GatePolicy::default());
    judgement.findings.into_iter().map(|finding| (finding.rule, finding.line)).collect()
}

#[test]
fn what_a_test_lost_is_told_with_its_line() {
    let before = "import x\n\nclass TestA:\n    def test_a(self):\n        x()\n        assert f() == 1\n";
    let weaker = |from: &str, to: &str| told("tests/test_a.py", before, &before.replace(from, to));
    assert_eq!(weaker("assert f() == 1", "assert f()"), [(Rule::TestWeakened, Some(4))]);
    assert_eq!(weaker("        assert f() == 1\n", ""), [(Rule::TestWeakened, Some(4))]);
    assert_eq!(weaker("        x()\n", "        x()\n        return\n"), [(Rule::TestWeakened, Some(4))]);
    assert_eq!(weaker("x()\n", "x()\n        if y:\n            return\n"), []);
    assert_eq!(weaker("x()\n", "x()\n        pytest.skip('x')\n"), [(Rule::TestSkipped, Some(6))]);
    assert_eq!(
        weaker("import x\n", "import x\npytestmark = pytest.mark.skip\n"),
        [(Rule::TestSkipped, Some(2))]
    );
    assert_eq!(
        weaker("    def test_a", "    @unittest.skip\n    def test_a"),
        [(Rule::TestSkipped, Some(4))]
    );
    assert_eq!(
        weaker("        assert", "        if False:\n            assert"),
        [(Rule::TestWeakened, Some(4))]
    );
}

#[test]
fn a_test_that_alone_runs_is_told_wherever_it_stands() {
    let before = "it('a', () => {\n  expect(x).toBe(1);\n});\n";
    let path = "src/a.test.js";
    let skipped = |line| vec![(Rule::TestSkipped, Some(line))];
    assert_eq!(told(path, before, &before.replace("it(", "it.only(")), skipped(1));
    assert_eq!(
        told(path, &before.replace("it(", "it.only("), &before.replace("it(", "it.only(").replace('1', "2")),
        []
    );
    let new = "\nit.only('b', () => {\n  expect(y).toBe(1);\n});\n";
    assert_eq!(told(path, before, &format!("{before}{new}")), skipped(5));
    assert_eq!(told(path, before, &format!("{before}{}", new.replace("only", "skip"))), []);
    let around = format!("describe.only('c', () => {{\n{before}}});\n");
    assert_eq!(told(path, &around.replace(".only", ""), &around), skipped(1));
    assert_eq!(rules(path, None, file(&around)), [Rule::TestSkipped]);
    assert_eq!(rules(path, None, file(before)), []);
    assert_eq!(rules("tests/test_a.py", None, file("def test_a():\n    assert f()\n")), []);
}

#[test]
fn a_test_is_known_again_by_name_content_or_half_of_it() {
    let test = |name: &str, lines: &[&str]| format!("def {name}():\n    {}\n\n\n", lines.join("\n    "));
    let lines = ["a = f()", "b = g(a)", "assert a == 1", "assert b == 2"];
    let before = test("test_a", &lines);
    let after = |text: String| {
        told("tests/test_a.py", &before, &text).into_iter().map(|(rule, _)| rule).collect::<Vec<_>>()
    };
    assert_eq!(after(test("test_b", &lines)), [], "another name");
    assert_eq!(
        after(test("test_b", &["c = 1", "assert a == 1", "assert c == 2"])),
        [],
        "half of what is asserted"
    );
    let like_it = ["c = h()", "d = k(c)", "assert c == 3", "assert d == 4"];
    assert_eq!(after(test("test_b", &like_it)), [Rule::TestDeleted], "the same but for every word");
    assert_eq!(
        after(test("test_b", &["c = 1", "assert c == 2", "assert d == 2"])),
        [Rule::TestDeleted],
        "less than half"
    );
    assert_eq!(
        after(test("test_b", &["a = f()", "b = g(a)", "assert c == 2", "assert d == 2"])),
        [],
        "half of the lines"
    );
    assert_eq!(after(test("test_b", &["a = f()", "b = g(a)", "assert a == 1"])), [Rule::TestWeakened]);
    let silent = test("test_a", &["a()", "b()"]);
    assert_eq!(
        told("tests/test_a.py", &silent, &test("test_b", &["c()", "d()"])),
        [(Rule::TestDeleted, None)]
    );
    let class = |name: &str, line: &str| format!("class {name}:\n    def test_a(self):\n        {line}\n");
    let (old, new) = (class("TestA", "assert f() == 1"), class("TestB", "assert g() == 2"));
    assert_eq!(told("tests/test_a.py", &old, &new), [], "the same name in another class");
    let titled = |title: &str, line: &str| format!("it('{title}', () => {{\n  {line}\n}});\n");
    let (old, new) = (titled("a works", "expect(x).toBe(1);"), titled("b works", "expect(y).toBe(2);"));
    assert_eq!(told("a.test.js", &old, &new), [(Rule::TestDeleted, None)], "a title is no name");
    let diff = emit(vec![change("a.test.js", file(&old.replace('w', "\u{1}w")), file(&new))]);
    let (judgement, _) = judge_diff(&diff, &Tree::default(), Scope::Finding, &GatePolicy::default());
    let deleted = judgement.findings.iter().find(|finding| finding.rule == Rule::TestDeleted).unwrap();
    assert!(deleted.text.ends_with(": \"a works\""), "{deleted:?}");
    let moved = |path: &str| {
        speak(vec![change("tests/test_a.py", file(&before), None), change(path, None, file(&before))])
    };
    assert_eq!(moved("tests/unit/test_b.py"), []);
    assert_eq!(moved("tests/unit/b.py"), [Rule::TestDeleted], "no runner looks there");
}

#[test]
fn each_assertion_that_goes_needs_one_that_says_as_much() {
    let test = |lines: &[&str]| format!("def test_a():\n    {}\n", lines.join("\n    "));
    for (before, after, weaker) in [
        (vec!["assert a == 1"], vec!["assert a == 2"], false),
        (vec!["assert a == 1"], vec!["assert a > 0"], true),
        (vec!["assert a > 1"], vec!["assert a == 2"], false),
        (vec!["assert a == 1", "assert b"], vec!["assert b == 1", "assert a"], false),
        (vec!["assert a == 1", "assert a == 1"], vec!["assert a == 1"], true),
        (vec!["assert a == 1", "assert True"], vec!["assert a == 1"], false),
        (vec!["assert a == 1"], vec!["assert True"], true),
        (vec!["assert a == approx(1, abs=1e-6)"], vec!["assert a == approx(1, abs=1e-3)"], true),
        (vec!["assert a == approx(1, abs=1e-3)"], vec!["assert a == approx(1, abs=1e-6)"], false),
        (vec!["assert a == approx(1, abs=1e-6)"], vec!["assert a == approx(2, abs=1e-6)"], false),
        (
            vec!["assert a == approx(1, abs=1e-6)"],
            vec!["assert a == approx(1, abs=1e-6)", "assert a == approx(1, abs=1e-3)"],
            false,
        ),
        (
            vec!["self.assertAlmostEqual(a, 1, places=7)"],
            vec!["self.assertAlmostEqual(a, 2, places=7)"],
            false,
        ),
        (vec!["assert a == approx(1, abs=1e-6)"], vec!["assert b == approx(1, abs=1e-3)"], false),
        (
            vec!["self.assertAlmostEqual(a, b, places=7)"],
            vec!["self.assertAlmostEqual(a, b, places=3)"],
            true,
        ),
        (
            vec!["self.assertAlmostEqual(a, b, places=3)"],
            vec!["self.assertAlmostEqual(a, b, places=7)"],
            false,
        ),
    ] {
        let found = told("tests/test_a.py", &test(&before), &test(&after));
        assert_eq!(!found.is_empty(), weaker, "{before:?} {after:?} {found:?}");
    }
}

#[test]
fn a_remark_for_linters_counts_by_its_words() {
    let lint = [Rule::LintSuppression];
    let python = |old: &str, new: &str| rules("src/a.py", file(old), file(new));
    assert_eq!(python("x  # noqa: E1\n", "x  # noqa: E2\n"), lint);
    assert_eq!(python("x  # noqa: E1\ny\n", "y\nx   #  noqa:  E1\n"), []);
    assert_eq!(python("x  # noqa: E1\n", "x  # noqa: E1\ny  # noqa: E1\n"), lint);
    assert_eq!(rules("src/a.py", None, file("x = '@SuppressWarnings'\n")), []);
    assert_eq!(rules("src/A.java", None, file("@SuppressWarnings\nclass A {}\n")), lint);
    let rust = |attribute: &str| {
        rules("src/a.rs", file("fn f() {}\n"), file(&format!("{attribute}\nfn f() {{}}\n")))
    };
    for attribute in
        ["#[allow(dead_code)]", "#![expect(unused)]", "#[cfg_attr(x, allow(y))]", "#[ allow ( a )]"]
    {
        assert_eq!(rust(attribute), lint, "{attribute}");
    }
    for attribute in ["#[cfg_attr(x, derive(Y))]", "#[derive(Y)]", "// #[allow(x)]"] {
        assert_eq!(rust(attribute), [], "{attribute}");
    }
}

#[test]
fn linters_that_are_told_less_are_told_with_the_line() {
    let lint = |path: &str, old: &str, new: &str| {
        let told = told(path, old, new).into_iter();
        told.filter(|(rule, _)| *rule == Rule::LintSuppression).map(|(_, line)| line).collect::<Vec<_>>()
    };
    let strict = |value: &str, other: &str| format!("{{\n\"a\": {other},\n\"strict\": {value}\n}}\n");
    assert_eq!(lint("tsconfig.json", &strict("true", "1"), &strict("false", "2")), [Some(3)]);
    assert_eq!(lint("tsconfig.json", &strict("false", "1"), &strict("true", "2")), []);
    assert_eq!(lint("tsconfig.json", &strict("false", "1"), &strict("false", "2")), []);
    let ruff = |list: &str| format!("line-length = 9\n{list}\n");
    assert_eq!(lint("ruff.toml", &ruff("ignore = ['A']"), &ruff("x = 1\nignore = ['A', 'B']")), [Some(3)]);
    assert_eq!(lint("ruff.toml", &ruff("ignore = ['A', 'B']"), &ruff("ignore = ['B']")), []);
    assert_eq!(lint("ruff.toml", &ruff("select = ['A', 'B']"), &ruff("select = ['B']")), [Some(2)]);
    assert_eq!(lint("ruff.toml", &ruff("select = ['B']"), &ruff("select = ['A', 'B']")), []);
    assert_eq!(lint("src/ruff.rs", &ruff("ignore = ['A']"), &ruff("ignore = ['A', 'B']")), []);
}

#[test]
fn what_ends_the_run_of_all_tests_is_told_with_its_line() {
    let go = |body: &str| {
        let text = format!("package a\nfunc TestMain(m *testing.M) {{\n{body}}}\n");
        told("a_test.go", "package a\n", &text)
    };
    let tampering = |line| vec![(Rule::TestTampering, Some(line))];
    assert_eq!(go("\tos.Exit(m.Run())\n"), []);
    assert_eq!(go("\tos.Exit(0)\n"), tampering(3));
    assert_eq!(go("\tos.Exit(0)\n\tos.Exit(m.Run())\n"), tampering(3));
    assert_eq!(go("\tos.Exit(m.Run())\n\tos.Exit(0)\n"), tampering(4));
    let conftest = |text: &str| {
        let told = told("conftest.py", "x = 1\n", text).into_iter();
        told.filter(|(rule, _)| *rule == Rule::TestTampering).map(|(_, line)| line).collect::<Vec<_>>()
    };
    assert_eq!(conftest("x = 1\n  collect_ignore = [1]\n"), [Some(2)]);
    assert_eq!(conftest("x = 1\nsys.exit(0)\n"), [Some(2)]);
    assert_eq!(conftest("x = 1\ny = 2\n"), []);
    assert_eq!(told("tests/a.py", "x\nsys.exit(0)\n", "sys.exit(0)\nx\n"), []);
    assert_eq!(told("tests/a.py", "sys.exit(1)\n", "sys.exit(1)\nx\nsys.exit(1)\n"), tampering(3));
    assert_eq!(told("tests/a.py", "x = 1\n", "x = 1\ncollect_ignore = [1]\n"), []);
}

#[test]
fn a_check_whose_failure_no_longer_counts_is_told_with_its_line() {
    let ignored = |path: &str, old: &str, new: &str| {
        let told = told(path, old, new).into_iter();
        told.filter(|(rule, _)| *rule == Rule::FailureIgnored).map(|(_, line)| line).collect::<Vec<_>>()
    };
    assert_eq!(ignored("a.sh", "pytest\n", "ls\npytest || true\n"), [Some(2)]);
    assert_eq!(ignored("a.sh", "ls\n", "ls || true\n"), [], "no check");
    assert_eq!(ignored("a.sh", "pytest\n", "# pytest || true\n"), []);
    assert_eq!(ignored("a.sh", "pytest || true\n", "pytest -q || true\n"), []);
    assert_eq!(ignored("a.txt", "pytest\n", "pytest || true\n"), []);
    assert_eq!(ignored("Makefile", "a:\n\tpytest\n", "a:\n\t-pytest\n"), [Some(2)]);
    assert_eq!(ignored("a.mk", "a:\n\tpytest\n", "a:\n\t-pytest\n"), [Some(2)]);
    assert_eq!(ignored("a.sh", "a:\n\tpytest\n", "a:\n\t-pytest\n"), []);
    assert_eq!(ignored("Makefile", "a:\n\tls\n", "a:\n\t-ls\n"), []);
    assert_eq!(ignored("a.yml", "a: 1\n", "continue-on-error: true\n"), [Some(1)]);
}
