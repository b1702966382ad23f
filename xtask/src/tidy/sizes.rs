//! No Rust file grows beyond what a reader takes in: 800 lines, tests counted.

use super::{Files, Problem};

const MOST: usize = 800;

pub(super) fn check(files: &Files) -> anyhow::Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for path in files.ending(".rs") {
        let lines = files.text(path)?.unwrap_or_default().lines().count();
        if lines > MOST {
            problems.push(Problem::of_file(path, format!("{lines} lines; split it, at most {MOST}")));
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_that_fits_is_the_eight_hundredth() {
        let (fits, long) = ("//\n".repeat(800), "//\n".repeat(801));
        let (_folder, files) = Files::example(&[("a.rs", &fits), ("b.rs", &long), ("c.md", &long)]);
        let problems = check(&files).unwrap();
        assert_eq!(problems, [Problem::of_file("b.rs", "801 lines; split it, at most 800")]);
    }
}
