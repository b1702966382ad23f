//! One file for each arrow of a change. A step reads the run's state, has its effect, and notes what happened.

pub(crate) mod decide;
pub mod end;
pub(crate) mod extract;
pub(crate) mod finding_check;
pub(crate) mod gate;
pub(crate) mod plan;
pub(crate) mod propose;
pub(crate) mod publish;
pub mod route;
pub(crate) mod stage;
pub(crate) mod undo;
pub(crate) mod verify;
pub(crate) mod warm;
