//! Names of reports that stay the same when lines move or are edited elsewhere.
//!
//! A name is `path code message`, with bare numbers folded. The text of the line is left out on purpose: two reports
//! often stand on one line, and removing one of them would make the other look new. Equal names are counted, so a
//! second one is still seen; what is not seen is one report going while an equal one comes in the same file.

use std::borrow::Cow;

/// The longest name, in characters: messages may quote whole types.
const LONGEST: usize = 300;

/// The name of a report.
pub(super) fn report(path: &str, code: &str, message: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let words: Vec<String> = message.split_whitespace().map(fold).collect();
    let name = format!("{path} {code} {}", words.join(" "));
    name.chars().map(|c| if c.is_control() { '?' } else { c }).take(LONGEST).collect()
}

/// A word without its bare numbers: `(101` becomes `(#`; `x1` and `E501` stay.
fn fold(word: &str) -> String {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut folded = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let run = if part_of_name(first) {
            rest.find(|c| !part_of_name(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (part, after) = rest.split_at(run);
        folded.push_str(if part.bytes().all(|b| b.is_ascii_digit()) { "#" } else { part });
        rest = after;
    }
    folded
}

/// A test's name without addresses in memory, which are others in each run: `test_a[<X object at 0x7f3a>]`.
pub(super) fn without_addresses(name: &str) -> Cow<'_, str> {
    if !name.contains("0x") {
        return Cow::Borrowed(name);
    }
    let mut parts = name.split("0x");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        // Short ones are numbers that the test is about.
        let (kept, rest) = if digits >= 6 { ("#", &part[digits..]) } else { ("", part) };
        out.push_str("0x");
        out.push_str(kept);
        out.push_str(rest);
    }
    Cow::Owned(out)
}

/// The path as the change names it: tools report absolute paths, which differ from run to run. Among the files that
/// the tool was given it is the longest that ends the reported one.
pub(super) fn relative<'a>(reported: &'a str, given: &'a [String]) -> &'a str {
    let ends = |path: &&String| {
        reported.strip_suffix(path.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    given.iter().filter(ends).max_by_key(|path| path.len()).map_or(reported, String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_when_numbers_in_its_message_change() {
        assert_eq!(
            report("a.py", "E501", "Line too long (101 > 88)"),
            report("a.py", "E501", "Line too long (99 > 88)")
        );
        assert_eq!(report("./a.py", "F841", "`x1` is 2.5"), "a.py F841 `x1` is #.#");
    }

    #[test]
    fn a_tests_name_stays_when_its_parameter_lies_elsewhere() {
        assert_eq!(without_addresses("a[<X at 0x7f3a11bc>-0xff]"), "a[<X at 0x#>-0xff]");
        assert_eq!(without_addresses("0x"), "0x");
    }

    #[test]
    fn a_reported_path_is_found_among_the_given_ones() {
        let given = ["a.py".to_owned(), "b/a.py".to_owned()];
        assert_eq!(relative("/box/tree/b/a.py", &given), "b/a.py");
        assert_eq!(relative("/box/tree/a.py", &given), "a.py");
        assert_eq!(relative("/box/tree/xa.py", &given), "/box/tree/xa.py");
    }
}
