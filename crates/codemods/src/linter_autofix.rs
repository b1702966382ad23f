//! The reporting linter's own fix, when the linter is installed: what to run, and which part of its diff belongs to
//! the finding. Pure: the caller runs the program, in a copy of the file that the program may not change.

use domain::finding::Finding;

use crate::edit::{Edit, apply};

/// Why a linter's output gives no fix for the finding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AutofixError {
    /// We know no command for this linter.
    #[error("no own fix is known for {0}")]
    UnknownTool(String),
    /// The output holds no change near the finding.
    #[error("{tool} has no fix for {code} on line {line}")]
    NoFix {
        /// The linter.
        tool: String,
        /// The rule.
        code: String,
        /// The finding's line, from 1.
        line: u32,
    },
    /// The output is no unified diff of this file.
    #[error("the output of {tool} is no diff of this file: {why}")]
    BadDiff {
        /// The linter.
        tool: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Whether the linter's fix may change what the program does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safety {
    /// Only fixes that the linter holds to be safe.
    SafeOnly,
    /// All fixes.
    Unsafe,
}

/// The command that prints the linter's fix of the finding's rule in its file as a diff. `path` is the file as the
/// command shall name it; the project's own configuration is used.
///
/// # Errors
/// [`AutofixError::UnknownTool`] for any linter but ruff.
pub fn command(finding: &Finding, path: &str, safety: Safety) -> Result<Vec<String>, AutofixError> {
    if finding.tool != "ruff" {
        return Err(AutofixError::UnknownTool(finding.tool.clone()));
    }
    let unsafe_fixes = match safety {
        Safety::SafeOnly => "--no-unsafe-fixes",
        Safety::Unsafe => "--unsafe-fixes",
    };
    let words = ["ruff", "check", "--diff", "--no-cache", "--force-exclude", unsafe_fixes, "--select"];
    let words = words.into_iter().chain([finding.code.as_str(), "--", path]);
    Ok(words.map(str::to_owned).collect())
}

/// The text with only that change of the diff made that belongs to the finding: the hunk lines nearest to it.
///
/// A diff of several fixes holds several runs of changed lines; the run that touches the finding's line is taken,
/// with runs that only add imports (they may belong to it). A linter that gives one run for two findings of the
/// same lines changes both.
///
/// # Errors
/// The diff does not fit the text, or changes nothing at the finding's line.
pub fn pick(finding: &Finding, text: &str, diff: &str) -> Result<String, AutofixError> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let runs = runs(diff, &lines)
        .map_err(|why| AutofixError::BadDiff { tool: finding.tool.clone(), why: why.to_owned() })?;
    let no_fix =
        || AutofixError::NoFix { tool: finding.tool.clone(), code: finding.code.clone(), line: finding.line };
    let line = finding.line as usize;
    let wanted = runs.iter().position(|run| run.touches(line)).ok_or_else(no_fix)?;
    let edits: Vec<Edit> = runs
        .iter()
        .enumerate()
        .filter(|(index, run)| *index == wanted || run.only_adds_imports())
        .map(|(_, run)| run.edit(&lines))
        .collect();
    apply(text, &edits).ok_or_else(no_fix)
}

/// Neighbouring changed lines of a diff.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    /// The first line that goes, or before which lines are added, from 1.
    line: usize,
    removed: usize,
    added: String,
}

impl Run {
    /// A run that only adds belongs to the line before and the line after it.
    fn touches(&self, line: usize) -> bool {
        if self.removed == 0 {
            return line == self.line || line + 1 == self.line;
        }
        (self.line..self.line + self.removed).contains(&line)
    }

    fn only_adds_imports(&self) -> bool {
        let is_import =
            |line: &str| line.trim().is_empty() || line.starts_with("import ") || line.starts_with("from ");
        self.removed == 0 && self.added.lines().all(is_import)
    }

    fn edit(&self, lines: &[&str]) -> Edit {
        let offset = |index: usize| lines[..index.min(lines.len())].iter().map(|l| l.len()).sum::<usize>();
        Edit::replace(offset(self.line - 1)..offset(self.line - 1 + self.removed), self.added.clone())
    }
}

