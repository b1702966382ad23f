//! Points in time, as the journal keeps them. There is no clock here: whoever calls has one.

use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01 00:00 UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl Micros {
    /// The day in UTC, `2026-11-21`. Times that no calendar knows count as its last day.
    pub fn day(self) -> String {
        let time = jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::MAX);
        jiff::tz::Offset::UTC.to_datetime(time).date().to_string()
    }

    /// The week in UTC by ISO 8601, `2026-W47`.
    pub fn week(self) -> String {
        let time = jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::MAX);
        let week = jiff::tz::Offset::UTC.to_datetime(time).date().iso_week_date();
        format!("{:04}-W{:02}", week.year(), week.week())
    }

    /// The minutes since 1970-01-01 00:00 UTC, in eight digits so that they sort as text.
    pub(crate) fn minute(self) -> String {
        format!("{:08}", self.0.div_euclid(60_000_000))
    }

    /// The month in UTC, `2026-11`.
    pub fn month(self) -> String {
        let mut day = self.day();
        day.truncate(day.len().saturating_sub(3));
        day
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_utc() {
        let midnight = 1_795_219_200_000_000;
        assert_eq!(Micros(midnight).day(), "2026-11-21");
        assert_eq!(Micros(midnight - 1).day(), "2026-11-20");
        assert_eq!(Micros(midnight).month(), "2026-11");
        // A Saturday; the next Monday is in the next week, and minutes sort as text.
        assert_eq!(Micros(midnight).week(), "2026-W47");
        assert_eq!(Micros(midnight + 2 * 86_400_000_000).week(), "2026-W48");
        assert_eq!(Micros(midnight + 59_999_999).minute(), "29920320");
    }

    #[test]
    fn times_outside_of_the_calendar_still_have_a_day() {
        for at in [i64::MIN, i64::MAX] {
            assert_eq!(Micros(at).day(), "9999-12-30");
        }
    }
}
