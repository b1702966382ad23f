//! All routes with what every request goes through: counted, timed, kept from panicking, and, but for three routes, let
//! in by a key.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;

use crate::app::App;
use crate::auth::guard;
use crate::problem::{Code, Problem};
use crate::{document, metrics, spans};

/// The whole service.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let (open, _) = document::open_routes().split_for_parts();
    let (guarded, _) = document::guarded_routes().split_for_parts();
    let guarded = guarded
        .nest_service("/mcp", crate::mcp::http(app))
        .fallback(nothing)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(Arc::clone(app), guard));
    open.method_not_allowed_fallback(no_such_method)
        .merge(guarded)
        .layer(DefaultBodyLimit::max(app.limits.body))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(Arc::clone(app), around))
        .layer(from_fn(only_known_methods))
        .with_state(Arc::clone(app))
}

async fn nothing() -> Problem {
    Problem::not_found()
}

/// Says which methods there are, as RFC 9110, section 15.5.6, wants it.
async fn no_such_method(path: Option<MatchedPath>) -> Response {
    let mut response = Problem::new(Code::MethodNotAllowed, "`Allow` lists the methods").into_response();
    let allowed = path.and_then(|path| document::METHODS.get(path.as_str()).cloned());
    let allowed = allowed.unwrap_or(HeaderValue::from_static("GET, POST, DELETE"));
    response.headers_mut().insert(header::ALLOW, allowed);
    response
}

/// HEAD would be answered as GET, and OPTIONS, TRACE and the like have no use here.
async fn only_known_methods(path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    if [Method::GET, Method::POST, Method::DELETE].contains(request.method()) {
        return next.run(request).await;
    }
    no_such_method(path).await
}

/// Bounds the time until the answer begins, counts the request, and says that answers are not to be kept or guessed at.
async fn around(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = match *request.method() {
        Method::GET => metrics::Method::GET,
        Method::POST => metrics::Method::POST,
        Method::DELETE => metrics::Method::DELETE,
        _ => metrics::Method::OTHER,
    };
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > app.limits.body as u64) {
        // Said before the body is sent, and the connection ends with it.
        return Problem::new(Code::TooLarge, "the body is over the limit").into_response();
    }
    let span = spans::request(&request, &route);
    let answer = next.run(request).instrument(span.clone());
    let mut response = match tokio::time::timeout(app.limits.request_time, answer).await {
        Ok(response) => response,
        Err(_) => {
            Problem::new(Code::Timeout, "the request did not come or was not done in time").into_response()
        }
    };
    let (status, took) = (response.status().as_u16(), began.elapsed());
    app.metrics.count(&route, method, status, took);
    spans::answered(&span, status);
    tracing::debug!(%route, ?method, status, micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX), "answered");
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    response
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over")]
fn panicked(what: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text =
        what.downcast_ref::<String>().map(String::as_str).or_else(|| what.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("without a message"), "a request panicked");
    Problem::new(Code::Internal, "the server's log has the cause").into_response()
}
