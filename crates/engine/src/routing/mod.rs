//! Task -> route, by rules alone: how complex a task is by visible facts, and who is asked for it by a table. Pure: the
//! same task over the same base and configuration, with the same health of the providers, gives the same route.

mod complexity;
mod matrix;

pub use complexity::{Assessed, assess};
pub use matrix::{ANY, Matrix, Prefer, Rows, built_in};

#[cfg(test)]
mod tests;
