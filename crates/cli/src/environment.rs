//! What a command may know of the process it runs in, read once. Nothing else in this crate reads the environment.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;

/// Which standard streams are a terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terminals {
    /// Standard input.
    pub input: bool,
    /// Standard output.
    pub output: bool,
    /// Standard error.
    pub error: bool,
}

/// The surroundings of one command.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The variables; those whose name or value is not UTF-8 are left out.
    pub variables: BTreeMap<String, String>,
    /// The folder in which the command was started.
    pub folder: PathBuf,
    /// Our own program: it is started again as the sandbox's helper.
    pub program: PathBuf,
    /// Which streams are a terminal.
    pub terminals: Terminals,
}

impl Environment {
    /// That of this process.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the environment and the folder are read"
    )]
    pub fn of_this_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self {
            variables: variables.collect(),
            folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            program: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("codex-task")),
            terminals: Terminals {
                input: std::io::stdin().is_terminal(),
                output: std::io::stdout().is_terminal(),
                error: std::io::stderr().is_terminal(),
            },
        }
    }

    /// A variable that is set to something.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}
