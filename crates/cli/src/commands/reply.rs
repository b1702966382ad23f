//! `reply check`: does a model's reply keep to the contract? Its patch is not looked at; `patch check` does that.

use std::path::Path;

use domain::exit_code::ExitCode;
use domain::ids::Sha256;
use domain::reply::{self, Reply, ReplyFinding, ReplyLimits};
use serde_json::json;

use super::document;
use crate::args::judges::ReplyCommand;
use crate::error::Failure;
use crate::input;
use crate::session::Session;
use crate::ui::shell::{GREEN, RED, YELLOW, clean};

pub(crate) fn run(session: &Session<'_>, command: &ReplyCommand) -> Result<ExitCode, Failure> {
    let ReplyCommand::Check { reply } = command;
    check(session, reply)
}

fn check(session: &Session<'_>, file: &Path) -> Result<ExitCode, Failure> {
    let limits = ReplyLimits::default();
    let bytes = input::read(session.environment, file, limits.bytes as u64 + 1)?;
    match reply::read(&bytes, &limits) {
        Ok(reply) => Ok(taken(session, &reply)),
        Err(findings) => Ok(refused(session, &findings)),
    }
}

fn taken(session: &Session<'_>, reply: &Reply) -> ExitCode {
    let none = reply.is_no_change();
    let shell = session.shell;
    if shell.is_json() {
        let fields = json!({
            "verdict": if none { "no_change" } else { "ok" },
            "code": if none { "no_change" } else { "ok" },
            "patch_sha256": (!none).then(|| Sha256::of(reply.patch.as_bytes())),
            "explanation": reply.explanation,
            "confidence": reply.confidence,
            "meta": reply.meta,
            "unknown": reply.unknown,
            "mended": reply.mended,
            "findings": [],
            "exit_code": 0,
        });
        document(session, "reply check", fields);
        return ExitCode::Done;
    }
    for mend in &reply.mended {
        session.remark(&format!("mended: {mend}"));
    }
    if none {
        shell
            .out(&format!("{}: it says that nothing is to be changed", shell.paint_out(YELLOW, "no_change")));
    } else {
        let confidence = reply.confidence.map_or("none".to_owned(), |c| c.value().to_string());
        shell.out(&format!(
            "{}: a patch of {} bytes, confidence {confidence}",
            shell.paint_out(GREEN, "ok"),
            reply.patch.len()
        ));
    }
    ExitCode::Done
}

fn refused(session: &Session<'_>, findings: &[ReplyFinding]) -> ExitCode {
    let shell = session.shell;
    if shell.is_json() {
        let fields = json!({
            "verdict": "reject",
            "code": findings.first().map(|finding| finding.code),
            "patch_sha256": null,
            "findings": findings,
            "exit_code": ExitCode::Refused.code(),
        });
        document(session, "reply check", fields);
        return ExitCode::Refused;
    }
    for finding in findings {
        shell.err(&clean(&finding.to_string()));
    }
    shell.out(&format!("{}: it does not keep to the contract; ask again", shell.paint_out(RED, "reject")));
    ExitCode::Refused
}
