//! `scan`: findings of the rules, in the form that editors understand. Changes and records nothing.

use domain::exit_code::ExitCode;
use engine::config::Flags;
use serde_json::json;

use super::document;
use crate::args::ScanArgs;
use crate::error::Failure;
use crate::files::{self, Found, Wanted};
use crate::session::Session;
use crate::ui::shell::{BOLD, CYAN, DIM, clean};
use crate::ui::words::count;

pub(crate) fn run(session: &Session<'_>, args: &ScanArgs) -> Result<ExitCode, Failure> {
    let project = session.project(&Flags::default())?;
    let paths = files::inside(&project.repository, &session.folder(), &args.paths)?;
    let found =
        files::scan(&project, &Wanted { paths, select: &args.select, working_tree: args.working_tree })?;
    let code =
        if args.exit_code && !found.findings.is_empty() { ExitCode::NotVerified } else { ExitCode::Done };
    show(session, &found);
    document(
        session,
        "scan",
        json!({
            "findings": found.findings,
            "files": found.files,
            "unread": found.unread.iter().map(|(path, why)| json!({ "path": path, "why": why })).collect::<Vec<_>>(),
            "of": if args.working_tree { "working tree" } else { project.base.commit.as_str() },
            "exit_code": code.code(),
        }),
    );
    Ok(code)
}

/// One line a finding, and a summary on stderr.
fn show(session: &Session<'_>, found: &Found) {
    let shell = session.shell;
    for finding in &found.findings {
        let place = format!("{}:{}:{}:", finding.path, finding.line, finding.column);
        let place = shell.paint_out(BOLD, &clean(&place));
        let code = shell.paint_out(CYAN, &finding.code);
        let tool = shell.paint_out(DIM, &format!("({})", finding.tool));
        shell.out(&format!("{place} {code} {} {tool}", clean(&finding.message)));
    }
    for (path, why) in found.unread.iter().filter(|_| session.global.verbose > 0) {
        session.remark(&format!("not read: {path}: {why}"));
    }
    let unread = match found.unread.len() {
        0 => String::new(),
        n => format!(", {} not wholly read (-v names them)", count(n as u64, "file")),
    };
    let summary = format!(
        "{} in {}{unread}",
        count(found.findings.len() as u64, "finding"),
        count(found.files as u64, "file")
    );
    session.remark(&summary);
}
