//! A small change written down in a rule file, and what the gate says of it.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{GateInput, GatePolicy, Rule, Scope, Verdict, judge};
use crate::ids::{Sha256, TreeId};
use crate::patch::{self, Base, BaseError, BaseFile, FileMode, FileResult, How, RepoPath};
use crate::task::Kind;

/// The tree id that examples are judged under: that of git's empty tree.
const NO_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// A change with what it is judged by.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The files.
    pub change: Vec<ExampleFile>,
    /// Where the task comes from: `finding`, or a request when it is not said.
    #[serde(default, skip_serializing_if = "is_request")]
    pub scope: ExampleScope,
    /// The gate's values; the built-in ones when not said.
    #[serde(default, skip_serializing_if = "is_default")]
    pub policy: GatePolicy,
    /// The weakest step by which a hunk found its place; `exact` when not said.
    #[serde(default = "exact", skip_serializing_if = "is_exact")]
    pub anchor: How,
    /// Other files that are in the base.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub base: Vec<RepoPath>,
    /// That the base's folders cannot be listed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unreadable: bool,
    /// What must follow where it is not the rule's usual verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// One file of an example, before and after.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleFile {
    /// The path; `{n}` stands for the number of the copy.
    pub path: String,
    /// The content before; none for a new file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The content afterwards; none for a deleted file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The sort of file before.
    #[serde(default, skip_serializing_if = "is_regular")]
    pub was: ExampleMode,
    /// The sort of file afterwards.
    #[serde(default, skip_serializing_if = "is_regular")]
    pub mode: ExampleMode,
    /// How often each content is repeated.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub times: usize,
    /// How many such files there are.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub copies: usize,
}

/// The sort of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExampleMode {
    /// An ordinary file.
    #[default]
    Regular,
    /// One that can be started.
    Executable,
    /// A symbolic link.
    Symlink,
    /// A submodule.
    Submodule,
}

/// Where an example's task comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExampleScope {
    /// A linter's finding.
    Finding,
    /// A request in words.
    #[default]
    Request,
}

