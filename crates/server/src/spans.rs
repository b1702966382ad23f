//! Spans of requests, for whoever collects traces. A request may say of which trace it is part (W3C Trace Context), and the
//! change that it registers is linked to it.

use axum::extract::Request;
use axum::http::HeaderMap;
use opentelemetry::propagation::Extractor;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use tracing::field::Empty;
use tracing::{Span, trace_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The headers, as the propagator wants to read them.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(axum::http::HeaderName::as_str).collect()
    }
}

/// A request to one of our routes. The names are those of OpenTelemetry's conventions for HTTP servers.
pub(crate) fn request(request: &Request, route: &str) -> Span {
    let method = request.method().as_str();
    let span = trace_span!(target: engine::spans::TARGET, "request", otel.name = format!("{method} {route}"), otel.kind = "server",
        http.request.method = method, http.route = route, http.response.status_code = Empty, otel.status_code = Empty);
    if !span.is_disabled() {
        let parent =
            opentelemetry::global::get_text_map_propagator(|all| all.extract(&Headers(request.headers())));
        // A span that nobody collects has no parent either.
        let _ = span.set_parent(parent);
    }
    span
}

/// What was answered. Only our own failures are errors.
pub(crate) fn answered(span: &Span, status: u16) {
    span.record("http.response.status_code", status);
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}

/// The request that is being answered, to be linked to what it begins.
pub(crate) fn cause() -> SpanContext {
    Span::current().context().span().span_context().clone()
}

/// A registered change that a worker takes up.
pub(crate) fn taken_up(intent: &domain::ids::IntentId, cause: SpanContext) -> Span {
    let span = trace_span!(target: engine::spans::TARGET, "take up", intent.id = %intent);
    span.add_link(cause);
    span
}
