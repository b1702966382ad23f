//! What about a check takes a change back, named as people name it: failing tests, syntax errors, new lint findings,
//! imports that are not there. By the kind of the check, the code of the report and what the runner said.

use std::fmt;

use super::{Cause, CheckKind, CheckResult, RunEnd};

/// Why a change is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trigger {
    /// The code cannot be parsed.
    SyntaxError,
    /// An import is not there, or a dependency is missing.
    ImportError,
    /// It does not build.
    BuildError,
    /// Tests fail that passed before, or are new.
    FailingTests,
    /// The types do not fit as they did before.
    TypeError,
    /// A linter found something new for which it fails.
    CriticalLint,
    /// A linter found something new that it only tells.
    Lint,
    /// A command of the user's fails that passed before.
    Command,
    /// The finding that was to be fixed is still there.
    Finding,
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SyntaxError => "syntax error",
            Self::ImportError => "import error or missing dependency",
            Self::BuildError => "does not build",
            Self::FailingTests => "failing tests",
            Self::TypeError => "new type errors",
            Self::CriticalLint => "new critical lint findings",
            Self::Lint => "new lint findings",
            Self::Command => "failing command",
            Self::Finding => "finding",
        })
    }
}

/// Codes by which linters, type checkers and compilers report that code cannot be parsed.
const SYNTAX: [&str; 4] = ["syntax", "invalid-syntax", "syntax-error", "E999"];

/// How rustc's messages about code that it cannot parse begin; they have no code.
const RUST_SYNTAX: [&str; 7] = [
    "error expected ",
    "error unexpected ",
    "error this file contains ",
    "error mismatched closing ",
    "error unterminated ",
    "error unknown start of token",
    "error prefix ",
];

/// Codes by which they report that an import is not there.
const IMPORT: [&str; 8] = [
    "import-not-found",
    "E0432",
    "E0433",
    "E0463",
    "TS2307",
    "reportMissingImports",
    "import/no-unresolved",
    "missing-package",
];

/// Why this test or report of a check, by its name, takes a change back.
pub(super) fn of(check: &CheckResult, name: &str) -> Trigger {
    let test = check.candidate.tests.iter().find(|t| t.name == name);
    match test.and_then(|t| t.cause) {
        Some(Cause::SyntaxError) => return Trigger::SyntaxError,
        Some(Cause::ImportError) => return Trigger::ImportError,
        None => {}
    }
    if test.is_none() {
        // A report is `path code message`.
        let has = |code: &&str| name.contains(&format!(" {code} "));
        let types = name.split(' ').any(|word| word.len() == 6 && word.starts_with("TS1"));
        let rust =
            name.split_once(' ').is_some_and(|(_, rest)| RUST_SYNTAX.iter().any(|s| rest.starts_with(s)));
        if SYNTAX.iter().any(has) || types || (rust && check.kind != CheckKind::Types) {
            return Trigger::SyntaxError;
        }
        if IMPORT.iter().any(has) {
            return Trigger::ImportError;
        }
        if check.kind == CheckKind::Lint && name.split(' ').any(is_rustc_error) {
            return Trigger::BuildError;
        }
    }
    of_kind(check)
}

/// Whether this is a code of the Rust compiler, such as `E0308`: clippy reports the compiler's errors among its own.
fn is_rustc_error(code: &str) -> bool {
    code.strip_prefix("E0")
        .is_some_and(|digits| digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Why a check without names takes a change back.
pub(super) fn of_kind(check: &CheckResult) -> Trigger {
    match check.kind {
        CheckKind::Test => Trigger::FailingTests,
        CheckKind::Lint if check.candidate.end == RunEnd::Passed => Trigger::Lint,
        CheckKind::Lint => Trigger::CriticalLint,
        CheckKind::Types => Trigger::TypeError,
        CheckKind::Build => Trigger::BuildError,
        CheckKind::Command => Trigger::Command,
        CheckKind::Finding => Trigger::Finding,
    }
}
