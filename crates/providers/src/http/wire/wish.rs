//! What a request wishes for and can do without: a server that refuses one of these fields is asked once more without
//! it. A refused request was not processed, so that this is never paid twice.

use serde_json::{Map, Value};

/// A field that some servers or models refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in super::super) enum Wish {
    /// An answer held to our schema.
    Format,
    /// Temperature 0.
    Temperature,
    /// A fixed seed.
    Seed,
}

impl Wish {
    /// All, the most telling first: a server's complaint is about the first one whose words it holds.
    const ALL: [Self; 3] = [Self::Temperature, Self::Seed, Self::Format];

    /// The fields of the body, over all interfaces, that hold this wish.
    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Format => &["response_format", "text", "output_config"],
            Self::Temperature => &["temperature"],
            Self::Seed => &["seed"],
        }
    }

    /// What a complaint about it says.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Format => &[
                "response_format",
                "response format",
                "json_schema",
                "json schema",
                "structured output",
                "output_config",
                "output_format",
                "text.format",
                "guided",
            ],
            Self::Temperature => &["temperature"],
            Self::Seed => &["seed"],
        }
    }

    /// The wish that an error's text complains about.
    pub(in super::super) fn refused_by(complaint: &str) -> Option<Self> {
        let complaint = complaint.to_lowercase();
        Self::ALL.into_iter().find(|wish| wish.words().iter().any(|word| complaint.contains(word)))
    }
}

/// The same body without these wishes.
///
/// # Errors
/// One sentence, when the bytes are no body of ours.
pub(in super::super) fn without(body: &[u8], wishes: &[Wish]) -> Result<Vec<u8>, String> {
    let defect = |error: serde_json::Error| format!("the recorded request cannot be read: {error}");
    let mut fields: Map<String, Value> = serde_json::from_slice(body).map_err(defect)?;
    for field in wishes.iter().flat_map(|wish| wish.fields()) {
        fields.remove(*field);
    }
    serde_json::to_vec(&fields).map_err(defect)
}
