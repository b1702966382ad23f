//! `policy`: the judges of policy as tools of their own. They run nothing and record nothing.

mod check_command;
mod explain;
mod gate_rules;
mod test;

use std::path::Path;

use domain::exit_code::ExitCode;

use engine::config::{self, Flags, Layers, Loaded};

use crate::args::policy::PolicyCommand;
use crate::error::Failure;
use crate::session::Session;

pub(crate) fn run(session: &Session<'_>, command: &PolicyCommand) -> Result<ExitCode, Failure> {
    match command {
        PolicyCommand::CheckCommand(args) => check_command::run(session, args),
        PolicyCommand::Test(args) => test::run(session, args.file.as_deref()),
        PolicyCommand::Explain(args) => explain::run(session, args.rule.as_deref()),
    }
}

/// The policy in one file, whatever else is configured.
fn of_file(file: &Path) -> Result<Loaded, Failure> {
    let loaded = config::load(&Layers {
        system: None,
        user: Some(file),
        repository: None,
        environment: &std::collections::BTreeMap::new(),
        flags: &Flags::default(),
    });
    Ok(loaded.map_err(engine::EngineError::from)?)
}
