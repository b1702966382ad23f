//! What is wrong with a patch, as data: a stable code, where it is, and what stands there instead.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::paths::PathProblem;

/// One reason why a patch cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchFinding {
    /// The stable code.
    pub code: PatchCode,
    /// The file, as the patch names it (control characters escaped, cut at 200 characters).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The hunk's number within its file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hunk: Option<u32>,
    /// The line in the patch's text, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What was found, in words.
    pub detail: String,
    /// For a hunk that does not fit: the first line that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<Box<Mismatch>>,
}

/// The first line of a hunk that differs from the base at the place where the hunk comes nearest to fitting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// The line of the base (from 1) where the hunk would begin.
    pub nearest: u32,
    /// The line of the base (from 1) that differs; one past the end when the file is too short.
    pub base_line: u32,
    /// What the hunk expects there (escaped, cut at 200 characters).
    pub expected: String,
    /// What stands there; none past the end of the file.
    pub found: Option<String>,
}

impl PatchFinding {
    pub(super) fn new(code: PatchCode, detail: impl Into<String>) -> Self {
        Self { code, path: None, hunk: None, line: None, detail: detail.into(), mismatch: None }
    }

    pub(super) fn at(mut self, line: u32) -> Self {
        self.line = Some(line);
        self
    }

    pub(super) fn of(mut self, path: impl fmt::Display) -> Self {
        self.path = Some(shown(path.to_string().as_bytes()));
        self
    }

    pub(super) fn in_hunk(mut self, hunk: u32) -> Self {
        self.hunk = Some(hunk);
        self
    }

    /// The strictest class among these findings; none when there are none.
    pub fn worst(findings: &[Self]) -> Option<Class> {
        findings.iter().map(|finding| finding.code.class()).max()
    }
}

impl fmt::Display for PatchFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{path}: ")?;
        }
        if let Some(hunk) = self.hunk {
            write!(f, "hunk {hunk}: ")?;
        }
        if let (Some(line), None) = (self.line, self.hunk) {
            write!(f, "patch line {line}: ")?;
        }
        write!(f, "{} [{}]", self.detail, self.code)?;
        let Some(m) = &self.mismatch else { return Ok(()) };
        write!(
            f,
            "; nearest place: line {}; line {} should be \"{}\" and ",
            m.nearest, m.base_line, m.expected
        )?;
        match &m.found {
            Some(found) => write!(f, "is \"{found}\""),
            None => write!(f, "is past the end of the file"),
        }
    }
}

