//! The interfaces that the server has: where each is, what a request must look like there, and what an answer does.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::events;
use super::step::{Call, Reply, Usage};

/// By which interface an answer is asked for, and in which form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) wire: Wire,
    pub(super) is_stream: bool,
}

impl Asked {
    /// The text of a whole answer.
    pub(super) fn answer(self, reply: &Reply) -> String {
        match (self.is_stream, self.wire) {
            (true, Wire::Chat) => events::chat(&self.wire.value(reply)),
            (true, Wire::Responses) => events::responses(&self.wire.value(reply)),
            _ => self.wire.value(reply).to_string(),
        }
    }

    /// A good status with this body.
    pub(super) fn ok(self, body: Body) -> Response {
        let mut response = super::answer::json(StatusCode::OK, body);
        if self.is_stream {
            let kind = HeaderValue::from_static("text/event-stream");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        response
    }
}

/// An interface, by the path of its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    /// OpenAI's chat completions.
    Chat,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Messages,
}

impl Wire {
    pub(super) const ALL: [Self; 3] = [Self::Chat, Self::Responses, Self::Messages];

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
        }
    }

    /// The interface of a path; chat completions where there is none such.
    pub(super) fn of(path: &str) -> Self {
        Self::ALL.into_iter().find(|wire| wire.path() == path).unwrap_or(Self::Chat)
    }

    /// What a request is called, in complaints.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Chat => "chat completion",
            Self::Responses => "response",
            Self::Messages => "message",
        }
    }

    /// The texts that a model is told, in order.
    pub(super) fn prompt(self, body: &Value) -> Vec<String> {
        let (first, list) = match self {
            Self::Chat => (&Value::Null, &body["messages"]),
            Self::Responses => (&body["instructions"], &body["input"]),
            Self::Messages => (&body["system"], &body["messages"]),
        };
        let messages = list.as_array().into_iter().flatten().map(|message| &message["content"]);
        [first, list].into_iter().chain(messages).filter_map(text_of).collect()
    }

    /// What such a server would refuse this body for, beside what holds for all.
    pub(super) fn fault(self, body: &Value) -> Option<&'static str> {
        let unknown = |known: &[&str]| {
            body.as_object().is_some_and(|fields| fields.keys().any(|key| !known.contains(&key.as_str())))
        };
        match self {
            Self::Chat if !is_list_of_messages(&body["messages"]) => {
                Some("its messages are not a list of role and content")
            }
            Self::Responses if !(body["input"].is_string() || is_list_of_messages(&body["input"])) => {
                Some("its input is neither a text nor a list of role and content")
            }
            Self::Messages if !is_list_of_messages(&body["messages"]) => {
                Some("its messages are not a list of role and content")
            }
            Self::Messages if !body["max_tokens"].is_u64() => Some("it bounds no tokens"),
            // These two services refuse what they do not know.
            Self::Responses
                if unknown(&[
                    "model",
                    "instructions",
                    "input",
                    "temperature",
                    "max_output_tokens",
                    "store",
                    "stream",
                    "text",
                    "tools",
                    "tool_choice",
                    "parallel_tool_calls",
                    "reasoning",
                    "include",
                    "prompt_cache_key",
                    "metadata",
                    "client_metadata",
                ]) =>
            {
                Some("it has a field that this interface does not know")
            }
            Self::Messages
                if unknown(&["model", "max_tokens", "system", "messages", "stream", "output_config"]) =>
            {
                Some("it has a field that this interface does not know")
            }
            _ => None,
        }
    }

    /// The JSON of a whole answer.
    fn value(self, reply: &Reply) -> Value {
        let mut body = match self {
            Self::Chat => chat(reply),
            Self::Responses => response(reply),
            Self::Messages => message(reply),
        };
        if let Some(usage) = reply.usage {
            body["usage"] = self.usage(usage);
        }
        body
    }

    fn usage(self, usage: Usage) -> Value {
        let Usage { prompt, completion, cached, reasoning } = usage;
        match self {
            Self::Chat => json!({
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "total_tokens": prompt.saturating_add(completion),
                "prompt_tokens_details": {"cached_tokens": cached},
                "completion_tokens_details": {"reasoning_tokens": reasoning},
            }),
            Self::Responses => json!({
                "input_tokens": prompt,
                "input_tokens_details": {"cached_tokens": cached},
                "output_tokens": completion,
                "output_tokens_details": {"reasoning_tokens": reasoning},
                "total_tokens": prompt.saturating_add(completion),
            }),
            Self::Messages => json!({
                "input_tokens": prompt.saturating_sub(cached),
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": cached,
                "output_tokens": completion,
            }),
        }
    }
}

