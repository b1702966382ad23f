//! Strict reading of a provider's reply: one JSON object with `patch`, `explanation`, `confidence`, `meta`.
//!
//! A bad reply is data: reading it gives every finding with a stable code. Nothing of a reply is ever executed, and
//! what it says about itself has no authority.

mod extract;
mod json;
mod mend;
mod plan;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::confidence::Confidence;

pub use plan::read_plan;

/// How large a reply may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyLimits {
    /// Bytes of the whole reply; more is refused unread.
    pub bytes: usize,
    /// Bytes of the patch; more is refused.
    pub patch_bytes: usize,
    /// Bytes of the explanation; more is cut off, which is recorded.
    pub explanation_bytes: usize,
    /// Objects and arrays within each other.
    pub depth: u32,
}

impl Default for ReplyLimits {
    /// 8 MiB, a patch of 4 MiB (as the patch reader's own limit), an explanation of 64 KiB, 32 levels. Our own choice.
    fn default() -> Self {
        Self { bytes: 8 << 20, patch_bytes: 4 << 20, explanation_bytes: 64 << 10, depth: 32 }
    }
}

/// A reply that keeps to the contract.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The patch's text exactly as given; empty when the provider says that nothing is to be changed.
    pub patch: String,
    /// Why, in the provider's words; cut at the limit.
    pub explanation: String,
    /// How sure the provider says it is.
    pub confidence: Option<Confidence>,
    /// The provider's own `meta` object; for the record only.
    pub meta: Map<String, Value>,
    /// Fields that the contract does not know; for the record only.
    pub unknown: Map<String, Value>,
    /// What was mended on the way.
    pub mended: Vec<Mend>,
}

impl Reply {
    /// Whether the provider says that nothing is to be changed.
    pub fn is_no_change(&self) -> bool {
        self.patch.trim().is_empty()
    }
}

/// Something in a reply that was mended because it can mean only one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mend {
    /// A byte order mark stood in front.
    ByteOrderMark,
    /// The object stood in a markdown fence.
    Fence,
    /// Text stood around the object.
    Prose,
    /// The same object stood there more than once.
    Repeated,
    /// A comma stood before a closing bracket.
    TrailingComma,
    /// Line ends or tabs stood unescaped within a string.
    RawControl,
    /// The explanation was cut at its limit.
    ExplanationCut,
}

impl fmt::Display for Mend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByteOrderMark => "a byte order mark was taken off",
            Self::Fence => "the fence around it was taken off",
            Self::Prose => "the text around it was left out",
            Self::Repeated => "the same answer stood there more than once",
            Self::TrailingComma => "a comma before a closing bracket was left out",
            Self::RawControl => "line ends within a string were read as such",
            Self::ExplanationCut => "the explanation was cut",
        })
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $text:literal,)*) => {
        /// The stable code of a finding about a reply.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ReplyCode {
            $($(#[$doc])* $name,)*
        }

        impl ReplyCode {
            /// All codes, in the order of the manual.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as text.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    /// There is nothing.
    Empty "empty",
    /// Larger than the limit.
    TooLarge "too_large",
    /// Not UTF-8: binary, compressed, or broken on the way. Nothing is replaced in a patch.
    InvalidUtf8 "invalid_utf8",
    /// No JSON object that could be an answer.
    NoJson "no_json",
    /// What should be JSON is not.
    InvalidJson "invalid_json",
    /// A number that JSON does not have (NaN, Infinity) or that no float can hold.
    InvalidNumber "invalid_number",
    /// The reply ends in the middle.
    Truncated "truncated",
    /// Objects and arrays within each other beyond the limit.
    TooDeep "too_deep",
    /// The same key twice in one object.
    DuplicateKey "duplicate_key",
    /// Several different answers, or something that contradicts the one.
    Ambiguous "ambiguous",
    /// A field, or the whole, is of another type than the contract says.
    WrongType "wrong_type",
    /// A required field is not there.
    MissingField "missing_field",
    /// The confidence is not from 0 to 1.
    OutOfRange "out_of_range",
    /// The patch's text holds what no text file has.
    InvalidPatchText "invalid_patch_text",
}

impl fmt::Display for ReplyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One reason why a reply cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyFinding {
    /// The stable code.
    pub code: ReplyCode,
    /// What was found, in words.
    pub detail: String,
}

impl ReplyFinding {
    fn new(code: ReplyCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

impl fmt::Display for ReplyFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.detail, self.code)
    }
}

/// Reads a reply: the whole text, the one fence, or exactly one distinct answer among prose.
///
/// Time and memory are linear in the reply.
///
/// # Errors
/// Every reason why it is not an answer, never an empty list.
pub fn read(bytes: &[u8], limits: &ReplyLimits) -> Result<Reply, Vec<ReplyFinding>> {
    let (object, mended) = answer(bytes, limits, extract::CHANGE).map_err(|finding| vec![finding])?;
    judge(object, mended, limits)
}

/// The one object that these bytes hold.
fn answer(
    bytes: &[u8],
    limits: &ReplyLimits,
    sought: extract::Sought,
) -> Result<(Map<String, Value>, Vec<Mend>), ReplyFinding> {
    if bytes.len() > limits.bytes {
        let detail = format!("{} bytes; the limit is {}", bytes.len(), limits.bytes);
        return Err(ReplyFinding::new(ReplyCode::TooLarge, detail));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let detail = format!("byte {} is not UTF-8", error.valid_up_to());
        ReplyFinding::new(ReplyCode::InvalidUtf8, detail)
    })?;
    extract::answer(text, limits, sought)
}

