//! What a provider means to do before it does it: the steps of a feature, for a person to approve. A plan is data: it
//! grants nothing, and the change that follows is judged like every other one.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::ids::Sha256;
use crate::patch::RepoPath;

/// What a provider is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    /// A change, or the answer to a question.
    #[default]
    Change,
    /// A plan for one; nothing is changed yet.
    Plan,
}

impl Wanted {
    /// Whether it is the ordinary case, which the journal does not name.
    pub fn is_change(&self) -> bool {
        *self == Self::Change
    }
}

/// A plan, as it was read and within its limits. Every text is one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What there will be afterwards.
    pub summary: String,
    /// What is to be done, in order; never empty.
    pub steps: Vec<String>,
    /// The files that are to be changed or added; never empty.
    pub files: Vec<RepoPath>,
    /// The tests that are to be added.
    pub tests: Vec<String>,
    /// What may go wrong.
    pub risks: Vec<String>,
}

impl Plan {
    /// The most bytes of a plan's answer.
    pub const MOST_BYTES: usize = 64 << 10;
    /// The most entries of each list.
    pub const MOST_ENTRIES: usize = 30;
    /// The most characters of the summary, and of each entry.
    pub const MOST_CHARACTERS: usize = 600;

    /// Identifies the plan: an approval names it.
    pub fn hash(&self) -> Sha256 {
        Sha256::of(self.text().as_bytes())
    }

    /// The plan in plain text: what people read, what a prompt holds, and what [`Plan::hash`] is of.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.summary);
        // Writing to a string cannot fail.
        let _ = write!(text, "\nSteps:\n");
        for (number, step) in (1..).zip(&self.steps) {
            let _ = writeln!(text, "{number}. {step}");
        }
        let files = self.files.iter().map(RepoPath::as_str);
        list(&mut text, "Files", files);
        list(&mut text, "Tests", self.tests.iter().map(String::as_str));
        list(&mut text, "Risks", self.risks.iter().map(String::as_str));
        text
    }
}

fn list<'a>(text: &mut String, name: &str, entries: impl Iterator<Item = &'a str>) {
    let _ = write!(text, "\n{name}:\n");
    let before = text.len();
    for entry in entries {
        let _ = writeln!(text, "- {entry}");
    }
    if text.len() == before {
        text.push_str("- none\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_told_in_full_and_named_by_what_it_says() {
        let plan = Plan {
            summary: "A comma behind Hello.".into(),
            steps: vec!["Add it.".into(), "Test it.".into()],
            files: vec!["greet.py".parse().unwrap()],
            tests: Vec::new(),
            risks: vec!["Callers compare the text.".into()],
        };
        let told = "A comma behind Hello.\n\nSteps:\n1. Add it.\n2. Test it.\n\nFiles:\n- greet.py\n\n\
                    Tests:\n- none\n\nRisks:\n- Callers compare the text.\n";
        assert_eq!(plan.text(), told);
        let other = Plan { risks: Vec::new(), ..plan.clone() };
        assert_ne!(plan.hash(), other.hash());
        let read: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
        assert_eq!(read, plan);
    }
}
