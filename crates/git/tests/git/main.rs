//! This crate's work on real repositories, made by the git program through its own runner.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop at the first surprise")]

mod checking_out;
mod editing;
mod hostile;
mod opening;
mod refs;
mod running;
mod support;
mod throwaway;
mod user_files;
