//! Gitleaks' rule file, read and applied as gitleaks does: keywords first, then the pattern, entropy, allowlists.
//!
//! Compiling every pattern takes long, so each is compiled when a text first holds one of its keywords. Two things
//! differ on purpose: the remark `gitleaks:allow` in a text means nothing, since the text's author is who is judged, and
//! rules about paths alone are left to the gate's own rules for paths.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use regex::bytes::{Match, Regex};
use serde::Deserialize;

use super::{Secret, go_regex};

/// Why a rule file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum RuleSetError {
    /// It is no rule file.
    #[error("the rule file cannot be read")]
    Toml(#[from] toml::de::Error),
    /// Its keywords are too many for one search.
    #[error("the keywords cannot be searched for")]
    Keywords(#[from] aho_corasick::BuildError),
}

#[derive(Debug, Deserialize)]
struct File {
    allowlist: Allowlist,
    rules: Vec<Pattern>,
}

/// One sort of secret. Keys that say nothing about what is found are passed over.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pattern {
    id: String,
    regex: Option<String>,
    path: Option<String>,
    entropy: Option<f64>,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default)]
    secret_group: usize,
    #[serde(default)]
    allowlists: Vec<Allowlist>,
    #[serde(skip)]
    compiled: OnceLock<Option<Compiled>>,
}

#[derive(Debug)]
struct Compiled {
    regex: Regex,
    path: Option<Regex>,
}

/// What is no secret although it looks like one.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Allowlist {
    #[serde(default)]
    condition: Condition,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    regexes: Vec<String>,
    #[serde(default)]
    regex_target: Target,
    #[serde(default)]
    stopwords: Vec<String>,
    #[serde(skip)]
    compiled: OnceLock<Tests>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Condition {
    #[default]
    #[serde(rename = "OR")]
    Or,
    #[serde(rename = "AND")]
    And,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Target {
    #[default]
    Secret,
    Match,
    Line,
}

/// An allowlist's patterns; a pattern that does not compile allows nothing.
#[derive(Debug)]
struct Tests {
    paths: Vec<Regex>,
    regexes: Vec<Regex>,
    stopwords: Option<AhoCorasick>,
}

/// What was found, as the allowlists want to see it.
struct Found<'a> {
    path: &'a str,
    secret: &'a [u8],
    matched: &'a [u8],
    line: &'a [u8],
}

/// All rules, ready to search.
pub(super) struct RuleSet {
    file: File,
    keywords: AhoCorasick,
    /// The rules of each keyword, by the number of the keyword.
    of_keyword: Vec<Vec<usize>>,
    /// The rules that have none.
    always: Vec<usize>,
}

impl RuleSet {
    /// Reads a rule file and compiles no pattern yet.
    pub(super) fn read(text: &str) -> Result<Self, RuleSetError> {
        let file: File = toml::from_str(text)?;
        let all: BTreeSet<&str> =
            file.rules.iter().flat_map(|rule| rule.keywords.iter().map(String::as_str)).collect();
        let keywords = AhoCorasick::builder().ascii_case_insensitive(true).build(&all)?;
        let with = |keyword: &str| {
            let has = |rule: &Pattern| rule.keywords.iter().any(|own| own == keyword);
            file.rules.iter().enumerate().filter(|(_, rule)| has(rule)).map(|(index, _)| index).collect()
        };
        let of_keyword = all.into_iter().map(with).collect();
        let without = |(index, rule): (usize, &Pattern)| rule.keywords.is_empty().then_some(index);
        let always = file.rules.iter().enumerate().filter_map(without).collect();
        Ok(Self { keywords, of_keyword, always, file })
    }

    /// The secrets in a text, in the order of the rules. Where a rule of a named sort and a generic one find the same
    /// place, the named one speaks.
    pub(super) fn find(&'static self, path: &str, text: &[u8]) -> Vec<Secret> {
        let met: BTreeSet<usize> = self
            .keywords
            .find_overlapping_iter(text)
            .flat_map(|found| self.of_keyword[found.pattern().as_usize()].iter().copied())
            .chain(self.always.iter().copied())
            .collect();
        if met.is_empty() || self.file.allowlist.tests().paths.iter().any(|p| p.is_match(path.as_bytes())) {
            return Vec::new();
        }
        let found: Vec<Secret> =
            met.into_iter().flat_map(|index| self.of_rule(&self.file.rules[index], path, text)).collect();
        let named = |secret: &Secret| {
            let overlaps = |other: &&Secret| {
                other.range.start < secret.range.end && secret.range.start < other.range.end
            };
            found.iter().filter(|other| !is_generic(other)).any(|other| overlaps(&other))
        };
        found.iter().filter(|secret| !is_generic(secret) || !named(secret)).cloned().collect()
    }

