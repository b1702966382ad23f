//! Binary changes as git writes them: `GIT binary patch`, then the new content (or the way from the old one to it),
//! deflated and in base 85. The sizes are judged before anything is unpacked. Format: git's `apply.c`, `base85.c` and
//! `patch-delta.c`.

use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use sha1::{Digest, Sha1};

use super::finding::{PatchCode, PatchFinding};
use super::lines::{self, Lines, trim_end};

/// The largest content, in bytes, that is taken from a patch.
const MAX_BYTES: u64 = 1 << 20;

/// What is to become of a binary file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryChange {
    form: Form,
    data: Vec<u8>,
    /// Ids of git's objects before and after, where the patch names them in full.
    blobs: Option<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The data are the content.
    Literal,
    /// The data are the way from the old content to the new one.
    Delta,
}

/// Reads the data behind the cursor, which stands at the `GIT binary patch` line.
///
/// # Errors
/// One finding; the cursor then stands behind the last line that could be read.
pub(super) fn read(
    lines: &mut Lines<'_>,
    blobs: Option<(String, String)>,
) -> Result<BinaryChange, PatchFinding> {
    let begin = lines.number();
    lines.take();
    let (form, data) = block(lines)?.ok_or_else(|| {
        PatchFinding::new(PatchCode::BadBinary, "no content follows GIT binary patch").at(begin)
    })?;
    // The way back is there to be read over; nothing is taken from it.
    block(lines)?;
    Ok(BinaryChange { form, data, blobs })
}

/// One `literal` or `delta` block with the empty line behind it; none when no such block follows.
fn block(lines: &mut Lines<'_>) -> Result<Option<(Form, Vec<u8>)>, PatchFinding> {
    let Some(line) = lines.peek().map(trim_end) else { return Ok(None) };
    let (form, size) = match (line.strip_prefix(b"literal "), line.strip_prefix(b"delta ")) {
        (Some(size), _) => (Form::Literal, size),
        (_, Some(size)) => (Form::Delta, size),
        _ => return Ok(None),
    };
    let begin = lines.number();
    lines.take();
    let bad = |detail: String| PatchFinding::new(PatchCode::BadBinary, detail).at(begin);
    let size: u64 = std::str::from_utf8(size)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| bad("the size is no number".to_owned()))?;
    if size > MAX_BYTES {
        let detail = format!("binary content of {size} bytes; the limit is {MAX_BYTES}");
        return Err(PatchFinding::new(PatchCode::TooLarge, detail).at(begin));
    }
    let packed = packed(lines)?;
    let limit = usize::try_from(size).unwrap_or(usize::MAX);
    let data = decompress_to_vec_zlib_with_limit(&packed, limit)
        .map_err(|error| bad(format!("the content cannot be unpacked to {size} bytes: {error}")))?;
    if data.len() != limit {
        return Err(bad(format!("{} bytes of content where {size} are announced", data.len())));
    }
    Ok(Some((form, data)))
}

/// The packed bytes: each line says how many it holds.
fn packed(lines: &mut Lines<'_>) -> Result<Vec<u8>, PatchFinding> {
    let mut packed = Vec::new();
    while let Some(line) = lines.peek() {
        let text = trim_end(line);
        if text.is_empty() {
            lines.take();
            break;
        }
        // The way back may follow at once where the empty line was lost.
        if text.starts_with(b"literal ") || text.starts_with(b"delta ") || lines::starts_section(lines) {
            break;
        }
        let bad =
            || PatchFinding::new(PatchCode::BadBinary, "a line of the content is damaged").at(lines.number());
        let length = match text[0] {
            ch @ b'A'..=b'Z' => usize::from(ch - b'A') + 1,
            ch @ b'a'..=b'z' => usize::from(ch - b'a') + 27,
            _ => return Err(bad()),
        };
        packed.extend(decode(&text[1..], length).ok_or_else(bad)?);
        lines.take();
    }
    Ok(packed)
}

const ALPHABET: &[u8; 85] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

