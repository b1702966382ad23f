//! What a caller gets instead of an answer: RFC 9457 bodies with stable codes and a safe sentence. Causes go to the log.

use std::borrow::Cow;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::ids::IntentId;
use engine::EngineError;
use serde::Serialize;
use utoipa::ToSchema;

/// The kind of a problem: stable, to be told apart by programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Code {
    /// The request cannot be read: its syntax, a parameter, a header.
    BadRequest,
    /// No key, a wrong one, or a revoked one.
    Unauthorized,
    /// The key has not the scope for this.
    Forbidden,
    /// There is nothing of this name that the caller may see.
    NotFound,
    /// The change is over, and its record went into a file of whoever keeps the registry.
    Compacted,
    /// The resource has no such method.
    MethodNotAllowed,
    /// The body did not come in time.
    Timeout,
    /// The state does not allow it.
    Conflict,
    /// A live change stands for the same finding already.
    Duplicate,
    /// Another process works on the change at this moment.
    Busy,
    /// The change is not in the state that `If-Match` names any more.
    PreconditionFailed,
    /// The body is larger than allowed.
    TooLarge,
    /// The body is no JSON, or it is compressed.
    UnsupportedMediaType,
    /// The request is well formed and asks for something that cannot be.
    Invalid,
    /// The idempotency key was used for another request.
    IdempotencyMismatch,
    /// Over a limit of this caller; see `Retry-After`.
    TooManyRequests,
    /// A defect of the server, or something of its machine failed; the log has the cause.
    Internal,
    /// The server cannot do it now: it is ending, or its registry does not answer.
    Unavailable,
}

impl Code {
    fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Compacted => StatusCode::GONE,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict | Self::Duplicate | Self::Busy => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Invalid | Self::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request cannot be read",
            Self::Unauthorized => "A valid key is needed",
            Self::Forbidden => "The key does not allow this",
            Self::NotFound => "There is no such thing",
            Self::Compacted => "The record was compacted",
            Self::MethodNotAllowed => "There is no such method here",
            Self::Timeout => "The request took too long",
            Self::Conflict => "The state does not allow this",
            Self::Duplicate => "This finding is taken already",
            Self::Busy => "The change is being worked on",
            Self::PreconditionFailed => "The change has moved on",
            Self::TooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body is not in a form that is taken",
            Self::Invalid => "The request asks for something that cannot be",
            Self::IdempotencyMismatch => "The idempotency key belongs to another request",
            Self::TooManyRequests => "Too many requests",
            Self::Internal => "Something of ours failed",
            Self::Unavailable => "Not now",
        }
    }

    fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// A refusal on its way to the caller.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    intent: Option<IntentId>,
    retry_after: Option<u64>,
}

/// The body of a refusal (`application/problem+json`, RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// `urn:codex-task:problem:` and the code.
    r#type: String,
    /// What it is, in words; the same for every problem of this code.
    title: &'static str,
    /// The status of the response.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// The stable code.
    code: Code,
    /// What is wrong with this request.
    detail: Cow<'static, str>,
    /// The change that it is about, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Uuid, nullable = false)]
    intent: Option<IntentId>,
}

impl Problem {
    /// A problem of this kind with a sentence that is safe to show.
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), intent: None, retry_after: None }
    }

    /// The answer to everything that the caller may not see, whether it is there or not.
    pub(crate) fn not_found() -> Self {
        Self::new(Code::NotFound, "nothing of this name is there for this key")
    }

    /// The answer to a key that is missing, malformed, unknown or revoked: always the same.
    pub(crate) fn unauthorized() -> Self {
        Self::new(Code::Unauthorized, "send `Authorization: Bearer KEY` with a key of `codex-task agent add`")
    }

    /// Something of ours failed: the log gets the chain of causes, the caller a sentence.
    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        let mut causes = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            causes = format!("{causes}: {cause}");
            source = cause.source();
        }
        tracing::error!(error = %causes, "a request failed");
        Self::new(Code::Internal, "the server's log has the cause")
    }

    /// With the change that it is about.
    #[must_use]
    pub(crate) fn about(mut self, intent: IntentId) -> Self {
        self.intent = Some(intent);
        self
    }

    /// With the seconds after which to try again.
    #[must_use]
    pub(crate) fn after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Its code and sentence in one line, for callers that are not HTTP's.
    pub(crate) fn line(&self) -> String {
        format!("{}: {}", self.code.word(), self.detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let body = ProblemBody {
            r#type: format!("urn:codex-task:problem:{}", self.code.word()),
            title: self.code.title(),
            status: status.as_u16(),
            code: self.code,
            detail: self.detail,
            intent: self.intent,
        };
        let text = serde_json::to_string(&body).unwrap_or_default();
        let mut response = (status, text).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        use EngineError as E;
        if let E::Store(error @ store::StoreError::Compacted { .. }) = error {
            return error.into();
        }
        match &error {
            E::Duplicate { existing } => {
                Self::new(Code::Duplicate, "a live change stands for this finding").about(existing.clone())
            }
            E::Busy { intent } => {
                Self::new(Code::Busy, "another process works on it; try again").about(intent.clone()).after(1)
            }
            E::NoSuchIntent { .. } => Self::not_found(),
            E::WrongState { intent, status, need } => {
                Self::new(Code::Conflict, format!("it is {status}: {need}")).about(intent.clone())
            }
            E::OwnChange { intent, .. } => {
                Self::new(Code::Forbidden, "an agent cannot approve what it asked for").about(intent.clone())
            }
            E::Moved { .. } => Self::new(Code::Conflict, error.to_string()),
            E::Message { .. } | E::NoSuchProvider { .. } => Self::new(Code::Invalid, error.to_string()),
            E::Erased { .. } => Self::not_found(),
            E::Git(git::GitError::UnknownRevision { .. } | git::GitError::AmbiguousRevision { .. }) => {
                Self::new(Code::Invalid, "`base` names no commit of the repository")
            }
            _ => Self::internal(&error),
        }
    }
}

impl From<store::StoreError> for Problem {
    fn from(error: store::StoreError) -> Self {
        match error {
            store::StoreError::Busy { .. } => {
                // For the log.
                let _internal = Self::internal(&error);
                Self::new(Code::Unavailable, "the registry is busy; try again").after(1)
            }
            store::StoreError::Compacted { intent, compaction } => {
                let done = if compaction.archive.is_some() { "compacted" } else { "erased" };
                let detail = format!("it is over, and its record was {done} on {}", compaction.at.day());
                Self::new(Code::Compacted, detail).about(intent)
            }
            _ => Self::internal(&error),
        }
    }
}
