//! A patch applied to a base in memory: wholly, or not at all with every reason why not.
//!
//! Each section reads the base and never another section's result, so the order of the text means nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::finding::{PatchCode, PatchFinding};
use super::lines::Lined;
use super::place::{self, Placed};
use super::splice::splice;
use super::{Content, FileChange, FileMode, FilePatch, Hunk, ParsedPatch, RepoPath, Tolerance, whole};

/// The tree that a patch is applied to. The caller reads it from wherever it is kept.
pub trait Base {
    /// The file at this path; none when there is none (a folder is none).
    ///
    /// # Errors
    /// When it cannot be known. The patch is then refused: a file that cannot be read is not a file that is missing.
    fn file(&self, path: &RepoPath) -> Result<Option<BaseFile>, BaseError>;

    /// The names of the entries of a folder; of the root for `None`; nothing when it is no folder.
    ///
    /// # Errors
    /// When it cannot be known.
    fn list(&self, folder: Option<&RepoPath>) -> Result<Vec<String>, BaseError>;
}

/// Why the base could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the base cannot be read: {0}")]
pub struct BaseError(pub String);

/// A file of a tree. For a symbolic link the bytes are its target, for a submodule they are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseFile {
    /// The content.
    pub bytes: Vec<u8>,
    /// The mode.
    pub mode: FileMode,
}

/// What a patch makes of its base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The files that differ, sorted by path. A rename is a file that goes and one that comes.
    pub files: Vec<FileResult>,
}

impl Applied {
    /// The weakest way in which any hunk found its place; exact when there is no hunk.
    pub fn weakest_anchor(&self) -> How {
        let anchors = self.files.iter().flat_map(|file| &file.anchors);
        anchors.map(|anchor| anchor.how).max().unwrap_or(How::Exact)
    }
}

/// One path before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileResult {
    /// The path.
    pub path: RepoPath,
    /// What stands there in the base; none for a new file.
    pub before: Option<BaseFile>,
    /// What stands there afterwards; none for a deleted file.
    pub after: Option<BaseFile>,
    /// How each hunk found its place.
    pub anchors: Vec<Anchor>,
}

impl FileResult {
    /// A file before and after, for providers that give whole files or edit a tree; there are no hunks to place.
    pub fn edited(path: RepoPath, before: Option<BaseFile>, after: Option<BaseFile>) -> Self {
        Self { path, before, after, anchors: Vec::new() }
    }
}

/// How a hunk found its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The hunk's number within its file, from 1.
    pub hunk: u32,
    /// The step of the ladder that found it.
    pub how: How,
    /// The base's line at which the hunk begins, from 1.
    pub line: u32,
    /// Lines from the place that the header claims to this one; 0 where it claims none.
    pub offset: i64,
    /// Outer context lines that were left out because the file has others there.
    pub trimmed: u32,
}

/// The steps by which a place is found, from the surest on. Policy may say which are good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// As written.
    Exact,
    /// As written, but for the header's counts.
    Recounted,
    /// Byte for byte at another line, the only one where it stands.
    Moved,
    /// The same but for white space.
    Whitespace,
    /// Without some of the outermost context lines.
    Trimmed,
    /// By its line number alone, which the other hunks of the file prove right.
    Numbered,
}

impl std::fmt::Display for How {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Exact => "exact",
            Self::Recounted => "recounted",
            Self::Moved => "moved",
            Self::Whitespace => "whitespace",
            Self::Trimmed => "trimmed",
            Self::Numbered => "numbered",
        })
    }
}

/// Applies a patch in memory.
///
/// # Errors
/// Every reason why it does not fit, never an empty list; nothing is half applied.
pub fn apply(patch: &ParsedPatch, base: &dyn Base) -> Result<Applied, Vec<PatchFinding>> {
    let mut work = Work::new(base, patch.tolerance);
    for file in &patch.files {
        let first = work.findings.len();
        work.section(file);
        for finding in &mut work.findings[first..] {
            if let (None, Some(path)) = (&finding.path, file.path()) {
                *finding = finding.clone().of(path);
            }
        }
    }
    work.check_paths();
    work.finish()
}

/// What the sections want, gathered before any of it counts.
struct Work<'a> {
    base: &'a dyn Base,
    tolerance: Tolerance,
    before: BTreeMap<RepoPath, Rc<BaseFile>>,
    removed: BTreeSet<RepoPath>,
    written: BTreeMap<RepoPath, (BaseFile, Vec<Anchor>)>,
    findings: Vec<PatchFinding>,
}

impl<'a> Work<'a> {
    fn new(base: &'a dyn Base, tolerance: Tolerance) -> Self {
        let (before, removed) = (BTreeMap::new(), BTreeSet::new());
        Self { base, tolerance, before, removed, written: BTreeMap::new(), findings: Vec::new() }
    }

