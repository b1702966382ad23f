//! `policy`: the judges of policy as tools of their own. They run nothing and record nothing.

mod check_command;

use domain::exit_code::ExitCode;

use crate::args::policy::PolicyCommand;
use crate::error::Failure;
use crate::session::Session;

pub(crate) fn run(session: &Session<'_>, command: &PolicyCommand) -> Result<ExitCode, Failure> {
    match command {
        PolicyCommand::CheckCommand(args) => check_command::run(session, args),
    }
}
