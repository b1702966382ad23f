//! The files that a scan looks at, and the scan itself: in parallel, and in the order of the paths.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use codemods::{Context, RuleSet};
use domain::finding::Finding;
use domain::ids::{BlobId, TreeId};
use engine::Project;
use git::Repository;

use crate::error::Failure;

/// No source file that a rule reads is larger, in bytes.
const FILE_CAP: u64 = 5 << 20;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The findings, by path, line and column.
    pub(crate) findings: Vec<Finding>,
    /// How many files were looked at.
    pub(crate) files: usize,
    /// Files that no rule could read, with the reason.
    pub(crate) unread: Vec<(String, String)>,
}

/// Where the text of a file comes from.
enum Text {
    Blob(BlobId),
    Disk(PathBuf),
}

/// Which files, and which rules.
pub(crate) struct Wanted<'a> {
    /// Files and folders below the repository's root; all when empty.
    pub(crate) paths: Vec<String>,
    /// Rule codes; all when empty.
    pub(crate) select: &'a [String],
    /// Whether tracked files are read from the disk instead of from the base.
    pub(crate) working_tree: bool,
}

/// Scans the files of the base, or the tracked files as they are on disk.
pub(crate) fn scan(project: &Project, wanted: &Wanted<'_>) -> Result<Found, Failure> {
    known_codes(&project.rules, wanted.select)?;
    let files = list(&project.repository, &project.base.tree, wanted)?;
    if files.is_empty() && !wanted.paths.is_empty() {
        let paths = wanted.paths.join(", ");
        return Err(Failure::usage(format!(
            "no file that a rule reads is at {paths} in the commit that HEAD names"
        ))
        .hint("paths are those of committed files; `codex-task scan` without paths looks at all of them"));
    }
    let only = (!wanted.select.is_empty()).then_some(wanted.select);
    Ok(in_parallel(&project.repository, &project.rules, &files, only))
}

/// The wanted paths as they are inside the repository: relative to the folder that the caller stands in.
pub(crate) fn inside(
    repository: &Repository,
    folder: &Path,
    paths: &[String],
) -> Result<Vec<String>, Failure> {
    paths.iter().map(|path| one_inside(repository, folder, path)).collect()
}

/// One path as it is inside the repository. Lexical: the file need not be on disk.
pub(crate) fn one_inside(repository: &Repository, folder: &Path, path: &str) -> Result<String, Failure> {
    let Some(root) = repository.work_dir() else { return Ok(path.trim_matches('/').to_owned()) };
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let start = if folder.starts_with(root) { folder } else { root.to_owned() };
    let mut whole = PathBuf::new();
    for part in start.join(path).components() {
        match part {
            std::path::Component::ParentDir => {
                whole.pop();
            }
            std::path::Component::CurDir => {}
            other => whole.push(other),
        }
    }
    let inside = whole
        .strip_prefix(root)
        .map_err(|_| Failure::usage(format!("{path} is outside of the repository {}", root.display())))?;
    Ok(inside.to_string_lossy().into_owned())
}

/// The files that are wanted, each once. Only the named files and folders are looked up: the cost follows the wish and
/// not the repository.
fn list(repository: &Repository, tree: &TreeId, wanted: &Wanted<'_>) -> Result<Vec<(String, Text)>, Failure> {
    let root = repository.work_dir().filter(|_| wanted.working_tree);
    if wanted.working_tree && root.is_none() {
        return Err(Failure::usage("a bare repository has no working tree").hint("leave --working-tree away"));
    }
    let mut files: BTreeMap<String, Text> = BTreeMap::new();
    let mut take = |path: &str, entry: git::Entry| {
        if codemods::language_of(path).is_none() || entry.mode == git::Mode::Symlink {
            return;
        }
        let text = match (root, entry.blob()) {
            (Some(root), Some(_)) => Text::Disk(root.join(path)),
            (None, Some(blob)) => Text::Blob(blob),
            (_, None) => return,
        };
        files.insert(path.to_owned(), text);
    };
    let everything = [String::new()];
    let named = if wanted.paths.is_empty() { &everything[..] } else { &wanted.paths };
    for path in named {
        match repository.entry(tree, path)? {
            Some(entry) if entry.mode == git::Mode::Tree => {
                let Some(below) = entry.tree() else { continue };
                let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
                repository.walk(&below, &mut |file| {
                    take(&format!("{prefix}{}", file.path), file.entry);
                    ControlFlow::Continue(())
                })?;
            }
            Some(entry) => take(path, entry),
            None => {}
        }
    }
    Ok(files.into_iter().collect())
}

/// Refuses codes that no rule has: a misspelt one would find nothing and look like a clean repository.
fn known_codes(rules: &RuleSet, select: &[String]) -> Result<(), Failure> {
    if select.is_empty() {
        return Ok(());
    }
    let known: BTreeSet<String> = rules.rules().map(|rule| rule.code).collect();
    match select.iter().find(|code| !known.contains(*code)) {
        None => Ok(()),
        Some(code) => {
            let all: Vec<&str> = known.iter().map(String::as_str).collect();
            Err(Failure::usage(format!("no embedded or added rule has the code {code:?}"))
                .hint(format!("the codes are: {}", all.join(", "))))
        }
    }
}