    fn section(&mut self, file: &FilePatch) {
        let source = match &file.old_path {
            Some(path) => match self.source(path, file) {
                Some(source) => Some(source),
                None => return,
            },
            None => None,
        };
        let source = source.flatten();
        if let Some(path) = &file.new_path {
            self.remember(path);
        }
        if let (Some(source), Some(path)) = (&source, &file.old_path) {
            self.judge_source(file, source);
            if matches!(file.change, FileChange::Modify | FileChange::Delete | FileChange::Rename) {
                self.remove(path, file.line);
            }
        }
        let Some((bytes, anchors)) = self.content(file, source.as_deref()) else { return };
        match &file.new_path {
            Some(path) => {
                let mode = file.new_mode.or(source.map(|source| source.mode)).unwrap_or(FileMode::Regular);
                self.write(path, BaseFile { bytes, mode }, anchors, file.line);
            }
            None if bytes.is_empty() => {}
            None => self.finding(
                PatchCode::ContextMismatch,
                "the deletion leaves lines of the file behind",
                file.line,
            ),
        }
    }

    /// The file that a section starts from. `Some(None)` is a file that is made although the patch does not say so:
    /// models leave `/dev/null` out, and a hunk that only adds to a missing file can mean nothing else.
    fn source(&mut self, path: &RepoPath, file: &FilePatch) -> Option<Option<Rc<BaseFile>>> {
        if let Some(found) = self.remember(path) {
            return Some(Some(found));
        }
        let lenient = self.tolerance == Tolerance::Lenient && file.change == FileChange::Modify;
        let only_adds = file.content.is_some()
            || !file.hunks.is_empty() && file.hunks.iter().all(|hunk| hunk.old_lines().next().is_none());
        if lenient && only_adds {
            return Some(None);
        }
        self.finding(PatchCode::MissingFile, "there is no such file in the base", file.line);
        for folder in path.folders() {
            self.check_folder(&folder, path);
        }
        None
    }

    /// Reads a path of the base once.
    fn remember(&mut self, path: &RepoPath) -> Option<Rc<BaseFile>> {
        if let Some(known) = self.before.get(path) {
            return Some(Rc::clone(known));
        }
        let found = Rc::new(self.read(path)?);
        self.before.insert(path.clone(), Rc::clone(&found));
        Some(found)
    }

    fn read(&mut self, path: &RepoPath) -> Option<BaseFile> {
        let read = self.base.file(path);
        self.known(read, path).flatten()
    }

    fn known<T>(&mut self, read: Result<T, BaseError>, path: &RepoPath) -> Option<T> {
        read.map_err(|error| {
            self.findings.push(PatchFinding::new(PatchCode::BaseUnreadable, error.to_string()).of(path))
        })
        .ok()
    }

    fn judge_source(&mut self, file: &FilePatch, source: &BaseFile) {
        if source.mode == FileMode::Gitlink {
            self.finding(PatchCode::Submodule, "a submodule is not changed by a patch", file.line);
        }
        if file.old_mode.is_some_and(|mode| mode.is_other_type(source.mode)) {
            self.finding(PatchCode::ModeMismatch, "the base holds another sort of file", file.line);
        }
        let is_text = !file.hunks.is_empty() || matches!(file.content, Some(Content::Text(_)));
        if is_text && source.bytes.contains(&0) {
            self.finding(PatchCode::Binary, "the file is binary", file.line);
        }
    }

    /// The content after the section, with how each hunk was placed.
    fn content(&mut self, file: &FilePatch, source: Option<&BaseFile>) -> Option<(Vec<u8>, Vec<Anchor>)> {
        let base = source.map_or(&b""[..], |source| &source.bytes);
        if let Some(content) = &file.content {
            return self.whole(file, content, base).map(|bytes| (bytes, Vec::new()));
        }
        if file.hunks.is_empty() {
            let meant = file.change == FileChange::Delete && self.tolerance == Tolerance::Lenient;
            return Some((if meant { Vec::new() } else { base.to_vec() }, Vec::new()));
        }
        match place::place(&file.hunks, Lined::new(base), self.tolerance) {
            Ok((placed, lines)) => {
                Some((splice(&file.hunks, &placed, &lines), anchors(&file.hunks, &placed)))
            }
            Err(findings) => {
                self.findings.extend(findings);
                None
            }
        }
    }

