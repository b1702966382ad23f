//! What a reader gathers: sections, findings, text outside of them. The limits and the rules that hold for every form
//! are kept here.

use std::collections::BTreeMap;

use super::finding::{PatchCode, PatchFinding};
use super::lines;
use super::{FileChange, FilePatch, Form, Hunk, Limits, LineKind, ParsedPatch, PatchMend, Tolerance};

/// Lines of text outside that are remembered; more than that nobody looks at.
const MAX_OUTSIDE: usize = 100;

/// One reading in progress.
pub(super) struct Gather<'l> {
    pub(super) tolerance: Tolerance,
    limits: &'l Limits,
    hunks: usize,
    pub(super) files: Vec<FilePatch>,
    outside: Vec<u32>,
    pub(super) findings: Vec<PatchFinding>,
}

impl<'l> Gather<'l> {
    pub(super) fn new(tolerance: Tolerance, limits: &'l Limits) -> Self {
        let (files, outside, findings) = (Vec::new(), Vec::new(), Vec::new());
        Self { tolerance, limits, hunks: 0, files, outside, findings }
    }

    /// Counts a section that begins at this line; false when there are too many.
    pub(super) fn may_begin_file(&mut self, line: u32) -> bool {
        let fits = self.files.len() < self.limits.files;
        if !fits {
            let detail = format!("more than {} files", self.limits.files);
            self.findings.push(PatchFinding::new(PatchCode::TooManyFiles, detail).at(line));
        }
        fits
    }

    /// Counts a hunk that begins at this line; false when there are too many, which is told once.
    pub(super) fn may_begin_hunk(&mut self, line: u32) -> bool {
        self.hunks += 1;
        if self.hunks == self.limits.hunks + 1 {
            let detail = format!("more than {} hunks", self.limits.hunks);
            self.findings.push(PatchFinding::new(PatchCode::TooManyHunks, detail).at(line));
        }
        !self.is_full()
    }

    /// Whether reading goes no further.
    pub(super) fn is_full(&self) -> bool {
        self.hunks > self.limits.hunks
    }

    /// A line that belongs to no section. It is noted, never obeyed.
    pub(super) fn text_outside(&mut self, line: &[u8], number: u32) {
        if !lines::is_blank(line) && !lines::is_fence(line) && self.outside.len() < MAX_OUTSIDE {
            self.outside.push(number);
        }
    }

    pub(super) fn finding(&mut self, code: PatchCode, detail: impl Into<String>, line: u32) {
        self.findings.push(PatchFinding::new(code, detail).at(line));
    }

    /// Names the file in all findings from this one on that name none.
    pub(super) fn name_from(&mut self, first: usize, name: Option<&str>) {
        let Some(name) = name else { return };
        for finding in self.findings.iter_mut().skip(first).filter(|finding| finding.path.is_none()) {
            *finding = finding.clone().of(name);
        }
    }

    /// Takes a section whose parts must agree with each other.
    pub(super) fn push(&mut self, file: FilePatch) {
        let says_something = match file.change {
            FileChange::Modify => file.new_mode.is_some() || !file.hunks.is_empty() || file.content.is_some(),
            FileChange::Create | FileChange::Delete | FileChange::Rename | FileChange::Copy => true,
        };
        let has_finding = self.findings.iter().any(|f| f.line >= Some(file.line));
        if !says_something && !has_finding {
            self.finding(PatchCode::NoHunks, "a file is named and nothing is done to it", file.line);
        }
        let wrong_side = match file.change {
            FileChange::Create => Some(LineKind::Remove),
            FileChange::Delete => Some(LineKind::Add),
            FileChange::Modify | FileChange::Rename | FileChange::Copy => None,
        };
        let mut lines = file.hunks.iter().flat_map(|hunk| &hunk.lines);
        if wrong_side.is_some_and(|side| lines.any(|l| l.kind == side || l.kind == LineKind::Context)) {
            let detail = "the hunks of a new or a deleted file have lines of both sides";
            self.finding(PatchCode::BadHeader, detail, file.line);
        }
        for hunk in &file.hunks {
            if hunk.lines.iter().any(|line| line.text.contains(&0)) {
                let finding = PatchFinding::new(PatchCode::NulInText, "a zero byte in a text");
                self.findings.push(finding.at(hunk.line).in_hunk(hunk.number));
            }
        }
        self.files.push(file);
    }

    /// The patch, when nothing speaks against it.
    pub(super) fn finish(
        mut self,
        form: Form,
        mut mended: Vec<PatchMend>,
    ) -> Result<ParsedPatch, Vec<PatchFinding>> {
        let joins = self.tolerance == Tolerance::Lenient || form != Form::Diff;
        if joins && merge_sections(&mut self.files) && form == Form::Diff {
            mended.push(PatchMend::MergedSections);
        }
        if self.files.is_empty() && self.findings.is_empty() {
            let detail = match form {
                Form::Auto | Form::Diff => "no file section of a diff in the text",
                Form::V4a => "no *** Begin Patch in the text",
                Form::SearchReplace => "no <<<<<<< SEARCH in the text",
                Form::Whole => "no path with a fence below it in the text",
            };
            self.findings.push(PatchFinding::new(PatchCode::NotAPatch, detail));
        }
        if !self.findings.is_empty() {
            return Err(self.findings);
        }
        self.files.sort_by(|a, b| (a.path(), a.change as u8).cmp(&(b.path(), b.change as u8)));
        let Self { files, tolerance, outside, .. } = self;
        Ok(ParsedPatch { form, files, tolerance, outside, mended })
    }
}

/// Joins sections that only modify the same file: some models write one section a hunk, all against the base.
fn merge_sections(files: &mut Vec<FilePatch>) -> bool {
    let before = files.len();
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    let mut merged: Vec<FilePatch> = Vec::new();
    for file in files.drain(..) {
        let key = file.path().map(ToString::to_string).unwrap_or_default();
        let plain = file.change == FileChange::Modify && file.new_mode.is_none() && file.content.is_none();
        let same = plain.then(|| first.get(&key)).flatten();
        match same.and_then(|index| merged.get_mut(*index)) {
            Some(earlier) => {
                let offset = u32::try_from(earlier.hunks.len()).unwrap_or(u32::MAX);
                let hunks =
                    file.hunks.into_iter().map(|h| Hunk { number: h.number.saturating_add(offset), ..h });
                earlier.hunks.extend(hunks);
            }
            None => {
                if file.change == FileChange::Modify && file.content.is_none() {
                    first.insert(key, merged.len());
                }
                merged.push(file);
            }
        }
    }
    *files = merged;
    files.len() < before
}