/// `length` bytes from groups of five digits; none when a digit is unknown or a group too large or missing.
fn decode(text: &[u8], length: usize) -> Option<Vec<u8>> {
    if text.len() != length.div_ceil(4) * 5 {
        return None;
    }
    let mut bytes = Vec::with_capacity(length + 3);
    for group in text.chunks(5) {
        let digit = |ch: &u8| ALPHABET.iter().position(|known| known == ch).map(|at| at as u64);
        let value = group.iter().try_fold(0u64, |value, ch| Some(value * 85 + digit(ch)?))?;
        bytes.extend(u32::try_from(value).ok()?.to_be_bytes());
    }
    bytes.truncate(length);
    Some(bytes)
}

fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(4) {
        let mut four = [0; 4];
        four[..group.len()].copy_from_slice(group);
        let mut value = u32::from_be_bytes(four);
        let mut digits = [0; 5];
        for digit in digits.iter_mut().rev() {
            *digit = ALPHABET[(value % 85) as usize];
            value /= 85;
        }
        out.extend(digits);
    }
}

/// Writes one content as git reads it. It is packed without compression: then the bytes do not depend on who packs.
pub(super) fn write(out: &mut Vec<u8>, content: &[u8]) {
    out.extend_from_slice(format!("literal {}\n", content.len()).as_bytes());
    for chunk in compress_to_vec_zlib(content, 0).chunks(52) {
        let length = u8::try_from(chunk.len()).unwrap_or(52);
        out.push(if length <= 26 { b'A' + length - 1 } else { b'a' + length - 27 });
        encode(chunk, out);
        out.push(b'\n');
    }
    out.push(b'\n');
}

/// The id that git gives to a file with this content.
pub fn blob_id(content: &[u8]) -> String {
    let mut hasher = Sha1::new();
    hasher.update(format!("blob {}\0", content.len()));
    hasher.update(content);
    hex::encode(hasher.finalize())
}

impl BinaryChange {
    /// The new content, when this is the way from the old one.
    ///
    /// # Errors
    /// A code and a sentence when the base holds something else, or the data lead nowhere.
    pub(super) fn apply(&self, base: &[u8]) -> Result<Vec<u8>, (PatchCode, &'static str)> {
        let matches = |wanted: &str, content: &[u8]| {
            wanted == blob_id(content) || is_null(wanted) && content.is_empty()
        };
        if self.blobs.as_ref().is_some_and(|(old, _)| !matches(old, base)) {
            return Err((
                PatchCode::ContextMismatch,
                "the binary file is another one than the patch was made from",
            ));
        }
        let content = match self.form {
            Form::Literal => self.data.clone(),
            Form::Delta => follow(base, &self.data)
                .ok_or((PatchCode::BadBinary, "the binary delta does not belong to this file"))?,
        };
        if self.blobs.as_ref().is_some_and(|(_, new)| !matches(new, &content)) {
            return Err((PatchCode::BadBinary, "the binary content is another one than the patch names"));
        }
        Ok(content)
    }
}

fn is_null(id: &str) -> bool {
    id.bytes().all(|byte| byte == b'0')
}

/// Follows a delta of git: two sizes, then copies from the base and inserted bytes.
fn follow(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let (old_size, rest) = size(delta)?;
    let (new_size, mut rest) = size(rest)?;
    if old_size != base.len() as u64 || new_size > MAX_BYTES {
        return None;
    }
    let mut out = Vec::new();
    while let Some((&op, after)) = rest.split_first() {
        rest = after;
        if op & 0x80 == 0 {
            let (text, after) = rest.split_at_checked(usize::from(op)).filter(|_| op != 0)?;
            out.extend_from_slice(text);
            rest = after;
        } else {
            let mut field = |bits: std::ops::Range<u8>| {
                let mut value = 0usize;
                for (shift, bit) in bits.enumerate() {
                    if op & (1 << bit) != 0 {
                        let (&byte, after) = rest.split_first()?;
                        (value, rest) = (value + (usize::from(byte) << (8 * shift)), after);
                    }
                }
                Some(value)
            };
            let (offset, length) = (field(0..4)?, field(4..7)?);
            let length = if length == 0 { 0x1_0000 } else { length };
            out.extend_from_slice(base.get(offset..offset.checked_add(length)?)?);
        }
        if out.len() as u64 > new_size {
            return None;
        }
    }
    (out.len() as u64 == new_size).then_some(out)
}

