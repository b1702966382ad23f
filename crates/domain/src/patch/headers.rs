//! The lines between `diff --git` (or `---`) and the first hunk: which file, and what is done to it.
//! They are only read here; whether they contradict each other is judged in [`Header::resolve`].

use super::finding::{PatchCode, PatchFinding, shown};
use super::lines::{Lines, trim_end};
use super::paths::{self, RepoPath};
use super::quote::unquote;
use super::{FileChange, FileMode, FilePatch, Tolerance};

/// A name as a header gives it, unquoted, still with its prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    DevNull,
    Path(Vec<u8>),
}

/// Everything that the headers of one section say.
#[derive(Debug, Default)]
pub(super) struct Header {
    line: u32,
    git: Option<(Name, Name)>,
    minus: Option<Name>,
    plus: Option<Name>,
    from: Option<(FileChange, Vec<u8>)>,
    to: Option<(FileChange, Vec<u8>)>,
    old_mode: Option<String>,
    new_mode: Option<String>,
    created: bool,
    deleted: bool,
    /// A `GIT binary patch` or `Binary files differ` follows, on this line.
    pub(super) binary: Option<(u32, Binary)>,
    /// The two ids of the `index` line, when both are there in full.
    pub(super) blobs: Option<(String, String)>,
    unreadable: Option<u32>,
}

/// Which way a binary change is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binary {
    /// With its content.
    Data,
    /// As a remark that the files differ.
    Remark,
}

/// Reads the headers of the section that begins at the cursor.
pub(super) fn read(lines: &mut Lines<'_>) -> Header {
    let mut header = Header { line: lines.number(), ..Header::default() };
    if let Some(names) = lines.peek().and_then(|line| trim_end(line).strip_prefix(b"diff --git ".as_slice()))
    {
        header.git = git_names(names);
        lines.take();
        while let Some(line) = lines.peek() {
            let number = lines.number();
            if !header.read_extended(trim_end(line), number) {
                break;
            }
            lines.take();
        }
    }
    header.read_names(lines);
    header
}

impl Header {
    /// Takes a line of git's extended header; false when it is none.
    fn read_extended(&mut self, line: &[u8], number: u32) -> bool {
        let value = |key: &str| line.strip_prefix(key.as_bytes());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if let Some(mode) = value("old mode ") {
            self.old_mode = Some(text(mode));
        } else if let Some(mode) = value("new mode ") {
            self.new_mode = Some(text(mode));
        } else if let Some(mode) = value("deleted file mode ") {
            (self.deleted, self.old_mode) = (true, Some(text(mode)));
        } else if let Some(mode) = value("new file mode ") {
            (self.created, self.new_mode) = (true, Some(text(mode)));
        } else if let Some(name) = value("rename from ").or_else(|| value("rename old ")) {
            self.from = self.whole_name(name, number).map(|name| (FileChange::Rename, name));
        } else if let Some(name) = value("rename to ").or_else(|| value("rename new ")) {
            self.to = self.whole_name(name, number).map(|name| (FileChange::Rename, name));
        } else if let Some(name) = value("copy from ") {
            self.from = self.whole_name(name, number).map(|name| (FileChange::Copy, name));
        } else if let Some(name) = value("copy to ") {
            self.to = self.whole_name(name, number).map(|name| (FileChange::Copy, name));
        } else if let Some(ids) = value("index ") {
            // Models invent the ids, so for a text the hunks decide. Binary data have nothing else to be known by.
            self.blobs = full_ids(&text(ids));
            if let (None, Some(mode)) = (&self.old_mode, ids.split(|b| *b == b' ').nth(1)) {
                self.old_mode = Some(text(mode));
            }
        } else if line.starts_with(b"GIT binary patch") {
            self.binary = Some((number, Binary::Data));
            return false;
        } else if line.starts_with(b"Binary files ") {
            self.binary = Some((number, Binary::Remark));
        } else {
            return value("similarity index ").or_else(|| value("dissimilarity index ")).is_some();
        }
        true
    }

    /// Takes the `---` and `+++` lines, if they come next.
    fn read_names(&mut self, lines: &mut Lines<'_>) {
        if !super::lines::starts_section(lines) || lines.peek().is_some_and(|l| l.starts_with(b"diff ")) {
            return;
        }
        for slot in [&mut self.minus, &mut self.plus] {
            let number = lines.number();
            let Some(line) = lines.take() else { return };
            *slot = file_name(&trim_end(line)[4..]);
            if slot.is_none() {
                self.unreadable = Some(number);
            }
        }
    }

