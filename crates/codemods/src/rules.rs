//! Where rules come from: YAML in the format of ast-grep, ours embedded, the user's given as text.
//! A language's rules are compiled when a file of that language is first looked at.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use ast_grep_config::{GlobalRules, RuleConfig, SerializableRuleConfig, from_multiple};
use ast_grep_core::Matcher;
use ast_grep_core::replacer::TemplateFix;
use ast_grep_language::SupportLang;
use domain::ids::Sha256;
use serde::Deserialize;

use crate::embedded::{EMBEDDED, Embedded};
use crate::language::Language;
use crate::python;

/// Raised when a rule in Rust changes what it finds or how it repairs, so that recorded results are not reused.
const CODED_REVISION: &str = "1";

/// A rule file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {why}")]
pub struct RuleError {
    /// The file's name as it was given.
    pub file: String,
    /// The line from 1: of the mistake where the parser knows it, else of the rule's `id`.
    pub line: u64,
    /// What is wrong, with its causes.
    pub why: String,
}

/// Where a rule is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In Rust, in this crate.
    Coded,
    /// In YAML, in this crate: the file's name.
    Embedded(String),
    /// In YAML, given by the user: the file's name.
    User(String),
}

/// What is known about a rule without running it.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleInfo {
    /// The code as the linter writes it.
    pub code: String,
    /// The linter that reports it.
    pub tool: String,
    /// The language of the files it looks at.
    pub language: Language,
    /// What it says; may hold metavariables (`$A`).
    pub message: String,
    /// Whether it can repair at least some of what it finds.
    pub has_fix: bool,
    /// Where it is written.
    pub source: Origin,
}

/// What we add to ast-grep's format, under `metadata`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Meta {
    /// The linter that reports the code.
    #[serde(default = "own_tool")]
    pub(crate) tool: String,
    /// How likely the fix is what the author wants, 0 to 1.
    #[serde(default = "usual_confidence")]
    pub(crate) confidence: f64,
    /// One sentence for the reviewer.
    #[serde(default)]
    pub(crate) explanation: String,
    /// Where the linter reports: a metavariable, or `.field` of the match; its start when absent.
    #[serde(default)]
    pub(crate) at: Option<String>,
    /// Metavariables that must mean the builtin of their name (Python).
    #[serde(default)]
    pub(crate) builtins: Vec<String>,
    /// Words of which the matched text holds at least one: a cheap test before the pattern is tried.
    #[serde(default)]
    pub(crate) words: Vec<String>,
    /// Not used to find, only to repair what another rule of the same code finds (for costly patterns).
    #[serde(default)]
    pub(crate) only_repairs: bool,
    /// Further languages that the rule is compiled for.
    #[serde(default)]
    pub(crate) also: Vec<SupportLang>,
    /// Text that must produce no finding.
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test that runs every rule's examples"))]
    pub(crate) valid: Vec<String>,
    /// Text that must produce a finding, with the text after the fix.
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test that runs every rule's examples"))]
    pub(crate) invalid: Vec<Example>,
}

/// An example of what a rule repairs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(test), expect(dead_code, reason = "read by the test that runs every rule's examples"))]
pub(crate) struct Example {
    pub(crate) before: String,
    /// Absent when the finding cannot be repaired.
    #[serde(default)]
    pub(crate) after: Option<String>,
}

fn own_tool() -> String {
    "codex-task".into()
}

fn usual_confidence() -> f64 {
    0.8
}

/// A compiled rule of one language.
pub(crate) struct Rule {
    pub(crate) config: RuleConfig<SupportLang>,
    pub(crate) meta: Meta,
    origin: Origin,
}

impl Rule {
    pub(crate) fn code(&self) -> &str {
        &self.config.id
    }

    fn info(&self, language: Language) -> RuleInfo {
        RuleInfo {
            code: self.config.id.clone(),
            tool: self.meta.tool.clone(),
            language,
            message: self.config.message.clone(),
            has_fix: !self.config.fixer.is_empty(),
            source: self.origin.clone(),
        }
    }
}

/// The rules of one language, with an index from kinds of nodes to rules.
pub(crate) struct Compiled {
    pub(crate) rules: Vec<Rule>,
    by_kind: Vec<Vec<usize>>,
}

impl Compiled {
    fn new(rules: Vec<Rule>) -> Self {
        let mut by_kind: Vec<Vec<usize>> = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            for kind in rule.config.matcher.potential_kinds().iter().flat_map(|kinds| kinds.iter()) {
                if by_kind.len() <= kind {
                    by_kind.resize_with(kind + 1, Vec::new);
                }
                by_kind[kind].push(index);
            }
        }
        Self { rules, by_kind }
    }

    /// The rules that can match a node of this kind.
    pub(crate) fn for_kind(&self, kind: u16) -> &[usize] {
        self.by_kind.get(usize::from(kind)).map_or(&[], Vec::as_slice)
    }
}

/// All rules: those in Rust, those embedded, those of the user.
pub struct RuleSet {
    user: Vec<(String, String)>,
    compiled: [OnceLock<Compiled>; Language::ALL.len()],
    version: String,
}

impl RuleSet {
    /// The rules of this crate. Cheap: nothing is compiled yet.
    ///
    /// # Errors
    /// None today; the signature leaves room for rules that are checked here.
    pub fn builtin() -> Result<Self, RuleError> {
        Ok(Self::with(Vec::new()))
    }

    fn with(user: Vec<(String, String)>) -> Self {
        let ours = EMBEDDED.iter().flat_map(|e| [e.name, e.text]);
        let theirs = user.iter().flat_map(|(name, text)| [name.as_str(), text.as_str()]);
        let fields: Vec<&[u8]> = [env!("CARGO_PKG_VERSION"), CODED_REVISION]
            .into_iter()
            .chain(ours)
            .chain(theirs)
            .map(str::as_bytes)
            .collect();
        let version = Sha256::of_fields(&fields).as_str().to_owned();
        Self { user, compiled: Default::default(), version }
    }

