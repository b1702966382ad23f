//! Finding: every rule of a file's language over its text, suppressions honoured.

use domain::finding::{Finding, Fingerprint};

use ast_grep_core::matcher::MatcherExt;
use ast_grep_core::tree_sitter::StrDoc;
use ast_grep_core::{Node, NodeMatch};
use ast_grep_language::SupportLang;
use std::collections::HashMap;

use crate::edit::Edit;
use crate::language::{Language, language_of};
use crate::python::{self, Analysis, DefaultSite, NameSite, Plan};
use crate::rules::{Compiled, Rule, RuleSet};
use crate::source::{MAX_DEPTH, Places, Skipped, Source, walk};
use crate::suppress::Suppressions;

/// Characters of a message that are kept; metavariables can stand for any amount of code.
const MESSAGE: usize = 200;

/// Facts about the project that a single file does not tell. Looked up only when a finding is repaired.
pub trait ProjectNames {
    /// The module (`package.module`) that defines this public name at its top level, when exactly one does.
    fn module_defining(&self, name: &str) -> Option<String>;
}

/// A project about which nothing is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProject;

impl ProjectNames for NoProject {
    fn module_defining(&self, _: &str) -> Option<String> {
        None
    }
}

/// What the caller knows and wants.
#[derive(Clone, Copy)]
pub struct Context<'c> {
    /// Names of the project's other modules.
    pub project: &'c dyn ProjectNames,
    /// Only these codes; all when `None`.
    pub only: Option<&'c [String]>,
}

impl Default for Context<'_> {
    fn default() -> Self {
        Self { project: &NoProject, only: None }
    }
}

impl Context<'_> {
    fn wants(&self, code: &str) -> bool {
        self.only.is_none_or(|codes| codes.iter().any(|wanted| wanted == code))
    }
}

/// The result of looking at one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// What was found, by line and column.
    pub findings: Vec<Finding>,
    /// Why some or all rules did not look at the file. A syntax error stops the Python rules.
    pub skipped: Option<Skipped>,
}

/// Something a rule found, before it is known whether a comment silences it.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    pub(crate) tool: String,
    pub(crate) code: String,
    pub(crate) message: String,
    /// The byte at which it is reported.
    pub(crate) at: usize,
    pub(crate) repair: Repair,
}

/// How a hit is repaired; the expensive ones are worked out when they are asked for.
#[derive(Debug, Clone)]
pub(crate) enum Repair {
    Ready(Plan),
    None(String),
    Default(DefaultSite),
    Name(NameSite),
}

/// The findings of a file, sorted by line and column; none when the file is not one we read.
pub fn scan(rules: &RuleSet, path: &str, text: &str, context: &Context<'_>) -> Vec<Finding> {
    scan_report(rules, path, text, context).findings
}

/// The findings of a file and, when rules could not look at it, why.
pub fn scan_report(rules: &RuleSet, path: &str, text: &str, context: &Context<'_>) -> Scan {
    let Some(language) = language_of(path) else {
        return Scan { findings: Vec::new(), skipped: Some(Skipped::UnknownLanguage) };
    };
    match Source::parse(language, text) {
        Err(why) => Scan { findings: Vec::new(), skipped: Some(why) },
        Ok(source) => {
            let looked = look(rules, &source, path, context);
            let findings = findings(path, &source, &unsuppressed(&source, looked.hits));
            Scan { findings, skipped: looked.skipped }
        }
    }
}

/// All hits of a file with what is needed to repair them.
pub(crate) struct Looked<'t> {
    pub(crate) hits: Vec<Hit>,
    pub(crate) analysis: Option<Analysis<'t>>,
    pub(crate) skipped: Option<Skipped>,
}

