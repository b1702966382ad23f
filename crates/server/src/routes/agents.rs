//! Agents, for admins: added, listed, given new keys, certified, revoked. A key is in the one answer that makes it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::agent::{AgentName, Right};
use domain::money::MicroDollars;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use store::{Agent, Micros};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::{Caller, trace};
use crate::extract::{Strict, whole, whole_or_null};
use crate::keys;
use crate::problem::{Code, Problem, ProblemBody};

/// The most that an agent may be allowed in a month, in dollars.
const MOST_DOLLARS: u32 = 1_000_000;

/// A right, as a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    /// Register tasks and hand in patches.
    Propose,
    /// Approve and reject changes of others.
    Review,
    /// Manage agents.
    Admin,
}

impl From<Scope> for Right {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Propose => Self::Propose,
            Scope::Review => Self::Review,
            Scope::Admin => Self::Admin,
        }
    }
}

impl From<Right> for Scope {
    fn from(right: Right) -> Self {
        match right {
            Right::Propose => Self::Propose,
            Right::Review => Self::Review,
            Right::Admin => Self::Admin,
        }
    }
}

/// An agent to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAgent {
    /// Its name.
    #[schema(pattern = "^[a-z0-9][a-z0-9._-]{0,63}$")]
    name: String,
    /// What it may do; `propose` where nothing is said.
    #[schema(min_items = 1, value_type = Option<Vec<Scope>>)]
    #[serde(default)]
    scopes: Option<BTreeSet<Scope>>,
    /// Whether its changes may become branches where policy allows it; else they wait for a decision.
    #[serde(default)]
    certified: bool,
    /// The most that its changes may cost in a month, in whole US dollars.
    #[schema(maximum = 1_000_000)]
    #[serde(default, deserialize_with = "whole_or_null")]
    monthly: Option<u32>,
    /// Requests a minute.
    #[schema(minimum = 1, maximum = 4_294_967_295_u32)]
    #[serde(default, deserialize_with = "whole_or_null")]
    rpm: Option<u32>,
}

/// Whether an agent is certified.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Certificate {
    /// Whether it is.
    certified: bool,
}

/// How long the keys before stay valid.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    /// Seconds for which the keys before are still taken.
    #[schema(maximum = 604_800)]
    #[serde(default, deserialize_with = "whole")]
    overlap_seconds: u32,
}

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Agent)]
pub(crate) struct AgentView {
    /// Its name.
    name: String,
    /// What it may do.
    scopes: Vec<Scope>,
    /// Whether it is certified.
    certified: bool,
    /// The most that its changes may cost in a month, in millionths of a US dollar.
    #[schema(required)]
    monthly_micros: Option<u64>,
    /// Requests a minute; the server's limit where there is none.
    #[schema(required)]
    rpm: Option<u32>,
    /// Since when, in microseconds since 1970 (UTC).
    created_micros: i64,
    /// When it was revoked.
    #[schema(required)]
    revoked_micros: Option<i64>,
    /// Its keys.
    keys: Vec<KeyView>,
}

/// A key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Key)]
pub(crate) struct KeyView {
    /// How it begins, behind `ctk_`.
    prefix: String,
    /// Since when.
    created_micros: i64,
    /// Until when it is taken.
    #[schema(required)]
    expires_micros: Option<i64>,
}

/// An agent with its new key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentWithKey {
    /// The agent.
    agent: AgentView,
    /// The key. It is told this once and kept nowhere.
    key: String,
}

/// All agents.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentList {
    /// By name; revoked ones too.
    agents: Vec<AgentView>,
}

/// What agents were refused and what was done to them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceList {
    /// The newest first.
    traces: Vec<TraceView>,
}

/// One line of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Trace)]
pub(crate) struct TraceView {
    /// When, in microseconds since 1970 (UTC).
    at_micros: i64,
    /// Who.
    who: String,
    /// What was tried.
    what: String,
    /// On what.
    subject: String,
    /// How it ended.
    outcome: String,
}

