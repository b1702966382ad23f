//! The store through its public interface, on real files.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may stop at the first surprise")]

mod agents;
mod audit;
mod batch;
mod budget;
mod cases;
mod child;
mod compaction;
mod compaction_killed;
mod erase;
mod erase_killed;
mod indexes;
mod journal;
mod place;
mod processes;
mod sample;
mod story;
mod witness;
