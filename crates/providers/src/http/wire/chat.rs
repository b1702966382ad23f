//! OpenAI's chat completions, which nearly every other server has too.

use domain::proposal::{ProviderFailure, Usage};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{HttpSettings, Question, SEED, cut_off, parts, protocol, said, temperature};

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
    content: &'a str,
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
            Message { role: "system", content: &question.prompt.system },
            Message { role: "user", content: &question.prompt.user },
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
