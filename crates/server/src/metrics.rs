//! What is counted for Prometheus: requests by route and status, and the KPIs of the registry. No name of a
//! repository, a file, an agent or a key is among the labels.

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use std::time::Duration;

/// One sort of request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    /// The route's pattern, never the path.
    route: String,
    method: Method,
    status: u16,
}

/// The methods that are served; others are counted as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(clippy::upper_case_acronyms, reason = "as HTTP writes them")]
pub(crate) enum Method {
    GET,
    POST,
    DELETE,
    OTHER,
}

/// The counters of one server.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    seconds: Histogram,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let requests = Family::<Request, Counter>::default();
        let seconds = Histogram::new(exponential_buckets(0.0005, 2.0, 16));
        registry.register("codex_http_requests", "Requests by route, method and status", requests.clone());
        registry.register("codex_http_request_seconds", "Time until the answer begins", seconds.clone());
        Self { registry, requests, seconds }
    }

    /// Counts one request.
    pub(crate) fn count(&self, route: &str, method: Method, status: u16, took: Duration) {
        self.requests.get_or_create(&Request { route: route.to_owned(), method, status }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// The text for Prometheus (OpenMetrics 1.0), with these figures of the registry.
    pub(crate) fn text(&self, figures: &store::Figures) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        let mut text = text.strip_suffix(END).unwrap_or(&text).to_owned();
        let _ = encode(&mut text, &kpis(figures));
        text
    }
}

/// What closes an OpenMetrics text.
const END: &str = "# EOF\n";

/// The KPIs under the names that the first users gave them.
fn kpis(figures: &store::Figures) -> Registry {
    let mut kpis = Registry::default();
    let count = |number: u64| ConstGauge::new(i64::try_from(number).unwrap_or(i64::MAX));
    kpis.register(
        "codex_suggestions",
        "Proposals that providers were asked for",
        ConstCounter::new(figures.suggestions),
    );
    kpis.register(
        "codex_suggestions_passed_verification",
        "Changes whose checks passed",
        count(figures.verified),
    );
    kpis.register("codex_suggestions_pr_opened", "Changes published as a branch", count(figures.published));
    kpis.register("codex_intents_waiting", "Changes that wait for a decision", count(figures.waiting));
    kpis.register("codex_intents_unfinished", "Changes under way", count(figures.unfinished));
    if let Some(confidence) = figures.confidence {
        let help = "Mean confidence of the changes that have one";
        kpis.register("codex_suggestions_avg_confidence", help, ConstGauge::new(confidence));
    }
    let dollars = figures.billed.micros() as f64 / 1e6;
    kpis.register("codex_cost", "Money owed, in US dollars", ConstCounter::new(dollars));
    kpis
}
