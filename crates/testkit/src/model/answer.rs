//! Turning a step into bytes, pauses and cuts.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use serde_json::json;

use super::state::Open;
use super::step::{Reply, Step};
use super::wire::Asked;

/// An endless answer ends here, so that a client that does not give up cannot fill the machine.
const ENDLESS_CAP: u64 = 1 << 30;
const PIECE: usize = 64 << 10;
const TALK: &str = "Sure! Here is the fix: change the default to None, and you are done.";

/// The response to a step. `open` lives as long as the answer is under way.
pub(super) async fn to(step: Step, asked: Asked, open: Open) -> Response {
    match step {
        Step::Reply(reply) => asked.ok(Body::from(asked.answer(&reply))),
        Step::MalformedReply => asked.ok(Body::from(asked.answer(&Reply::text(TALK)))),
        Step::WrongJson => json(StatusCode::OK, Body::from(r#"{"object":"list","data":[1,2,3]}"#)),
        Step::NoJson => json(StatusCode::OK, Body::from("<html><body>It works!</body></html>")),
        Step::Status(code, body) => json(status(code), Body::from(body)),
        Step::RateLimited { retry_after } => rate_limited(retry_after),
        Step::Redirect { to } => redirect(&to),
        Step::Hang => hang(open).await,
        Step::HangAfterHeaders => asked.ok(hanging_body(open)),
        Step::TooLarge(bytes) => asked.ok(large_body(asked, bytes, open)),
        Step::EndlessStream => asked.ok(endless_body(asked, open)),
        Step::CutConnection { after_bytes } => cut(asked, after_bytes, open),
        Step::HangInTheMiddle { after_bytes } => asked.ok(half_body(asked, after_bytes, open)),
        Step::Drip { reply, piece, pause } => {
            asked.ok(dripping_body(asked.answer(&reply), piece.max(1), pause, open))
        }
    }
}

/// An error in the form that such servers use.
pub(super) fn error(code: StatusCode, message: &str) -> Response {
    let body = json!({"error": {"message": message, "type": "invalid_request_error", "code": null}});
    json(code, Body::from(body.to_string()))
}

pub(super) fn json(code: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A number that is no status is a mistake of the test; 500 says so in the body's stead.
fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn rate_limited(retry_after: u32) -> Response {
    let mut response = error(StatusCode::TOO_MANY_REQUESTS, "Rate limit reached");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
    response
}

fn redirect(to: &str) -> Response {
    let mut response = error(StatusCode::TEMPORARY_REDIRECT, "over there");
    match HeaderValue::from_str(to) {
        Ok(place) => drop(response.headers_mut().insert(header::LOCATION, place)),
        Err(_) => {
            response = error(StatusCode::INTERNAL_SERVER_ERROR, "the script's place is no header value")
        }
    }
    response
}

/// Never ends by itself; the server drops it when the client leaves.
async fn hang(open: Open) -> Response {
    std::future::pending::<()>().await;
    drop(open);
    Response::default()
}

fn hanging_body(open: Open) -> Body {
    Body::from_stream(stream::unfold(open, |open| async move {
        std::future::pending::<()>().await;
        Some((Ok::<Bytes, io::Error>(Bytes::new()), open))
    }))
}

/// The head and tail of a completion with `bytes` letters between them.
fn large_body(asked: Asked, bytes: u64, open: Open) -> Body {
    let whole = asked.answer(&Reply::text("@"));
    let (head, tail) = whole.split_once('@').unwrap_or((&whole, ""));
    let tail = Bytes::from(tail.to_owned());
    let begin = Part { open, next: Some(Bytes::from(head.to_owned())), left: bytes, tail: Some(tail) };
    Body::from_stream(stream::unfold(begin, |part| async move { part.advance() }))
}

/// As [`large_body`], but nobody waits for the tail.
fn endless_body(asked: Asked, open: Open) -> Body {
    large_body(asked, ENDLESS_CAP, open)
}

/// What of a large body is still to be sent.
struct Part {
    open: Open,
    next: Option<Bytes>,
    left: u64,
    tail: Option<Bytes>,
}

impl Part {
    fn advance(mut self) -> Option<(io::Result<Bytes>, Self)> {
        let piece = match self.next.take() {
            Some(head) => head,
            None if self.left > 0 => {
                let size = self.left.min(PIECE as u64);
                self.left -= size;
                Bytes::from(vec![b'x'; usize::try_from(size).unwrap_or(PIECE)])
            }
            None => self.tail.take()?,
        };
        self.open.streamed(piece.len());
        Some((Ok(piece), self))
    }
}

/// The length promises more than will come; then the body fails, and with it the connection.
fn cut(asked: Asked, after_bytes: usize, open: Open) -> Response {
    let whole = asked.answer(&Reply::text("An answer that does not arrive."));
    let kept = after_bytes.min(whole.len() - 1);
    let length = HeaderValue::from(whole.len());
    let begin = (open, Some(Bytes::from(whole.into_bytes()).slice(..kept)));
    let body = Body::from_stream(stream::unfold(begin, |(open, piece)| async move {
        let sent = match piece {
            Some(piece) => Ok(piece),
            None => {
                // Lets what was sent reach the network before the connection goes.
                tokio::task::yield_now().await;
                Err(io::Error::other("cut by the script"))
            }
        };
        Some((sent, (open, None)))
    }));
    let mut response = asked.ok(body);
    response.headers_mut().insert(header::CONTENT_LENGTH, length);
    response
}

/// The beginning of an answer, then nothing until the client leaves.
fn half_body(asked: Asked, after_bytes: usize, open: Open) -> Body {
    let mut whole = asked.answer(&Reply::text("An answer that does not arrive.")).into_bytes();
    whole.truncate(after_bytes.clamp(1, whole.len() - 1));
    Body::from_stream(stream::unfold((open, Some(Bytes::from(whole))), |(open, piece)| async move {
        if piece.is_none() {
            std::future::pending::<()>().await;
        }
        Some((Ok::<_, io::Error>(piece.unwrap_or_default()), (open, None)))
    }))
}

fn dripping_body(whole: String, piece: usize, pause: Duration, open: Open) -> Body {
    let begin = (open, Bytes::from(whole.into_bytes()));
    Body::from_stream(stream::unfold(begin, move |(open, mut left)| async move {
        if left.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let now = left.split_to(piece.min(left.len()));
        open.streamed(now.len());
        Some((Ok::<_, io::Error>(now), (open, left)))
    }))
}
