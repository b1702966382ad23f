//! Between an agent and its model: takes the agent's requests at the door of its box, adds the key, sends them on, and
//! counts. The agent holds a word that is good for this run only; it never sees the key, and reaches nothing else.
//!
//! What goes wrong is known here before the agent has made something of it: a status, a silence, an answer that is none.
//! The first of them ends the run, because agents repeat requests, hide errors or wait without end.

mod account;
mod meter;

use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::proposal::ProviderFailure;
use engine::config::Wire;
use futures_util::stream;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::http::Waits;
use crate::http::address::Endpoint;
use crate::http::body::Deadline;
use crate::http::key_header;
use crate::http::send::{Failed, Owed, Sender, Wait};
use account::Ticket;
use meter::Meter;

pub use account::Bounds;
pub(crate) use account::{Account, Seen};

/// The most bytes of an agent's request.
const MOST_REQUEST: usize = 32 << 20;

/// What an agent's requests are sent on with.
pub(crate) struct Upstream {
    pub(crate) client: reqwest::Client,
    pub(crate) endpoint: Endpoint,
    pub(crate) key: Option<SecretString>,
    /// Where the key comes from, for messages.
    pub(crate) key_setting: String,
    /// Headers on top, such as the account of a sign-in.
    pub(crate) headers: HeaderMap,
    pub(crate) wire: Wire,
    /// The model that is asked, whatever the agent names.
    pub(crate) model: String,
    pub(crate) waits: Waits,
    /// The most bytes of one answer.
    pub(crate) cap: usize,
    /// Whether the service lets the answer's tokens be bounded.
    pub(crate) is_bounded: bool,
    /// When the whole run ends.
    pub(crate) until: Instant,
}

/// A running relay; dropping it ends it.
pub(crate) struct Relay {
    task: JoinHandle<()>,
}

struct Shared {
    upstream: Upstream,
    token: SecretString,
    account: Account,
    /// One request at a time: what the next one may cost is known when the one before has told its usage.
    turn: Arc<Semaphore>,
}

impl Relay {
    /// Answers whoever comes to this socket with this word.
    ///
    /// # Errors
    /// One sentence, when the socket cannot be taken.
    pub(crate) fn serve(
        listener: TcpListener,
        upstream: Upstream,
        token: SecretString,
        account: Account,
    ) -> Result<Self, String> {
        let taken = listener.set_nonblocking(true).and_then(|()| tokio::net::TcpListener::from_std(listener));
        let listener = taken.map_err(|error| format!("the relay's socket cannot be taken: {error}"))?;
        let shared = Arc::new(Shared { upstream, token, account, turn: Arc::new(Semaphore::new(1)) });
        let router = Router::new().fallback(answer).with_state(shared);
        let task = tokio::spawn(async move {
            // Ends with the task; an error of a single connection is that connection's.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { task })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    if !shared.knows(request.headers()) {
        return refusal(StatusCode::UNAUTHORIZED, "this door is for the agent of this run");
    }
    let path = request.uri().path().to_owned();
    match (request.method(), path.as_str()) {
        (&Method::GET, "/v1/models") => {
            let model = json!({"id": shared.upstream.model, "object": "model", "owned_by": "codex-task"});
            axum::Json(json!({"object": "list", "data": [model]})).into_response()
        }
        (&Method::POST, path) if path == path_of(shared.upstream.wire) => ask(&shared, request).await,
        (method, path) => refusal(StatusCode::NOT_FOUND, &format!("{method} {path} is not sent on")),
    }
}

impl Shared {
    fn knows(&self, headers: &HeaderMap) -> bool {
        let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
        let given = bearer.or_else(|| headers.get("x-api-key").and_then(|value| value.to_str().ok()));
        given == Some(self.token.expose_secret())
    }

    /// The agent's body with what is ours to decide in it.
    fn body(&self, bytes: &[u8], most: u64) -> Result<(Vec<u8>, bool), String> {
        let mut body: Value = serde_json::from_slice(bytes).map_err(|error| format!("no JSON: {error}"))?;
        let fields = body.as_object_mut().ok_or("no JSON object")?;
        fields.insert("model".to_owned(), json!(self.upstream.model));
        let is_stream = fields.get("stream").and_then(Value::as_bool).unwrap_or(false);
        if self.upstream.wire == Wire::OpenaiChat && is_stream {
            fields.insert("stream_options".to_owned(), json!({"include_usage": true}));
        }
        if self.upstream.is_bounded {
            let field = match self.upstream.wire {
                Wire::OpenaiResponses => "max_output_tokens",
                Wire::OpenaiChat if fields.contains_key("max_completion_tokens") => "max_completion_tokens",
                Wire::OpenaiChat | Wire::AnthropicMessages => "max_tokens",
            };
            let asked = fields.get(field).and_then(Value::as_u64).unwrap_or(most);
            fields.insert(field.to_owned(), json!(asked.min(most)));
        }
        let body = serde_json::to_vec(&body).map_err(|error| error.to_string())?;
        Ok((body, is_stream))
    }
}

async fn ask(shared: &Arc<Shared>, request: Request) -> Response {
    let more = passed_on(request.headers(), &shared.upstream.headers);
    let Ok(bytes) = to_bytes(request.into_body(), MOST_REQUEST).await else {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "the request is larger than 32 MiB");
    };
    let Ok(turn) = Arc::clone(&shared.turn).acquire_owned().await else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "the relay has ended");
    };
    let opened = shared.account.open(bytes.len() as u64);
    let (ticket, most) = match opened {
        Ok(opened) => opened,
        Err(why) => return shared.give_up(StatusCode::TOO_MANY_REQUESTS, why),
    };
    let (body, is_stream) = match shared.body(&bytes, most) {
        Ok(body) => body,
        Err(why) => {
            ticket.free();
            return refusal(StatusCode::BAD_REQUEST, &why);
        }
    };
    let upstream = &shared.upstream;
    let sender = Sender {
        client: &upstream.client,
        endpoint: &upstream.endpoint,
        key: upstream.key.as_ref(),
        key_header: key_header(upstream.wire),
        key_setting: upstream.key_setting.clone(),
        waits: &upstream.waits,
        cap: upstream.cap,
        until: upstream.until,
    };
    match sender.open(body, &more).await {
        Ok((response, deadline)) => {
            let through = Through {
                shared: Arc::clone(shared),
                meter: Meter::new(upstream.wire, is_stream),
                response,
                deadline,
                ticket: Some(ticket),
                turn: Some(turn),
                bytes: 0,
            };
            through.begin()
        }
        Err(failed) => {
            if failed.owed() == Owed::Nothing {
                ticket.free();
            }
            let code = match &failed {
                Failed::Status { code, .. } => StatusCode::from_u16(*code).unwrap_or(StatusCode::BAD_GATEWAY),
                _ => StatusCode::BAD_GATEWAY,
            };
            shared.give_up(code, failed.into_failure())
        }
    }
}

