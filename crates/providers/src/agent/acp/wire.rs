//! JSON-RPC 2.0 over lines, as the Agent Client Protocol has it on standard input and output: requests of ours with their
//! answers, and requests of the agent's, of which several may be open at a time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::proposal::{FailureKind, ProviderFailure};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe;
use tokio::sync::{Mutex as AsyncMutex, oneshot};

use crate::failure;

/// The most requests that an agent may have open.
pub(super) const MOST_OPEN: usize = 64;

/// Codes of JSON-RPC.
pub(super) const METHOD_NOT_FOUND: i64 = -32601;
pub(super) const INVALID_PARAMS: i64 = -32602;
pub(super) const INTERNAL: i64 = -32603;

/// An error of one side's in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RpcError {
    pub(super) code: i64,
    pub(super) message: String,
}

impl RpcError {
    pub(super) fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn read(error: &Value) -> Self {
        let details = error.pointer("/data/details").and_then(Value::as_str).unwrap_or_default();
        let message = error["message"].as_str().unwrap_or("an error without words");
        let whole = if details.is_empty() { message.to_owned() } else { format!("{message}: {details}") };
        let line = whole.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
        Self { code: error["code"].as_i64().unwrap_or(INTERNAL), message: line }
    }
}

/// What came from the agent.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// It wants something; the answer goes to this id.
    Request { id: Value, method: String, params: Value },
    /// It tells something.
    Notification { method: String, params: Value },
}

/// The side that writes.
pub(super) struct Peer {
    input: AsyncMutex<pipe::Sender>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// Nothing comes any more.
    is_over: bool,
    last: u64,
    answers: HashMap<u64, oneshot::Sender<Result<Value, RpcError>>>,
}

impl Peer {
    pub(super) fn new(input: pipe::Sender) -> Self {
        Self { input: AsyncMutex::new(input), waiting: Mutex::default() }
    }

    async fn send(&self, message: &Value) -> Result<(), ProviderFailure> {
        let mut line = message.to_string().into_bytes();
        line.push(b'\n');
        let mut input = self.input.lock().await;
        let sent = input.write_all(&line).await;
        sent.map_err(|_| failure(FailureKind::Crashed, "the agent does not listen any more"))
    }

    /// Asks the agent and waits for its answer.
    pub(super) async fn ask(
        &self,
        method: &str,
        params: Value,
    ) -> Result<Result<Value, RpcError>, ProviderFailure> {
        let (tell, answer) = oneshot::channel();
        let id = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.is_over {
                return Err(failure(FailureKind::Crashed, "the agent ended before it was asked"));
            }
            waiting.last += 1;
            let id = waiting.last;
            waiting.answers.insert(id, tell);
            id
        };
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await?;
        answer.await.map_err(|_| failure(FailureKind::Crashed, "the agent ended before it answered"))
    }

    /// Answers a request of the agent's. One that is gone does not hear it.
    pub(super) async fn answer(&self, id: &Value, answer: Result<Value, RpcError>) {
        let message = match answer {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err(error) => {
                json!({"jsonrpc": "2.0", "id": id, "error": {"code": error.code, "message": error.message}})
            }
        };
        let _ = self.send(&message).await;
    }

    /// Takes one line of the agent's: an answer goes to whoever waits for it, the rest is given back.
    ///
    /// # Errors
    /// When it is no message of the protocol.
    pub(super) fn take(&self, line: &[u8]) -> Result<Option<Incoming>, ProviderFailure> {
        let broken = |why: &str| {
            let shown: String =
                String::from_utf8_lossy(line).chars().filter(|c| !c.is_control()).take(120).collect();
            failure(FailureKind::Protocol, format!("the agent printed {why}: {shown}"))
        };
        let mut message: Value = serde_json::from_slice(line).map_err(|_| broken("what is no JSON"))?;
        if !message.is_object() {
            return Err(broken("what is no message"));
        }
        let method = message["method"].as_str().map(str::to_owned);
        let id = message.get("id").filter(|id| !id.is_null()).cloned();
        let params = message["params"].take();
        match (method, id) {
            (Some(method), Some(id)) => Ok(Some(Incoming::Request { id, method, params })),
            (Some(method), None) => Ok(Some(Incoming::Notification { method, params })),
            (None, Some(id)) => {
                let answer = match message.get("error").filter(|error| !error.is_null()) {
                    Some(error) => Err(RpcError::read(error)),
                    None => Ok(message["result"].take()),
                };
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(tell) = id.as_u64().and_then(|id| waiting.answers.remove(&id)) {
                    let _ = tell.send(answer);
                }
                Ok(None)
            }
            (None, None) => Err(broken("what is neither a request nor an answer")),
        }
    }

    /// Nothing comes any more: nobody waits in vain.
    pub(super) fn close(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.is_over = true;
        waiting.answers.clear();
    }
}