    /// A name that takes up the rest of its line and has no prefix.
    fn whole_name(&mut self, text: &[u8], number: u32) -> Option<Vec<u8>> {
        if !text.starts_with(b"\"") {
            return Some(text.to_vec());
        }
        let name = unquote(text).filter(|(_, rest)| rest.is_empty()).map(|(name, _)| name);
        if name.is_none() {
            self.unreadable = Some(number);
        }
        name
    }

    /// What the headers say, when they agree with each other and name paths and modes that may be.
    ///
    /// # Errors
    /// Every problem found, none with a hunk.
    pub(super) fn resolve(&self, tolerance: Tolerance) -> Result<FilePatch, Vec<PatchFinding>> {
        let mut findings = Vec::new();
        let bad = |detail: &str| PatchFinding::new(PatchCode::BadHeader, detail).at(self.line);
        if let Some(line) = self.unreadable {
            findings.push(bad("a file's name has a quote that is not closed or an unknown escape").at(line));
        }
        let (old, new) = self.names();
        let paths = [&old, &new].map(|name| match name {
            Some(Name::Path(bytes)) => self.path(bytes, &mut findings),
            _ => None,
        });
        // Both sides usually have the same name and so the same fault.
        findings.dedup();
        let modes = [&self.old_mode, &self.new_mode].map(|mode| self.mode(mode.as_deref(), &mut findings));
        if !findings.is_empty() {
            return Err(findings);
        }
        let change = self.change(&old, &new).map_err(|detail| vec![bad(detail)])?;
        let [mut old_path, mut new_path] = paths;
        match change {
            FileChange::Create => old_path = None,
            FileChange::Delete => new_path = None,
            FileChange::Modify if old_path != new_path => {
                return Err(vec![bad(
                    "the old and the new name differ and nothing says that it is a rename",
                )]);
            }
            FileChange::Modify | FileChange::Rename | FileChange::Copy => {}
        }
        if tolerance == Tolerance::Strict {
            self.check_git_line(&old_path, &new_path).map_err(|detail| vec![bad(detail)])?;
        }
        if old_path.is_none() && new_path.is_none() {
            return Err(vec![bad("no file is named")]);
        }
        let [old_mode, new_mode] = modes;
        Ok(FilePatch { old_path, new_path, old_mode, new_mode, ..FilePatch::new(change, self.line) })
    }

    /// The two names with their prefixes off: from the rename lines, else `---` and `+++`, else `diff --git`.
    fn names(&self) -> (Option<Name>, Option<Name>) {
        if let (Some((_, from)), Some((_, to))) = (&self.from, &self.to) {
            return (Some(Name::Path(from.clone())), Some(Name::Path(to.clone())));
        }
        match (&self.minus, &self.plus, &self.git) {
            (Some(minus), Some(plus), _) => strip_prefixes(minus, plus),
            (_, _, Some((old, new))) => strip_prefixes(old, new),
            _ => (None, None),
        }
    }

    fn path(&self, bytes: &[u8], findings: &mut Vec<PatchFinding>) -> Option<RepoPath> {
        paths::check(bytes)
            .map_err(|problem| {
                let code = PatchCode::from(problem);
                findings.push(PatchFinding::new(code, problem.to_string()).at(self.line).of(shown(bytes)));
            })
            .ok()
    }

    fn mode(&self, text: Option<&str>, findings: &mut Vec<PatchFinding>) -> Option<FileMode> {
        let text = text?;
        let mode = FileMode::from_octal(text);
        if mode.is_none() {
            let detail = format!("{:?} is not the mode of a file", shown(text.as_bytes()));
            findings.push(PatchFinding::new(PatchCode::BadMode, detail).at(self.line));
        }
        if mode == Some(FileMode::Gitlink) {
            let detail = "a submodule is not changed by a patch";
            findings.push(PatchFinding::new(PatchCode::Submodule, detail).at(self.line));
        }
        mode
    }

