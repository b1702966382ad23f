//! Anthropic's Messages. Tokens read from and written to the cache are told beside `input_tokens`; here they are part
//! of the prompt, as everywhere in this program. The interface has neither a seed nor, since newer models refuse it, a
//! temperature.

use domain::proposal::{ProviderFailure, Usage};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{HttpSettings, Question, cut_off, parts, protocol, said};

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
    content: &'a str,
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
        messages: [Message { role: "user", content: &question.prompt.user }],
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
