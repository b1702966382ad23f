//! Every path that ARCHITECTURE.md names exists, so that the map cannot drift from the house.

use super::{Files, Problem};

const MAP: &str = "ARCHITECTURE.md";
/// Where a name in backticks is taken for a path.
const FOLDERS: [&str; 7] = ["crates/", "docs/", "scripts/", "scenarios/", "xtask/", ".ci/", ".cargo/"];

pub(super) fn check(files: &Files) -> anyhow::Result<Vec<Problem>> {
    if !files.has(MAP) {
        return Ok(vec![Problem::of_file(MAP, "the map of the house is missing")]);
    }
    let text = files.text(MAP)?.unwrap_or_default();
    let mut problems = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for path in paths_in(line).filter(|path| !files.has(path)) {
            problems.push(Problem::at(MAP, index + 1, format!("there is no {path}")));
        }
    }
    Ok(problems)
}

/// The words between backticks that begin with one of the folders.
fn paths_in(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_nowhere_is_told_with_its_line() {
        let text = "# Map\n\n`crates/a/src` and `crates/a/src/lib.rs`, not crates/b,\n`docs/x.md` `rustc` `scripts/`\n";
        let (_folder, files) =
            Files::example(&[(MAP, text), ("crates/a/src/lib.rs", ""), ("scripts/test", "")]);
        assert_eq!(check(&files).unwrap(), [Problem::at(MAP, 4, "there is no docs/x.md")]);
    }

    #[test]
    fn a_missing_map_is_a_problem() {
        let (_folder, files) = Files::example(&[]);
        assert_eq!(check(&files).unwrap().len(), 1);
    }
}
