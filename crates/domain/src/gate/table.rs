//! The table of the built-in rules, read from `rules.yaml`: what each is for, what follows from it, how a policy
//! changes that, and examples that are judged when the table is checked.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::example::Example;
use super::{Rule, Verdict};

/// The file, as it is built in.
const TEXT: &str = include_str!("rules.yaml");

/// One built-in rule as the table describes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleEntry {
    /// The rule.
    pub id: Rule,
    /// What usually follows from it.
    pub verdict: Verdict,
    /// What it is about, as the end of a sentence.
    pub text: String,
    /// Why it is there.
    pub why: String,
    /// How a policy makes it stricter or looser, as far as it can.
    pub change: String,
    /// Changes that it must find, and changes that it must leave alone.
    pub examples: Examples,
}

/// A rule's examples: at least one of each.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Examples {
    /// Changes that the rule finds.
    #[serde(rename = "match")]
    pub matching: Vec<Example>,
    /// Changes that it says nothing of.
    #[serde(rename = "no_match")]
    pub other: Vec<Example>,
}

/// What is wrong with the table of rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// It is not what a table looks like.
    #[error("the built-in table of rules cannot be read: {0}")]
    Unreadable(String),
    /// A rule is missing, twice there, or not in its place.
    #[error("the built-in table of rules has {found} where the rule {wanted} belongs")]
    Order {
        /// What belongs there.
        wanted: String,
        /// What stands there.
        found: String,
    },
}

static TABLE: LazyLock<Result<Vec<RuleEntry>, TableError>> = LazyLock::new(|| read(TEXT));

/// The built-in rules in the order of [`Rule::ALL`].
///
/// # Errors
/// When the table that is built in is broken, which a test holds that it is not.
pub fn builtin() -> Result<&'static [RuleEntry], TableError> {
    TABLE.as_ref().map(Vec::as_slice).map_err(Clone::clone)
}

/// A rule's row; none when the table is broken.
pub(super) fn entry(rule: Rule) -> Option<&'static RuleEntry> {
    // The table is in the order of the enum, which `read` checks.
    builtin().ok()?.get(rule as usize)
}

/// What came of one example.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The rule's id.
    pub rule: String,
    /// `match` or `no_match`.
    pub kind: &'static str,
    /// The example's number among its kind, from 1.
    pub number: usize,
    /// What is wrong; none when it is judged as it says.
    pub problem: Option<String>,
}

/// Judges every example of one built-in rule. A rule without examples of a kind is a problem, too.
pub fn check(entry: &RuleEntry) -> Vec<Checked> {
    let mut all = Vec::new();
    for (kind, examples) in [("match", &entry.examples.matching), ("no_match", &entry.examples.other)] {
        let row = |number, problem| Checked { rule: entry.id.to_string(), kind, number, problem };
        if examples.is_empty() {
            all.push(row(0, Some(format!("it has no example under {kind}"))));
        }
        for (index, example) in examples.iter().enumerate() {
            all.push(row(index + 1, example.problem(entry.id, entry.verdict, kind == "match")));
        }
    }
    all
}

fn read(text: &str) -> Result<Vec<RuleEntry>, TableError> {
    let entries: Vec<RuleEntry> =
        serde_saphyr::from_str(text).map_err(|error| TableError::Unreadable(error.to_string()))?;
    let name = |rule: Option<Rule>| rule.map_or("nothing".to_owned(), |rule| rule.id().to_owned());
    for at in 0..Rule::ALL.len().max(entries.len()) {
        let (wanted, found) = (Rule::ALL.get(at).copied(), entries.get(at).map(|entry| entry.id));
        if wanted != found {
            return Err(TableError::Order { wanted: name(wanted), found: name(found) });
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_rule_has_its_row_and_its_examples_are_judged_as_they_say() {
        let entries = builtin().unwrap();
        let wrong: Vec<Checked> =
            entries.iter().flat_map(check).filter(|checked| checked.problem.is_some()).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        for entry in entries {
            assert!(entry.verdict != Verdict::Pass || entry.id == Rule::OwnRule, "{}", entry.id);
            assert_eq!((entry.id.verdict(), entry.id.text()), (entry.verdict, entry.text.as_str()));
        }
    }

    #[test]
    fn a_row_that_is_missing_twice_there_or_unknown_is_named() {
        let at = TEXT.find("\n- id: too-many-lines").unwrap();
        let first = &TEXT[..at];
        let order = |text: &str| match read(text) {
            Err(TableError::Order { wanted, found }) => (wanted, found),
            other => panic!("{other:?}"),
        };
        assert_eq!(order(first), ("too-many-lines".to_owned(), "nothing".to_owned()));
        let twice = format!("{first}\n{first}");
        assert_eq!(order(&twice), ("too-many-lines".to_owned(), "too-many-files".to_owned()));
        assert_eq!(order(&format!("{TEXT}\n{first}")), ("nothing".to_owned(), "too-many-files".to_owned()));
        let unknown = read(&TEXT.replacen("  why:", "  because:", 1)).unwrap_err();
        assert!(unknown.to_string().contains("because"), "{unknown}");
    }

    #[test]
    fn an_example_that_is_judged_otherwise_and_a_kind_without_example_are_problems() {
        let mut row = builtin().unwrap()[0].clone();
        std::mem::swap(&mut row.examples.matching, &mut row.examples.other);
        let numbers: Vec<usize> = check(&row).iter().map(|checked| checked.number).collect();
        let up_to = |all: &[Example]| 1..=all.len();
        let expected: Vec<usize> = up_to(&row.examples.matching).chain(up_to(&row.examples.other)).collect();
        assert_eq!(numbers, expected);
        let problems = check(&row).into_iter().filter(|checked| checked.problem.is_some()).count();
        assert_eq!(problems, row.examples.matching.len() + row.examples.other.len());
        let mut other_verdict = builtin().unwrap()[0].clone();
        other_verdict.verdict = Verdict::Pass;
        other_verdict.examples.matching.retain(|example| example.verdict.is_none());
        let problem = check(&other_verdict)[0].problem.clone().unwrap();
        assert!(problem.ends_with(" and not pass"), "{problem}");
        row.examples.other.clear();
        let empty = check(&row).into_iter().find(|checked| checked.kind == "no_match").unwrap();
        assert_eq!(empty.problem.as_deref(), Some("it has no example under no_match"));
    }
}
