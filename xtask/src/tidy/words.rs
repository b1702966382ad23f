//! Words that no file may have in it, from a list that says why: paths of one machine, hosts of package registries.

use anyhow::{Context, bail};
use regex::Regex;

use super::{Files, Problem};

const LIST: &str = "xtask/banned-words.txt";
/// Written by cargo, with the registry in it, here and in fuzz/.
const NOT_OURS: &str = "Cargo.lock";

/// One line of the list.
struct Ban {
    pattern: Regex,
    why: String,
}

pub(super) fn check(files: &Files) -> anyhow::Result<Vec<Problem>> {
    let list = files.text(LIST)?.with_context(|| format!("{LIST} is not UTF-8"))?;
    let bans = read(&list)?;
    let mut problems = Vec::new();
    for path in files.paths().iter().filter(|path| !path.ends_with(NOT_OURS)) {
        if let Some(text) = files.text(path)? {
            problems.extend(problems_of(path, &text, &bans));
        }
    }
    Ok(problems)
}

/// Lines of pattern, tab, reason; empty ones and those with a `#` at their start are passed over.
fn read(list: &str) -> anyhow::Result<Vec<Ban>> {
    let mut bans = Vec::new();
    for (index, line) in list.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((pattern, why)) = line.split_once('\t') else {
            bail!("{LIST}:{}: a pattern, a tab and a reason are wanted", index + 1);
        };
        let pattern = Regex::new(pattern).with_context(|| format!("{LIST}:{}", index + 1))?;
        bans.push(Ban { pattern, why: why.to_owned() });
    }
    Ok(bans)
}

fn problems_of(path: &str, text: &str, bans: &[Ban]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for ban in bans {
            if let Some(found) = ban.pattern.find(line) {
                problems.push(Problem::at(path, index + 1, format!("{:?} is {}", found.as_str(), ban.why)));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_banned_word_is_told_with_its_line_and_the_reason() {
        let list = "# why\n\nfo[o]+\ta word for the sake of the example\n";
        let (_folder, files) =
            Files::example(&[(LIST, list), ("a.txt", "one\ntwo fooo\n"), (NOT_OURS, "foo"), ("fine", "fo")]);
        let what = "\"fooo\" is a word for the sake of the example";
        assert_eq!(check(&files).unwrap(), [Problem::at("a.txt", 2, what)]);
    }

    #[test]
    fn a_file_that_is_no_text_is_passed_over() {
        let (folder, files) = Files::example(&[(LIST, "x\ty\n"), ("image", "")]);
        std::fs::write(folder.path().join("image"), b"\xff x").unwrap();
        assert!(check(&files).unwrap().iter().all(|problem| problem.path != "image"));
    }

    #[test]
    fn a_line_without_a_reason_and_a_broken_pattern_are_errors() {
        assert!(read("only-a-pattern").is_err());
        assert!(read("(\twhy").is_err());
    }

    #[test]
    fn the_project_s_own_list_finds_what_it_is_for() {
        let root = crate::root().unwrap();
        let bans = read(&std::fs::read_to_string(root.join(LIST)).unwrap()).unwrap();
        let registry = ["https://", "pypi", ".org/simple"].concat();
        let home = ["/home/", "ada", "/.cargo/bin"].concat();
        for line in [registry, home] {
            assert_eq!(problems_of("x", &line, &bans).len(), 1, "{line}");
        }
        assert!(problems_of("x", "/home/box and /usr/local", &bans).is_empty());
    }
}
