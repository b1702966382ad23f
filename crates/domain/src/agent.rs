//! Callers with keys of their own: their names and what they may do. Keys and limits are kept by the store.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name of an agent, in bytes.
const LONGEST: usize = 64;

/// An agent's name: lower-case letters, digits, `.`, `_` and `-`, beginning with a letter or a digit, at most 64 of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AgentName(String);

/// A text that is no agent's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no agent's name: lower-case letters, digits, `.`, `_` and `-`, beginning with a letter or a digit, at most 64"
)]
pub struct InvalidAgentName(pub String);

impl AgentName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AgentName {
    type Err = InvalidAgentName;
    fn from_str(text: &str) -> Result<Self, InvalidAgentName> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let fits = text.len() <= LONGEST
            && text.bytes().next().is_some_and(letter)
            && text.bytes().all(|b| letter(b) || matches!(b, b'.' | b'_' | b'-'));
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidAgentName(text.chars().take(80).collect())) }
    }
}

impl TryFrom<String> for AgentName {
    type Error = InvalidAgentName;
    fn try_from(text: String) -> Result<Self, InvalidAgentName> {
        text.parse()
    }
}

impl From<AgentName> for String {
    fn from(name: AgentName) -> String {
        name.0
    }
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What an agent may do. None of them includes another, but for reading: reviewers and admins see every change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// Register tasks and hand in patches; sees its own changes.
    Propose,
    /// Approve and reject changes of others.
    Review,
    /// Manage agents.
    Admin,
}

/// A word that is no right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope {0:?}; one of: propose, review, admin")]
pub struct UnknownRight(pub String);

impl Right {
    /// All of them, in the order in which help lists them.
    pub const ALL: [Self; 3] = [Self::Propose, Self::Review, Self::Admin];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Propose => "propose",
            Self::Review => "review",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Right {
    type Err = UnknownRight;
    fn from_str(word: &str) -> Result<Self, UnknownRight> {
        let found = Self::ALL.into_iter().find(|right| right.as_str() == word);
        found.ok_or_else(|| UnknownRight(word.chars().take(40).collect()))
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_and_short() {
        for good in ["a", "bot-1", "9.x_y", &"a".repeat(64)] {
            assert_eq!(good.parse::<AgentName>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", ".a", "A", "a b", "a/b", "é", "a\n", &"a".repeat(65)] {
            assert!(bad.parse::<AgentName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_right_reads_its_own_word() {
        for right in Right::ALL {
            assert_eq!(right.as_str().parse(), Ok(right));
        }
        assert!("root".parse::<Right>().is_err());
    }
}
