//! The service through the real program: changes the whole way, decisions, the protocol for models, the end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may stop at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod mcp;
mod served;
mod traces;
mod whole;
