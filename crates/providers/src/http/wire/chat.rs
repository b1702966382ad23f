//! OpenAI's chat completions, which nearly every other server has too.

use domain::proposal::{ProviderFailure, Usage};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{HttpSettings, Question, SEED, cut_off, data_url, parts, protocol, said, temperature};

#[derive(Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    messages: [Message<'a>; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<u8>,
    seed: u64,
    /// What servers other than OpenAI's know.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    /// OpenAI's newer name of the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u64>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<&'a RawValue>,
}

#[derive(Serialize)]
pub(super) struct Message<'a> {
    role: &'static str,
    content: Content<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Content<'a> {
    Text(&'a str),
    /// With images.
    Parts(Vec<Part<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: Address },
}

#[derive(Serialize)]
pub(super) struct Address {
    url: String,
}

/// The question: plain text, unless images go along.
fn user<'a>(question: &Question<'a>) -> Content<'a> {
    let text = question.prompt.user.as_str();
    if question.images.is_empty() {
        return Content::Text(text);
    }
    let images = question.images.iter();
    let images = images.map(|image| Part::ImageUrl { image_url: Address { url: data_url(image) } });
    Content::Parts([Part::Text { text }].into_iter().chain(images).collect())
}

pub(super) fn body<'a>(
    question: &Question<'a>,
    settings: &HttpSettings,
    format: Option<&'a RawValue>,
) -> Body<'a> {
    let limit = Some(settings.max_output_tokens);
    let (old, new) = if settings.name == "openai" { (None, limit) } else { (limit, None) };
    Body {
        model: question.model,
        messages: [
            Message { role: "system", content: Content::Text(&question.prompt.system) },
            Message { role: "user", content: user(question) },
        ],
        temperature: temperature(question.model),
        seed: SEED,
        max_tokens: old,
        max_completion_tokens: new,
        stream: false,
        response_format: format,
    }
}

pub(super) fn text(answer: &Value) -> Result<String, ProviderFailure> {
    let choice = answer["choices"].get(0).ok_or_else(|| protocol("the answer holds no choice"))?;
    let ended = choice["finish_reason"].as_str().unwrap_or("");
    if ended == "length" {
        return Err(cut_off());
    }
    let message = choice.get("message").filter(|message| message.is_object());
    let message = message.ok_or_else(|| protocol("the answer's choice holds no message"))?;
    let content = &message["content"];
    let text = content.as_str().map_or_else(|| parts(content, None), str::to_owned);
    said(text, message["refusal"].as_str(), if ended == "stop" { "" } else { ended })
}

pub(super) fn usage(usage: &Value) -> Option<Usage> {
    Some(Usage {
        prompt: usage["prompt_tokens"].as_u64()?,
        cached: usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0),
        completion: usage["completion_tokens"].as_u64()?,
        reasoning: usage["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap_or(0),
    })
}
