//! What people see: lines, colours, tables, progress. Nothing here decides anything.

pub(crate) mod diff;
pub(crate) mod logs;
pub(crate) mod progress;
pub(crate) mod shell;
pub(crate) mod story;
pub(crate) mod table;
pub(crate) mod words;

use crate::error::{Failure, Who};
use shell::{BOLD, CYAN, RED, Shell};

/// What happened, why, and what to do next.
pub(crate) fn show_failure(shell: &Shell, failure: &Failure) {
    shell.err(&format!("{} {}", shell.paint_err(RED, "error:"), failure.message));
    for cause in &failure.causes {
        shell.err(&format!("  because: {cause}"));
    }
    if let Some(hint) = &failure.hint {
        shell.err(&format!("{} {hint}", shell.paint_err(CYAN, "hint:")));
    }
    if failure.who == Who::Defect {
        let note = "this is our mistake, not yours; the journal is as it was";
        shell.err(&format!("{} {note}", shell.paint_err(BOLD, "note:")));
    }
}