/// Runs the rules; the hits come sorted by place.
pub(crate) fn look<'t>(rules: &RuleSet, source: &'t Source, path: &str, context: &Context<'_>) -> Looked<'t> {
    let mut looked = Looked { hits: Vec::new(), analysis: None, skipped: None };
    if source.language == Language::Python {
        match python::analyse(source, path) {
            Ok(mut analysis) => {
                looked.hits = std::mem::take(&mut analysis.hits);
                looked.hits.retain(|hit| context.wants(&hit.code));
                looked.analysis = Some(analysis);
            }
            Err(why) => {
                looked.skipped = Some(why);
                return looked;
            }
        }
    }
    let wants_yaml = context
        .only
        .is_none_or(|codes| codes.iter().any(|code| !python::CODED.iter().any(|(coded, _)| coded == code)));
    if wants_yaml {
        let written = Written { rules: rules.compiled(source.language), source, context };
        match written.look(looked.analysis.as_ref(), None) {
            Ok(hits) => looked.hits.extend(hits),
            Err(why) => looked.skipped = Some(why),
        }
    }
    looked.hits.sort_by(|a, b| (a.at, &a.code).cmp(&(b.at, &b.code)));
    looked
}

/// The YAML rules over a file.
struct Written<'w> {
    rules: &'w Compiled,
    source: &'w Source,
    context: &'w Context<'w>,
}

type Match<'t> = NodeMatch<'t, StrDoc<SupportLang>>;

impl Written<'_> {
    /// Tries the rules at every node; with `repair_at`, only at nodes that start there, and with the costly rules.
    fn look(&self, analysis: Option<&Analysis<'_>>, repair_at: Option<usize>) -> Result<Vec<Hit>, Skipped> {
        let mut hits = Vec::new();
        let mut too_deep = false;
        walk(self.source.root(), |node, depth| {
            too_deep |= depth > MAX_DEPTH;
            if too_deep
                || node.is_error()
                || repair_at.is_some_and(|at| !(node.start_byte()..=node.end_byte()).contains(&at))
            {
                return false;
            }
            for index in self.rules.for_kind(node.kind_id()) {
                let rule = &self.rules.rules[*index];
                if self.is_candidate(rule, node, repair_at.is_some()) {
                    let found = rule.config.matcher.match_node(self.source.grep().adopt(node));
                    hits.extend(found.and_then(|found| self.hit(rule, &found, analysis)));
                }
            }
            true
        });
        if too_deep { Err(Skipped::TooDeep) } else { Ok(hits) }
    }

    fn is_candidate(&self, rule: &Rule, node: tree_sitter::Node<'_>, repairing: bool) -> bool {
        let meta = &rule.meta;
        let has_word = || {
            let words = self.source.text().get(node.byte_range()).unwrap_or_default();
            meta.words.iter().any(|word| words.contains(word.as_str()))
        };
        (repairing || !meta.only_repairs)
            && self.context.wants(rule.code())
            && (meta.words.is_empty() || has_word())
            && !node.has_error()
    }

    fn hit(&self, rule: &Rule, found: &Match<'_>, analysis: Option<&Analysis<'_>>) -> Option<Hit> {
        let variable = |name: &String| found.get_env().get_match(name);
        let all_builtins = rule.meta.builtins.iter().all(|name| {
            let node: Option<&Node<'_, _>> = variable(name);
            node.zip(analysis).is_some_and(|(node, analysis)| analysis.is_builtin_use(node.range().start))
        });
        if !all_builtins {
            return None;
        }
        let at = match rule.meta.at.as_deref().and_then(|at| at.strip_prefix('.')) {
            Some(field) => found.field(field),
            None => rule.meta.at.as_ref().and_then(variable).cloned(),
        };
        let at = at.map_or(found.range().start, |node| node.range().start);
        // Repairs are worked out for one code at a time only.
        let repair = match self.context.only {
            Some(_) => self.repair(rule, found),
            None => Repair::None(String::new()),
        };
        let message = rule.config.get_message(found);
        let message = message.chars().take(MESSAGE).collect();
        Some(Hit { tool: rule.meta.tool.clone(), code: rule.code().to_owned(), message, at, repair })
    }

    fn repair(&self, rule: &Rule, found: &Match<'_>) -> Repair {
        let Some(fixer) = rule.config.fixer.first() else {
            return Repair::None(format!("no safe change is known for this place ({})", rule.code()));
        };
        let edit = found.make_edit(&rule.config.matcher, fixer);
        let range = edit.position..edit.position + edit.deleted_length;
        if has_comment(self.source, &range) {
            return Repair::None("a comment stands inside of the code that changes".into());
        }
        let Ok(text) = String::from_utf8(edit.inserted_text) else {
            return Repair::None("the fix is no text".into());
        };
        let explanation = match rule.meta.explanation.as_str() {
            "" => rule.config.get_message(found),
            words => words.to_owned(),
        };
        let edits = vec![Edit::replace(range, text)];
        Repair::Ready(Plan { edits, explanation, confidence: rule.meta.confidence })
    }
}

