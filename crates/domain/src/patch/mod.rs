//! The canonical change: a patch as somebody wrote it, read, judged, applied in memory and written again.
//!
//! In the order of the flow: [`read`] (text to values), [`apply`] (values and base to results), [`emit`]
//! (results to the one diff that every later step sees). Nothing here reads a file or a repository: the base is
//! given by the caller through [`Base`].

mod apply;
mod binary;
mod blocks;
mod diff;
mod emit;
mod finding;
mod gather;
mod headers;
mod hunks;
mod indent;
mod lines;
mod mend;
pub mod paths;
mod place;
mod quote;
mod read;
mod scope;
mod search;
mod splice;
mod unified;
mod v4a;
mod whole;
mod window;

#[cfg(test)]
pub(crate) mod tests;

use serde::{Deserialize, Serialize};

pub use apply::{Anchor, Applied, Base, BaseError, BaseFile, FileResult, How, apply};
pub use binary::{BinaryChange, blob_id};
pub use emit::{CanonicalDiff, FileStat, Stat, Touched, emit};
pub use finding::{Class, Mismatch, PatchCode, PatchFinding};
pub use paths::RepoPath;
pub use read::{Form, parse, read};

/// How much is forgiven while a patch is read and placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tolerance {
    /// What `git apply` would read: right counts, one section a file, the old text byte for byte. Moved hunks are
    /// taken when their old text stands in one place only.
    Strict,
    /// What a model may have meant: wrong or missing counts, white space, outer context; each place still unique.
    Lenient,
}

/// How large a patch may be before it is refused unread. Everything is counted on the text as it came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of the whole text.
    pub bytes: usize,
    /// Sections, one a file.
    pub files: usize,
    /// Hunks of all sections.
    pub hunks: usize,
    /// Bytes of one line.
    pub line_bytes: usize,
}

impl Limits {
    /// For our own canonical diffs, read again from the record: whatever was taken once can be read again.
    pub fn canonical() -> Self {
        Self { bytes: 1 << 30, files: 100_000, hunks: 10_000_000, line_bytes: 1 << 30 }
    }
}

impl Default for Limits {
    /// 4 MiB, 1,000 files, 10,000 hunks, lines of 256 KiB: far above what a person can review, far below what
    /// would hurt. Our own choice; the gate's limits are the ones that speak about review.
    fn default() -> Self {
        Self { bytes: 4 << 20, files: 1_000, hunks: 10_000, line_bytes: 256 << 10 }
    }
}

/// A patch that was read, not yet compared with any base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedPatch {
    /// The form in which it was written.
    pub form: Form,
    /// One section a file, sorted by path; the order of the text says nothing.
    pub files: Vec<FilePatch>,
    /// How it was read; [`apply`] places its hunks with the same tolerance.
    pub tolerance: Tolerance,
    /// Lines (from 1) of text that stands outside of every section. They are dropped, never obeyed.
    pub outside: Vec<u32>,
    /// What was mended in the text as a whole while reading.
    pub mended: Vec<PatchMend>,
}

/// Something about the whole text that was mended while reading it leniently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PatchMend {
    /// The headers ended in CR LF: the text had been converted as a whole.
    Crlf,
    /// The line ends were written as a backslash and an `n`.
    EscapedNewlines,
    /// Several sections spoke about the same file.
    MergedSections,
}

/// The section of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePatch {
    /// The file before; none for a new file.
    pub old_path: Option<RepoPath>,
    /// The file after; none for a deleted one.
    pub new_path: Option<RepoPath>,
    /// What happens to it.
    pub change: FileChange,
    /// The mode before, where the text names it.
    pub old_mode: Option<FileMode>,
    /// The mode after, where the text names it.
    pub new_mode: Option<FileMode>,
    /// The hunks in the order of the text.
    pub hunks: Vec<Hunk>,
    /// The new content in place of hunks.
    pub content: Option<Content>,
    /// The first line of the section in the text, from 1.
    pub line: u32,
}

/// The new content of a file that is not told by hunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// All that the file is to hold.
    Text(Vec<u8>),
    /// A binary file's.
    Binary(BinaryChange),
}

impl FilePatch {
    /// A section that begins at this line and names nothing yet.
    fn new(change: FileChange, line: u32) -> Self {
        let (old_path, new_path, old_mode, new_mode, content) = (None, None, None, None, None);
        Self { old_path, new_path, change, old_mode, new_mode, hunks: Vec::new(), content, line }
    }

    /// The path by which messages name the section: the new one, else the old one.
    pub fn path(&self) -> Option<&RepoPath> {
        self.new_path.as_ref().or(self.old_path.as_ref())
    }
}

/// What a section does to its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileChange {
    /// The file is new.
    Create,
    /// The file goes away.
    Delete,
    /// The file stays where it is.
    Modify,
    /// The file gets another path.
    Rename,
    /// The file is also found at another path.
    Copy,
}

/// The modes that git knows for an entry that is not a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileMode {
    /// `100644`
    Regular,
    /// `100755`
    Executable,
    /// `120000`; the content is the target.
    Symlink,
    /// `160000`: a submodule's commit.
    Gitlink,
}

impl FileMode {
    /// The mode as git writes it, in octal.
    pub fn octal(self) -> &'static str {
        match self {
            Self::Regular => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
            Self::Gitlink => "160000",
        }
    }

    /// Reads the octal form; `100664`, which old trees hold, counts as a regular file as it does for git.
    pub fn from_octal(text: &str) -> Option<Self> {
        match text {
            "100644" | "100664" => Some(Self::Regular),
            "100755" => Some(Self::Executable),
            "120000" => Some(Self::Symlink),
            "160000" => Some(Self::Gitlink),
            _ => None,
        }
    }

    /// Whether the two are different sorts of entry, and not only differ in the executable bit.
    pub fn is_other_type(self, other: Self) -> bool {
        let sort = |mode| match mode {
            Self::Regular | Self::Executable => 0,
            Self::Symlink => 1,
            Self::Gitlink => 2,
        };
        sort(self) != sort(other)
    }
}

/// One block of changed lines with its surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Its number within the section, from 1.
    pub number: u32,
    /// The first old line (from 1; 0 for an empty side) that the header claims, if it names one.
    pub old_start: Option<u32>,
    /// The first new line that it claims, in the same way.
    pub new_start: Option<u32>,
    /// Lines of the file under which the hunk says that it stands, from the outermost on: what follows the second
    /// `@@` of a diff (usually a function's head), or each `@@` of the V4A form.
    pub scope: Vec<Vec<u8>>,
    /// Whether it says that it ends the file.
    pub at_end: bool,
    /// The lines, without their prefix and with their line end.
    pub lines: Vec<HunkLine>,
    /// Whether the header's counts fit the lines.
    pub counts: Counts,
    /// The header's line in the text, from 1.
    pub line: u32,
}

impl Hunk {
    /// The lines that must stand in the base: context and removed ones.
    pub fn old_lines(&self) -> impl Iterator<Item = &HunkLine> {
        self.lines.iter().filter(|line| line.kind != LineKind::Add)
    }
}

/// Whether a hunk's header counted its lines right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// As claimed.
    Right,
    /// Claimed otherwise, or not at all; the lines were counted again.
    Recounted,
}

/// One line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HunkLine {
    /// Which side it belongs to.
    pub kind: LineKind,
    /// Its bytes with the final newline; without one where the file ends without one.
    pub text: Vec<u8>,
}

/// Which side a hunk's line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Both.
    Context,
    /// The new side.
    Add,
    /// The old side.
    Remove,
}
