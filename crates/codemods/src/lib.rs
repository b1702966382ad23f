//! Deterministic finders and fixers: ast-grep rules, the undefined-name fixer, linters' own fixes.
//!
//! Pure: text goes in, findings and new text come out. No file, no process, no clock, no network; the same input
//! gives the same output. Read in this order: `scan` (find), `fix` (change one place), `rules` (where the YAML rules
//! come from), `suppress` (what a comment silences), `python/` (what YAML cannot say).

mod edit;
mod embedded;
mod fix;
mod language;
pub mod linter_autofix;
mod outline;
mod python;
mod rules;
mod scan;
mod source;
mod suppress;

pub use edit::Edit;
pub use fix::{FixOutcome, Fixed, fix, fix_with};
pub use language::{Language, language_of};
pub use outline::{Definition, outline};
pub use rules::{Origin, RuleError, RuleInfo, RuleSet};
pub use scan::{Context, NoProject, ProjectNames, Scan, scan, scan_report};
pub use source::Skipped;
