//! Values and rules of a change: no I/O, no async, no clock, no random.
//!
//! Read in the order of the flow: `task`, `finding`, `event`, `state`, `reply`, `patch`, `gate`, `verification`,
//! `confidence`, `decision`.

pub mod confidence;
pub mod exit_code;
pub mod finding;
pub mod gate;
pub mod ids;
pub mod money;
pub mod patch;
pub mod reply;
pub mod task;

#[cfg(test)]
mod test_cases;