fn once() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_once(count: &usize) -> bool {
    *count == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_regular(mode: &ExampleMode) -> bool {
    *mode == ExampleMode::Regular
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_request(scope: &ExampleScope) -> bool {
    *scope == ExampleScope::Request
}

fn exact() -> How {
    How::Exact
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_exact(anchor: &How) -> bool {
    *anchor == How::Exact
}

fn is_default(policy: &GatePolicy) -> bool {
    *policy == GatePolicy::default()
}

impl Example {
    /// What is wrong with it as an example of this rule: none when the rule speaks exactly if it should, and with
    /// this verdict (or the example's own).
    pub(super) fn problem(&self, rule: Rule, usual: Verdict, wanted: bool) -> Option<String> {
        let verdicts = match self.verdicts(rule) {
            Ok(verdicts) => verdicts,
            Err(problem) => return Some(problem),
        };
        let due = self.verdict.unwrap_or(usual);
        match (wanted, verdicts.iter().max()) {
            (true, None) => Some("the rule does not find it".to_owned()),
            (true, Some(found)) if *found != due => Some(format!("the verdict is {found} and not {due}")),
            (false, Some(found)) => Some(format!("the rule finds it ({found})")),
            _ => None,
        }
    }

    /// The verdicts of this rule's findings.
    fn verdicts(&self, rule: Rule) -> Result<Vec<Verdict>, String> {
        let mut files = Vec::new();
        for file in &self.change {
            for copy in 1..=file.copies {
                files.push(file.result(copy)?);
            }
        }
        let base = ExampleBase::of(self, &files);
        let diff = patch::emit(files);
        if diff.is_empty() {
            return Err("it changes nothing".to_owned());
        }
        let base_tree: TreeId = NO_TREE.parse().map_err(|_| "no tree".to_owned())?;
        let scope = match self.scope {
            ExampleScope::Finding => Scope::Finding,
            ExampleScope::Request => Scope::Request(Kind::Fix),
        };
        let input = GateInput {
            diff: &diff,
            anchor: self.anchor,
            base_tree: &base_tree,
            base: &base,
            scope,
            policy: &self.policy,
            policy_hash: &Sha256::of(b"example"),
        };
        let (judgement, _) = judge(&input);
        let of_rule = judgement.findings.iter().filter(|finding| finding.rule == rule);
        Ok(of_rule.map(|finding| finding.verdict).collect())
    }
}

impl ExampleFile {
    fn result(&self, copy: usize) -> Result<FileResult, String> {
        let path = self.path.replace("{n}", &copy.to_string());
        let path = path.parse::<RepoPath>().map_err(|problem| format!("{path:?}: {problem}"))?;
        let side = |text: &Option<String>, mode: ExampleMode| {
            let bytes = text.as_ref()?.repeat(self.times).into_bytes();
            Some(BaseFile { bytes, mode: mode.into() })
        };
        Ok(FileResult::edited(path, side(&self.before, self.was), side(&self.after, self.mode)))
    }
}

impl From<ExampleMode> for FileMode {
    fn from(mode: ExampleMode) -> Self {
        match mode {
            ExampleMode::Regular => Self::Regular,
            ExampleMode::Executable => Self::Executable,
            ExampleMode::Symlink => Self::Symlink,
            ExampleMode::Submodule => Self::Gitlink,
        }
    }
}

/// As a diff of whole files, with what it is judged by where that is not the usual.
impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scope == ExampleScope::Finding {
            writeln!(f, "(the repair of a finding)")?;
        }
        if self.unreadable {
            writeln!(f, "(the base cannot be listed)")?;
        }
        if self.anchor != How::Exact {
            writeln!(f, "(a hunk was placed as {})", self.anchor)?;
        }
        for name in &self.base {
            writeln!(f, "(beside {name})")?;
        }
        self.change.iter().try_for_each(|file| write!(f, "{file}"))
    }
}

impl fmt::Display for ExampleFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match (&self.before, &self.after) {
            (None, _) => "new",
            (_, None) => "deleted",
            _ => "changed",
        };
        write!(f, "{} ({what}", self.path)?;
        if self.copies > 1 {
            write!(f, ", {} such files", self.copies)?;
        }
        if self.mode != self.was && self.after.is_some() {
            write!(f, ", now {}", self.mode.word())?;
        }
        writeln!(f, ")")?;
        let repeated = if self.times > 1 { format!("   ({} times)", self.times) } else { String::new() };
        let (before, after) = (self.before.as_deref().unwrap_or(""), self.after.as_deref().unwrap_or(""));
        let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
        let front = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
        let back =
            old[front..].iter().rev().zip(new[front..].iter().rev()).take_while(|(a, b)| a == b).count();
        for (sign, lines) in [("-", &old[front..old.len() - back]), ("+", &new[front..new.len() - back])] {
            lines.iter().try_for_each(|line| writeln!(f, "  {sign}{}{repeated}", shortened(line)))?;
        }
        Ok(())
    }
}

/// The beginning of a long line, with escapes for what cannot be seen.
fn shortened(line: &str) -> String {
    let shown = |ch: char| {
        let hidden = ch.is_control() && ch != '\t' || patch::paths::is_invisible(ch);
        if hidden { ch.escape_unicode().to_string() } else { ch.to_string() }
    };
    line.chars().take(100).map(shown).collect()
}

impl ExampleMode {
    /// The sort of file in a word.
    fn word(self) -> &'static str {
        match self {
            Self::Regular => "an ordinary file",
            Self::Executable => "executable",
            Self::Symlink => "a symbolic link",
            Self::Submodule => "a submodule",
        }
    }
}

/// The base of an example: the names that it has, and the files that it changes.
struct ExampleBase {
    names: BTreeSet<String>,
    files: Vec<FileResult>,
    unreadable: bool,
}

impl ExampleBase {
    fn of(example: &Example, files: &[FileResult]) -> Self {
        let there = files.iter().filter(|file| file.before.is_some()).map(|file| file.path.to_string());
        let names = example.base.iter().map(ToString::to_string).chain(there).collect();
        Self { names, files: files.to_vec(), unreadable: example.unreadable }
    }

