//! `completions` and `man`: what is worked out from the command line's own definition.

use clap::CommandFactory;
use domain::exit_code::ExitCode;

use crate::args::Cli;
use crate::error::Failure;
use crate::session::Session;

pub(crate) fn completions(session: &Session<'_>, shell: clap_complete::Shell) -> Result<ExitCode, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "codex-task", &mut text);
    session.shell.out_raw(&String::from_utf8_lossy(&text));
    Ok(ExitCode::Done)
}

pub(crate) fn man(session: &Session<'_>) -> Result<ExitCode, Failure> {
    let mut text = Vec::new();
    let rendered = clap_mangen::Man::new(Cli::command()).render(&mut text);
    rendered.map_err(|e| Failure::machine(format!("the manual page cannot be made: {e}")))?;
    session.shell.out_raw(&String::from_utf8_lossy(&text));
    Ok(ExitCode::Done)
}
