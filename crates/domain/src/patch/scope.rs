//! Which of several places a hunk means, when it says under which line of the file it stands or that it ends the file.
//! Only what can be read off the file's indentation counts: a place is meant when it stands in the named block and
//! every other one stands outside of it, however generously the block is drawn.

use super::Hunk;
use super::lines::Lined;
use super::search::{GaveUp, Text};

/// A line that stands more often than this names no block.
const MAX_BLOCKS: usize = 20;

/// The places that the hunk's own words leave; all of them where they leave none or say nothing.
///
/// # Errors
/// [`GaveUp`] when the file has been searched too much.
pub(super) fn narrow(
    hunk: &Hunk,
    text: &mut Text<'_>,
    mut places: Vec<usize>,
    length: usize,
) -> Result<Vec<usize>, GaveUp> {
    if hunk.at_end {
        let last = text.lines.len().checked_sub(length);
        if let Some(at) = places.iter().copied().find(|at| Some(*at) == last) {
            return Ok(vec![at]);
        }
    }
    for heading in &hunk.scope {
        if places.len() < 2 {
            break;
        }
        // A line that is part of the hunk stands in every place.
        if hunk.old_lines().any(|line| line.text.trim_ascii() == heading.as_slice()) {
            continue;
        }
        if let Some(kept) = in_block(heading, text, &places)? {
            places = kept;
        }
    }
    Ok(places)
}

/// The places within the block that this line heads; none when the line stands nowhere or too often, or when it
/// cannot be said of each place whether it is inside.
fn in_block(heading: &[u8], text: &mut Text<'_>, places: &[usize]) -> Result<Option<Vec<usize>>, GaveUp> {
    text.spend(text.lines.len())?;
    let is_head = |line: &[u8]| {
        let line = line.trim_ascii();
        // git cuts what it shows of a heading at 80 bytes.
        line == heading || (heading.len() >= 70 && line.starts_with(heading))
    };
    let heads: Vec<usize> = text
        .lines
        .from(0)
        .enumerate()
        .filter(|(_, line)| is_head(line))
        .map(|(at, _)| at)
        .take(MAX_BLOCKS + 1)
        .collect();
    if heads.is_empty() || heads.len() > MAX_BLOCKS {
        return Ok(None);
    }
    text.spend(text.lines.len().saturating_mul(heads.len()))?;
    let mut kept = Vec::new();
    let blocks: Vec<(usize, usize, usize)> = heads.iter().map(|head| block(&text.lines, *head)).collect();
    for place in places {
        let inside = blocks.iter().any(|(head, sure, _)| place > head && place < sure);
        let perhaps = blocks.iter().any(|(head, _, widest)| place > head && place < widest);
        match (inside, perhaps) {
            (true, _) => kept.push(*place),
            (false, true) => return Ok(None),
            (false, false) => {}
        }
    }
    Ok(Some(kept).filter(|kept| !kept.is_empty()))
}

/// The head's line, where its block ends for sure at the latest line that is deeper, and where it ends at the widest.
fn block(lines: &Lined<'_>, head: usize) -> (usize, usize, usize) {
    let depth = lines.get(head).map_or(0, indent);
    let mut sure = None;
    for (at, line) in (head + 1..).zip(lines.from(head + 1)) {
        if line.trim_ascii().is_empty() || indent(line) > depth {
            continue;
        }
        let first = line.trim_ascii()[0];
        let closes_signature = matches!(first, b')' | b']' | b'{');
        if !closes_signature {
            sure = sure.or(Some(at));
            if opens_another(line) {
                return (head, sure.unwrap_or(at), at);
            }
        }
    }
    (head, sure.unwrap_or(lines.len()), lines.len())
}

/// Whether a line at the head's depth surely belongs to something else: it begins a definition.
fn opens_another(line: &[u8]) -> bool {
    const WORDS: &[&str] = &[
        "def",
        "class",
        "async",
        "fn",
        "pub",
        "impl",
        "struct",
        "enum",
        "trait",
        "mod",
        "func",
        "type",
        "function",
        "export",
        "interface",
        "public",
        "private",
        "protected",
        "static",
        "describe(",
        "it(",
        "test(",
        "@",
        "#[",
    ];
    let text = line.trim_ascii();
    WORDS.iter().any(|word| {
        text.strip_prefix(word.as_bytes()).is_some_and(|rest| {
            !word.ends_with(|ch: char| ch.is_ascii_alphabetic())
                || rest.first().is_some_and(u8::is_ascii_whitespace)
        })
    })
}

