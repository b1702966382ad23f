//! Whole files: a line with a path, and below it a fence with all that the file is to hold. Small models do best with
//! it. Read only when the caller asked for whole files: elsewhere a fence may show just a part.

use super::blocks::{checked, named};
use super::finding::PatchCode;
use super::gather::Gather;
use super::lines::{self, Lines, trim_end};
use super::{Content, FileChange, FilePatch};

/// Reads every path with a fence below it.
pub(super) fn run(mut lines: Lines<'_>, gather: &mut Gather<'_>) {
    let mut above: Option<(u32, &[u8])> = None;
    while let Some(line) = lines.peek() {
        let number = lines.number();
        if !lines::is_fence(line) {
            gather.text_outside(line, number);
            above = if lines::is_blank(line) { above } else { Some((number, line)) };
            lines.take();
            continue;
        }
        let named = above.take().and_then(|(at, text)| named(text).map(|name| (at, name)));
        let Some(content) = fenced(&mut lines) else {
            gather.finding(PatchCode::Truncated, "the fence is not closed", number);
            return;
        };
        let Some((at, name)) = named else {
            gather.finding(PatchCode::HunkWithoutFile, "no path stands above the fence", number);
            continue;
        };
        if !gather.may_begin_file(number) {
            return;
        }
        if let Some(path) = checked(name, at, gather) {
            let mut file = FilePatch::new(FileChange::Modify, at);
            (file.old_path, file.new_path) = (Some(path.clone()), Some(path));
            file.content = Some(Content::Text(content));
            gather.push(file);
        }
    }
}

/// The lines of the fence at the cursor, up to one of at least its length that has nothing behind it.
fn fenced(lines: &mut Lines<'_>) -> Option<Vec<u8>> {
    let open = trim_end(lines.take()?);
    let mark = *open.first()?;
    let length = open.iter().take_while(|byte| **byte == mark).count();
    let closes = |line: &[u8]| {
        let text = trim_end(line).trim_ascii_end();
        text.len() >= length && text.iter().all(|byte| *byte == mark)
    };
    let mut content = Vec::new();
    while let Some(line) = lines.take() {
        if closes(line) {
            return Some(content);
        }
        content.extend_from_slice(line);
    }
    None
}

/// The first line (from 1) that stands for lines of the base which are left out: a comment of nothing but dots, or one
/// that has dots and says that something stays. Such a line of the base itself is content.
pub(super) fn elided(text: &[u8], base: &[u8]) -> Option<usize> {
    const WORDS: [&str; 9] =
        ["existing", "rest", "unchanged", "remaining", "remains", "same", "previous", "omitted", "other"];
    let stands_for_others = |line: &[u8]| {
        let line = String::from_utf8_lossy(line).to_lowercase().replace('\u{2026}', "...");
        let line = line.trim();
        let comment =
            ["#", "//", "/*", "--", "<!--", ";", "%"].iter().find_map(|mark| line.strip_prefix(mark));
        comment.is_some_and(|comment| {
            let only_dots = comment.trim_matches(|ch: char| !ch.is_alphanumeric()).is_empty();
            comment.contains("...") && (only_dots || WORDS.iter().any(|word| comment.contains(word)))
        })
    };
    let known: std::collections::HashSet<&[u8]> =
        lines::split(base).into_iter().map(<[u8]>::trim_ascii).collect();
    let lines = lines::split(text);
    let found = lines.iter().position(|line| !known.contains(line.trim_ascii()) && stands_for_others(line));
    found.map(|index| index + 1)
}

/// The content with the base's line ends: a model writes LF, and a fence ends every line.
pub(super) fn like_base(text: &[u8], base: &[u8]) -> Vec<u8> {
    let old = lines::split(base);
    let crlf = !old.is_empty() && old.iter().all(|line| line.ends_with(b"\r\n") || !line.ends_with(b"\n"));
    let crlf = crlf && base.contains(&b'\n');
    let mut out = Vec::with_capacity(text.len());
    for line in lines::split(text) {
        out.extend_from_slice(trim_end(line));
        out.extend_from_slice(if crlf { b"\r\n" } else { &line[trim_end(line).len()..] });
    }
    let open = old.last().is_some_and(|line| !line.ends_with(b"\n"));
    if open && out.strip_suffix(b"\n").is_some_and(|rest| trim_end(rest).ends_with(old[old.len() - 1])) {
        out.truncate(trim_end(&out).len());
    }
    out
}
