//! `//nolint`, `//nolint:staticcheck`, `//lint:ignore S1002 why`, `//lint:file-ignore ...`, and generated files.

use std::ops::Range;

use super::{Codes, File, Silence};
use crate::scan::Hit;

/// `nolint` names linters, not codes: the ones under which golangci-lint runs the check, and the code itself.
pub(super) fn names(hit: &Hit) -> Vec<&str> {
    let mut names = vec![hit.code.as_str(), hit.tool.as_str(), "all"];
    if hit.tool == "staticcheck" {
        names.extend(["gosimple", "stylecheck"]);
    }
    names
}

/// Whether the file says that a program wrote it.
pub(super) fn is_generated(file: &File<'_>) -> bool {
    file.comments.iter().map(|range| file.comment(range)).any(|comment| {
        comment.starts_with("// Code generated ") && comment.trim_end().ends_with(" DO NOT EDIT.")
    })
}

pub(super) fn silences(file: &File<'_>) -> Vec<Silence> {
    file.comments.iter().filter_map(|range| silence(file, range)).collect()
}

fn silence(file: &File<'_>, range: &Range<usize>) -> Option<Silence> {
    let comment = file.comment(range);
    if let Some(rest) = comment.strip_prefix("//lint:") {
        let (command, rest) = rest.split_once(' ')?;
        let codes = Codes::These(rest.split(' ').next()?.split(',').map(str::to_owned).collect());
        return match command {
            "ignore" => Some(Silence { bytes: scope(file, range), codes }),
            "file-ignore" => Some(Silence { bytes: 0..file.text.len() + 1, codes }),
            _ => None,
        };
    }
    let rest = comment.strip_prefix("//")?.trim_start().strip_prefix("nolint")?;
    let codes = match rest.strip_prefix(':') {
        Some(names) => {
            let names = names.split([' ', '/']).next().unwrap_or_default();
            Codes::These(names.split(',').map(|name| name.trim().to_lowercase()).collect())
        }
        None if rest.is_empty() || rest.starts_with([' ', '\t']) => Codes::All,
        None => return None,
    };
    Some(Silence { bytes: scope(file, range), codes })
}

/// The line of a comment (or the next one, when it stands alone) with the whole of what starts on that line.
fn scope(file: &File<'_>, range: &Range<usize>) -> Range<usize> {
    let alone = file.is_first_on_line(range.start);
    let line = file.line_at(if alone { file.line_at(range.end).end } else { range.start });
    let indent = file.text.get(line.clone()).map_or(0, |l| l.len() - l.trim_start().len());
    let start = line.start + indent;
    let mut end = line.end;
    let mut node = file.root.descendant_for_byte_range(start, start);
    while let Some(inner) = node {
        let is_list = inner.kind() == "statement_list";
        if is_list || inner.start_byte() < line.start || inner.parent().is_none() {
            break;
        }
        end = end.max(inner.end_byte());
        node = inner.parent();
    }
    line.start..end
}
