//! Traces: a collector that the environment names gets the spans of a change, and nothing of what it is about.

use opentelemetry_proto::tonic::trace::v1::Span;

use crate::support::collector::{Collector, attribute};
use crate::tell::{Tale, Told};

const KEY: &str = "sk-canary-of-traces";

fn told_to(collector: &Collector) -> Told {
    let mut told = Tale::PUBLISHED.begin();
    told.place.set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url);
    told.place.set("OPENAI_API_KEY", KEY);
    told
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {:?}", spans.iter().map(|s| &s.name).collect::<Vec<_>>()))
}

#[test]
fn a_change_its_steps_questions_and_checks_are_one_trace() {
    let collector = Collector::new("200 OK");
    let told = told_to(&collector);
    let last = Tale::PUBLISHED.up_to_the_last(&told);
    told.place.ends_with(0, &last.iter().map(String::as_str).collect::<Vec<_>>());

    let spans = collector.spans();
    let change = named(&spans, "change");
    assert!(change.parent_span_id.is_empty(), "{change:?}");
    let intent = told.place.intent();
    assert_eq!(attribute(change, "intent.id"), Some(intent.id.to_string()));
    assert_eq!(attribute(change, "change.status").as_deref(), Some(intent.status()));
    for step in ["route", "propose", "read", "judge", "stage", "verify", "decide", "publish", "rest"] {
        assert_eq!(named(&spans, step).parent_span_id, change.span_id, "{step}");
    }
    let question = named(&spans, "ask local");
    assert_eq!(question.parent_span_id, named(&spans, "propose").span_id);
    assert_eq!(attribute(question, "gen_ai.provider.name").as_deref(), Some("local"));
    assert_eq!(attribute(question, "gen_ai.request.model").as_deref(), Some("scripted"));
    let usage = intent.attempts[0].proposal.as_ref().unwrap().usage.unwrap();
    assert_eq!(attribute(question, "gen_ai.usage.input_tokens"), Some(usage.prompt.to_string()));
    let checks: Vec<_> = spans.iter().filter(|span| span.name.starts_with("check ")).collect();
    assert!(
        checks.iter().any(|check| attribute(check, "check.side").as_deref() == Some("candidate")),
        "{spans:?}"
    );
    for check in &checks {
        assert_eq!(check.parent_span_id, named(&spans, "verify").span_id);
        assert!(attribute(check, "check.end").is_some(), "{check:?}");
    }
    assert!(spans.iter().all(|span| span.trace_id == change.trace_id && span.events.is_empty()), "{spans:?}");

    assert!(
        collector.heads().iter().all(|head| head.starts_with("POST /v1/traces ")),
        "{:?}",
        collector.heads()
    );
    assert!(collector.was_told("codex-task"), "the service has its name");
    assert!(!collector.was_told(KEY), "a key was sent");
    let text = &intent.task.text;
    assert!(!text.is_empty() && !collector.was_told(text), "the task was sent");
}

#[test]
fn a_collector_that_is_away_or_refuses_changes_nothing() {
    let refusing = Collector::new("400 Bad Request");
    let mut told = told_to(&refusing);
    let last = Tale::PUBLISHED.up_to_the_last(&told);
    let last: Vec<_> = last.iter().map(String::as_str).collect();
    told.place.ends_with(0, &last);
    assert!(!refusing.spans().is_empty());
    let logs = told.place.ends_with(0, &["logs", "--lines", "200"]);
    assert!(
        logs.stdout.contains("opentelemetry"),
        "the log does not say that nobody took them: {}",
        logs.stdout
    );
    // Nobody listens there.
    told.place.set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
    told.place.ends_with(0, &["show"]);
}

#[test]
fn without_a_collector_or_with_a_protocol_that_is_not_spoken_nothing_is_sent() {
    let collector = Collector::new("200 OK");
    let mut told = told_to(&collector);
    told.place.set("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let last = Tale::PUBLISHED.up_to_the_last(&told);
    let last: Vec<_> = last.iter().map(String::as_str).collect();
    let done = told.place.ends_with(0, &last);
    let said = "warning: OTEL_EXPORTER_OTLP_PROTOCOL is \"grpc\"; only http/protobuf is spoken";
    assert!(done.stderr.contains(said), "{}", done.stderr);
    told.place.set("OTEL_SDK_DISABLED", "true");
    let done = told.place.ends_with(0, &["show"]);
    assert!(!done.stderr.contains("OTEL"), "{}", done.stderr);
    assert!(collector.heads().is_empty());
}