/// Looks at the files with as many threads as there are processors; few files are not worth a thread.
fn in_parallel(
    repository: &Repository,
    rules: &RuleSet,
    files: &[(String, Text)],
    only: Option<&[String]>,
) -> Found {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Found::default()));
    let threads =
        std::thread::available_parallelism().map_or(1, usize::from).min(files.len().div_ceil(8)).max(1);
    let work = || {
        let mut mine = Found::default();
        while let Some((path, text)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            mine.files += 1;
            match read(repository, text) {
                Ok(text) => look(rules, path, &text, only, &mut mine),
                Err(why) => mine.unread.push((path.clone(), why)),
            }
        }
        let mut all = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.files += mine.files;
        all.findings.append(&mut mine.findings);
        all.unread.append(&mut mine.unread);
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let mut found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    found
        .findings
        .sort_by(|a, b| (&a.path, a.line, a.column, &a.code).cmp(&(&b.path, b.line, b.column, &b.code)));
    found.unread.sort();
    found
}

fn look(rules: &RuleSet, path: &str, text: &str, only: Option<&[String]>, found: &mut Found) {
    let context = Context { only, ..Context::default() };
    let mut report = codemods::scan_report(rules, path, text, &context);
    found.findings.append(&mut report.findings);
    found.unread.extend(report.skipped.map(|why| (path.to_owned(), why.to_string())));
}

fn read(repository: &Repository, text: &Text) -> Result<String, String> {
    let bytes = match text {
        Text::Blob(blob) => repository.read_blob(blob, FILE_CAP).map_err(|e| e.to_string())?,
        Text::Disk(path) => {
            let meta = std::fs::symlink_metadata(path).map_err(|e| e.to_string())?;
            if !meta.is_file() || meta.len() > FILE_CAP {
                return Err("no ordinary file, or too large".to_owned());
            }
            std::fs::read(path).map_err(|e| e.to_string())?
        }
    };
    String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())
}

/// The finding of this code on this line of the base, as our own scan sees it: the one at `column` where there are
/// several, else the first.
pub(crate) fn find_in_base(
    project: &Project,
    path: &str,
    line: u32,
    column: Option<u32>,
    code: &str,
) -> Result<Option<Finding>, Failure> {
    let select = [code.to_owned()];
    let wanted = Wanted { paths: vec![path.to_owned()], select: &select, working_tree: false };
    let files = list(&project.repository, &project.base.tree, &wanted)?;
    let found = in_parallel(&project.repository, &project.rules, &files, Some(&select));
    let mut on_line: Vec<Finding> = found.findings.into_iter().filter(|f| f.line == line).collect();
    let nearest = on_line.iter().position(|f| Some(f.column) == column).unwrap_or(0);
    Ok((!on_line.is_empty()).then(|| on_line.swap_remove(nearest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_wants_itself_and_what_lies_below_it() {
        let repo = testkit::TestRepo::with(&[
            ("src/a.py", "x = 1\n"),
            ("src/deep/b.py", "x = 1\n"),
            ("src2/a.py", "x = 1\n"),
            ("src/a.txt", "no rule reads it\n"),
        ]);
        repo.commit("the base");
        let opened = Repository::open(repo.path()).unwrap();
        for (paths, expected) in [
            (vec![], vec!["src/a.py", "src/deep/b.py", "src2/a.py"]),
            (vec![""], vec!["src/a.py", "src/deep/b.py", "src2/a.py"]),
            (vec!["src", "src/deep"], vec!["src/a.py", "src/deep/b.py"]),
            (vec!["src/a.py"], vec!["src/a.py"]),
            (vec!["sr", "src/a.txt", "nowhere.py"], vec![]),
        ] {
            let paths = paths.into_iter().map(str::to_owned).collect();
            let wanted = Wanted { paths, select: &[], working_tree: false };
            let found = list(&opened, &repo.head_tree(), &wanted).unwrap();
            assert_eq!(found.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn paths_are_understood_from_where_the_caller_stands() {
        let repo = testkit::TestRepo::with(&[("src/a.py", "x = 1\n")]);
        let opened = Repository::open(repo.path()).unwrap();
        let below = repo.path().join("src");
        assert_eq!(one_inside(&opened, &below, "a.py").unwrap(), "src/a.py");
        assert_eq!(one_inside(&opened, &below, "../src/./a.py").unwrap(), "src/a.py");
        assert_eq!(one_inside(&opened, repo.path(), ".").unwrap(), "");
        assert!(one_inside(&opened, repo.path(), "../other").is_err());
        assert!(one_inside(&opened, repo.path(), "/etc/passwd").is_err());
    }
}
