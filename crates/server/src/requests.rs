//! What callers send, checked: tasks in words, findings, patches, decisions. The inside sees only what passed here.

use domain::decision::Goal;
use domain::finding::Finding;
use domain::task::Task;
use engine::Project;
use engine::provider::Source;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::extract::{object, whole};
use crate::problem::{Code, Problem};
use crate::view::{TaskKind, WantedGoal};

/// The longest text of a task, in bytes.
const TEXT: usize = 64 << 10;
/// The longest line: a message, a path, a reason, a commit message's first line.
const LINE: usize = 2000;
/// The largest patch, in bytes.
const PATCH: usize = 8 << 20;

/// A task to be registered.
#[derive(Debug, Clone, Deserialize, ToSchema, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewIntent {
    /// What is to be done, in words; may be left out for a finding.
    #[schema(max_length = 65536)]
    #[serde(default)]
    pub(crate) text: Option<String>,
    /// The kind of task; a finding is a `fix`.
    #[serde(default)]
    pub(crate) kind: Option<TaskKind>,
    /// The finding to fix.
    #[serde(default, deserialize_with = "object")]
    pub(crate) finding: Option<NewFinding>,
    /// A branch or a commit of the repository to start from; HEAD where there is none.
    #[schema(max_length = 200)]
    #[serde(default)]
    pub(crate) base: Option<String>,
    /// How far it is to go.
    #[serde(default)]
    pub(crate) goal: WantedGoal,
    /// The only provider to ask; the routing rules choose where there is none.
    #[schema(max_length = 64)]
    #[serde(default)]
    pub(crate) provider: Option<String>,
    /// The model to ask for.
    #[schema(max_length = 200)]
    #[serde(default)]
    pub(crate) model: Option<String>,
}

/// A finding, as the caller's linter reports it.
#[derive(Debug, Clone, Deserialize, ToSchema, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewFinding {
    /// The linter, in lower case: `ruff`, `eslint`, `clippy`.
    #[schema(max_length = 2000)]
    pub(crate) tool: String,
    /// The rule's code, as the linter writes it.
    #[schema(max_length = 2000)]
    pub(crate) code: String,
    /// The file, relative to the repository's root, as it is in the base.
    #[schema(max_length = 2000)]
    pub(crate) path: String,
    /// The line, from 1.
    #[schema(minimum = 1, maximum = 4_294_967_295_u32)]
    #[serde(deserialize_with = "whole")]
    pub(crate) line: u32,
    /// The column, from 1; 0 when it is not known.
    #[schema(maximum = 4_294_967_295_u32)]
    #[serde(default, deserialize_with = "whole")]
    pub(crate) column: u32,
    /// What the linter says.
    #[schema(max_length = 2000)]
    pub(crate) message: String,
}

/// A patch that an agent hands in, with what it is for.
#[derive(Debug, Clone, Deserialize, ToSchema, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProposal {
    /// A unified diff, or a reply in JSON (`patch`, `explanation`, `confidence`, `meta`).
    #[schema(max_length = 8388608)]
    pub(crate) patch: String,
    /// What it does, in words; may be left out for a finding.
    #[schema(max_length = 65536)]
    #[serde(default)]
    pub(crate) text: Option<String>,
    /// The kind of task that it is for, which decides its limits.
    #[serde(default)]
    pub(crate) kind: Option<TaskKind>,
    /// The finding that it fixes.
    #[serde(default, deserialize_with = "object")]
    pub(crate) finding: Option<NewFinding>,
    /// A branch or a commit of the repository that it changes; HEAD where there is none.
    #[schema(max_length = 200)]
    #[serde(default)]
    pub(crate) base: Option<String>,
    /// How far it is to go.
    #[serde(default)]
    pub(crate) goal: WantedGoal,
}

/// A decision about a waiting change.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(tag = "decision", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum NewReview {
    /// Make its branch; or, where a plan waits, let it be carried out.
    Approve {
        /// The commit's message: `type(scope): description`. Not for a plan.
        #[schema(max_length = 4000)]
        #[serde(default)]
        message: Option<String>,
    },
    /// The change is not wanted.
    Reject {
        /// Why.
        #[schema(min_length = 1, max_length = 2000)]
        reason: String,
    },
}

fn invalid(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(Code::Invalid, detail)
}

/// A text of at most this many bytes without control characters, but for line ends and tabs where `lines`.
pub(crate) fn text(name: &str, text: &str, most: usize, lines: bool) -> Result<(), Problem> {
    if text.trim().is_empty() || text.len() > most {
        return Err(invalid(format!("`{name}` needs 1 to {most} bytes of text")));
    }
    let odd = |c: char| c.is_control() && !(lines && matches!(c, '\n' | '\t' | '\r'));
    if text.chars().any(odd) {
        return Err(invalid(format!("`{name}` holds a control character")));
    }
    Ok(())
}

/// A branch or a commit by a plain name: git's own rules for names, and none of its expressions.
pub(crate) fn base(name: &str) -> Result<(), Problem> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/' | b'+');
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    let fits = (1..=200).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with('-')
        && !name.ends_with('.')
        && !name.contains("..")
        && name.split('/').all(part);
    if fits { Ok(()) } else { Err(invalid("`base` is a branch's plain name or a commit's id")) }
}

