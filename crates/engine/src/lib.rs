//! The library: the [`Operator`] and one file for each arrow of a change. Read `operator.rs` first.
//!
//! It knows providers as a trait only, and reaches the outside through parameters ([`world`]). It prints nothing.

pub mod agent;
pub mod boxes;
pub mod cancel;
mod check_run;
pub mod checks;
mod collection;
pub mod config;
pub mod context;
mod dependencies;
mod error;
pub mod health;
pub mod image;
mod lock;
pub mod message;
mod operator;
mod person;
pub mod preparation;
mod preview;
mod project;
pub mod provider;
mod recovery;
mod replay;
mod result_check;
mod retention;
pub mod routing;
mod run;
mod shared_files;
mod source;
pub mod spans;
mod stamp;
pub mod steps;
mod tools;
mod trees;
mod workspaces;
pub mod world;

pub use cancel::Cancel;
pub use error::EngineError;
pub use operator::{Call, Job, Operator};
pub use preview::preview;
pub use project::Project;
pub use recovery::Recovered;
pub use replay::Replayed;
pub use retention::{Retention, Retired};
pub use source::{BaseSource, changes};
pub use trees::{Collected, Removed, Stays};
