//! Whether the server lives, whether it can work, what it counts, and its own description.

use std::sync::{Arc, OnceLock};

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::problem::{Code, Problem, ProblemBody};

/// A word on the state.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Word {
    /// `ok`.
    status: &'static str,
}

/// Whether the process answers.
#[utoipa::path(get, path = "/health", tag = "service", operation_id = "health", security(()), responses(
    (status = 200, description = "it does", body = Word),
))]
pub(crate) async fn health() -> Json<Word> {
    Json(Word { status: "ok" })
}

/// Whether the registry answers and new work is taken.
#[utoipa::path(get, path = "/ready", tag = "service", operation_id = "ready", security(()), responses(
    (status = 200, description = "both", body = Word),
    (status = 503, description = "not now", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Word>, Problem> {
    if app.stop.is_set() {
        return Err(Problem::new(Code::Unavailable, "the server is ending"));
    }
    app.store().agent_by_key("000000000000", app.now()).await.map_err(|error| {
        tracing::error!(%error, "the registry does not answer");
        Problem::new(Code::Unavailable, "the registry does not answer")
    })?;
    Ok(Json(Word { status: "ok" }))
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "service", operation_id = "openapi", security(()), responses(
    (status = 200, description = "the OpenAPI document", body = serde_json::Value),
))]
pub(crate) async fn document() -> Result<impl IntoResponse, Problem> {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = match TEXT.get() {
        Some(text) => text,
        None => {
            let text = crate::document::openapi().map_err(|error| Problem::internal(&error))?;
            TEXT.get_or_init(|| text)
        }
    };
    Ok(([(CONTENT_TYPE, "application/json")], text.as_str()))
}

/// Counters for Prometheus. No name of a repository, a file, an agent or a key is among them.
#[utoipa::path(get, path = "/metrics", tag = "service", operation_id = "metrics", responses(
    (status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text"),
    (status = "4XX", description = "a problem", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn metrics(
    State(app): State<Arc<App>>,
    _caller: Caller,
) -> Result<impl IntoResponse, Problem> {
    let text = app.metrics.text(&app.store().figures().await?);
    Ok(([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text))
}
