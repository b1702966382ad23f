//! The only SQL: journal, ledger, registry, blobs.
//!
//! The journal is the truth: a hash chain of events that is only ever appended to. Registry and ledger are worked out
//! from it and change in the same transaction. [`Store`] is the whole interface; nothing of the database shows in it.
//! What must not be here: rules (they are the domain's), clocks (times are passed in), the network.

mod agents;
mod append;
mod archive;
mod audit;
mod chain;
mod checkpoint;
mod columns;
mod compaction;
mod error;
mod ledger;
mod list;
mod migrate;
mod service;
mod sql;
mod store;
mod tally;
mod time;
mod witness;

pub use agents::{Agent, AgentKey, Figures, KeyHolder, NewKey, Promise, Told, Trace};
pub use append::{Append, Appended, Exchange, Recorded};
pub use archive::Archives;
pub use audit::{Anchor, AuditReport, Head, OnProgress, Problem};
pub use compaction::{ArchiveFile, Compactable, Compaction};
pub use domain::budget::{BudgetLimit, Measure, OverBudget, Scope, Window};
pub use error::{AppendError, StoreError};
pub use ledger::{MoneyOp, Period, Reservation, UsageLine};
pub use list::{Filter, Found, Life, Page, Row};
pub use store::{Compacting, Erased, Erasing, Store};
pub use time::Micros;
pub use witness::{Checkpoint, Consistency, Inconsistent, JournalEntry};
