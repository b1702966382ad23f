//! Search/replace blocks: the old text in full, a line of equals signs, the new text in full. The path stands in the
//! line above the block (or above its fence); a block without one is about the file of the block before.

use super::finding::{PatchCode, PatchFinding, shown};
use super::gather::Gather;
use super::lines::{self, Lines, trim_end};
use super::paths;
use super::{Counts, FileChange, FilePatch, Hunk, HunkLine, LineKind, RepoPath};

/// Marks are five to nine of their character; the usual ones have seven.
const MARK: std::ops::RangeInclusive<usize> = 5..=9;

/// Names of files without a dot that a line may consist of; any other single word is prose.
const PLAIN_NAMES: [&[u8]; 9] = [
    b"Makefile",
    b"Dockerfile",
    b"Rakefile",
    b"Gemfile",
    b"Procfile",
    b"Justfile",
    b"justfile",
    b"LICENSE",
    b"README",
];

/// Whether a block begins with this line.
pub(super) fn begins(line: &[u8]) -> bool {
    mark(line, b"SEARCH").is_some_and(|(ch, _)| matches!(ch, b'<' | b'-'))
}

/// The character and length of a mark with this word behind it.
fn mark(line: &[u8], word: &[u8]) -> Option<(u8, usize)> {
    let text = trim_end(line).trim_ascii_end();
    let ch = *text.first()?;
    let count = text.iter().take_while(|byte| **byte == ch).count();
    let rest = text[count..].trim_ascii();
    let rest = rest.strip_suffix(b">").unwrap_or(rest);
    (matches!(ch, b'<' | b'>' | b'-' | b'+' | b'=') && MARK.contains(&count) && rest == word)
        .then_some((ch, count))
}

/// Reads every block of the text.
pub(super) fn run(mut lines: Lines<'_>, gather: &mut Gather<'_>) {
    let mut path: Option<RepoPath> = None;
    // The last line that is neither blank nor a fence, as the place where the path stands.
    let mut above: Option<(u32, &[u8])> = None;
    while let Some(line) = lines.peek() {
        let number = lines.number();
        if !begins(line) {
            if super::v4a::begins(line) || lines::starts_section(&lines) {
                gather.finding(
                    PatchCode::MixedForms,
                    "another form of patch stands beside the blocks",
                    number,
                );
            } else {
                gather.text_outside(line, number);
            }
            above = if lines::is_blank(line) || lines::is_fence(line) { above } else { Some((number, line)) };
            lines.take();
            continue;
        }
        match above.take().and_then(|(at, text)| named(text).map(|name| (at, name))) {
            Some((at, name)) => path = checked(name, at, gather),
            None if path.is_none() => {
                gather.finding(PatchCode::HunkWithoutFile, "no path stands above the block", number);
            }
            None => {}
        }
        if !gather.may_begin_hunk(number) {
            return;
        }
        match (block(&mut lines), &path) {
            (Ok(block), Some(path)) => {
                if !gather.may_begin_file(number) {
                    return;
                }
                gather.push(section(path, &block, number));
            }
            (Ok(_), None) => {}
            (Err(finding), path) => {
                let first = gather.findings.len();
                gather.findings.push(finding);
                gather.name_from(first, path.as_ref().map(RepoPath::as_str));
            }
        }
    }
}

/// The path in a line that has nothing else, whatever marks and words models put around it.
pub(super) fn named(line: &[u8]) -> Option<&[u8]> {
    let mut text = without_marks(line);
    for word in ["File:", "file:", "Filename:", "filename:", "Path:", "path:"] {
        text = text.strip_prefix(word.as_bytes()).map_or(text, without_marks);
    }
    let is_word = !text.is_empty() && !text.iter().any(u8::is_ascii_whitespace);
    // A word with a dot or slash in it; one at its end closes a sentence.
    let inner = text.split_last().map_or(text, |(_, rest)| rest);
    let dotted = inner.iter().any(|byte| matches!(byte, b'/' | b'.')) && !text.ends_with(b".");
    (is_word && (dotted || PLAIN_NAMES.contains(&text))).then_some(text)
}

