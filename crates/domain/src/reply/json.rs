//! JSON without leniency: over serde_json, which alone takes the last of duplicate keys in silence.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{ReplyCode, ReplyFinding};

/// Reads exactly one JSON value.
///
/// # Errors
/// One finding, the first thing that is wrong.
pub(super) fn parse(text: &str, depth: u32) -> Result<Value, ReplyFinding> {
    let code = Cell::new(None);
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Strict { depth, code: &code }.deserialize(&mut reader);
    let read = read.and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| {
        let code = code.get().unwrap_or_else(|| classify(&error, text));
        ReplyFinding::new(code, error.to_string())
    })
}

/// What sort of error serde_json's is; it tells them apart by message and place only.
fn classify(error: &serde_json::Error, text: &str) -> ReplyCode {
    if error.is_eof() {
        return ReplyCode::Truncated;
    }
    let message = error.to_string();
    if message.starts_with("number out of range") {
        return ReplyCode::InvalidNumber;
    }
    if message.starts_with("recursion limit") {
        return ReplyCode::TooDeep;
    }
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let at = line.floor_char_boundary(error.column().saturating_sub(1));
    let rest = line[at..].trim_start_matches('-');
    let before = line[..at].trim_end_matches('-');
    let names = ["NaN", "Infinity", "nan", "inf"];
    // The error stands at the name's first character, or at the one after its sign.
    if names.iter().any(|name| rest.starts_with(name)) && before.trim_end().ends_with([':', ',', '[']) {
        return ReplyCode::InvalidNumber;
    }
    ReplyCode::InvalidJson
}

/// What a value is, in words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Builds a value, refusing duplicate keys and depth. serde's errors carry text only, so the code goes beside them.
#[derive(Clone, Copy)]
struct Strict<'c> {
    depth: u32,
    code: &'c Cell<Option<ReplyCode>>,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(self.refuse(ReplyCode::TooDeep, "objects and arrays are nested too deeply")),
        }
    }

    fn refuse<E: serde::de::Error>(self, code: ReplyCode, detail: impl fmt::Display) -> E {
        self.code.set(Some(code));
        E::custom(detail)
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let number =
            Number::from_f64(value).ok_or_else(|| self.refuse(ReplyCode::InvalidNumber, "not a number"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if out.contains_key(&key) {
                let key: String = key.chars().take(80).collect();
                return Err(self
                    .refuse(ReplyCode::DuplicateKey, format!("the key {key:?} stands twice in one object")));
            }
            let value = entries.next_value_seed(inner)?;
            out.insert(key, value);
        }
        Ok(Value::Object(out))
    }
}
