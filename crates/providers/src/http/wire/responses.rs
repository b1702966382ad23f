//! OpenAI's Responses. Nothing is stored at the service (`store: false`); the interface has no seed.

use domain::proposal::{ProviderFailure, Usage};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{HttpSettings, Question, cut_off, data_url, message_of, parts, protocol, said, temperature};

#[derive(Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    instructions: &'a str,
    input: [Input<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<u8>,
    max_output_tokens: u64,
    store: bool,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a RawValue>,
}

#[derive(Serialize)]
pub(super) struct Input<'a> {
    role: &'static str,
    content: Vec<Part<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part<'a> {
    InputText { text: &'a str },
    InputImage { image_url: String, detail: &'static str },
}

pub(super) fn body<'a>(
    question: &Question<'a>,
    settings: &HttpSettings,
    format: Option<&'a RawValue>,
) -> Body<'a> {
    let text = Part::InputText { text: &question.prompt.user };
    let image = |image| Part::InputImage { image_url: data_url(image), detail: "auto" };
    let content = [text].into_iter().chain(question.images.iter().map(image)).collect();
    Body {
        model: question.model,
        instructions: &question.prompt.system,
        input: [Input { role: "user", content }],
        temperature: temperature(question.model),
        max_output_tokens: settings.max_output_tokens,
        store: false,
        stream: false,
        text: format,
    }
}

pub(super) fn text(answer: &Value) -> Result<String, ProviderFailure> {
    let status = answer["status"].as_str().unwrap_or("completed");
    let reason = answer["incomplete_details"]["reason"].as_str().unwrap_or("");
    if reason == "max_output_tokens" {
        return Err(cut_off());
    }
    let output = answer["output"].as_array().ok_or_else(|| protocol("the answer holds no output"))?;
    let messages = || output.iter().filter(|item| item["type"] == "message").map(|item| &item["content"]);
    if matches!(status, "failed" | "cancelled") {
        return Err(protocol(format!("the answer {status}: {}", message_of(&answer["error"]))));
    }
    let text = messages().map(|content| parts(content, Some("output_text"))).collect();
    let refusal = messages().filter_map(Value::as_array).flatten().find_map(|part| part["refusal"].as_str());
    said(text, refusal, if reason.is_empty() && status == "completed" { "" } else { reason })
}

pub(super) fn usage(usage: &Value) -> Option<Usage> {
    Some(Usage {
        prompt: usage["input_tokens"].as_u64()?,
        cached: usage["input_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0),
        completion: usage["output_tokens"].as_u64()?,
        reasoning: usage["output_tokens_details"]["reasoning_tokens"].as_u64().unwrap_or(0),
    })
}
