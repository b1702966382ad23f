//! Identifiers as types of their own: git object ids, content hashes, and the ids that we give out.
//! Their text form is their JSON form; a value that exists is well formed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256 as Hasher};

/// A text that is not an id of the named kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind}: {text:?}")]
pub struct InvalidId {
    /// What was expected, in words.
    pub kind: &'static str,
    /// What was found.
    pub text: String,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId { kind: $kind, text: text.chars().take(80).collect() })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

/// Lower-case hexadecimal of a SHA-1 (40) or SHA-256 (64) object id.
fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && is_lower_hex(text)
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::parse_str(text).is_ok_and(|id| id.to_string() == text)
}

text_id!(
    /// A git commit, by its full object id.
    CommitId,
    "commit id",
    is_object_id
);
text_id!(
    /// A git tree, by its full object id.
    TreeId,
    "tree id",
    is_object_id
);
text_id!(
    /// A git blob, by its full object id.
    BlobId,
    "blob id",
    is_object_id
);
text_id!(
    /// A registered task: a UUID, version 7, so that ids sort by the time they were given out.
    IntentId,
    "intent id",
    is_uuid
);
text_id!(
    /// One provider's answer (`codex_suggestion_id`): a UUID, version 7.
    SuggestionId,
    "suggestion id",
    is_uuid
);
text_id!(
    /// The SHA-256 of some bytes, 64 lower-case hexadecimal digits.
    Sha256,
    "SHA-256",
    |text| text.len() == 64 && is_lower_hex(text)
);

impl IntentId {
    /// The id's last twelve digits: enough to tell intents apart in a list, and what commands accept too.
    /// (The first digits of a version 7 UUID are a clock and look alike.)
    pub fn short(&self) -> &str {
        &self.0[24..]
    }
}

impl From<uuid::Uuid> for IntentId {
    fn from(id: uuid::Uuid) -> Self {
        Self(id.to_string())
    }
}

impl From<uuid::Uuid> for SuggestionId {
    fn from(id: uuid::Uuid) -> Self {
        Self(id.to_string())
    }
}

impl Sha256 {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex::encode(Hasher::digest(bytes)))
    }

    /// The hash of several fields without ambiguity: each is preceded by its length (u64, little-endian).
    pub fn of_fields(fields: &[&[u8]]) -> Self {
        let mut hasher = Hasher::new();
        for field in fields {
            hasher.update((field.len() as u64).to_le_bytes());
            hasher.update(field);
        }
        Self(hex::encode(hasher.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_refuse_what_is_not_one() {
        assert!("ABC".parse::<CommitId>().is_err());
        assert!("g".repeat(40).parse::<TreeId>().is_err());
        assert!("a".repeat(40).parse::<TreeId>().is_ok());
        assert!("0199".parse::<IntentId>().is_err());
        assert!(serde_json::from_str::<Sha256>("\"00\"").is_err());
    }

    #[test]
    fn moving_a_delimiter_between_fields_changes_the_hash() {
        assert_ne!(Sha256::of_fields(&[b"a|b", b"c"]), Sha256::of_fields(&[b"a", b"b|c"]));
        assert_ne!(Sha256::of_fields(&[b"ab", b""]), Sha256::of_fields(&[b"a", b"b"]));
    }
}
