//! What somebody asks for: free text with a kind, or a finding.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::finding::Finding;

/// What sort of change (or answer) is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Repair something that is wrong; every finding is a fix.
    Fix,
    /// Change the shape, not the behaviour.
    Refactor,
    /// Write tests.
    Test,
    /// Find the root cause, fix it, and add a regression test.
    Debug,
    /// Add something new: plan first, then code and tests.
    Feature,
    /// Write documentation.
    Docs,
    /// Maintenance.
    Chore,
    /// A question: the answer is text, not a change.
    Ask,
}

/// A word that is not a kind of task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of task {0:?}; one of: fix, refactor, test, debug, feature, docs, chore, ask")]
pub struct UnknownKind(pub String);

impl Kind {
    /// All kinds, in the order in which help lists them.
    pub const ALL: [Self; 8] = [
        Self::Fix,
        Self::Refactor,
        Self::Test,
        Self::Debug,
        Self::Feature,
        Self::Docs,
        Self::Chore,
        Self::Ask,
    ];

    /// The kind's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fix => "fix",
            Self::Refactor => "refactor",
            Self::Test => "test",
            Self::Debug => "debug",
            Self::Feature => "feature",
            Self::Docs => "docs",
            Self::Chore => "chore",
            Self::Ask => "ask",
        }
    }

    /// The type of a conventional commit for this kind of change.
    pub fn commit_type(self) -> &'static str {
        match self {
            Self::Fix | Self::Debug => "fix",
            Self::Refactor => "refactor",
            Self::Test => "test",
            Self::Feature => "feat",
            Self::Docs => "docs",
            Self::Chore | Self::Ask => "chore",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;
    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or_else(|| UnknownKind(word.chars().take(40).collect()))
    }
}

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// What sort of change.
    pub kind: Kind,
    /// The request in words; for a finding, its message.
    pub text: String,
    /// The finding that is to be fixed, when the task comes from a linter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
}

impl Task {
    /// The task to fix a finding.
    pub fn from_finding(finding: Finding) -> Self {
        Self {
            kind: Kind::Fix,
            text: format!("{}: {}", finding.code, finding.message),
            finding: Some(finding),
        }
    }

    /// One line that names the task, cut at 72 characters.
    pub fn title(&self) -> String {
        let line = self.text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("(no text)");
        if line.chars().count() <= 72 {
            line.to_owned()
        } else {
            line.chars().take(71).chain(['…']).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_its_own_word() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        assert!("Fix".parse::<Kind>().is_err());
    }

    #[test]
    fn a_title_is_one_short_line() {
        let task = Task { kind: Kind::Fix, text: format!("\n  {}\nmore", "ä".repeat(100)), finding: None };
        assert_eq!(task.title().chars().count(), 72);
    }
}
