//! From text to values. One pass; all findings, not only the first; nothing is compared with a base.

use std::collections::BTreeMap;

use super::finding::{PatchCode, PatchFinding};
use super::headers::{self, Binary};
use super::lines::{self, Lines};
use super::{FileChange, FilePatch, Limits, LineKind, ParsedPatch, PatchMend, Tolerance, hunks};

/// Reads a patch in the form of git or of `diff -u`.
///
/// Time and memory are linear in the text, which the limits bound. Findings carry code, file, hunk and line.
///
/// # Errors
/// Every reason why the text is not a patch that may be applied; never an empty list.
pub fn parse(bytes: &[u8], tolerance: Tolerance, limits: &Limits) -> Result<ParsedPatch, Vec<PatchFinding>> {
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
    let counts = if mended.contains(&PatchMend::EscapedNewlines) { Tolerance::Strict } else { tolerance };
    let (files, outside, findings) = (Vec::new(), Vec::new(), Vec::new());
    let mut parser = Parser { tolerance, counts, limits, hunks: 0, files, outside, findings };
    parser.run(Lines::new(text.as_deref().unwrap_or(bytes)));
    parser.finish(mended)
}

fn check_size(bytes: &[u8], limits: &Limits) -> Result<(), PatchFinding> {
    if bytes.len() > limits.bytes {
        let detail = format!("{} bytes; the limit is {}", bytes.len(), limits.bytes);
        return Err(PatchFinding::new(PatchCode::TooLarge, detail));
    }
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.len() > limits.line_bytes {
            let detail = format!("a line of {} bytes; the limit is {}", line.len(), limits.line_bytes);
            let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            return Err(PatchFinding::new(PatchCode::LineTooLong, detail).at(number));
        }
    }
    Ok(())
}

/// Mends what happened to the text as a whole on its way here.
fn mend(bytes: &[u8]) -> (Option<Vec<u8>>, Vec<PatchMend>) {
    let mut text = None;
    let mut mended = Vec::new();
    if let Some(unescaped) = unescape_newlines(bytes) {
        text = Some(unescaped);
        mended.push(PatchMend::EscapedNewlines);
    }
    let now = text.as_deref().unwrap_or(bytes);
    if is_crlf_throughout(now) {
        let lf = now.split_inclusive(|byte| *byte == b'\n').flat_map(strip_cr).copied().collect();
        text = Some(lf);
        mended.push(PatchMend::Crlf);
    }
    (text, mended)
}

/// A text without a single line end whose `\n` are written out: it was escaped once too often. A `\n` that belongs to
/// the code looks the same, so the hunks of such a text are believed only when their counts come out right.
fn unescape_newlines(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = bytes.trim_ascii();
    while let Some(rest) = body.strip_prefix(b"\\n") {
        body = rest;
    }
    let starts = body.starts_with(b"diff --git ") || body.starts_with(b"--- ");
    if !starts || body.contains(&b'\n') {
        return None;
    }
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after.first()) {
            (b'\\', Some(b'n')) => out.push(b'\n'),
            _ => {
                out.push(byte);
                continue;
            }
        }
        rest = &after[1..];
    }
    out.contains(&b'\n').then_some(out)
}

/// Whether every line ends in CR LF, headers too: then a transport did it, and not the file.
fn is_crlf_throughout(bytes: &[u8]) -> bool {
    let mut ends =
        bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")).peekable();
    ends.peek().is_some() && ends.all(|line| line.ends_with(b"\r\n"))
}

fn strip_cr(line: &[u8]) -> impl Iterator<Item = &u8> {
    let (body, end) = match line.strip_suffix(b"\r\n") {
        Some(body) => (body, b"\n".as_slice()),
        None => (line, b"".as_slice()),
    };
    body.iter().chain(end)
}

struct Parser<'l> {
    tolerance: Tolerance,
    /// How hunks are read.
    counts: Tolerance,
    limits: &'l Limits,
    hunks: usize,
    files: Vec<FilePatch>,
    outside: Vec<u32>,
    findings: Vec<PatchFinding>,
}

