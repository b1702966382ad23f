//! The two faults of JSON that models make often and that can mean only one thing: a comma before a closing
//! bracket, and line ends or tabs left unescaped in a string. Everything else is refused.

use super::Mend;

/// The mended text and what was mended; none when there is nothing of the kind.
pub(super) fn mend(text: &str) -> Option<(String, Vec<Mend>)> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut mended = Vec::new();
    let mut in_string = false;
    let mut escaped = false;
    for (at, ch) in text.char_indices() {
        if in_string {
            let raw = match ch {
                '\n' => Some("\\n"),
                '\r' => Some("\\r"),
                '\t' => Some("\\t"),
                _ => None,
            };
            if let (Some(raw), false) = (raw, escaped) {
                out.push_str(raw);
                note(&mut mended, Mend::RawControl);
                continue;
            }
            in_string = escaped || ch != '"';
            escaped = !escaped && ch == '\\';
        } else if ch == '"' {
            in_string = true;
        } else if ch == ',' && closes_next(&text[at + 1..]) {
            note(&mut mended, Mend::TrailingComma);
            continue;
        }
        out.push(ch);
    }
    (!mended.is_empty()).then_some((out, mended))
}

fn note(mended: &mut Vec<Mend>, mend: Mend) {
    if !mended.contains(&mend) {
        mended.push(mend);
    }
}

/// Whether only white space stands before a closing bracket. Looks at most 4 KiB ahead, so that text of commas and
/// blanks stays cheap; no writer indents deeper.
fn closes_next(rest: &str) -> bool {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    matches!(rest.bytes().take(4_096).find(|byte| !blank(byte)), Some(b'}' | b']'))
}
