//! The API's JSON: the body that is sent, and the answer read with tolerance for what servers add, leave out or send
//! as null. Field order is fixed by the structs, so the same question gives the same bytes.

use std::borrow::Cow;

use domain::proposal::{FailureKind, ProviderFailure, Usage};
use engine::context::Prompt;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{LocalSettings, Structured};
use crate::failure;

/// The seed that is always sent. Any fixed number serves: it only has to be the same every time.
const SEED: u64 = 1;

/// What a reply must look like, in the subset of JSON Schema that strict structured output takes everywhere: every
/// property required, none besides, no bounds on numbers. The explanation comes first, so that a model that writes in
/// the schema's order has reasoned before it writes the patch.
const REPLY_SCHEMA: &str = include_str!("reply_schema.json");

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    temperature: u8,
    seed: u64,
    max_tokens: u64,
    stream: bool,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    response_format: Option<&'a RawValue>,
}

#[derive(Serialize, Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Cow<'a, str>,
}

/// The body for a prompt: temperature 0, a fixed seed, a bounded answer, in one piece.
///
/// # Errors
/// One sentence; only for a defect of ours.
pub(super) fn body(model: &str, prompt: &Prompt, settings: &LocalSettings) -> Result<Vec<u8>, String> {
    let defect = |error: serde_json::Error| format!("the request cannot be written: {error}");
    let format =
        response_format(settings.structured).map(RawValue::from_string).transpose().map_err(defect)?;
    let message =
        |role: &'static str, content| Message { role: role.into(), content: Cow::Borrowed(content) };
    let body = Body {
        model: model.into(),
        messages: vec![message("system", &prompt.system), message("user", &prompt.user)],
        temperature: 0,
        seed: SEED,
        max_tokens: settings.max_output_tokens,
        stream: false,
        response_format: format.as_deref(),
    };
    serde_json::to_vec(&body).map_err(defect)
}

fn response_format(structured: Structured) -> Option<String> {
    match structured {
        Structured::Auto | Structured::JsonSchema => Some(format!(
            r#"{{"type":"json_schema","json_schema":{{"name":"change_proposal","strict":true,"schema":{REPLY_SCHEMA}}}}}"#
        )),
        Structured::JsonObject => Some(r#"{"type":"json_object"}"#.to_owned()),
        Structured::None => None,
    }
}

/// The same body without the wish for structured output.
///
/// # Errors
/// One sentence, when the bytes are no body of ours.
pub(super) fn without_format(body: &[u8]) -> Result<Vec<u8>, String> {
    let defect = |error: serde_json::Error| format!("the recorded request cannot be read: {error}");
    let mut body: Body<'_> = serde_json::from_slice(body).map_err(defect)?;
    body.response_format = None;
    serde_json::to_vec(&body).map_err(defect)
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

#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    model: Option<serde_json::Value>,
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<serde_json::Value>,
    /// Some gateways answer 200 with an error.
    #[serde(default)]
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    message: Option<Said>,
    #[serde(default)]
    finish_reason: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: Option<String>,
}

#[derive(Deserialize)]
struct WireUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    #[serde(default)]
    prompt_tokens_details: Option<Details>,
    #[serde(default)]
    completion_tokens_details: Option<Details>,
}

#[derive(Deserialize, Default)]
struct Details {
    #[serde(default)]
    cached_tokens: Option<u64>,
    #[serde(default)]
    reasoning_tokens: Option<u64>,
}

/// Reads an answer's body. Never fails as a whole: usage is wanted also when the text is not there.
pub(super) fn read(body: &[u8]) -> Read {
    let completion: Completion = match serde_json::from_slice(body) {
        Ok(completion) => completion,
        Err(error) => {
            let kind = if error.is_eof() { FailureKind::Truncated } else { FailureKind::Protocol };
            let content = Err(failure(kind, format!("the answer is not of the API's form: {error}")));
            return Read { content, model: None, usage: None };
        }
    };
    let usage = completion.usage.and_then(|usage| serde_json::from_value(usage).ok()).and_then(credible);
    let model =
        completion.model.and_then(|model| model.as_str().map(|name| name.chars().take(200).collect()));
    let content = match completion.error.filter(|error| !error.is_null()) {
        Some(error) => Err(protocol(format!("the server answered with an error: {}", message_of(&error)))),
        None => text_of(completion.choices.unwrap_or_default()),
    };
    Read { content, model, usage }
}

/// A usage without prompt tokens is not credible and counts as missing.
fn credible(usage: WireUsage) -> Option<Usage> {
    let cached = usage.prompt_tokens_details.and_then(|details| details.cached_tokens).unwrap_or(0);
    let reasoning = usage.completion_tokens_details.and_then(|details| details.reasoning_tokens).unwrap_or(0);
    (usage.prompt_tokens > 0).then(|| Usage {
        prompt: usage.prompt_tokens,
        cached: cached.min(usage.prompt_tokens),
        completion: usage.completion_tokens,
        reasoning: reasoning.min(usage.completion_tokens),
    })
}

