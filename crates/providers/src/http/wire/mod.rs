//! The interfaces' JSON: one file for each of what is sent and what comes back. Field order is fixed by the structs, so
//! the same question gives the same bytes. Answers are read with tolerance for what servers add, leave out or send as
//! null.

mod chat;
mod messages;
mod responses;
mod wish;

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::proposal::{FailureKind, ProviderFailure, Usage};
use engine::config::{Structured, Wire};
use engine::context::Prompt;
use engine::image::Image;
use engine::provider::Attached;
use serde_json::Value;
use serde_json::value::RawValue;

pub(super) use wish::{Wish, without};

use super::HttpSettings;
use crate::failure;

/// The seed that is sent where the interface takes one. Any fixed number serves: it only has to be the same every time.
const SEED: u64 = 1;

/// What a reply must look like, in the subset of JSON Schema that strict structured output takes everywhere: every
/// property required, none besides, no bounds on numbers. The explanation comes first, so that a model that writes in
/// the schema's order has reasoned before it writes the patch.
const REPLY_SCHEMA: &str = include_str!("reply_schema.json");

/// The same for a plan.
const PLAN_SCHEMA: &str = include_str!("plan_schema.json");

/// What is asked: a prompt to a model, and what its answer is to be.
pub(super) struct Question<'a> {
    pub(super) model: &'a str,
    pub(super) prompt: &'a Prompt,
    pub(super) shape: Shape,
    pub(super) images: &'a [Image],
}

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Any text.
    Text,
    /// The JSON object of a reply.
    Reply,
    /// The JSON object of a plan.
    Plan,
}

impl Shape {
    /// The name and schema of the object.
    fn schema(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Text => None,
            Self::Reply => Some(("change_proposal", REPLY_SCHEMA)),
            Self::Plan => Some(("change_plan", PLAN_SCHEMA)),
        }
    }
}

/// The body of a request: temperature 0 where the model takes it, a fixed seed where the interface has one, a bounded
/// answer, in one piece.
///
/// # Errors
/// One sentence; only for a defect of ours.
pub(super) fn body(question: &Question<'_>, settings: &HttpSettings) -> Result<Vec<u8>, String> {
    let format = question
        .shape
        .schema()
        .and_then(|(name, schema)| format_of(settings.wire, settings.structured, name, schema))
        .map(RawValue::from_string)
        .transpose()
        .map_err(|error| defect(&error))?;
    let format = format.as_deref();
    let bytes = match settings.wire {
        Wire::OpenaiChat => serde_json::to_vec(&chat::body(question, settings, format)),
        Wire::OpenaiResponses => serde_json::to_vec(&responses::body(question, settings, format)),
        Wire::AnthropicMessages => serde_json::to_vec(&messages::body(question, settings, format)),
    };
    bytes.map_err(|error| defect(&error))
}

/// An image's bytes as text.
fn base64(image: &Image) -> String {
    STANDARD.encode(&image.bytes)
}

/// An image as an address that holds it.
fn data_url(image: &Image) -> String {
    format!("data:{};base64,{}", image.record.media.mime(), base64(image))
}

/// What images take of a body.
pub(super) fn attached(images: &[Image]) -> Attached {
    let bytes = images.iter().map(|image| image.bytes.len().div_ceil(3).saturating_mul(4) as u64).sum();
    Attached { count: images.len() as u64, bytes }
}

fn defect(error: &serde_json::Error) -> String {
    format!("the request cannot be written: {error}")
}

