//! The words that go into git: commit messages with their trailers, and the names of branches.

use domain::ids::Sha256;
use domain::intent::{Attempt, Intent};
use domain::task::Task;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::error::EngineError;

/// The trailer that anchors the journal's head in the repository: `<sequence number>:<hash>`.
pub const JOURNAL_TRAILER: &str = "Codex-Task-Journal";

/// The longest first line of a commit message, in characters.
const SUBJECT: usize = 72;

/// The longest description in a branch name, in characters (the seeds cut at 50).
const SLUG: usize = 50;

/// The message of a candidate commit: a conventional commit, the provider's explanation, our trailers.
pub(crate) fn candidate(intent: &Intent, attempt: &Attempt, head: &(u64, Sha256)) -> String {
    let explanation = attempt.patch.as_ref().map_or("", |p| p.explanation.trim());
    let subject = subject(&intent.task);
    let text = if explanation.is_empty() { subject } else { format!("{subject}\n\n{}", wrap(explanation)) };
    with_trailers(&text, intent, attempt, head)
}

/// A message with our trailers behind it.
pub(crate) fn with_trailers(text: &str, intent: &Intent, attempt: &Attempt, head: &(u64, Sha256)) -> String {
    let mut trailers = Vec::new();
    let by = match attempt.proposal.as_ref().and_then(|p| p.model.as_deref()) {
        Some(model) => format!("codex-task/{}:{model}", attempt.provider),
        None => format!("codex-task/{}", attempt.provider),
    };
    trailers.push(format!("Assisted-by: {}", one_line(&by)));
    trailers.push(format!("Codex-Task-Intent: {}", intent.id));
    if let Some(suggestion) = &attempt.suggestion {
        trailers.push(format!("Codex-Task-Suggestion: {suggestion}"));
    }
    if let Some(patch) = &attempt.patch {
        trailers.push(format!("Codex-Task-Patch: {}", patch.sha256));
    }
    if let Some(plan) = intent.plan() {
        trailers.push(format!("Codex-Task-Plan: {}", plan.hash()));
    }
    trailers.push(format!("{JOURNAL_TRAILER}: {}:{}", head.0, head.1));
    format!("{}\n\n{}\n", text.trim_end(), trailers.join("\n"))
}

/// The types of a conventional commit that the seeds allow.
const TYPES: [&str; 6] = ["feat", "fix", "refactor", "test", "docs", "chore"];

/// Refuses a message whose first line is not `type(scope): description` (the seeds' hook: the scope optional, of lower
/// case letters and hyphens).
pub(crate) fn check_conventional(message: &str) -> Result<(), EngineError> {
    let line = message.lines().next().unwrap_or("");
    let fits = line.split_once(": ").is_some_and(|(head, description)| {
        let (kind, scope) = match head.strip_suffix(')').and_then(|h| h.split_once('(')) {
            Some((kind, scope)) => (kind, Some(scope)),
            None => (head, None),
        };
        let good = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        TYPES.contains(&kind) && scope.is_none_or(good) && !description.trim().is_empty()
    });
    if fits { Ok(()) } else { Err(EngineError::Message { line: line.to_owned() }) }
}

/// The journal heads that a commit message names: sequence number and hash.
pub fn journal_anchors(message: &str) -> Vec<(u64, Sha256)> {
    let anchor = |line: &str| {
        let (seq, hash) = line.strip_prefix(JOURNAL_TRAILER)?.strip_prefix(": ")?.split_once(':')?;
        Some((seq.parse().ok()?, hash.trim().parse().ok()?))
    };
    message.lines().filter_map(anchor).collect()
}

/// `type(scope): description`, in one line.
fn subject(task: &Task) -> String {
    let (scope, description) = match &task.finding {
        Some(finding) => (scope(&finding.path), format!("{} {}", finding.code, finding.message)),
        None => (None, task.title()),
    };
    let scope = scope.map(|s| format!("({s})")).unwrap_or_default();
    let line = format!("{}{scope}: {}", task.kind.commit_type(), one_line(&lower_first(&description)));
    if line.chars().count() <= SUBJECT {
        line
    } else {
        line.chars().take(SUBJECT - 1).chain(['…']).collect()
    }
}

