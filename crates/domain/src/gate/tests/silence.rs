//! Linters and type checkers that are told to be silent: in a comment or an attribute of a source, or in their
//! configuration. A remark that only moved, with its codes, is left alone.

use std::collections::BTreeSet;

use super::super::patterns::patterns;
use super::super::{Findings, Rule};
use super::lexer::{Language, Source};
use super::{Counts, TestFile, count, more};

patterns! {
    /// In comments.
    REMARK = r"(?i)(?:#|//|/\*)[^\n]*?\b(noqa\b|type:[ \t]*ignore|pyright:|mypy:|pylint:[ \t]*disable|ruff:|flake8:|nosec\b|pragma:[ \t]*no[ \t]+cover|fmt:[ \t]*off|eslint-disable|@ts-(?:ignore|nocheck|expect-error)|biome-ignore|istanbul[ \t]+ignore|c8[ \t]+ignore|v8[ \t]+ignore|tslint:disable|prettier-ignore|oxlint-disable|nolint\b|lint:ignore|gosec\b|#nosec)[^\n]*";
    /// In attributes of Rust.
    ATTRIBUTE = r"#!?\[[ \t\n]*(?:allow|expect|cfg_attr)[ \t\n]*\([^\]]*\]";
    /// In any other language, by the look of the line.
    SUPPRESS_WARNINGS = r"@SuppressWarnings|@Suppress\(|#pragma warning disable|NOLINT|rubocop:disable|phpcs:ignore|@phpstan-ignore|shellcheck disable|checkov:skip|hadolint ignore";
    /// In configuration: what switches one rule or many off.
    OFF = r#"(?i)["']?[\w@/.:-]+["']?[ \t]*:[ \t]*\[?[ \t]*["']off["']|^[ \t]*["']?[\w:-]+["']?[ \t]*=[ \t]*(?:["']allow["']|\{[^}\n]*["']allow["'])|^[ \t]*(?:ignore_errors|ignore_missing_imports|allow_untyped\w*|skipLibCheck|suppressImplicitAnyIndexErrors)["']?[ \t]*[=:][ \t]*true|^[ \t]*["']?(?:strict\w*|check_untyped_defs|disallow_\w+|warn_\w+|no_implicit_\w+|noImplicit\w*|noUnused\w*)["']?[ \t]*[=:][ \t]*false"#;
    /// In configuration: lists of what is not reported, or of what is.
    LIST = r#"^[ \t]*["']?([\w-]+)["']?[ \t]*[=:][ \t]*(\[[^\]]*\]|[^\n\[]*(?:\n[ \t]+[^\n=\[]+)*)"#;
    NOTE = r"(?:^|[ \t])#[^\n]*";
    WORD = r"[A-Za-z0-9_*@/.:-]+";
}

/// Lists that get longer as less is reported.
const QUIET: [&str; 16] = [
    "ignore",
    "extend-ignore",
    "extend_ignore",
    "per-file-ignores",
    "disable",
    "exclude",
    "extend-exclude",
    "skip",
    "skips",
    "omit",
    "disable_error_code",
    "exclude_lines",
    "unfixable",
    "ignore-paths",
    "ignorePatterns",
    "exclude-rules",
];

/// Lists that get shorter as less is reported.
const LOUD: [&str; 4] = ["select", "extend-select", "enable", "enable_error_code"];

