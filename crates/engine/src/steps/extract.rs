//! Proposal -> patch: whatever the form of the answer, one canonical diff, or every reason why not.
//! Bad output of a provider is data here, never an error.

use domain::confidence::Confidence;
use domain::event::{Ending, Event, PatchRecord};
use domain::patch::{self, Applied, CanonicalDiff, Class, How, PatchFinding, Tolerance};
use domain::plan::{Plan, Wanted};
use domain::proposal::Form;
use domain::reply::{self, ReplyLimits};
use domain::task::Kind;

use crate::error::EngineError;
use crate::provider::{Edits, Worked};
use crate::run::Run;
use crate::source::BaseSource;

/// The most characters of an explanation that stands in free text.
const MOST_EXPLAINED: usize = 2_000;

/// What an answer comes to.
pub(crate) enum Extracted {
    /// One change.
    Change(Box<Change>),
    /// The answer to a question.
    Answer,
    /// Nothing is to be changed, says the answer.
    NoChange(String),
    /// The answer cannot be read as a change.
    Refused(Class, Vec<String>),
}

/// A change with what its provider says of it.
pub(crate) struct Change {
    pub(crate) diff: CanonicalDiff,
    pub(crate) explanation: String,
    pub(crate) confidence: Option<Confidence>,
    pub(crate) anchor: How,
    pub(crate) mended: Vec<String>,
}

pub(crate) async fn run(run: &mut Run<'_>) -> Result<(), EngineError> {
    let current = run.attempt()?;
    let attempt = current.number;
    let proposal =
        current.proposal.clone().ok_or_else(|| EngineError::defect("there is no answer to read"))?;
    let answer = match run.answer.take() {
        Some(answer) => answer,
        None => {
            let stored = run.operator.store.blob(&proposal.answer).await?;
            stored.ok_or(EngineError::Erased { hash: proposal.answer })?
        }
    };
    if run.attempt()?.wanted == Wanted::Plan {
        return run.note(match extract_plan(proposal.form, &answer) {
            Ok(plan) => Event::PlanRead { attempt, plan },
            Err(reasons) => Event::ReplyRefused { attempt, reasons, class: Class::Malformed },
        });
    }
    let source = BaseSource::new(&run.project.repository, &run.intent.base.tree);
    match extract(proposal.form, &answer, &source) {
        Extracted::Change(change) => {
            let diff = change.diff.clone();
            let record = PatchRecord {
                sha256: run.blob(change.diff.bytes().to_vec()),
                stat: change.diff.stat().clone(),
                explanation: change.explanation,
                raw_confidence: change.confidence,
                anchor: change.anchor,
                mended: change.mended,
            };
            run.diff = Some(diff);
            run.note(Event::PatchRead { attempt, patch: record })
        }
        Extracted::Answer if run.intent.task.kind == Kind::Ask => {
            let why = "the question is answered".to_owned();
            run.note(Event::Ended { ending: Ending::Answered, why })
        }
        Extracted::Answer => {
            let reasons = vec!["a text was given where a change was asked for".to_owned()];
            run.note(Event::ReplyRefused { attempt, reasons, class: Class::Malformed })
        }
        Extracted::NoChange(why) => {
            run.note(Event::ReplyRefused { attempt, reasons: vec![why], class: Class::NoChange })
        }
        Extracted::Refused(class, reasons) => run.note(Event::ReplyRefused { attempt, reasons, class }),
    }
}

/// Reads an answer against its base. Pure but for reading the base: the same bytes give the same patch.
pub(crate) fn extract(form: Form, answer: &[u8], base: &BaseSource<'_>) -> Extracted {
    match form {
        Form::Reply => from_reply(answer, base),
        Form::Diff => from_diff(answer, base, patch::Form::Auto, Told::new("a patch handed in")),
        Form::Files => from_files(answer, base),
        Form::Tree => from_tree(answer, base),
        Form::Text => Extracted::Answer,
        Form::Edits => from_edits(answer, base),
    }
}

/// Reads an answer as a plan: a text is one, an agent says it in its last message. What an agent did to its tree meanwhile
/// is left out.
pub(crate) fn extract_plan(form: Form, answer: &[u8]) -> Result<Plan, Vec<String>> {
    let read = match form {
        Form::Text => reply::read_plan(answer),
        Form::Tree => reply::read_plan(worked(answer)?.0.explanation.as_bytes()),
        Form::Reply | Form::Edits | Form::Diff | Form::Files => {
            return Err(vec!["a change was given where a plan was asked for".to_owned()]);
        }
    };
    read.map_err(|findings| findings.iter().map(ToString::to_string).collect())
}

fn from_reply(answer: &[u8], base: &BaseSource<'_>) -> Extracted {
    match reply::read(answer, &ReplyLimits::default()) {
        Ok(reply) if reply.is_no_change() => Extracted::NoChange(reply.explanation),
        Ok(reply) => {
            let mended = reply.mended.iter().map(word).collect();
            let told = Told { explanation: reply.explanation, confidence: reply.confidence, mended };
            from_diff(reply.patch.as_bytes(), base, patch::Form::Auto, told)
        }
        Err(findings) => {
            Extracted::Refused(Class::Malformed, findings.iter().map(ToString::to_string).collect())
        }
    }
}

/// What a provider says of its change.
#[derive(Default)]
struct Told {
    explanation: String,
    confidence: Option<Confidence>,
    mended: Vec<String>,
}

impl Told {
    fn new(explanation: impl Into<String>) -> Self {
        Self { explanation: explanation.into(), ..Self::default() }
    }
}

