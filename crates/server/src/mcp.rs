//! The same verbs for models: the Model Context Protocol over standard streams and over HTTP, with the same keys, scopes
//! and limits. Nothing outside of this file knows the protocol's library.

use std::sync::Arc;
use std::time::Duration;

use engine::{Cancel, Operator};
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{Extensions, ServerCapabilities, ServerConfig};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{Json, ServerHandler, ServiceExt, tool, tool_handler, tool_router};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use store::{Filter, Page};

use crate::app::{App, OpenProject};
use crate::auth::{Caller, authenticate, count};
use crate::changes;
use crate::extract::{whole, whole_or_null};
use crate::limits::Limits;
use crate::problem::Problem;
use crate::requests::{NewIntent, NewProposal};
use crate::routes::usage::{self, Usage};
use crate::server::{ServerError, app};
use crate::view::{IntentView, RowView, WantedGoal};

/// The longest that a call waits for a change to rest, in seconds.
const LONGEST_WAIT: u64 = 20;

/// One session: over standard streams with a key of its own, over HTTP with that of each request.
#[derive(Clone)]
pub(crate) struct Tools {
    app: Arc<App>,
    key: Option<Arc<SecretString>>,
    tool_router: ToolRouter<Self>,
}

/// Which change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The change's id.
    id: String,
    /// Wait at most this many seconds (20 at the most) for it to rest.
    #[serde(default, deserialize_with = "whole")]
    wait_seconds: u64,
}

/// Which changes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Listed {
    /// Those with this status, such as `needs-person` or `published`.
    #[serde(default)]
    status: Option<String>,
    /// Findings of this file.
    #[serde(default)]
    file: Option<String>,
    /// The one to which this answer belongs.
    #[serde(default)]
    codex_suggestion_id: Option<String>,
    /// At most this many, 100 at the most.
    #[serde(default, deserialize_with = "whole_or_null")]
    limit: Option<u32>,
}

/// A list of changes.
#[derive(Debug, Serialize, JsonSchema)]
struct Intents {
    /// The newest first.
    intents: Vec<RowView>,
}

#[tool_router(router = tool_router)]
impl Tools {
    fn new(app: Arc<App>, key: Option<Arc<SecretString>>) -> Self {
        Self { app, key, tool_router: Self::tool_router() }
    }

    /// Registers a task or a finding; the operator asks its own providers for the change.
    #[tool(name = "register_intent")]
    async fn register_intent(
        &self,
        Parameters(new): Parameters<NewIntent>,
        extensions: Extensions,
    ) -> Result<Json<IntentView>, String> {
        let caller = self.caller(&extensions).await?;
        let intent = changes::register(&self.app, &caller, &new, None).await.map_err(told)?;
        Ok(Json(IntentView::of(&intent)))
    }

    /// Hands in a patch: it is judged, verified in a sandbox and decided about like any other.
    #[tool(name = "propose_patch")]
    async fn propose_patch(
        &self,
        Parameters(new): Parameters<NewProposal>,
        extensions: Extensions,
    ) -> Result<Json<IntentView>, String> {
        let caller = self.caller(&extensions).await?;
        let intent = changes::propose(&self.app, &caller, &new, None).await.map_err(told)?;
        Ok(Json(IntentView::of(&intent)))
    }

    /// Judges and verifies a patch without making a branch; waits up to 20 seconds for the verdict.
    #[tool(name = "verify_patch")]
    async fn verify_patch(
        &self,
        Parameters(new): Parameters<NewProposal>,
        extensions: Extensions,
    ) -> Result<Json<IntentView>, String> {
        let caller = self.caller(&extensions).await?;
        let new = NewProposal { goal: WantedGoal::Verify, ..new };
        let intent = changes::propose(&self.app, &caller, &new, None).await.map_err(told)?;
        self.shown(&caller, intent.id.as_str(), LONGEST_WAIT).await
    }

    /// One change with its story so far.
    #[tool(name = "get_intent")]
    async fn get_intent(
        &self,
        Parameters(which): Parameters<Which>,
        extensions: Extensions,
    ) -> Result<Json<IntentView>, String> {
        let caller = self.caller(&extensions).await?;
        self.shown(&caller, &which.id, which.wait_seconds.min(LONGEST_WAIT)).await
    }

