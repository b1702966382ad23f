//! Checks of the checkout as text. Each lies in a file of its own and only reports; nothing is mended here.

mod exit_codes;
mod files;
mod headers;
mod named_paths;
mod scenarios;
mod sizes;
mod words;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use crate::say;
use files::Files;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    /// From the workspace's folder.
    path: String,
    /// Counted from 1; `None` when it is about the whole file.
    line: Option<usize>,
    /// What is wrong, and what to do.
    what: String,
}

impl Problem {
    fn of_file(path: &str, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, what: what.into() }
    }

    fn at(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: Some(line), what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.what),
            None => write!(f, "{}: {}", self.path, self.what),
        }
    }
}

type Check = fn(&Files) -> anyhow::Result<Vec<Problem>>;

const CHECKS: [(&str, Check); 6] = [
    ("sizes", sizes::check),
    ("headers", headers::check),
    ("named paths", named_paths::check),
    ("exit codes", exit_codes::check),
    ("words", words::check),
    ("scenarios", scenarios::check),
];

/// Runs every check, prints each problem on a line, and fails if there is one.
pub(crate) fn run(root: &Path) -> anyhow::Result<ExitCode> {
    let files = Files::of_checkout(root)?;
    let mut count = 0;
    for (name, check) in CHECKS {
        let mut problems = check(&files)?;
        problems.sort();
        count += problems.len();
        for problem in problems {
            say(format_args!("{problem} ({name})"));
        }
    }
    say(format_args!("tidy: {} checks over {} files, {count} problems", CHECKS.len(), files.paths().len()));
    Ok(if count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