/// The task that a request means, with its finding looked up in the base.
pub(crate) fn task(
    project: &Project,
    words: Option<&str>,
    kind: Option<TaskKind>,
    finding: Option<&NewFinding>,
) -> Result<Task, Problem> {
    if let Some(words) = words {
        text("text", words, TEXT, true)?;
    }
    match (finding, words) {
        (None, None) => Err(invalid("there is neither `text` nor `finding`")),
        (None, Some(words)) => {
            Ok(Task { kind: kind.unwrap_or(TaskKind::Fix).into(), text: words.to_owned(), finding: None })
        }
        (Some(_), _) if kind.is_some_and(|kind| kind != TaskKind::Fix) => {
            Err(invalid("a finding is a task of the kind `fix`"))
        }
        (Some(finding), words) => {
            let mut task = Task::from_finding(located(project, finding)?);
            task.text = words.map_or(task.text, str::to_owned);
            Ok(task)
        }
    }
}

fn located(project: &Project, finding: &NewFinding) -> Result<Finding, Problem> {
    for (name, value) in [
        ("finding.tool", &finding.tool),
        ("finding.code", &finding.code),
        ("finding.path", &finding.path),
        ("finding.message", &finding.message),
    ] {
        text(name, value, LINE, false)?;
    }
    let bytes = Source::read(&project.source(), &finding.path)
        .ok_or_else(|| invalid("`finding.path` is no file of the base"))?;
    let file = String::from_utf8_lossy(&bytes);
    let lines = u32::try_from(file.lines().count()).unwrap_or(u32::MAX);
    if finding.line == 0 || finding.line > lines {
        return Err(invalid(format!("`finding.line` is not in the file, which has {lines} lines")));
    }
    let NewFinding { tool, code, path, line, column, message } = finding;
    Ok(Finding::at(tool, code, path, &file, *line, *column, message))
}

/// The bytes of a patch.
pub(crate) fn patch(patch: &str) -> Result<Vec<u8>, Problem> {
    if patch.trim().is_empty() || patch.len() > PATCH {
        return Err(invalid(format!("`patch` needs 1 to {PATCH} bytes")));
    }
    Ok(patch.as_bytes().to_vec())
}

/// How far a change of this agent goes: without a certificate, no further than to a decision.
pub(crate) fn goal(wanted: WantedGoal, certified: bool) -> Goal {
    match Goal::from(wanted) {
        Goal::Publish if !certified => Goal::Review,
        goal => goal,
    }
}

/// What a commit message may not hold: it speaks to forges and to people who did not write it.
pub(crate) fn message(message: &str) -> Result<(), Problem> {
    text("message", message, 2 * LINE, true)?;
    let lower = message.to_ascii_lowercase();
    let skips = ["[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "***no_ci***", "skip-checks:"];
    if skips.iter().any(|word| lower.contains(word)) {
        return Err(invalid("`message` may not switch checks off"));
    }
    let closes = ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"];
    let words: Vec<&str> = lower.split_whitespace().collect();
    if words.windows(2).any(|pair| {
        closes.contains(&pair[0].trim_end_matches(':'))
            && (pair[1].starts_with('#') || pair[1].contains("/#"))
    }) {
        return Err(invalid("`message` may not close issues"));
    }
    if words.iter().any(|word| word.starts_with('@') && word.len() > 1) {
        return Err(invalid("`message` may not mention people"));
    }
    if message.lines().skip(1).any(is_trailer) {
        return Err(invalid("`message` may not bring trailers: they are the operator's to write"));
    }
    Ok(())
}

/// `Word-Word: value`, as git reads trailers.
fn is_trailer(line: &str) -> bool {
    let Some((name, _)) = line.split_once(':') else { return false };
    let name = name.trim();
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// A reason, in a line or a few.
pub(crate) fn reason(reason: &str) -> Result<(), Problem> {
    text("reason", reason, LINE, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_a_plain_name() {
        for good in ["main", "feature/x-1", "v1.0", &"a".repeat(40), "a+b_c"] {
            assert!(base(good).is_ok(), "{good}");
        }
        let bad = [
            "",
            " ",
            "-x",
            "--upload-pack=x",
            "a..b",
            "@{-1}",
            "HEAD~1",
            "refs/heads/../x",
            "x.lock",
            "a/.b",
            "a//b",
            "a/",
            "/a",
            "a.",
            "a b",
            "a\u{3000}b",
            "é",
            "a:b",
            "a^",
            "a\n",
            &"a".repeat(1000),
        ];
        for bad in bad {
            assert!(base(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_message_brings_no_trailers_mentions_or_commands() {
        assert!(
            message("fix(app): compare with None by identity\n\nIt is what the\nlinter asks for.").is_ok()
        );
        for bad in [
            "fix: a\u{0}b",
            "fix: a\n\nSigned-off-by: Somebody <a@b.c>",
            "fix: a\n\nCo-authored-by: x <x@y.z>",
            "fix: a\n\nCloses #1",
            "fix: it fixes: owner/repo/#12",
            "fix: thanks @everybody",
            "fix: a [skip ci]",
            "",
        ] {
            assert!(message(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn without_a_certificate_a_change_waits_for_a_decision() {
        assert_eq!(goal(WantedGoal::Publish, true), Goal::Publish);
        assert_eq!(goal(WantedGoal::Publish, false), Goal::Review);
        assert_eq!(goal(WantedGoal::Verify, false), Goal::Verify);
    }
}