/// A text with whole files: an explanation, a line `confidence: N`, then each path with its fence.
fn from_files(answer: &[u8], base: &BaseSource<'_>) -> Extracted {
    let text = String::from_utf8_lossy(answer);
    let head = text.split("\n```").next().unwrap_or(&text);
    let number =
        |line: &str| line.trim().to_ascii_lowercase().strip_prefix("confidence:")?.trim().parse().ok();
    let confidence = head.lines().find_map(number).and_then(|number| Confidence::new(number).ok());
    let said: Vec<&str> = head.lines().take_while(|line| number(line).is_none()).map(str::trim).collect();
    let explanation: String = said.join(" ").trim().chars().take(MOST_EXPLAINED).collect();
    let gives_up = confidence.is_some_and(|confidence| confidence.value() == 0.0);
    if gives_up && !text.contains("```") {
        return Extracted::NoChange(explanation);
    }
    from_diff(answer, base, patch::Form::Whole, Told { explanation, confidence, mended: Vec::new() })
}

fn from_diff(text: &[u8], base: &BaseSource<'_>, form: patch::Form, mut told: Told) -> Extracted {
    let parsed = match patch::read(text, form, Tolerance::Lenient, &patch::Limits::default()) {
        Ok(parsed) => parsed,
        Err(findings) => return refused(&findings),
    };
    told.mended.extend(parsed.mended.iter().map(word));
    match patch::apply(&parsed, base) {
        Ok(applied) => change(applied, told.explanation, told.confidence, told.mended),
        Err(findings) => refused(&findings),
    }
}

/// A value's word, as it is recorded.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}

fn refused(findings: &[patch::PatchFinding]) -> Extracted {
    let class = PatchFinding::worst(findings).unwrap_or(Class::Malformed);
    Extracted::Refused(class, findings.iter().map(ToString::to_string).collect())
}

/// What an agent said of its work, and the diff that we took from its tree.
fn worked(answer: &[u8]) -> Result<(Worked, &[u8]), Vec<String>> {
    let end = answer.iter().position(|byte| *byte == b'\n').unwrap_or(answer.len());
    let (head, diff) = answer.split_at(end);
    match serde_json::from_slice(head) {
        Ok(said) => Ok((said, diff.get(1..).unwrap_or_default())),
        Err(error) => Err(vec![format!("tree-not-json: {error}")]),
    }
}

/// The diff is ours, taken from the agent's tree; only the words above it are the agent's.
fn from_tree(answer: &[u8], base: &BaseSource<'_>) -> Extracted {
    let (said, diff) = match worked(answer) {
        Ok(worked) => worked,
        Err(reasons) => return Extracted::Refused(Class::Malformed, reasons),
    };
    let explanation: String = said.explanation.trim().chars().take(MOST_EXPLAINED).collect();
    if diff.is_empty() {
        let said = if explanation.is_empty() { String::new() } else { format!("; it said: {explanation}") };
        return Extracted::NoChange(format!("the agent left every file as it was{said}"));
    }
    let parsed = patch::parse(diff, Tolerance::Strict, &patch::Limits::canonical());
    match parsed.and_then(|parsed| patch::apply(&parsed, base)) {
        Ok(applied) => change(applied, explanation, None, Vec::new()),
        Err(findings) => refused(&findings),
    }
}

fn from_edits(answer: &[u8], base: &BaseSource<'_>) -> Extracted {
    let edits: Edits = match serde_json::from_slice(answer) {
        Ok(edits) => edits,
        Err(error) => return Extracted::Refused(Class::Malformed, vec![format!("edits-not-json: {error}")]),
    };
    let mut files = Vec::new();
    for (path, text) in edits.files {
        match base.edited(&path, text) {
            Ok(Some(file)) => files.push(file),
            Ok(None) => {}
            Err(reason) => return Extracted::Refused(Class::Malformed, vec![reason]),
        }
    }
    match Confidence::new(edits.confidence) {
        Ok(confidence) => change(Applied { files }, edits.explanation, Some(confidence), Vec::new()),
        Err(error) => Extracted::Refused(Class::Malformed, vec![format!("edits-confidence: {error}")]),
    }
}

fn change(
    applied: Applied,
    explanation: String,
    confidence: Option<Confidence>,
    mended: Vec<String>,
) -> Extracted {
    let anchor = applied.weakest_anchor();
    let diff = patch::emit(applied.files);
    if diff.is_empty() {
        return Extracted::NoChange("the change leaves every file as it is".to_owned());
    }
    Extracted::Change(Box::new(Change { diff, explanation, confidence, anchor, mended }))
}

/// The current attempt's patch with its files: as this process read it, or from the recorded canonical diff.
pub(crate) async fn diff(run: &mut Run<'_>) -> Result<CanonicalDiff, EngineError> {
    if let Some(diff) = &run.diff {
        return Ok(diff.clone());
    }
    let patch = run.attempt()?.patch.as_ref().ok_or_else(|| EngineError::defect("there is no patch"))?;
    let hash = patch.sha256.clone();
    let bytes = run.operator.store.blob(&hash).await?;
    let bytes = bytes.ok_or_else(|| EngineError::Erased { hash: hash.clone() })?;
    let source = BaseSource::new(&run.project.repository, &run.intent.base.tree);
    let parsed = patch::parse(&bytes, Tolerance::Strict, &patch::Limits::canonical());
    let applied = parsed.and_then(|parsed| patch::apply(&parsed, &source));
    let applied = applied.map_err(|findings| {
        let first = findings.first().map(ToString::to_string).unwrap_or_default();
        EngineError::defect(format!("the recorded patch does not apply any more: {first}"))
    })?;
    let diff = patch::emit(applied.files);
    if *diff.sha256() != hash {
        return Err(EngineError::defect("the recorded patch is not canonical"));
    }
    run.diff = Some(diff.clone());
    Ok(diff)
}
