//! `# noqa`, `# ruff: noqa`, `# flake8: noqa`, `# ruff: ignore[...]` and their relatives.

use super::{Codes, File, Silence};
use crate::source::walk;

pub(super) fn silences(file: &File<'_>) -> Vec<Silence> {
    let mut silences = Vec::new();
    let joined = joined_lines(file);
    let mut disabled: Vec<(usize, Vec<String>)> = Vec::new();
    for range in &file.comments {
        let comment = file.comment(range);
        let alone = file.is_first_on_line(range.start);
        if let Some(codes) = file_level(comment).filter(|_| alone) {
            silences.push(Silence { bytes: 0..file.text.len() + 1, codes });
        } else if let Some(codes) = inline(comment) {
            silences.extend(
                lines_of(file, &joined, range.start).map(|bytes| Silence { bytes, codes: codes.clone() }),
            );
        }
        match ruff_action(comment) {
            Some(("file-ignore", codes)) => {
                silences.push(Silence { bytes: 0..file.text.len() + 1, codes: Codes::These(codes) });
            }
            Some(("ignore", codes)) => {
                let at = if alone { file.line_at(range.start).end } else { range.start };
                let codes = Codes::These(codes);
                silences
                    .extend(lines_of(file, &joined, at).map(|bytes| Silence { bytes, codes: codes.clone() }));
            }
            Some(("disable", codes)) => disabled.push((range.start, codes)),
            Some(("enable", codes)) => {
                if let Some(index) = disabled.iter().rposition(|(_, one)| *one == codes) {
                    let (start, codes) = disabled.remove(index);
                    silences.push(Silence { bytes: start..range.end, codes: Codes::These(codes) });
                }
            }
            _ => {}
        }
    }
    for (start, codes) in disabled {
        silences.push(Silence { bytes: start..block_end(file, start), codes: Codes::These(codes) });
    }
    silences
}

/// Where the block that holds a comment ends.
fn block_end(file: &File<'_>, at: usize) -> usize {
    let mut node = file.root.descendant_for_byte_range(at, at + 1);
    while let Some(inner) = node {
        if inner.kind() == "block" {
            return inner.end_byte();
        }
        node = inner.parent();
    }
    file.text.len() + 1
}

/// The stretches of lines that a comment speaks for: strings over several lines and lines joined by a backslash
/// take the comment on their last line.
fn joined_lines(file: &File<'_>) -> Vec<std::ops::Range<usize>> {
    let mut joined = Vec::new();
    walk(file.root, |node, _| {
        let range = node.byte_range();
        if node.kind() == "string" && file.text.get(range.clone()).unwrap_or_default().contains('\n') {
            joined.push(file.line_at(range.start).start..range.end);
            return false;
        }
        if node.kind() == "line_continuation" {
            let start = file.line_at(range.start).start;
            joined.push(start..file.line_at(range.end).end.saturating_sub(1).max(range.end));
        }
        true
    });
    joined.sort_by_key(|range| range.start);
    let mut merged: Vec<std::ops::Range<usize>> = Vec::new();
    for range in joined {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// The bytes that a comment at `offset` speaks for. The first lines of a joined stretch are not spoken for by
/// comments of their own.
fn lines_of<'f>(
    file: &'f File<'_>,
    joined: &'f [std::ops::Range<usize>],
    offset: usize,
) -> impl Iterator<Item = std::ops::Range<usize>> + 'f {
    let line = file.line_at(offset);
    let ends_here = joined.iter().filter(move |range| line.contains(&range.end)).cloned();
    std::iter::once(file.line_at(offset)).chain(ends_here)
}

/// `# noqa` and `# noqa: E711, F821`.
fn inline(comment: &str) -> Option<Codes> {
    comment.split('#').skip(1).find_map(|part| directive(part.trim_start())).flatten()
}

/// `# ruff: noqa` and `# flake8: noqa: E711`.
fn file_level(comment: &str) -> Option<Codes> {
    comment
        .split('#')
        .skip(1)
        .find_map(|part| {
            let part = part.trim_start();
            let rest = part.strip_prefix("ruff").or_else(|| part.strip_prefix("flake8"))?;
            directive(rest.trim_start().strip_prefix(':')?.trim_start())
        })
        .flatten()
}

/// Reads `noqa...`; the inner `None` means: a directive, but not a valid one.
fn directive(words: &str) -> Option<Option<Codes>> {
    let head = words.get(..4)?;
    if !head.eq_ignore_ascii_case("noqa") {
        return None;
    }
    let rest = &words[4..];
    let codes = match rest.chars().next() {
        None => return Some(Some(Codes::All)),
        Some(':') => &rest[1..],
        Some(c) if c.is_whitespace() => match rest.trim_start().strip_prefix(':') {
            Some(codes) => codes,
            None => return Some(Some(Codes::All)),
        },
        Some(_) => return Some(None),
    };
    let codes = code_list(codes);
    Some((!codes.is_empty()).then_some(Codes::These(codes)))
}

/// Codes (capital letters, then digits) up to the first word that is none.
fn code_list(mut rest: &str) -> Vec<String> {
    let mut codes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_uppercase()).len();
        let digits =
            rest[letters..].len() - rest[letters..].trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if letters == 0 || digits == 0 {
            return codes;
        }
        let after = rest[letters + digits..].chars().next();
        if after.is_some_and(|c| !(c.is_whitespace() || c == ',' || c == '#' || c.is_ascii_uppercase())) {
            return Vec::new();
        }
        codes.push(rest[..letters + digits].to_owned());
        rest = &rest[letters + digits..];
    }
}

/// `# ruff: ignore[E711, F821]`, `disable`, `enable`, `file-ignore`.
fn ruff_action(comment: &str) -> Option<(&str, Vec<String>)> {
    let rest = comment.trim_start_matches('#').trim_start().strip_prefix("ruff:")?.trim_start();
    let (action, rest) = rest.split_once('[')?;
    let (codes, _) = rest.split_once(']')?;
    Some((action.trim_end(), codes.split(',').map(|code| code.trim().to_owned()).collect()))
}
