//! One condition of a review list, as the seeds write it: `files_changed > 5` or `touches_production: true`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Condition {
    /// What is looked at.
    pub fact: Fact,
    /// For a count: fulfilled above this. `None` for a yes-or-no fact.
    pub over: Option<u32>,
}

/// What a condition can look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// Files changed.
    FilesChanged,
    /// Lines added plus deleted.
    LinesChanged,
    /// Lines deleted; also written `any_deletions`.
    LinesDeleted,
    /// A path of `config_paths`.
    TouchesConfig,
    /// A path of `production_paths`; also written `touches_production_config`.
    TouchesProduction,
    /// A path of `security_paths`.
    SecuritySensitive,
}

/// The facts by their words; the first word of a fact is the one that is written back.
const FACTS: [(&str, Fact); 8] = [
    ("files_changed", Fact::FilesChanged),
    ("lines_changed", Fact::LinesChanged),
    ("lines_deleted", Fact::LinesDeleted),
    ("any_deletions", Fact::LinesDeleted),
    ("touches_config", Fact::TouchesConfig),
    ("touches_production", Fact::TouchesProduction),
    ("touches_production_config", Fact::TouchesProduction),
    ("security_sensitive", Fact::SecuritySensitive),
];

impl Fact {
    fn read(word: &str) -> Result<Self, String> {
        let known = || FACTS.iter().map(|(w, _)| *w).collect::<Vec<_>>().join(", ");
        let found = FACTS.iter().find(|(w, _)| *w == word).map(|(_, fact)| *fact);
        found.ok_or_else(|| format!("there is no fact {word:?}; there are: {}", known()))
    }

    fn word(self) -> &'static str {
        FACTS.iter().find(|(_, fact)| *fact == self).map_or("", |(w, _)| w)
    }

    fn is_count(self) -> bool {
        matches!(self, Self::FilesChanged | Self::LinesChanged | Self::LinesDeleted)
    }
}

/// The two written forms.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged, expecting = "a condition such as `files_changed > 5` or `touches_production: true`")]
enum Written {
    Text(String),
    Flag(BTreeMap<String, bool>),
}

impl TryFrom<Written> for Condition {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Text(text) => count(&text),
            Written::Flag(map) => flag(&map),
        }
    }
}

fn count(text: &str) -> Result<Condition, String> {
    let Some((word, bound)) = text.split_once('>') else {
        let fact = Fact::read(text.trim())?;
        return if fact.is_count() { Err(form(text)) } else { Ok(Condition { fact, over: None }) };
    };
    let fact = Fact::read(word.trim())?;
    let bound: u32 = bound.trim().parse().map_err(|_| form(text))?;
    if !fact.is_count() {
        return Err(format!("{} is true or false; it has no number", fact.word()));
    }
    Ok(Condition { fact, over: Some(bound) })
}

fn flag(map: &BTreeMap<String, bool>) -> Result<Condition, String> {
    let Some((word, on)) = map.iter().next().filter(|_| map.len() == 1) else {
        return Err(format!("one condition has one fact; found {}", map.len()));
    };
    let fact = Fact::read(word)?;
    if fact.is_count() {
        return Err(form(word));
    }
    // A condition that never holds would read as if it switched the built-in one off.
    if !on {
        return Err(format!("leave {word} out instead of setting it to false"));
    }
    Ok(Condition { fact, over: None })
}

fn form(text: &str) -> String {
    format!("{text:?} is no condition; write for instance `files_changed > 5`")
}

impl From<Condition> for Written {
    fn from(condition: Condition) -> Self {
        match condition.over {
            Some(over) => Self::Text(format!("{} > {over}", condition.fact.word())),
            None => Self::Flag(BTreeMap::from([(condition.fact.word().to_owned(), true)])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Condition, String> {
        serde_json::from_str(json).map_err(|e| e.to_string())
    }

    #[test]
    fn both_forms_of_the_seeds_are_read_and_written_back() {
        for json in [r#""files_changed > 5""#, r#"{"touches_production":true}"#] {
            let condition = read(json).unwrap();
            assert_eq!(serde_json::to_string(&condition).unwrap(), json);
        }
        assert_eq!(read(r#""any_deletions > 50""#), read(r#""lines_deleted > 50""#));
    }

    #[test]
    fn what_is_no_condition_is_refused_with_a_reason() {
        for bad in [
            r#""files_chnged > 5""#,
            r#""files_changed < 5""#,
            r#""touches_config > 1""#,
            r#"{"files_changed": true}"#,
            r#"{"touches_config": false}"#,
            r#"{"touches_config": true, "security_sensitive": true}"#,
            "5",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
