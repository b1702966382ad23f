//! `patch stat`: what a patch names, read alone. Its numbers are those of the text; what a base makes of them is
//! `patch check`'s to say.

use domain::exit_code::ExitCode;
use domain::patch::{FilePatch, LineKind, Tolerance};
use serde_json::{Value, json};

use crate::args::judges::PatchStatArgs;
use crate::commands::document;
use crate::error::Failure;
use crate::session::Session;
use crate::ui::table::table;

pub(super) fn run(session: &Session<'_>, args: &PatchStatArgs) -> Result<ExitCode, Failure> {
    let bytes = super::text(session, &args.patch)?;
    let parsed = match super::read(&bytes, &args.reading, Tolerance::Lenient) {
        Ok(parsed) => parsed,
        Err(findings) => return super::not_taken(session, "patch stat", &findings, &json!({})),
    };
    if session.shell.is_json() {
        let files: Vec<Value> = parsed.files.iter().map(file).collect();
        let fields = json!({
            "form": parsed.form,
            "mended": parsed.mended,
            "text_outside": parsed.outside,
            "files": files,
            "exit_code": 0,
        });
        document(session, "patch stat", fields);
        return Ok(ExitCode::Done);
    }
    let rows = parsed.files.iter().map(|file| {
        let (added, deleted) = lines(file);
        let path = file.path().map(ToString::to_string).unwrap_or_default();
        vec![path, word(file), file.hunks.len().to_string(), format!("+{added}"), format!("-{deleted}")]
    });
    session.shell.out(&table(&["file", "change", "hunks", "added", "deleted"], rows));
    Ok(ExitCode::Done)
}

fn word(file: &FilePatch) -> String {
    match serde_json::to_value(file.change) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

fn file(file: &FilePatch) -> Value {
    let (added, deleted) = lines(file);
    json!({
        "path": file.path(),
        "old_path": file.old_path,
        "change": file.change,
        "hunks": file.hunks.len(),
        "added": added,
        "deleted": deleted,
    })
}

fn lines(file: &FilePatch) -> (usize, usize) {
    let count = |kind: LineKind| {
        file.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.kind == kind).count()
    };
    (count(LineKind::Add), count(LineKind::Remove))
}
