//! Task -> route, by rules alone: how complex a task is by visible facts, and who is asked for it by a table,
//! whose order may be refined by our own history. The same task over the same base and configuration, with the same health
//! of the providers and the same registry, gives the same route.

mod complexity;
mod history;
mod matrix;

pub use complexity::{Assessed, assess};
pub use history::{Past, Track, past, refine};
pub use matrix::{ANY, Matrix, Prefer, Rows, built_in};

#[cfg(test)]
mod tests;
