//! One file for each resource.

pub(crate) mod agents;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod intents;
pub(crate) mod proposals;
pub(crate) mod reviews;
pub(crate) mod usage;
