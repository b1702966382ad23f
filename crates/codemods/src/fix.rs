//! Changing one reported place, and checking that the change did what it should: the text still parses as well as
//! before, and the finding is gone.

use domain::finding::Finding;

use crate::edit::apply;
use crate::language::language_of;
use crate::python;
use crate::rules::RuleSet;
use crate::scan::{Context, Hit, Looked, Repair, findings, look, special_repair};
use crate::source::Source;

/// A repaired file.
#[derive(Debug, Clone, PartialEq)]
pub struct Fixed {
    /// The whole new text.
    pub text: String,
    /// One or two sentences for the reviewer.
    pub explanation: String,
    /// How likely this is what the author wants, 0 to 1. Set by the rule's writer, not measured.
    pub confidence: f64,
    /// The code of the rule that made the change.
    pub rule: String,
}

/// What came of an attempt to repair a finding.
#[derive(Debug, Clone, PartialEq)]
pub enum FixOutcome {
    /// The new text.
    Fixed(Fixed),
    /// The finding is there, but no safe change is known.
    NotFixable {
        /// Why not, for people.
        why: String,
    },
    /// The finding is not in this text.
    Gone,
}

/// Repairs one finding and nothing else.
pub fn fix(rules: &RuleSet, path: &str, text: &str, finding: &Finding) -> FixOutcome {
    fix_with(rules, path, text, finding, &Context::default())
}

/// Repairs one finding, with what is known about the project.
pub fn fix_with(
    rules: &RuleSet,
    path: &str,
    text: &str,
    finding: &Finding,
    context: &Context<'_>,
) -> FixOutcome {
    match attempt(rules, path, text, finding, context) {
        Ok(Some(fixed)) => FixOutcome::Fixed(fixed),
        Ok(None) => FixOutcome::Gone,
        Err(why) => FixOutcome::NotFixable { why },
    }
}

fn attempt(
    rules: &RuleSet,
    path: &str,
    text: &str,
    finding: &Finding,
    context: &Context<'_>,
) -> Result<Option<Fixed>, String> {
    let language = language_of(path).ok_or("no rules for this kind of file")?;
    let source = Source::parse(language, text).map_err(|why| why.to_string())?;
    let only = [finding.code.clone()];
    let context = Context { only: Some(&only), ..*context };
    let looked = look(rules, &source, path, &context);
    if let Some(why) = looked.skipped {
        return Err(why.to_string());
    }
    let Some(hit) = find(path, &source, &looked, finding) else { return Ok(None) };
    let plan = match (&looked.analysis, &hit.repair) {
        (_, Repair::Ready(plan)) => plan.clone(),
        (analysis, Repair::None(why)) => {
            special_repair(rules, &source, hit, analysis.as_ref(), &context).ok_or_else(|| why.clone())?
        }
        (Some(analysis), _) => python::plan(&source, analysis, hit, context.project)?,
        (None, _) => return Err("the file was not analysed".into()),
    };
    let after = apply(text, &plan.edits).ok_or("the edits of the fix overlap")?;
    check(rules, path, &source, &after, looked.hits.len(), &context)?;
    Ok(Some(Fixed {
        text: after,
        explanation: plan.explanation,
        confidence: plan.confidence,
        rule: hit.code.clone(),
    }))
}

/// The hit that the finding is about: the one with its fingerprint, else the one at its place.
///
/// A report that a linter made knows nothing of others on its line and has the first one's fingerprint: there the
/// column decides, when it is that of a hit on the line.
fn find<'h>(path: &str, source: &Source, looked: &'h Looked<'_>, finding: &Finding) -> Option<&'h Hit> {
    let known = findings(path, source, &looked.hits);
    let of = |wanted: &dyn Fn(&Finding) -> bool| known.iter().position(wanted);
    let place = |one: &Finding| (one.line, one.column) == (finding.line, finding.column);
    let at = match of(&|one| one.fingerprint == finding.fingerprint) {
        Some(found) => {
            let line = known[found].line;
            of(&|one| one.line == line && one.column == finding.column).unwrap_or(found)
        }
        None => of(&place)?,
    };
    looked.hits.get(at)
}

/// The new text must parse as well as the old one and have fewer findings of this rule.
fn check(
    rules: &RuleSet,
    path: &str,
    before: &Source,
    after: &str,
    hits_before: usize,
    context: &Context<'_>,
) -> Result<(), String> {
    if after == before.text() {
        return Err("the fix changes nothing".into());
    }
    let source = Source::parse(before.language, after).map_err(|why| why.to_string())?;
    if source.problems() > before.problems() {
        return Err("the fix would break the file's syntax".into());
    }
    let looked = look(rules, &source, path, context);
    match looked.skipped {
        Some(why) => Err(format!("after the fix: {why}")),
        None if looked.hits.len() >= hits_before => Err("the finding is still there after the fix".into()),
        None => Ok(()),
    }
}
