//! The git program, hardened: an environment built from nothing, no hooks, filters, drivers, prompts or background work,
//! a deadline, capped output, and the whole process group killed at the end. Not a general launcher: it runs git only, and
//! never for a folder that untrusted code could write.

mod child;
mod harden;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Signature;

/// A call of the git program that did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// No folder of the search path holds git.
    #[error("git is not installed (looked in {search_path:?})")]
    NotInstalled {
        /// Where we looked.
        search_path: OsString,
    },
    /// The program could not be started or followed.
    #[error("cannot run {argv}")]
    Start {
        /// The call.
        argv: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It ended with another code than 0.
    #[error("{argv} failed with code {code}: {stderr}")]
    Failed {
        /// The call.
        argv: String,
        /// The exit code; 128 + the signal when a signal ended it.
        code: i32,
        /// What it wrote to stderr, cut.
        stderr: String,
    },
    /// It ran past the deadline and was killed with its group.
    #[error("{argv} was stopped after {seconds} s")]
    TimedOut {
        /// The call.
        argv: String,
        /// The deadline in seconds.
        seconds: u64,
    },
    /// It wrote more than we take and was killed with its group.
    #[error("{argv} was stopped: it wrote more than {cap} bytes")]
    TooMuchOutput {
        /// The call.
        argv: String,
        /// The cap in bytes, on stdout and stderr each.
        cap: usize,
    },
}

/// Where git works.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// In no repository: `--version`, `init`, `clone`.
    Nowhere,
    /// In this repository, by explicit names; git looks for nothing itself.
    Repository {
        /// The git directory.
        git_dir: &'a Path,
        /// The files; without it, a command that needs them fails.
        work_tree: Option<&'a Path>,
        /// Another index than the git directory's own.
        index: Option<&'a Path>,
    },
}

/// What a call wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The exit code; 128 + the signal when a signal ended it.
    pub code: i32,
    /// Its stdout.
    pub stdout: Vec<u8>,
    /// Its stderr.
    pub stderr: Vec<u8>,
}

/// Runs the git program.
#[derive(Debug, Clone)]
pub struct Runner {
    program: PathBuf,
    search_path: OsString,
    timeout: Duration,
    cap: usize,
    folder: PathBuf,
}

impl Runner {
    /// Looks for git in the absolute folders of `search_path` (the form of `PATH`), which is also the `PATH` that git
    /// sees. A call has 60 seconds and may write 64 MiB.
    pub fn find(search_path: &OsStr) -> Result<Self, RunError> {
        let folders: Vec<PathBuf> =
            std::env::split_paths(search_path).filter(|folder| folder.is_absolute()).collect();
        let program = folders.iter().map(|folder| folder.join("git")).find(|file| file.is_file());
        // A relative folder would let whoever owns the current one choose our programs.
        let absolute = std::env::join_paths(&folders).ok();
        match (program, absolute) {
            (Some(program), Some(search_path)) => Ok(Self {
                program,
                search_path,
                timeout: Duration::from_secs(60),
                cap: 64 << 20,
                folder: "/".into(),
            }),
            _ => Err(RunError::NotInstalled { search_path: search_path.to_owned() }),
        }
    }

    /// The same with another deadline for each call.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The same with another cap on what a call may write, in bytes, on stdout and stderr each.
    #[must_use]
    pub fn with_cap(self, cap: usize) -> Self {
        Self { cap, ..self }
    }

    /// The same with each call started in this folder instead of `/`. It must lie in no work tree. A merge in which an
    /// attribute names a driver needs a writable one, for git puts its temporary files there; in another it fails.
    #[must_use]
    pub fn started_in(self, folder: &Path) -> Self {
        Self { folder: folder.to_owned(), ..self }
    }

    /// The version, as in `2.47.3`.
    pub fn version(&self) -> Result<String, RunError> {
        let output = self.call(Place::Nowhere, ["--version"]).run()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(text.trim().trim_start_matches("git version ").to_owned())
    }

    /// A call with these arguments, the first of which is git's command.
    pub fn call<'a>(
        &'a self,
        place: Place<'a>,
        args: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Call<'a> {
        let args = args.into_iter().map(Into::into).collect();
        Call { runner: self, place, args, input: Vec::new(), identity: Vec::new() }
    }
}