/// Holds an object against the contract; all findings.
fn judge(
    mut object: Map<String, Value>,
    mended: Vec<Mend>,
    limits: &ReplyLimits,
) -> Result<Reply, Vec<ReplyFinding>> {
    let mut findings = Vec::new();
    let patch = required(&mut object, "patch", &mut findings);
    let explanation = required(&mut object, "explanation", &mut findings);
    let confidence = confidence(object.remove("confidence"), &mut findings);
    let meta = match object.remove("meta") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(meta)) => meta,
        Some(other) => {
            findings.push(wrong_type("meta", "an object", &other));
            Map::new()
        }
    };
    judge_patch_text(&patch, limits, &mut findings);
    if !findings.is_empty() {
        return Err(findings);
    }
    let mut reply = Reply { patch, explanation, confidence, meta, unknown: object, mended };
    if reply.explanation.len() > limits.explanation_bytes {
        let end = reply.explanation.floor_char_boundary(limits.explanation_bytes);
        reply.explanation.truncate(end);
        reply.mended.push(Mend::ExplanationCut);
    }
    Ok(reply)
}

fn required(object: &mut Map<String, Value>, key: &str, findings: &mut Vec<ReplyFinding>) -> String {
    match object.remove(key) {
        Some(Value::String(text)) => return text,
        Some(other) => findings.push(wrong_type(key, "a string", &other)),
        None => findings.push(ReplyFinding::new(ReplyCode::MissingField, format!("{key:?} is missing"))),
    }
    String::new()
}

fn confidence(value: Option<Value>, findings: &mut Vec<ReplyFinding>) -> Option<Confidence> {
    let number = match value? {
        Value::Null => return None,
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        other => {
            findings.push(wrong_type("confidence", "a number", &other));
            return None;
        }
    };
    Confidence::new(number)
        .map_err(|error| findings.push(ReplyFinding::new(ReplyCode::OutOfRange, error.to_string())))
        .ok()
}

fn judge_patch_text(patch: &str, limits: &ReplyLimits, findings: &mut Vec<ReplyFinding>) {
    if patch.len() > limits.patch_bytes {
        let detail = format!("the patch has {} bytes; the limit is {}", patch.len(), limits.patch_bytes);
        findings.push(ReplyFinding::new(ReplyCode::TooLarge, detail));
    }
    if patch.contains('\0') {
        findings.push(ReplyFinding::new(ReplyCode::InvalidPatchText, "the patch holds a zero character"));
    }
}

fn wrong_type(key: &str, wanted: &str, found: &Value) -> ReplyFinding {
    ReplyFinding::new(ReplyCode::WrongType, format!("{key:?} is not {wanted} but {}", json::kind(found)))
}
