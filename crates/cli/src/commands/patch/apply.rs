//! `patch apply DIR FILE`: a patch into a plain folder, wholly or not at all. The gate is not asked.

use domain::exit_code::ExitCode;
use domain::patch::{self, FileMode, FileResult, Tolerance};
use serde_json::{Value, json};

use crate::args::judges::PatchApplyArgs;
use crate::commands::document;
use crate::error::Failure;
use crate::folder::{self, Folder};
use crate::session::Session;
use crate::ui::words;

pub(super) fn run(session: &Session<'_>, args: &PatchApplyArgs) -> Result<ExitCode, Failure> {
    let root = session.environment.folder.join(&args.folder);
    if !root.is_dir() {
        return Err(Failure::usage(format!("{}: there is no such folder", args.folder.display())));
    }
    let bytes = super::text(session, &args.patch)?;
    if folder::recover(&root).map_err(|e| failed(&e))? {
        session.remark("an earlier call had been killed half way; what it had done was taken back first");
    }
    let none = json!({});
    let parsed = match super::read(&bytes, &args.reading, Tolerance::Lenient) {
        Ok(parsed) => parsed,
        Err(findings) => return super::not_taken(session, "patch apply", &findings, &none),
    };
    let applied = match patch::apply(&parsed, &Folder::new(root.clone())) {
        Ok(applied) => applied,
        Err(findings) => return super::not_taken(session, "patch apply", &findings, &none),
    };
    let diff = patch::emit(applied.files);
    if let Some(file) = diff.files().iter().find(|file| is_special(file)) {
        return Err(Failure::refused(format!("{}: only ordinary files are changed in a folder", file.path))
            .hint("`codex-task verify` takes symbolic links in a repository, when its policy allows them"));
    }
    if !args.dry_run {
        folder::write(&root, diff.files()).map_err(|e| failed(&e))?;
    }
    let verdict = if args.dry_run { "would_apply" } else { "applied" };
    if session.shell.is_json() {
        let files: Vec<Value> =
            diff.files().iter().map(|file| json!({ "path": file.path, "hunks": file.anchors })).collect();
        let fields = json!({
            "verdict": verdict,
            "patch_sha256": diff.sha256(),
            "form": parsed.form,
            "mended": parsed.mended,
            "stat": diff.stat(),
            "places": files,
            "exit_code": 0,
        });
        document(session, "patch apply", fields);
        return Ok(ExitCode::Done);
    }
    for file in diff.files() {
        for line in file.anchors.iter().filter_map(super::check::remark) {
            session.remark(&format!("{}: {line}", file.path));
        }
    }
    session.shell.out(&format!("{}: {}", verdict.replace('_', " "), words::size(diff.stat())));
    Ok(ExitCode::Done)
}

fn is_special(file: &FileResult) -> bool {
    let sides = [&file.before, &file.after].into_iter().flatten();
    folder::is_own(&file.path)
        || sides.map(|side| side.mode).any(|mode| !matches!(mode, FileMode::Regular | FileMode::Executable))
}

fn failed(error: &folder::WriteError) -> Failure {
    Failure::machine(format!("{}: {}; nothing was changed", error.path.display(), error.source))
}