    fn change(&self, old: &Option<Name>, new: &Option<Name>) -> Result<FileChange, &'static str> {
        let moved = match (&self.from, &self.to) {
            (None, None) => None,
            (Some((from, _)), Some((to, _))) if from == to => Some(*from),
            _ => return Err("a rename or copy names only one side"),
        };
        let created = self.created || *old == Some(Name::DevNull);
        let deleted = self.deleted || *new == Some(Name::DevNull);
        match (created, deleted, moved) {
            (false, false, moved) => Ok(moved.unwrap_or(FileChange::Modify)),
            (true, false, None) => Ok(FileChange::Create),
            (false, true, None) => Ok(FileChange::Delete),
            _ => Err("the file is made, removed or renamed at the same time"),
        }
    }

    /// In strict reading the names of `diff --git`, where they can be told apart, are those of the section.
    fn check_git_line(&self, old: &Option<RepoPath>, new: &Option<RepoPath>) -> Result<(), &'static str> {
        let Some((git_old, git_new)) = &self.git else { return Ok(()) };
        let (git_old, git_new) = strip_prefixes(git_old, git_new);
        let differs = |path: &Option<RepoPath>, name: &Option<Name>| match (path, name) {
            (Some(path), Some(Name::Path(bytes))) => path.as_str().as_bytes() != bytes.as_slice(),
            _ => false,
        };
        if differs(old, &git_old) || differs(new, &git_new) {
            return Err("the names of the diff --git line are not those of the lines below it");
        }
        Ok(())
    }
}

/// `old..new`, when each is a whole SHA-1.
fn full_ids(text: &str) -> Option<(String, String)> {
    let is_full = |id: &str| id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (old, new) = text.split(' ').next()?.split_once("..")?;
    (is_full(old) && is_full(new)).then(|| (old.to_ascii_lowercase(), new.to_ascii_lowercase()))
}

/// Pairs of prefixes that git writes: plain, and with `diff.mnemonicPrefix`.
const PREFIXES: [(&[u8], &[u8]); 6] =
    [(b"a/", b"b/"), (b"b/", b"a/"), (b"i/", b"w/"), (b"c/", b"i/"), (b"c/", b"w/"), (b"o/", b"w/")];

/// Takes a known pair of prefixes off; names without such a pair have none. Beside `/dev/null` only `a/` and `b/`
/// count: the other letters are as likely to be folders.
fn strip_prefixes(old: &Name, new: &Name) -> (Option<Name>, Option<Name>) {
    let cut = |name: &[u8], prefix: &[u8]| name.strip_prefix(prefix).map(|rest| Name::Path(rest.to_vec()));
    let single = |name: &[u8]| {
        cut(name, b"a/").or_else(|| cut(name, b"b/")).unwrap_or_else(|| Name::Path(name.to_vec()))
    };
    match (old, new) {
        (Name::Path(old), Name::Path(new)) => {
            let pair = PREFIXES.iter().find_map(|(a, b)| Some((cut(old, a)?, cut(new, b)?)));
            let (old, new) = pair.unwrap_or_else(|| (Name::Path(old.clone()), Name::Path(new.clone())));
            (Some(old), Some(new))
        }
        (Name::DevNull, Name::Path(new)) => (Some(Name::DevNull), Some(single(new))),
        (Name::Path(old), Name::DevNull) => (Some(single(old)), Some(Name::DevNull)),
        (Name::DevNull, Name::DevNull) => (Some(Name::DevNull), Some(Name::DevNull)),
    }
}

/// The name in a `---` or `+++` line: quoted, or up to the tab before a time.
fn file_name(text: &[u8]) -> Option<Name> {
    if text.starts_with(b"\"") {
        let (name, rest) = unquote(text)?;
        let ends = rest.is_empty() || rest.starts_with(b"\t") || rest.starts_with(b" ");
        return ends.then_some(Name::Path(name));
    }
    let name = text.split(|byte| *byte == b'\t').next().unwrap_or_default();
    Some(if name == b"/dev/null" { Name::DevNull } else { Name::Path(name.to_vec()) })
}

/// The two names of a `diff --git` line. Without quotes they can only be told apart when they are the same but
/// for the prefix; otherwise other lines must name the files, as for git itself.
fn git_names(text: &[u8]) -> Option<(Name, Name)> {
    let named = |bytes: Vec<u8>| Name::Path(bytes);
    if text.starts_with(b"\"") {
        let (old, rest) = unquote(text)?;
        let rest = rest.strip_prefix(b" ")?;
        let new = if rest.starts_with(b"\"") { unquote(rest)?.0 } else { rest.to_vec() };
        return Some((named(old), named(new)));
    }
    let middle = text.len() / 2;
    let (old, new) = (text.get(..middle)?, text.get(middle + 1..)?);
    let same = old.get(2..) == new.get(2..) || old == new;
    (text.get(middle) == Some(&b' ') && same).then(|| (named(old.to_vec()), named(new.to_vec())))
}