/// Who is to act on a finding. Ordered: the last one wins when several are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing would change.
    NoChange,
    /// It reads well and does not fit the base: ask again with the base in view.
    Conflict,
    /// It is no usable patch: ask again.
    Malformed,
    /// It is something that must not be done; asking again does not help.
    Refused,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $class:ident $text:literal,)*) => {
        /// The stable code of a finding. The text form (kebab-case) is what JSON and messages show.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum PatchCode {
            $($(#[$doc])* $name,)*
        }

        impl PatchCode {
            /// All codes, in the order of the manual.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Who is to act on it.
            pub fn class(self) -> Class {
                match self {
                    $(Self::$name => Class::$class,)*
                }
            }

            /// The code as text.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    /// Nothing but white space.
    Empty NoChange "empty",
    /// It applies and changes nothing.
    NoEffect NoChange "no-effect",
    /// No section of a diff was found.
    NotAPatch Malformed "not-a-patch",
    /// A form of patch that is not read here.
    UnsupportedFormat Malformed "unsupported-format",
    /// A file is named and nothing is done to it.
    NoHunks Malformed "no-hunks",
    /// The lines that name a file contradict each other or cannot be read.
    BadHeader Malformed "bad-header",
    /// A hunk's `@@` line cannot be read.
    BadHunkHeader Malformed "bad-hunk-header",
    /// A hunk has more or fewer lines than its header says.
    BadHunkCount Malformed "bad-hunk-count",
    /// A line within a hunk is neither context nor added nor removed.
    BadHunkLine Malformed "bad-hunk-line",
    /// Binary content that cannot be unpacked, or leads nowhere.
    BadBinary Malformed "bad-binary",
    /// It ends before its own end mark.
    Truncated Malformed "truncated",
    /// Two forms of patch in one text.
    MixedForms Malformed "mixed-forms",
    /// A line stands for others that are left out.
    Elided Malformed "elided",
    /// A hunk stands before any file is named.
    HunkWithoutFile Malformed "hunk-without-file",
    /// A hunk's text stands nowhere in the file.
    ContextMismatch Conflict "context-mismatch",
    /// A hunk's text stands in several places.
    Ambiguous Conflict "ambiguous",
    /// Two hunks change the same lines.
    OverlappingHunks Conflict "overlapping-hunks",
    /// A hunk that fits but for white space or outer context stands before the hunk that precedes it.
    HunkOrder Conflict "hunk-order",
    /// A file that is to be changed is not there.
    MissingFile Conflict "missing-file",
    /// A file that is to be made is already there.
    AlreadyExists Conflict "already-exists",
    /// A file stands where a folder is needed, or the other way round.
    DirFileConflict Conflict "dir-file-conflict",
    /// The mode that the patch names is not the file's.
    ModeMismatch Conflict "mode-mismatch",
    /// The search for a place was given up: the file repeats itself too much.
    TooMuchWork Conflict "too-much-work",
    /// Larger than the limit.
    TooLarge Refused "too-large",
    /// More files than the limit.
    TooManyFiles Refused "too-many-files",
    /// More hunks than the limit.
    TooManyHunks Refused "too-many-hunks",
    /// A line longer than the limit.
    LineTooLong Refused "line-too-long",
    /// A path leads out of the tree, or is not in its shortest form.
    PathTraversal Refused "path-traversal",
    /// A path starts at the root of a file system or of a drive.
    AbsolutePath Refused "absolute-path",
    /// A path that some file system takes for git's own folder.
    DotGitPath Refused "dot-git-path",
    /// A path with a control character.
    ControlCharPath Refused "control-char-path",
    /// A path with characters that change the direction of text or cannot be seen.
    BidiPath Refused "bidi-path",
    /// A path that is not UTF-8.
    NonUtf8Path Refused "non-utf8-path",
    /// A path with a backslash.
    BackslashPath Refused "backslash-path",
    /// A path that is too long or too deep.
    PathTooLong Refused "path-too-long",
    /// A mode that no file can have.
    BadMode Refused "bad-mode",
    /// Two sections of the patch speak about the same file in ways that depend on their order.
    DuplicateSection Refused "duplicate-section",
    /// A path goes through a symbolic link.
    SymlinkInPath Refused "symlink-in-path",
    /// A submodule is made, moved or removed.
    Submodule Refused "submodule",
    /// A binary file is changed.
    Binary Refused "binary",
    /// A text with a zero byte.
    NulInText Refused "nul-in-text",
    /// The base could not be read.
    BaseUnreadable Refused "base-unreadable",
}

impl fmt::Display for PatchCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<PathProblem> for PatchCode {
    fn from(problem: PathProblem) -> Self {
        match problem {
            PathProblem::Empty | PathProblem::Traversal => Self::PathTraversal,
            PathProblem::Absolute => Self::AbsolutePath,
            PathProblem::DotGit => Self::DotGitPath,
            PathProblem::Control => Self::ControlCharPath,
            PathProblem::Invisible => Self::BidiPath,
            PathProblem::NotUtf8 => Self::NonUtf8Path,
            PathProblem::Backslash => Self::BackslashPath,
            PathProblem::TooLong => Self::PathTooLong,
        }
    }
}

/// Bytes as one line that is safe to print: control and invisible characters escaped, cut at 200 characters.
pub(super) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(1_000)]);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let mut out = String::new();
    for (count, ch) in text.chars().enumerate() {
        if count == 200 {
            out.push('…');
            break;
        }
        if ch == '\t' || !(ch.is_control() || super::paths::is_invisible(ch)) {
            out.push(ch);
        } else {
            out.extend(ch.escape_unicode());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codes_json_form_is_its_text_form() {
        for code in PatchCode::ALL {
            assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{code}\""));
        }
    }

    #[test]
    fn what_is_shown_cannot_steer_a_terminal() {
        assert_eq!(shown("a\x1b[2Jb\u{202e}c\n".as_bytes()), "a\\u{1b}[2Jb\\u{202e}c");
        assert_eq!(shown(&[b'x'; 5_000]).chars().count(), 201);
    }
}
