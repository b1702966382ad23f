//! The definitions that a request speaks of without naming their file: words of it that look like code are searched for in
//! the base's text, and looked up in an outline of the files that hold them.

use codemods::{Definition, Language, language_of, outline};

use super::looks_secret;
use super::named::is_not_ours;
use crate::provider::Source;

/// Bounds of the search: what is beyond them is not looked at, so that a huge repository costs no more than this.
const MOST_WORDS: usize = 12;
const MOST_FOLDERS: usize = 1_000;
const MOST_FILES: usize = 4_000;
const MOST_BYTES: usize = 32 << 20;

/// More definitions of one name than this say that the name is an everyday word.
const MOST_OF_ONE: usize = 5;

/// One definition that a request speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: String,
    pub(super) text: String,
    pub(super) definition: Definition,
}

/// Words of a request that look like names in code, each once, in its order: what stands in backticks or before a
/// parenthesis, and what has an underscore or a capital inside.
pub(super) fn words(request: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = request;
    let mut before = ' ';
    while let Some(start) = rest.find(is_part) {
        before = rest[..start].chars().next_back().unwrap_or(before);
        let word_on = &rest[start..];
        let end = word_on.find(|c| !is_part(c)).unwrap_or(word_on.len());
        let (word, after) = word_on.split_at(end);
        let inner_capital =
            word.chars().skip(1).any(char::is_uppercase) && word.chars().any(char::is_lowercase);
        let marked = (before == '`' && after.starts_with('`')) || after.starts_with('(');
        let is_name = word.len() > 2 && !word.starts_with(|c: char| c.is_ascii_digit());
        // `a.py` is a file: that is another search.
        let in_path = before == '.'
            || before == '/'
            || after.starts_with('.') && language_of(&format!("x{after}")).is_some();
        if is_name
            && !in_path
            && (marked || inner_capital || word.contains('_'))
            && !found.iter().any(|w| w == word)
        {
            found.push(word.to_owned());
        }
        before = word.chars().next_back().unwrap_or(' ');
        rest = after;
    }
    found.truncate(MOST_WORDS);
    found
}

/// The definitions of these words, the best file first: the one that defines most of them, then by path. Files in
/// `shown` are in the prompt already.
pub(super) fn definitions(words: &[String], source: &dyn Source, shown: &[String]) -> Vec<Found> {
    let mut by_file: Vec<Vec<Found>> = Vec::new();
    for (path, language, text) in files(source) {
        if shown.contains(&path) || !words.iter().any(|word| text.contains(word.as_str())) {
            continue;
        }
        let wanted = outline(language, &text).into_iter().filter(|d| words.contains(&d.name));
        let of_file: Vec<Found> =
            wanted.map(|definition| Found { path: path.clone(), text: text.clone(), definition }).collect();
        by_file.push(of_file);
    }
    let everyday = |word: &str| {
        by_file.iter().flatten().filter(|found| found.definition.name == word).count() > MOST_OF_ONE
    };
    let everyday: Vec<&String> = words.iter().filter(|word| everyday(word)).collect();
    let mut ranked: Vec<Vec<Found>> = by_file
        .iter()
        .map(|of_file| of_file.iter().filter(|f| !everyday.contains(&&f.definition.name)).cloned().collect())
        .collect();
    ranked.sort_by_key(|of_file: &Vec<Found>| std::cmp::Reverse(of_file.len()));
    ranked.into_iter().flatten().collect()
}

/// The source files of the base, by path, within the bounds.
fn files(source: &dyn Source) -> Vec<(String, Language, String)> {
    let (mut folders, mut paths, mut looked_at) = (vec![String::new()], Vec::new(), 0);
    while let Some(folder) = folders.pop() {
        looked_at += 1;
        if looked_at > MOST_FOLDERS || paths.len() > MOST_FILES {
            break;
        }
        for entry in source.list(folder.trim_end_matches('/')) {
            let path = format!("{folder}{entry}");
            if entry.ends_with('/') {
                if !is_not_ours(&entry) {
                    folders.push(path);
                }
            } else if let Some(language) = language_of(&entry).filter(|_| !looks_secret(&path)) {
                paths.push((path, language));
            }
        }
    }
    paths.sort();
    let (mut files, mut bytes) = (Vec::new(), 0);
    for (path, language) in paths.into_iter().take(MOST_FILES) {
        let text = source.read(&path).and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(text) = text else { continue };
        bytes += text.len();
        if bytes > MOST_BYTES {
            break;
        }
        files.push((path, language, text));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_look_like_code_are_taken_and_others_not() {
        let text = "The `pager` of UserService calls parse_header() and run(); see src/my_file.py, a.b and HTTP in 2_000 lines";
        assert_eq!(words(text), ["pager", "UserService", "parse_header", "run"]);
    }
}
