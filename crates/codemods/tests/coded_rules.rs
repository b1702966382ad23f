//! The rules in Rust on the examples of `tests/coded/<code>.yml`. To add a case, write it there.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

use codex_task_codemods as codemods;

use codemods::{Context, FixOutcome, ProjectNames, RuleSet, fix, fix_with, scan};
use domain::finding::Finding;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Examples {
    /// No finding of the code in these.
    valid: Vec<String>,
    invalid: Vec<Invalid>,
}

/// A text whose first finding of the code is repaired, or why it is not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invalid {
    before: String,
    #[serde(default)]
    after: Option<String>,
    /// A part of the reason.
    #[serde(default)]
    why: Option<String>,
}

fn examples(code: &str) -> Examples {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/coded");
    let text = std::fs::read_to_string(folder.join(format!("{code}.yml"))).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|why| panic!("{code}: {why}"))
}

fn of_code(code: &str, text: &str) -> Vec<Finding> {
    let found = scan(&RuleSet::builtin().unwrap(), "a.py", text, &Context::default());
    found.into_iter().filter(|one| one.code == code).collect()
}

fn check(code: &str) {
    let rules = RuleSet::builtin().unwrap();
    let examples = examples(code);
    assert!(examples.valid.len() >= 2 && examples.invalid.len() >= 3);
    let mut wrong: Vec<String> = Vec::new();
    for text in &examples.valid {
        if let [one, ..] = of_code(code, text).as_slice() {
            wrong.push(format!("reported as {}: {text:?}", one.message));
        }
    }
    for example in &examples.invalid {
        let Some(one) = of_code(code, &example.before).into_iter().next() else {
            wrong.push(format!("not reported: {:?}", example.before));
            continue;
        };
        let ok = match (fix(&rules, "a.py", &example.before, &one), &example.after, &example.why) {
            (FixOutcome::Fixed(fixed), Some(after), _) if fixed.text == *after => continue,
            (FixOutcome::NotFixable { why }, None, Some(part)) if why.contains(part) => continue,
            (outcome, _, _) => outcome,
        };
        wrong.push(format!(
            "{:?}\n  wanted {:?} {:?}\n  got {ok:?}",
            example.before, example.after, example.why
        ));
    }
    assert!(wrong.is_empty(), "{code}:\n{}", wrong.join("\n"));
}

#[test]
fn mutable_defaults_move_into_the_body_or_stay_with_a_reason() {
    check("B006");
}

#[test]
fn calls_in_defaults_move_into_the_body_or_stay_with_a_reason() {
    check("B008");
}

#[test]
fn comparisons_with_none_are_by_identity() {
    check("E711");
}

#[test]
fn comparisons_with_booleans_become_truth_tests() {
    check("E712");
}

#[test]
fn a_negated_identity_becomes_is_not() {
    check("E714");
}

#[test]
fn literals_are_compared_by_value() {
    check("F632");
}

#[test]
fn undefined_names_are_imported_or_corrected_or_left_with_a_reason() {
    check("F821");
}

struct Project;

impl ProjectNames for Project {
    fn module_defining(&self, name: &str) -> Option<String> {
        (name == "make_session").then(|| "shop.sessions".to_owned())
    }
}

#[test]
fn a_name_that_one_module_of_the_project_defines_is_imported_from_there() {
    let rules = RuleSet::builtin().unwrap();
    let text = "import os\n\nfrom shop import db\n\ns = make_session(db, os)\n";
    let one = of_code("F821", text).remove(0);
    let context = Context { project: &Project, only: None };
    let FixOutcome::Fixed(fixed) = fix_with(&rules, "a.py", text, &one, &context) else {
        panic!("not fixed")
    };
    assert_eq!(
        fixed.text,
        text.replace("import db\n", "import db\nfrom shop.sessions import make_session\n")
    );
    assert!(matches!(fix(&rules, "a.py", text, &one), FixOutcome::NotFixable { .. }));
}

#[test]
fn a_finding_is_found_again_after_lines_moved_and_is_gone_when_repaired() {
    let rules = RuleSet::builtin().unwrap();
    let text = "def f(x=[], y=[]):\n    return x, y\n";
    let second = of_code("B006", text).remove(1);
    let moved = format!("import os\n\n{text}");
    let FixOutcome::Fixed(fixed) = fix(&rules, "a.py", &moved, &second) else { panic!("not fixed") };
    assert!(fixed.text.contains("def f(x=[], y=None):"), "{}", fixed.text);
    let none = "def f(x=None, y=None):\n    return x, y\n";
    assert_eq!(fix(&rules, "a.py", none, &second), FixOutcome::Gone);
}

#[test]
fn a_file_with_a_syntax_error_is_left_alone() {
    let rules = RuleSet::builtin().unwrap();
    let text = "x = 1\ny = x == None\n";
    let one = of_code("E711", text).remove(0);
    let broken = format!("{text}def (:\n");
    assert!(matches!(fix(&rules, "a.py", &broken, &one), FixOutcome::NotFixable { .. }));
    assert_eq!(of_code("E711", &broken), []);
}

#[test]
fn stubs_are_read_as_a_whole_and_have_no_mutable_defaults() {
    let stub = "class A(B): ...\nclass B: ...\nx: Later\nclass Later: ...\ndef f(x=[]): ...\n";
    assert_eq!(scan(&RuleSet::builtin().unwrap(), "a.pyi", stub, &Context::default()), []);
    let codes: Vec<String> = scan(&RuleSet::builtin().unwrap(), "a.py", stub, &Context::default())
        .into_iter()
        .map(|f| f.code)
        .collect();
    assert_eq!(codes, ["F821", "F821", "B006"]);
}
