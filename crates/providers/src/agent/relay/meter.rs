//! Reads along while an answer goes through to an agent: its usage, whether it came to its end, and whether it is an answer
//! at all. The bytes themselves are not changed.

use domain::proposal::{FailureKind, ProviderFailure, Usage};
use engine::config::Wire;
use serde_json::Value;

use crate::failure;
use crate::http::wire::{message_of, usage_of};

/// The longest line of a stream of events: one event holds at most a whole answer.
const MOST_LINE: usize = 8 << 20;

/// What is read of one answer.
pub(super) struct Meter {
    wire: Wire,
    is_stream: bool,
    /// The bytes of an event's line that has not ended, or of a whole answer.
    pending: Vec<u8>,
    usage: Option<Usage>,
    /// For Anthropic's interface, which tells its usage in two parts.
    parts: Value,
    events: u64,
    ended: bool,
    failed: Option<ProviderFailure>,
}

impl Meter {
    pub(super) fn new(wire: Wire, is_stream: bool) -> Self {
        Self {
            wire,
            is_stream,
            pending: Vec::new(),
            usage: None,
            parts: Value::Null,
            events: 0,
            ended: false,
            failed: None,
        }
    }

    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: &[u8]) {
        if !self.is_stream {
            self.pending.extend_from_slice(piece);
            return;
        }
        for byte in piece.split_inclusive(|byte| *byte == b'\n') {
            self.pending.extend_from_slice(byte);
            if byte.ends_with(b"\n") {
                let line = std::mem::take(&mut self.pending);
                self.line(&line);
            } else if self.pending.len() > MOST_LINE {
                self.pending.clear();
                self.fail(failure(FailureKind::TooLarge, "one event of the answer is larger than 8 MiB"));
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        let Some(data) = line.strip_prefix(b"data:").map(<[u8]>::trim_ascii) else { return };
        if data == b"[DONE]" {
            self.ended = true;
            return;
        }
        match serde_json::from_slice::<Value>(data) {
            Ok(event) => {
                self.events += 1;
                self.event(&event);
            }
            Err(error) => self
                .fail(failure(FailureKind::Protocol, format!("an event of the answer is no JSON: {error}"))),
        }
    }

    fn event(&mut self, event: &Value) {
        let error = ["/error", "/response/error"].iter().filter_map(|place| event.pointer(place));
        if let Some(error) = error.into_iter().find(|error| !error.is_null()) {
            let why = format!("the server ended the answer with an error: {}", message_of(error));
            self.fail(failure(FailureKind::Status, why));
        }
        match self.wire {
            Wire::OpenaiResponses => match event["type"].as_str() {
                Some("response.completed" | "response.incomplete") => {
                    self.ended = true;
                    self.usage = usage_of(self.wire, &event["response"]["usage"]);
                }
                Some("response.failed" | "error") => {
                    let why = "the server ended the answer with an error".to_owned();
                    self.fail(failure(FailureKind::Status, why));
                }
                _ => {}
            },
            Wire::OpenaiChat => {
                self.ended |= event["choices"][0]["finish_reason"].is_string();
                if event["usage"].is_object() {
                    self.usage = usage_of(self.wire, &event["usage"]);
                }
            }
            Wire::AnthropicMessages => match event["type"].as_str() {
                Some("message_start") => self.parts = event["message"]["usage"].clone(),
                Some("message_delta") => {
                    self.parts["output_tokens"] = event["usage"]["output_tokens"].clone();
                    self.usage = usage_of(self.wire, &self.parts);
                }
                Some("message_stop") => self.ended = true,
                _ => {}
            },
        }
    }

    fn fail(&mut self, why: ProviderFailure) {
        self.failed.get_or_insert(why);
    }

    /// What is wrong with the answer so far.
    pub(super) fn failed(&self) -> Option<&ProviderFailure> {
        self.failed.as_ref()
    }

    /// The usage that the answer tells, as far as it has come.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// The answer's bytes have ended: whether it was one.
    pub(super) fn finish(&mut self) -> Result<(), ProviderFailure> {
        if self.is_stream {
            // A last line without its end is an event only if it is whole: otherwise the answer was cut there.
            let rest = std::mem::take(&mut self.pending);
            let data = rest.strip_prefix(b"data:").map(<[u8]>::trim_ascii);
            if data.is_some_and(|data| data == b"[DONE]" || serde_json::from_slice::<Value>(data).is_ok()) {
                self.line(&rest);
            }
        } else {
            self.whole();
        }
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        match (self.ended, self.events) {
            (true, _) => Ok(()),
            (false, 0) => Err(failure(FailureKind::Protocol, "the answer is not of the interface's form")),
            (false, _) => Err(failure(FailureKind::Truncated, "the answer ended before its last event")),
        }
    }

    fn whole(&mut self) {
        let body = std::mem::take(&mut self.pending);
        let Ok(value) = serde_json::from_slice::<Value>(&body) else { return };
        let holds = match self.wire {
            Wire::OpenaiChat => "choices",
            Wire::OpenaiResponses => "output",
            Wire::AnthropicMessages => "content",
        };
        self.ended = value[holds].is_array();
        self.usage = usage_of(self.wire, &value["usage"]);
        if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
            self.fail(failure(
                FailureKind::Status,
                format!("the server answered with an error: {}", message_of(error)),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(wire: Wire, is_stream: bool, text: &str, piece: usize) -> (Result<(), FailureKind>, Option<u64>) {
        let mut meter = Meter::new(wire, is_stream);
        text.as_bytes().chunks(piece).for_each(|piece| meter.push(piece));
        let ended = meter.finish().map_err(|failed| failed.kind);
        (ended, meter.usage().map(|usage| usage.prompt + usage.completion))
    }

    const RESPONSES: &str = "event: response.created\ndata: {\"type\":\"response.created\"}\n\nevent: response.completed\n\
        data: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":7,\"output_tokens\":3}}}\n\n";
    const CHAT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n\
        data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n";
    const MESSAGES: &str = "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}\n\n\
        data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":3}}\n\ndata: {\"type\":\"message_stop\"}\n\n";

    #[test]
    fn the_usage_of_a_stream_is_read_whatever_its_pieces() {
        for (wire, text) in [
            (Wire::OpenaiResponses, RESPONSES),
            (Wire::OpenaiChat, CHAT),
            (Wire::AnthropicMessages, MESSAGES),
        ] {
            for piece in [1, 7, 4096] {
                assert_eq!(read(wire, true, text, piece), (Ok(()), Some(10)), "{wire:?} by {piece}");
            }
        }
    }

    #[test]
    fn a_cut_stream_is_no_answer_and_garbage_is_none_either() {
        let cut = &RESPONSES[..RESPONSES.len() / 2];
        assert_eq!(read(Wire::OpenaiResponses, true, cut, 64).0, Err(FailureKind::Truncated));
        assert_eq!(read(Wire::OpenaiResponses, true, "<html>", 64).0, Err(FailureKind::Protocol));
        assert_eq!(read(Wire::OpenaiChat, true, "data: {\n", 64).0, Err(FailureKind::Protocol));
        assert_eq!(read(Wire::OpenaiChat, false, "[1,2]", 64).0, Err(FailureKind::Protocol));
    }

    #[test]
    fn an_error_in_the_stream_is_told() {
        let failed =
            "data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"message\":\"overloaded\"}}}\n\n";
        let mut meter = Meter::new(Wire::OpenaiResponses, true);
        meter.push(failed.as_bytes());
        assert!(meter.failed().is_some_and(|failed| failed.detail.contains("overloaded")));
        assert_eq!(meter.usage(), None);
    }

    #[test]
    fn a_whole_answer_is_read_too() {
        let text = r#"{"choices":[{"message":{}}],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#;
        assert_eq!(read(Wire::OpenaiChat, false, text, 5), (Ok(()), Some(10)));
    }
}