/// One call, to be completed and run.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    runner: &'a Runner,
    place: Place<'a>,
    args: Vec<OsString>,
    input: Vec<u8>,
    identity: Vec<(&'static str, OsString)>,
}

impl Call<'_> {
    /// What git reads on stdin; nothing by default.
    #[must_use]
    pub fn input(self, input: impl Into<Vec<u8>>) -> Self {
        Self { input: input.into(), ..self }
    }

    /// Who authors and commits; without it, git refuses to commit.
    #[must_use]
    pub fn identity(self, who: &Signature) -> Self {
        let minutes = who.offset.abs() / 60;
        let sign = if who.offset < 0 { '-' } else { '+' };
        let date = format!("@{} {sign}{:02}{:02}", who.seconds, minutes / 60, minutes % 60);
        let identity = vec![
            ("GIT_AUTHOR_NAME", who.name.clone().into()),
            ("GIT_AUTHOR_EMAIL", who.email.clone().into()),
            ("GIT_AUTHOR_DATE", date.clone().into()),
            ("GIT_COMMITTER_NAME", who.name.clone().into()),
            ("GIT_COMMITTER_EMAIL", who.email.clone().into()),
            ("GIT_COMMITTER_DATE", date.into()),
        ];
        Self { identity, ..self }
    }

    /// Runs git; any other code than 0 is an error.
    pub fn run(self) -> Result<Output, RunError> {
        let argv = self.argv();
        let output = self.run_any()?;
        match output.code {
            0 => Ok(output),
            code => Err(RunError::Failed { argv, code, stderr: shorten(&output.stderr) }),
        }
    }

    /// Runs git and gives back its code, for the commands that answer by it.
    pub fn run_any(self) -> Result<Output, RunError> {
        let argv = self.argv();
        let mut settings = harden::fixed();
        if let Place::Repository { .. } = self.place {
            settings.extend(self.drivers()?);
        }
        let args = harden::arguments(&self.args);
        let mut environment = self.environment(&settings);
        environment.extend(self.identity.iter().map(|(name, value)| ((*name).into(), value.clone())));
        child::run(&self.spawn(args, environment, &self.input), &argv)
    }

    /// Asks git which drivers and commands the repository's configuration names, and gives each a harmless value.
    fn drivers(&self) -> Result<Vec<(String, String)>, RunError> {
        let args = ["config", "--null", "--name-only", "--list"].map(OsString::from).to_vec();
        let environment = self.environment(&harden::fixed());
        let argv = "git config --list".to_owned();
        let output = child::run(&self.spawn(args, environment, &[]), &argv)?;
        match output.code {
            0 => Ok(harden::neutral_values(&output.stdout)),
            code => Err(RunError::Failed { argv, code, stderr: shorten(&output.stderr) }),
        }
    }

    fn spawn<'a>(
        &'a self,
        args: Vec<OsString>,
        environment: Vec<(OsString, OsString)>,
        input: &'a [u8],
    ) -> child::Spawn<'a> {
        let Runner { program, timeout, cap, folder, .. } = self.runner;
        child::Spawn { program, folder, args, environment, input, timeout: *timeout, cap: *cap }
    }

    fn environment(&self, settings: &[(String, String)]) -> Vec<(OsString, OsString)> {
        let mut environment = harden::environment(&self.runner.search_path, settings);
        if let Place::Repository { git_dir, work_tree, index } = self.place {
            let nowhere = Path::new(harden::NOWHERE);
            environment.push(("GIT_DIR".into(), git_dir.into()));
            environment.push(("GIT_WORK_TREE".into(), work_tree.unwrap_or(nowhere).into()));
            environment.extend(index.map(|index| ("GIT_INDEX_FILE".into(), index.into())));
        }
        environment
    }

    fn argv(&self) -> String {
        let words = self.args.iter().map(|arg| arg.to_string_lossy().into_owned());
        std::iter::once("git".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
    }
}

fn shorten(stderr: &[u8]) -> String {
    String::from_utf8_lossy(stderr).trim().chars().take(2000).collect()
}
