//! The languages we read, and how a file's name tells which one it is.

use std::fmt;

use ast_grep_language::SupportLang;

/// A language with a grammar and rules in this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// Python, sources (`.py`, `.pyw`) and stubs (`.pyi`).
    Python,
    /// JavaScript, with JSX (`.js`, `.jsx`, `.mjs`, `.cjs`).
    JavaScript,
    /// TypeScript without JSX (`.ts`, `.mts`, `.cts`).
    TypeScript,
    /// TypeScript with JSX (`.tsx`).
    Tsx,
    /// Rust (`.rs`).
    Rust,
    /// Go (`.go`).
    Go,
}

impl Language {
    /// All languages, in the order in which reports list them.
    pub const ALL: [Self; 6] =
        [Self::Python, Self::JavaScript, Self::TypeScript, Self::Tsx, Self::Rust, Self::Go];

    /// The language's name as rules write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
            Self::TypeScript => "TypeScript",
            Self::Tsx => "Tsx",
            Self::Rust => "Rust",
            Self::Go => "Go",
        }
    }

    pub(crate) fn grammar(self) -> SupportLang {
        match self {
            Self::Python => SupportLang::Python,
            Self::JavaScript => SupportLang::JavaScript,
            Self::TypeScript => SupportLang::TypeScript,
            Self::Tsx => SupportLang::Tsx,
            Self::Rust => SupportLang::Rust,
            Self::Go => SupportLang::Go,
        }
    }

    /// The language of a rule; `None` for those whose grammar is not linked in (asking ast-grep for one panics).
    pub(crate) fn of_grammar(grammar: SupportLang) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.grammar() == grammar)
    }

    /// Whether the file's linter is eslint.
    pub(crate) fn is_ecma(self) -> bool {
        matches!(self, Self::JavaScript | Self::TypeScript | Self::Tsx)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The language of a file, by its name's extension; `None` when there are no rules for it.
pub fn language_of(path: &str) -> Option<Language> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (stem, extension) = name.rsplit_once('.')?;
    if stem.is_empty() {
        return None;
    }
    match extension {
        "py" | "pyi" | "pyw" => Some(Language::Python),
        "js" | "jsx" | "mjs" | "cjs" => Some(Language::JavaScript),
        "ts" | "mts" | "cts" => Some(Language::TypeScript),
        "tsx" => Some(Language::Tsx),
        "rs" => Some(Language::Rust),
        "go" => Some(Language::Go),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_tells_the_language() {
        assert_eq!(language_of("a/b.c/d.pyi"), Some(Language::Python));
        assert_eq!(language_of("d.d.ts"), Some(Language::TypeScript));
        assert_eq!(language_of("a.py/README"), None);
        assert_eq!(language_of(".py"), None);
        assert_eq!(language_of(""), None);
    }
}
