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
