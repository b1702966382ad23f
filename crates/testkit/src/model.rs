//! A model server for tests: real HTTP on 127.0.0.1, the interfaces of OpenAI (chat completions, Responses) and of
//! Anthropic (Messages), and every way to misbehave.
//!
//! It answers only what a script or a closure says, checks each request as such a server would, and keeps it. Who asks for
//! a stream of events gets one from OpenAI's two interfaces.

mod answer;
mod events;
mod request;
mod server;
mod state;
mod step;
mod wire;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

pub use request::Request;
pub use step::{Call, Reply, Step, Usage};

use crate::must::{Must, fail};
use state::{Answers, Shared};

/// A running server. It has a thread and a runtime of its own, so that tests with and without one can use it.
///
/// When it is dropped it ends at once, answers under way included. The test fails then if a request came that the
/// script had no step for, or one that is no chat completion.
#[derive(Debug)]
pub struct ScriptedModel {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ScriptedModel {
    /// A server that answers the n-th request by the n-th step.
    #[track_caller]
    pub fn script(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::start(Answers::Script(steps.into_iter().collect()))
    }

    /// A server that asks this closure for each answer, in the order in which requests came.
    #[track_caller]
    pub fn respond_with(answer: impl FnMut(&Request) -> Step + Send + 'static) -> Self {
        Self::start(Answers::Closure(Box::new(answer)))
    }

    #[track_caller]
    fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).must("listening on 127.0.0.1");
        listener.set_nonblocking(true).must("listening on 127.0.0.1");
        let address = listener.local_addr().must("listening on 127.0.0.1");
        let shared = Arc::new(Shared::new(answers));
        let (stop, stopped) = oneshot::channel();
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name(format!("model-{}", address.port()))
            .spawn(move || server::run(listener, &for_thread, stopped))
            .must("starting the server's thread");
        Self { address, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// What a client is given as base URL: `http://127.0.0.1:<port>/v1`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.origin())
    }

    /// The server without a path: `http://127.0.0.1:<port>`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every answer asked for so far, in order; the refused ones too.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.look(|state| state.requests.clone())
    }

    /// The only request so far. Another number of them ends the test.
    #[track_caller]
    pub fn only_request(&self) -> Request {
        let mut requests = self.requests();
        match (requests.pop(), requests.len()) {
            (Some(request), 0) => request,
            (last, before) => {
                fail(format_args!("one request was expected, {} came", before + usize::from(last.is_some())))
            }
        }
    }

    /// How often the list of models (`GET /v1/models`) was asked for.
    pub fn listings(&self) -> usize {
        self.shared.look(|state| state.listings)
    }

    /// Bytes of bodies that the network took from endless and dripping answers: how far the client let it go.
    pub fn streamed_bytes(&self) -> u64 {
        self.shared.look(|state| state.streamed)
    }

    /// Waits until this many requests have come; ends the test after `within`.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize, within: Duration) {
        if !self.shared.wait(within, |state| state.requests.len() >= count) {
            fail(format_args!("{} of {count} requests came within {within:?}", self.requests().len()));
        }
    }

    /// Waits until no answer is under way: the client took all of it, or left. Ends the test after `within`.
    #[track_caller]
    pub fn wait_until_idle(&self, within: Duration) {
        if !self.shared.wait(within, |state| state.open == 0) {
            let open = self.shared.look(|state| state.open);
            fail(format_args!("{open} answers are still under way after {within:?}"));
        }
    }

    /// Ends the server, and the test if a step of the script was never asked for.
    #[track_caller]
    pub fn finish(mut self) {
        self.stop();
        self.report();
        let left = self.shared.look(state::State::steps_left);
        if left > 0 {
            fail(format_args!("{left} steps of the script were never asked for"));
        }
    }

    fn stop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if matches!(ended, Some(Err(_))) {
            self.shared.complain("the server's thread panicked: see above".to_owned());
        }
    }

    #[track_caller]
    fn report(&self) {
        let complaints = self.shared.look(|state| std::mem::take(&mut state.complaints));
        if !complaints.is_empty() && !std::thread::panicking() {
            fail(format_args!("the model server complains:\n  {}", complaints.join("\n  ")));
        }
    }
}

impl Drop for ScriptedModel {
    fn drop(&mut self) {
        self.stop();
        self.report();
    }
}

#[cfg(test)]
mod tests;
