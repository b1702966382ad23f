//! Who calls: a key in the `Authorization` header, looked up for every request, so that a revoked one is refused by
//! every server at once. Nothing is told apart: a missing key, a wrong one and a revoked one get the same answer.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::agent::Right;
use domain::ids::Sha256;
use domain::intent::Intent;
use store::{Agent, Trace};

use crate::app::App;
use crate::keys;
use crate::limits::counted;
use crate::problem::{Code, Problem};

/// How long traces are kept, in microseconds: a quarter of a year.
const TRACES_KEPT: i64 = 90 * 24 * 3600 * 1_000_000;

/// Looked up when there is nothing to look up, so that it takes the same time.
const NOBODY: &str = "000000000000";

/// An agent that has proved its key.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) agent: Arc<Agent>,
}

impl Caller {
    /// Refuses those without this right.
    pub(crate) fn needs(&self, right: Right) -> Result<(), Problem> {
        if self.agent.rights.contains(&right) {
            return Ok(());
        }
        Err(Problem::new(Code::Forbidden, format!("this needs a key with the scope `{right}`")))
    }

    /// Whether it sees changes of others.
    pub(crate) fn sees_all(&self) -> bool {
        self.agent.rights.contains(&Right::Review) || self.agent.rights.contains(&Right::Admin)
    }

    /// Whether it may see this change.
    pub(crate) fn sees(&self, intent: &Intent) -> bool {
        self.sees_all() || intent.agent.as_ref() == Some(&self.agent.name)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::unauthorized)
    }
}

/// Lets through only requests with a valid key and within the limits.
pub(crate) async fn guard(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    match admit(&app, peer, request.uri(), request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn admit(app: &App, peer: SocketAddr, uri: &Uri, headers: &HeaderMap) -> Result<Caller, Problem> {
    if uri.query().is_some_and(names_a_key) {
        let detail = "a key in an address ends in logs: send it as `Authorization: Bearer KEY`";
        return Err(Problem::new(Code::BadRequest, detail));
    }
    let Some(agent) = authenticate(app, bearer(headers)).await? else {
        let address = counted(peer.ip());
        return match app.counters.strangers.take(&address, app.limits.strangers_per_minute) {
            Ok(()) => Err(Problem::unauthorized()),
            Err(wait) => {
                Err(Problem::new(Code::TooManyRequests, "too many requests without a key").after(wait))
            }
        };
    };
    count(app, &agent).await?;
    Ok(Caller { agent: Arc::new(agent) })
}

/// Counts one request of an agent, whichever of its keys it used.
pub(crate) async fn count(app: &App, agent: &Agent) -> Result<(), Problem> {
    let limit = agent.per_minute.unwrap_or(app.limits.agent_per_minute);
    let too_many = |wait| {
        Problem::new(Code::TooManyRequests, format!("this agent may send {limit} requests a minute"))
            .after(wait)
    };
    // The own counter spreads the minute; the registry's counts what other servers let through.
    app.counters.agents.take(&agent.name, limit).map_err(too_many)?;
    app.counters.portions.take(app.store(), &agent.name, limit, app.now()).await?.map_err(too_many)
}

/// The agent that this key belongs to, if it is taken now. The work is the same whatever is sent.
pub(crate) async fn authenticate(app: &App, key: &str) -> Result<Option<Agent>, Problem> {
    let prefix = keys::prefix_of(key).unwrap_or(NOBODY);
    let holder = app.store().agent_by_key(prefix, app.now()).await?;
    let nobody = Sha256::of(b"nobody");
    let fits = keys::fits(key, holder.as_ref().map_or(&nobody, |holder| &holder.hash));
    Ok(holder.filter(|_| fits).map(|holder| holder.agent))
}

/// The key that the header holds; empty when there is none.
fn bearer(headers: &HeaderMap) -> &str {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return "" };
    let Some((scheme, key)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else { return "" };
    if scheme.eq_ignore_ascii_case("bearer") { key.trim() } else { "" }
}

fn names_a_key(query: &str) -> bool {
    let names = ["key", "api_key", "apikey", "token", "access_token", "authorization"];
    let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.any(|(name, value)| {
        names.iter().any(|n| n.eq_ignore_ascii_case(name)) || keys::prefix_of(value).is_some()
    })
}

/// Keeps a line on what somebody tried. What cannot be kept is logged and does not stop the request.
pub(crate) async fn trace(app: &App, caller: &Caller, what: &str, subject: &str, outcome: &str) {
    let trace = Trace {
        at: app.now(),
        who: caller.agent.name.to_string(),
        what: what.to_owned(),
        subject: subject.to_owned(),
        outcome: outcome.to_owned(),
    };
    tracing::info!(who = %trace.who, what, subject, outcome, "traced");
    let forget = store::Micros(trace.at.0 - TRACES_KEPT);
    if let Err(error) = app.store().add_trace(&trace, forget).await {
        tracing::error!(%error, "a trace could not be kept");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_the_address_is_known_by_its_name_or_its_form() {
        let key = format!("ctk_{}_{}", "a".repeat(12), "b".repeat(64));
        assert!(
            names_a_key("key=x") && names_a_key("a=1&Access_Token=x") && names_a_key(&format!("q={key}"))
        );
        assert!(!names_a_key("status=published&limit=5"));
    }

    #[test]
    fn only_one_bearer_header_is_read() {
        let headers = |values: &[&str]| {
            let mut map = HeaderMap::new();
            for value in values {
                map.append(AUTHORIZATION, value.parse().unwrap());
            }
            map
        };
        assert_eq!(bearer(&headers(&["Bearer abc"])), "abc");
        assert_eq!(bearer(&headers(&["bearer  abc"])), "abc");
        for other in [&["Basic abc"][..], &["abc"], &[], &["Bearer a", "Bearer b"]] {
            assert_eq!(bearer(&headers(other)), "");
        }
    }
}
