//! Everything of the outside that the engine may touch, as parameters: clock, ids, folders, environment, faults.
//! Nothing here reads the process's own environment or clock; the command line builds it once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use domain::decision::Decider;
use domain::ids::{IntentId, SuggestionId};

/// The wall clock.
pub trait Clock: Send + Sync {
    /// Microseconds since 1970-01-01 UTC.
    fn now_micros(&self) -> i64;
}

/// The source of new ids.
pub trait Ids: Send + Sync {
    /// A new intent id.
    fn intent(&self) -> IntentId;
    /// A new suggestion id.
    fn suggestion(&self) -> SuggestionId;
}

/// Where tests cut the process off.
pub trait Faults: Send + Sync {
    /// Called after events with these names became durable.
    fn after(&self, events: &[&'static str]);
}

/// No faults: what everybody but the fault tests uses.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFaults;

impl Faults for NoFaults {
    fn after(&self, _events: &[&'static str]) {}
}

/// Our own folders.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Journal, keys, locks: what must not be lost.
    pub state: PathBuf,
    /// Base checkouts and trees: what can be made again.
    pub cache: PathBuf,
}

/// The outside, handed in.
#[derive(Clone)]
pub struct World {
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// Where tests cut the process off.
    pub faults: Arc<dyn Faults>,
    /// Our own folders.
    pub folders: Folders,
    /// The caller's environment: search path, home, keys by name. Children get none of it unless it is named.
    pub environment: BTreeMap<String, String>,
    /// The person on whose behalf decisions are recorded.
    pub person: String,
    /// How the sandbox's helper process is started.
    pub launcher: sandbox::Launcher,
}

impl World {
    /// The person on whose behalf this process decides.
    pub fn decider(&self) -> Decider {
        Decider::Person { name: self.person.clone() }
    }

    /// One variable of the caller's environment; an empty value counts as absent.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// What is told to whoever watches a run. Reporting never changes what happens.
#[derive(Debug, Clone)]
pub enum Update<'a> {
    /// An event became durable.
    Event(&'a domain::event::Event),
    /// A check begins on one side.
    CheckBegins {
        /// Its name.
        name: &'a str,
        /// Whether it runs on the base (else on the candidate).
        baseline: bool,
    },
    /// A check ended.
    CheckEnded {
        /// Its name.
        name: &'a str,
        /// Whether it ran on the base.
        baseline: bool,
        /// Whether the result came from the cache.
        cached: bool,
        /// The run.
        run: &'a domain::verification::Run,
    },
    /// Something worth a line.
    Note(&'a str),
}

/// Whoever watches a run.
pub trait Progress: Send + Sync {
    /// Called as things happen, on the thread that runs the loop.
    fn update(&self, intent: &IntentId, update: &Update<'_>);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn update(&self, _intent: &IntentId, _update: &Update<'_>) {}
}
