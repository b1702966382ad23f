//! Which lines of a file that is too large to be shown whole belong to one of its lines. By indentation only: it works
//! for every language and for files that do not parse.

/// A block of lines: first and last, counted from 0.
pub(super) type Block = (usize, usize);

/// Lines shown on each side of the line in question, at most.
const RADIUS: usize = 60;

/// An enclosing block up to this many lines is shown whole.
const ENCLOSING: usize = 120;

/// Where imports are looked for, and how many lines of them are shown at most.
const HEAD_SEARCH: usize = 200;
const HEAD: usize = 80;

/// Choices of blocks for the line `at` (from 0), the richest first and the line alone last. Blocks are in order and do
/// not overlap; none is empty. `lines` must not be empty and `at` must be one of them.
pub(super) fn choices(lines: &[&str], at: usize) -> Vec<Vec<Block>> {
    let last = lines.len().saturating_sub(1);
    let around = |radius: usize| (at.saturating_sub(radius), (at + radius).min(last));
    let (first, end) = enclosing(lines, at);
    let near = around(RADIUS);
    let window = (near.0.min(first), near.1.max(end));
    let mut choices = Vec::new();
    if let Some(imports) = imports(lines) {
        choices.push(joined((0, imports), window));
        choices.push(joined((0, imports), (first, end)));
    }
    choices.push(vec![window]);
    choices.extend([RADIUS / 2, RADIUS / 4, RADIUS / 8, 2, 0].map(|radius| vec![around(radius)]));
    choices
}

fn joined(head: Block, window: Block) -> Vec<Block> {
    if window.0 <= head.1 + 1 { vec![(0, head.1.max(window.1))] } else { vec![head, window] }
}

/// The largest block of at most [`ENCLOSING`] lines that encloses a line by its indentation, from the line that opens
/// it; the line alone when there is none.
fn enclosing(lines: &[&str], at: usize) -> Block {
    let mut block = (at, at);
    let mut inner = lines.get(at).map_or(0, |line| indent(line));
    for (opener, line) in lines.iter().enumerate().take(at).rev() {
        if at - opener > ENCLOSING || inner == 0 {
            break;
        }
        if line.trim().is_empty() || indent(line) >= inner {
            continue;
        }
        inner = indent(line);
        let end = end_of_block(lines, at, inner);
        if end - opener >= ENCLOSING {
            break;
        }
        block = (opener, end);
    }
    block
}

/// The last line from `at` on that is indented deeper than the opener, and the closing bracket after it.
fn end_of_block(lines: &[&str], at: usize, opener: usize) -> usize {
    let mut end = at;
    for (number, line) in lines.iter().enumerate().skip(at + 1) {
        if line.trim().is_empty() {
            continue;
        }
        if indent(line) <= opener {
            let closes = line.trim_start().starts_with(['}', ')', ']']);
            return if closes && indent(line) == opener { number } else { end };
        }
        end = number;
        if end - at > ENCLOSING {
            break;
        }
    }
    end
}

/// Leading white space in characters; a tab counts as one, which is enough to compare lines of one file.
fn indent(line: &str) -> usize {
    line.chars().take_while(|c| c.is_whitespace()).count()
}

/// The last line of the imports at the head of a file, counted from 0.
pub(super) fn imports(lines: &[&str]) -> Option<usize> {
    const WORDS: [&str; 8] =
        ["import ", "import(", "from ", "use ", "pub use ", "#include", "package ", "require "];
    let is_import = |line: &&str| {
        WORDS.iter().any(|word| line.starts_with(word))
            || (line.starts_with("const ") && line.contains("require("))
    };
    let head = &lines[..lines.len().min(HEAD_SEARCH)];
    let last = head.iter().rposition(is_import)?;
    let opens = lines[last].trim_end().ends_with(['(', '{', '[', ',']);
    let closing =
        || lines.iter().skip(last + 1).take(HEAD).position(|line| line.starts_with([')', '}', ']']));
    let end = if opens { closing().map_or(last, |after| last + 1 + after) } else { last };
    Some(end.min(HEAD - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Vec<&str> {
        text.lines().collect()
    }

    #[test]
    fn a_line_brings_the_function_and_class_around_it() {
        let lines = file(
            "import os\n\nclass A:\n    x = 1\n\n    def f(self):\n        a = 1\n\n        return a\n\nB = 2\n",
        );
        assert_eq!(enclosing(&lines, 6), (2, 8));
        assert_eq!(enclosing(&lines, 10), (10, 10));
    }

    #[test]
    fn a_closing_bracket_belongs_to_its_block() {
        let lines = file("fn f() {\n    if a {\n        b();\n    }\n}\nfn g() {}\n");
        assert_eq!(enclosing(&lines, 2), (0, 4));
    }

    #[test]
    fn imports_over_several_lines_are_taken_to_their_end() {
        assert_eq!(
            imports(&file("\"\"\"doc\"\"\"\nimport os\nfrom a import (\n    b,\n)\n\nx = 1\n")),
            Some(4)
        );
        assert_eq!(imports(&file("x = 1\n")), None);
    }

    #[test]
    fn every_choice_holds_the_line_and_the_last_is_the_line_alone() {
        let text: String = (0..500).map(|n| format!("{}line {n}\n", " ".repeat(n % 7))).collect();
        let lines = file(&text);
        for at in [0, 1, 250, 499] {
            let choices = choices(&lines, at);
            assert!(choices.iter().all(|blocks| blocks.iter().any(|(a, b)| (*a..=*b).contains(&at))), "{at}");
            assert!(choices.iter().flatten().all(|(a, b)| a <= b && *b < lines.len()));
            assert_eq!(choices.last(), Some(&vec![(at, at)]));
        }
    }
}