/// Columns of white space in front; a tab counts as eight.
fn indent(line: &[u8]) -> usize {
    let blank = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    blank.map(|byte| if *byte == b'\t' { 8 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(file: &str, heading: &str, places: &[usize]) -> Option<Vec<usize>> {
        in_block(heading.as_bytes(), &mut Text::new(Lined::new(file.as_bytes())), places).unwrap()
    }

    const FILE: &str = "def f(\n    a,\n):\n    x = 1\n\ndef g():\n    x = 1\n";

    #[test]
    fn a_heading_leaves_the_places_in_its_block() {
        assert_eq!(kept(FILE, "def g():", &[3, 6]), Some(vec![6]));
        assert_eq!(kept(FILE, "def f(", &[3, 6]), Some(vec![3]));
        assert_eq!(kept(FILE, "def h():", &[3, 6]), None);
    }

    #[test]
    fn a_place_is_inside_from_behind_the_head_to_the_next_line_at_its_depth() {
        let file = "def f():\n    x = 1\n    x = 1\ndef g():\n    x = 1\n";
        assert_eq!(kept(file, "def f():", &[0, 1, 2, 3, 4]), Some(vec![1, 2]));
        let unsure = "def f():\n    x = 1\ny = 1\n    x = 1\ndef g():\n    x = 1\n";
        assert_eq!(kept(unsure, "def f():", &[1, 5]), Some(vec![1]));
        assert_eq!(kept(unsure, "def f():", &[1, 4]), Some(vec![1]), "the next definition is outside");
        assert_eq!(kept(unsure, "def f():", &[1, 2]), None, "a line that may end the block");
        assert_eq!(kept(unsure, "def f():", &[0, 5]), None, "the head itself is outside");
        let last = "class A:\n    x = 1\n";
        assert_eq!(kept(last, "class A:", &[1]), Some(vec![1]));
        let tabs = "if a:\n\tif b:\n        x = 1\ndef f():\n\tx = 1\n";
        assert_eq!(kept(tabs, "if b:", &[2, 4]), None, "a tab is eight columns");
        assert_eq!(kept("if a:\n\tx = 1\ndef f():\n\tx = 1\n", "if a:", &[1, 3]), Some(vec![1]));
    }

    #[test]
    fn a_heading_stands_at_most_20_times() {
        let file = |count: usize| format!("{}def g():\n    x = 1\n", "if a:\n    x = 1\n".repeat(count));
        assert_eq!(kept(&file(20), "if a:", &[1, 41]), Some(vec![1]));
        assert_eq!(kept(&file(21), "if a:", &[1, 43]), None);
    }

    #[test]
    fn definitions_begin_with_their_word() {
        for line in
            ["def f():", "  class A", "@x", "#[x]", "describe(x", "it(x", "pub\tfn", "async x", "test('a'"]
        {
            assert!(opens_another(line.as_bytes()), "{line}");
        }
        for line in ["define", "classes = 1", "x = def", "publish", "itx(", "type", ""] {
            assert!(!opens_another(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn where_a_block_ends_is_not_guessed() {
        let odd = "def f():\n    x = 1\nelse_what\n    x = 1\ndef g():\n    pass\n";
        assert_eq!(kept(odd, "def f():", &[1, 3]), None);
        let often = "if a:\n    x = 1\n".repeat(30);
        assert_eq!(kept(&often, "if a:", &[1, 3]), None);
    }

    #[test]
    fn a_long_heading_may_be_cut() {
        let long = format!("def {}(self):", "f".repeat(90));
        let file = format!("{long}\n    x = 1\ndef g():\n    x = 1\n");
        assert_eq!(kept(&file, &long[..80], &[1, 3]), Some(vec![1]));
        assert_eq!(kept(&file, &long[..70], &[1, 3]), Some(vec![1]));
        assert_eq!(kept(&file, &long[..69], &[1, 3]), None);
    }
}
