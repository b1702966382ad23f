//! How much a change may touch.

use serde::{Deserialize, Serialize};

use super::{Findings, GateInput, Rule, Scope, Verdict};
use crate::patch::Touched;

/// Limits of one sort of change. Lines are added and removed ones together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateLimits {
    /// Files that may change.
    pub files: u32,
    /// Lines that may change.
    pub lines: u32,
    /// What follows when more files or lines change.
    pub over: Verdict,
    /// Removed lines from which on a person looks; more than this many.
    pub deleted: u32,
    /// Bytes of an added line from which on nobody can read it.
    pub line_bytes: usize,
    /// Lines above which a change is refused whatever `over` says.
    pub output: u32,
}

impl GateLimits {
    /// A finding's repair: 5 files, 200 lines; more is refused, since a repair that large is another change.
    /// (The numbers are the product's stated limits; a line of 2,000 bytes is our own choice.)
    pub fn finding() -> Self {
        Self { files: 5, lines: 200, over: Verdict::Refuse, deleted: 50, line_bytes: 2_000, output: 10_000 }
    }

    /// A request: 10 files, 500 lines; more needs a person, and above 10,000 lines nobody is asked.
    pub fn request() -> Self {
        Self { files: 10, lines: 500, over: Verdict::Review, deleted: 50, line_bytes: 2_000, output: 10_000 }
    }
}

/// The limits of this change.
pub(super) fn of<'a>(input: &GateInput<'a>) -> &'a GateLimits {
    match input.scope {
        Scope::Finding => &input.policy.finding,
        Scope::Request(_) => &input.policy.request,
    }
}

pub(super) fn judge(input: &GateInput<'_>, findings: &mut Findings) {
    let (limits, stat) = (of(input), input.diff.stat());
    if stat.files > limits.files {
        let text = format!("{} files change; the limit is {}", stat.files, limits.files);
        findings.add(Rule::TooManyFiles, limits.over, text);
    }
    if stat.changed() > limits.lines {
        let text = format!("{} lines change; the limit is {}", stat.changed(), limits.lines);
        findings.add(Rule::TooManyLines, limits.over, text);
    }
    if stat.deleted > limits.deleted {
        let text = format!("{} lines are removed; more than {} need a person", stat.deleted, limits.deleted);
        findings.add(Rule::ManyDeletions, Rule::ManyDeletions.verdict(), text);
    }
    if input.anchor > input.policy.weakest_anchor {
        let rule = Rule::UncertainPlace;
        let text = format!("{} ({}; {} at most)", rule.text(), input.anchor, input.policy.weakest_anchor);
        findings.add(rule, rule.verdict(), text);
    }
    if stat.changed() > limits.output {
        let text = format!("{} lines change; the most is {}", stat.changed(), limits.output);
        findings.add(Rule::TooMuchOutput, Rule::TooMuchOutput.verdict(), text);
    }
}

/// A file that comes or grows beyond what a source is. One that was large before and does not grow is left alone.
pub(super) fn judge_file(input: &GateInput<'_>, file: &Touched<'_>, findings: &mut Findings) {
    let bytes = |side: &Option<crate::patch::BaseFile>| side.as_ref().map_or(0, |file| file.bytes.len());
    let (before, after) = (bytes(&file.file.before), bytes(&file.file.after));
    let most = input.policy.file_bytes;
    if after > most && after > before {
        let text = format!("{} ({after} bytes, {most} at most)", Rule::HugeFile.text());
        findings.at(Rule::HugeFile, Rule::HugeFile.verdict(), file, None, text);
    }
}