    /// The changes that this key may see, the newest first.
    #[tool(name = "list_intents")]
    async fn list_intents(
        &self,
        Parameters(wanted): Parameters<Listed>,
        extensions: Extensions,
    ) -> Result<Json<Intents>, String> {
        let caller = self.caller(&extensions).await?;
        let suggestion = wanted.codex_suggestion_id.map(|id| id.parse()).transpose();
        let filter = Filter {
            status: wanted.status,
            file: wanted.file,
            suggestion: suggestion.map_err(|e: domain::ids::InvalidId| e.to_string())?,
            ..Filter::default()
        };
        let page = Page::first(wanted.limit.unwrap_or(20).clamp(1, 100));
        let rows = changes::list(&self.app, &caller, filter, page).await.map_err(told)?;
        Ok(Json(Intents { intents: rows.into_iter().map(RowView::of).collect() }))
    }

    /// What was spent, by day and provider; needs the scope review or admin.
    #[tool(name = "usage")]
    async fn usage(&self, extensions: Extensions) -> Result<Json<Usage>, String> {
        let caller = self.caller(&extensions).await?;
        usage::of(&self.app, &caller).await.map(Json).map_err(told)
    }
}

impl Tools {
    /// Who calls: over HTTP the guard has let it in; over standard streams the key is proved and counted here, each time.
    async fn caller(&self, extensions: &Extensions) -> Result<Caller, String> {
        let Some(key) = &self.key else {
            let parts = extensions.get::<axum::http::request::Parts>();
            let caller = parts.and_then(|parts| parts.extensions.get::<Caller>());
            return caller.cloned().ok_or_else(|| told(Problem::unauthorized()));
        };
        let agent = authenticate(&self.app, key.expose_secret()).await.map_err(told)?;
        let agent = agent.ok_or_else(|| told(Problem::unauthorized()))?;
        count(&self.app, &agent).await.map_err(told)?;
        Ok(Caller { agent: Arc::new(agent) })
    }

    async fn shown(&self, caller: &Caller, id: &str, seconds: u64) -> Result<Json<IntentView>, String> {
        let mut head = self.app.head.subscribe();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(seconds);
        loop {
            head.mark_unchanged();
            let intent = changes::find(&self.app, caller, id).await.map_err(told)?;
            let waited = intent.phase.is_at_rest() || self.app.stop.is_set();
            if waited || !matches!(tokio::time::timeout_at(deadline, head.changed()).await, Ok(Ok(()))) {
                return Ok(Json(IntentView::of(&intent)));
            }
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn told(problem: Problem) -> String {
    problem.line()
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build()).with_instructions(
            "Changes to a git repository under control. Hand in a unified diff with propose_patch, or describe a task \
             with register_intent; then follow it with get_intent until it is at rest.",
        )
    }
}

/// The protocol over HTTP, behind the guard.
pub(crate) fn http(app: &Arc<App>) -> StreamableHttpService<Tools, NeverSessionManager> {
    // The guard asks every request for a key, so a page that was led here by a false name has none; sessions would
    // outlive the key that began them.
    let config = StreamableHttpServerConfig::default()
        .disable_allowed_hosts()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(app.limits.body);
    let app = Arc::clone(app);
    StreamableHttpService::new(move || Ok(Tools::new(Arc::clone(&app), None)), Arc::default(), config)
}

/// Speaks the protocol over standard input and output until the client hangs up or the wish to stop is set.
///
/// # Errors
/// See [`ServerError`].
pub async fn over_stdio(
    operator: Operator,
    open: OpenProject,
    key: SecretString,
    (jobs, grace): (usize, Duration),
    stop: Cancel,
) -> Result<(), ServerError> {
    let (app, workers) = app(operator, open, jobs, Limits::default(), stop.clone()).await?;
    let follower = tokio::spawn(crate::feed::follow(Arc::clone(&app)));
    let tools = Tools::new(Arc::clone(&app), Some(Arc::new(key)));
    tokio::select! {
        () = stop.wait() => {}
        served = tools.serve(rmcp::transport::stdio()) => match served {
            Ok(running) => tokio::select! {
                () = stop.wait() => {}
                ended = running.waiting() => tracing::debug!(?ended, "the client is gone"),
            },
            Err(error) => tracing::warn!(%error, "no client spoke the protocol"),
        },
    }
    stop.set();
    workers.end(grace).await;
    follower.abort();
    Ok(())
}
