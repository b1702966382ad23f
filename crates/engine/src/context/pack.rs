//! Files as they stand in a prompt: numbered lines between fences, whole or in blocks, as much as there is room for.

use codemods::Definition;
use domain::finding::Finding;

use super::defined;
use super::excerpt::{self, Block};
use super::named::{self, Found, Mention};
use super::{ContextError, PackedFile, Portion, Room, approx_tokens, fence, looks_secret};
use crate::provider::Source;

/// A finding's file up to this many bytes is shown whole: about 8,000 tokens, which also small local models take.
const WHOLE_FILE: usize = 24 * 1024;

/// The most lines of one definition.
const DEFINITION: usize = 120;

/// The most names of the root listing.
const MOST_LISTED: usize = 200;

/// One file, ready for the prompt.
pub(super) struct Packed {
    pub(super) text: String,
    pub(super) file: PackedFile,
}

/// Several files, ready for the prompt.
pub(super) struct PackedFiles {
    pub(super) text: String,
    pub(super) files: Vec<PackedFile>,
    pub(super) left_out: Vec<String>,
}

/// The file of a finding: whole when it is small, else its imports and the lines that belong to the report.
pub(super) fn finding_file(
    finding: &Finding,
    source: &dyn Source,
    room: &Room,
) -> Result<Packed, ContextError> {
    let path = &finding.path;
    if looks_secret(path) {
        return Err(ContextError::Secret(path.clone()));
    }
    let bytes = source.read(path).ok_or_else(|| ContextError::Missing(path.clone()))?;
    let text = text_of(bytes).ok_or_else(|| ContextError::NotText(path.clone()))?;
    if text.len() <= WHOLE_FILE {
        let whole = whole(path, &text);
        if approx_tokens(&whole.text) <= room.left() {
            return Ok(whole);
        }
    }
    around(path, &text, finding.line as usize, room.left()).map_err(|needed| room.too_large(path, needed))
}

/// The files that a request names, in its order, while there is room for them.
pub(super) fn named_files(request: &str, source: &dyn Source, room: &Room) -> PackedFiles {
    let mut packed = PackedFiles { text: String::new(), files: Vec::new(), left_out: Vec::new() };
    for mention in named::mentions(request) {
        let left = room.left().saturating_sub(approx_tokens(&packed.text));
        match one_named(&mention, source, left) {
            Ok(Some(one)) if packed.files.iter().any(|known| known.path == one.file.path) => {}
            Ok(Some(one)) => {
                packed.text.push_str(&one.text);
                packed.text.push('\n');
                packed.files.push(one.file);
            }
            Ok(None) => {}
            Err(reason) => packed.left_out.push(reason),
        }
    }
    packed
}

/// Then the definitions that the request speaks of, the best first, while there is room. One file's are one excerpt.
pub(super) fn add_definitions(packed: &mut PackedFiles, request: &str, source: &dyn Source, room: &Room) {
    let words = defined::words(request);
    if words.is_empty() {
        return;
    }
    let shown: Vec<String> = packed.files.iter().map(|file| file.path.clone()).collect();
    let found = defined::definitions(&words, source, &shown);
    for of_file in found.chunk_by(|a, b| a.path == b.path) {
        let Some(first) = of_file.first() else { continue };
        let left = room.left().saturating_sub(approx_tokens(&packed.text));
        let one = definitions_of(&first.path, &first.text, of_file);
        let needed = approx_tokens(&one.text);
        if needed > left {
            let names: Vec<&str> = of_file.iter().map(|found| found.definition.name.as_str()).collect();
            let (path, names) = (&first.path, names.join(", "));
            packed.left_out.push(format!("{path}: {names} need about {needed} tokens, {left} are left"));
            continue;
        }
        packed.text.push_str(&one.text);
        packed.text.push('\n');
        packed.files.push(one.file);
    }
}