impl AgentView {
    fn of(agent: &Agent) -> Self {
        let key = |key: &store::AgentKey| KeyView {
            prefix: key.prefix.clone(),
            created_micros: key.created.0,
            expires_micros: key.expires.map(|at| at.0),
        };
        Self {
            name: agent.name.to_string(),
            scopes: agent.rights.iter().map(|right| Scope::from(*right)).collect(),
            certified: agent.certified,
            monthly_micros: agent.monthly.map(MicroDollars::micros),
            rpm: agent.per_minute,
            created_micros: agent.created.0,
            revoked_micros: agent.revoked.map(|at| at.0),
            keys: agent.keys.iter().map(key).collect(),
        }
    }
}

fn named(name: &str) -> Result<AgentName, Problem> {
    name.parse().map_err(|_| Problem::not_found())
}

async fn found(app: &App, name: &AgentName) -> Result<Agent, Problem> {
    app.store().agent(name).await?.ok_or_else(Problem::not_found)
}

/// Adds an agent and tells its key, this once.
#[utoipa::path(post, path = "/agents", tag = "agents", operation_id = "create_agent", request_body = NewAgent, responses(
    (status = 201, description = "added", body = AgentWithKey),
    (status = "4XX", description = "a problem", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "not now", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    new: Strict<NewAgent>,
) -> Result<(StatusCode, Json<AgentWithKey>), Problem> {
    caller.needs(Right::Admin)?;
    let agent = new.value.checked(app.now())?;
    let key = keys::mint(None).map_err(|error| Problem::internal(&error))?;
    if !app.store().add_agent(&agent, &key.kept).await? {
        return Err(Problem::new(Code::Conflict, "this name is taken, or was once"));
    }
    trace(&app, &caller, "agent add", agent.name.as_str(), "done").await;
    let agent = AgentView::of(&found(&app, &agent.name).await?);
    Ok((StatusCode::CREATED, Json(AgentWithKey { agent, key: key.text.expose_secret().to_owned() })))
}

impl NewAgent {
    fn checked(self, now: Micros) -> Result<Agent, Problem> {
        let wrong = |what: &'static str| Problem::new(Code::Invalid, what);
        let name = self
            .name
            .parse()
            .map_err(|e: domain::agent::InvalidAgentName| Problem::new(Code::Invalid, e.to_string()))?;
        let rights: BTreeSet<Right> = self
            .scopes
            .map_or_else(|| [Right::Propose].into(), |all| all.into_iter().map(Into::into).collect());
        if rights.is_empty() {
            return Err(wrong("`scopes` is empty"));
        }
        if self.monthly.is_some_and(|dollars| dollars > MOST_DOLLARS) || self.rpm == Some(0) {
            return Err(wrong("`monthly` is at most 1000000 and `rpm` at least 1"));
        }
        Ok(Agent {
            name,
            rights,
            certified: self.certified,
            monthly: self.monthly.map(|dollars| MicroDollars::from_micros(u64::from(dollars) * 1_000_000)),
            per_minute: self.rpm,
            created: now,
            revoked: None,
            keys: Vec::new(),
        })
    }
}

