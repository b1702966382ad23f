//! The files that a request names: by path, by path and line, or by a file name that only one file has.

use std::collections::VecDeque;

use crate::provider::Source;

/// The most files that are taken from one request; a request that names more is a list, not a question.
const MOST_NAMED: usize = 20;

/// How many folders are looked through for a bare file name.
const MOST_FOLDERS: usize = 512;

/// Folders that are not looked through: not the project's own code.
const NOT_OURS: [&str; 6] = ["node_modules/", "vendor/", "third_party/", "target/", "dist/", "build/"];

/// Whether a folder (with its slash) is not looked through.
pub(super) fn is_not_ours(folder: &str) -> bool {
    folder.starts_with('.') || NOT_OURS.contains(&folder)
}

/// A word of a request that may name a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    /// The path or file name as written, without `./` in front.
    pub(super) name: String,
    /// The line behind it (`a.py:12`), counted from 1.
    pub(super) line: Option<usize>,
}

/// The words of a text that look like paths or file names, each once, in the order of the text.
pub(super) fn mentions(text: &str) -> Vec<Mention> {
    let apart = |c: char| c.is_whitespace() || "\"'`()[]{}<>,;|*".contains(c);
    let mut found: Vec<Mention> = Vec::new();
    for word in text.split(apart) {
        let Some(mention) = mention(word) else { continue };
        if found.len() < MOST_NAMED && !found.iter().any(|known| known.name == mention.name) {
            found.push(mention);
        }
    }
    found
}

fn mention(word: &str) -> Option<Mention> {
    let word = word.trim_end_matches(['.', ':', '!', '?']);
    let word = word.strip_prefix("./").unwrap_or(word);
    let mut parts = word.split(':');
    let name = parts.next().unwrap_or("");
    let line = parts.next().and_then(|number| number.parse().ok()).filter(|line| *line > 0);
    let is_name =
        name.contains('/') || name.trim_start_matches('.').contains('.') || KNOWN_BARE.contains(&name);
    let is_sane = name.len() <= 400 && !name.starts_with('/') && !name.split('/').any(|part| part == "..");
    (is_name && is_sane && !name.ends_with('/')).then(|| Mention { name: name.to_owned(), line })
}

/// File names without a dot that are files nearly everywhere.
const KNOWN_BARE: [&str; 4] = ["Makefile", "Dockerfile", "Justfile", "README"];

/// Where a mention leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// To this file and its content.
    File(String, Vec<u8>),
    /// To more than one file of that name.
    Several(Vec<String>),
    /// To nothing: an ordinary word, or a file that is yet to be made.
    Nothing,
}

/// Looks a mention up in the base: as a path, else as a file name of which there is only one. `allowed` is asked
/// before a file is read.
pub(super) fn resolve(source: &dyn Source, name: &str, allowed: impl Fn(&str) -> bool) -> Found {
    if allowed(name)
        && let Some(bytes) = source.read(name)
    {
        return Found::File(name.to_owned(), bytes);
    }
    if name.contains('/') {
        return Found::Nothing;
    }
    let mut paths = with_name(source, name);
    paths.retain(|path| allowed(path));
    match paths.as_slice() {
        [only] => source.read(only).map_or(Found::Nothing, |bytes| Found::File(only.clone(), bytes)),
        [] => Found::Nothing,
        _ => Found::Several(paths),
    }
}

fn with_name(source: &dyn Source, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = VecDeque::from([String::new()]);
    let mut looked_at = 0;
    while let Some(folder) = folders.pop_front() {
        looked_at += 1;
        if looked_at > MOST_FOLDERS {
            break;
        }
        for entry in source.list(folder.trim_end_matches('/')) {
            if entry == name {
                found.push(format!("{folder}{entry}"));
            } else if entry.ends_with('/') && !is_not_ours(&entry) {
                folders.push_back(format!("{folder}{entry}"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_prose() {
        let text = "In `src/a.py:12`, see (lib/b.rs) and ./c.go. Not e.g. this, nor /etc/passwd, ../x.py or v1/ or Makefile!";
        let names: Vec<_> = mentions(text).into_iter().map(|m| (m.name, m.line)).collect();
        let expected =
            [("src/a.py", Some(12)), ("lib/b.rs", None), ("c.go", None), ("e.g", None), ("Makefile", None)];
        assert_eq!(names, expected.map(|(name, line)| (name.to_owned(), line)));
    }

    #[test]
    fn a_file_is_named_once_however_often_it_stands_there() {
        assert_eq!(mentions("a.py a.py:3 `a.py`").len(), 1);
        assert_eq!(mentions(&(0..100).map(|n| format!("f{n}.py ")).collect::<String>()).len(), MOST_NAMED);
    }
}
