//! What a client sent, kept for the test to look at, and held against what such a server takes.

use axum::http::request::Parts;
use serde_json::Value;

use super::wire::Wire;

/// One request for an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Counted from 1.
    pub number: usize,
    /// The path, such as `/v1/chat/completions`.
    pub path: String,
    /// Header names in lower case, with their values, in the order sent.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub bytes: Vec<u8>,
    /// The body as JSON; null when it is none.
    pub body: Value,
}

impl Request {
    pub(super) fn new(number: usize, parts: &Parts, bytes: &[u8]) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers =
            parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())));
        Self {
            number,
            path: parts.uri.path().to_owned(),
            headers: headers.collect(),
            bytes: bytes.to_vec(),
            body: serde_json::from_slice(bytes).unwrap_or(Value::Null),
        }
    }

    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The texts of all messages, instructions first, joined by line ends: what the model was told.
    pub fn prompt(&self) -> String {
        self.wire().prompt(&self.body).join("\n")
    }

    pub(super) fn wire(&self) -> Wire {
        Wire::of(&self.path)
    }

    /// What a server with this interface would refuse this request for.
    pub(super) fn fault(&self) -> Option<String> {
        let body = &self.body;
        let content_type = self.header("content-type").unwrap_or_default();
        if !content_type.starts_with("application/json") {
            Some(format!("its content type is {content_type:?}"))
        } else if !body.is_object() {
            Some("its body is no JSON object".to_owned())
        } else if body["model"].as_str().is_none_or(str::is_empty) {
            Some("it names no model".to_owned())
        } else if let Some(fault) = self.wire().fault(body) {
            Some(fault.to_owned())
        } else if self.wire() == Wire::Messages && self.header("anthropic-version").is_none() {
            Some("it does not say which version of the interface it speaks".to_owned())
        } else if body["stream"] == Value::Bool(true) && self.wire() == Wire::Messages {
            Some("it asks for a stream of events, which this interface does not have here".to_owned())
        } else {
            None
        }
    }
}
