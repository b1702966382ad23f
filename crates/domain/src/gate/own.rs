//! Rules that a policy brings along: a path, text that comes or goes, and examples that are judged when it is loaded.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::table::Checked;
use super::{Findings, GateFinding, PathSet, Rule, Verdict};
use crate::patch::Touched;

/// The longest pattern in bytes, and the most memory that a compiled one takes.
const LONGEST: usize = 1_000;
const MEMORY: usize = 1 << 20;
/// The longest id in bytes.
const LONGEST_ID: usize = 64;

/// A rule of the policy's own. All that it names must hold: the path, an added line, a removed line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnRule {
    /// Its id: lower case letters, digits and single dashes.
    pub id: String,
    /// What it says of a change, as the end of a sentence.
    pub text: String,
    /// `review` or `refuse`.
    pub verdict: Verdict,
    /// Globs of the paths that it looks at; every path where none is named.
    #[serde(default, skip_serializing_if = "PathSet::is_empty")]
    pub paths: PathSet,
    /// A pattern that an added line must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<LinePattern>,
    /// A pattern that a removed line must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<LinePattern>,
    /// What it must find and what it must leave alone; at least one of each.
    pub examples: OwnExamples,
}

/// A rule's examples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnExamples {
    /// What it must find.
    #[serde(rename = "match")]
    pub matching: Vec<OwnExample>,
    /// What it must leave alone.
    #[serde(rename = "no_match")]
    pub other: Vec<OwnExample>,
}

/// An example: the one thing that the rule looks at as a plain text, or all of it by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum OwnExample {
    /// A path, an added line or a removed line: whichever is the one thing that the rule looks at.
    Text(String),
    /// A change by its parts.
    Change(OwnChange),
}

/// A change as a rule of the policy sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnChange {
    /// The path.
    #[serde(default)]
    pub path: String,
    /// An added line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<String>,
    /// A removed line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<String>,
}

impl<'de> Deserialize<'de> for OwnExample {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = OwnExample;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or path, added and removed")
            }
            fn visit_str<E>(self, text: &str) -> Result<OwnExample, E> {
                Ok(OwnExample::Text(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OwnExample, A::Error> {
                OwnChange::deserialize(MapAccessDeserializer::new(map)).map(OwnExample::Change)
            }
        }
        from.deserialize_any(Either)
    }
}

impl fmt::Display for OwnExample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Change(OwnChange { path, added, removed }) => {
                write!(f, "path {path:?}")?;
                added.iter().try_for_each(|line| write!(f, ", added {line:?}"))?;
                removed.iter().try_for_each(|line| write!(f, ", removed {line:?}"))
            }
        }
    }
}

/// A pattern for one line, bounded in length and memory. It reads bytes, so that any file can be looked at.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LinePattern(Regex);

/// A text that is no pattern for a line.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InvalidLinePattern {
    /// It is too long.
    #[error("the pattern is longer than {LONGEST} bytes")]
    TooLong,
    /// It is no regular expression, or one that takes too much memory.
    #[error("{0:?} is no pattern: {1}")]
    Syntax(String, String),
}

impl TryFrom<String> for LinePattern {
    type Error = InvalidLinePattern;
    fn try_from(text: String) -> Result<Self, InvalidLinePattern> {
        if text.len() > LONGEST {
            return Err(InvalidLinePattern::TooLong);
        }
        let built = RegexBuilder::new(&text).size_limit(MEMORY).dfa_size_limit(MEMORY).build();
        built.map(Self).map_err(|error| {
            let why = error.to_string();
            let last = why.lines().last().unwrap_or_default().trim();
            InvalidLinePattern::Syntax(text, last.trim_start_matches("error: ").to_owned())
        })
    }
}

impl From<LinePattern> for String {
    fn from(pattern: LinePattern) -> Self {
        pattern.0.as_str().to_owned()
    }
}

