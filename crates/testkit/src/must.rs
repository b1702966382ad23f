//! The one place where this crate panics: a set-up that failed is told at the line of the test that asked for it.

use std::fmt::Display;

/// Ends the test with this message, at the caller's line.
#[track_caller]
#[expect(clippy::panic, reason = "a test's tool reports by panicking")]
pub(crate) fn fail(message: impl Display) -> ! {
    panic!("{message}")
}

/// Takes the value out, or ends the test saying what was being done.
pub(crate) trait Must<T> {
    /// The value; else a panic at the caller's line that starts with `doing`.
    #[track_caller]
    fn must(self, doing: impl Display) -> T;
}

impl<T, E: Display> Must<T> for Result<T, E> {
    #[track_caller]
    fn must(self, doing: impl Display) -> T {
        match self {
            Ok(value) => value,
            Err(error) => fail(format_args!("{doing}: {error}")),
        }
    }
}

impl<T> Must<T> for Option<T> {
    #[track_caller]
    fn must(self, doing: impl Display) -> T {
        match self {
            Some(value) => value,
            None => fail(format_args!("{doing}: there is none")),
        }
    }
}
