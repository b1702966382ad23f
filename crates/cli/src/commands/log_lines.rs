//! `logs`: the last lines of the log, as they are.

use domain::exit_code::ExitCode;
use serde_json::{Value, json};

use super::document;
use crate::args::service::LogsArgs;
use crate::error::Failure;
use crate::log;
use crate::session::Session;

pub(crate) fn run(session: &Session<'_>, args: &LogsArgs) -> Result<ExitCode, Failure> {
    let state = &session.world.folders.state;
    let lines = log::last(state, args.lines);
    if lines.is_empty() {
        session.remark(&format!("nothing is logged yet in {}", log::folder(state).display()));
    }
    lines.iter().for_each(|line| session.shell.out(line));
    let lines: Vec<Value> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    document(session, "logs", json!({ "lines": lines, "exit_code": 0 }));
    Ok(ExitCode::Done)
}
