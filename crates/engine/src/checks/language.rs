//! To which language a changed file belongs, so that a change runs the checks of its languages only.

/// What a changed file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    Rust,
    JavaScript,
    Go,
    /// A language whose checks are not detected, by its name.
    Other(&'static str),
    /// Data, documents, templates: any test may depend on them, no linter looks at them.
    Unknown,
}

/// By ending, or by the names of the files that steer a language's tools.
pub(super) fn of(path: &str) -> Language {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending {
        "py" | "pyi" => return Language::Python,
        "rs" => return Language::Rust,
        "js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "mts" | "cts" | "vue" | "svelte" => {
            return Language::JavaScript;
        }
        "go" => return Language::Go,
        "c" | "h" | "cc" | "cpp" | "hpp" => return Language::Other("C or C++"),
        "java" | "kt" => return Language::Other("Java or Kotlin"),
        "rb" => return Language::Other("Ruby"),
        _ => {}
    }
    match name {
        "pyproject.toml" | "setup.cfg" | "tox.ini" | "pytest.ini" | "mypy.ini" | ".mypy.ini"
        | "ruff.toml" | ".ruff.toml" | "uv.lock" | "poetry.lock" | "Pipfile" | "Pipfile.lock" => {
            Language::Python
        }
        _ if name.starts_with("requirements") && ending == "txt" => Language::Python,
        "Cargo.toml" | "Cargo.lock" | "rust-toolchain" | "rust-toolchain.toml" | "clippy.toml" => {
            Language::Rust
        }
        "package.json" | "package-lock.json" | "pnpm-lock.yaml" | "yarn.lock" | "tsconfig.json" => {
            Language::JavaScript
        }
        _ if name.starts_with(".eslintrc") => Language::JavaScript,
        "go.mod" | "go.sum" => Language::Go,
        _ => Language::Unknown,
    }
}

/// What a change asks of one language's checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Files of the language changed: everything.
    All,
    /// Only files changed that any test may depend on: its tests.
    Tests,
    /// Nothing.
    Nothing,
}

/// What the changed files ask of a language.
pub(super) fn wanted(language: Language, changed: &[String]) -> Wanted {
    if changed.iter().any(|path| of(path) == language) {
        Wanted::All
    } else if changed.iter().any(|path| of(path) == Language::Unknown) {
        Wanted::Tests
    } else {
        Wanted::Nothing
    }
}
