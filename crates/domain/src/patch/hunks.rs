//! Hunks: the `@@` line and the lines below it. Strict reading believes the counts and refuses wrong ones;
//! lenient reading falls back to reading up to the next thing that cannot be a hunk's line.

use super::finding::{PatchCode, PatchFinding, shown};
use super::lines::{self, Lines, trim_end};
use super::{Counts, Hunk, HunkLine, LineKind, Tolerance};

/// Line numbers and counts above this are no numbers of a file that we would take.
const MAX_NUMBER: u64 = 1_000_000_000;

/// Old start and count, new count.
#[derive(Debug, Clone, Copy)]
struct Ranges {
    old_start: u32,
    new_start: u32,
    old: u32,
    new: u32,
}

/// Reads the hunk that begins at the cursor, whose line starts with `@@`.
///
/// # Errors
/// One finding; the cursor then stands behind the hunk's header.
pub(super) fn read(lines: &mut Lines<'_>, number: u32, tolerance: Tolerance) -> Result<Hunk, PatchFinding> {
    let line = lines.number();
    let header = trim_end(lines.take().unwrap_or_default());
    let wrong = |detail: String| PatchFinding::new(PatchCode::BadHunkHeader, detail).at(line).in_hunk(number);
    let (ranges, heading) = match read_header(header) {
        Ok((ranges, heading)) => (Some(ranges), heading),
        Err(()) if tolerance == Tolerance::Lenient => (None, loose_heading(header)),
        Err(()) => return Err(wrong(format!("cannot read {:?}", shown(header)))),
    };
    let (body, counts) = match (ranges, tolerance) {
        (Some(ranges), Tolerance::Strict) => (read_counted(lines, ranges)?, Counts::Right),
        (Some(ranges), Tolerance::Lenient) => read_leniently(lines, ranges)?,
        (None, _) => (read_freely(lines), Counts::Recounted),
    };
    check_line_ends(&body).map_err(|finding| finding.at(line).in_hunk(number))?;
    let old_start = ranges.map(|ranges| ranges.old_start);
    let heading = heading.trim_ascii();
    let scope = if heading.is_empty() { Vec::new() } else { vec![heading.to_vec()] };
    let new_start = ranges.map(|ranges| ranges.new_start);
    Ok(Hunk { number, old_start, new_start, scope, at_end: false, lines: body, counts, line })
}

/// `@@ -1,2 +3,4 @@ heading`; a count that is left out is 1.
fn read_header(line: &[u8]) -> Result<(Ranges, &[u8]), ()> {
    let rest = line.strip_prefix(b"@@ -").ok_or(())?;
    let (old_start, old, rest) = read_range(rest)?;
    let rest = rest.strip_prefix(b" +").ok_or(())?;
    let (new_start, new, rest) = read_range(rest)?;
    let heading = rest.strip_prefix(b" @@").ok_or(())?;
    Ok((Ranges { old_start, new_start, old, new }, heading.strip_prefix(b" ").unwrap_or(heading)))
}

fn read_range(text: &[u8]) -> Result<(u32, u32, &[u8]), ()> {
    let (start, rest) = read_number(text)?;
    match rest.strip_prefix(b",") {
        Some(rest) => read_number(rest).map(|(count, rest)| (start, count, rest)),
        None => Ok((start, 1, rest)),
    }
}

fn read_number(text: &[u8]) -> Result<(u32, &[u8]), ()> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let number: u64 = std::str::from_utf8(digits).ok().and_then(|d| d.parse().ok()).ok_or(())?;
    if number > MAX_NUMBER { Err(()) } else { Ok((u32::try_from(number).map_err(|_| ())?, rest)) }
}

/// What stands after the second `@@` of a header without usable numbers.
fn loose_heading(line: &[u8]) -> &[u8] {
    let after = line.strip_prefix(b"@@").unwrap_or(line);
    match after.windows(2).position(|pair| pair == b"@@") {
        Some(at) => after[at + 2..].trim_ascii(),
        None => b"",
    }
}

/// Reads exactly as many lines as the header claims.
fn read_counted(lines: &mut Lines<'_>, ranges: Ranges) -> Result<Vec<HunkLine>, PatchFinding> {
    let (mut old, mut new) = (ranges.old, ranges.new);
    let mut body = Vec::new();
    while old > 0 || new > 0 {
        let at = lines.number();
        let short =
            || PatchFinding::new(PatchCode::BadHunkCount, "the hunk ends before its counts say").at(at);
        let line = lines.peek().ok_or_else(short)?;
        let Some((kind, text)) = split_prefix(line) else {
            if take_marker(line, &mut body) {
                lines.take();
                continue;
            }
            let bounds = line.starts_with(b"@@") || lines::starts_section(lines) || lines::is_fence(line);
            return Err(if bounds { short() } else { bad_line(line, at) });
        };
        let fits = match kind {
            LineKind::Context => old > 0 && new > 0,
            LineKind::Remove => old > 0,
            LineKind::Add => new > 0,
        };
        if !fits {
            return Err(
                PatchFinding::new(PatchCode::BadHunkCount, "the hunk has more lines than it says").at(at)
            );
        }
        old -= u32::from(kind != LineKind::Add);
        new -= u32::from(kind != LineKind::Remove);
        body.push(HunkLine { kind, text: lines::ended(text) });
        lines.take();
    }
    if lines.peek().is_some_and(|line| take_marker(line, &mut body)) {
        lines.take();
    }
    check_end(lines)?;
    Ok(body)
}

