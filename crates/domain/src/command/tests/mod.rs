//! Tests of the judge of commands: the built-in rules' examples, the shared cases, our own cases by class, properties.

mod cases;
mod policies;
mod properties;
mod shared;

use super::*;

/// The verdict of the built-in policy.
fn verdict(command: &str) -> Verdict {
    judge(command, &CommandPolicy::default()).verdict
}

#[test]
fn every_built_in_rule_finds_its_examples_and_leaves_the_others() {
    let policy = CommandPolicy::default();
    let mut wrong = Vec::new();
    for rule in Rule::ALL {
        let examples = [(rule.matches(), true), (rule.not_matches(), false)];
        for (example, wanted) in
            examples.into_iter().flat_map(|(list, wanted)| list.iter().map(move |e| (*e, wanted)))
        {
            let judged = judge(example, &policy);
            if judged.findings.iter().any(|f| f.rule == rule.id()) != wanted {
                let found: Vec<&str> = judged.findings.iter().map(|f| f.rule.as_str()).collect();
                wrong.push(format!(
                    "{rule} {} {example:?}: found {found:?}",
                    if wanted { "misses" } else { "takes" }
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(CommandPolicy::check_built_in(), Ok(()));
}

#[test]
fn ids_are_kebab_case_and_each_is_there_once() {
    let mut ids: Vec<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count);
    for rule in Rule::ALL {
        assert_eq!(serde_json::to_value(rule).unwrap(), rule.id());
        assert!(!rule.matches().is_empty() && !rule.text().is_empty() && !rule.advice().is_empty(), "{rule}");
    }
}
