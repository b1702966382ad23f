//! `*** Begin Patch`: the form in which some agents write changes (OpenAI calls it V4A). Sections name a file and what
//! is done to it; hunks name no line, but may say under which line they stand (`@@ def f():`) or that they end the
//! file (`*** End of File`).

use super::finding::{PatchCode, PatchFinding, shown};
use super::gather::Gather;
use super::lines::{self, Lines, trim_end};
use super::paths;
use super::{Counts, FileChange, FilePatch, Hunk, HunkLine, LineKind, RepoPath, Tolerance};

const BEGIN: &[u8] = b"*** Begin Patch";
const END: &[u8] = b"*** End Patch";
const END_OF_FILE: &[u8] = b"*** End of File";

/// Whether a patch in this form begins with this line.
pub(super) fn begins(line: &[u8]) -> bool {
    trim_end(line).trim_ascii_end() == BEGIN
}

/// Reads every patch of the text.
pub(super) fn run(mut lines: Lines<'_>, gather: &mut Gather<'_>) {
    while let Some(line) = lines.peek() {
        let number = lines.number();
        lines.take();
        if begins(line) {
            sections(&mut lines, gather, number);
        } else if super::blocks::begins(line) || line.starts_with(b"diff --git ") {
            gather.finding(
                PatchCode::MixedForms,
                "another form of patch stands beside *** Begin Patch",
                number,
            );
        } else {
            gather.text_outside(line, number);
        }
    }
}

/// The sections up to `*** End Patch`, without which the rest may be missing.
fn sections(lines: &mut Lines<'_>, gather: &mut Gather<'_>, begin: u32) {
    while let Some(line) = lines.peek() {
        let number = lines.number();
        let text = trim_end(line).trim_ascii_end();
        if text == END {
            lines.take();
            return;
        }
        if text.is_empty() {
            lines.take();
            continue;
        }
        let Some((change, name)) = section_line(text) else {
            let detail = format!("a section begins with none of Add, Update, Delete File: {:?}", shown(line));
            gather.finding(PatchCode::BadHeader, detail, number);
            skip_section(lines);
            continue;
        };
        if !gather.may_begin_file(number) {
            while lines.take().is_some() {}
            return;
        }
        lines.take();
        section(lines, gather, change, name, number);
        if gather.is_full() {
            while lines.take().is_some() {}
            return;
        }
    }
    gather.finding(PatchCode::Truncated, "*** Begin Patch has no *** End Patch", begin);
}

fn section_line(text: &[u8]) -> Option<(FileChange, &[u8])> {
    let named = |key: &str| text.strip_prefix(key.as_bytes()).map(<[u8]>::trim_ascii);
    let update = || named("*** Update File:").map(|name| (FileChange::Modify, name));
    let add = || named("*** Add File:").map(|name| (FileChange::Create, name));
    let delete = || named("*** Delete File:").map(|name| (FileChange::Delete, name));
    update().or_else(add).or_else(delete)
}

fn section(lines: &mut Lines<'_>, gather: &mut Gather<'_>, change: FileChange, name: &[u8], line: u32) {
    let first = gather.findings.len();
    let old = path(name, line, gather);
    let mut file = FilePatch::new(change, line);
    match change {
        FileChange::Create => {
            file.new_path = old;
            file.hunks = added(lines, gather);
        }
        FileChange::Delete => file.old_path = old,
        FileChange::Modify | FileChange::Rename | FileChange::Copy => {
            (file.old_path, file.new_path) = (old.clone(), old);
            if let Some(to) = moved_to(lines) {
                file.change = FileChange::Rename;
                file.new_path = path(to, line.saturating_add(1), gather);
            }
            file.hunks = hunks(lines, gather);
        }
    }
    let whole = match file.change {
        FileChange::Create => file.new_path.is_some(),
        FileChange::Delete => file.old_path.is_some(),
        _ => file.old_path.is_some() && file.new_path.is_some(),
    };
    if whole {
        gather.push(file);
    }
    gather.name_from(first, Some(&shown(name)));
}

fn path(name: &[u8], line: u32, gather: &mut Gather<'_>) -> Option<RepoPath> {
    let checked = paths::check(name);
    checked.map_err(|problem| gather.finding(problem.into(), problem.to_string(), line)).ok()
}