/// The scope of a commit: the file's name without its ending, in the letters that the convention allows.
fn scope(path: &str) -> Option<String> {
    let name = path.rsplit('/').next()?;
    let stem = name.split('.').find(|part| !part.is_empty())?;
    let scope = slug(stem, 30);
    (!scope.is_empty() && !scope.contains(|c: char| c.is_ascii_digit())).then_some(scope)
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    let second_is_lower = text.chars().nth(1).is_some_and(char::is_lowercase);
    match chars.next() {
        Some(first) if second_is_lower => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// Control characters and line ends become blanks: a model's words cannot add a trailer.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// A provider's words as a body: each line wrapped at 72 and indented where it could be read as a trailer.
fn wrap(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines().take(40) {
        let mut current = String::new();
        for word in one_line(line).split_whitespace() {
            if !current.is_empty() && current.chars().count() + 1 + word.chars().count() > 72 {
                lines.push(std::mem::take(&mut current));
            }
            if !current.is_empty() {
                current.push(' ');
            }
            current.push_str(word);
        }
        lines.push(current);
    }
    let guarded =
        lines.into_iter().map(|line| if looks_like_trailer(&line) { format!("  {line}") } else { line });
    guarded.collect::<Vec<_>>().join("\n")
}

fn looks_like_trailer(line: &str) -> bool {
    let Some((key, _)) = line.split_once(':') else { return false };
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && key.contains('-')
}

/// `<kind>/<slug>-<yyyymmdd-hhmmss>` in UTC: the part of a branch's name behind its prefix.
pub(crate) fn branch(task: &Task, micros: i64) -> String {
    let words = match &task.finding {
        Some(finding) => {
            let file = finding.path.rsplit('/').next().unwrap_or("");
            let stem = file.split('.').next().unwrap_or(file);
            format!("{} {stem}", finding.code.rsplit("::").next().unwrap_or(&finding.code))
        }
        None => task.title(),
    };
    let described = slug(&words, SLUG);
    let described = if described.is_empty() { "change".to_owned() } else { described };
    let time = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC);
    format!("{}/{described}-{}", task.kind, time.strftime("%Y%m%d-%H%M%S"))
}

/// Lower-case letters, digits and single hyphens, at most `most` of them.
fn slug(text: &str, most: usize) -> String {
    let mut slug = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        let c = if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
        if c != '-' || !(slug.is_empty() || slug.ends_with('-')) {
            slug.push(c);
        }
    }
    slug.truncate(most);
    slug.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use domain::finding::Finding;
    use domain::task::{Kind, Task};

    use super::*;

    fn task(text: &str) -> Task {
        Task { kind: Kind::Refactor, text: text.to_owned(), finding: None }
    }

    #[test]
    fn a_branch_is_named_as_the_seeds_print_it() {
        // 2026-02-19 14:30:22 UTC
        assert_eq!(
            branch(&task("Auth module"), 1_771_511_422_000_000),
            "refactor/auth-module-20260219-143022"
        );
        assert_eq!(branch(&task("…"), 0), "refactor/change-19700101-000000");
    }

    #[test]
    fn a_subject_is_a_conventional_commit() {
        let finding =
            Finding::at("ruff", "B006", "src/acc.py", "def f(a=[]):\n", 1, 1, "Do not use mutable defaults");
        assert_eq!(subject(&Task::from_finding(finding)), "fix(acc): B006 Do not use mutable defaults");
        assert_eq!(subject(&task("Improve it\nFoo-Bar: x")), "refactor: improve it");
    }

    #[test]
    fn a_models_words_cannot_add_a_trailer() {
        let text = wrap("Fine.\n\nCodex-Task-Journal: 1:00");
        assert!(text.ends_with("\n  Codex-Task-Journal: 1:00"), "{text}");
        assert!(journal_anchors(&text).is_empty());
    }

    #[test]
    fn an_anchor_is_read_back_from_a_message() {
        let hash = Sha256::of(b"x");
        let message = format!("fix: a\n\n{JOURNAL_TRAILER}: 12:{hash}\n");
        assert_eq!(journal_anchors(&message), vec![(12, hash)]);
    }
}