/// The repair of a place that was found by a rule without one: of a special rule of the same code that matches there.
pub(crate) fn special_repair(
    rules: &RuleSet,
    source: &Source,
    hit: &Hit,
    analysis: Option<&Analysis<'_>>,
    context: &Context<'_>,
) -> Option<Plan> {
    if python::is_coded(&hit.code) {
        return None;
    }
    let written = Written { rules: rules.compiled(source.language), source, context };
    let hits = written.look(analysis, Some(hit.at)).ok()?;
    hits.into_iter().filter(|one| one.at == hit.at && one.code == hit.code).find_map(|one| match one.repair {
        Repair::Ready(plan) => Some(plan),
        _ => None,
    })
}

/// Whether the bytes hold a comment: a template would lose it.
fn has_comment(source: &Source, range: &std::ops::Range<usize>) -> bool {
    let words = source.text().get(range.clone()).unwrap_or_default();
    if !words.contains(['#', '/']) {
        return false;
    }
    let mut found = false;
    if let Some(node) = source.root().descendant_for_byte_range(range.start, range.end) {
        walk(node, |inner, _| {
            let inside = inner.start_byte() < range.end && inner.end_byte() > range.start;
            found |= inside && inner.kind().contains("comment") && inner.start_byte() >= range.start;
            inside && !found
        });
    }
    found
}

/// Drops what a comment silences.
fn unsuppressed(source: &Source, hits: Vec<Hit>) -> Vec<Hit> {
    if hits.is_empty() {
        return hits;
    }
    let suppressions = Suppressions::read(source);
    hits.into_iter().filter(|hit| !suppressions.silence(source, hit)).collect()
}

/// Hits (sorted by place) as findings. What depends on the line alone is worked out once a line: some have thousands.
pub(crate) fn findings(path: &str, source: &Source, hits: &[Hit]) -> Vec<Finding> {
    if hits.is_empty() {
        return Vec::new();
    }
    let text = source.text();
    let mut places = Places::new(text);
    let occurrences = occurrences(text);
    let mut fingerprints: HashMap<(&str, u32), (Fingerprint, usize)> = HashMap::new();
    hits.iter()
        .map(|hit| {
            let (line, column) = places.of(hit.at);
            let (words, nth) = occurrences[(line as usize - 1).min(occurrences.len() - 1)];
            let (first, on_line) = fingerprints
                .entry((hit.code.as_str(), line))
                .or_insert_with(|| (Fingerprint::of(&hit.code, path, words, nth), 0));
            let fingerprint = first.nth_on_line(*on_line);
            *on_line += 1;
            Finding {
                tool: hit.tool.clone(),
                code: hit.code.clone(),
                path: path.to_owned(),
                line,
                column,
                message: hit.message.clone(),
                fingerprint,
            }
        })
        .collect()
}

/// For each line, its text and how many lines before read the same, white space folded.
fn occurrences(text: &str) -> Vec<(&str, usize)> {
    let mut seen: HashMap<Vec<&str>, usize> = HashMap::new();
    let mut lines: Vec<_> = text
        .lines()
        .map(|line| {
            let nth = seen.entry(line.split_whitespace().collect()).or_default();
            *nth += 1;
            (line, *nth - 1)
        })
        .collect();
    if lines.is_empty() || text.ends_with('\n') {
        let nth = seen.get(&Vec::new()).copied().unwrap_or(0);
        lines.push(("", nth));
    }
    lines
}