pub(super) fn judge(files: &[TestFile<'_>], findings: &mut Findings) {
    let (mut before, mut after) = (Counts::new(), Counts::new());
    for (index, file) in files.iter().enumerate() {
        for (source, counts) in [(&file.before, &mut before), (&file.after, &mut after)] {
            if let Some(source) = source {
                remarks(source, index, counts);
            }
        }
        if file.before.is_none() && file.after.is_none() {
            for (lines, counts) in [(&file.touched.removed, &mut before), (&file.touched.added, &mut after)] {
                for (line, text) in lines.iter().filter(|(_, text)| SUPPRESS_WARNINGS.is_match(text)) {
                    count(counts, squeezed(text), index, *line);
                }
            }
        }
    }
    let mut told = BTreeSet::new();
    for (text, file, line) in more(&before, &after) {
        if told.insert(file) {
            let shown: String = text.chars().take(80).collect();
            let said = format!("{}: {shown:?}", Rule::LintSuppression.text());
            findings.at(
                Rule::LintSuppression,
                Rule::LintSuppression.verdict(),
                files[file].touched,
                Some(line),
                said,
            );
        }
    }
    for file in files.iter().filter(|file| is_config(file.touched.file.path.as_str())) {
        config(file, findings);
    }
}

fn squeezed(text: &[u8]) -> String {
    String::from_utf8_lossy(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The remarks of a source. What counts is the remark itself, not the code before it.
fn remarks(source: &Source<'_>, file: usize, counts: &mut Counts) {
    for found in REMARK.captures_iter(&source.comments) {
        if let (Some(whole), Some(word)) = (found.get(0), found.get(1)) {
            let text = squeezed(&source.comments[word.start()..whole.end()]);
            count(counts, text, file, source.line(word.start()));
        }
    }
    if source.language == Language::Rust {
        for found in ATTRIBUTE.find_iter(&source.code) {
            let is_allow = !found.as_bytes().windows(8).any(|part| part == b"cfg_attr")
                || found.as_bytes().windows(5).any(|part| part == b"allow");
            if is_allow {
                count(counts, squeezed(found.as_bytes()), file, source.line(found.start()));
            }
        }
    }
}

/// Files in which linters are configured, by name.
fn is_config(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    const NAMES: [&str; 20] = [
        "pyproject.toml",
        "ruff.toml",
        ".ruff.toml",
        "setup.cfg",
        "tox.ini",
        ".flake8",
        ".pylintrc",
        "pylintrc",
        "mypy.ini",
        ".mypy.ini",
        "cargo.toml",
        "clippy.toml",
        ".clippy.toml",
        "tsconfig.json",
        "biome.json",
        ".golangci.yml",
        ".golangci.yaml",
        ".coveragerc",
        "package.json",
        "pyrightconfig.json",
    ];
    NAMES.contains(&name.as_str()) || name.starts_with(".eslintrc") || name.starts_with("eslint.config.")
}

fn config(file: &TestFile<'_>, findings: &mut Findings) {
    let bytes = |side: &Option<crate::patch::BaseFile>| side.as_ref().map(|file| file.bytes.clone());
    let (Some(old), Some(new)) = (bytes(&file.touched.file.before), bytes(&file.touched.file.after)) else {
        return;
    };
    let off = |text: &[u8]| OFF.find_iter(text).count();
    let grown = quieter(&old, &new);
    if off(&new) > off(&old) || grown.is_some() {
        let what = grown.unwrap_or_else(|| "a rule is switched off".to_owned());
        let hit = |line: &[u8]| OFF.is_match(line) || QUIET.iter().chain(&LOUD).any(|key| holds(line, key));
        let line = file.touched.added.iter().find(|(_, line)| hit(line)).map(|(number, _)| *number);
        let said = format!("{}: {what}", Rule::LintSuppression.text());
        findings.at(Rule::LintSuppression, Rule::LintSuppression.verdict(), file.touched, line, said);
    }
}

fn holds(line: &[u8], word: &str) -> bool {
    memchr::memmem::find(line, word.as_bytes()).is_some()
}

/// The list that has more of what is not reported, or less of what is.
fn quieter(old: &[u8], new: &[u8]) -> Option<String> {
    let lists = |text: &[u8]| {
        let mut lists: std::collections::BTreeMap<String, BTreeSet<Vec<u8>>> =
            std::collections::BTreeMap::new();
        let text = NOTE.replace_all(text, &b""[..]);
        for found in LIST.captures_iter(&text) {
            let words = WORD.find_iter(&found[2]).map(|word| word.as_bytes().to_vec());
            lists.entry(String::from_utf8_lossy(&found[1]).into_owned()).or_default().extend(words);
        }
        lists
    };
    let (old, new) = (lists(old), lists(new));
    let empty = BTreeSet::new();
    let of = |lists: &std::collections::BTreeMap<String, BTreeSet<Vec<u8>>>, key: &str| {
        lists.get(key).cloned().unwrap_or_else(|| empty.clone())
    };
    let longer = QUIET.iter().find(|key| !of(&new, key).is_subset(&of(&old, key)));
    let shorter = LOUD.iter().find(|key| !of(&old, key).is_subset(&of(&new, key)));
    let longer = longer.map(|key| format!("the list {key:?} leaves out more"));
    longer.or_else(|| shorter.map(|key| format!("the list {key:?} has less")))
}

#[cfg(test)]
mod cases {
    use super::*;

    #[test]
    fn lists_of_what_is_not_reported_may_shrink_and_those_of_what_is_may_grow() {
        let quieter = |old: &str, new: &str| quieter(old.as_bytes(), new.as_bytes());
        assert_eq!(quieter("ignore = ['E1']\n", "ignore = [\n  'E1',\n]\n"), None);
        assert_eq!(quieter("ignore = ['E1', 'E2']\n", "ignore = ['E1']\n"), None);
        assert_eq!(
            quieter("a = 1\n", "ignore = ['E1']\n").as_deref(),
            Some("the list \"ignore\" leaves out more")
        );
        assert_eq!(
            quieter("ignore =\n    E1\n", "ignore =\n    E1\n    E2\n").as_deref(),
            Some("the list \"ignore\" leaves out more")
        );
        assert_eq!(
            quieter("select = ['E', 'F']\n", "select = ['E']\n").as_deref(),
            Some("the list \"select\" has less")
        );
        assert_eq!(quieter("select = ['E']\n", "select = ['E', 'F']\n"), None);
        assert_eq!(quieter("enable:\n  - a\n", "enable:\n  - a\n  #- b\n"), None);
        assert_eq!(
            quieter("enable:\n  - a\n  - b\n", "enable:\n  - a\n  #- b\n").as_deref(),
            Some("the list \"enable\" has less")
        );
    }

    #[test]
    fn switches_are_known_and_ordinary_settings_are_not() {
        for text in [
            "\"no-var\": \"off\"",
            "'x/y': ['off']",
            "unwrap_used = \"allow\"",
            "strict = false",
            "ignore_errors = true",
            "  \"strict\": false,",
        ] {
            assert!(OFF.is_match(text.as_bytes()), "{text}");
        }
        for text in [
            "\"no-var\": \"error\"",
            "unwrap_used = \"deny\"",
            "strict = true",
            "private = true",
            "name = \"off\"",
        ] {
            assert!(!OFF.is_match(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn configuration_is_known_by_its_name() {
        assert!(
            is_config("a/PyProject.toml") && is_config(".eslintrc.json") && is_config("eslint.config.mjs")
        );
        assert!(!is_config("src/tox.py") && !is_config("data.json"));
        assert!(all_patterns().len() > 4);
    }
}