fn chat(reply: &Reply) -> Value {
    let mut message = json!({"role": "assistant", "content": reply.content});
    if !reply.calls.is_empty() {
        let call = |(index, call): (usize, &Call)| {
            let function = json!({"name": call.name, "arguments": call.arguments});
            json!({"id": call_id(reply, index), "type": "function", "function": function})
        };
        message["tool_calls"] = reply.calls.iter().enumerate().map(call).collect();
    }
    let choice = json!({
        "index": 0,
        "message": message,
        "finish_reason": reply.finish_reason,
    });
    json!({
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 1_767_323_045,
        "model": "scripted",
        "choices": [choice],
    })
}

fn response(reply: &Reply) -> Value {
    let (status, reason) = match reply.finish_reason.as_str() {
        "stop" | "tool_calls" => ("completed", Value::Null),
        "length" => ("incomplete", json!({"reason": "max_output_tokens"})),
        other => ("incomplete", json!({"reason": other})),
    };
    let text = json!({"type": "output_text", "text": reply.content, "annotations": []});
    let message = json!({"id": "msg_scripted", "type": "message", "role": "assistant", "status": status, "content": [text]});
    let call = |(index, call): (usize, &Call)| {
        let id = call_id(reply, index);
        json!({"type": "function_call", "id": format!("fc_{id}"), "call_id": id, "name": call.name, "arguments": call.arguments, "status": "completed"})
    };
    let calls = reply.calls.iter().enumerate().map(call);
    let said = if reply.content.is_empty() && !reply.calls.is_empty() { None } else { Some(message) };
    let output: Vec<Value> = said.into_iter().chain(calls).collect();
    json!({
        "id": "resp_scripted",
        "object": "response",
        "created_at": 1_767_323_045,
        "status": status,
        "error": null,
        "incomplete_details": reason,
        "model": "scripted",
        "output": output,
        "parallel_tool_calls": true,
        "tool_choice": "auto",
        "tools": [],
    })
}

fn message(reply: &Reply) -> Value {
    let reason = match reply.finish_reason.as_str() {
        "stop" => "end_turn",
        "length" => "max_tokens",
        other => other,
    };
    json!({
        "id": "msg_scripted",
        "type": "message",
        "role": "assistant",
        "model": "scripted",
        "content": [{"type": "text", "text": reply.content}],
        "stop_reason": reason,
        "stop_sequence": null,
    })
}

/// An id for a call that no other of the same conversation has, unless it is the same call again.
fn call_id(reply: &Reply, index: usize) -> String {
    let call = &reply.calls[index];
    let sum = call.arguments.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    format!("call_{index}_{sum:x}")
}

/// Text, or the texts of a list of parts.
fn text_of(content: &Value) -> Option<String> {
    let parts = || content.as_array()?.iter().map(|part| part["text"].as_str()).collect::<Option<String>>();
    content.as_str().map(str::to_owned).or_else(parts).filter(|text| !text.is_empty())
}

/// Content is a text, or a list of parts where an image goes along. What a model called and what came of it are entries
/// too: of a type of their own in one interface, of a role of their own in the other.
fn is_list_of_messages(list: &Value) -> bool {
    let is_message = |message: &Value| {
        let content = &message["content"];
        let is_call = message["tool_calls"].is_array()
            || message["type"].as_str().is_some_and(|kind| kind != "message");
        let is_known =
            matches!(message["role"].as_str(), Some("system" | "developer" | "user" | "assistant" | "tool"));
        is_call || (is_known && (content.is_string() || content.is_array()))
    };
    list.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(is_message))
}