/// Reads the runs of a unified diff of one file and checks every line against the text.
fn runs(diff: &str, lines: &[&str]) -> Result<Vec<Run>, &'static str> {
    let mut runs: Vec<Run> = Vec::new();
    let mut at = 0;
    let mut open = false;
    let mut in_hunk = false;
    for line in diff.split_inclusive('\n') {
        if let Some(header) = line.strip_prefix("@@ -") {
            let start: usize = header
                .split([',', ' '])
                .next()
                .and_then(|number| number.parse().ok())
                .ok_or("a hunk header without a line number")?;
            (at, open, in_hunk) = (start.max(1), false, true);
            continue;
        }
        if !in_hunk {
            continue;
        }
        let (mark, rest) = line.split_at(line.chars().next().map_or(0, char::len_utf8));
        match mark {
            " " | "-" => {
                let old = lines.get(at - 1).ok_or("it goes beyond the end of the file")?;
                if old.trim_end_matches(['\r', '\n']) != rest.trim_end_matches(['\r', '\n']) {
                    return Err("its lines are not those of the file");
                }
                if mark == "-" {
                    run(&mut runs, &mut open, at).removed += 1;
                } else {
                    open = false;
                }
                at += 1;
            }
            "+" => run(&mut runs, &mut open, at).added.push_str(rest),
            "\\" => {
                if let Some(last) = runs.last_mut().filter(|_| open) {
                    let trimmed = last.added.trim_end_matches(['\r', '\n']).len();
                    last.added.truncate(trimmed);
                }
            }
            _ => in_hunk = false,
        }
    }
    Ok(runs)
}

/// The run that is open, or a new one at this line.
fn run<'r>(runs: &'r mut Vec<Run>, open: &mut bool, line: usize) -> &'r mut Run {
    if !*open {
        runs.push(Run { line, removed: 0, added: String::new() });
        *open = true;
    }
    let last = runs.len() - 1;
    &mut runs[last]
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "import a\n\n\ndef f(x=[]):\n    pass\n\n\ny = x == None\n";
    const DIFF: &str = "--- m.py\n+++ m.py\n@@ -1,8 +1,10 @@\n import a\n+import b\n \n \n-def f(x=[]):\n+def f(x=None):\n     pass\n \n \n-y = x == None\n+y = x is None\n\nWould fix 2 errors.\n";

    fn finding(line: u32) -> Finding {
        Finding::at("ruff", "E711", "m.py", TEXT, line, 1, "")
    }

    #[test]
    fn only_the_change_at_the_finding_is_taken_and_the_import_it_may_need() {
        let fixed = pick(&finding(8), TEXT, DIFF).unwrap();
        assert_eq!(fixed, "import a\nimport b\n\n\ndef f(x=[]):\n    pass\n\n\ny = x is None\n");
    }

    #[test]
    fn a_diff_without_a_change_at_the_line_is_no_fix() {
        assert!(matches!(pick(&finding(5), TEXT, DIFF), Err(AutofixError::NoFix { line: 5, .. })));
        assert!(matches!(pick(&finding(8), TEXT, ""), Err(AutofixError::NoFix { .. })));
    }

    #[test]
    fn a_diff_of_another_text_is_refused() {
        let other = TEXT.replace("pass", "return");
        assert!(matches!(pick(&finding(8), &other, DIFF), Err(AutofixError::BadDiff { .. })));
        let beyond = "@@ -90,1 +90,1 @@\n-x\n+y\n";
        assert!(matches!(pick(&finding(8), TEXT, beyond), Err(AutofixError::BadDiff { .. })));
    }

    #[test]
    fn a_last_line_without_an_ending_stays_without() {
        let text = "y = x == None";
        let diff = "@@ -1 +1 @@\n-y = x == None\n\\ No newline at end of file\n+y = x is None\n\\ No newline at end of file\n";
        let one = Finding::at("ruff", "E711", "m.py", text, 1, 5, "");
        assert_eq!(pick(&one, text, diff).unwrap(), "y = x is None");
    }

    #[test]
    fn the_command_names_the_rule_and_guards_the_path() {
        let words = command(&finding(8), "-x.py", Safety::Unsafe).unwrap();
        assert_eq!(words[words.len() - 3..], ["E711", "--", "-x.py"]);
        let other = Finding { tool: "pylint".into(), ..finding(8) };
        assert_eq!(
            command(&other, "x.py", Safety::SafeOnly),
            Err(AutofixError::UnknownTool("pylint".into()))
        );
    }
}
