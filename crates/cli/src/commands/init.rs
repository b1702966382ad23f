//! `init`: writes the commented configuration file; the only command that writes a file into the working tree.

use std::io::Write;

use domain::exit_code::ExitCode;
use engine::config::{REPOSITORY_FILE, starter_file};
use serde_json::json;

use super::document;
use crate::error::Failure;
use crate::session::Session;

pub(crate) fn run(session: &Session<'_>) -> Result<ExitCode, Failure> {
    let repository = session.repository()?;
    let Some(root) = repository.work_dir() else {
        return Err(Failure::usage("a bare repository has no place for a file"));
    };
    let path = root.join(REPOSITORY_FILE);
    // Never over something that is there, be it a dangling link.
    match std::fs::OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(mut file) => file.write_all(starter_file().as_bytes()).map_err(|e| Failure::file(&path, &e))?,
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Failure::usage(format!("{} is there already; it was left alone", path.display()))
                .hint("`codex-task config` shows what counts"));
        }
        Err(e) => return Err(Failure::file(&path, &e)),
    }
    let shell = session.shell;
    shell.out(&format!("wrote {}: every line is a comment, so nothing changed yet", path.display()));
    shell.out(
        "next  take the \"# \" off the lines you want, then commit the file: only what is committed counts",
    );
    shell.out("next  codex-task doctor        what this machine allows");
    shell.out("next  codex-task fix --dry-run what the embedded rules would change");
    document(session, "init", json!({ "path": path, "exit_code": 0 }));
    Ok(ExitCode::Done)
}
