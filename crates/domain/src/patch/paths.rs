//! Paths inside a repository that are safe on every file system that git runs on.
//!
//! This is the wall, not the review: odd but harmless names pass here and are shown to a person by the gate.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest path in bytes: short enough for every file system even below a long folder name.
pub const MAX_BYTES: usize = 1_024;
/// The deepest path in components; none of ours is near it, and deep trees break recursive tools.
pub const MAX_DEPTH: usize = 64;
/// The longest component in bytes, as on ext4, APFS and NTFS.
pub const MAX_COMPONENT: usize = 255;

/// A path relative to the repository's root, with forward slashes, that passed [`check`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoPath(String);

/// Why a text is not a path that a change may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    /// Nothing there.
    #[error("the path is empty")]
    Empty,
    /// `..`, `.`, an empty component, a slash at the end.
    #[error("the path leads out of the tree or is not in its shortest form")]
    Traversal,
    /// A slash or a drive letter at the start.
    #[error("the path is absolute")]
    Absolute,
    /// `.git`, or what NTFS or HFS+ would take for it.
    #[error("the path names git's own folder, or what some file system takes for it")]
    DotGit,
    /// A control character.
    #[error("the path holds a control character")]
    Control,
    /// A character that cannot be seen or changes the direction of text.
    #[error("the path holds a character that cannot be seen or that turns the text's direction")]
    Invisible,
    /// Bytes that are no UTF-8.
    #[error("the path is not UTF-8")]
    NotUtf8,
    /// A backslash, which is a separator on Windows.
    #[error("the path holds a backslash")]
    Backslash,
    /// See [`MAX_BYTES`], [`MAX_DEPTH`], [`MAX_COMPONENT`].
    #[error("the path is too long or too deep")]
    TooLong,
}

/// Judges a path as it stands in a decoded header (quotes and prefixes already taken off).
///
/// # Errors
/// The first problem found; the order of the checks is fixed, so the same path always gives the same answer.
pub fn check(path: &[u8]) -> Result<RepoPath, PathProblem> {
    let text = std::str::from_utf8(path).map_err(|_| PathProblem::NotUtf8)?;
    if text.is_empty() {
        return Err(PathProblem::Empty);
    }
    if text.chars().any(char::is_control) {
        return Err(PathProblem::Control);
    }
    if text.contains('\\') {
        return Err(PathProblem::Backslash);
    }
    if is_absolute(text) {
        return Err(PathProblem::Absolute);
    }
    if text.split('/').any(is_dot_git) {
        return Err(PathProblem::DotGit);
    }
    if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(PathProblem::Traversal);
    }
    if text.chars().any(is_invisible) {
        return Err(PathProblem::Invisible);
    }
    if is_too_long(text) { Err(PathProblem::TooLong) } else { Ok(RepoPath(text.to_owned())) }
}

fn is_absolute(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes[0] == b'/' || (bytes.len() > 1 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':')
}

fn is_too_long(text: &str) -> bool {
    text.len() > MAX_BYTES
        || text.split('/').count() > MAX_DEPTH
        || text.split('/').any(|part| part.len() > MAX_COMPONENT)
}

/// Whether some file system opens git's folder under this name: any case, ignorable characters (HFS+), trailing
/// dots and spaces, a stream after a colon, the short name of 8.3 (NTFS). The rules are git's own
/// (`is_hfs_dotgit`, `is_ntfs_dotgit`), widened to any number after the tilde.
fn is_dot_git(component: &str) -> bool {
    let visible: String = component.chars().filter(|ch| !is_invisible(*ch)).collect();
    let stem =
        visible.split(':').next().unwrap_or_default().trim_end_matches([' ', '.']).to_ascii_lowercase();
    let short = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
    stem == ".git" || stem.strip_prefix("git~").is_some_and(short)
}

