//! Lines of an agent's output, bounded in length and in all.

use domain::proposal::{FailureKind, ProviderFailure};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

use crate::failure;

/// The longest line that an agent may print.
const MOST_LINE: u64 = 8 << 20;

/// The most bytes that an agent may print.
const MOST_BYTES: u64 = 256 << 20;

/// The lines of an output.
pub(super) struct Lines<R> {
    from: BufReader<R>,
    bytes: u64,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from: BufReader::new(from), bytes: 0 }
    }

    /// The next line with its end; `None` at the end of the output.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, ProviderFailure> {
        let mut line = Vec::new();
        let read = (&mut self.from).take(MOST_LINE).read_until(b'\n', &mut line).await;
        let count = read.map_err(|error| {
            failure(FailureKind::Crashed, format!("the agent's output cannot be read: {error}"))
        })?;
        self.bytes = self.bytes.saturating_add(count as u64);
        if count as u64 == MOST_LINE || self.bytes > MOST_BYTES {
            return Err(failure(
                FailureKind::TooLarge,
                "the agent printed a line of 8 MiB, or more than 256 MiB",
            ));
        }
        Ok((count > 0).then_some(line))
    }
}