/// All agents.
#[utoipa::path(get, path = "/agents", tag = "agents", operation_id = "list_agents", responses(
    (status = 200, description = "all of them", body = AgentList),
    (status = "4XX", description = "a problem", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "not now", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<AgentList>, Problem> {
    caller.needs(Right::Admin)?;
    let agents = app.store().agents().await?;
    Ok(Json(AgentList { agents: agents.iter().map(AgentView::of).collect() }))
}

/// One agent; an agent may look at itself.
#[utoipa::path(get, path = "/agents/{name}", tag = "agents", operation_id = "get_agent",
    params(("name" = String, Path, pattern = "^[a-z0-9][a-z0-9._-]{0,63}$")),
    responses(
        (status = 200, description = "the agent", body = AgentView),
        (status = "4XX", description = "a problem", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<AgentView>, Problem> {
    if caller.agent.name.as_str() != name {
        caller.needs(Right::Admin)?;
    }
    Ok(Json(AgentView::of(&found(&app, &named(&name)?).await?)))
}

/// Revokes an agent: none of its keys is taken from now on, by any server.
#[utoipa::path(delete, path = "/agents/{name}", tag = "agents", operation_id = "revoke_agent",
    params(("name" = String, Path, pattern = "^[a-z0-9][a-z0-9._-]{0,63}$")),
    responses(
        (status = 200, description = "revoked", body = AgentView),
        (status = "4XX", description = "a problem", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<AgentView>, Problem> {
    caller.needs(Right::Admin)?;
    let name = named(&name)?;
    if !app.store().revoke_agent(&name, app.now()).await? {
        return Err(Problem::not_found());
    }
    trace(&app, &caller, "agent revoke", name.as_str(), "done").await;
    Ok(Json(AgentView::of(&found(&app, &name).await?)))
}

/// Gives an agent a new key and tells it, this once; the keys before end at once or after `overlap_seconds`.
#[utoipa::path(post, path = "/agents/{name}/keys", tag = "agents", operation_id = "rotate_key", request_body = Rotation,
    params(("name" = String, Path, pattern = "^[a-z0-9][a-z0-9._-]{0,63}$")),
    responses(
        (status = 201, description = "the new key", body = AgentWithKey),
        (status = "4XX", description = "a problem", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn rotate(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    rotation: Strict<Rotation>,
) -> Result<(StatusCode, Json<AgentWithKey>), Problem> {
    caller.needs(Right::Admin)?;
    let name = named(&name)?;
    let overlap = i64::from(rotation.value.overlap_seconds);
    if overlap > 604_800 {
        return Err(Problem::new(Code::Invalid, "`overlap_seconds` is at most a week"));
    }
    let key = keys::mint(None).map_err(|error| Problem::internal(&error))?;
    let now = app.now();
    if !app.store().rotate_key(&name, &key.kept, now, Micros(now.0 + overlap * 1_000_000)).await? {
        return Err(Problem::not_found());
    }
    trace(&app, &caller, "agent rotate", name.as_str(), "done").await;
    let agent = AgentView::of(&found(&app, &name).await?);
    Ok((StatusCode::CREATED, Json(AgentWithKey { agent, key: key.text.expose_secret().to_owned() })))
}

/// Sets whether an agent is certified.
#[utoipa::path(post, path = "/agents/{name}/certificate", tag = "agents", operation_id = "certify_agent", request_body = Certificate,
    params(("name" = String, Path, pattern = "^[a-z0-9][a-z0-9._-]{0,63}$")),
    responses(
        (status = 200, description = "the agent", body = AgentView),
        (status = "4XX", description = "a problem", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(crate) async fn certify(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    certificate: Strict<Certificate>,
) -> Result<Json<AgentView>, Problem> {
    caller.needs(Right::Admin)?;
    let name = named(&name)?;
    if !app.store().certify_agent(&name, certificate.value.certified).await? {
        return Err(Problem::not_found());
    }
    trace(&app, &caller, "agent certify", name.as_str(), "done").await;
    Ok(Json(AgentView::of(&found(&app, &name).await?)))
}

/// What agents were refused and what was done to them, the newest first.
#[utoipa::path(get, path = "/traces", tag = "agents", operation_id = "traces", responses(
    (status = 200, description = "the newest hundred", body = TraceList),
    (status = "4XX", description = "a problem", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "not now", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn traces(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<TraceList>, Problem> {
    caller.needs(Right::Admin)?;
    let view = |trace: store::Trace| TraceView {
        at_micros: trace.at.0,
        who: trace.who,
        what: trace.what,
        subject: trace.subject,
        outcome: trace.outcome,
    };
    Ok(Json(TraceList { traces: app.store().traces(100).await?.into_iter().map(view).collect() }))
}
