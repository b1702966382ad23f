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
                text.to_owned().try_into()
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) {
                    Ok(Self(text))
                } else {
                    Err(InvalidId { kind: $kind, text: text.chars().take(80).collect() })
                }
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

/// All bytes are looked at, whatever they are: that is done many at a time.
fn is_lower_hex(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() | (b'a'..=b'f').contains(&byte);
    text.bytes().fold(true, |all, byte| all & is_digit(byte))
}

/// The one way to write a UUID that we write: lower case, with hyphens.
fn is_uuid(text: &str) -> bool {
    let part = |place: usize, byte: u8| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
    };
    text.len() == 36 && text.bytes().enumerate().all(|(place, byte)| part(place, byte))
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
        Self(hex::encode(hash_fields(fields)))
    }

    /// Whether this text is the hash of these fields: as comparing with [`Self::of_fields`], without making one.
    pub fn is_of_fields(text: &str, fields: &[&[u8]]) -> bool {
        let mut digits = [0; 64];
        hex::encode_to_slice(hash_fields(fields), &mut digits).is_ok() && text.as_bytes() == digits
    }
}

/// A SHA-256 of bytes that come piece by piece.
#[derive(Debug, Clone, Default)]
pub struct Sha256Pieces(Hasher);

impl Sha256Pieces {
    /// The next piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The hash of all pieces so far.
    pub fn so_far(&self) -> Sha256 {
        Sha256(hex::encode(self.0.clone().finalize()))
    }
}

fn hash_fields(fields: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Hasher::new();
    for field in fields {
        hasher.update((field.len() as u64).to_le_bytes());
        hasher.update(field);
    }
    hasher.finalize().into()
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
    fn a_uuid_is_written_in_one_way_only() {
        let id = "01990000-0000-7000-8000-00000000000a";
        assert_eq!(id.parse::<IntentId>().unwrap().as_str(), uuid::Uuid::parse_str(id).unwrap().to_string());
        for other in [
            id.to_uppercase(),
            id.replace('-', ""),
            format!("{{{id}}}"),
            id.replacen('-', "0", 1),
            id.replacen('9', "-", 1),
            id.replacen('9', "g", 1),
            id[1..].to_owned(),
        ] {
            assert!(other.parse::<IntentId>().is_err(), "{other}");
        }
    }

    #[test]
    fn a_hash_is_compared_as_it_is_made() {
        let fields: [&[u8]; 2] = [b"a", b"bc"];
        let hash = Sha256::of_fields(&fields);
        assert!(Sha256::is_of_fields(hash.as_str(), &fields));
        for other in [hash.as_str()[1..].to_owned(), format!("{hash}0"), hash.as_str().to_uppercase()] {
            assert!(!Sha256::is_of_fields(&other, &fields), "{other}");
        }
        assert!(!Sha256::is_of_fields(hash.as_str(), &[b"a", b"bd"]));
    }

    #[test]
    fn pieces_have_the_hash_of_the_whole() {
        let mut pieces = Sha256Pieces::default();
        pieces.add(b"ab");
        assert_eq!(pieces.so_far(), Sha256::of(b"ab"));
        pieces.add(b"c");
        assert_eq!(pieces.so_far(), Sha256::of(b"abc"));
    }

    #[test]
    fn moving_a_delimiter_between_fields_changes_the_hash() {
        assert_ne!(Sha256::of_fields(&[b"a|b", b"c"]), Sha256::of_fields(&[b"a", b"b|c"]));
        assert_ne!(Sha256::of_fields(&[b"ab", b""]), Sha256::of_fields(&[b"a", b"b"]));
    }
}
