//! Added text that people or machines read otherwise than it looks. Non-UTF-8 text is looked at as far as it reads.

use super::{Findings, GateInput, Rule, limits, paths};
use crate::patch::Touched;
use crate::patch::paths::is_invisible;

/// Between these marks stands a private key (RFC 7468, and the older forms of OpenSSL and OpenSSH).
const KEY_MARK: (&str, &str) = ("-----BEGIN ", "PRIVATE KEY");

/// A rule and what it looks for in a line.
type Check = (Rule, fn(&str) -> bool);

pub(super) fn judge(input: &GateInput<'_>, file: &Touched<'_>, findings: &mut Findings) {
    let longest = limits::of(input).line_bytes;
    let checks: [Check; 4] = [
        (Rule::HiddenCharacters, has_hidden),
        (Rule::ControlCharacters, has_control),
        (Rule::ConfusableText, has_mixed_word),
        (Rule::PrivateKey, has_private_key),
    ];
    if let Some((line, _)) = file.added.iter().find(|(_, text)| text.len() > longest) {
        findings.say(Rule::UnreadableLine, file, Some(*line));
    }
    for (rule, found) in checks {
        let hit = file.added.iter().find(|(_, line)| found(&String::from_utf8_lossy(line)));
        if let Some((line, _)) = hit {
            findings.say(rule, file, Some(*line));
        }
    }
}

/// Invisible characters; the separators of lines and paragraphs are white space, and a mark at a file's start is a
/// matter of encoding, but both are rare enough in added lines that only the separators are left alone.
fn has_hidden(line: &str) -> bool {
    line.chars().any(|ch| is_invisible(ch) && !matches!(ch, '\u{2028}' | '\u{2029}'))
}

/// Control characters beside tab, CR, LF, form feed and vertical tab, which texts do hold.
fn has_control(line: &str) -> bool {
    line.chars().any(|ch| ch.is_control() && !matches!(ch, '\t' | '\r' | '\n' | '\u{b}' | '\u{c}'))
}

fn has_mixed_word(line: &str) -> bool {
    !line.is_ascii()
        && line.split(|ch: char| !(ch.is_alphanumeric() || ch == '_')).any(paths::mixes_alphabets)
}

fn has_private_key(line: &str) -> bool {
    line.split_once(KEY_MARK.0).is_some_and(|(_, rest)| rest.contains(KEY_MARK.1))
}
