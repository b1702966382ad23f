//! Benchmarks of whole processes. They print figures and judge nothing: timing is no test.

mod measure;
mod overhead;
mod patch;

pub(crate) use measure::child;
pub(crate) use overhead::{Overhead, run as overhead};
pub(crate) use patch::{PatchBench, run as patch};
