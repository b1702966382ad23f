//! Dry runs: what an embedded rule would change and what the gate would say of it, in memory. Nothing is recorded.

use codemods::FixOutcome;
use domain::finding::Finding;
use domain::gate::{self, GateInput, Judgement, Scope};
use domain::patch::{self, BaseFile, CanonicalDiff, FileMode, FileResult, How, paths};
use engine::Project;
use engine::provider::Source;
use git::Mode;

use crate::error::Failure;

/// What would happen to a finding.
pub(crate) enum Preview {
    /// A change, and what the gate says of it.
    Change { diff: Box<CanonicalDiff>, explanation: String, judgement: Box<Judgement> },
    /// No embedded rule changes it.
    NoFix(String),
}

/// What the embedded rules would do about a finding of the base.
pub(crate) fn preview(project: &Project, finding: &Finding) -> Result<Preview, Failure> {
    let base = project.source();
    let Some(bytes) = Source::read(&base, &finding.path) else {
        return Ok(Preview::NoFix(format!("{} is not in the base", finding.path)));
    };
    let Ok(text) = String::from_utf8(bytes.clone()) else {
        return Ok(Preview::NoFix(format!("{} is not UTF-8", finding.path)));
    };
    let fixed = match codemods::fix(&project.rules, &finding.path, &text, finding) {
        FixOutcome::Fixed(fixed) => fixed,
        FixOutcome::NotFixable { why } => return Ok(Preview::NoFix(why)),
        FixOutcome::Gone => {
            return Ok(Preview::NoFix("no embedded rule reports this finding here".to_owned()));
        }
    };
    let path = match paths::check(finding.path.as_bytes()) {
        Ok(path) => path,
        Err(why) => return Ok(Preview::NoFix(format!("the path is not one that a change may name: {why}"))),
    };
    let entry = project.repository.entry(&project.base.tree, &finding.path)?;
    let mode = match entry.map(|entry| entry.mode) {
        Some(Mode::Executable) => FileMode::Executable,
        _ => FileMode::Regular,
    };
    let after = BaseFile { bytes: fixed.text.into_bytes(), mode };
    let diff = patch::emit(vec![FileResult::edited(path, Some(BaseFile { bytes, mode }), Some(after))]);
    let (judgement, _) = gate::judge(&GateInput {
        diff: &diff,
        anchor: How::Exact,
        base_tree: &project.base.tree,
        base: &base,
        scope: Scope::Finding,
        policy: project.gate_policy(),
        policy_hash: &project.policy,
    });
    Ok(Preview::Change {
        diff: Box::new(diff),
        explanation: fixed.explanation,
        judgement: Box::new(judgement),
    })
}
