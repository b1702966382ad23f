//! Benchmarks of whole processes. They print figures and judge nothing: timing is no test.

mod measure;
mod overhead;

pub(crate) use measure::child;
pub(crate) use overhead::{Overhead, run as overhead};
