//! Every Rust file begins by saying what it is for.

use super::{Files, Problem};

pub(super) fn check(files: &Files) -> anyhow::Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for path in files.ending(".rs") {
        let text = files.text(path)?.unwrap_or_default();
        let told = text.strip_prefix("//!").and_then(|rest| rest.lines().next());
        if told.is_none_or(|words| words.trim().is_empty()) {
            problems.push(Problem::at(path, 1, "begin with `//!` and what the file is for"));
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_words_at_its_head_is_named() {
        let (_folder, files) = Files::example(&[
            ("good.rs", "//! What it is for.\nfn main() {}\n"),
            ("empty.rs", ""),
            ("late.rs", "use x;\n//! Too late.\n"),
            ("mute.rs", "//!\n//! Late.\n"),
            ("other.md", "no header"),
        ]);
        let paths: Vec<String> = check(&files).unwrap().into_iter().map(|problem| problem.path).collect();
        assert_eq!(paths, ["empty.rs", "late.rs", "mute.rs"]);
    }
}
