//! What happened to a text as a whole on its way here, undone: line ends that were written out, line ends that became
//! CR LF throughout. Nothing within a patch is mended here.

use super::PatchMend;

/// Mends what happened to the text as a whole on its way here.
pub(super) fn mend(bytes: &[u8]) -> (Option<Vec<u8>>, Vec<PatchMend>) {
    let mut text = None;
    let mut mended = Vec::new();
    if let Some(unescaped) = unescape_newlines(bytes) {
        text = Some(unescaped);
        mended.push(PatchMend::EscapedNewlines);
    }
    let now = text.as_deref().unwrap_or(bytes);
    if is_crlf_throughout(now) {
        let lf = now.split_inclusive(|byte| *byte == b'\n').flat_map(strip_cr).copied().collect();
        text = Some(lf);
        mended.push(PatchMend::Crlf);
    }
    (text, mended)
}

/// A text without a single line end whose `\n` are written out: it was escaped once too often. A `\n` that belongs to
/// the code looks the same: it is one when no line of a diff can begin behind it, and the hunks of such a text are
/// believed only when their counts come out right.
fn unescape_newlines(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = bytes.trim_ascii();
    while let Some(rest) = body.strip_prefix(b"\\n") {
        body = rest;
    }
    let starts = body.starts_with(b"diff --git ") || body.starts_with(b"--- ");
    if !starts || body.contains(&b'\n') {
        return None;
    }
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after.first()) {
            (b'\\', Some(b'n')) if may_begin_line(&after[1..]) => out.push(b'\n'),
            _ => {
                out.push(byte);
                continue;
            }
        }
        rest = &after[1..];
    }
    out.contains(&b'\n').then_some(out)
}

/// Whether a line of a diff can begin like this.
fn may_begin_line(rest: &[u8]) -> bool {
    const WORDS: [&[u8]; 8] =
        [b"diff ", b"index ", b"new ", b"deleted ", b"old ", b"similarity ", b"rename ", b"copy "];
    match rest.first() {
        None => true,
        Some(b' ' | b'+' | b'-' | b'@') => true,
        Some(b'\\') => rest.starts_with(b"\\n") || rest.starts_with(b"\\ "),
        Some(_) => WORDS.iter().any(|word| rest.starts_with(word)),
    }
}

/// Whether every line ends in CR LF, headers too: then a transport did it, and not the file.
fn is_crlf_throughout(bytes: &[u8]) -> bool {
    let mut ends =
        bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")).peekable();
    ends.peek().is_some() && ends.all(|line| line.ends_with(b"\r\n"))
}

fn strip_cr(line: &[u8]) -> impl Iterator<Item = &u8> {
    let (body, end) = match line.strip_suffix(b"\r\n") {
        Some(body) => (body, b"\n".as_slice()),
        None => (line, b"".as_slice()),
    };
    body.iter().chain(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_that_are_cr_lf_throughout_become_lf() {
        let crlf = vec![PatchMend::Crlf];
        assert_eq!(mend(b"a\r\n\r\nb\r\r\n"), (Some(b"a\n\nb\r\n".to_vec()), crlf.clone()));
        assert_eq!(mend(b"a\r\nb"), (Some(b"a\nb".to_vec()), crlf));
        for other in ["a\r\nb\n", "a\nb\r\n", "a\n", "a", "a\r"] {
            assert_eq!(mend(other.as_bytes()), (None, vec![]), "{other:?}");
        }
    }

    #[test]
    fn written_out_line_ends_are_undone_where_a_line_of_a_diff_can_begin() {
        let undone =
            |text: &str| unescape_newlines(text.as_bytes()).map(|text| String::from_utf8(text).unwrap());
        for (text, expected) in [
            (r"--- a\n\n x\n\ No", "--- a\n\n x\n\\ No"),
            (r"\n --- a", ""),
            (r"\n--- a\n+b\nc\n-d\n@@\n", "--- a\n+b\\nc\n-d\n@@\n"),
            (
                r"diff --git a b\nindex 1\nnew f\ndeleted f\nold m\nsimilarity i\nrename f\ncopy f\ndiff x",
                "diff --git a b\nindex 1\nnew f\ndeleted f\nold m\nsimilarity i\nrename f\ncopy f\ndiff x",
            ),
            (r"--- a\\n", "--- a\\\n"),
            ("--- a\\n+b\n", "--- a\n+b"),
        ] {
            assert_eq!(undone(text).unwrap_or_default(), expected, "{text}");
        }
        assert_eq!(undone("--- a\\n+b\n c"), None, "it has line ends of its own");
        assert_eq!(undone(r"x\n+b"), None);
        assert_eq!(undone("--- a"), None);
    }
}
