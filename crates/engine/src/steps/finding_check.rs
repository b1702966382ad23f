//! Scans the changed file again with the embedded rules: a fix that leaves its finding is no fix. Runs in this process
//! and executes nothing of the repository.

use domain::patch::CanonicalDiff;
use domain::task::Task;
use domain::verification::{Again, BothSides, CheckKind, CheckResult, Run, RunEnd};

use crate::project::Project;

/// The check, when the task is a finding that our rules can see in the base.
pub(crate) fn run(project: &Project, task: &Task, diff: &CanonicalDiff) -> Option<CheckResult> {
    let finding = task.finding.as_ref()?;
    let file = diff.files().iter().find(|f| f.path.as_str() == finding.path)?;
    let before = std::str::from_utf8(&file.before.as_ref()?.bytes).ok()?;
    let sees = |text: &str| {
        let only = std::slice::from_ref(&finding.code);
        let context = codemods::Context { only: Some(only), ..codemods::Context::default() };
        let found = codemods::scan(&project.rules, &finding.path, text, &context);
        found.into_iter().filter(|f| f.fingerprint == finding.fingerprint).count()
    };
    if sees(before) == 0 {
        return None;
    }
    let still = match &file.after {
        Some(after) => sees(std::str::from_utf8(&after.bytes).unwrap_or_default()),
        None => 0,
    };
    let (baseline, candidate) = (ended(true), ended(still > 0));
    let name = format!("finding {}", finding.code);
    let argv = vec!["scan".to_owned(), finding.path.clone()];
    let sides = BothSides { baseline, candidate, again: Again::default() };
    Some(CheckResult::new(name, CheckKind::Finding, argv, sides))
}

fn ended(found: bool) -> Run {
    let end = if found { RunEnd::Failed { code: 1 } } else { RunEnd::Passed };
    Run { end, tests_run: None, tests: Vec::new(), reports: None, wall_ms: 0, output: None }
}
