//! Changes: registered, listed, shown, stopped.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::agent::{AgentName, Right};
use domain::ids::SuggestionId;
use domain::intent::Intent;
use serde::{Deserialize, Serialize};
use store::{Filter, Page};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::{Caller, trace};
use crate::changes::{self, Idempotency};
use crate::extract::{Asked, Strict, etag, idempotency_key, is_known};
use crate::problem::{Code, Problem, ProblemBody};
use crate::requests::NewIntent;
use crate::view::{IntentView, RowView, TaskKind};

/// The most rows of a page.
const PAGE: u32 = 200;

/// Which changes. All conditions have to hold.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// The one to which this answer belongs.
    #[param(format = Uuid)]
    codex_suggestion_id: Option<String>,
    /// Those of this agent.
    #[param(pattern = "^[a-z0-9][a-z0-9._-]{0,63}$")]
    agent: Option<String>,
    /// Those with this status.
    #[param(pattern = "^[^\\u0000]*$")]
    status: Option<String>,
    /// Findings of this file.
    #[param(pattern = "^[^\\u0000]*$")]
    file: Option<String>,
    /// Findings of this rule.
    #[param(pattern = "^[^\\u0000]*$")]
    rule: Option<String>,
    /// Those of this kind of task.
    #[param(inline)]
    kind: Option<TaskKind>,
    /// At most this many.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// What the page before gave as `next`.
    #[param(pattern = "^[0-9]{1,18}$")]
    cursor: Option<String>,
}

/// A page of changes, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IntentPage {
    /// The changes.
    intents: Vec<RowView>,
    /// The cursor of the next page; null on the last one.
    #[schema(required)]
    next: Option<String>,
}

/// Registers a task. It is durable when this answers, and is then taken the whole way.
#[utoipa::path(post, path = "/intents", tag = "intents", operation_id = "create_intent", request_body = NewIntent,
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the same intent, for a week",
        min_length = 1, max_length = 200, pattern = "^[!-~]{1,200}$")),
    responses(
        (status = 202, description = "registered", body = IntentView, headers(("ETag" = String), ("Location" = String))),
        (status = "4XX", description = "a problem", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    new: Strict<NewIntent>,
) -> Result<Response, Problem> {
    let once = idempotency_key(&headers)?.map(|key| Idempotency { key, request: new.hash });
    let intent = changes::register(&app, &caller, &new.value, once).await?;
    Ok(registered(&intent))
}

/// The answer to a task that was registered, now or by an equal request before.
pub(crate) fn registered(intent: &Intent) -> Response {
    let headers = [(ETAG, etag(intent.version)), (LOCATION, format!("/intents/{}", intent.id))];
    (StatusCode::ACCEPTED, headers, Json(IntentView::of(intent))).into_response()
}

/// Lists the changes that the caller may see: an agent its own, reviewers and admins all.
#[utoipa::path(get, path = "/intents", tag = "intents", operation_id = "list_intents", params(Wanted), responses(
    (status = 200, description = "a page", body = IntentPage),
    (status = "4XX", description = "a problem", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "not now", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<IntentPage>, Problem> {
    let (filter, page) = wanted.checked()?;
    let rows = changes::list(&app, &caller, filter, page).await?;
    let full = rows.len() == page.limit as usize;
    let next = rows.last().filter(|_| full).map(|row| row.seq.to_string());
    Ok(Json(IntentPage { intents: rows.into_iter().map(RowView::of).collect(), next }))
}

impl Wanted {
    fn checked(self) -> Result<(Filter, Page), Problem> {
        let wrong = |what: &str| Problem::new(Code::BadRequest, format!("the query does not fit: `{what}`"));
        let limit = self.limit.unwrap_or(50);
        if !(1..=PAGE).contains(&limit) {
            return Err(wrong("limit"));
        }
        let number = |text: String| text.parse::<u64>().ok().filter(|_| text.len() <= 18);
        let before = self.cursor.map(|c| number(c).ok_or_else(|| wrong("cursor"))).transpose()?;
        let suggestion = self.codex_suggestion_id.map(|id| id.parse::<SuggestionId>()).transpose();
        let filter = Filter {
            suggestion: suggestion.map_err(|_| wrong("codex_suggestion_id"))?,
            agent: self
                .agent
                .map(|name| name.parse::<AgentName>())
                .transpose()
                .map_err(|_| wrong("agent"))?,
            kind: self.kind.map(Into::into),
            status: self.status,
            file: self.file,
            rule: self.rule,
            ..Filter::default()
        };
        for text in [&filter.status, &filter.file, &filter.rule].into_iter().flatten() {
            // PostgreSQL has no such character, and no stored text holds one.
            if text.contains('\0') {
                return Err(wrong("a NUL character"));
            }
        }
        Ok((filter, Page { before, limit }))
    }
}

/// One change with its story so far.
#[utoipa::path(get, path = "/intents/{id}", tag = "intents", operation_id = "get_intent",
    params(("id" = String, Path, format = Uuid), ("If-None-Match" = Option<String>, Header, description = "an `ETag` that the caller has")),
    responses(
        (status = 200, description = "the change", body = IntentView, headers(("ETag" = String))),
        (status = 304, description = "it has not changed"),
        (status = "4XX", description = "a problem", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let intent = changes::find(&app, &caller, &id).await?;
    let tag = [(ETAG, etag(intent.version))];
    if is_known(&headers, intent.version) {
        return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    Ok((tag, Json(IntentView::of(&intent))).into_response())
}

/// The canonical diff of the last attempt that has one, as `git apply` takes it.
#[utoipa::path(get, path = "/intents/{id}/patch", tag = "intents", operation_id = "get_patch",
    params(("id" = String, Path, format = Uuid)),
    responses(
        (status = 200, description = "the diff", body = String, content_type = "text/x-diff"),
        (status = "4XX", description = "a problem", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn patch(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let intent = changes::find(&app, &caller, &id).await?;
    let patch = intent.attempts.iter().rev().find_map(|a| a.patch.as_ref()).ok_or_else(Problem::not_found)?;
    let bytes = app.store().blob(&patch.sha256).await?.ok_or_else(Problem::not_found)?;
    Ok(([(CONTENT_TYPE, "text/x-diff; charset=utf-8")], bytes).into_response())
}

/// Stops a change that is under way in this server, at its next safe point.
#[utoipa::path(post, path = "/intents/{id}/abort", tag = "intents", operation_id = "abort_intent",
    params(("id" = String, Path, format = Uuid)),
    responses(
        (status = 202, description = "it was told to stop", body = IntentView, headers(("ETag" = String))),
        (status = "4XX", description = "a problem", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn abort(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let intent = changes::find(&app, &caller, &id).await?;
    if intent.agent.as_ref() != Some(&caller.agent.name) {
        caller.needs(Right::Review)?;
    }
    if !app.work.cancel(&intent.id) {
        let detail = "it is not under way in this server";
        return Err(Problem::new(Code::Conflict, detail).about(intent.id));
    }
    trace(&app, &caller, "abort", intent.id.as_str(), "done").await;
    Ok((StatusCode::ACCEPTED, [(ETAG, etag(intent.version))], Json(IntentView::of(&intent))).into_response())
}
