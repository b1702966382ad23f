//! The `codex-task` program: becomes the sandbox's helper when it is started as one, else calls the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all: the helper must not have made a thread or opened a file before.
    if std::env::args_os().nth(1).is_some_and(|word| word == cli::SANDBOX_HELPER) {
        return ExitCode::from(u8::try_from(sandbox::helper_main()).unwrap_or(2));
    }
    let environment = cli::Environment::of_this_process();
    ExitCode::from(cli::run(std::env::args_os().skip(1), &environment).code())
}
