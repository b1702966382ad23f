//! How much a task asks for. Only what is written down counts: the kind, the words, the files they name, and whether
//! those are protected. The thresholds are our own choice; the classes are those of the seeds' matrix.

use domain::gate::GatePolicy;
use domain::route::Complexity;
use domain::task::{Kind, Task};

use crate::context;
use crate::provider::Source;

/// Characters above which a request is a description of several things.
const LONG: usize = 1_500;

/// Named files from which on a task is spread out.
const MANY_FILES: usize = 5;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessed {
    /// The class.
    pub complexity: Complexity,
    /// The facts that decided, a sentence each.
    pub because: Vec<String>,
}

/// Assesses a task over its base. `policy` says which paths are protected.
pub fn assess(task: &Task, source: &dyn Source, policy: &GatePolicy) -> Assessed {
    let files = match &task.finding {
        Some(finding) => vec![finding.path.clone()],
        None => context::named_paths(&task.text, source),
    };
    let protected = files.iter().filter(|path| policy.review.contains(path) || policy.denied.contains(path));
    let protected: Vec<&str> = protected.map(String::as_str).collect();
    let length = task.text.chars().count();
    let mut found = vec![by_kind(task)];
    if !protected.is_empty() {
        let why = format!("it names protected files: {}", protected.join(", "));
        found.push((Complexity::Critical, why));
    }
    if task.finding.is_none() {
        found.push(by_files(files.len()));
        if length > LONG {
            found.push((Complexity::High, format!("its text has {length} characters")));
        }
    }
    let complexity = found.iter().map(|(class, _)| *class).max().unwrap_or(Complexity::Medium);
    let because = found.into_iter().filter(|(class, _)| *class == complexity).map(|(_, why)| why).collect();
    Assessed { complexity, because }
}

fn by_kind(task: &Task) -> (Complexity, String) {
    if task.finding.is_some() {
        return (Complexity::Low, "it is one finding of a linter".to_owned());
    }
    let class = match task.kind {
        Kind::Feature => Complexity::High,
        Kind::Debug => Complexity::Medium,
        Kind::Fix | Kind::Refactor | Kind::Test | Kind::Docs | Kind::Chore | Kind::Ask => Complexity::Low,
    };
    (class, format!("its kind is {}", task.kind))
}

fn by_files(files: usize) -> (Complexity, String) {
    match files {
        0 => (Complexity::Medium, "it names no file of the base".to_owned()),
        1 => (Complexity::Low, "it names one file".to_owned()),
        _ if files < MANY_FILES => (Complexity::Medium, format!("it names {files} files")),
        _ => (Complexity::High, format!("it names {files} files")),
    }
}
