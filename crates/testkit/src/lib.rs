//! What tests stand on: hermetic repositories, a scripted model server, a chat page, a clock, a look at what is left behind.
//!
//! A dev-dependency only; no product code may use it. It knows the domain and nothing else of ours, so that each crate
//! can use it. Everything here reports a broken set-up by panicking at the line of the test that asked.

mod cases;
mod chat_page;
mod clock;
mod fault;
mod leftovers;
mod model;
mod must;
mod need;
mod other_server;
mod postgres;
mod repo;

pub use cases::{cases_dir, workspace_root};
pub use chat_page::{ChatPage, PageMode};
pub use clock::{FixedIds, TestClock};
pub use fault::{Ended, FaultRun, KillAfter, Killed};
pub use leftovers::{Snapshot, Watch, assert_nothing_left};
pub use model::{Call, Reply, Request, ScriptedModel, Step, Usage};
pub use need::{Need, has};
pub use other_server::OtherServer;
pub use postgres::{OwnPostgres, postgres_need, postgres_schema};
pub use repo::{DirtyFiles, TestRepo};