impl PartialEq for LinePattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl LinePattern {
    /// Whether a line holds it; the end of the line is no part of it.
    fn holds(&self, line: &[u8]) -> bool {
        self.0.is_match(line.trim_ascii_end())
    }
}

/// What is wrong with a policy's own rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OwnRuleError {
    /// The id is none.
    #[error("rule {0:?}: an id has lower case letters, digits and single dashes, at most {LONGEST_ID}")]
    Id(String),
    /// A built-in rule has this id.
    #[error("rule {0}: a built-in rule has this id; take another one")]
    BuiltIn(String),
    /// Two rules have this id.
    #[error("rule {0}: two rules have this id")]
    Twice(String),
    /// It would let everything pass.
    #[error("rule {0}: the verdict is review or refuse; a rule that lets pass says nothing")]
    Pass(String),
    /// It looks at nothing.
    #[error("rule {0}: it names neither paths nor added nor removed, so it would find every change")]
    Empty(String),
    /// An example is missing or judged otherwise.
    #[error("rule {rule}: example {number} of {kind}: {problem}")]
    Example {
        /// The rule.
        rule: String,
        /// `match` or `no_match`.
        kind: &'static str,
        /// The example's number, from 1; 0 when there is none.
        number: usize,
        /// What is wrong.
        problem: String,
    },
}

/// Judges a policy's own rules: their ids, their verdicts, and every example.
///
/// # Errors
/// The first that is wrong.
pub fn check(rules: &[OwnRule]) -> Result<(), OwnRuleError> {
    for (index, rule) in rules.iter().enumerate() {
        let id = rule.id.clone();
        if !is_id(&id) {
            return Err(OwnRuleError::Id(id));
        }
        if Rule::ALL.iter().any(|built_in| built_in.id() == id) {
            return Err(OwnRuleError::BuiltIn(id));
        }
        if rules[..index].iter().any(|earlier| earlier.id == id) {
            return Err(OwnRuleError::Twice(id));
        }
        if rule.verdict == Verdict::Pass {
            return Err(OwnRuleError::Pass(id));
        }
        if rule.looks_at() == 0 {
            return Err(OwnRuleError::Empty(id));
        }
        for Checked { kind, number, problem, .. } in rule.check_examples() {
            if let Some(problem) = problem {
                return Err(OwnRuleError::Example { rule: id, kind, number, problem });
            }
        }
    }
    Ok(())
}

fn is_id(id: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    id.len() <= LONGEST_ID && id.split('-').all(part)
}

impl OwnRule {
    /// How many of path, added and removed lines it looks at.
    fn looks_at(&self) -> usize {
        usize::from(!self.paths.is_empty())
            + usize::from(self.added.is_some())
            + usize::from(self.removed.is_some())
    }

    /// What came of each example.
    pub fn check_examples(&self) -> Vec<Checked> {
        let mut all = Vec::new();
        let sorts = [("match", &self.examples.matching, true), ("no_match", &self.examples.other, false)];
        for (kind, examples, wanted) in sorts {
            let row = |number, problem| Checked { rule: self.id.clone(), kind, number, problem };
            if examples.is_empty() {
                all.push(row(0, Some("there is none; a rule has at least one of each".to_owned())));
            }
            for (index, example) in examples.iter().enumerate() {
                all.push(row(index + 1, self.problem(example, wanted)));
            }
        }
        all
    }

