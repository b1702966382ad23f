//! Time and identity that a test decides. Neither reads the machine's clock or its randomness.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use domain::ids::{IntentId, SuggestionId};

/// A clock that stands still until it is told to go on. Shared by reference between threads.
#[derive(Debug)]
pub struct TestClock {
    now_micros: AtomicI64,
}

impl TestClock {
    /// 2026-01-02T03:04:05Z in microseconds since 1970: no field is equal to another one.
    pub const START: i64 = 1_767_323_045_000_000;

    /// A clock at [`Self::START`].
    pub fn new() -> Self {
        Self::at(Self::START)
    }

    /// A clock at this time, in microseconds since 1970 UTC.
    pub fn at(micros: i64) -> Self {
        Self { now_micros: AtomicI64::new(micros) }
    }

    /// The time, in microseconds since 1970 UTC.
    pub fn now_micros(&self) -> i64 {
        self.now_micros.load(Ordering::SeqCst)
    }

    /// Lets this much time pass; gives the new time. Time beyond the number's range stops at its end.
    pub fn advance(&self, by: Duration) -> i64 {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        let add = |now: i64| Some(now.saturating_add(micros));
        let before = self.now_micros.fetch_update(Ordering::SeqCst, Ordering::SeqCst, add);
        before.unwrap_or_else(|now| now).saturating_add(micros)
    }

    /// Puts the clock to this time, also backwards, as a machine's clock may jump.
    pub fn set_micros(&self, micros: i64) {
        self.now_micros.store(micros, Ordering::SeqCst);
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

/// Ids in a fixed order: well-formed version 7 UUIDs that count up, the same in every run.
#[derive(Debug, Default)]
pub struct FixedIds {
    given: AtomicU64,
}

impl FixedIds {
    /// A source whose first id ends in `...0001`.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next id: the clock part is [`TestClock::START`], the last digits count.
    pub fn uuid(&self) -> uuid::Uuid {
        let count = self.given.fetch_add(1, Ordering::SeqCst) + 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&count.to_be_bytes());
        let millis = TestClock::START.unsigned_abs() / 1000;
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// The next id, as an intent's.
    pub fn intent(&self) -> IntentId {
        self.uuid().into()
    }

    /// The next id, as a suggestion's.
    pub fn suggestion(&self) -> SuggestionId {
        self.uuid().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_only_when_told() {
        let clock = TestClock::new();
        assert_eq!(clock.now_micros(), clock.now_micros());
        assert_eq!(clock.advance(Duration::from_millis(2)), TestClock::START + 2_000);
        assert_eq!(clock.now_micros(), TestClock::START + 2_000);
        clock.set_micros(5);
        assert_eq!(clock.now_micros(), 5);
    }

    #[test]
    fn a_clock_at_the_end_of_time_stays_there() {
        let clock = TestClock::at(i64::MAX - 1);
        assert_eq!(clock.advance(Duration::MAX), i64::MAX);
        assert_eq!(clock.now_micros(), i64::MAX);
    }

    #[test]
    fn ids_differ_sort_in_the_order_given_and_are_the_same_in_every_run() {
        let ids = FixedIds::new();
        let (first, second) = (ids.intent(), ids.intent());
        assert!(first < second);
        assert_eq!(first, FixedIds::new().intent());
        assert!(first.as_str().parse::<IntentId>().is_ok());
        assert_eq!(ids.uuid().get_version_num(), 7);
    }
}
