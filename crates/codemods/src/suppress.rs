//! Comments and attributes by which the author silences a linter, read as the linter itself reads them.
//! Only read when there is something to silence.

mod go;
mod javascript;
mod python;
mod rust;

use std::ops::Range;

use tree_sitter::Node;

use crate::language::Language;
use crate::scan::Hit;
use crate::source::{Lines, Source, walk};

/// Which rules a comment is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Codes {
    All,
    /// These codes (or, in Go, names of linters).
    These(Vec<String>),
}

impl Codes {
    fn cover(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.iter().any(|one| one == name),
        }
    }
}

/// A stretch of the file in which some rules are silent.
#[derive(Debug)]
struct Silence {
    bytes: Range<usize>,
    codes: Codes,
}

/// All silences of a file.
#[derive(Debug)]
pub(crate) struct Suppressions {
    silences: Vec<Silence>,
    /// Go's generated files are not linted at all.
    whole_file: bool,
}

impl Suppressions {
    pub(crate) fn read(source: &Source) -> Self {
        let file = File::of(source);
        let silences = match source.language {
            Language::Python => python::silences(&file),
            Language::JavaScript | Language::TypeScript | Language::Tsx => javascript::silences(&file),
            Language::Rust => rust::silences(&file),
            Language::Go => go::silences(&file),
        };
        Self { silences, whole_file: source.language == Language::Go && go::is_generated(&file) }
    }

    /// Whether a comment silences this hit.
    pub(crate) fn silence(&self, source: &Source, hit: &Hit) -> bool {
        let names = names(source.language, hit);
        self.whole_file
            || self.silences.iter().any(|silence| {
                silence.bytes.contains(&hit.at) && names.iter().any(|name| silence.codes.cover(name))
            })
    }
}

/// The names under which comments speak of a hit.
fn names(language: Language, hit: &Hit) -> Vec<&str> {
    match language {
        Language::Go => go::names(hit),
        Language::Rust => rust::names(hit),
        _ => vec![hit.code.as_str()],
    }
}

/// What the readers look at.
struct File<'t> {
    text: &'t str,
    root: Node<'t>,
    lines: Lines,
    comments: Vec<Range<usize>>,
}

impl<'t> File<'t> {
    fn of(source: &'t Source) -> Self {
        let text = source.text();
        let mut comments = Vec::new();
        walk(source.root(), |node, _| {
            let is_comment = node.kind().contains("comment");
            if is_comment {
                comments.push(node.byte_range());
            }
            !is_comment
        });
        Self { text, root: source.root(), lines: Lines::of(text), comments }
    }

    fn comment(&self, range: &Range<usize>) -> &'t str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// The bytes of the line that holds `offset`.
    fn line_at(&self, offset: usize) -> Range<usize> {
        self.lines.range(self.lines.line(offset), self.text)
    }

    /// Whether nothing but white space stands before `offset` on its line.
    fn is_first_on_line(&self, offset: usize) -> bool {
        let line = self.line_at(offset);
        self.text.get(line.start..offset).unwrap_or_default().trim_start_matches('\u{feff}').trim().is_empty()
    }
}

#[cfg(test)]
mod tests;