    fn of_rule(&self, rule: &'static Pattern, path: &str, text: &[u8]) -> Vec<Secret> {
        let Some(compiled) = rule.compiled() else { return Vec::new() };
        if compiled.path.as_ref().is_some_and(|pattern| !pattern.is_match(path.as_bytes())) {
            return Vec::new();
        }
        let mut secrets = Vec::new();
        for groups in compiled.regex.captures_iter(text) {
            let Some(whole) = groups.get(0) else { continue };
            let named = (rule.secret_group > 0).then(|| groups.get(rule.secret_group));
            let first = || groups.iter().skip(1).flatten().find(|group| !group.is_empty());
            let Some(secret) = named.unwrap_or_else(|| first().or(Some(whole))) else { continue };
            if rule.entropy.is_some_and(|least| entropy(secret.as_bytes()) <= least) {
                continue;
            }
            let found = Found::new(path, text, whole, secret);
            let lists = std::iter::once(&self.file.allowlist).chain(&rule.allowlists);
            if !lists.into_iter().any(|list| list.allows(&found)) {
                secrets.push(Secret { sort: &rule.id, range: secret.range() });
            }
        }
        secrets
    }
}

impl Pattern {
    /// The compiled pattern; none for a rule about paths alone, and for one that does not compile (a test holds that
    /// there is no such).
    fn compiled(&self) -> Option<&Compiled> {
        let compile = || {
            let regex = go_regex::compile(self.regex.as_ref()?).ok()?;
            let path = self.path.as_ref().map(|path| go_regex::compile(path)).transpose().ok()?;
            Some(Compiled { regex, path })
        };
        self.compiled.get_or_init(compile).as_ref()
    }
}

impl<'a> Found<'a> {
    fn new(path: &'a str, text: &'a [u8], whole: Match<'a>, secret: Match<'a>) -> Self {
        let start = text[..whole.start()].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let end = text[whole.end()..].iter().position(|byte| *byte == b'\n');
        let end = end.map_or(text.len(), |at| whole.end() + at);
        Self { path, secret: secret.as_bytes(), matched: whole.as_bytes(), line: &text[start..end] }
    }
}

impl Allowlist {
    fn tests(&self) -> &Tests {
        self.compiled.get_or_init(|| {
            let compile =
                |all: &[String]| all.iter().filter_map(|pattern| go_regex::compile(pattern).ok()).collect();
            let stopwords = AhoCorasick::builder().ascii_case_insensitive(true).build(&self.stopwords);
            Tests {
                paths: compile(&self.paths),
                regexes: compile(&self.regexes),
                stopwords: stopwords.ok().filter(|_| !self.stopwords.is_empty()),
            }
        })
    }

    fn allows(&self, found: &Found<'_>) -> bool {
        let tests = self.tests();
        let target = match self.regex_target {
            Target::Secret => found.secret,
            Target::Match => found.matched,
            Target::Line => found.line,
        };
        let path = tests.paths.iter().any(|pattern| pattern.is_match(found.path.as_bytes()));
        let regex = tests.regexes.iter().any(|pattern| pattern.is_match(target));
        let stopword = tests.stopwords.as_ref().is_some_and(|words| words.is_match(found.secret));
        match self.condition {
            Condition::Or => path || regex || stopword,
            Condition::And => {
                (self.paths.is_empty() || path)
                    && (self.regexes.is_empty() || regex)
                    && (self.stopwords.is_empty() || stopword)
            }
        }
    }
}

/// Whether a rule knows the look of a secret only, and not whose it is.
fn is_generic(secret: &Secret) -> bool {
    secret.sort.starts_with("generic")
}