    fn problem(&self, example: &OwnExample, wanted: bool) -> Option<String> {
        let change = match example {
            OwnExample::Change(change) => change.clone(),
            OwnExample::Text(_) if self.looks_at() != 1 => {
                return Some(format!(
                    "{example}: the rule looks at more than one thing; write it with path, added and removed"
                ));
            }
            OwnExample::Text(text) if self.added.is_some() => {
                OwnChange { added: Some(text.clone()), ..OwnChange::default() }
            }
            OwnExample::Text(text) if self.removed.is_some() => {
                OwnChange { removed: Some(text.clone()), ..OwnChange::default() }
            }
            OwnExample::Text(text) => OwnChange { path: text.clone(), ..OwnChange::default() },
        };
        let line = |text: &Option<String>| text.iter().map(|line| (1, line.clone().into_bytes())).collect();
        let (added, removed): (Vec<_>, Vec<_>) = (line(&change.added), line(&change.removed));
        match (wanted, self.finds(&change.path, &borrowed(&added), &borrowed(&removed)).is_some()) {
            (true, false) => Some(format!("{example} is not found")),
            (false, true) => Some(format!("{example} is found")),
            _ => None,
        }
    }

    /// The line at which the rule finds a change (none for the whole file), or nothing.
    fn finds(&self, path: &str, added: &[(u32, &[u8])], removed: &[(u32, &[u8])]) -> Option<Option<u32>> {
        if !(self.paths.is_empty() || self.paths.contains(path)) {
            return None;
        }
        let first = |pattern: &LinePattern, lines: &[(u32, &[u8])]| {
            lines.iter().find(|(_, line)| pattern.holds(line)).map(|(number, _)| *number)
        };
        let comes = self.added.as_ref().map(|pattern| first(pattern, added));
        let goes = self.removed.as_ref().map(|pattern| first(pattern, removed));
        match (comes, goes) {
            (Some(None), _) | (_, Some(None)) => None,
            (comes, goes) => Some(comes.flatten().or(goes.flatten())),
        }
    }
}

fn borrowed(lines: &[(u32, Vec<u8>)]) -> Vec<(u32, &[u8])> {
    lines.iter().map(|(number, line)| (*number, line.as_slice())).collect()
}

pub(super) fn judge(rules: &[OwnRule], file: &Touched<'_>, findings: &mut Findings) {
    let path = file.file.path.as_str();
    for rule in rules {
        if let Some(line) = rule.finds(path, &file.added, &file.removed) {
            findings.push(GateFinding {
                rule: Rule::OwnRule,
                own: Some(rule.id.clone()),
                verdict: rule.verdict,
                path: Some(path.to_owned()),
                line,
                text: rule.text.clone(),
            });
        }
    }
}

#[cfg(test)]
mod cases {
    use super::*;

    fn rule(text: &str) -> OwnRule {
        serde_saphyr::from_str(text).unwrap()
    }

    fn printing() -> OwnRule {
        rule(
            "{id: no-print, text: no print, verdict: review, added: 'print', \
             examples: {match: ['print(1)'], no_match: [log]}}",
        )
    }

