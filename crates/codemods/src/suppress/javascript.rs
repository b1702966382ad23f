//! `eslint-disable-line`, `eslint-disable-next-line`, and `eslint-disable` ... `eslint-enable`.

use super::{Codes, File, Silence};

pub(super) fn silences(file: &File<'_>) -> Vec<Silence> {
    let mut silences = Vec::new();
    let mut open: Vec<(usize, Codes)> = Vec::new();
    for range in &file.comments {
        let comment = file.comment(range);
        let is_block = comment.starts_with("/*");
        let words = comment.trim_start_matches(['/', '*']).trim_end_matches(['/', '*']).trim();
        let (command, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
        let codes = codes(rest);
        match command {
            "eslint-disable-line" => silences.push(Silence { bytes: file.line_at(range.start), codes }),
            "eslint-disable-next-line" => {
                let next = file.line_at(range.end).end;
                silences.push(Silence { bytes: file.line_at(next), codes });
            }
            "eslint-disable" if is_block => open.push((range.start, codes)),
            "eslint-enable" if is_block => close(&mut open, &codes, range.end, &mut silences),
            _ => {}
        }
    }
    silences
        .extend(open.into_iter().map(|(start, codes)| Silence { bytes: start..file.text.len() + 1, codes }));
    silences
}

/// Ends what was opened: everything, or (of a list of rules) the rules that are named.
fn close(open: &mut Vec<(usize, Codes)>, enabled: &Codes, end: usize, silences: &mut Vec<Silence>) {
    for (start, codes) in std::mem::take(open) {
        match (&codes, enabled) {
            (Codes::These(names), Codes::These(enabled)) => {
                let (ended, kept): (Vec<_>, Vec<_>) =
                    names.iter().cloned().partition(|name| enabled.contains(name));
                silences.push(Silence { bytes: start..end, codes: Codes::These(ended) });
                if !kept.is_empty() {
                    open.push((start, Codes::These(kept)));
                }
            }
            (_, Codes::All) => silences.push(Silence { bytes: start..end, codes }),
            (Codes::All, Codes::These(_)) => open.push((start, codes)),
        }
    }
}

/// The names in `rule-a, rule-b -- why`; none means all.
fn codes(words: &str) -> Codes {
    let names = words.split("--").next().unwrap_or_default();
    let names: Vec<String> =
        names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.is_empty() { Codes::All } else { Codes::These(names) }
}