/// Shannon's entropy of the bytes, in bits a byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    #[expect(clippy::cast_precision_loss, reason = "a length far below what a float holds exactly")]
    let all = bytes.len() as f64;
    let share = |count: &u32| f64::from(*count) / all;
    counts.iter().filter(|count| **count > 0).map(|count| -share(count) * share(count).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_of_the_kept_file_compiles() {
        let set = RuleSet::read(super::super::TEXT).unwrap();
        assert!(set.file.rules.len() > 200);
        for rule in &set.file.rules {
            assert_eq!(rule.compiled().is_some(), rule.regex.is_some(), "{}", rule.id);
            for list in rule.allowlists.iter().chain([&set.file.allowlist]) {
                let tests = list.tests();
                assert_eq!(tests.paths.len(), list.paths.len(), "{}", rule.id);
                assert_eq!(tests.regexes.len(), list.regexes.len(), "{}", rule.id);
                assert_eq!(tests.stopwords.is_some(), !list.stopwords.is_empty(), "{}", rule.id);
            }
        }
    }

    #[test]
    fn entropy_is_that_of_shannon() {
        assert_eq!(
            (entropy(b""), entropy(b"aaaa"), entropy(b"abab"), entropy(b"abcd")),
            (0.0, 0.0, 1.0, 2.0)
        );
    }

    fn set(text: &str) -> &'static RuleSet {
        Box::leak(Box::new(RuleSet::read(text).unwrap()))
    }

    fn found(set: &'static RuleSet, path: &str, text: &str) -> Vec<(String, String)> {
        let own = |secret: Secret| (secret.sort.to_owned(), text[secret.range].to_owned());
        set.find(path, text.as_bytes()).into_iter().map(own).collect()
    }

    #[test]
    fn a_rule_looks_only_where_its_keyword_and_its_path_are() {
        let set = set("[allowlist]\npaths = ['\\.lock$']\n\
            [[rules]]\nid = 'a'\nregex = 'x(\\d+)(y?)'\nkeywords = ['key']\npath = '\\.py$'\n\
            [[rules]]\nid = 'b'\nregex = 'z\\d'\n[[rules]]\nid = 'c'\npath = 'p12$'\n");
        assert_eq!(found(set, "m.py", "KEY x12"), [("a".to_owned(), "12".to_owned())]);
        assert_eq!(found(set, "m.py", "x12"), []);
        assert_eq!(found(set, "m.rs", "key x12"), []);
        assert_eq!(
            found(set, "m.rs", "z1 z2"),
            [("b".to_owned(), "z1".to_owned()), ("b".to_owned(), "z2".to_owned())]
        );
        assert_eq!(found(set, "m.lock", "z1"), []);
        assert_eq!(found(set, "m.p12", "x"), []);
    }

    #[test]
    fn a_generic_rule_is_silent_only_where_a_named_one_finds_the_same_place() {
        let set = set("[allowlist]\n[[rules]]\nid = 'generic'\nregex = 'k=[a-z0-9]+?\\b|k=[a-z]+'\n\
            [[rules]]\nid = 'named'\nregex = '\\d\\d'\n");
        let sorts = |text: &str| found(set, "m", text).into_iter().map(|(sort, _)| sort).collect::<Vec<_>>();
        assert_eq!(sorts("k=a11"), ["named"]);
        assert_eq!(sorts("k=ab_12"), ["generic", "named"]);
        assert_eq!(sorts("k=ab 12"), ["generic", "named"]);
        assert_eq!(sorts("12 k=ab"), ["generic", "named"]);
        assert_eq!(sorts("12k=ab"), ["generic", "named"], "side by side");
        let beside = |text: &str| {
            found(
                self::set(
                    "[allowlist]\n[[rules]]\nid = 'generic'\nregex = 'k=[a-z]+'\n\
            [[rules]]\nid = 'named'\nregex = '\\d\\d'\n",
                ),
                "m",
                text,
            )
            .len()
        };
        assert_eq!((beside("k=ab12"), beside("12k=ab")), (2, 2));
    }

    #[test]
    fn entropy_must_be_above_the_bound_and_a_named_group_is_the_secret() {
        let set = set(
            "[allowlist]\n[[rules]]\nid = 'a'\nregex = 'k=(\\w)(\\w+)'\nentropy = 1.0\nsecretGroup = 2\n",
        );
        assert_eq!(found(set, "m", "k=_abab"), []);
        assert_eq!(found(set, "m", "k=_abc"), [("a".to_owned(), "abc".to_owned())]);
    }

    #[test]
    fn allowlists_look_at_secret_match_or_line_and_join_by_their_condition() {
        let with = |list: &str| {
            set(&format!(
                "[allowlist]\n[[rules]]\nid = 'a'\nregex = 'k=(\\w+);'\n[[rules.allowlists]]\n{list}\n"
            ))
        };
        let none = |list: &str, text: &str| found(with(list), "m.py", text).is_empty();
        assert!(none("regexes = ['^ab$']", "k=ab;") && !none("regexes = ['^k=ab;$']", "k=ab;"));
        assert!(none("regexTarget = 'match'\nregexes = ['^k=ab;$']", "x k=ab; y"));
        assert!(none("regexTarget = 'line'\nregexes = ['^x k=ab; y$']", "v\nx k=ab; y\nw"));
        assert!(none("stopwords = ['test']", "k=myTESTkey;") && !none("stopwords = ['test']", "k=ab; test"));
        assert!(none("paths = ['py$']\nregexes = ['^cd$']", "k=ab;"));
        let both = "condition = 'AND'\npaths = ['py$']\nregexes = ['^cd$']";
        assert!(none(both, "k=cd;") && !none(both, "k=ab;"));
        assert!(!none("condition = 'AND'\npaths = ['rs$']\nregexes = ['^cd$']", "k=cd;"));
        assert!(!none("condition = 'AND'\nstopwords = ['x']\nregexes = ['^cd$']", "k=cd;"));
    }
}