impl Parser<'_> {
    fn run(&mut self, mut lines: Lines<'_>) {
        while let Some(line) = lines.peek() {
            if lines::starts_section(&lines) {
                if self.files.len() >= self.limits.files {
                    let detail = format!("more than {} files", self.limits.files);
                    self.findings.push(PatchFinding::new(PatchCode::TooManyFiles, detail).at(lines.number()));
                    return;
                }
                self.section(&mut lines);
                if self.hunks > self.limits.hunks {
                    let detail = format!("more than {} hunks", self.limits.hunks);
                    self.findings.push(PatchFinding::new(PatchCode::TooManyHunks, detail).at(lines.number()));
                    return;
                }
                continue;
            }
            self.text_outside(line, lines.number());
            lines.take();
        }
    }

    /// A line that belongs to no section: noted, unless it shows that something was not read.
    fn text_outside(&mut self, line: &[u8], number: u32) {
        let finding = |code, detail: &str| PatchFinding::new(code, detail).at(number);
        if line.starts_with(b"diff --cc ") || line.starts_with(b"diff --combined ") {
            self.findings.push(finding(
                PatchCode::UnsupportedFormat,
                "the diff of a merge has more than one old side",
            ));
        } else if line.starts_with(b"*** Begin Patch") {
            self.findings
                .push(finding(PatchCode::UnsupportedFormat, "*** Begin Patch is another form of patch"));
        } else if line.starts_with(b"<<<<<<< SEARCH") {
            self.findings.push(finding(PatchCode::UnsupportedFormat, "a search/replace block is no diff"));
        } else if line.starts_with(b"@@ -") {
            self.findings.push(finding(PatchCode::HunkWithoutFile, "a hunk stands where no file is named"));
        } else if !lines::is_blank(line) && !lines::is_fence(line) && self.outside.len() < 100 {
            self.outside.push(number);
        }
    }

    fn section(&mut self, lines: &mut Lines<'_>) {
        let header = headers::read(lines);
        let resolved = header.resolve(self.tolerance);
        let name = match &resolved {
            Ok(file) => file.path().map(ToString::to_string),
            Err(findings) => findings.iter().find_map(|finding| finding.path.clone()),
        };
        let first = self.findings.len();
        if let Some((line, binary)) = header.binary {
            self.findings.push(binary_finding(binary).at(line));
        }
        let hunks = self.section_hunks(lines);
        match resolved {
            Ok(file) => self.judge_section(FilePatch { hunks, ..file }),
            Err(findings) => self.findings.extend(findings),
        }
        for finding in &mut self.findings[first..] {
            if let (None, Some(name)) = (&finding.path, &name) {
                *finding = finding.clone().of(name);
            }
        }
    }

    fn section_hunks(&mut self, lines: &mut Lines<'_>) -> Vec<super::Hunk> {
        let mut hunks = Vec::new();
        let mut number = 0;
        while lines.peek().is_some_and(|line| line.starts_with(b"@@")) && self.hunks <= self.limits.hunks {
            number += 1;
            self.hunks += 1;
            match hunks::read(lines, number, self.counts) {
                Ok(hunk) => hunks.push(hunk),
                Err(finding) => {
                    self.findings.push(PatchFinding { hunk: Some(number), ..finding });
                    skip_to_boundary(lines);
                }
            }
            if self.tolerance == Tolerance::Lenient {
                skip_blank_before_hunk(lines);
            }
        }
        hunks
    }

    /// Whether headers and hunks of a section agree.
    fn judge_section(&mut self, file: FilePatch) {
        let bad = |code, detail: &str| PatchFinding::new(code, detail).at(file.line);
        let says_something = match file.change {
            FileChange::Modify => file.new_mode.is_some() || !file.hunks.is_empty(),
            FileChange::Create | FileChange::Delete | FileChange::Rename | FileChange::Copy => true,
        };
        let has_finding = self.findings.iter().any(|f| f.line >= Some(file.line));
        if !says_something && !has_finding {
            self.findings.push(bad(PatchCode::NoHunks, "a file is named and nothing is done to it"));
        }
        let wrong_side = match file.change {
            FileChange::Create => Some(LineKind::Remove),
            FileChange::Delete => Some(LineKind::Add),
            FileChange::Modify | FileChange::Rename | FileChange::Copy => None,
        };
        let lines = || file.hunks.iter().flat_map(|hunk| &hunk.lines);
        if wrong_side
            .is_some_and(|side| lines().any(|line| line.kind == side || line.kind == LineKind::Context))
        {
            let detail = "the hunks of a new or a deleted file have lines of both sides";
            self.findings.push(bad(PatchCode::BadHeader, detail));
        }
        for hunk in &file.hunks {
            if hunk.lines.iter().any(|line| line.text.contains(&0)) {
                let detail = "a zero byte in a text";
                self.findings
                    .push(PatchFinding::new(PatchCode::NulInText, detail).at(hunk.line).in_hunk(hunk.number));
            }
        }
        self.files.push(file);
    }

    fn finish(mut self, mut mended: Vec<PatchMend>) -> Result<ParsedPatch, Vec<PatchFinding>> {
        if self.tolerance == Tolerance::Lenient && merge_sections(&mut self.files) {
            mended.push(PatchMend::MergedSections);
        }
        if self.files.is_empty() && self.findings.is_empty() {
            self.findings
                .push(PatchFinding::new(PatchCode::NotAPatch, "no file section of a diff in the text"));
        }
        if !self.findings.is_empty() {
            return Err(self.findings);
        }
        self.files.sort_by(|a, b| (a.path(), a.change as u8).cmp(&(b.path(), b.change as u8)));
        Ok(ParsedPatch { files: self.files, tolerance: self.tolerance, outside: self.outside, mended })
    }
}

fn binary_finding(binary: Binary) -> PatchFinding {
    let detail = match binary {
        Binary::Data => "a binary change is not taken from a patch",
        Binary::Remark => "the patch says that binary files differ and does not hold their content",
    };
    match binary {
        Binary::Data => PatchFinding::new(PatchCode::Binary, detail),
        Binary::Remark => PatchFinding::new(PatchCode::NoHunks, detail),
    }
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

/// Joins sections that only modify the same file: some models write one section a hunk, all against the base.
fn merge_sections(files: &mut Vec<FilePatch>) -> bool {
    let before = files.len();
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    let mut merged: Vec<FilePatch> = Vec::new();
    for file in files.drain(..) {
        let key = file.path().map(ToString::to_string).unwrap_or_default();
        let same =
            (file.change == FileChange::Modify && file.new_mode.is_none()).then(|| first.get(&key)).flatten();
        match same.and_then(|index| merged.get_mut(*index)) {
            Some(earlier) => {
                let offset = u32::try_from(earlier.hunks.len()).unwrap_or(u32::MAX);
                let hunks = file
                    .hunks
                    .into_iter()
                    .map(|h| super::Hunk { number: h.number.saturating_add(offset), ..h });
                earlier.hunks.extend(hunks);
            }
            None => {
                if file.change == FileChange::Modify {
                    first.insert(key, merged.len());
                }
                merged.push(file);
            }
        }
    }
    *files = merged;
    files.len() < before
}
