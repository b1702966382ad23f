//! The changes under way: registered ones wait here for one of a few threads. What is not done when the server ends is
//! in the journal, and the next server, or `codex-task resume`, goes on with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::ids::IntentId;
use engine::world::{Progress, Update};
use engine::{Call, Cancel, EngineError, Operator};
use opentelemetry::trace::SpanContext;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};
use tracing::Instrument;

use crate::projects::Projects;
use crate::spans;

/// The changes under way.
#[derive(Clone)]
pub(crate) struct Work {
    queue: mpsc::UnboundedSender<Waiting>,
    running: Arc<Mutex<HashMap<IntentId, Cancel>>>,
    moved: Arc<Notify>,
}

/// A change that waits for a worker.
struct Waiting {
    id: IntentId,
    /// The request that began it, where somebody collects traces.
    cause: SpanContext,
}

/// Hands a change to the workers when it is dropped.
pub(crate) struct After {
    work: Work,
    id: IntentId,
}

impl Drop for After {
    fn drop(&mut self) {
        self.work.enqueue(self.id.clone());
    }
}

/// What a worker needs.
#[derive(Clone)]
struct Worker {
    operator: Operator,
    projects: Projects,
    queue: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Waiting>>>,
    running: Arc<Mutex<HashMap<IntentId, Cancel>>>,
    moved: Arc<Notify>,
    /// No new change is begun.
    stop: Cancel,
    /// What is under way is left as a dead process would leave it.
    leave: Cancel,
}

/// Wakes those who wait for events whenever one becomes durable.
struct Wake(Arc<Notify>);

impl Progress for Wake {
    fn update(&self, intent: &IntentId, update: &Update<'_>) {
        if let Update::Event(event) = update {
            tracing::info!(%intent, event = event.name(), "recorded");
            self.0.notify_waiters();
        }
    }
}

/// The threads; they end after `stop`.
pub(crate) struct Workers {
    threads: Vec<std::thread::JoinHandle<()>>,
    leave: Cancel,
}

impl Work {
    /// Starts `jobs` threads that take changes to rest, one at a time each.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(
        operator: &Operator,
        projects: &Projects,
        jobs: usize,
        stop: &Cancel,
    ) -> std::io::Result<(Self, Workers)> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let work = Self { queue: sender, running: Arc::default(), moved: Arc::default() };
        let worker = Worker {
            operator: operator.clone(),
            projects: projects.clone(),
            queue: Arc::new(tokio::sync::Mutex::new(receiver)),
            running: Arc::clone(&work.running),
            moved: Arc::clone(&work.moved),
            stop: stop.clone(),
            leave: Cancel::default(),
        };
        let handle = Handle::current();
        let leave = worker.leave.clone();
        let start = |n: usize| {
            let (worker, handle) = (worker.clone(), handle.clone());
            // A thread of its own: the steps of a change compute and read files, which must not hold up answers.
            std::thread::Builder::new()
                .name(format!("change-{n}"))
                .spawn(move || handle.block_on(worker.run()))
        };
        let threads = (0..jobs.max(1)).map(start).collect::<Result<_, _>>()?;
        Ok((work, Workers { threads, leave }))
    }

    /// Has a registered change taken to rest.
    pub(crate) fn enqueue(&self, id: IntentId) {
        // No worker is left only when the server ends; the journal keeps the change for the next one.
        let _ = self.queue.send(Waiting { id, cause: spans::cause() });
        self.moved.notify_waiters();
    }

    /// Has a change looked after once the caller is done with it, or has gone away in the middle.
    pub(crate) fn after(&self, id: &IntentId) -> After {
        After { work: self.clone(), id: id.clone() }
    }

    /// Asks a running change to stop; whether it was running here.
    pub(crate) fn cancel(&self, id: &IntentId) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(id).inspect(|cancel| cancel.set()).is_some()
    }

    /// Who tells of progress, for calls outside of the queue.
    pub(crate) fn progress(&self) -> impl Progress + use<> {
        Wake(Arc::clone(&self.moved))
    }

    /// Wakes up whenever something was recorded by this process.
    pub(crate) fn moved(&self) -> &Notify {
        &self.moved
    }
}

impl Workers {
    /// Waits for what is under way, at most `grace`; then leaves it to whoever resumes it.
    pub(crate) async fn end(self, grace: Duration) {
        let leave = self.leave;
        let waiting = tokio::task::spawn_blocking(move || {
            for thread in self.threads {
                let _ = thread.join();
            }
        });
        tokio::pin!(waiting);
        if tokio::time::timeout(grace, &mut waiting).await.is_err() {
            leave.set();
            let _ = waiting.await;
        }
    }
}

impl Worker {
    async fn run(self) {
        loop {
            let waiting = {
                let mut queue = self.queue.lock().await;
                tokio::select! {
                    () = self.stop.wait() => return,
                    waiting = queue.recv() => waiting,
                }
            };
            let Some(Waiting { id, cause }) = waiting else { return };
            if self.stop.is_set() {
                return;
            }
            let cancel = Cancel::default();
            self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), cancel.clone());
            tokio::select! {
                () = self.leave.wait() => tracing::warn!(intent = %id, "left unfinished: the server ends"),
                done = self.take(&id, &cancel).instrument(spans::taken_up(&id, cause)) => match done {
                    Ok(()) => {}
                    Err(EngineError::Busy { .. }) => {
                        tracing::info!(intent = %id, "another process is at it");
                    }
                    Err(error) => tracing::error!(intent = %id, error = %chain(&error), "left unfinished"),
                },
            }
            self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            self.moved.notify_waiters();
        }
    }

    async fn take(&self, id: &IntentId, cancel: &Cancel) -> Result<(), EngineError> {
        let Some(intent) = self.operator.store.intent(id).await? else { return Ok(()) };
        if intent.phase.is_at_rest() {
            return Ok(());
        }
        let project = self.projects.at(Some(intent.base.commit.as_str()))?;
        let progress = Wake(Arc::clone(&self.moved));
        self.operator.resume(&project, id, Call { progress: &progress, cancel }).await.map(drop)
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Every unfinished change of the repository, to be gone on with at the start.
///
/// # Errors
/// When the journal cannot be read.
pub(crate) async fn unfinished(operator: &Operator, repository: &str) -> Result<Vec<IntentId>, EngineError> {
    let mut ours = Vec::new();
    for id in operator.unfinished().await? {
        if operator.store.intent(&id).await?.is_some_and(|intent| intent.repository == repository) {
            ours.push(id);
        }
    }
    Ok(ours)
}
