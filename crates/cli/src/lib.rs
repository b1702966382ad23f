//! The command line as a function of its arguments and an explicit environment. Here nothing is decided about a
//! change: arguments become a job, the engine does it, and what it says is shown.

mod aliases;
mod args;
mod commands;
mod demo;
mod environment;
mod error;
mod files;
mod folder;
mod help;
mod input;
mod judge;
mod log;
mod output;
mod session;
mod take;
mod traces;
mod ui;
mod view;
mod world;

use std::ffi::OsString;

use clap::Parser;
use domain::exit_code::ExitCode;

pub use environment::{Environment, Terminals};
pub use world::SANDBOX_HELPER;

use args::{Cli, ColourChoice};
use error::Failure;
use session::Session;
use ui::shell::Shell;

/// Runs one command line (without the program's name) and gives the code to exit with. Results go to stdout, progress
/// and errors to stderr.
pub fn run(arguments: impl IntoIterator<Item = OsString>, environment: &Environment) -> ExitCode {
    let words: Vec<OsString> = arguments.into_iter().collect();
    let wants_json = words.iter().take_while(|word| *word != "--").any(|word| word == "--json");
    let early = Shell::new(environment, ColourChoice::Auto, wants_json);
    let words = match aliases::rewrite(words) {
        Ok(words) => words,
        Err(failure) => return failed(&early, "codex-task", &failure),
    };
    let cli = match Cli::try_parse_from(std::iter::once(OsString::from("codex-task")).chain(words)) {
        Ok(cli) => cli,
        Err(error) => return not_parsed(&early, &error),
    };
    let shell = Shell::new(environment, cli.global.color, cli.global.json);
    let name = cli.command_name();
    match dispatch(cli, environment, &shell) {
        Ok(code) => code,
        Err(failure) => failed(&shell, name, &failure),
    }
}

fn dispatch(cli: Cli, environment: &Environment, shell: &Shell) -> Result<ExitCode, Failure> {
    let session = Session::new(environment, shell, &cli.global)?;
    // One thread: a run waits on children and servers, and starting more threads is what a short command would pay for.
    // A server answers while others' requests are being worked on.
    let runtime = match &cli.command {
        Some(args::Command::Serve(_) | args::Command::Mcp(_)) => {
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
        }
        _ => tokio::runtime::Builder::new_current_thread().enable_all().build(),
    };
    let runtime = runtime.map_err(|e| Failure::machine(format!("cannot start: {e}")))?;
    let code = runtime.block_on(commands::run(&session, cli.command, cli.task));
    // A thread that waits on a box must not keep the process from ending; the box dies with its starter.
    runtime.shutdown_background();
    traces::end();
    code
}

/// Help and version are results; everything else that clap says is a usage error.
fn not_parsed(shell: &Shell, error: &clap::Error) -> ExitCode {
    let text =
        if shell.colour_out() { error.render().ansi().to_string() } else { error.render().to_string() };
    if !error.use_stderr() {
        shell.out_raw(&text);
        return ExitCode::Done;
    }
    if shell.is_json() {
        let plain = error.render().to_string();
        let message = plain.trim_start_matches("error: ").trim_end().to_owned();
        return failed(shell, "codex-task", &Failure::usage(message));
    }
    shell.err(text.trim_end());
    ExitCode::Usage
}

fn failed(shell: &Shell, command: &str, failure: &Failure) -> ExitCode {
    if shell.is_json() {
        shell.json(&output::failed(command, failure));
    } else {
        ui::show_failure(shell, failure);
    }
    failure.code
}
