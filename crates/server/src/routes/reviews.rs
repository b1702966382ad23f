//! Decisions of agents that may review; never about what they asked for themselves.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::auth::Caller;
use crate::changes;
use crate::extract::{Strict, check_version, etag};
use crate::problem::{Problem, ProblemBody};
use crate::requests::NewReview;
use crate::view::IntentView;

/// Approves or rejects a waiting change. Of several decisions at once one wins; the others get `conflict` or `busy`.
#[utoipa::path(post, path = "/intents/{id}/reviews", tag = "intents", operation_id = "create_review", request_body = NewReview,
    params(("id" = String, Path, format = Uuid), ("If-Match" = Option<String>, Header, description = "decide only about this `ETag`")),
    responses(
        (status = 200, description = "decided", body = IntentView, headers(("ETag" = String))),
        (status = "4XX", description = "a problem", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    review: Strict<NewReview>,
) -> Result<Response, Problem> {
    let intent = changes::find(&app, &caller, &id).await?;
    let version = check_version(&headers, intent.version);
    let intent = changes::review(&app, &caller, &intent, review.value, version).await?;
    Ok(([(ETAG, etag(intent.version))], Json(IntentView::of(&intent))).into_response())
}
