//! The base tree as detection sees it: which files are there, which sections a configuration file has, where tests are.
//! Sections are found by their header lines, so a tool configured by an inline table is not seen.

use crate::provider::Source;

/// No more folders than this are looked into for tests.
const MOST_FOLDERS: usize = 200;

/// No more test files than this are read for what they import.
const MOST_FILES: usize = 60;

/// The base tree.
pub(super) struct Project<'a> {
    tree: &'a dyn Source,
    root: Vec<String>,
}

impl<'a> Project<'a> {
    pub(super) fn new(tree: &'a dyn Source) -> Self {
        Self { root: tree.list(""), tree }
    }

    /// Whether the root has this entry; folders are asked for with a `/` behind them.
    pub(super) fn has(&self, name: &str) -> bool {
        self.root.iter().any(|n| n == name)
    }

    pub(super) fn list(&self, folder: &str) -> Vec<String> {
        self.tree.list(folder)
    }

    /// The text of a file; what is not UTF-8 in it is replaced.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        self.tree.read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether a configuration file at the root has a section whose header begins so, such as `[tool.ruff`.
    pub(super) fn has_section(&self, file: &str, header: &str) -> bool {
        self.has(file) && self.text(file).is_some_and(|text| text.lines().any(|l| is_header(l, header)))
    }

    /// Whether that section, up to the next header, sets one of these keys.
    pub(super) fn section_sets(&self, file: &str, header: &str, keys: &[&str]) -> bool {
        let Some(text) = self.has(file).then(|| self.text(file)).flatten() else { return false };
        let inside = text.lines().skip_while(|l| !is_header(l, header)).skip(1);
        let mut lines = inside.take_while(|l| !l.trim_start().starts_with('['));
        lines.any(|line| {
            let key = line.split(['=', ':']).next().unwrap_or("").trim();
            line.contains(['=', ':']) && keys.contains(&key)
        })
    }

    /// The files that match `is_test` under these folders, breadth first, bounded. Hidden folders and those of
    /// installed packages are left out.
    pub(super) fn find(&self, folders: &[&str], is_test: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut found = Vec::new();
        let mut queue: Vec<String> = folders.iter().map(|f| (*f).to_owned()).collect();
        let mut at = 0;
        while at < queue.len() && at < MOST_FOLDERS && found.len() < MOST_FILES {
            let folder = queue[at].clone();
            at += 1;
            for name in self.tree.list(&folder) {
                let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
                match path.strip_suffix('/') {
                    Some(path) if !is_skipped(&name) => queue.push(path.to_owned()),
                    None if is_test(&name) => found.push(path),
                    _ => {}
                }
            }
        }
        found.truncate(MOST_FILES);
        found
    }

    /// Whether one of the files holds one of these words.
    pub(super) fn any_holds(&self, files: &[String], words: &[&str]) -> bool {
        files.iter().filter_map(|f| self.text(f)).any(|text| words.iter().any(|w| text.contains(w)))
    }
}

fn is_header(line: &str, header: &str) -> bool {
    let Some(rest) = line.trim().strip_prefix(header) else { return false };
    header.ends_with(']') || rest.starts_with([']', '.'])
}

fn is_skipped(name: &str) -> bool {
    name.starts_with('.')
        || matches!(
            name,
            "node_modules/" | "site-packages/" | "vendor/" | "target/" | "build/" | "dist/" | "venv/"
        )
}