/// After a counted hunk there may be anything but more of a hunk.
fn check_end(lines: &Lines<'_>) -> Result<(), PatchFinding> {
    let Some(line) = lines.peek() else { return Ok(()) };
    let more = matches!(line[0], b' ' | b'+' | b'-') && !lines::is_blank(line);
    if more && !lines::starts_section(lines) && !lines::is_signature(line) {
        let detail = "the hunk has more lines than it says";
        return Err(PatchFinding::new(PatchCode::BadHunkCount, detail).at(lines.number()));
    }
    Ok(())
}

/// Counts when they are right, else everything up to the next boundary.
fn read_leniently(lines: &mut Lines<'_>, ranges: Ranges) -> Result<(Vec<HunkLine>, Counts), PatchFinding> {
    let mut counted = *lines;
    if let Ok(body) = read_counted(&mut counted, ranges) {
        *lines = counted;
        return Ok((body, Counts::Right));
    }
    Ok((read_freely(lines), Counts::Recounted))
}

/// Reads on until something that cannot belong to a hunk. Empty lines at the end are left out: they are as likely
/// to separate as to be context, and context at the edge is not needed.
fn read_freely(lines: &mut Lines<'_>) -> Vec<HunkLine> {
    let mut body: Vec<HunkLine> = Vec::new();
    let mut last_change = None;
    while let Some(line) = lines.peek() {
        if ends_free_hunk(lines, line) {
            break;
        }
        if let Some((kind, text)) = split_prefix(line) {
            body.push(HunkLine { kind, text: lines::ended(text) });
        } else if !take_marker(line, &mut body) {
            // A line without a prefix: context that lost its space when changes follow, else prose behind the hunk.
            let last = *last_change.get_or_insert_with(|| last_change_before_boundary(*lines));
            if lines.number() > last {
                break;
            }
            body.push(HunkLine { kind: LineKind::Context, text: lines::ended(line) });
        }
        lines.take();
    }
    while body.last().is_some_and(|line| line.kind == LineKind::Context && trim_end(&line.text).is_empty()) {
        body.pop();
    }
    body
}

fn ends_free_hunk(lines: &Lines<'_>, line: &[u8]) -> bool {
    line.starts_with(b"@@")
        || lines::starts_section(lines)
        || line.starts_with(b"```")
        || line.starts_with(b"*** End Patch")
        || lines::is_signature(line)
}

/// The number of the last added or removed line before the hunk must end; 0 when there is none.
fn last_change_before_boundary(mut lines: Lines<'_>) -> u32 {
    let mut last = 0;
    while let Some(line) = lines.peek() {
        if ends_free_hunk(&lines, line) {
            break;
        }
        if matches!(line[0], b'+' | b'-') {
            last = lines.number();
        }
        lines.take();
    }
    last
}

/// The side and the text of a hunk's line; none when it has no prefix. A line without anything is an empty context
/// line that lost its space, as for git.
pub(super) fn split_prefix(line: &[u8]) -> Option<(LineKind, &[u8])> {
    match line[0] {
        b' ' => Some((LineKind::Context, &line[1..])),
        b'+' => Some((LineKind::Add, &line[1..])),
        b'-' => Some((LineKind::Remove, &line[1..])),
        b'\n' => Some((LineKind::Context, line)),
        b'\r' if line == b"\r\n" => Some((LineKind::Context, line)),
        _ => None,
    }
}

/// Takes a `\ No newline at end of file` line: the line before it has no line end.
fn take_marker(line: &[u8], body: &mut [HunkLine]) -> bool {
    let Some(last) = body.last_mut().filter(|_| line.starts_with(b"\\ ")) else { return false };
    if last.text.last() == Some(&b'\n') {
        last.text.pop();
    }
    true
}

/// Only the last line of a side can be without a line end.
fn check_line_ends(body: &[HunkLine]) -> Result<(), PatchFinding> {
    for side in [LineKind::Remove, LineKind::Add] {
        let mut texts = body.iter().filter(|l| l.kind == LineKind::Context || l.kind == side).peekable();
        while let Some(line) = texts.next() {
            if texts.peek().is_some() && line.text.last() != Some(&b'\n') {
                let detail = "a line is marked as the file's last, and more lines follow";
                return Err(PatchFinding::new(PatchCode::BadHunkLine, detail));
            }
        }
    }
    Ok(())
}

pub(super) fn bad_line(line: &[u8], at: u32) -> PatchFinding {
    let detail = format!("a line of a hunk begins with none of ' ', '+', '-': {:?}", shown(line));
    PatchFinding::new(PatchCode::BadHunkLine, detail).at(at)
}
