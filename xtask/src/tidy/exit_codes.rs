//! The manual's table of exit codes says what the code says, row by row.

use domain::exit_code::ExitCode;

use super::{Files, Problem};

const MANUAL: &str = "docs/manual/exit-codes.md";

pub(super) fn check(files: &Files) -> anyhow::Result<Vec<Problem>> {
    if !files.has(MANUAL) {
        return Ok(vec![Problem::of_file(MANUAL, "the table of exit codes is missing")]);
    }
    let found = rows(&files.text(MANUAL)?.unwrap_or_default());
    let wanted: Vec<(u8, &str)> = ExitCode::ALL.iter().map(|code| (code.code(), code.meaning())).collect();
    let mut problems = Vec::new();
    for (line, code, meaning) in &found {
        if !wanted.contains(&(*code, meaning)) {
            problems.push(Problem::at(MANUAL, *line, format!("the program has no `| {code} | {meaning} |`")));
        }
    }
    for (code, meaning) in &wanted {
        let times =
            found.iter().filter(|(_, own, words)| (*own, words.as_str()) == (*code, *meaning)).count();
        if times != 1 {
            problems.push(Problem::of_file(
                MANUAL,
                format!("`| {code} | {meaning} |` stands there {times} times"),
            ));
        }
    }
    Ok(problems)
}

/// Table rows whose first cell is a number: line, number, second cell.
fn rows(text: &str) -> Vec<(usize, u8, String)> {
    let row = |(index, line): (usize, &str)| {
        let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
        let code = cells.next()?.parse().ok()?;
        Some((index + 1, code, cells.next()?.to_owned()))
    };
    text.lines().enumerate().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> String {
        let rows =
            ExitCode::ALL.iter().map(|code| format!("| {} | {} | more |\n", code.code(), code.meaning()));
        format!(
            "# Exit codes\n\n| exit | meaning | what to do |\n|---|---|---|\n{}",
            rows.collect::<String>()
        )
    }

    fn problems(text: &str) -> Vec<String> {
        let (_folder, files) = Files::example(&[(MANUAL, text)]);
        check(&files).unwrap().into_iter().map(|problem| problem.to_string()).collect()
    }

    #[test]
    fn the_whole_table_is_right() {
        assert_eq!(problems(&table()), [""; 0]);
    }

    #[test]
    fn another_meaning_is_told_from_both_sides() {
        let found = problems(&table().replace("| 130 | aborted |", "| 130 | stopped |"));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("the program has no `| 130 | stopped |`"));
        assert!(found[1].contains("`| 130 | aborted |` stands there 0 times"));
    }

    #[test]
    fn a_missing_row_a_repeated_row_and_a_missing_file_are_told() {
        let without: String =
            table().lines().filter(|line| !line.starts_with("| 3 ")).map(|l| format!("{l}\n")).collect();
        assert_eq!(problems(&without).len(), 1);
        assert_eq!(problems(&(table() + "| 0 | done |\n")).len(), 1);
        let (_folder, files) = Files::example(&[]);
        assert_eq!(check(&files).unwrap().len(), 1);
    }
}