impl Shared {
    /// The run is over; the agent is told so for as long as it still listens.
    fn give_up(&self, code: StatusCode, why: ProviderFailure) -> Response {
        let response = refusal(code, &why.detail);
        self.account.fail(why);
        response
    }
}

/// An answer on its way to the agent.
struct Through {
    shared: Arc<Shared>,
    meter: Meter,
    response: reqwest::Response,
    deadline: Deadline,
    /// Gone once the answer has ended.
    ticket: Option<Ticket>,
    turn: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl Through {
    fn begin(self) -> Response {
        let kind = self.response.headers().get(CONTENT_TYPE).cloned();
        let kind = kind.unwrap_or_else(|| HeaderValue::from_static("application/json"));
        let body = Body::from_stream(stream::unfold(self, |through| async move { through.next().await }));
        let mut response = Response::new(body);
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }

    /// The next piece; an error cuts the agent's connection.
    async fn next(mut self) -> Option<(Result<Bytes, std::io::Error>, Self)> {
        self.ticket.as_ref()?;
        match self.piece().await {
            Ok(Some(piece)) => Some((Ok(piece), self)),
            Ok(None) => {
                if let Some(ticket) = self.ticket.as_mut() {
                    ticket.ended(self.bytes as u64);
                }
                self.close();
                None
            }
            Err(why) => {
                self.close();
                self.shared.account.fail(why);
                Some((Err(std::io::Error::other("the answer ended early")), self))
            }
        }
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, ProviderFailure> {
        let piece = self.deadline.hold(self.response.chunk()).await.map_err(Failed::into_failure)?;
        let cut = |bytes| Failed::Truncated { bytes }.into_failure();
        let Some(piece) = piece.map_err(|_| cut(self.bytes))? else {
            return self.meter.finish().map(|()| None);
        };
        let cap = self.shared.upstream.cap;
        self.bytes += piece.len();
        if self.bytes > cap {
            return Err(Failed::TooLarge { cap }.into_failure());
        }
        self.meter.push(&piece);
        if let Some(failed) = self.meter.failed() {
            return Err(failed.clone());
        }
        let waits = &self.shared.upstream.waits;
        self.deadline = Deadline { next: Instant::now() + waits.idle, wait: Wait::Idle, ..self.deadline };
        Ok(Some(piece))
    }

    fn close(&mut self) {
        if let Some(mut ticket) = self.ticket.take() {
            ticket.used(self.meter.usage());
        }
        self.turn = None;
    }
}

impl Drop for Through {
    /// The agent went away in the middle. What the answer told before is what it costs.
    fn drop(&mut self) {
        self.close();
    }
}

/// Headers of the agent's that the service may want, then ours.
fn passed_on(agents: &HeaderMap, ours: &HeaderMap) -> HeaderMap {
    const WANTED: [&str; 7] =
        ["accept", "openai-beta", "originator", "version", "session_id", "conversation_id", "anthropic-beta"];
    let mut more = HeaderMap::new();
    for name in WANTED {
        if let Some(value) = agents.get(name) {
            more.insert(HeaderName::from_static(name), value.clone());
        }
    }
    more.extend(ours.iter().map(|(name, value)| (name.clone(), value.clone())));
    more
}

fn path_of(wire: Wire) -> &'static str {
    match wire {
        Wire::OpenaiChat => "/v1/chat/completions",
        Wire::OpenaiResponses => "/v1/responses",
        Wire::AnthropicMessages => "/v1/messages",
    }
}

fn refusal(code: StatusCode, message: &str) -> Response {
    (code, axum::Json(json!({"error": {"message": message, "type": "codex_task_relay"}}))).into_response()
}

#[cfg(test)]
mod tests;
