//! Traces: where the environment names an OpenTelemetry collector, spans go to it by OTLP over HTTP. A repository has no say
//! in it, and without those variables nothing of this is set up.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// What names a collector, by the OpenTelemetry specification ("OTLP exporter configuration"). The first one wins.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
/// What names the protocol; by the same specification `http/protobuf` is the default.
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
/// How long the end of the process waits for the last spans to be sent.
const LAST: Duration = Duration::from_secs(5);

/// Sends until the process ends.
static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// Where spans go; `None` where nobody collects them.
///
/// # Errors
/// One sentence, when what the environment says cannot be followed.
pub(crate) fn layer<S>(environment: &BTreeMap<String, String>) -> Result<Option<impl Layer<S>>, String>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let Some(endpoint) = endpoint(environment)? else { return Ok(None) };
    let provider = provider(endpoint, environment)?;
    let provider = PROVIDER.get_or_init(|| provider);
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let tracer: Tracer = provider.tracer("codex-task");
    let spans = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false);
    // Lines of the log stay here: they may hold what is nobody else's business.
    let is_ours = |found: &Metadata<'_>| found.is_span() && found.target() == engine::spans::TARGET;
    Ok(Some(spans.with_filter(filter_fn(is_ours))))
}

/// Sends what was not sent yet. Whoever collects may be away: that is no reason to wait for long.
pub(crate) fn end() {
    if let Some(provider) = PROVIDER.get() {
        // The log has why, when it cannot be sent.
        let _ = provider.shutdown_with_timeout(LAST);
    }
}

/// The collector's address, where there is one to be sent to.
fn endpoint(environment: &BTreeMap<String, String>) -> Result<Option<&str>, String> {
    let value =
        |name: &str| environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let is_off = value("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || value("OTEL_TRACES_EXPORTER") == Some("none");
    let Some(endpoint) = ENDPOINTS.iter().find_map(|name| value(name)).filter(|_| !is_off) else {
        return Ok(None);
    };
    if let Some((name, protocol)) = PROTOCOLS
        .iter()
        .find_map(|name| value(name).map(|value| (name, value)))
        .filter(|(_, p)| *p != "http/protobuf")
    {
        return Err(format!("{name} is {protocol:?}; only http/protobuf is spoken"));
    }
    Ok(Some(endpoint))
}

fn provider(endpoint: &str, environment: &BTreeMap<String, String>) -> Result<SdkTracerProvider, String> {
    let tls = providers::tls(endpoint.starts_with("https:"))?;
    // The client begins a runtime of its own, which must not happen within another one.
    let client =
        thread::spawn(|| reqwest::blocking::Client::builder().tls_backend_preconfigured(tls).build()).join();
    let client = client.map_err(|_| "the client for traces cannot be made".to_owned())?;
    let client = client.map_err(|error| format!("the client for traces cannot be made: {error}"))?;
    let exporter = SpanExporter::builder().with_http().with_http_client(client).build();
    let exporter = exporter.map_err(|error| format!("traces cannot be sent: {error}"))?;
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource(environment))
        .build())
}

/// What the spans are of. The environment may name it.
fn resource(environment: &BTreeMap<String, String>) -> Resource {
    let is_named = environment.contains_key("OTEL_SERVICE_NAME")
        || environment.get("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|value| value.contains("service.name="));
    let resource =
        Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if is_named { resource.build() } else { resource.with_service_name("codex-task").build() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let environment = variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        endpoint(&environment).map(|found| found.map(str::to_owned))
    }

    #[test]
    fn the_environment_says_where_spans_go() {
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), Ok(None));
        let general = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318");
        assert_eq!(of(&[general]), Ok(Some("http://a:4318".to_owned())));
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b/v1/traces");
        assert_eq!(of(&[general, own]), Ok(Some("http://b/v1/traces".to_owned())));
        assert_eq!(of(&[general, ("OTEL_SDK_DISABLED", "true")]), Ok(None));
        assert_eq!(of(&[general, ("OTEL_TRACES_EXPORTER", "none")]), Ok(None));
        let refused = of(&[general, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).unwrap_err();
        assert_eq!(refused, "OTEL_EXPORTER_OTLP_PROTOCOL is \"grpc\"; only http/protobuf is spoken");
    }
}
