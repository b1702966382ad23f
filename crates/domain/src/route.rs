//! The ordered providers chosen for an intent, with the reason for each that was taken or skipped.

use serde::{Deserialize, Serialize};

use crate::proposal::ProviderId;

/// How much a task asks for, judged by what can be seen of it beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Complexity {
    /// One place.
    Low,
    /// A few files.
    Medium,
    /// Something new, or many files.
    High,
    /// It names what must not break: a person looks at the change, whoever made it.
    Critical,
}

impl Complexity {
    /// All, the lowest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// The providers to ask, in order, and those passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// How much the task asks for; absent in journals of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complexity: Option<Complexity>,
    /// The facts that say so, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// Whether a plan is asked for, and approved, before the change.
    #[serde(default, skip_serializing_if = "is_false")]
    pub plan_first: bool,
    /// Asked one after the other until one gives a verified change.
    pub providers: Vec<Leg>,
    /// Passed over, with the reason.
    pub skipped: Vec<Leg>,
}

/// One provider of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// The provider.
    pub provider: ProviderId,
    /// Why it stands here, in one sentence.
    pub reason: String,
    /// Whether it can make something of the logs of a failed verification.
    #[serde(default)]
    pub repairs: bool,
    /// Whether a person has to approve before it is asked: it costs money.
    #[serde(default, skip_serializing_if = "is_false")]
    pub needs_approval: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}
