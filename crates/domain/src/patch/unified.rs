//! The reader of unified diffs, in the form of git or of `diff -u`. One pass; all findings, not only the first.

use super::finding::{PatchCode, PatchFinding};
use super::gather::Gather;
use super::headers::{self, Binary};
use super::lines::{self, Lines};
use super::{Content, FilePatch, Hunk, Tolerance, binary, hunks};

/// Reads all sections. `counts` is how hunks are read, which may be stricter than the rest.
pub(super) fn run(mut lines: Lines<'_>, counts: Tolerance, gather: &mut Gather<'_>) {
    while let Some(line) = lines.peek() {
        if lines::starts_section(&lines) {
            if !gather.may_begin_file(lines.number()) {
                return;
            }
            section(&mut lines, counts, gather);
            if gather.is_full() {
                return;
            }
            continue;
        }
        text_outside(line, lines.number(), gather);
        lines.take();
    }
}

/// A line that belongs to no section: noted, unless it shows that something was not read.
fn text_outside(line: &[u8], number: u32, gather: &mut Gather<'_>) {
    if line.starts_with(b"diff --cc ") || line.starts_with(b"diff --combined ") {
        let detail = "the diff of a merge has more than one old side";
        gather.finding(PatchCode::UnsupportedFormat, detail, number);
    } else if super::v4a::begins(line) || super::blocks::begins(line) {
        let (code, detail) = if gather.files.is_empty() {
            (PatchCode::UnsupportedFormat, "another form of patch stands where a diff was to be read")
        } else {
            (PatchCode::MixedForms, "another form of patch follows a diff")
        };
        gather.finding(code, detail, number);
    } else if line.starts_with(b"@@ -") {
        gather.finding(PatchCode::HunkWithoutFile, "a hunk stands where no file is named", number);
    } else {
        gather.text_outside(line, number);
    }
}

fn section(lines: &mut Lines<'_>, counts: Tolerance, gather: &mut Gather<'_>) {
    let header = headers::read(lines);
    let resolved = header.resolve(gather.tolerance);
    let name = match &resolved {
        Ok(file) => file.path().map(ToString::to_string),
        Err(findings) => findings.iter().find_map(|finding| finding.path.clone()),
    };
    let first = gather.findings.len();
    let content = match header.binary {
        Some((_, Binary::Data)) => match binary::read(lines, header.blobs) {
            Ok(data) => Some(Content::Binary(data)),
            Err(finding) => {
                gather.findings.push(finding);
                None
            }
        },
        Some((line, Binary::Remark)) => {
            let detail = "the patch says that binary files differ and does not hold their content";
            gather.finding(PatchCode::NoHunks, detail, line);
            None
        }
        None => None,
    };
    let hunks = section_hunks(lines, counts, gather);
    match resolved {
        Ok(file) => gather.push(FilePatch { hunks, content, ..file }),
        Err(findings) => gather.findings.extend(findings),
    }
    gather.name_from(first, name.as_deref());
}

fn section_hunks(lines: &mut Lines<'_>, counts: Tolerance, gather: &mut Gather<'_>) -> Vec<Hunk> {
    let mut hunks = Vec::new();
    let mut number = 0;
    while lines.peek().is_some_and(|line| line.starts_with(b"@@")) && gather.may_begin_hunk(lines.number()) {
        number += 1;
        match hunks::read(lines, number, counts) {
            Ok(hunk) => hunks.push(hunk),
            Err(finding) => {
                gather.findings.push(PatchFinding { hunk: Some(number), ..finding });
                skip_to_boundary(lines);
            }
        }
        if gather.tolerance == Tolerance::Lenient {
            skip_blank_before_hunk(lines);
        }
    }
    hunks
}

/// Behind a broken hunk: on to the next hunk or section, so that the rest is judged too.
fn skip_to_boundary(lines: &mut Lines<'_>) {
    while let Some(line) = lines.peek() {
        if line.starts_with(b"@@") || lines::starts_section(lines) {
            return;
        }
        lines.take();
    }
}

/// Models put empty lines between hunks; they are skipped only when another hunk follows.
fn skip_blank_before_hunk(lines: &mut Lines<'_>) {
    let mut ahead = *lines;
    while ahead.peek().is_some_and(lines::is_blank) {
        ahead.take();
    }
    if ahead.peek().is_some_and(|line| line.starts_with(b"@@")) {
        *lines = ahead;
    }
}
