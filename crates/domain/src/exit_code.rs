//! The exit codes of the command, in one place. The manual lists them; a test keeps the two equal.

/// How a run of the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done.
    Done = 0,
    /// Proposed, but verification failed.
    NotVerified = 1,
    /// Usage or configuration error.
    Usage = 2,
    /// Needs a person: review or approval.
    NeedsPerson = 3,
    /// Refused by the gate.
    Refused = 4,
    /// Refused by a budget or quota.
    OverBudget = 5,
    /// No provider could answer.
    NoProvider = 6,
    /// Baseline broken: nothing can be judged.
    BaselineBroken = 7,
    /// Internal error.
    Internal = 70,
    /// Aborted.
    Aborted = 130,
}

impl ExitCode {
    /// All codes, in the order of the manual.
    pub const ALL: [Self; 10] = [
        Self::Done,
        Self::NotVerified,
        Self::Usage,
        Self::NeedsPerson,
        Self::Refused,
        Self::OverBudget,
        Self::NoProvider,
        Self::BaselineBroken,
        Self::Internal,
        Self::Aborted,
    ];

    /// What the manual says of it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotVerified => "proposed, but verification failed",
            Self::Usage => "usage or configuration error",
            Self::NeedsPerson => "needs a person (review, approval, a sign-in)",
            Self::Refused => "refused by the gate",
            Self::OverBudget => "refused by a budget or quota",
            Self::NoProvider => "no provider could answer",
            Self::BaselineBroken => "baseline broken: nothing can be judged",
            Self::Internal => "internal error",
            Self::Aborted => "aborted",
        }
    }

    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }
}
