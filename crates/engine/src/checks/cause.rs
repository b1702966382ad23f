//! Why code could not even be loaded, by what its runner printed about it.

use domain::verification::Cause;

/// How the lines of interpreters and compilers begin that say so.
const LINES: [(&str, Cause); 15] = [
    ("ModuleNotFoundError:", Cause::ImportError),
    ("ImportError:", Cause::ImportError),
    ("SyntaxError:", Cause::SyntaxError),
    ("IndentationError:", Cause::SyntaxError),
    ("TabError:", Cause::SyntaxError),
    ("Error: Cannot find module", Cause::ImportError),
    ("Error: Cannot find package", Cause::ImportError),
    ("Error: Failed to resolve import", Cause::ImportError),
    ("Cannot find module", Cause::ImportError),
    ("Error [ERR_MODULE_NOT_FOUND]", Cause::ImportError),
    ("error[E0432]:", Cause::ImportError),
    ("error[E0433]:", Cause::ImportError),
    ("error[E0463]:", Cause::ImportError),
    ("error: no matching package", Cause::ImportError),
    ("SyntaxError [", Cause::SyntaxError),
];

/// The cause that a text tells, if any of its lines does. pytest puts an `E` in front of them.
pub(super) fn of(text: &str) -> Option<Cause> {
    text.lines().find_map(of_line)
}

fn of_line(line: &str) -> Option<Cause> {
    let line = line.trim_start();
    let line = line.strip_prefix("E  ").map_or(line, str::trim_start);
    if let Some((_, cause)) = LINES.iter().find(|(start, _)| line.starts_with(start)) {
        return Some(*cause);
    }
    // Go names the place first.
    let go = line.split_once(".go:").map(|(_, rest)| rest)?;
    if go.contains(": syntax error: ") {
        Some(Cause::SyntaxError)
    } else {
        let missing = go.contains(" is not in std") || go.contains(" is not in GOROOT");
        (missing || go.contains("no required module provides package")).then_some(Cause::ImportError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_loaded_is_told_from_what_fails() {
        for (text, cause) in [
            (
                "tests/test_a.py:1: in <module>\nE   ModuleNotFoundError: No module named 'x'",
                Some(Cause::ImportError),
            ),
            ("E     File \"a.py\", line 1\nE   SyntaxError: invalid syntax", Some(Cause::SyntaxError)),
            ("error[E0432]: unresolved import `x`", Some(Cause::ImportError)),
            ("a.go:3:2: no required module provides package x.org/y; to add it:", Some(Cause::ImportError)),
            ("./a.go:5:1: syntax error: unexpected }", Some(Cause::SyntaxError)),
            ("Error: Cannot find module './x'", Some(Cause::ImportError)),
            ("E   AssertionError: expected 'SyntaxError: x'", None),
            ("", None),
        ] {
            assert_eq!(of(text), cause, "{text}");
        }
    }
}