/// One file's imports and these definitions of it, each cut at [`DEFINITION`] lines.
fn definitions_of(path: &str, text: &str, found: &[defined::Found]) -> Packed {
    let lines: Vec<&str> = text.lines().collect();
    let last_line = lines.len().saturating_sub(1);
    let mut blocks: Vec<Block> = excerpt::imports(&lines).map(|end| (0, end)).into_iter().collect();
    let shown =
        |d: &Definition| (d.first.min(last_line), d.last.min(d.first + DEFINITION - 1).min(last_line));
    blocks.extend(found.iter().map(|found| shown(&found.definition)));
    blocks.sort_unstable();
    let mut joined: Vec<Block> = Vec::new();
    for (first, last) in blocks {
        match joined.last_mut() {
            Some(before) if first <= before.1 + 1 => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    let bytes = joined.iter().flat_map(|(a, b)| &lines[*a..=*b]).map(|line| line.len() + 1).sum();
    let portion = Portion::Excerpt(joined.iter().map(|(a, b)| (a + 1, b + 1)).collect());
    let text = render(path, text, &lines, &joined);
    Packed { text, file: PackedFile { path: path.to_owned(), bytes, portion } }
}

fn one_named(mention: &Mention, source: &dyn Source, left: usize) -> Result<Option<Packed>, String> {
    let name = &mention.name;
    if looks_secret(name) {
        return Err(format!("{name}: looks like a file with secrets; never sent"));
    }
    let (path, bytes) = match named::resolve(source, name, |path| !looks_secret(path)) {
        Found::File(path, bytes) => (path, bytes),
        Found::Several(paths) => {
            let some = paths.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
            return Err(format!(
                "{name}: {} files have this name ({some}); name one by its path",
                paths.len()
            ));
        }
        Found::Nothing => return Ok(None),
    };
    let text = text_of(bytes).ok_or_else(|| format!("{path}: not UTF-8 text"))?;
    let whole = whole(&path, &text);
    if approx_tokens(&whole.text) <= left {
        return Ok(Some(whole));
    }
    let needed = approx_tokens(&whole.text);
    let too_large =
        format!("{path}: needs about {needed} tokens, {left} are left; name a line of it (PATH:LINE)");
    let line = mention.line.ok_or_else(|| too_large.clone())?;
    around(&path, &text, line, left).map(Some).map_err(|_| too_large)
}

/// The names at the repository's root, so that a model knows the project's shape.
pub(super) fn root_listing(source: &dyn Source) -> String {
    let mut names = source.list("");
    names.sort();
    let rest = names.len().saturating_sub(MOST_LISTED);
    names.truncate(MOST_LISTED);
    let listed: String = names.iter().map(|name| format!("{}\n", fence::inline(name))).collect();
    let more = if rest > 0 { format!("and {rest} more.\n") } else { String::new() };
    format!("At the repository's root (folders end in a slash):\n\n{}{more}", fence::block(&listed))
}

/// Text to show: UTF-8 without NUL, a byte order mark left out.
fn text_of(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))?;
    Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn whole(path: &str, text: &str) -> Packed {
    let lines: Vec<&str> = text.lines().collect();
    let blocks = if lines.is_empty() { Vec::new() } else { vec![(0, lines.len() - 1)] };
    Packed {
        text: render(path, text, &lines, &blocks),
        file: PackedFile { path: path.to_owned(), bytes: text.len(), portion: Portion::Whole },
    }
}

/// The richest excerpt around a line (from 1) that takes at most `left` tokens; else what the poorest one needs.
fn around(path: &str, text: &str, line: usize, left: usize) -> Result<Packed, usize> {
    let lines: Vec<&str> = text.lines().collect();
    let mut needed = 0;
    if lines.is_empty() {
        return Ok(whole(path, text));
    }
    let at = line.saturating_sub(1).min(lines.len() - 1);
    for blocks in excerpt::choices(&lines, at) {
        let text = render(path, text, &lines, &blocks);
        needed = approx_tokens(&text);
        if needed <= left {
            let bytes = blocks.iter().flat_map(|(a, b)| &lines[*a..=*b]).map(|line| line.len() + 1).sum();
            let portion = Portion::Excerpt(blocks.iter().map(|(a, b)| (a + 1, b + 1)).collect());
            return Ok(Packed { text, file: PackedFile { path: path.to_owned(), bytes, portion } });
        }
    }
    Err(needed)
}

fn render(path: &str, text: &str, lines: &[&str], blocks: &[Block]) -> String {
    let mut out = format!("The file {} ({} lines", fence::inline(path), lines.len());
    if text.contains("\r\n") {
        out.push_str(", which end in CR LF");
    }
    if !text.is_empty() && !text.ends_with('\n') {
        out.push_str(", no line end after the last one");
    }
    out.push_str("). The number and the bar in front of each line are not part of the file.\n");
    for (first, last) in blocks {
        let numbered: String =
            (*first..=*last).map(|number| format!("{:>5} | {}\n", number + 1, lines[number])).collect();
        out.push_str(&format!("\nLines {} to {}:\n\n{}", first + 1, last + 1, fence::block(&numbered)));
    }
    if blocks.is_empty() {
        out.push_str("It is empty.\n");
    }
    out
}
