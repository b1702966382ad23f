//! Anthropic's Messages. Tokens read from and written to the cache are told beside `input_tokens`; here they are part
//! of the prompt, as everywhere in this program. The interface has neither a seed nor, since newer models refuse it, a
//! temperature.

use domain::proposal::{ProviderFailure, Usage};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use engine::image::Image;

use super::{HttpSettings, Question, base64, cut_off, parts, protocol, said};

#[derive(Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    max_tokens: u64,
    system: &'a str,
    messages: [Message<'a>; 1],
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<&'a RawValue>,
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
    /// With images, which stand before the text as the interface's manual advises.
    Parts(Vec<Part<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part<'a> {
    Text { text: &'a str },
    Image { source: Source },
}

#[derive(Serialize)]
pub(super) struct Source {
    r#type: &'static str,
    media_type: &'static str,
    data: String,
}

/// The question: plain text, unless images go along.
fn user<'a>(question: &Question<'a>) -> Content<'a> {
    let text = question.prompt.user.as_str();
    if question.images.is_empty() {
        return Content::Text(text);
    }
    let source = |image: &Image| {
        let media_type = image.record.media.mime();
        Part::Image { source: Source { r#type: "base64", media_type, data: base64(image) } }
    };
    Content::Parts(question.images.iter().map(source).chain([Part::Text { text }]).collect())
}

pub(super) fn body<'a>(
    question: &Question<'a>,
    settings: &HttpSettings,
    format: Option<&'a RawValue>,
) -> Body<'a> {
    Body {
        model: question.model,
        max_tokens: settings.max_output_tokens,
        system: &question.prompt.system,
        messages: [Message { role: "user", content: user(question) }],
        stream: false,
        output_config: format,
    }
}

pub(super) fn text(answer: &Value) -> Result<String, ProviderFailure> {
    let ended = answer["stop_reason"].as_str().unwrap_or("");
    if matches!(ended, "max_tokens" | "model_context_window_exceeded") {
        return Err(cut_off());
    }
    if !answer["content"].is_array() {
        return Err(protocol("the answer holds no content"));
    }
    let text = parts(&answer["content"], Some("text"));
    // A refusal may come with a sentence about it; it is no answer all the same.
    let refused =
        (ended == "refusal").then(|| if text.trim().is_empty() { "no reason given" } else { &text });
    match refused {
        Some(reason) => said(String::new(), Some(reason), ended),
        None => said(text, None, if ended == "end_turn" { "" } else { ended }),
    }
}

pub(super) fn usage(usage: &Value) -> Option<Usage> {
    let cache = |name: &str| usage[name].as_u64().unwrap_or(0);
    let cached = cache("cache_read_input_tokens");
    let beside = cached.saturating_add(cache("cache_creation_input_tokens"));
    Some(Usage {
        prompt: usage["input_tokens"].as_u64()?.saturating_add(beside),
        cached,
        completion: usage["output_tokens"].as_u64()?,
        reasoning: usage["output_tokens_details"]["thinking_tokens"].as_u64().unwrap_or(0),
    })
}
