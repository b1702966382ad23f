//! What was spent, for those who see everything.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use store::Period;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::problem::{Code, Problem, ProblemBody};

/// What was spent.
#[derive(Debug, Serialize, ToSchema, schemars::JsonSchema)]
pub(crate) struct Usage {
    /// By day and provider, the newest day first.
    lines: Vec<UsageRow>,
    /// Money owed in all, in millionths of a US dollar.
    billed_micros: u64,
}

/// What one provider cost on one day.
#[derive(Debug, Serialize, ToSchema, schemars::JsonSchema)]
pub(crate) struct UsageRow {
    /// The day in UTC.
    #[schema(format = Date)]
    day: String,
    /// The provider.
    provider: String,
    /// How often it was to be asked.
    attempts: u64,
    /// Money owed.
    billed_micros: u64,
    /// List price of what was free.
    imputed_micros: u64,
    /// Money still set aside.
    reserved_micros: u64,
    /// Tokens of requests.
    prompt_tokens: u64,
    /// Tokens of answers.
    completion_tokens: u64,
}

/// What was spent, by day and provider; needs the scope `review` or `admin`.
#[utoipa::path(get, path = "/usage", tag = "agents", operation_id = "usage", responses(
    (status = 200, description = "what was spent", body = Usage),
    (status = "4XX", description = "a problem", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "not now", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn usage(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Usage>, Problem> {
    of(&app, &caller).await.map(Json)
}

/// The same for any protocol.
pub(crate) async fn of(app: &App, caller: &Caller) -> Result<Usage, Problem> {
    if !caller.sees_all() {
        return Err(Problem::new(Code::Forbidden, "this needs a key with the scope `review` or `admin`"));
    }
    let lines = app.store().usage(Period::ALL).await?;
    let row = |line: &store::UsageLine| UsageRow {
        day: line.day.clone(),
        provider: line.provider.to_string(),
        attempts: line.attempts,
        billed_micros: line.billed.micros(),
        imputed_micros: line.imputed.micros(),
        reserved_micros: line.reserved.micros(),
        prompt_tokens: line.prompt_tokens,
        completion_tokens: line.completion_tokens,
    };
    let rows: Vec<UsageRow> = lines.iter().map(row).collect();
    let billed_micros = rows.iter().fold(0_u64, |sum, row| sum.saturating_add(row.billed_micros));
    Ok(Usage { lines: rows, billed_micros })
}
