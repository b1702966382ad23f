//! Targets of a Makefile at the root: `test` or `check`, and `lint`, where no runner of a language has been found for
//! them: a target may do anything, and tells only by its exit code how it went.

use domain::verification::CheckKind;

use super::detect::Found;
use super::project::Project;
use super::{FilesArg, Reader};

/// The names under which make looks for its file, in its order.
const FILES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];

/// Adds the targets. `test_command` says that the caller runs the tests in another way.
pub(super) fn detect(project: &Project<'_>, test_command: bool, found: &mut Found<'_>) {
    let Some(file) = FILES.into_iter().find(|name| project.has(name)) else { return };
    let text = project.text(file).unwrap_or_default();
    let has = |target: &str| text.lines().any(|line| names_target(line, target));
    let tests = ["test", "check"].into_iter().find(|t| has(t));
    let tests = tests.filter(|_| !test_command && !found.has_kind(CheckKind::Test));
    let lint = has("lint") && !found.has_kind(CheckKind::Lint);
    if tests.is_none() && !lint {
        return;
    }
    if !found.has("make") {
        found.note("there is a Makefile, but make is not installed".to_owned());
        return;
    }
    if lint {
        found.add("make-lint", CheckKind::Lint, &["make", "lint"], FilesArg::Nothing, Reader::ExitCode);
    }
    if let Some(target) = tests {
        let (name, argv) = (format!("make-{target}"), ["make", target]);
        found.add(&name, CheckKind::Test, &argv, FilesArg::Nothing, Reader::TestSummary);
    }
}

/// Whether a line is a rule for this target: `lint test: build`, not `test := x` and not a recipe.
fn names_target(line: &str, target: &str) -> bool {
    if line.starts_with(['\t', ' ', '#', '.']) {
        return false;
    }
    let Some((targets, rest)) = line.split_once(':') else { return false };
    !rest.trim_start_matches(':').starts_with('=') && targets.split_whitespace().any(|name| name == target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_told_from_variables_and_recipes() {
        for (line, is) in [
            ("test:", true),
            ("lint test: build", true),
            ("test:: x", true),
            ("test := x", false),
            ("test ::= x", false),
            ("\ttest: x", false),
            (".PHONY: test", false),
            ("# test: x", false),
            ("tests:", false),
        ] {
            assert_eq!(names_target(line, "test"), is, "{line}");
        }
    }
}
