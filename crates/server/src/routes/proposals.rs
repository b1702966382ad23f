//! Patches that agents hand in: each is a task of its own and goes the way of every other proposal.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::intents::registered;
use crate::app::App;
use crate::auth::Caller;
use crate::changes::{self, Idempotency};
use crate::extract::{Strict, idempotency_key};
use crate::problem::{Problem, ProblemBody};
use crate::requests::NewProposal;
use crate::view::IntentView;

/// Hands in a patch. It is durable when this answers, and is then read, judged, verified and decided about.
#[utoipa::path(post, path = "/proposals", tag = "intents", operation_id = "create_proposal", request_body = NewProposal,
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
    new: Strict<NewProposal>,
) -> Result<Response, Problem> {
    let once = idempotency_key(&headers)?.map(|key| Idempotency { key, request: new.hash });
    let intent = changes::propose(&app, &caller, &new.value, once).await?;
    Ok(registered(&intent))
}
