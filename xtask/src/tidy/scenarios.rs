//! Golden cases are whole: a numbered folder, with a task and what is expected of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Files, Problem};

/// What each folder has, as a file of any ending or a folder.
const PARTS: [&str; 2] = ["task", "expected"];

pub(super) fn check(files: &Files) -> anyhow::Result<Vec<Problem>> {
    let mut problems = Vec::new();
    let mut numbers: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, parts) in folders(files) {
        let path = format!("scenarios/{name}");
        match number(name) {
            None => problems.push(Problem::of_file(&path, "name it NNN_name: three digits and a word")),
            Some(number) => {
                if let Some(first) = numbers.insert(number, name) {
                    problems.push(Problem::of_file(&path, format!("has the number of scenarios/{first}")));
                }
            }
        }
        let missing = PARTS.iter().filter(|part| !parts.contains(*part));
        problems.extend(missing.map(|part| Problem::of_file(&path, format!("has no {part} file or folder"))));
    }
    Ok(problems)
}

/// Each folder under `scenarios/` with the names in it, cut at their first dot.
fn folders(files: &Files) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for path in files.paths().iter().filter_map(|path| path.strip_prefix("scenarios/")) {
        let mut steps = path.split('/');
        if let (Some(folder), Some(entry)) = (steps.next(), steps.next()) {
            found.entry(folder).or_default().insert(entry.split('.').next().unwrap_or(entry));
        }
    }
    found
}

fn number(name: &str) -> Option<&str> {
    let (digits, words) = name.split_once('_')?;
    let right = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit()) && !words.is_empty();
    right.then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_whole_passes_and_what_is_not_is_named() {
        let (_folder, files) = Files::example(&[
            ("scenarios/README.md", ""),
            ("scenarios/001_whole/task.json", ""),
            ("scenarios/001_whole/expected/tree", ""),
            ("scenarios/002_half/task.json", ""),
            ("scenarios/002_again/task", ""),
            ("scenarios/002_again/expected.json", ""),
            ("scenarios/x/task", ""),
            ("scenarios/x/expected", ""),
        ]);
        let found: Vec<String> =
            check(&files).unwrap().into_iter().map(|problem| problem.to_string()).collect();
        assert_eq!(
            found,
            [
                "scenarios/002_half: has the number of scenarios/002_again",
                "scenarios/002_half: has no expected file or folder",
                "scenarios/x: name it NNN_name: three digits and a word",
            ]
        );
    }
}
