//! Names: what the policy says of them, and names that are safe and yet odd enough for a person's eyes.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

use super::{Findings, GateInput, Rule, Verdict};
use crate::patch::Touched;

/// The most components of a path that people make by hand.
const DEEPEST: usize = 21;

/// A set of path patterns. `*` and `?` stay within a folder, `**` does not; case does not count, since on some
/// file systems it does not either. A pattern without a slash means the name in any folder.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct PathSet {
    patterns: Vec<String>,
    set: GlobSet,
}

/// A text that is not a path pattern.
#[derive(Debug, Clone, thiserror::Error)]
#[error("not a path pattern: {pattern:?}")]
pub struct InvalidPattern {
    /// The text.
    pub pattern: String,
    /// What is wrong with it.
    #[source]
    pub source: globset::Error,
}

impl PathSet {
    /// Reads patterns.
    ///
    /// # Errors
    /// The first one that cannot be read.
    pub fn new(patterns: Vec<String>) -> Result<Self, InvalidPattern> {
        let mut builder = GlobSetBuilder::new();
        for pattern in &patterns {
            builder.add(glob(pattern).map_err(|source| InvalidPattern { pattern: pattern.clone(), source })?);
        }
        let set =
            builder.build().map_err(|source| InvalidPattern { pattern: patterns.join(", "), source })?;
        Ok(Self { patterns, set })
    }

    /// Whether a path is in the set.
    pub fn contains(&self, path: &str) -> bool {
        self.set.is_match(path.to_lowercase())
    }

    /// Whether the set has no pattern.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }
}

/// A pattern as this crate reads it, to be matched with paths in lower case. (Folding both is the same as a pattern
/// that does not look at case, and sets of plain names are built a hundred times faster than regular expressions.)
pub(super) fn glob(pattern: &str) -> Result<globset::Glob, globset::Error> {
    let anywhere =
        if pattern.contains('/') { pattern.to_lowercase() } else { format!("**/{}", pattern.to_lowercase()) };
    GlobBuilder::new(&anywhere).literal_separator(true).build()
}

impl PartialEq for PathSet {
    fn eq(&self, other: &Self) -> bool {
        self.patterns == other.patterns
    }
}

impl TryFrom<Vec<String>> for PathSet {
    type Error = InvalidPattern;
    fn try_from(patterns: Vec<String>) -> Result<Self, InvalidPattern> {
        Self::new(patterns)
    }
}

impl From<PathSet> for Vec<String> {
    fn from(set: PathSet) -> Self {
        set.patterns
    }
}

pub(super) fn judge(input: &GateInput<'_>, file: &Touched<'_>, findings: &mut Findings) {
    let (policy, path) = (input.policy, file.file.path.as_str());
    if policy.denied.contains(path) {
        findings.say(Rule::DeniedPath, file, None);
    }
    if !policy.allowed.is_empty() && !policy.allowed.contains(path) {
        findings.say(Rule::OutsideAllowedPaths, file, None);
    }
    if policy.review.contains(path) {
        findings.say(Rule::PolicyReviewPath, file, None);
    }
    let foreign = ["vendor", "third_party", "third-party", "node_modules"];
    let folders = || path.rsplit('/').skip(1);
    if folders().any(|part| foreign.iter().any(|name| part.eq_ignore_ascii_case(name))) {
        findings.at(Rule::VendoredPath, policy.vendored, file, None, Rule::VendoredPath.text());
    }
    // Odd names are a matter of files that come; one that is already there was somebody's choice.
    if file.file.before.is_none() {
        judge_name(path, file, findings);
    }
}

fn judge_name(path: &str, file: &Touched<'_>, findings: &mut Findings) {
    if path.split('/').count() > DEEPEST {
        findings.say(Rule::DeepPath, file, None);
    }
    let mut parts = path.split('/');
    if parts
        .clone()
        .any(|part| part.starts_with('-') || part.contains(['$', '`', ';', '|', '&', '<', '>', '\'', '"']))
    {
        findings.at(Rule::SuspiciousName, Verdict::Review, file, None, Rule::SuspiciousName.text());
    }
    if parts.clone().any(is_not_portable) {
        findings.say(Rule::NonPortableName, file, None);
    }
    if parts.any(|part| part.split(|ch: char| !ch.is_alphanumeric()).any(mixes_alphabets)) {
        findings.say(Rule::ConfusableName, file, None);
    }
}

/// Names that Windows cannot hold or takes for others: devices (also with an extension), some characters, a dot or
/// blank at the end, short names of the old form.
fn is_not_portable(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = |name: &str| {
        let digit = stem.strip_prefix(name).filter(|rest| rest.len() == 1);
        digit.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
    };
    let device = ["con", "prn", "aux", "nul", "conin$", "conout$"].contains(&stem.as_str())
        || numbered("com")
        || numbered("lpt");
    // What Windows makes of a longer name, which then stands for two files.
    let short =
        part.split('.').next().and_then(|name| name.rsplit_once('~')).is_some_and(|(name, digits)| {
            (1..=6).contains(&name.len()) && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
        });
    device || short || part.ends_with(['.', ' ']) || part.contains([':', '*', '?', '"', '<', '>', '|'])
}

/// Whether a word has Latin letters beside letters of an alphabet in which some look the same (Greek, Cyrillic,
/// Armenian, Cherokee, and the Latin letters of full width).
pub(super) fn mixes_alphabets(word: &str) -> bool {
    let latin = word.chars().any(|ch| ch.is_ascii_alphabetic());
    let alike = |ch: char| matches!(ch, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{ff21}'..='\u{ff5a}');
    latin && word.chars().any(alike)
}
