//! Money as an integer number of micro-dollars. There is no floating point on the way from a price to a charge.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Micro-dollars (1,000,000 to the US dollar). Never negative: what is owed, reserved or allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MicroDollars(u64);

/// A text that is not an amount of dollars.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an amount of dollars with at most six decimals: {0:?} (example: 0.25)")]
pub struct InvalidMoney(pub String);

impl MicroDollars {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// This many micro-dollars; amounts above `i64::MAX` are cut there, so that a database column can hold them.
    pub fn from_micros(micros: u64) -> Self {
        Self(micros.min(i64::MAX as u64))
    }

    /// The number of micro-dollars.
    pub fn micros(self) -> u64 {
        self.0
    }

    /// The sum, cut at the largest amount.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self::from_micros(self.0.saturating_add(other.0))
    }

    /// The difference, never below zero.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The price of `count` units at `per_million` each million, rounded up: a charge is never understated.
    #[must_use]
    pub fn per_million(per_million: Self, count: u64) -> Self {
        let exact = u128::from(per_million.0) * u128::from(count);
        Self::from_micros(u64::try_from(exact.div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for MicroDollars {
    /// `$1.25`, with as many decimals as are needed and at least two.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:06}", self.0 % 1_000_000);
        let kept = fraction.trim_end_matches('0').len().max(2);
        f.pad(&format!("${}.{}", self.0 / 1_000_000, &fraction[..kept]))
    }
}

impl FromStr for MicroDollars {
    type Err = InvalidMoney;
    fn from_str(text: &str) -> Result<Self, InvalidMoney> {
        let invalid = || InvalidMoney(text.chars().take(40).collect());
        let digits = text.strip_prefix('$').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || fraction.len() > 6 || !all_digits(whole) || !all_digits(fraction) {
            return Err(invalid());
        }
        let dollars: u64 = whole.parse().map_err(|_| invalid())?;
        let micros: u64 = format!("{fraction:0<6}").parse().map_err(|_| invalid())?;
        let sum = dollars.checked_mul(1_000_000).and_then(|d| d.checked_add(micros)).ok_or_else(invalid)?;
        if sum > i64::MAX as u64 { Err(invalid()) } else { Ok(Self(sum)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_shown_exactly() {
        for (text, micros, shown) in
            [("0.1", 100_000, "$0.10"), ("$20", 20_000_000, "$20.00"), ("0.000001", 1, "$0.000001")]
        {
            let money: MicroDollars = text.parse().unwrap();
            assert_eq!((money.micros(), money.to_string().as_str()), (micros, shown));
        }
        for bad in ["", "-1", "1e3", "NaN", ".5", "1.0000001", "99999999999999999999"] {
            assert!(bad.parse::<MicroDollars>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_price_is_rounded_up_and_never_overflows() {
        let price = MicroDollars::from_micros(150_000);
        assert_eq!(MicroDollars::per_million(price, 1).micros(), 1);
        assert_eq!(MicroDollars::per_million(price, 2_000_000).micros(), 300_000);
        let most = MicroDollars::from_micros(u64::MAX);
        assert_eq!(MicroDollars::per_million(most, u64::MAX), most);
        assert_eq!(most.plus(most), most);
    }
}
