//! Values and rules of a change: no I/O, no async, no clock, no random.
//!
//! Read in the order of the flow: `task`, `finding`, `route`, `plan`, `proposal`, `reply`, `patch`, `gate`, `verification`,
//! `confidence`, `decision`. What happened is an `event`; the state of one change is the fold of its events, `intent`.

pub mod agent;
pub mod budget;
pub mod command;
pub mod confidence;
pub mod decision;
pub mod event;
pub mod exit_code;
pub mod finding;
pub mod gate;
pub mod ids;
pub mod image;
pub mod intent;
pub mod money;
pub mod patch;
pub mod plan;
pub mod proposal;
pub mod registry;
pub mod reply;
pub mod route;
mod tagged;
pub mod task;
pub mod verification;

#[cfg(test)]
mod test_cases;
