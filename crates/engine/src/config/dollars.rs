//! Amounts of dollars in configuration files: `"0.50"`, `0.5` or `20`. Inside they are integer micro-dollars.

use std::fmt;

use domain::money::MicroDollars;
use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

/// Writes the amount as text without a sign, so that reading it back is exact.
pub(super) fn serialize<S: Serializer>(amount: &MicroDollars, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(amount.to_string().trim_start_matches('$'))
}

/// Reads an amount from text or from a number.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<MicroDollars, D::Error> {
    from.deserialize_any(Amount)
}

struct Amount;

impl Visitor<'_> for Amount {
    type Value = MicroDollars;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount of dollars such as 0.50")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<MicroDollars, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, dollars: u64) -> Result<MicroDollars, E> {
        self.visit_str(&dollars.to_string())
    }

    fn visit_i64<E: Error>(self, dollars: i64) -> Result<MicroDollars, E> {
        self.visit_str(&dollars.to_string())
    }

    /// The shortest text that reads back as the number is what the user wrote: `0.1` is ten cents, not a little more.
    fn visit_f64<E: Error>(self, dollars: f64) -> Result<MicroDollars, E> {
        self.visit_str(&dollars.to_string())
    }
}

/// The same for an amount that may be absent.
pub(super) mod maybe {
    use domain::money::MicroDollars;
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    struct Wrapped(#[serde(with = "super")] MicroDollars);

    pub(in super::super) fn serialize<S: Serializer>(
        amount: &Option<MicroDollars>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        match amount {
            Some(amount) => super::serialize(amount, out),
            None => out.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<MicroDollars>, D::Error> {
        Ok(Option::<Wrapped>::deserialize(from)?.map(|w| w.0))
    }
}