/// A size in groups of seven bits, the lowest first.
fn size(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value += u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sized(mut value: u64, out: &mut Vec<u8>) {
        while value > 0x7f {
            out.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }

    fn delta(old: u64, new: u64, ops: &[u8]) -> Vec<u8> {
        let mut delta = Vec::new();
        sized(old, &mut delta);
        sized(new, &mut delta);
        [&delta, ops].concat()
    }

    #[test]
    fn a_delta_is_followed_only_when_both_sizes_are_as_it_says() {
        let base = vec![7u8; 0x1_0000];
        let whole = base.len() as u64;
        for (old, new, copies, fits) in [
            (whole, whole, 1, true),
            (whole - 1, whole, 1, false),
            (whole, whole + 1, 1, false),
            (whole, whole - 1, 1, false),
            (whole, MAX_BYTES, 16, true),
            (whole, MAX_BYTES + whole, 17, false),
        ] {
            let content = follow(&base, &delta(old, new, &[0x80].repeat(copies)));
            assert_eq!(content, fits.then(|| vec![7; new as usize]), "{old} {new}");
        }
    }

    #[test]
    fn a_delta_copies_from_every_place_and_inserts_what_it_holds() {
        let base: Vec<u8> = (0..0x2_0304u32).map(|n| (n % 251) as u8).collect();
        let part = |from: usize, length: usize| Some(base[from..from + length].to_vec());
        let follow = |new: u64, ops: &[u8]| follow(&base, &delta(base.len() as u64, new, ops));
        assert_eq!(follow(2, &[0x97, 0x02, 0x03, 0x02, 0x02]), part(0x2_0302, 2));
        assert_eq!(follow(0x102, &[0xb1, 0x05, 0x02, 0x01]), part(5, 0x102));
        assert_eq!(follow(0x1_0001, &[0xd1, 0x09, 0x01, 0x01]), part(9, 0x1_0001));
        assert_eq!(follow(2, &[0x98, 0x01, 0x02]), None, "behind the end of the base");
        assert_eq!(follow(3, &[0x97, 0x02, 0x03, 0x02, 0x03]), None, "over the end of the base");
        assert_eq!(follow(3, &[0x03, 1, 2, 3]), Some(vec![1, 2, 3]));
        assert_eq!(follow(3, &[0x03, 1, 2]), None);
        assert_eq!(follow(0, &[0x00]), None, "a step that git keeps for later");
        assert_eq!(follow(2, &[0x91, 0x01]), None, "the copy's length is missing");
    }

    #[test]
    fn a_size_has_at_most_five_groups() {
        assert_eq!(size(&[0x81, 0x82, 0x03, 9]), Some((0x01 + (0x02 << 7) + (0x03 << 14), &[9u8][..])));
        assert_eq!(size(&[0x80, 0x80, 0x80, 0x80, 0x01]), Some((1 << 28, &[][..])));
        assert_eq!(size(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x01]), None);
        assert_eq!(size(&[0x80]), None);
    }

    #[test]
    fn ids_of_zeros_stand_for_no_content_and_for_no_other() {
        let (null, id) = ("0".repeat(40), blob_id(b"\0new"));
        let apply = |old: &str, new: &str, data: &[u8], base: &[u8]| {
            let blobs = Some((old.to_owned(), new.to_owned()));
            BinaryChange { form: Form::Literal, data: data.to_vec(), blobs }
                .apply(base)
                .map_err(|(code, _)| code)
        };
        assert_eq!(apply(&null, &id, b"\0new", b""), Ok(b"\0new".to_vec()));
        assert_eq!(apply(&id, &null, b"", b"\0new"), Ok(Vec::new()));
        assert_eq!(apply(&null, &id, b"\0new", b"\0old"), Err(PatchCode::ContextMismatch));
        assert_eq!(apply(&id, &id, b"\0new", b""), Err(PatchCode::ContextMismatch));
        assert_eq!(apply(&id, &null, b"\0x", b"\0new"), Err(PatchCode::BadBinary));
        assert_eq!(apply(&id, &id, b"", b"\0new"), Err(PatchCode::BadBinary));
    }
}