/// Without what markdown and habit put around a name.
fn without_marks(text: &[u8]) -> &[u8] {
    let is_mark = |byte: &u8| b"#*`: \t\r\n\"'".contains(byte);
    let start = text.iter().position(|byte| !is_mark(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_mark(byte)).map_or(start, |at| at + 1);
    &text[start..end]
}

pub(super) fn checked(name: &[u8], line: u32, gather: &mut Gather<'_>) -> Option<RepoPath> {
    let checked = paths::check(name);
    let refuse = |problem: paths::PathProblem| {
        gather.findings.push(PatchFinding::new(problem.into(), problem.to_string()).at(line).of(shown(name)));
    };
    checked.map_err(refuse).ok()
}

/// The two texts of a block.
struct Block<'t> {
    search: Vec<&'t [u8]>,
    replace: Vec<&'t [u8]>,
}

/// Reads the block that begins at the cursor.
fn block<'t>(lines: &mut Lines<'t>) -> Result<Block<'t>, PatchFinding> {
    let begin = lines.number();
    let (ch, _) = lines.take().and_then(|line| mark(line, b"SEARCH")).unwrap_or((b'<', 7));
    let end = if ch == b'<' { b'>' } else { b'+' };
    let mut parts: Vec<Vec<&[u8]>> = vec![Vec::new()];
    while let Some(line) = lines.peek() {
        if begins(line) {
            return Err(PatchFinding::new(PatchCode::Truncated, "the block has no REPLACE line").at(begin));
        }
        lines.take();
        if mark(line, b"REPLACE").is_some_and(|(found, _)| found == end) {
            return two(parts).map_err(|finding| finding.at(begin));
        }
        match mark(line, b"") {
            Some((b'=', _)) => parts.push(Vec::new()),
            _ => parts.last_mut().into_iter().for_each(|part| part.push(line)),
        }
    }
    Err(PatchFinding::new(PatchCode::Truncated, "the block has no REPLACE line").at(begin))
}

/// A line of equals signs may also be the text's own; then nobody can tell where the new text begins.
fn two(parts: Vec<Vec<&[u8]>>) -> Result<Block<'_>, PatchFinding> {
    match <[Vec<&[u8]>; 2]>::try_from(parts) {
        Ok([search, replace]) => Ok(Block { search, replace }),
        Err(parts) => {
            let detail =
                format!("the block has {} lines of equals signs; one parts old from new", parts.len() - 1);
            Err(PatchFinding::new(PatchCode::BadHunkLine, detail))
        }
    }
}

/// The block as a section of its own; sections of the same file are joined later.
fn section(path: &RepoPath, block: &Block<'_>, line: u32) -> FilePatch {
    let front = block.search.iter().zip(&block.replace).take_while(|(a, b)| a == b).count();
    let (search, replace) = (&block.search[front..], &block.replace[front..]);
    let back = search.iter().rev().zip(replace.iter().rev()).take_while(|(a, b)| a == b).count();
    let as_kind = |kind| move |text: &&[u8]| HunkLine { kind, text: lines::ended(text) };
    let mut body: Vec<HunkLine> = block.search[..front].iter().map(as_kind(LineKind::Context)).collect();
    body.extend(search[..search.len() - back].iter().map(as_kind(LineKind::Remove)));
    body.extend(replace[..replace.len() - back].iter().map(as_kind(LineKind::Add)));
    body.extend(search[search.len() - back..].iter().map(as_kind(LineKind::Context)));
    let change = if block.search.is_empty() { FileChange::Create } else { FileChange::Modify };
    let mut file = FilePatch::new(change, line);
    file.old_path = (change == FileChange::Modify).then(|| path.clone());
    file.new_path = Some(path.clone());
    if !body.is_empty() {
        let (scope, counts) = (Vec::new(), Counts::Right);
        file.hunks = vec![Hunk {
            number: 1,
            old_start: None,
            new_start: None,
            scope,
            at_end: false,
            lines: body,
            counts,
            line,
        }];
    }
    file
}
