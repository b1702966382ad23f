//! A linter's report about one place, with a fingerprint that survives moved lines.

use serde::{Deserialize, Serialize};

use crate::ids::Sha256;

/// One report of a linter or of an embedded rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The linter that reports it, in lower case (`ruff`, `eslint`, `clippy`, `staticcheck`).
    pub tool: String,
    /// The rule's code as that linter writes it (`B006`, `no-var`, `clippy::len_zero`).
    pub code: String,
    /// The file, relative to the repository's root, with forward slashes.
    pub path: String,
    /// The first line, counted from 1.
    pub line: u32,
    /// The first column in characters, counted from 1; 0 when it is not known.
    pub column: u32,
    /// What the linter says.
    pub message: String,
    /// Identifies the finding across commits; see [`Fingerprint::of`].
    pub fingerprint: Fingerprint,
}

/// Identifies a finding across commits that move it about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// The fingerprint of a report of `code` in `path` on a line with this text.
    ///
    /// Line numbers stay out of it, and white space is folded, so that moving or re-indenting the line keeps it.
    /// `occurrence` (from 0) tells apart equal lines with the same code in one file; see [`occurrence`].
    pub fn of(code: &str, path: &str, line_text: &str, occurrence: usize) -> Self {
        let folded = line_text.split_whitespace().collect::<Vec<_>>().join(" ");
        let nth = occurrence.to_string();
        Self(Sha256::of_fields(&[code.as_bytes(), path.as_bytes(), folded.as_bytes(), nth.as_bytes()]))
    }

    /// The fingerprint of the nth report (from 0) of the same code on the same line, of which this is the first.
    #[must_use]
    pub fn nth_on_line(&self, nth: usize) -> Self {
        if nth == 0 {
            return self.clone();
        }
        Self(Sha256::of_fields(&[self.as_str().as_bytes(), nth.to_string().as_bytes()]))
    }

    /// The fingerprint as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// How many lines of `text` before `line` (from 1) read the same as that line, white space folded: the
/// `occurrence` of [`Fingerprint::of`]. A `line` outside of the text counts as an empty line at its end.
pub fn occurrence(text: &str, line: u32) -> usize {
    let folded = |l: &str| l.split_whitespace().collect::<Vec<_>>().join(" ");
    let before = (line as usize).saturating_sub(1);
    let wanted = folded(text.lines().nth(before).unwrap_or(""));
    text.lines().take(before).filter(|l| folded(l) == wanted).count()
}

impl Finding {
    /// A finding at `line` of a file whose content is `text`; the fingerprint is worked out from it.
    pub fn at(tool: &str, code: &str, path: &str, text: &str, line: u32, column: u32, message: &str) -> Self {
        let line_text = text.lines().nth((line as usize).saturating_sub(1)).unwrap_or("");
        Self {
            tool: tool.to_owned(),
            code: code.to_owned(),
            path: path.to_owned(),
            line,
            column,
            message: message.to_owned(),
            fingerprint: Fingerprint::of(code, path, line_text, occurrence(text, line)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "import os\n\ndef f(a=[]):\n    return a == None\n";

    #[test]
    fn a_fingerprint_survives_moved_and_indented_lines() {
        let one = Finding::at("ruff", "E711", "a.py", BEFORE, 4, 12, "comparison to None");
        let moved = format!("# new first line\n\n{}", BEFORE.replace("    return", "\treturn"));
        let other = Finding::at("ruff", "E711", "a.py", &moved, 6, 9, "comparison to None");
        assert_eq!(one.fingerprint, other.fingerprint);
    }

    #[test]
    fn equal_lines_of_one_file_are_told_apart() {
        let text = "x == None\nx == None\n";
        let one = Finding::at("ruff", "E711", "a.py", text, 1, 1, "");
        let two = Finding::at("ruff", "E711", "a.py", text, 2, 1, "");
        assert_ne!(one.fingerprint, two.fingerprint);
        let elsewhere = Finding::at("ruff", "E711", "b.py", text, 1, 1, "");
        assert_ne!(one.fingerprint, elsewhere.fingerprint);
    }

    #[test]
    fn reports_of_one_line_are_told_apart() {
        let first = Fingerprint::of("B008", "a.py", "def f(a=g(), b=g()):", 0);
        assert_eq!(first.nth_on_line(0), first);
        assert_ne!(first.nth_on_line(1), first);
        assert_ne!(first.nth_on_line(1), first.nth_on_line(2));
    }

    #[test]
    fn a_line_outside_of_the_file_is_no_panic() {
        Finding::at("ruff", "E711", "a.py", "", 0, 0, "");
        Finding::at("ruff", "E711", "a.py", "x\n", u32::MAX, 0, "");
    }
}
