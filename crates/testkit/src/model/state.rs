//! What the server's thread and the test share.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Request, Step};

/// Where answers come from.
pub(super) enum Answers {
    Script(VecDeque<Step>),
    Closure(Box<dyn FnMut(&Request) -> Step + Send>),
}

/// Everything that happened so far.
pub(super) struct State {
    answers: Answers,
    pub(super) requests: Vec<Request>,
    pub(super) listings: usize,
    /// Answers under way.
    pub(super) open: usize,
    pub(super) streamed: u64,
    pub(super) complaints: Vec<String>,
}

/// The state, and a bell for those who wait for a change of it.
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl State {
    /// Steps that nobody has asked for yet.
    pub(super) fn steps_left(&mut self) -> usize {
        match &self.answers {
            Answers::Script(steps) => steps.len(),
            Answers::Closure(_) => 0,
        }
    }
}

impl Shared {
    pub(super) fn new(answers: Answers) -> Self {
        let state = State {
            answers,
            requests: Vec::new(),
            listings: 0,
            open: 0,
            streamed: 0,
            complaints: Vec::new(),
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// A closure that panicked has poisoned the lock; what was recorded is still true.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the state, or changes it.
    pub(super) fn look<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        let result = with(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// Whether this came true within that time.
    pub(super) fn wait(&self, within: Duration, done: impl Fn(&State) -> bool) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), within, |state| !done(state));
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        done(&state)
    }

    pub(super) fn complain(&self, what: String) {
        self.look(|state| state.complaints.push(what));
    }

    /// Keeps the request, and says what to do with it: a step, or the reason to refuse it.
    pub(super) fn next(&self, make: impl FnOnce(usize) -> Request) -> Result<Step, String> {
        self.look(|state| {
            let request = make(state.requests.len() + 1);
            let number = request.number;
            state.requests.push(request.clone());
            let step = match (request.fault(), &mut state.answers) {
                (Some(fault), _) => Err(format!("request {number} is no {}: {fault}", request.wire().noun())),
                (None, Answers::Closure(answer)) => Ok(answer(&request)),
                (None, Answers::Script(steps)) => steps
                    .pop_front()
                    .ok_or_else(|| format!("request {number} came after the script's last step")),
            };
            if let Err(complaint) = &step {
                state.complaints.push(complaint.clone());
            }
            step
        })
    }
}

/// An answer under way: counted from its making until it is dropped with the body or the handler it lives in.
pub(super) struct Open(Arc<Shared>);

impl Open {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        shared.look(|state| state.open += 1);
        Self(Arc::clone(shared))
    }

    /// Counts bytes that the network took.
    pub(super) fn streamed(&self, bytes: usize) {
        self.0.look(|state| state.streamed += bytes as u64);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.look(|state| state.open -= 1);
    }
}
