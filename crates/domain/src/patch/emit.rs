//! The one diff that every later step sees, written from the files before and after. Whatever the provider typed is
//! left behind here: its counts, its white space, its remarks.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::apply::{BaseFile, FileResult};
use super::binary::{self, blob_id};
use super::diff::{Change, changes};
use super::quote::quote;
use super::window::Window;
use crate::ids::Sha256;

/// Lines of context around a change, as git writes them.
const CONTEXT: usize = 3;

/// A change in its canonical form: the files before and after, and the git diff between them.
///
/// Only [`emit`] makes one, so the diff, its hash and its statistics always belong to the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalDiff {
    files: Vec<FileResult>,
    bytes: Vec<u8>,
    sha256: Sha256,
    stat: Stat,
}

impl CanonicalDiff {
    /// The files that differ, sorted by path, one entry a path.
    pub fn files(&self) -> &[FileResult] {
        &self.files
    }

    /// The diff. `git apply` takes it as it is.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The SHA-256 of [`Self::bytes`]: what an approval names.
    pub fn sha256(&self) -> &Sha256 {
        &self.sha256
    }

    /// How much changes.
    pub fn stat(&self) -> &Stat {
        &self.stat
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The lines that come and go, file by file, in the order of [`Self::files`].
    pub fn touched(&self) -> impl Iterator<Item = Touched<'_>> {
        self.files.iter().map(Touched::of)
    }
}

/// The lines of one file that come and go. Binary files have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched<'a> {
    /// The file.
    pub file: &'a FileResult,
    /// Added lines: number in the new file (from 1), and bytes with the line end.
    pub added: Vec<(u32, &'a [u8])>,
    /// Removed lines: number in the old file (from 1), and bytes with the line end.
    pub removed: Vec<(u32, &'a [u8])>,
}

impl<'a> Touched<'a> {
    fn of(file: &'a FileResult) -> Self {
        let bytes = |side: &'a Option<BaseFile>| side.as_ref().map_or(&b""[..], |file| &file.bytes);
        let (old, new) = (bytes(&file.before), bytes(&file.after));
        let mut touched = Self { file, added: Vec::new(), removed: Vec::new() };
        if old.contains(&0) || new.contains(&0) {
            return touched;
        }
        let window = Window::of(old, new, 0);
        for change in changes(&window.old, &window.new) {
            touched.removed.extend(numbered(&window.old, change.old, window.skipped));
            touched.added.extend(numbered(&window.new, change.new, window.skipped));
        }
        touched
    }
}

fn numbered<'a>(lines: &[&'a [u8]], range: Range<usize>, skipped: usize) -> Vec<(u32, &'a [u8])> {
    range.map(|index| (u32::try_from(index + skipped + 1).unwrap_or(u32::MAX), lines[index])).collect()
}

/// How much a change touches. A rename counts as all lines removed and all lines added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    /// Files that differ.
    pub files: u32,
    /// Lines added.
    pub added: u32,
    /// Lines removed.
    pub deleted: u32,
    /// The same by file, sorted by path.
    pub per_file: Vec<FileStat>,
}

impl Stat {
    /// Lines added and removed.
    pub fn changed(&self) -> u32 {
        self.added.saturating_add(self.deleted)
    }
}

/// How much of one file changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStat {
    /// The path.
    pub path: String,
    /// Lines added.
    pub added: u32,
    /// Lines removed.
    pub deleted: u32,
}

/// Writes the canonical diff of these files; entries that do not differ are left out, the rest is sorted.
///
/// Also the way for providers that give whole files or edit a tree: `before` and `after` are all that counts. The
/// same files always give the same bytes. Time is bounded (see `diff`): a huge rewrite may come out as one hunk.
pub fn emit(files: Vec<FileResult>) -> CanonicalDiff {
    let mut files: Vec<FileResult> = files.into_iter().filter(|file| file.before != file.after).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut bytes = Vec::new();
    let mut stat = Stat::default();
    for file in &files {
        let (added, deleted) = write_file(&mut bytes, file);
        stat.files += 1;
        stat.added = stat.added.saturating_add(added);
        stat.deleted = stat.deleted.saturating_add(deleted);
        stat.per_file.push(FileStat { path: file.path.to_string(), added, deleted });
    }
    CanonicalDiff { sha256: Sha256::of(&bytes), files, bytes, stat }
}