    /// The content of a file that is not told by hunks.
    fn whole(&mut self, file: &FilePatch, content: &Content, base: &[u8]) -> Option<Vec<u8>> {
        match content {
            Content::Text(text) => match whole::elided(text, base) {
                None => Some(whole::like_base(text, base)),
                Some(line) => {
                    let detail = format!("line {line} of the file stands for others that are left out");
                    self.finding(PatchCode::Elided, &detail, file.line);
                    None
                }
            },
            Content::Binary(_) if !file.hunks.is_empty() => {
                self.finding(PatchCode::BadHeader, "a section has binary content and hunks", file.line);
                None
            }
            Content::Binary(change) => match change.apply(base) {
                Ok(bytes) => Some(bytes),
                Err((code, detail)) => {
                    self.finding(code, detail, file.line);
                    None
                }
            },
        }
    }

    fn remove(&mut self, path: &RepoPath, line: u32) {
        if !self.removed.insert(path.clone()) {
            self.finding(
                PatchCode::DuplicateSection,
                "another section changes or removes this file too",
                line,
            );
        }
    }

    fn write(&mut self, path: &RepoPath, file: BaseFile, anchors: Vec<Anchor>, line: u32) {
        if self.written.insert(path.clone(), (file, anchors)).is_some() {
            self.finding(PatchCode::DuplicateSection, "another section writes this file too", line);
        }
    }

    fn finding(&mut self, code: PatchCode, detail: &str, line: u32) {
        self.findings.push(PatchFinding::new(code, detail).at(line));
    }

    /// Judges the written paths against each other and against what stays in the base.
    fn check_paths(&mut self) {
        let written: Vec<RepoPath> = self.written.keys().cloned().collect();
        for path in written {
            if self.before.contains_key(&path) && !self.removed.contains(&path) {
                let finding = PatchFinding::new(PatchCode::AlreadyExists, "a file is already there");
                self.findings.push(finding.of(&path));
            }
            for folder in path.folders() {
                self.check_folder(&folder, &path);
            }
            if !self.is_emptied(&path) {
                let finding = PatchFinding::new(PatchCode::DirFileConflict, "a folder is already there");
                self.findings.push(finding.of(&path));
            }
        }
    }

    /// A folder above a written path must not be a file, neither before nor afterwards.
    fn check_folder(&mut self, folder: &RepoPath, path: &RepoPath) {
        let after = self.written.get(folder).map(|(file, _)| file.mode);
        let stays =
            if self.removed.contains(folder) { None } else { self.read(folder).map(|file| file.mode) };
        let Some(mode) = after.or(stays) else { return };
        let finding = match mode {
            FileMode::Symlink => PatchFinding::new(
                PatchCode::SymlinkInPath,
                format!("{folder} is a symbolic link; nothing is written through it"),
            ),
            FileMode::Gitlink => PatchFinding::new(PatchCode::Submodule, format!("{folder} is a submodule")),
            FileMode::Regular | FileMode::Executable => {
                PatchFinding::new(PatchCode::DirFileConflict, format!("{folder} is a file, not a folder"))
            }
        };
        self.findings.push(finding.of(path));
    }

    /// Whether nothing of the base stays below this path. Ends at the first entry that stays.
    fn is_emptied(&mut self, folder: &RepoPath) -> bool {
        let listed = self.base.list(Some(folder));
        let Some(names) = self.known(listed, folder) else { return false };
        names.iter().all(|name| match folder.child(name) {
            Ok(child) if self.removed.contains(&child) => true,
            Ok(child) => {
                self.base.list(Some(&child)).is_ok_and(|names| !names.is_empty()) && self.is_emptied(&child)
            }
            Err(_) => false,
        })
    }

    fn finish(mut self) -> Result<Applied, Vec<PatchFinding>> {
        if !self.findings.is_empty() {
            return Err(self.findings);
        }
        let paths: BTreeSet<RepoPath> = self.removed.iter().chain(self.written.keys()).cloned().collect();
        let mut files = Vec::new();
        for path in paths {
            let before = self.before.remove(&path).map(Rc::unwrap_or_clone);
            let (after, anchors) =
                self.written.remove(&path).map_or((None, Vec::new()), |(file, a)| (Some(file), a));
            if before != after {
                files.push(FileResult { path, before, after, anchors });
            }
        }
        if files.is_empty() {
            return Err(vec![PatchFinding::new(PatchCode::NoEffect, "the patch changes nothing")]);
        }
        Ok(Applied { files })
    }
}

fn anchors(hunks: &[Hunk], placed: &[Placed]) -> Vec<Anchor> {
    let anchor = |(hunk, placed): (&Hunk, &Placed)| Anchor {
        hunk: hunk.number,
        how: placed.how,
        line: u32::try_from(placed.at + 1).unwrap_or(u32::MAX),
        offset: placed.offset,
        trimmed: u32::try_from(placed.trim.0 + placed.trim.1).unwrap_or(u32::MAX),
    };
    hunks.iter().zip(placed).map(anchor).collect()
}
