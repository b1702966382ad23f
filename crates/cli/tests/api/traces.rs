//! Traces of a server: a request goes on with its caller's trace, and the change that it registers is linked to it.

use serde_json::json;

use crate::served::{Served, agent};
use crate::support::collector::{Collector, attribute};
use crate::support::patches::COMMA;
use crate::whole::{id, place};

/// The caller's trace and span, in the form of W3C Trace Context.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

#[test]
fn a_request_goes_on_with_the_callers_trace_and_its_change_is_linked() {
    let collector = Collector::new("200 OK");
    let mut place = place();
    place.set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &format!("{}/v1/traces", collector.url));
    let bot = agent(&place, &["bot", "--certified"]);
    let mut served = Served::by(&place, &[]);
    let proposal = json!({ "patch": COMMA, "text": "Put a comma behind Hello" }).to_string();
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let view = served.send_with("POST", "/proposals", &bot, &[("traceparent", &parent)], &proposal).ok();
    served.rested(&id(&view), &bot);
    served.terminate();
    assert_eq!(served.ended(), Some(0));

    let spans = collector.spans();
    let named = |name: &str| {
        spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:?}"))
    };
    let request = named("POST /proposals");
    assert_eq!(
        (hex::encode(&request.trace_id), hex::encode(&request.parent_span_id)),
        (TRACE.into(), SPAN.into())
    );
    assert_eq!(attribute(request, "http.response.status_code").as_deref(), Some("202"));
    let taken_up = named("take up");
    assert_eq!(attribute(taken_up, "intent.id"), Some(id(&view)));
    assert_eq!(taken_up.links[0].trace_id, request.trace_id);
    assert_eq!(taken_up.links[0].span_id, request.span_id);
    assert_eq!(named("change").parent_span_id, taken_up.span_id);
    assert!(!collector.was_told(&bot), "an agent's key was sent");
    place.assert_nothing_left();
}
