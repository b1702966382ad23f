//! What the user sees when something goes wrong. Library errors are classified here and nowhere else: who must act,
//! a hint, the exit code.

use std::error::Error;

use domain::exit_code::ExitCode;
use engine::EngineError;
use serde::Serialize;

/// Who has to do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Who {
    /// Whoever typed the command.
    Caller,
    /// Whoever owns a configuration file.
    Configuration,
    /// Whoever owns the machine.
    Machine,
    /// Us.
    Defect,
}

/// A command that could not be carried out.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// The code to exit with.
    pub(crate) code: ExitCode,
    /// Who has to act.
    pub(crate) who: Who,
    /// What happened, in a sentence.
    pub(crate) message: String,
    /// Why, from the nearest cause to the farthest.
    pub(crate) causes: Vec<String>,
    /// What to do next.
    pub(crate) hint: Option<String>,
}

/// What to do when a file or folder of ours cannot be used.
const FOLDER_HINT: &str = "`codex-task doctor` looks at the folders; CODEX_TASK_HOME names others";

impl Failure {
    fn new(code: ExitCode, who: Who, message: impl Into<String>) -> Self {
        Self { code, who, message: message.into(), causes: Vec::new(), hint: None }
    }

    /// The command line asks for something that cannot be.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, Who::Caller, message)
    }

    /// What was handed in is not taken.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Refused, Who::Caller, message)
    }

    /// A policy's rules or examples are not right.
    #[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
    pub(crate) fn policy(error: domain::command::PolicyError) -> Self {
        Self::of(ExitCode::Usage, Who::Configuration, &error)
            .hint("docs/manual/command-policy.md has the format; an example must be judged as it says")
    }

    /// The machine does not play along.
    pub(crate) fn machine(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Internal, Who::Machine, message)
    }

    /// A file or folder.
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::machine(format!("{}: {error}", path.display())).hint(FOLDER_HINT)
    }

    /// With what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn of(code: ExitCode, who: Who, error: &dyn Error) -> Self {
        let mut failure = Self::new(code, who, error.to_string());
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Some libraries paste their sources into their text; nobody has to read that twice.
            if !failure.message.contains(&text) {
                failure.causes.push(text);
            }
            cause = error.source();
        }
        failure
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        use EngineError as E;
        match error {
            E::Git(error) => error.into(),
            E::Store(error) | E::Append(store::AppendError::Store(error)) => error.into(),
            E::Config(error) => Self::of(ExitCode::Usage, Who::Configuration, &error)
                .hint("`codex-task config` shows what counts and where it was set"),
            E::Rules(error) => Self::of(ExitCode::Usage, Who::Configuration, &error),
            E::Pattern(error) => Self::of(ExitCode::Usage, Who::Configuration, &error),
            E::Forbidden(error) => Self::of(ExitCode::Usage, Who::Configuration, &error),
            E::Sandbox(error) => Self::of(ExitCode::Internal, Who::Machine, &error)
                .hint("`codex-task doctor` says what this machine allows and why not more"),
            E::NoSuchIntent { .. } => {
                Self::of(ExitCode::Usage, Who::Caller, &error).hint("`codex-task intent list` lists them")
            }
            E::Busy { .. } => Self::of(ExitCode::NeedsPerson, Who::Caller, &error)
                .hint("wait for it, or stop it with a signal and run `codex-task resume`"),
            E::WrongState { ref intent, .. } | E::Unanswered { ref intent, .. } => {
                let hint = format!("`codex-task show {}` tells its story", intent.short());
                Self::of(ExitCode::Usage, Who::Caller, &error).hint(hint)
            }
            E::Duplicate { ref existing } => {
                let hint = format!("`codex-task show {}` tells its story", existing.short());
                Self::of(ExitCode::NeedsPerson, Who::Caller, &error).hint(hint)
            }
            E::NoSuchProvider { .. } | E::Message { .. } | E::OwnChange { .. } => {
                Self::of(ExitCode::Usage, Who::Caller, &error)
            }
            E::Moved { .. } => Self::of(ExitCode::NeedsPerson, Who::Caller, &error),
            E::Erased { .. } => Self::of(ExitCode::NotVerified, Who::Caller, &error),
            E::Folder { .. } => Self::of(ExitCode::Internal, Who::Machine, &error).hint(FOLDER_HINT),
            E::Append(ref inner @ store::AppendError::OverBudget(_)) => {
                Self::of(ExitCode::OverBudget, Who::Caller, inner)
                    .hint("`codex-task usage` shows what was spent")
            }
            E::Append(_) | E::Illegal(_) | E::Defect { .. } => {
                Self::of(ExitCode::Internal, Who::Defect, &error)
            }
        }
    }
}

impl From<git::GitError> for Failure {
    fn from(error: git::GitError) -> Self {
        use git::GitError as G;
        let usage = Self::of(ExitCode::Usage, Who::Caller, &error);
        match error {
            G::NotARepository { .. } => {
                usage.hint("start in a git repository, name one with --repo, or try `codex-task demo`")
            }
            G::Io { action: "find", .. } => usage.hint("--repo names a folder that is there"),
            G::NoCommit { .. } => usage.hint("commit something first: every change starts from a commit"),
            G::InsideGitDir { .. }
            | G::WorkTreeElsewhere { .. }
            | G::UnknownRevision { .. }
            | G::AmbiguousRevision { .. } => usage,
            G::Unsupported { .. } => {
                usage.hint("convert the repository, or work in a clone without that feature")
            }
            G::RefLocked { .. } | G::RefVariant { .. } | G::RefBlocked { .. } | G::RefMoved { .. } => usage
                .hint(
                    "what stands in the way is the repository's owner's to remove; then `codex-task resume`",
                ),
            _ => Self::of(ExitCode::Internal, Who::Machine, &error),
        }
    }
}

impl From<store::StoreError> for Failure {
    fn from(error: store::StoreError) -> Self {
        match &error {
            store::StoreError::Compacted { compaction, .. } => {
                let failure = Self::of(ExitCode::NotVerified, Who::Caller, &error);
                return match &compaction.archive {
                    Some(archive) => {
                        let file = &archive.file;
                        failure.hint(format!("`codex-task audit verify --with {file}` proves what it held"))
                    }
                    None => failure,
                };
            }
            store::StoreError::Archive { .. } | store::StoreError::NotErasable { .. } => {
                return Self::of(ExitCode::Usage, Who::Caller, &error);
            }
            _ => {}
        }
        Self::of(ExitCode::Internal, Who::Machine, &error)
    }
}

impl From<git::run::RunError> for Failure {
    fn from(error: git::run::RunError) -> Self {
        Self::of(ExitCode::Internal, Who::Machine, &error)
    }
}

impl From<sandbox::SandboxError> for Failure {
    fn from(error: sandbox::SandboxError) -> Self {
        EngineError::from(error).into()
    }
}
