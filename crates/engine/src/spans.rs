//! Spans of what takes time: a change, its steps, a provider's answer, a check. They exist only where somebody collects
//! them (OpenTelemetry); names of providers, models and tokens follow its conventions for generative AI. Nothing that a
//! task, an answer or a check says is in them.

use domain::intent::{Intent, Next};
use domain::proposal::ProviderFailure;
use domain::verification::{Run, RunEnd};
use tracing::field::Empty;
use tracing::{Span, trace_span};

use crate::provider::{Answer, Refusal, Request};

/// What all our spans name as their target: by it they are told from those of libraries.
pub const TARGET: &str = "codex_task::spans";

/// A change on its way to rest in this process.
pub(crate) fn change(intent: &Intent) -> Span {
    let agent = intent.agent.as_ref().map(tracing::field::display);
    trace_span!(target: TARGET, "change", intent.id = %intent.id, task.kind = intent.task.kind.as_str(), agent.name = agent,
        change.status = Empty)
}

/// The change came to rest.
pub(crate) fn rested(intent: &Intent) {
    Span::current().record("change.status", intent.status());
}

/// One step of a change.
pub(crate) fn step(next: &Next) -> Span {
    trace_span!(target: TARGET, "step", otel.name = next.name())
}

/// A question to a provider.
pub(crate) fn question(provider: &str, request: &Request) -> Span {
    let model = request.model.as_deref();
    trace_span!(target: TARGET, "question", otel.name = format!("ask {provider}"), otel.kind = "client",
        gen_ai.operation.name = "chat", gen_ai.provider.name = provider, gen_ai.request.model = model,
        gen_ai.response.model = Empty, gen_ai.usage.input_tokens = Empty, gen_ai.usage.output_tokens = Empty,
        cost.billed_usd = Empty, error.r#type = Empty, otel.status_code = Empty)
}

/// What came of a question.
pub(crate) fn answered(span: &Span, answer: &Result<Answer, Refusal>) {
    let charge = match answer {
        Ok(answer) => {
            if let Some(usage) = answer.usage {
                span.record("gen_ai.usage.input_tokens", usage.prompt);
                span.record("gen_ai.usage.output_tokens", usage.completion);
            }
            span.record("gen_ai.response.model", answer.model.as_deref());
            answer.charge
        }
        Err(Refusal { failure: ProviderFailure { kind, .. }, charge }) => {
            span.record("error.type", kind.as_str());
            span.record("otel.status_code", "ERROR");
            *charge
        }
    };
    span.record("cost.billed_usd", charge.billed.micros() as f64 / 1e6);
}

/// One run of a check.
pub(crate) fn check(name: &str, on_base: bool) -> Span {
    let side = if on_base { "base" } else { "candidate" };
    trace_span!(target: TARGET, "check", otel.name = format!("check {name}"), check.name = name, check.side = side,
        check.end = Empty, process.exit.code = Empty, otel.status_code = Empty)
}

/// How a check ended. That it failed is its result; an error is what says nothing about the change.
pub(crate) fn ended(span: &Span, run: &Run) {
    span.record("check.end", run.end.as_str());
    let code = match run.end {
        RunEnd::Passed => Some(0),
        RunEnd::Failed { code } => Some(code),
        _ => None,
    };
    span.record("process.exit.code", code);
    if matches!(run.end, RunEnd::NoSandbox { .. } | RunEnd::NotStarted { .. }) {
        span.record("otel.status_code", "ERROR");
    }
}
