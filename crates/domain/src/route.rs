//! The ordered providers chosen for an intent, with the reason for each that was taken or skipped.

use serde::{Deserialize, Serialize};

use crate::proposal::ProviderId;

/// The providers to ask, in order, and those passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
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
}