fn text_of(choices: Vec<Choice>) -> Result<String, ProviderFailure> {
    let choice = choices.into_iter().next().ok_or_else(|| protocol("the answer holds no choice"))?;
    let reason = choice.finish_reason.as_ref().and_then(|reason| reason.as_str()).unwrap_or("");
    if reason == "length" {
        return Err(failure(FailureKind::Truncated, "the answer reached the most tokens that it may have"));
    }
    let said = choice.message.ok_or_else(|| protocol("the answer's choice holds no message"))?;
    let text = match said.content {
        Some(Content::Text(text)) => text,
        Some(Content::Parts(parts)) => parts.into_iter().filter_map(|part| part.text).collect(),
        None => String::new(),
    };
    if !text.trim().is_empty() {
        return Ok(text);
    }
    match said.refusal {
        Some(refusal) => Err(protocol(format!("the model refused: {}", shorten(&refusal)))),
        None if reason.is_empty() || reason == "stop" => Err(protocol("the answer holds no text")),
        None => Err(protocol(format!("the answer holds no text; it ended with {:?}", shorten(reason)))),
    }
}

fn message_of(error: &serde_json::Value) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt() -> Prompt {
        let (system, user) = ("rules \u{1f600}".to_owned(), "line\n\"quoted\" \\ ä".to_owned());
        Prompt { system, user, files: Vec::new(), left_out: Vec::new(), approx_tokens: 0 }
    }

    fn sent(structured: Structured) -> Vec<u8> {
        body("m", &prompt(), &LocalSettings { structured, ..LocalSettings::default() }).unwrap()
    }

    #[test]
    fn a_body_is_deterministic_and_bounded_and_asks_for_the_schema() {
        assert_eq!(sent(Structured::Auto), sent(Structured::JsonSchema));
        let json: serde_json::Value = serde_json::from_slice(&sent(Structured::Auto)).unwrap();
        assert_eq!((&json["temperature"], &json["seed"]), (&0.into(), &SEED.into()));
        assert_eq!((&json["max_tokens"], &json["stream"]), (&8192.into(), &false.into()));
        assert_eq!(json["messages"][1]["content"], "line\n\"quoted\" \\ ä");
        let schema = &json["response_format"]["json_schema"];
        assert_eq!((&schema["strict"], &schema["schema"]["required"][1]), (&true.into(), &"patch".into()));
    }

    #[test]
    fn taking_the_format_out_changes_nothing_else() {
        assert_eq!(without_format(&sent(Structured::Auto)).unwrap(), sent(Structured::None));
        assert_eq!(without_format(&sent(Structured::JsonObject)).unwrap(), sent(Structured::None));
        assert!(without_format(b"[]").is_err());
    }

    #[test]
    fn an_answer_is_read_however_much_is_missing_or_added() {
        let full = br#"{"id":1,"object":"x","model":"m-1","new":[],"choices":[{"index":0,"logprobs":null,"finish_reason":"stop",
            "message":{"role":"assistant","content":"hi","tool_calls":null}}],
            "usage":{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":99},
            "completion_tokens_details":{"reasoning_tokens":3}}}"#;
        let read_full = read(full);
        assert_eq!(read_full.content.as_deref(), Ok("hi"));
        assert_eq!(read_full.usage, Some(Usage { prompt: 10, cached: 10, completion: 4, reasoning: 3 }));
        assert_eq!(read_full.model.as_deref(), Some("m-1"));
        let bare = read(br#"{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"x"},{"text":"b"}]}}]}"#);
        assert_eq!((bare.content.as_deref(), bare.model, bare.usage), (Ok("ab"), None, None));
    }

    #[test]
    fn an_answer_without_text_is_a_named_failure_and_keeps_its_usage() {
        let usage = r#""usage":{"prompt_tokens":1,"completion_tokens":2}"#;
        for (body, kind) in [
            ("<html>".to_owned(), FailureKind::Protocol),
            ("[]".to_owned(), FailureKind::Protocol),
            ("{\"choices\":[".to_owned(), FailureKind::Truncated),
            (format!("{{\"choices\":[],{usage}}}"), FailureKind::Protocol),
            (format!("{{\"choices\":null,{usage}}}"), FailureKind::Protocol),
            (
                format!(r#"{{"choices":[{{"message":{{"content":null,"refusal":"no"}}}}],{usage}}}"#),
                FailureKind::Protocol,
            ),
            (
                format!(
                    r#"{{"choices":[{{"message":{{"content":"cut"}},"finish_reason":"length"}}],{usage}}}"#
                ),
                FailureKind::Truncated,
            ),
            (format!(r#"{{"error":{{"message":"bad\nthing"}},{usage}}}"#), FailureKind::Protocol),
        ] {
            let read = read(body.as_bytes());
            assert_eq!(read.content.unwrap_err().kind, kind, "{body}");
            assert_eq!(read.usage.is_some(), body.contains("usage"), "{body}");
        }
    }

    #[test]
    fn a_usage_that_cannot_be_true_counts_as_missing() {
        for usage in [
            "{}",
            "null",
            "7",
            r#"{"prompt_tokens":0,"completion_tokens":0}"#,
            r#"{"prompt_tokens":-1,"completion_tokens":1}"#,
        ] {
            let body = format!(r#"{{"choices":[{{"message":{{"content":"x"}}}}],"usage":{usage}}}"#);
            let read = read(body.as_bytes());
            assert_eq!((read.content.as_deref(), read.usage), (Ok("x"), None), "{usage}");
        }
    }
}
