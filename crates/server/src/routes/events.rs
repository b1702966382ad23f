//! Streams of events (server-sent): of one change until it rests, or of all that the caller may see. An event names what
//! happened and to which change; the change itself is at `/intents/{id}`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use domain::agent::AgentName;
use domain::ids::IntentId;
use futures_util::stream::{Stream, unfold};
use serde::Serialize;
use store::Told;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::changes;
use crate::limits::Hold;
use crate::problem::{Code, Problem, ProblemBody};

/// How many events are read at once.
const PAGE: u32 = 64;

/// The data of one event; its `id` is `seq`, its `event` is `name`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventData {
    /// Its place in the journal.
    seq: u64,
    /// The change.
    #[schema(format = Uuid)]
    intent: String,
    /// When it was recorded, in microseconds since 1970 (UTC).
    at_micros: i64,
    /// What happened: `IntentReserved`, `Verified`, `Published`, ...
    name: String,
}

/// One stream's state.
struct Following {
    app: Arc<App>,
    caller: Caller,
    /// The only change; all where there is none.
    only: Option<IntentId>,
    /// The last event that was told or passed over.
    after: u64,
    ready: VecDeque<Told>,
    head: watch::Receiver<u64>,
    _hold: Hold<AgentName>,
}

/// The events of one change, from its first or from behind `Last-Event-ID`; ends when the change is at rest.
#[utoipa::path(get, path = "/intents/{id}/events", tag = "events", operation_id = "intent_events",
    params(("id" = String, Path, format = Uuid), ("Last-Event-ID" = Option<String>, Header, description = "go on behind this event")),
    responses(
        (status = 200, description = "a stream of events, the data of each an `EventData`", body = EventData, content_type = "text/event-stream"),
        (status = "4XX", description = "a problem", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn of_intent(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let intent = changes::find(&app, &caller, &id).await?;
    let after = last_event(&headers)?.unwrap_or(0);
    stream(app, caller, Some(intent.id), after)
}

/// The events of all changes that the caller may see, from now on or from behind `Last-Event-ID`.
#[utoipa::path(get, path = "/events", tag = "events", operation_id = "events",
    params(("Last-Event-ID" = Option<String>, Header, description = "go on behind this event")),
    responses(
        (status = 200, description = "a stream of events, the data of each an `EventData`", body = EventData, content_type = "text/event-stream"),
        (status = "4XX", description = "a problem", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn of_all(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let after = match last_event(&headers)? {
        Some(after) => after,
        None => app.store().last_seq().await?,
    };
    stream(app, caller, None, after)
}

fn last_event(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let number = value.to_str().ok().filter(|text| text.len() <= 18).and_then(|text| text.parse().ok());
    number
        .map(Some)
        .ok_or_else(|| Problem::new(Code::BadRequest, "`Last-Event-ID` is the number of an event"))
}

fn stream(app: Arc<App>, caller: Caller, only: Option<IntentId>, after: u64) -> Result<Response, Problem> {
    let name = caller.agent.name.clone();
    let most = app.limits.streams_per_agent;
    let hold = app.counters.streams.take(&name, most).ok_or_else(|| {
        Problem::new(Code::TooManyRequests, format!("an agent may hold {most} streams at once")).after(5)
    })?;
    let head = app.head.subscribe();
    let following = Following { app, caller, only, after, ready: VecDeque::new(), head, _hold: hold };
    Ok(Sse::new(events(following)).keep_alive(KeepAlive::default()).into_response())
}

fn events(following: Following) -> impl Stream<Item = Result<Event, Infallible>> {
    unfold(following, |mut following| async {
        let told = following.next().await?;
        let data = EventData {
            seq: told.seq,
            intent: told.intent.to_string(),
            at_micros: told.at.0,
            name: told.name.clone(),
        };
        let event = Event::default().id(told.seq.to_string()).event(&told.name).json_data(&data).ok()?;
        Some((Ok(event), following))
    })
}

impl Following {
    /// The next event; `None` when the stream is over.
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(told) = self.ready.pop_front() {
                return Some(told);
            }
            self.head.mark_unchanged();
            // Asked before the last look: what is recorded in between is told.
            let over = self.is_over().await;
            if let Err(error) = self.read().await {
                tracing::warn!(%error, "a stream of events ends");
                return None;
            }
            if !self.ready.is_empty() {
                continue;
            }
            if over {
                return None;
            }
            tokio::select! {
                () = self.app.stop.wait() => return None,
                changed = self.head.changed() => changed.ok()?,
            }
        }
    }

    /// Reads on until there is something to tell or nothing more to read.
    async fn read(&mut self) -> Result<(), store::StoreError> {
        loop {
            let page = self.app.store().events_after(self.after, self.only.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            self.after = last.seq;
            for told in page {
                if self.may_tell(&told).await? {
                    self.ready.push_back(told);
                }
            }
            if !self.ready.is_empty() {
                return Ok(());
            }
        }
    }

    async fn may_tell(&self, told: &Told) -> Result<bool, store::StoreError> {
        if self.only.is_some() {
            return Ok(true);
        }
        let row = self.app.store().row(&told.intent).await?;
        Ok(row.is_some_and(|row| {
            let own = row.agent.as_ref() == Some(&self.caller.agent.name);
            row.repository == self.app.repository && (own || self.caller.sees_all())
        }))
    }

    /// Whether the only change has come to rest.
    async fn is_over(&self) -> bool {
        let Some(only) = &self.only else { return false };
        match self.app.store().intent(only).await {
            Ok(Some(intent)) => intent.phase.is_at_rest(),
            Ok(None) | Err(_) => true,
        }
    }
}
