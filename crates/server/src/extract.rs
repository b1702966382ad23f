//! Bodies, parameters and headers as values, or the problem with them.

use std::marker::PhantomData;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use domain::ids::Sha256;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
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