    fn readable(&self) -> Result<(), BaseError> {
        if self.unreadable { Err(BaseError("the example says so".to_owned())) } else { Ok(()) }
    }
}

impl Base for ExampleBase {
    fn file(&self, path: &RepoPath) -> Result<Option<BaseFile>, BaseError> {
        self.readable()?;
        Ok(self.files.iter().find(|file| file.path == *path).and_then(|file| file.before.clone()))
    }

    fn list(&self, folder: Option<&RepoPath>) -> Result<Vec<String>, BaseError> {
        self.readable()?;
        let prefix = folder.map_or(String::new(), |folder| format!("{folder}/"));
        let inside = self.names.iter().filter_map(|name| name.strip_prefix(&prefix));
        let entries: BTreeSet<&str> = inside.filter_map(|rest| rest.split('/').next()).collect();
        Ok(entries.into_iter().map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_written_without_what_is_usual_and_with_all_else() {
        let usual = serde_json::json!({"change": [{"path": "a", "before": "x", "after": "y"}]});
        let policy = GatePolicy { file_bytes: 7, ..GatePolicy::default() };
        let unusual = serde_json::json!({
            "change": [{"path": "a{n}", "before": "x", "was": "executable", "mode": "symlink", "times": 2, "copies": 3}],
            "scope": "finding",
            "policy": policy,
            "anchor": "moved",
            "base": ["b"],
            "unreadable": true,
            "verdict": "pass",
        });
        for written in [usual, unusual] {
            let read: Example = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), written);
        }
    }

    #[test]
    fn an_example_is_shown_as_a_diff_with_what_cannot_be_seen_escaped() {
        let file = |path: &str, before: Option<&str>, after: Option<&str>| ExampleFile {
            path: path.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
            was: ExampleMode::Regular,
            mode: ExampleMode::Regular,
            times: 1,
            copies: 1,
        };
        let long = "x".repeat(120);
        let changed = file("a", Some("1\n2\n3"), Some(&format!("1\n\tb\u{202e}\u{1b}\n{long}\n3")));
        assert_eq!(
            changed.to_string(),
            format!("a (changed)\n  -2\n  +\tb\\u{{202e}}\\u{{1b}}\n  +{}\n", &long[..100])
        );
        let words = [
            (ExampleMode::Executable, "executable"),
            (ExampleMode::Symlink, "a symbolic link"),
            (ExampleMode::Submodule, "a submodule"),
        ];
        for (mode, word) in words {
            let file = ExampleFile { mode, copies: 2, times: 3, ..file("l", None, Some("t")) };
            assert_eq!(file.to_string(), format!("l (new, 2 such files, now {word})\n  +t   (3 times)\n"));
        }
        let plain = ExampleFile { was: ExampleMode::Symlink, ..file("l", Some("t"), Some("u")) };
        assert!(plain.to_string().starts_with("l (changed, now an ordinary file)\n"));
        assert_eq!(file("a", Some("1"), None).to_string(), "a (deleted)\n  -1\n");
    }

    #[test]
    fn an_examples_base_has_the_files_that_it_changes() {
        let example: Example =
            serde_json::from_value(serde_json::json!({"change": [], "base": ["d/b", "e"]})).unwrap();
        let side = Some(BaseFile { bytes: b"x".to_vec(), mode: FileMode::Regular });
        let files = [
            FileResult::edited("d/a".parse().unwrap(), side.clone(), None),
            FileResult::edited("new".parse().unwrap(), None, side.clone()),
        ];
        let base = ExampleBase::of(&example, &files);
        let file = |path: &str| base.file(&path.parse().unwrap());
        assert_eq!((file("d/a"), file("new"), file("other")), (Ok(side), Ok(None), Ok(None)));
        let list =
            |folder: Option<&str>| base.list(folder.map(|path| path.parse().unwrap()).as_ref()).unwrap();
        assert_eq!(
            (list(None), list(Some("d"))),
            (vec!["d".to_owned(), "e".to_owned()], vec!["a".to_owned(), "b".to_owned()])
        );
    }
}