/// Characters that have no width or steer the direction of text, and with them the ones that HFS+ ignores.
pub(crate) fn is_invisible(ch: char) -> bool {
    matches!(ch,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

impl RepoPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The folders above it, from the nearest to the outermost; none for a path at the root.
    pub fn folders(&self) -> impl Iterator<Item = RepoPath> {
        let cut = |path: &str| path.rfind('/').map(|at| path[..at].to_owned());
        std::iter::successors(cut(&self.0), move |path| cut(path)).map(RepoPath)
    }

    /// The path of an entry of this folder.
    ///
    /// # Errors
    /// When the result is no path that a change may touch.
    pub fn child(&self, name: &str) -> Result<Self, PathProblem> {
        check(format!("{}/{name}", self.0).as_bytes())
    }
}

impl FromStr for RepoPath {
    type Err = PathProblem;
    fn from_str(text: &str) -> Result<Self, PathProblem> {
        check(text.as_bytes())
    }
}

impl TryFrom<String> for RepoPath {
    type Error = PathProblem;
    fn try_from(text: String) -> Result<Self, PathProblem> {
        check(text.as_bytes())
    }
}

impl From<RepoPath> for String {
    fn from(path: RepoPath) -> String {
        path.0
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_and_odd_but_harmless_paths_pass() {
        for path in [
            "a",
            "src/lib.rs",
            ".github/x",
            "dir with space/ünï.txt",
            ".gitignore",
            "git~",
            "ab:c/d",
            "x/foo.",
            "-rf",
        ] {
            assert_eq!(check(path.as_bytes()).map(String::from), Ok(path.to_owned()));
        }
    }

    #[test]
    fn every_spelling_of_gits_folder_is_refused() {
        for path in [
            ".git",
            ".GIT/config",
            "a/.Git/x",
            ".git /x",
            ".git./x",
            ".git. . ./x",
            "git~1/x",
            "GIT~2/x",
            ".git::$INDEX_ALLOCATION/x",
            ".git:x",
            ".g\u{200d}it/x",
            ".git\u{feff}/x",
            "x/.git",
        ] {
            assert_eq!(check(path.as_bytes()), Err(PathProblem::DotGit), "{path:?}");
        }
    }

    #[test]
    fn ways_out_of_the_tree_are_refused() {
        use PathProblem::*;
        for (path, problem) in [
            ("", Empty),
            ("/etc/passwd", Absolute),
            ("C:/x", Absolute),
            ("c:x", Absolute),
            ("..", Traversal),
            ("a/../b", Traversal),
            ("./a", Traversal),
            ("a//b", Traversal),
            ("a/", Traversal),
            ("a\\b", Backslash),
            ("a\nb", Control),
            ("a\u{7f}", Control),
            ("a\u{85}", Control),
            ("x/\u{202e}txt.exe", Invisible),
        ] {
            assert_eq!(check(path.as_bytes()), Err(problem), "{path:?}");
        }
        assert_eq!(check(b"\xff.txt"), Err(NotUtf8));
        assert_eq!(check("d/".repeat(70).as_bytes().strip_suffix(b"/").unwrap()), Err(TooLong));
        assert_eq!(check("x".repeat(256).as_bytes()), Err(TooLong));
    }

    #[test]
    fn a_path_has_the_longest_that_is_allowed_and_no_more() {
        let path = |part: usize, parts: usize| vec!["x".repeat(part); parts].join("/");
        for (part, parts, fits) in
            [(255, 1, true), (256, 1, false), (1, 64, true), (1, 65, false), (204, 5, true), (205, 5, false)]
        {
            assert_eq!(check(path(part, parts).as_bytes()).is_ok(), fits, "{part} {parts}");
        }
        assert!(check(format!("{}/x", path(204, 5)).as_bytes()).is_err());
        assert_eq!(check(path(200, 5).as_bytes()).map(|p| p.as_str().len()), Ok(1_004));
    }

    #[test]
    fn folders_are_listed_from_the_inside_out() {
        let path: RepoPath = "a/b/c.txt".parse().unwrap();
        assert_eq!(path.folders().map(String::from).collect::<Vec<_>>(), ["a/b", "a"]);
        assert_eq!(path.name(), "c.txt");
    }
}
