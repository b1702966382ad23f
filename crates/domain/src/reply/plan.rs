//! Strict reading of a provider's plan: one JSON object with `summary`, `steps`, `files`, `tests`, `risks`. Like a reply, a
//! bad one is data: every finding, with the codes of replies.

use serde_json::{Map, Value};

use super::extract::Sought;
use super::{ReplyCode, ReplyFinding, ReplyLimits, answer, json, required, wrong_type};
use crate::patch::RepoPath;
use crate::patch::paths::is_invisible;
use crate::plan::Plan;

const PLAN: Sought =
    Sought { keys: ["steps", "files"], both: "the steps and files of a plan", either: "steps or files" };

/// Reads a plan: the whole text, the one fence, or exactly one distinct plan among prose. Fields that the contract does not
/// know are passed over.
///
/// # Errors
/// Every reason why it is no plan, never an empty list: too large, not the form, without a step or a file, or a path that
/// no file of a repository can have.
pub fn read_plan(bytes: &[u8]) -> Result<Plan, Vec<ReplyFinding>> {
    let limits = ReplyLimits { bytes: Plan::MOST_BYTES, ..ReplyLimits::default() };
    let (mut object, _) = answer(bytes, &limits, PLAN).map_err(|finding| vec![finding])?;
    let mut findings = Vec::new();
    let summary = required(&mut object, "summary", &mut findings);
    let summary = if findings.is_empty() { line("summary", &summary, &mut findings) } else { String::new() };
    let steps = entries(&mut object, "steps", &mut findings);
    let files = entries(&mut object, "files", &mut findings);
    let tests = entries(&mut object, "tests", &mut findings);
    let risks = entries(&mut object, "risks", &mut findings);
    for (key, is_empty) in [("steps", steps.is_empty()), ("files", files.is_empty())] {
        if is_empty && findings.is_empty() {
            findings.push(ReplyFinding::new(ReplyCode::Empty, format!("the plan has no {key}")));
        }
    }
    let files = paths(&files, &mut findings);
    if findings.is_empty() { Ok(Plan { summary, steps, files, tests, risks }) } else { Err(findings) }
}

/// A list of lines.
fn entries(object: &mut Map<String, Value>, key: &str, findings: &mut Vec<ReplyFinding>) -> Vec<String> {
    let list = match object.remove(key) {
        Some(Value::Array(list)) => list,
        Some(other) => {
            findings.push(wrong_type(key, "a list", &other));
            return Vec::new();
        }
        None => {
            findings.push(ReplyFinding::new(ReplyCode::MissingField, format!("{key:?} is missing")));
            return Vec::new();
        }
    };
    if list.len() > Plan::MOST_ENTRIES {
        let detail = format!("{key:?} has {} entries; the limit is {}", list.len(), Plan::MOST_ENTRIES);
        findings.push(ReplyFinding::new(ReplyCode::TooLarge, detail));
        return Vec::new();
    }
    let mut lines = Vec::new();
    for entry in list {
        match entry {
            Value::String(text) => lines.push(line(key, &text, findings)),
            other => {
                let detail = format!("an entry of {key:?} is not a string but {}", json::kind(&other));
                findings.push(ReplyFinding::new(ReplyCode::WrongType, detail));
            }
        }
    }
    lines
}

/// One line of what was written: line ends and runs of blanks are one blank, so that a text cannot look like another part
/// of the plan; characters that nobody sees are left out.
fn line(key: &str, text: &str, findings: &mut Vec<ReplyFinding>) -> String {
    let seen: String = text.chars().filter(|character| !is_invisible(*character)).collect();
    let line = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    let characters = line.chars().count();
    if line.is_empty() {
        findings.push(ReplyFinding::new(ReplyCode::Empty, format!("{key:?} holds an empty text")));
    } else if characters > Plan::MOST_CHARACTERS {
        let most = Plan::MOST_CHARACTERS;
        let detail = format!("a text of {key:?} has {characters} characters; the limit is {most}");
        findings.push(ReplyFinding::new(ReplyCode::TooLarge, detail));
    } else if line.chars().any(char::is_control) {
        let detail = format!("a text of {key:?} holds control characters");
        findings.push(ReplyFinding::new(ReplyCode::WrongType, detail));
    }
    line
}

