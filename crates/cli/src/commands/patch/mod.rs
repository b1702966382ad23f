//! `patch check|apply|stat`: the judge of patches as a tool of its own. Nothing is recorded, nobody is asked.

mod apply;
mod check;
mod stat;

use std::path::Path;

use domain::exit_code::ExitCode;
use domain::patch::{self, Class, Limits, ParsedPatch, PatchFinding, Tolerance};
use serde_json::{Value, json};

use crate::args::judges::{PatchCommand, Reading};
use crate::error::Failure;
use crate::input;
use crate::session::Session;
use crate::ui::shell::{RED, clean};

/// Carries out one of them.
pub(crate) fn run(session: &Session<'_>, command: &PatchCommand) -> Result<ExitCode, Failure> {
    match command {
        PatchCommand::Check(args) => check::run(session, args),
        PatchCommand::Apply(args) => apply::run(session, args),
        PatchCommand::Stat(args) => stat::run(session, args),
    }
}

/// The patch's text; one byte more than the reader takes is enough for it to refuse the rest.
fn text(session: &Session<'_>, file: &Path) -> Result<Vec<u8>, Failure> {
    input::read(session.environment, file, Limits::default().bytes as u64 + 1)
}

fn read(bytes: &[u8], reading: &Reading, default: Tolerance) -> Result<ParsedPatch, Vec<PatchFinding>> {
    patch::read(bytes, reading.form.into(), reading.tolerance(default), &Limits::default())
}

/// The word by which a patch that cannot be taken is called.
fn word(class: Class) -> &'static str {
    match class {
        Class::NoChange => "no_change",
        Class::Conflict => "conflict",
        Class::Malformed => "malformed",
        Class::Refused => "reject",
    }
}

/// What the word means and what to do about it.
fn advice(class: Class) -> &'static str {
    match class {
        Class::NoChange => "it changes nothing; nothing is to be done",
        Class::Conflict => "it reads well and does not fit; write it again with the file in view",
        Class::Malformed => "it is no usable patch; write it again",
        Class::Refused => "it asks for something that is not done; writing it again does not help",
    }
}

/// The verdict on a patch that cannot be taken, with every reason.
fn not_taken(
    session: &Session<'_>,
    command: &str,
    findings: &[PatchFinding],
    more: &Value,
) -> Result<ExitCode, Failure> {
    let class = PatchFinding::worst(findings).unwrap_or(Class::Malformed);
    let shell = session.shell;
    if shell.is_json() {
        let mut fields = json!({
            "verdict": word(class),
            "tree": null,
            "findings": findings,
            "exit_code": ExitCode::Refused.code(),
        });
        if let (Some(fields), Some(more)) = (fields.as_object_mut(), more.as_object()) {
            fields.extend(more.clone());
        }
        super::document(session, command, fields);
        return Ok(ExitCode::Refused);
    }
    for finding in findings {
        shell.err(&clean(&finding.to_string()));
    }
    shell.out(&format!("{}: {}", shell.paint_out(RED, word(class)), advice(class)));
    Ok(ExitCode::Refused)
}
