//! Reading an answer's body piece by piece, under a byte cap and three deadlines.

use std::future::Future;

use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use super::Waits;
use super::send::{Failed, Wait};

/// The deadline that holds at the moment: for the next piece, and for the whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) next: Instant,
    pub(crate) wait: Wait,
    pub(crate) total: Instant,
}

impl Deadline {
    /// Waits for something until the nearer of the two deadlines.
    ///
    /// # Errors
    /// [`Failed::TimedOut`] with the wait that ran out.
    pub(crate) async fn hold<T>(&self, what: impl Future<Output = T>) -> Result<T, Failed> {
        let (at, wait) =
            if self.total <= self.next { (self.total, Wait::Total) } else { (self.next, self.wait) };
        timeout_at(at, what).await.map_err(|_| Failed::TimedOut(wait))
    }
}

/// The whole body, at most `cap` bytes of it.
///
/// # Errors
/// [`Failed::TooLarge`], [`Failed::TimedOut`], [`Failed::Truncated`].
pub(crate) async fn read(
    mut response: Response,
    cap: usize,
    mut deadline: Deadline,
    waits: &Waits,
) -> Result<Vec<u8>, Failed> {
    if response.content_length().is_some_and(|announced| announced > cap as u64) {
        return Err(Failed::TooLarge { cap });
    }
    let mut bytes = Vec::new();
    loop {
        match deadline.hold(response.chunk()).await? {
            Ok(Some(piece)) if bytes.len() + piece.len() > cap => return Err(Failed::TooLarge { cap }),
            Ok(Some(piece)) => bytes.extend_from_slice(&piece),
            Ok(None) => return Ok(bytes),
            Err(_) => return Err(Failed::Truncated { bytes: bytes.len() }),
        }
        if !bytes.is_empty() {
            deadline = Deadline { next: Instant::now() + waits.idle, wait: Wait::Idle, ..deadline };
        }
    }
}

/// The beginning of an error's body, as much as comes in time: it only explains the status, so its own failures do not
/// matter.
pub(crate) async fn beginning(mut response: Response, cap: usize, deadline: Deadline) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < cap {
        match deadline.hold(response.chunk()).await {
            Ok(Ok(Some(piece))) => bytes.extend_from_slice(&piece),
            _ => break,
        }
    }
    bytes.truncate(cap);
    bytes
}
