//! Text that the policy forbids in added lines. It is looked for as text, so it is a tripwire: where people read, a
//! person is asked; anywhere else it refuses.

use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::{Findings, Rule, Verdict};
use crate::patch::Touched;

/// What separates the parts of a text, with anything between them.
const ANYTHING: &str = ".*";

/// The most memory of one text as it is looked for, in bytes.
const MEMORY: usize = 1 << 20;

/// Endings of files that people read and nothing runs.
const PROSE: [&str; 5] = [".md", ".rst", ".txt", ".adoc", ".markdown"];

/// One forbidden text; `.*` stands for anything, all else for itself. Blanks stand for any white space (or none,
/// beside a sign), and words are whole words: `sudo` is not in `pseudocode`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ForbiddenText {
    text: String,
    pattern: Regex,
}

/// A text that cannot be looked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// There is nothing to look for.
    #[error("{0:?} stands for every line; name what is forbidden")]
    Empty(String),
    /// It is too long.
    #[error("a forbidden text of {0} bytes is too long")]
    TooLong(usize),
}

impl TryFrom<String> for ForbiddenText {
    type Error = InvalidText;
    fn try_from(text: String) -> Result<Self, InvalidText> {
        let parts: Vec<String> = text.split(ANYTHING).map(part).filter(|part| !part.is_empty()).collect();
        if parts.is_empty() {
            return Err(InvalidText::Empty(text));
        }
        let built = RegexBuilder::new(&parts.join(ANYTHING)).size_limit(MEMORY).build();
        built.map_err(|_| InvalidText::TooLong(text.len())).map(|pattern| Self { text, pattern })
    }
}

impl From<ForbiddenText> for String {
    fn from(forbidden: ForbiddenText) -> Self {
        forbidden.text
    }
}

impl PartialEq for ForbiddenText {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl ForbiddenText {
    /// The text as the policy writes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a line holds it.
    pub fn is_in(&self, line: &[u8]) -> bool {
        self.pattern.is_match(line)
    }
}

/// The pattern of a part between two stretches of anything.
fn part(text: &str) -> String {
    let mut pattern = String::new();
    let mut before: Option<&str> = None;
    for word in text.split_whitespace() {
        let sign = |ch: Option<char>| ch.is_some_and(|ch| !is_word(ch));
        if let Some(before) = before {
            let beside_sign = sign(before.chars().next_back()) || sign(word.chars().next());
            pattern.push_str(if beside_sign { r"\s*" } else { r"\s+" });
        } else if word.starts_with(is_word) {
            pattern.push_str(r"\b");
        }
        pattern.push_str(&regex::escape(word));
        before = Some(word);
    }
    if before.is_some_and(|word| word.ends_with(is_word)) {
        pattern.push_str(r"\b");
    }
    pattern
}

fn is_word(ch: char) -> bool {
    ch.is_alphanumeric() || ch == '_'
}

pub(super) fn judge(forbidden: &[ForbiddenText], file: &Touched<'_>, findings: &mut Findings) {
    let path = file.file.path.as_str().to_lowercase();
    let prose = PROSE.iter().any(|ending| path.ends_with(ending));
    let verdict = if prose { Verdict::Review } else { Rule::ForbiddenText.verdict() };
    for (number, line) in &file.added {
        if let Some(found) = forbidden.iter().find(|text| text.is_in(line)) {
            let said = format!("{} ({:?})", Rule::ForbiddenText.text(), found.as_str());
            findings.at(Rule::ForbiddenText, verdict, file, Some(*number), said);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(text: &str, line: &str) -> bool {
        ForbiddenText::try_from(text.to_owned()).unwrap().is_in(line.as_bytes())
    }

    #[test]
    fn a_text_stands_for_itself_and_for_whole_words() {
        assert!(is_in("sudo", "sudo reboot") && is_in("sudo", "  run(\"sudo\")") && is_in("sudo", "x;sudo"));
        assert!(!is_in("sudo", "pseudocode") && !is_in("sudo", "sudoers") && !is_in("sudo", "sudo_user"));
        assert!(is_in("chmod 777", "chmod   777 x") && !is_in("chmod 777", "chmod 7770"));
        assert!(is_in("rm -rf /", "rm -rf /usr") && !is_in("rm -rf /", "rm -rf ./x"));
        assert!(is_in("a.b", "a.b") && !is_in("a.b", "axb"));
    }

    #[test]
    fn dot_star_stands_for_anything_in_order() {
        let pipe = "curl .* | bash";
        assert!(is_in(pipe, "curl -s u | bash") && is_in(pipe, "x && curl u | tee y | bash -s"));
        assert!(
            !is_in(pipe, "bash | curl u")
                && !is_in(pipe, "curl u | bashful")
                && !is_in(pipe, "curlx u | bash")
        );
        assert!(is_in("a.*b.*c", "a b c") && !is_in("a.*b.*c", "a c b"));
        assert!(is_in("wget .* | sh", "wget u | shred | sh") && !is_in("wget .* | sh", "wget u | shred"));
    }

    #[test]
    fn a_text_that_stands_for_everything_or_is_huge_is_an_error() {
        let error = |text: &str| ForbiddenText::try_from(text.to_owned()).unwrap_err();
        for text in ["", ".*", "  .* "] {
            assert_eq!(error(text), InvalidText::Empty(text.to_owned()));
        }
        let huge = "x y".repeat(100_000);
        assert_eq!(error(&huge), InvalidText::TooLong(huge.len()));
    }

    #[test]
    fn a_text_is_the_one_that_the_policy_writes() {
        let read = |text: &str| ForbiddenText::try_from(text.to_owned()).unwrap();
        assert_eq!((read("a  b").as_str(), String::from(read("a  b"))), ("a  b", "a  b".to_owned()));
        assert!(read("a") == read("a") && read("a") != read("b"));
    }

    #[test]
    fn blanks_beside_a_sign_may_be_missing() {
        assert!(is_in("curl .* | bash", "curl u|bash") && is_in("a b", "a\tb") && !is_in("a b", "ab"));
    }
}
