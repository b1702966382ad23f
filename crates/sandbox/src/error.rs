//! What can go wrong around a run: errors for the caller, and the named steps of a failing set-up.

use std::io;
use std::path::PathBuf;

use crate::Level;

/// Why no report about a command can be given. A command that ran and failed is an [`crate::Outcome`] instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// A level was named that does not exist.
    #[error("unknown sandbox level {text:?}: expected strict, weak or none")]
    UnknownLevel {
        /// What was given.
        text: String,
    },
    /// A level was asked for by name that is below the policy's minimum.
    #[error("sandbox level {wanted} was asked for, but the policy's minimum is {minimum}")]
    BelowMinimum {
        /// The level asked for.
        wanted: Level,
        /// The policy's minimum.
        minimum: Level,
    },
    /// This machine cannot enforce the level.
    #[error("this machine cannot enforce sandbox level {wanted}: {why}")]
    Impossible {
        /// The level that would be needed.
        wanted: Level,
        /// What the machine forbids, as found by probing.
        why: String,
    },
    /// The request contradicts itself.
    #[error("sandbox request refused, field {field}: {reason}")]
    BadSpec {
        /// The field of [`crate::Spec`].
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The request could not be written down, for example a path that is not UTF-8.
    #[error("the sandbox request cannot be passed to the helper")]
    Encode(#[source] serde_json::Error),
    /// The helper could not be started or spoken to.
    #[error("sandbox helper {}: {action}", program.display())]
    Helper {
        /// The helper's program.
        program: PathBuf,
        /// What was attempted.
        action: &'static str,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The helper ended without a report. Its box has been killed.
    #[error("the sandbox helper ended without a report ({status}); its box was killed")]
    HelperDied {
        /// How the helper process ended.
        status: String,
    },
    /// The box in which denials are tried could not be had: nothing is known about them.
    #[error("the sandbox's denials were not tried: {why}")]
    NotTried {
        /// The step that failed and the system's answer.
        why: String,
    },
    /// Removing what a box left behind failed.
    #[error("cannot remove {}", path.display())]
    Remove {
        /// The entry that stays.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// A step of the set-up that failed: the box is not started.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {source}")]
pub(crate) struct StepError {
    pub(crate) step: String,
    #[source]
    pub(crate) source: io::Error,
}

/// Names the step in which an operating system error happened.
pub(crate) trait Step<T> {
    fn step(self, step: &str) -> Result<T, StepError>;
    fn step_at(self, step: &str, path: &std::path::Path) -> Result<T, StepError>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, step: &str) -> Result<T, StepError> {
        self.map_err(|error| StepError { step: step.to_owned(), source: error.into() })
    }

    fn step_at(self, step: &str, path: &std::path::Path) -> Result<T, StepError> {
        self.map_err(|error| StepError { step: format!("{step} {}", path.display()), source: error.into() })
    }
}