/// Writes one file's sections; git cannot say in one section that a file becomes a link.
fn write_file(out: &mut Vec<u8>, file: &FileResult) -> (u32, u32) {
    let path = file.path.as_str();
    match (&file.before, &file.after) {
        (Some(before), Some(after)) if before.mode.is_other_type(after.mode) => {
            let (_, deleted) = write_section(out, path, Some(before), None);
            let (added, _) = write_section(out, path, None, Some(after));
            (added, deleted)
        }
        (before, after) => write_section(out, path, before.as_ref(), after.as_ref()),
    }
}

fn write_section(
    out: &mut Vec<u8>,
    path: &str,
    before: Option<&BaseFile>,
    after: Option<&BaseFile>,
) -> (u32, u32) {
    let (old_name, new_name) = (quote(&format!("a/{path}")), quote(&format!("b/{path}")));
    line(out, &format!("diff --git {old_name} {new_name}"));
    match (before, after) {
        (None, Some(after)) => line(out, &format!("new file mode {}", after.mode.octal())),
        (Some(before), None) => line(out, &format!("deleted file mode {}", before.mode.octal())),
        (Some(before), Some(after)) if before.mode != after.mode => {
            line(out, &format!("old mode {}", before.mode.octal()));
            line(out, &format!("new mode {}", after.mode.octal()));
        }
        _ => {}
    }
    let (old, new) =
        (before.map_or(&b""[..], |file| &file.bytes), after.map_or(&b""[..], |file| &file.bytes));
    if old == new {
        return (0, 0);
    }
    if old.contains(&0) || new.contains(&0) {
        write_binary(out, before, after);
        return (0, 0);
    }
    line(out, &format!("--- {}", before.map_or("/dev/null".to_owned(), |_| in_header(old_name))));
    line(out, &format!("+++ {}", after.map_or("/dev/null".to_owned(), |_| in_header(new_name))));
    write_hunks(out, &Window::of(old, new, CONTEXT))
}

/// Both contents in full: git applies a binary change only so, and so do we when the record is read again.
fn write_binary(out: &mut Vec<u8>, before: Option<&BaseFile>, after: Option<&BaseFile>) {
    let id = |file: Option<&BaseFile>| file.map_or("0".repeat(40), |file| blob_id(&file.bytes));
    line(out, &format!("index {}..{}", id(before), id(after)));
    line(out, "GIT binary patch");
    for side in [after, before] {
        binary::write(out, side.map_or(&b""[..], |file| &file.bytes));
    }
}

/// A name with a blank is followed by a tab, so that readers know where it ends.
fn in_header(name: String) -> String {
    if name.contains(' ') && !name.starts_with('"') { name + "\t" } else { name }
}

fn line(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
}

/// Writes the hunks and gives the numbers of added and removed lines.
fn write_hunks(out: &mut Vec<u8>, window: &Window<'_>) -> (u32, u32) {
    let changes = changes(&window.old, &window.new);
    let close = |a: &Change, b: &Change| b.old.start - a.old.end <= 2 * CONTEXT;
    for group in changes.chunk_by(close) {
        write_hunk(out, group, window);
    }
    let sum = |lines: &dyn Fn(&Change) -> usize| {
        u32::try_from(changes.iter().map(lines).sum::<usize>()).unwrap_or(u32::MAX)
    };
    (sum(&|change| change.new.len()), sum(&|change| change.old.len()))
}

fn write_hunk(out: &mut Vec<u8>, group: &[Change], window: &Window<'_>) {
    let (old, new) = (&window.old, &window.new);
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return };
    let front = first.old.start.min(CONTEXT);
    let back = (old.len() - last.old.end).min(CONTEXT);
    let old_range = first.old.start - front..last.old.end + back;
    let new_range = first.new.start - front..last.new.end + back;
    line(out, &format!("@@ -{} +{} @@", range(&window.shift(&old_range)), range(&window.shift(&new_range))));
    let mut at = old_range.start;
    for change in group {
        write_lines(out, b' ', &old[at..change.old.start]);
        write_lines(out, b'-', &old[change.old.clone()]);
        write_lines(out, b'+', &new[change.new.clone()]);
        at = change.old.end;
    }
    write_lines(out, b' ', &old[at..old_range.end]);
}

/// A range as a hunk's header names it: an empty one by the line before it, a count of one not at all.
fn range(range: &Range<usize>) -> String {
    match range.len() {
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        count => format!("{},{count}", range.start + 1),
    }
}

fn write_lines(out: &mut Vec<u8>, prefix: u8, lines: &[&[u8]]) {
    for text in lines {
        out.push(prefix);
        out.extend_from_slice(text);
        if !text.ends_with(b"\n") {
            out.extend_from_slice(b"\n\\ No newline at end of file\n");
        }
    }
}
