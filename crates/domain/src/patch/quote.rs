//! Names in headers as git quotes them: `"a/\303\274.txt"` with C escapes when a byte would not be safe.

/// Takes a quoted name off the front of `text` and gives its bytes and what follows; none when it is not closed
/// or holds an escape that git does not write.
pub(super) fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut name = Vec::new();
    loop {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'"' => return Some((name, rest)),
            b'\\' => {
                let (value, after) = escape(rest)?;
                name.push(value);
                rest = after;
            }
            _ => name.push(byte),
        }
    }
}

fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let (&byte, rest) = text.split_first()?;
    let value = match byte {
        b'a' => 7,
        b'b' => 8,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 11,
        b'f' => 12,
        b'r' => b'\r',
        b'"' | b'\\' => byte,
        b'0'..=b'3' => return octal(text),
        _ => return None,
    };
    Some((value, rest))
}

fn octal(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, rest) = text.split_at_checked(3)?;
    let value = digits.iter().try_fold(0u32, |sum, digit| {
        (b'0'..=b'7').contains(digit).then(|| sum * 8 + u32::from(digit - b'0'))
    })?;
    Some((u8::try_from(value).ok()?, rest))
}

/// A name as git writes it with `core.quotePath` on: quoted only when it must be.
pub(super) fn quote(name: &str) -> String {
    let plain = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
    if name.bytes().all(plain) {
        return name.to_owned();
    }
    let mut out = String::from("\"");
    for byte in name.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            _ if plain(byte) => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\{byte:03o}")),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_and_unquoting_are_inverse() {
        for name in ["plain", "with space", "ünï", "a\"b\\c", "tab\tnew\nline"] {
            let quoted = quote(name);
            if let Some((bytes, rest)) = unquote(quoted.as_bytes()) {
                assert_eq!((bytes.as_slice(), rest), (name.as_bytes(), &b""[..]));
            } else {
                assert_eq!(quoted, name);
            }
        }
        assert_eq!(quote("ü"), "\"\\303\\274\"");
    }

    #[test]
    fn every_escape_that_git_writes_is_read() {
        let quoted = br#""\a\b\t\n\v\f\r\"\\\000\177\377"rest"#;
        let name = b"\x07\x08\t\n\x0b\x0c\r\"\\\x00\x7f\xff".to_vec();
        assert_eq!(unquote(quoted), Some((name, &b"rest"[..])));
    }

    #[test]
    fn names_are_quoted_only_where_they_must_be() {
        assert_eq!((quote(" ~").as_str(), quote("a\x1f").as_str()), (" ~", "\"a\\037\""));
        assert_eq!((quote("a\x7f").as_str(), quote("a\"\\").as_str()), ("\"a\\177\"", "\"a\\\"\\\\\""));
        assert_eq!(quote("\t\n~"), "\"\\t\\n~\"");
    }

    #[test]
    fn broken_quotes_are_no_name() {
        for text in ["\"open", "\"\\", "\"\\x41\"", "\"\\4\"", "\"\\400\"", "plain"] {
            assert_eq!(unquote(text.as_bytes()), None, "{text}");
        }
    }
}
