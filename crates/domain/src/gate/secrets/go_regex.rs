//! Patterns in Go's syntax, as this language's library reads them. The two differ in what may stand unescaped.

use regex::bytes::{Regex, RegexBuilder};

/// Compiles a pattern. Classes and word bounds are those of ASCII, as Go's are.
///
/// # Errors
/// When it is no pattern in either syntax.
pub(super) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&translated(pattern)).unicode(false).build()
}

/// Go takes a brace that opens no count, and a bracket or an ampersand within a class, for themselves.
fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let (mut rest, mut in_class) = (pattern, false);
    while let Some(ch) = rest.chars().next() {
        let taken = match ch {
            '\\' => escape(rest),
            '[' if in_class && rest.starts_with("[:") => rest.find(":]").map_or(1, |at| at + 2),
            _ => ch.len_utf8(),
        };
        let (part, after) = rest.split_at(taken);
        rest = after;
        match part {
            "[" if !in_class => {
                in_class = true;
                let negated = rest.starts_with('^');
                out.push_str(if negated { "[^" } else { "[" });
                rest = &rest[usize::from(negated)..];
                // A bracket right at the beginning is a member.
                if let Some(more) = rest.strip_prefix(']') {
                    out.push_str("\\]");
                    rest = more;
                }
            }
            "]" => {
                in_class = false;
                out.push(']');
            }
            "[" | "&" | "~" if in_class => out.extend(['\\', ch]),
            "{" if !in_class && !opens_count(rest) => out.push_str("\\{"),
            _ => out.push_str(part),
        }
    }
    out
}

/// The length of an escape, with the brace that begins the name of a character.
fn escape(rest: &str) -> usize {
    let braced = ["\\x{", "\\p{", "\\P{"].iter().any(|start| rest.starts_with(start));
    rest.char_indices().nth(if braced { 3 } else { 2 }).map_or(rest.len(), |(at, _)| at)
}

/// Whether a count such as `3}`, `3,}` or `3,5}` stands here.
fn opens_count(rest: &str) -> bool {
    let Some((count, _)) = rest.split_once('}') else { return false };
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (least, most) = count.split_once(',').unwrap_or((count, "0"));
    number(least) && (most.is_empty() || number(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_takes_for_itself_is_escaped_and_the_rest_is_left_alone() {
        for (go, ours) in [
            (r"a{2}b{2,}c{2,3}", r"a{2}b{2,}c{2,3}"),
            (r"{[^}]+}", r"\{[^}]+}"),
            (r"x{,3}{a}", r"x\{,3}\{a}"),
            (r"[^]]+[]a]", r"[^\]]+[\]a]"),
            (r"[[:alnum:]_]", r"[[:alnum:]_]"),
            (r"[:&:]", r"[:\&:]"),
            (r"[a[b:]", r"[a\[b:]"),
            (r"[[:alnum:]&]&", r"[[:alnum:]\&]&"),
            (r"[a[b&&~]", r"[a\[b\&\&\~]"),
            (r"\[\{\x{41}\p{L}", r"\[\{\x{41}\p{L}"),
            (r"[\]{]x&", r"[\]{]x&"),
            ("\\", "\\"),
        ] {
            assert_eq!(translated(go), ours, "{go}");
        }
    }
}