    fn lines<'a>(all: &[&'a str]) -> Vec<(u32, &'a [u8])> {
        (1..).zip(all.iter().map(|line| line.as_bytes())).collect()
    }

    #[test]
    fn all_that_a_rule_names_must_hold() {
        let both = rule(
            "{id: swap, text: t, verdict: refuse, paths: ['src/**'], added: '^b$', removed: '^a$', \
             examples: {match: [{path: src/x, added: b, removed: a}], \
             no_match: [{path: src/x, added: b}, {path: src/x, removed: a}, {path: x, added: b, removed: a}]}}",
        );
        assert_eq!(check(std::slice::from_ref(&both)), Ok(()));
        assert_eq!(both.finds("src/x", &lines(&["x\n", "b\n"]), &lines(&["a\n"])), Some(Some(2)));
        assert_eq!(both.finds("src/x", &[], &lines(&["a\n"])), None);
        let removed =
            rule("{id: r, text: t, verdict: refuse, removed: a, examples: {match: [a], no_match: [b]}}");
        assert_eq!(check(std::slice::from_ref(&removed)), Ok(()));
        assert_eq!(removed.finds("x", &lines(&["a"]), &lines(&["b", "a"])), Some(Some(2)));
        let path = rule(
            "{id: p, text: t, verdict: refuse, paths: ['*.md'], examples: {match: [a/B.md], no_match: [a.rs]}}",
        );
        assert_eq!(check(std::slice::from_ref(&path)), Ok(()));
        assert_eq!(path.finds("x.md", &[], &[]), Some(None));
    }

    #[test]
    fn what_is_wrong_with_a_rule_is_named() {
        let with = |change: &dyn Fn(&mut OwnRule)| {
            let mut rule = printing();
            change(&mut rule);
            check(&[rule]).unwrap_err()
        };
        for id in ["", "A", "a_b", "-a", "a-", "a--b", &"a".repeat(65)] {
            assert_eq!(with(&|rule| rule.id = id.to_owned()), OwnRuleError::Id(id.to_owned()));
        }
        let mut longest = printing();
        longest.id = "a".repeat(64);
        assert_eq!(check(&[longest]), Ok(()));
        assert_eq!(with(&|rule| rule.id = "secret".to_owned()), OwnRuleError::BuiltIn("secret".to_owned()));
        assert_eq!(with(&|rule| rule.verdict = Verdict::Pass), OwnRuleError::Pass("no-print".to_owned()));
        assert_eq!(with(&|rule| rule.added = None), OwnRuleError::Empty("no-print".to_owned()));
        assert_eq!(check(&[printing(), printing()]), Err(OwnRuleError::Twice("no-print".to_owned())));
        let none = with(&|rule| rule.examples.other.clear());
        assert_eq!(
            none.to_string(),
            "rule no-print: example 0 of no_match: there is none; a rule has at least one of each"
        );
        let none = with(&|rule| rule.examples.matching.clear());
        assert!(none.to_string().contains("example 0 of match"));
    }

    #[test]
    fn examples_that_are_judged_otherwise_are_named_by_kind_number_and_text() {
        let mut rule = printing();
        rule.examples.other.push(OwnExample::Text("print".to_owned()));
        let error = check(&[rule]).unwrap_err().to_string();
        assert_eq!(error, "rule no-print: example 2 of no_match: \"print\" is found");
        let mut rule = printing();
        rule.examples.matching.push(OwnExample::Text("log".to_owned()));
        let error = check(&[rule]).unwrap_err().to_string();
        assert_eq!(error, "rule no-print: example 2 of match: \"log\" is not found");
        let mut rule = printing();
        rule.paths = PathSet::new(vec!["src/**".to_owned()]).unwrap();
        let error = check(&[rule]).unwrap_err().to_string();
        assert!(error.contains("looks at more than one thing"), "{error}");
        let change =
            OwnChange { path: "p".to_owned(), added: Some("a".to_owned()), removed: Some("r".to_owned()) };
        assert_eq!(OwnExample::Change(change).to_string(), "path \"p\", added \"a\", removed \"r\"");
    }

    #[test]
    fn patterns_are_bounded_and_read_to_the_end_of_the_line_only() {
        let pattern = |text: String| LinePattern::try_from(text);
        assert!(pattern("a".repeat(1_000)).is_ok());
        assert!(matches!(pattern("a".repeat(1_001)), Err(InvalidLinePattern::TooLong)));
        assert!(matches!(pattern("(".to_owned()), Err(InvalidLinePattern::Syntax(..))));
        assert!(matches!(pattern("(a{1000}){1000}".to_owned()), Err(InvalidLinePattern::Syntax(..))));
        assert!(pattern("a$".to_owned()).unwrap().holds(b"a  \r\n"));
        assert!(pattern("\\xff".to_owned()).is_ok() && pattern("b".to_owned()).unwrap().holds(b"\xff b"));
    }

    #[test]
    fn a_rule_is_written_as_it_is_read() {
        let rule = printing();
        let text = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<OwnRule>(&text).unwrap(), rule);
        let other = OwnRule { added: Some(LinePattern::try_from("log".to_owned()).unwrap()), ..printing() };
        assert_ne!(other, rule);
        assert!(!text.contains("paths") && !text.contains("removed"), "{text}");
    }
}
