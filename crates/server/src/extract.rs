//! Bodies, parameters and headers as values, or the problem with them.

use std::marker::PhantomData;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use domain::ids::Sha256;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::problem::{Code, Problem};

/// The header with which a request may be sent again without being done again.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A JSON body: strictly one value, no field that is not known, none twice. With the hash of its bytes.
#[derive(Debug)]
pub(crate) struct Strict<T> {
    pub(crate) value: T,
    pub(crate) hash: Sha256,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Strict<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        json_only(request.headers())?;
        let bytes =
            Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Code::TooLarge, "the body is over the limit"),
                _ => Problem::new(Code::BadRequest, "the body cannot be read"),
            })?;
        let value = serde_json::from_slice::<Object<T>>(&bytes)
            .map(|object| object.0)
            .map_err(|error| Problem::new(Code::BadRequest, format!("the body does not fit: {error}")))?;
        Ok(Self { value, hash: Sha256::of(&bytes) })
    }
}

/// Something that is written as an object. By itself serde would take a list of the fields' values too.
#[derive(Debug, Clone)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// An object, or null, or nothing.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|object| object.0))
}

/// A whole number as JSON Schema means it: `3.0` is one, as some languages write it.
struct Whole(u64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Whole;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a whole number")
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Whole, E> {
                Ok(Whole(number))
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Whole, E> {
                // Up to 2^53 every whole number has a form of its own.
                if number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number) {
                    return Ok(Whole(number as u64));
                }
                Err(E::invalid_value(Unexpected::Float(number), &self))
            }
        }
        deserializer.deserialize_any(Number)
    }
}

impl Whole {
    fn fit<T: TryFrom<u64>, E: Error>(self) -> Result<T, E> {
        T::try_from(self.0).map_err(|_| E::custom(format!("{} is too large", self.0)))
    }
}

/// A whole number that fits.
pub(crate) fn whole<'de, D: Deserializer<'de>, T: TryFrom<u64>>(deserializer: D) -> Result<T, D::Error> {
    Whole::deserialize(deserializer)?.fit()
}

/// A whole number that fits, or null.
pub(crate) fn whole_or_null<'de, D: Deserializer<'de>, T: TryFrom<u64>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::<Whole>::deserialize(deserializer)?.map(Whole::fit).transpose()
}

fn json_only(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |detail: &'static str| Err(Problem::new(Code::UnsupportedMediaType, detail));
    let value = |name| headers.get(name).map(|v: &axum::http::HeaderValue| v.to_str().unwrap_or("?"));
    if value(CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return refuse("compressed bodies are not taken");
    }
    let kind = value(CONTENT_TYPE).unwrap_or("");
    match kind.split(';').next().map(str::trim) {
        Some(kind) if kind.eq_ignore_ascii_case("application/json") => Ok(()),
        _ => refuse("send `Content-Type: application/json`"),
    }
}

/// Query parameters: only known ones.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        let Query(value) = query.map_err(|rejection| {
            Problem::new(Code::BadRequest, format!("the query does not fit: {}", rejection.body_text()))
        })?;
        Ok(Self(value))
    }
}

/// The key under which a request may be repeated, if it names one.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or("");
    let plain = (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if !plain || values.next().is_some() {
        let detail = "`Idempotency-Key` is one value of 1 to 200 visible ASCII characters";
        return Err(Problem::new(Code::BadRequest, detail));
    }
    Ok(Some(text.to_owned()))
}

/// The entity tag of a version.
pub(crate) fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// Whether the caller has this version already.
pub(crate) fn is_known(headers: &HeaderMap, version: u64) -> bool {
    listed(headers, IF_NONE_MATCH).is_some_and(|tags| tags.iter().any(|t| *t == "*" || *t == etag(version)))
}

/// Refuses when the caller means another version.
pub(crate) fn check_version(headers: &HeaderMap, version: u64) -> Result<(), Problem> {
    let tags = listed(headers, IF_MATCH);
    if tags.is_none_or(|tags| tags.iter().any(|t| *t == "*" || *t == etag(version))) {
        return Ok(());
    }
    Err(Problem::new(Code::PreconditionFailed, format!("it is at version {version} now")))
}

fn listed(headers: &HeaderMap, name: HeaderName) -> Option<Vec<&str>> {
    let text = headers.get(name)?.to_str().ok()?;
    Some(text.split(',').map(|tag| tag.trim().trim_start_matches("W/")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Numbers {
        #[serde(deserialize_with = "whole")]
        number: u32,
        #[serde(default, deserialize_with = "whole_or_null")]
        perhaps: Option<u32>,
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        let read = |text: &str| serde_json::from_str::<Numbers>(text).map(|n| (n.number, n.perhaps));
        assert_eq!(read("{\"number\": 3}").unwrap(), (3, None));
        assert_eq!(read("{\"number\": 3.0, \"perhaps\": 1e3}").unwrap(), (3, Some(1000)));
        assert_eq!(read("{\"number\": 4294967295.0, \"perhaps\": null}").unwrap(), (u32::MAX, None));
        for wrong in ["3.5", "-1", "-1.0", "4294967296", "1e300", "\"3\"", "true", "null", "[3]"] {
            assert!(read(&format!("{{\"number\": {wrong}}}")).is_err(), "{wrong}");
        }
    }
}
