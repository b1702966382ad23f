//! Takes a job the whole way: signals become a wish to stop, a finding that is taken already leads to its change.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use domain::decision::Goal;
use domain::intent::Intent;
use domain::proposal::ProviderId;
use domain::task::Task;
use engine::{Call, Cancel, EngineError, Job, Operator, Project};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Steering;
use crate::error::Failure;
use crate::ui::progress::Reporter;

/// What became of a job.
pub(crate) enum Taken {
    /// It ran and rests.
    Ran(Box<Intent>),
    /// A live change stands for the same finding.
    Already(Box<Intent>),
}

/// A job from a task and the options that steer it.
pub(crate) fn job(task: Task, review: bool, steering: &Steering) -> Job {
    Job {
        goal: if review { Goal::Review } else { Goal::Publish },
        provider: steering.provider.as_ref().map(ProviderId::new),
        model: steering.model.clone(),
        fresh: steering.force,
        ..Job::new(task)
    }
}

/// Runs a job and tells its progress.
pub(crate) async fn take(
    operator: &Operator,
    project: &Project,
    job: Job,
    progress: &Reporter<'_>,
    cancel: &Cancel,
) -> Result<Taken, Failure> {
    match operator.run(project, job, Call { progress, cancel }).await {
        Ok(intent) => Ok(Taken::Ran(Box::new(intent))),
        Err(EngineError::Duplicate { existing }) => {
            let intent = operator.store.intent(&existing).await?;
            let intent = intent.ok_or(EngineError::Duplicate { existing })?;
            Ok(Taken::Already(Box::new(intent)))
        }
        Err(error) => Err(error.into()),
    }
}

/// A signal this soon after the first is the same wish: a terminal and a supervisor may both send it.
const SAME_WISH: Duration = Duration::from_secs(1);

/// A wish to stop that SIGINT and SIGTERM set; another signal later on ends the process at once.
pub(crate) fn on_signals() -> Result<Cancel, Failure> {
    let (cancel, first) = (Cancel::default(), Arc::new(OnceLock::<Instant>::new()));
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signals =
            signal(kind).map_err(|e| Failure::machine(format!("cannot listen for signals: {e}")))?;
        let (cancel, first) = (cancel.clone(), Arc::clone(&first));
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if first.get_or_init(Instant::now).elapsed() > SAME_WISH {
                    std::process::exit(i32::from(domain::exit_code::ExitCode::Aborted.code()));
                }
                cancel.set();
            }
        });
    }
    Ok(cancel)
}
