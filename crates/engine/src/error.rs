//! What can go wrong with us, the machine or the caller's wishes. What is wrong with a proposal is data, not an error.

use std::path::{Path, PathBuf};

use domain::agent::AgentName;
use domain::ids::{IntentId, Sha256};
use domain::intent::IllegalTransition;

/// An error of the engine. The command line classifies it once: who must act, and a hint.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A live intent stands for the same finding.
    #[error("intent {existing} stands for this finding already")]
    Duplicate {
        /// That intent.
        existing: IntentId,
    },
    /// Another process drives the intent.
    #[error("intent {intent} is being worked on by another process")]
    Busy {
        /// The intent.
        intent: IntentId,
    },
    /// An agent wants to approve its own change.
    #[error("intent {intent} was asked for by {agent}: somebody else has to approve it")]
    OwnChange {
        /// The intent.
        intent: IntentId,
        /// The agent.
        agent: AgentName,
    },
    /// No intent of this name.
    #[error("there is no intent {name:?}")]
    NoSuchIntent {
        /// What the caller wrote.
        name: String,
    },
    /// The intent is not in a state for what is asked.
    #[error("intent {intent} is {status}: {need}")]
    WrongState {
        /// The intent.
        intent: IntentId,
        /// Its status.
        status: String,
        /// What would be needed.
        need: String,
    },
    /// A question got no answer.
    #[error("intent {intent} has no answer: {status}: {why}")]
    Unanswered {
        /// The intent.
        intent: IntentId,
        /// Its status.
        status: String,
        /// Why, in a sentence.
        why: String,
    },
    /// The caller named a provider that is not there.
    #[error("there is no provider {name:?}; there are: {known}")]
    NoSuchProvider {
        /// What the caller wrote.
        name: String,
        /// The providers that are there.
        known: String,
    },
    /// Recorded bytes are not there any more.
    #[error("the recorded bytes {hash} are not there any more")]
    Erased {
        /// Their hash.
        hash: Sha256,
    },
    /// A commit message that is not conventional.
    #[error(
        "{line:?} is no conventional commit message: write `type(scope): description`, for example \
             `feat(auth): add password reset`"
    )]
    Message {
        /// Its first line.
        line: String,
    },
    /// A path pattern of the configuration.
    #[error(transparent)]
    Pattern(#[from] domain::gate::InvalidPattern),
    /// A forbidden text of the configuration.
    #[error(transparent)]
    Forbidden(#[from] domain::gate::InvalidText),
    /// Something moved while we worked.
    #[error("{what}")]
    Moved {
        /// What moved, in a sentence.
        what: String,
    },
    /// A folder or file of ours.
    #[error("{path}: {source}")]
    Folder {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The configuration.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The repository.
    #[error(transparent)]
    Git(#[from] git::GitError),
    /// The sandbox.
    #[error(transparent)]
    Sandbox(#[from] sandbox::SandboxError),
    /// The journal.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The journal does not take an entry.
    #[error(transparent)]
    Append(store::AppendError),
    /// The embedded or the user's rules.
    #[error(transparent)]
    Rules(#[from] codemods::RuleError),
    /// The journal and the code disagree.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// A defect of ours.
    #[error("this is a defect of codex-task: {what}")]
    Defect {
        /// What.
        what: String,
    },
}

impl EngineError {
    pub(crate) fn defect(what: impl Into<String>) -> Self {
        Self::Defect { what: what.into() }
    }

    pub(crate) fn folder(path: &Path, source: std::io::Error) -> Self {
        Self::Folder { path: path.to_owned(), source }
    }
}

impl From<store::AppendError> for EngineError {
    fn from(error: store::AppendError) -> Self {
        match error {
            store::AppendError::Duplicate { existing } => Self::Duplicate { existing },
            other => Self::Append(other),
        }
    }
}
