//! `examples`: command lines to copy.

use domain::exit_code::ExitCode;
use serde_json::json;

use super::document;
use crate::error::Failure;
use crate::session::Session;
use crate::ui::shell::{BOLD, DIM};

/// What it is for, and the line.
const EXAMPLES: [(&str, &str); 16] = [
    ("See it work on a small repository of its own", "codex-task demo"),
    ("What this machine allows", "codex-task doctor"),
    ("Findings of the embedded rules", "codex-task scan"),
    ("What would be changed", "codex-task fix --dry-run"),
    ("Fix at most five findings below src", "codex-task fix src --limit 5"),
    ("One finding of your linter", "codex-task suggest --file app.py --line 12 --code B006"),
    (
        "The same, but stop before the branch",
        "codex-task suggest --file app.py --line 12 --code B006 --review",
    ),
    ("Judge and verify your own patch", "git diff | codex-task verify -"),
    ("Approve the last change", "codex-task commit last -m \"fix(app): no shared default list\""),
    ("Take the last branch back", "codex-task undo"),
    ("What happened and why", "codex-task show last"),
    ("All changes of this repository", "codex-task intent list"),
    ("A task in words, by a model of your own", "codex-task --review \"Add type hints to api.py\""),
    ("A task from a file", "codex-task --type refactor --file spec.md"),
    ("After a crash", "codex-task resume"),
    ("Is the record intact?", "codex-task audit verify"),
];

pub(crate) fn run(session: &Session<'_>) -> Result<ExitCode, Failure> {
    let shell = session.shell;
    for (what, line) in EXAMPLES {
        shell.out(&shell.paint_out(DIM, &format!("# {what}")));
        shell.out(&shell.paint_out(BOLD, line));
    }
    let all: Vec<_> = EXAMPLES.iter().map(|(what, line)| json!({ "what": what, "line": line })).collect();
    document(session, "examples", json!({ "examples": all, "exit_code": 0 }));
    Ok(ExitCode::Done)
}