fn moved_to<'t>(lines: &mut Lines<'t>) -> Option<&'t [u8]> {
    let to = trim_end(lines.peek()?).strip_prefix(b"*** Move to:".as_slice())?.trim_ascii();
    lines.take();
    Some(to)
}

/// Whether a section ends before this line: no line of a hunk begins with stars.
fn is_boundary(line: &[u8]) -> bool {
    line.starts_with(b"*** ") && !trim_end(line).trim_ascii_end().eq(END_OF_FILE)
}

fn skip_section(lines: &mut Lines<'_>) {
    lines.take();
    while lines.peek().is_some_and(|line| !is_boundary(line)) {
        lines.take();
    }
}

/// The content of a new file: every line with a plus.
fn added(lines: &mut Lines<'_>, gather: &mut Gather<'_>) -> Vec<Hunk> {
    let line = lines.number();
    let mut body = Vec::new();
    while let Some(text) = lines.peek().filter(|text| !is_boundary(text)) {
        match text.strip_prefix(b"+") {
            Some(text) => body.push(HunkLine { kind: LineKind::Add, text: lines::ended(text) }),
            None if lines::is_blank(text) || trim_end(text).trim_ascii_end() == END_OF_FILE => {}
            None => {
                let detail = format!("a line of a new file begins with no plus: {:?}", shown(text));
                gather.finding(PatchCode::BadHunkLine, detail, lines.number());
                skip_section(lines);
                return Vec::new();
            }
        }
        lines.take();
    }
    if body.is_empty() || !gather.may_begin_hunk(line) { Vec::new() } else { vec![hunk(1, body, line)] }
}

fn hunk(number: u32, lines: Vec<HunkLine>, line: u32) -> Hunk {
    Hunk {
        number,
        old_start: None,
        new_start: None,
        scope: Vec::new(),
        at_end: false,
        lines,
        counts: Counts::Right,
        line,
    }
}

fn hunks(lines: &mut Lines<'_>, gather: &mut Gather<'_>) -> Vec<Hunk> {
    let mut hunks: Vec<Hunk> = Vec::new();
    while lines.peek().is_some_and(|line| !is_boundary(line)) {
        let line = lines.number();
        if !gather.may_begin_hunk(line) {
            break;
        }
        let mut scope = Vec::new();
        while let Some(heading) = lines.peek().and_then(|line| line.strip_prefix(b"@@")) {
            let heading = heading.trim_ascii();
            if !heading.is_empty() {
                scope.push(heading.to_vec());
            }
            lines.take();
        }
        let number = u32::try_from(hunks.len() + 1).unwrap_or(u32::MAX);
        let (body, at_end) = match body(lines, gather.tolerance) {
            Ok(body) => body,
            Err(finding) => {
                gather.findings.push(finding.in_hunk(number));
                skip_section(lines);
                return Vec::new();
            }
        };
        let changes = body.iter().any(|line| line.kind != LineKind::Context);
        if changes {
            hunks.push(Hunk { scope, at_end, ..hunk(number, body, line) });
        } else if body.iter().any(|line| !lines::is_blank(&line.text)) {
            let finding = PatchFinding::new(PatchCode::NoHunks, "the hunk changes nothing");
            gather.findings.push(finding.at(line).in_hunk(number));
        }
    }
    hunks
}

/// The lines up to the next hunk or section, and whether they end the file.
fn body(lines: &mut Lines<'_>, tolerance: Tolerance) -> Result<(Vec<HunkLine>, bool), PatchFinding> {
    let mut body: Vec<HunkLine> = Vec::new();
    while let Some(line) = lines.peek() {
        if trim_end(line).trim_ascii_end() == END_OF_FILE {
            lines.take();
            return Ok((body, true));
        }
        if line.starts_with(b"@@") || is_boundary(line) {
            break;
        }
        let (kind, text) = match super::hunks::split_prefix(line) {
            Some(split) => split,
            None if tolerance == Tolerance::Lenient => (LineKind::Context, line),
            None => return Err(super::hunks::bad_line(line, lines.number())),
        };
        body.push(HunkLine { kind, text: lines::ended(text) });
        lines.take();
    }
    // Empty lines before the next mark are as likely to separate as to be context.
    while body.last().is_some_and(|line| line.kind == LineKind::Context && lines::is_blank(&line.text)) {
        body.pop();
    }
    Ok((body, false))
}
