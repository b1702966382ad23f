//! What every handler works with: the registry, the operator, the work under way, the limits.

use std::sync::Arc;

use engine::{Cancel, EngineError, Operator, Project};
use store::{Micros, Store};
use tokio::sync::watch;

use crate::limits::{Counters, Limits};
use crate::metrics::Metrics;
use crate::projects::Projects;
use crate::work::Work;

/// Opens the served repository at a revision (at HEAD where there is none), with its configuration and providers.
pub type OpenProject = Arc<dyn Fn(Option<&str>) -> Result<Project, EngineError> + Send + Sync>;

/// The state of a server.
pub(crate) struct App {
    pub(crate) operator: Operator,
    pub(crate) projects: Projects,
    /// The served repository's identity: changes of others in the same registry are not shown.
    pub(crate) repository: String,
    pub(crate) limits: Limits,
    pub(crate) counters: Arc<Counters>,
    pub(crate) metrics: Metrics,
    pub(crate) work: Work,
    pub(crate) stop: Cancel,
    /// The sequence number of the journal's last entry, for those who wait for more.
    pub(crate) head: watch::Sender<u64>,
}

impl App {
    pub(crate) fn store(&self) -> &Store {
        &self.operator.store
    }

    pub(crate) fn now(&self) -> Micros {
        Micros(self.operator.world.clock.now_micros())
    }
}
