//! Several findings of one code on one line are findings of their own.

use codex_task_codemods::{Context, FixOutcome, RuleSet, fix, scan};
use domain::finding::Finding;

const TEXT: &str = "def f(a=list(), b=dict()):\n    return a, b\n";

/// The text after the fix; nothing when there is none.
fn fixed(finding: &Finding) -> Option<String> {
    let rules = RuleSet::builtin().ok()?;
    match fix(&rules, "a.py", TEXT, finding) {
        FixOutcome::Fixed(fixed) => Some(fixed.text),
        FixOutcome::NotFixable { .. } | FixOutcome::Gone => None,
    }
}

#[test]
fn each_is_repaired_alone_and_has_a_fingerprint_of_its_own() {
    let found = scan(&RuleSet::builtin().unwrap(), "a.py", TEXT, &Context::default());
    let [one, two] = found.as_slice() else { panic!("{found:?}") };
    assert_ne!(one.fingerprint, two.fingerprint);
    assert!(fixed(one).unwrap().contains("a=None, b=dict()"));
    assert!(fixed(two).unwrap().contains("a=list(), b=None"));
}

#[test]
fn a_linters_report_of_the_second_is_told_by_its_column() {
    let column = TEXT.find("dict").unwrap() as u32 + 1;
    let report = Finding::at("ruff", "B006", "a.py", TEXT, 1, column, "mutable default");
    assert!(fixed(&report).unwrap().contains("a=list(), b=None"));
}
