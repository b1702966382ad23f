//! Whole stories through the real program: killed at every point, on repositories in any state, with models that
//! misbehave, replayed from the record, and audited after tampering.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may stop at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod asking;
mod audit;
mod boxed;
mod compact;
mod dependencies;
mod during;
mod erase;
mod faults;
mod gc;
mod http;
mod images;
mod litellm;
mod local;
mod places;
mod plans;
mod prepare;
mod replay;
mod repo_states;
mod routing;
mod secrets;
mod shared;
mod stops;
mod tell;
mod traces;
mod undo;
mod untouched;
mod warm;
mod web;
