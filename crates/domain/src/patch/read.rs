//! From text to values, whatever the form: sizes first, then what happened to the text as a whole, then the reader of
//! the form that the text shows first. Nothing is compared with a base here.

use serde::{Deserialize, Serialize};

use super::finding::{PatchCode, PatchFinding};
use super::gather::Gather;
use super::lines::{self, Lines};
use super::mend::mend;
use super::{Limits, ParsedPatch, PatchMend, Tolerance, blocks, unified, v4a, whole};

/// The forms in which a change is written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// In lenient reading whichever of the others the text shows first, but for whole files, which have to be asked
    /// for; a diff in strict reading.
    Auto,
    /// A unified diff, git's or `diff -u`'s.
    Diff,
    /// `*** Begin Patch`: sections with hunks that name no line.
    V4a,
    /// `<<<<<<< SEARCH`: old and new text, each in full.
    SearchReplace,
    /// A path and the whole new content in a fence.
    Whole,
}

/// Reads a change in any of the forms.
///
/// Time and memory are linear in the text, which the limits bound. Findings carry code, file, hunk and line.
///
/// # Errors
/// Every reason why the text is not a patch that may be applied; never an empty list.
pub fn read(
    bytes: &[u8],
    form: Form,
    tolerance: Tolerance,
    limits: &Limits,
) -> Result<ParsedPatch, Vec<PatchFinding>> {
    check_size(bytes, limits).map_err(|finding| vec![finding])?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if lines::is_blank(bytes) {
        return Err(vec![PatchFinding::new(PatchCode::Empty, "there is nothing in the patch")]);
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(vec![PatchFinding::new(PatchCode::NotAPatch, "the text is UTF-16")]);
    }
    let (text, mended) = match tolerance {
        Tolerance::Strict => (None, Vec::new()),
        Tolerance::Lenient => mend(bytes),
    };
    let lines = Lines::new(text.as_deref().unwrap_or(bytes));
    let form = match (form, tolerance) {
        (Form::Auto, Tolerance::Strict) => Form::Diff,
        (Form::Auto, Tolerance::Lenient) => shown_form(lines),
        (asked, _) => asked,
    };
    let mut gather = Gather::new(tolerance, limits);
    match form {
        Form::Auto | Form::Diff => {
            let escaped = mended.contains(&PatchMend::EscapedNewlines);
            unified::run(lines, if escaped { Tolerance::Strict } else { tolerance }, &mut gather);
        }
        Form::V4a => v4a::run(lines, &mut gather),
        Form::SearchReplace => blocks::run(lines, &mut gather),
        Form::Whole => whole::run(lines, &mut gather),
    }
    gather.finish(form, mended)
}

/// Reads a unified diff: [`read`] with that form.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8], tolerance: Tolerance, limits: &Limits) -> Result<ParsedPatch, Vec<PatchFinding>> {
    read(bytes, Form::Diff, tolerance, limits)
}

/// The form whose first mark comes first. Within its own blocks a form may hold what looks like the others.
fn shown_form(mut lines: Lines<'_>) -> Form {
    while let Some(line) = lines.peek() {
        if lines::starts_section(&lines) {
            return Form::Diff;
        }
        if v4a::begins(line) {
            return Form::V4a;
        }
        if blocks::begins(line) {
            return Form::SearchReplace;
        }
        lines.take();
    }
    Form::Diff
}

fn check_size(bytes: &[u8], limits: &Limits) -> Result<(), PatchFinding> {
    if bytes.len() > limits.bytes {
        let detail = format!("{} bytes; the limit is {}", bytes.len(), limits.bytes);
        return Err(PatchFinding::new(PatchCode::TooLarge, detail));
    }
    let mut start = 0;
    for (index, end) in memchr::memchr_iter(b'\n', bytes).chain([bytes.len()]).enumerate() {
        if end - start > limits.line_bytes {
            let detail = format!("a line of {} bytes; the limit is {}", end - start, limits.line_bytes);
            let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            return Err(PatchFinding::new(PatchCode::LineTooLong, detail).at(number));
        }
        start = end + 1;
    }
    Ok(())
}
