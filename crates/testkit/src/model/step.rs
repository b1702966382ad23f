//! What the server does with one request.

use std::time::Duration;

use serde_json::json;

/// Tokens that an answer says it took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt: u64,
    /// Tokens of the answer.
    pub completion: u64,
    /// Of the prompt's, read from a cache.
    pub cached: u64,
    /// Of the answer's, spent on reasoning.
    pub reasoning: u64,
}

/// A tool that the model calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The tool's name.
    pub name: String,
    /// Its arguments, as JSON.
    pub arguments: String,
}

/// A whole, well-formed answer, in the form of whichever interface it is asked for by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The text of the one choice's message.
    pub content: String,
    /// Tools that are called; then the text may be empty.
    pub calls: Vec<Call>,
    /// What is told of tokens; `None` leaves the field out.
    pub usage: Option<Usage>,
    /// `stop`, `length`, `content_filter` or anything else, in the words of chat completions; put into those of the
    /// interface that is asked.
    pub finish_reason: String,
}

impl Reply {
    /// A finished answer with this text, 100 prompt tokens and 20 of its own.
    pub fn text(content: impl Into<String>) -> Self {
        let usage = Some(Usage { prompt: 100, completion: 20, ..Usage::default() });
        Self { content: content.into(), calls: Vec::new(), usage, finish_reason: "stop".to_owned() }
    }

    /// A call of one tool and no text.
    pub fn call(name: &str, arguments: &serde_json::Value) -> Self {
        let call = Call { name: name.to_owned(), arguments: arguments.to_string() };
        Self { calls: vec![call], finish_reason: "tool_calls".to_owned(), ..Self::text("") }
    }

    /// A reply that keeps to the strict JSON contract, with this patch.
    pub fn patch(patch: &str, confidence: f64) -> Self {
        let reply = json!({
            "patch": patch,
            "explanation": "As the finding asks.",
            "confidence": confidence,
            "meta": {},
        });
        Self::text(reply.to_string())
    }

    /// The same answer with these tokens.
    #[must_use]
    pub fn usage(mut self, prompt: u64, completion: u64) -> Self {
        self.usage = Some(Usage { prompt, completion, ..Usage::default() });
        self
    }

    /// The same answer with all kinds of tokens.
    #[must_use]
    pub fn all_usage(mut self, usage: Usage) -> Self {
        self.usage = Some(usage);
        self
    }

    /// The same answer without a word about tokens.
    #[must_use]
    pub fn no_usage(mut self) -> Self {
        self.usage = None;
        self
    }

    /// The same answer, ended for this reason.
    #[must_use]
    pub fn finish_reason(mut self, reason: &str) -> Self {
        self.finish_reason = reason.to_owned();
        self
    }
}

/// What the server does with one request. After each it can take the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A whole answer with usage.
    Reply(Reply),
    /// A whole answer whose text is talk, and not the strict JSON of the contract.
    MalformedReply,
    /// A whole answer with a text of this many bytes, sent in pieces without a `Content-Length`.
    TooLarge(u64),
    /// This status with this body, as `application/json`.
    Status(u16, String),
    /// 429 with `Retry-After` in seconds.
    RateLimited {
        /// The header's value.
        retry_after: u32,
    },
    /// 307 to another place.
    Redirect {
        /// The `Location`.
        to: String,
    },
    /// Nothing, not even headers, until the client leaves.
    Hang,
    /// Headers at once, then nothing until the client leaves.
    HangAfterHeaders,
    /// A body that begins like an answer and does not end, until the client leaves. The server gives up at 1 GiB.
    EndlessStream,
    /// A whole answer is announced; after so many bytes of its body the connection is cut.
    CutConnection {
        /// Bytes that are sent. As many as the body has or more cut nothing off: its last byte is always kept back.
        after_bytes: usize,
    },
    /// Headers and so many bytes of an answer, at least one, then nothing until the client leaves.
    HangInTheMiddle {
        /// Bytes that are sent; the answer's last byte is always kept back.
        after_bytes: usize,
    },
    /// A whole answer, in pieces with pauses between them.
    Drip {
        /// The answer.
        reply: Reply,
        /// Bytes of a piece, at least one.
        piece: usize,
        /// Before each piece.
        pause: Duration,
    },
    /// Valid JSON, and no answer.
    WrongJson,
    /// 200 with a body that is no JSON.
    NoJson,
}

impl Step {
    /// A good reply with this patch.
    pub fn patch(patch: &str, confidence: f64) -> Self {
        Self::Reply(Reply::patch(patch, confidence))
    }

    /// A whole answer with this text.
    pub fn text(content: impl Into<String>) -> Self {
        Self::Reply(Reply::text(content))
    }

    /// A whole answer with this text that tells no usage.
    pub fn no_usage(content: impl Into<String>) -> Self {
        Self::Reply(Reply::text(content).no_usage())
    }
}