/// The files, each once.
fn paths(files: &[String], findings: &mut Vec<ReplyFinding>) -> Vec<RepoPath> {
    let mut paths: Vec<RepoPath> = Vec::new();
    for file in files {
        match file.parse::<RepoPath>() {
            Ok(path) if paths.contains(&path) => {}
            Ok(path) => paths.push(path),
            Err(problem) => {
                let detail = format!("{file:?} is no path in a repository: {problem}");
                findings.push(ReplyFinding::new(ReplyCode::WrongType, detail));
            }
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"summary": "A pager.", "steps": ["Add\n it", "Test it"], "files": ["a.py", "a.py", "b.py"],
        "tests": ["a page has ten rows"], "risks": []}"#;

    fn codes(text: &str) -> Vec<ReplyCode> {
        read_plan(text.as_bytes()).unwrap_err().iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_plan_is_read_alone_in_a_fence_and_among_prose() {
        let plan = read_plan(GOOD.as_bytes()).unwrap();
        assert_eq!(plan.steps, ["Add it", "Test it"]);
        assert_eq!(plan.files.len(), 2, "each file once");
        assert!(plan.risks.is_empty());
        for text in [format!("```json\n{GOOD}\n```"), format!("My plan:\n{GOOD}\nShall I?")] {
            assert_eq!(read_plan(text.as_bytes()).unwrap(), plan);
        }
    }

    #[test]
    fn what_is_no_plan_is_refused_with_every_reason() {
        assert_eq!(codes(""), [ReplyCode::Empty]);
        assert_eq!(codes("I would start with the parser."), [ReplyCode::NoJson]);
        assert_eq!(codes(&GOOD[..60]), [ReplyCode::Truncated]);
        assert_eq!(codes(r#"{"patch": "", "explanation": "done"}"#).len(), 5, "each field is missing");
        assert_eq!(codes(&GOOD.replace("\"A pager.\"", "7")), [ReplyCode::WrongType]);
        assert_eq!(codes(&GOOD.replace("[\"Add\\n it\", \"Test it\"]", "[]")), [ReplyCode::Empty]);
        assert_eq!(codes(&GOOD.replace("\"Test it\"", "{}")), [ReplyCode::WrongType]);
        assert_eq!(codes(&GOOD.replace("b.py", "../b.py")), [ReplyCode::WrongType]);
        assert_eq!(codes(&GOOD.replace("b.py", ".git/config")), [ReplyCode::WrongType]);
        assert_eq!(codes(&GOOD.replace("Test it", "\\u0007")), [ReplyCode::WrongType]);
        let two = format!("{GOOD}\nor\n{}", GOOD.replace("A pager", "A reader"));
        assert_eq!(codes(&two), [ReplyCode::Ambiguous]);
    }

    #[test]
    fn a_plan_beyond_its_limits_is_refused() {
        let long = |characters| GOOD.replace("Test it", &"x".repeat(characters));
        assert!(read_plan(long(Plan::MOST_CHARACTERS).as_bytes()).is_ok());
        assert_eq!(codes(&long(Plan::MOST_CHARACTERS + 1)), [ReplyCode::TooLarge]);
        let many = |tests| GOOD.replace("\"a page has ten rows\"", &vec!["\"again\""; tests].join(","));
        assert!(read_plan(many(Plan::MOST_ENTRIES).as_bytes()).is_ok());
        assert_eq!(codes(&many(Plan::MOST_ENTRIES + 1)), [ReplyCode::TooLarge]);
        assert_eq!(codes(&format!("{GOOD}{}", " ".repeat(Plan::MOST_BYTES))), [ReplyCode::TooLarge]);
    }
}
