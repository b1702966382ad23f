//! Pictures that go along with a task: what they are is told by their first bytes, never by their name.

use serde::{Deserialize, Serialize};

use crate::ids::Sha256;

/// The most images of one task.
pub const MOST_IMAGES: usize = 4;

/// The most bytes of one image: written as base64 it stays below the 5 MB that Anthropic's interface takes.
pub const MOST_BYTES: usize = 3 << 20;

/// The formats that every service here takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Media {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
    /// WebP.
    Webp,
}

impl Media {
    /// The format that these bytes begin as.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
        match bytes {
            _ if webp => Some(Self::Webp),
            _ if bytes.starts_with(b"\x89PNG\r\n\x1a\n") => Some(Self::Png),
            _ if bytes.starts_with(b"\xff\xd8\xff") => Some(Self::Jpeg),
            _ if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") => Some(Self::Gif),
            _ => None,
        }
    }

    /// The media type, as HTTP names it.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }
}

/// An image of a task: its bytes lie beside the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRecord {
    /// The file's name, without its folders.
    pub name: String,
    /// Its format.
    pub media: Media,
    /// The hash of its bytes.
    pub sha256: Sha256,
    /// How many there are.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_its_first_bytes() {
        for (bytes, media) in [
            (&b"\x89PNG\r\n\x1a\n\0\0"[..], Some(Media::Png)),
            (b"\xff\xd8\xff\xe0", Some(Media::Jpeg)),
            (b"GIF89a..", Some(Media::Gif)),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some(Media::Webp)),
            (b"RIFF\x10\0\0\0WAVEfmt ", None),
            (b"<svg xmlns=", None),
            (b"%PDF-1.7", None),
            (b"", None),
        ] {
            assert_eq!(Media::of(bytes), media, "{bytes:?}");
        }
    }
}
