//! Agents that others wrote, as they come from npm, through the whole program: against the scripted model on 127.0.0.1.
//! Where nothing may be skipped scripts/test has installed them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may stop at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod chain;
mod fix;
mod house;
mod moods;