fn format_of(wire: Wire, structured: Structured, name: &str, schema: &str) -> Option<String> {
    match (structured, wire) {
        (Structured::None, _) => None,
        (Structured::Auto | Structured::JsonSchema, Wire::OpenaiChat) => Some(format!(
            r#"{{"type":"json_schema","json_schema":{{"name":"{name}","strict":true,"schema":{schema}}}}}"#
        )),
        (Structured::Auto | Structured::JsonSchema, Wire::OpenaiResponses) => Some(format!(
            r#"{{"format":{{"type":"json_schema","name":"{name}","strict":true,"schema":{schema}}}}}"#
        )),
        (Structured::Auto | Structured::JsonSchema, Wire::AnthropicMessages) => {
            Some(format!(r#"{{"format":{{"type":"json_schema","schema":{schema}}}}}"#))
        }
        (Structured::JsonObject, Wire::OpenaiChat) => Some(r#"{"type":"json_object"}"#.to_owned()),
        (Structured::JsonObject, Wire::OpenaiResponses) => {
            Some(r#"{"format":{"type":"json_object"}}"#.to_owned())
        }
        // This interface knows schemas only.
        (Structured::JsonObject, Wire::AnthropicMessages) => None,
    }
}

/// Temperature 0, unless the model is of a family that refuses the field; what the table does not know is found out by
/// the server's answer (see [`Wish::Temperature`]).
fn temperature(model: &str) -> Option<u8> {
    const REFUSE: [&str; 5] = ["o1", "o3", "o4", "gpt-5", "gpt-6"];
    let family = |prefix: &str| model.strip_prefix(prefix).is_some_and(|rest| !rest.contains("chat"));
    (!REFUSE.into_iter().any(family)).then_some(0)
}

/// What an answer's body says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// The model's text, not judged; else why there is none.
    pub(super) content: Result<String, ProviderFailure>,
    /// The model that the server names.
    pub(super) model: Option<String>,
    /// The tokens, when the server tells them credibly.
    pub(super) usage: Option<Usage>,
}

/// Reads an answer's body. Never fails as a whole: usage is wanted also when the text is not there.
pub(super) fn read(wire: Wire, body: &[u8]) -> Read {
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => {
            let kind = if error.is_eof() { FailureKind::Truncated } else { FailureKind::Protocol };
            let content = Err(failure(kind, format!("the answer is not of the interface's form: {error}")));
            return Read { content, model: None, usage: None };
        }
    };
    let text = match wire {
        Wire::OpenaiChat => chat::text(&value),
        Wire::OpenaiResponses => responses::text(&value),
        Wire::AnthropicMessages => messages::text(&value),
    };
    // Some gateways answer 200 with an error.
    let content = match value.get("error").filter(|error| !error.is_null()) {
        Some(error) => Err(protocol(format!("the server answered with an error: {}", message_of(error)))),
        None => text,
    };
    let model = value["model"].as_str().map(|name| name.chars().take(200).collect());
    Read { content, model, usage: value.get("usage").and_then(|usage| usage_of(wire, usage)) }
}

/// The tokens that an interface's `usage` tells, when they are credible.
pub(crate) fn usage_of(wire: Wire, usage: &Value) -> Option<Usage> {
    let usage = match wire {
        Wire::OpenaiChat => chat::usage(usage),
        Wire::OpenaiResponses => responses::usage(usage),
        Wire::AnthropicMessages => messages::usage(usage),
    };
    usage.and_then(credible)
}

/// A usage without prompt tokens is not credible and counts as missing.
fn credible(usage: Usage) -> Option<Usage> {
    (usage.prompt > 0).then(|| Usage {
        cached: usage.cached.min(usage.prompt),
        reasoning: usage.reasoning.min(usage.completion),
        ..usage
    })
}

/// A text that is there; a refusal or the absence of a text in words.
fn said(text: String, refusal: Option<&str>, ended: &str) -> Result<String, ProviderFailure> {
    if !text.trim().is_empty() {
        return Ok(text);
    }
    Err(match refusal {
        Some(refusal) => protocol(format!("the model refused: {}", shorten(refusal))),
        None if ended.is_empty() => protocol("the answer holds no text"),
        None => protocol(format!("the answer holds no text; it ended with {:?}", shorten(ended))),
    })
}

fn cut_off() -> ProviderFailure {
    failure(FailureKind::Truncated, "the answer reached the most tokens that it may have")
}

/// The texts of a list of parts, joined: of all with a `text`, or only of those of this type.
fn parts(list: &Value, only: Option<&str>) -> String {
    let wanted = |part: &&Value| only.is_none_or(|kind| part["type"] == kind);
    let all = list.as_array().into_iter().flatten();
    all.filter(wanted).filter_map(|part| part["text"].as_str()).collect()
}

/// An error of an interface in one line.
pub(crate) fn message_of(error: &Value) -> String {
    let message = error.get("message").unwrap_or(error);
    shorten(message.as_str().map(str::to_owned).unwrap_or_else(|| message.to_string()).as_str())
}

/// Untrusted text for a message: one line of at most 200 characters.
fn shorten(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn protocol(detail: impl Into<String>) -> ProviderFailure {
    failure(FailureKind::Protocol, detail)
}
