//! An image that goes along with a task, with its bytes.

use domain::ids::Sha256;
use domain::image::{ImageRecord, MOST_BYTES, Media};

/// An image with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// What is recorded of it.
    pub record: ImageRecord,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Why bytes are no image that can be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Not one of the formats.
    #[error("{name} is no PNG, JPEG, GIF or WebP image")]
    NoImage {
        /// The file's name.
        name: String,
    },
    /// Above the limit.
    #[error("{name} has {bytes} bytes; an image may have {MOST_BYTES}")]
    TooLarge {
        /// The file's name.
        name: String,
        /// Its size.
        bytes: usize,
    },
}

impl Image {
    /// The image that these bytes are; `name` is a file's name.
    ///
    /// # Errors
    /// When they are none, or too many.
    pub fn new(name: &str, bytes: Vec<u8>) -> Result<Self, ImageError> {
        let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
        if bytes.len() > MOST_BYTES {
            return Err(ImageError::TooLarge { name, bytes: bytes.len() });
        }
        let Some(media) = Media::of(&bytes) else { return Err(ImageError::NoImage { name }) };
        let record = ImageRecord { name, media, sha256: Sha256::of(&bytes), bytes: bytes.len() as u64 };
        Ok(Self { record, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_images_within_the_limit_are_taken() {
        let png = b"\x89PNG\r\n\x1a\n".to_vec();
        let image = Image::new("a\u{1b}.png", png.clone()).unwrap();
        assert_eq!((image.record.name.as_str(), image.record.media), ("a.png", Media::Png));
        assert!(Image::new("a.png", b"#!/bin/sh".to_vec()).unwrap_err().to_string().contains("no PNG"));
        let large = [png, vec![0; MOST_BYTES]].concat();
        assert!(matches!(Image::new("a.png", large), Err(ImageError::TooLarge { .. })));
    }
}