    /// Adds the user's rules; each file (name, YAML) may hold several, separated by `---`.
    ///
    /// # Errors
    /// The first file that is no rule, names a language without a grammar here, or cannot be compiled.
    pub fn with_user_rules(self, files: &[(String, String)]) -> Result<Self, RuleError> {
        for (name, text) in files {
            for document in documents(name, text)? {
                compile(&document, document.language, &Origin::User(name.clone()))?;
            }
        }
        let user = self.user.into_iter().chain(files.iter().cloned()).collect();
        Ok(Self::with(user))
    }

    /// The SHA-256 over all rules and this crate's version: the same version gives the same results.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Everything there is, coded rules first. Compiles the rules of all languages.
    pub fn rules(&self) -> impl Iterator<Item = RuleInfo> + '_ {
        let coded = python::CODED.iter().map(|(code, message)| RuleInfo {
            code: (*code).to_owned(),
            tool: "ruff".to_owned(),
            language: Language::Python,
            message: (*message).to_owned(),
            has_fix: true,
            source: Origin::Coded,
        });
        let written = Language::ALL
            .into_iter()
            .flat_map(|language| self.compiled(language).rules.iter().map(move |rule| rule.info(language)));
        coded.chain(written)
    }

    /// The compiled rules of a language.
    pub(crate) fn compiled(&self, language: Language) -> &Compiled {
        self.compiled[language as usize].get_or_init(|| {
            let embedded = EMBEDDED
                .iter()
                .filter(|e| e.language_matches(language))
                .map(|e| (e.name, e.text, Origin::Embedded(e.name.to_owned())));
            let user = self
                .user
                .iter()
                .map(|(name, text)| (name.as_str(), text.as_str(), Origin::User(name.clone())));
            let rules = embedded
                .chain(user)
                .flat_map(|(name, text, origin)| compile_file(name, text, language, &origin));
            Compiled::new(rules.collect())
        })
    }
}

impl Embedded {
    fn language_matches(&self, language: Language) -> bool {
        match self.name.split('/').next() {
            Some("python") => language == Language::Python,
            Some("rust") => language == Language::Rust,
            Some("go") => language == Language::Go,
            _ => language.is_ecma(),
        }
    }
}

/// A rule as it is written, not compiled yet.
struct Document {
    file: String,
    /// The line of its `id`.
    line: u64,
    language: Language,
    languages: BTreeSet<Language>,
    config: SerializableRuleConfig<SupportLang>,
    meta: Meta,
}

/// Reads the rules of a file.
fn documents(file: &str, text: &str) -> Result<Vec<Document>, RuleError> {
    let configs: Vec<SerializableRuleConfig<SupportLang>> =
        from_multiple(text).map_err(|error| RuleError {
            file: file.to_owned(),
            line: error.location().map_or(1, |location| location.line()),
            why: causes(&error),
        })?;
    configs.into_iter().map(|config| document(file, text, config)).collect()
}

fn document(
    file: &str,
    text: &str,
    config: SerializableRuleConfig<SupportLang>,
) -> Result<Document, RuleError> {
    let line = line_of_id(text, &config.id);
    let wrong = |why: String| RuleError { file: file.to_owned(), line, why };
    if config.id.trim().is_empty() {
        return Err(wrong("a rule without an `id`".into()));
    }
    let language = Language::of_grammar(config.language)
        .ok_or_else(|| wrong(format!("no grammar for {} in this program", config.language)))?;
    let value = match &config.metadata {
        Some(metadata) => {
            serde_json::to_value(metadata).map_err(|error| wrong(format!("metadata: {error}")))?
        }
        None => serde_json::json!({}),
    };
    let meta: Meta = serde_json::from_value(value).map_err(|error| wrong(format!("metadata: {error}")))?;
    let also = meta.also.iter().filter_map(|grammar| Language::of_grammar(*grammar));
    let languages = std::iter::once(language).chain(also).collect();
    Ok(Document { file: file.to_owned(), line, language, languages, config, meta })
}

/// The line on which a rule's id stands.
fn line_of_id(text: &str, id: &str) -> u64 {
    let has_id = |line: &str| line.trim_start().strip_prefix("id:").is_some_and(|rest| rest.contains(id));
    text.lines().position(has_id).map_or(1, |index| index as u64 + 1)
}

fn compile(document: &Document, language: Language, origin: &Origin) -> Result<Rule, RuleError> {
    let wrong = |why: String| RuleError {
        file: document.file.clone(),
        line: document.line,
        why: format!("rule {}: {why}", document.config.id),
    };
    let mut config = document.config.clone();
    config.language = language.grammar();
    TemplateFix::try_new(&config.message, &config.language).map_err(|error| wrong(causes(&error)))?;
    let config =
        RuleConfig::try_from(config, &GlobalRules::default()).map_err(|error| wrong(causes(&error)))?;
    Ok(Rule { config, meta: document.meta.clone(), origin: origin.clone() })
}

/// The rules of a file that was read before (embedded: by the tests; the user's: by `with_user_rules`).
fn compile_file(name: &str, text: &str, language: Language, origin: &Origin) -> Vec<Rule> {
    let documents = documents(name, text).unwrap_or_default();
    let wanted = documents.iter().filter(|document| document.languages.contains(&language));
    wanted.filter_map(|document| compile(document, language, origin).ok()).collect()
}

/// An error with its causes, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let words: Vec<String> = chain.map(|error| error.to_string().trim().replace('\n', " ")).collect();
    words.join(": ")
}

#[cfg(test)]
mod tests;
