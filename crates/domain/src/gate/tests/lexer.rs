//! Sources with their comments and texts told apart from the code, so that words in a text are not taken for code.
//!
//! No parser: enough to know what is a comment, what is a text and what is neither. A source that ends within a text
//! is read to its end as text. Time grows with the length of the source alone.

use std::cell::OnceCell;

/// The longest pattern between slashes that is believed to be one, in bytes.
const LONGEST_PATTERN: usize = 500;

/// The languages whose tests we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Language {
    Python,
    Rust,
    JavaScript,
    Go,
}

impl Language {
    /// The language of a file, by its ending.
    pub(super) fn of(path: &str) -> Option<Self> {
        let ending = path.rsplit('/').next().unwrap_or(path).rsplit_once('.')?.1.to_ascii_lowercase();
        Some(match ending.as_str() {
            "py" | "pyi" => Self::Python,
            "rs" => Self::Rust,
            "js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "mts" | "cts" => Self::JavaScript,
            "go" => Self::Go,
            _ => return None,
        })
    }
}

/// A source in two masks of its own length: code with comments and the insides of texts blanked out, and comments
/// with everything else blanked out.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) language: Language,
    pub(super) text: &'a [u8],
    /// Comments are blanks; what stands between quotes is `_`, with line ends among it.
    pub(super) code: Vec<u8>,
    /// All but comments is blanks; line ends stay.
    pub(super) comments: Vec<u8>,
    starts: Vec<usize>,
    /// For each bracket of the code the place behind the one that closes it; 0 for any other byte.
    closers: OnceCell<Vec<u32>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Text,
}

impl<'a> Source<'a> {
    pub(super) fn read(language: Language, text: &'a [u8]) -> Self {
        let mut source = Self {
            language,
            text,
            code: text.to_vec(),
            comments: text.iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }).collect(),
            starts: std::iter::once(0).chain(memchr::memchr_iter(b'\n', text).map(|at| at + 1)).collect(),
            closers: OnceCell::new(),
        };
        let mut at = 0;
        while at < text.len() {
            let (kind, length) = source.next(at);
            let end = (at + length.max(1)).min(text.len());
            source.mark(kind, at, end);
            at = end;
        }
        source
    }

    /// The end of what opens at this bracket: the byte after the one that closes it, or the end of the source. All are
    /// found in one pass, so that a source of open brackets costs no more than another.
    pub(super) fn closed(&self, open: usize) -> usize {
        let closers = self.closers.get_or_init(|| closers(&self.code));
        match closers.get(open) {
            Some(0) | None => self.code.len(),
            Some(end) => *end as usize,
        }
    }

    /// The number of the line of this byte, from 1.
    pub(super) fn line(&self, at: usize) -> u32 {
        u32::try_from(self.starts.partition_point(|start| *start <= at)).unwrap_or(u32::MAX)
    }

    fn mark(&mut self, kind: Kind, at: usize, end: usize) {
        match kind {
            Kind::Code => {}
            Kind::Comment => {
                self.comments[at..end].copy_from_slice(&self.text[at..end]);
                self.code[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
            }
            Kind::Text => {
                // The quotes stay, so that an empty text and a full one can be told apart.
                let inside = (at + 1).min(end)..end.saturating_sub(1).max((at + 1).min(end));
                self.code[inside].fill(b'_');
            }
        }
    }

    /// What stands here, and its length.
    fn next(&self, at: usize) -> (Kind, usize) {
        let rest = &self.text[at..];
        let line = || memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        match (self.language, rest[0]) {
            (Language::Python, b'#') => (Kind::Comment, line()),
            (Language::Python, quote @ (b'"' | b'\'')) => (Kind::Text, python_text(rest, quote)),
            (Language::Python, _) => (Kind::Code, 1),
            (_, b'/') if rest.starts_with(b"//") => (Kind::Comment, line()),
            (language, b'/') if rest.starts_with(b"/*") => {
                (Kind::Comment, block(rest, language == Language::Rust))
            }
            (_, b'"') => (Kind::Text, quoted(rest, b'"')),
            (Language::Rust, b'r') if !self.continues_word(at) => raw(rest),
            (Language::Rust, b'\'') => rust_quote(rest),
            (Language::JavaScript, b'\'') => (Kind::Text, quoted_in_line(rest, b'\'')),
            (Language::JavaScript, b'`') => (Kind::Text, template(rest)),
            (Language::JavaScript, b'/') if self.pattern_may_start(at) => {
                pattern(rest).map_or((Kind::Code, 1), |length| (Kind::Text, length))
            }
            (Language::Go, b'`') => {
                (Kind::Text, memchr::memchr(b'`', &rest[1..]).map_or(rest.len(), |n| n + 2))
            }
            (Language::Go, b'\'') => (Kind::Text, quoted_in_line(rest, b'\'')),
            _ => (Kind::Code, 1),
        }
    }

    fn continues_word(&self, at: usize) -> bool {
        // `br"..."` is raw as well.
        let before = at.checked_sub(1).map(|at| self.text[at]);
        before.is_some_and(|byte| is_word(byte) && byte != b'b')
    }

    /// Whether a slash here begins a pattern and does not divide: after a sign or a keyword, or at the beginning.
    fn pattern_may_start(&self, at: usize) -> bool {
        let before = self.code[..at].trim_ascii_end();
        before.ends_with(b"return")
            || before.ends_with(b"typeof")
            || before.last().is_none_or(|byte| b"(,=:[!&|?{};<>+".contains(byte))
    }
}

fn closers(code: &[u8]) -> Vec<u32> {
    let mut closers = vec![0; code.len()];
    let mut open = Vec::new();
    for (at, byte) in code.iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => open.push(at),
            b')' | b']' | b'}' => {
                if let Some(start) = open.pop() {
                    closers[start] = u32::try_from(at + 1).unwrap_or(u32::MAX);
                }
            }
            _ => {}
        }
    }
    closers
}

/// A letter, digit or underscore.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn python_text(rest: &[u8], quote: u8) -> usize {
    if rest.len() < 3 || rest[1] != quote || rest[2] != quote {
        return quoted_in_line(rest, quote);
    }
    let mut at = 3;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote && rest[at..].starts_with(&[quote; 3]) => return at + 3,
            _ => at += 1,
        }
    }
    rest.len()
}

/// A text that may go over lines.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// A text that ends with its line at the latest, unless a backslash carries it on.
fn quoted_in_line(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'\n' => return at,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn block(rest: &[u8], nests: bool) -> usize {
    let (mut at, mut depth) = (2, 1);
    while at < rest.len() {
        if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else if nests && rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// `r"..."` and `r#"..."#`; anything else is code.
fn raw(rest: &[u8]) -> (Kind, usize) {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return (Kind::Code, 1);
    }
    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let from = hashes + 2;
    let end = memchr::memmem::find(&rest[from..], &close).map_or(rest.len(), |at| from + at + close.len());
    (Kind::Text, end)
}

/// A character, or the quote of a lifetime.
fn rust_quote(rest: &[u8]) -> (Kind, usize) {
    if rest.get(1) == Some(&b'\\') {
        return (Kind::Text, quoted_in_line(rest, b'\''));
    }
    // A character is up to four bytes long.
    let close = rest.iter().skip(1).take(5).position(|byte| *byte == b'\'').map(|at| at + 2);
    let one =
        |length: &usize| std::str::from_utf8(&rest[1..length - 1]).is_ok_and(|s| s.chars().count() == 1);
    close.filter(one).map_or((Kind::Code, 1), |length| (Kind::Text, length))
}

/// A template with what is put into it; templates inside of it count as well.
fn template(rest: &[u8]) -> usize {
    // What encloses this place, from the outside in: a template, or braces within one.
    let mut open = vec![b'`'];
    let mut at = 1;
    while at < rest.len() {
        match (open.last(), rest[at]) {
            (_, b'\\') => at += 1,
            (Some(b'`'), b'`') | (Some(b'{'), b'}') => {
                open.pop();
                if open.is_empty() {
                    return at + 1;
                }
            }
            (Some(b'`'), b'$') if rest.get(at + 1) == Some(&b'{') => {
                open.push(b'{');
                at += 1;
            }
            (Some(b'{'), byte @ (b'`' | b'{')) => open.push(byte),
            _ => {}
        }
        at += 1;
    }
    rest.len()
}

/// A pattern between slashes, on one line.
fn pattern(rest: &[u8]) -> Option<usize> {
    let (mut at, mut in_class) = (1, false);
    while at < rest.len().min(LONGEST_PATTERN) {
        match rest[at] {
            b'\\' => at += 1,
            b'\n' => return None,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'/' if !in_class => return Some(at + 1),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks(language: Language, text: &str) -> (String, String) {
        let source = Source::read(language, text.as_bytes());
        assert_eq!((source.code.len(), source.comments.len()), (text.len(), text.len()));
        let comments =
            String::from_utf8_lossy(&source.comments).split_whitespace().collect::<Vec<_>>().join(" ");
        (String::from_utf8(source.code).unwrap(), comments)
    }

    #[test]
    fn python_texts_and_comments() {
        let (code, comments) =
            masks(Language::Python, "a = '# no' # yes\nb = \"\"\"x\n# no\n\"\"\" + 'it\\'s'\n");
        assert_eq!(code, "a = '____'      \nb = \"___________\" + '_____'\n");
        assert_eq!(comments, "# yes");
        assert_eq!(masks(Language::Python, "'open\nx").0, "'___n\nx");
    }

    #[test]
    fn rust_texts_lifetimes_and_nested_comments() {
        let (code, comments) =
            masks(Language::Rust, "/* a /* b */ c */ f::<'a>('x', '\\'', \"\\\"\", r#\"\"//\"#) // d");
        assert_eq!(code, "                  f::<'a>('_', '__', \"__\", r______#)     ");
        assert_eq!(comments, "/* a /* b */ c */ // d");
        assert_eq!(masks(Language::Rust, "for r in 'é'..'ü' {}").0.len(), "for r in 'é'..'ü' {}".len());
    }

    #[test]
    fn javascript_templates_and_patterns() {
        let (code, _) = masks(Language::JavaScript, "x = `a${f(`b`)}c` + /[/]'\\//.test(y) + a / b / c;");
        assert_eq!(code, "x = `___________` + /______/.test(y) + a / b / c;");
        assert_eq!(masks(Language::JavaScript, "`open ${").0, "`______{");
    }

    #[test]
    fn go_raw_texts_and_runes() {
        let (code, comments) = masks(Language::Go, "a := `x\"\n//` + string('\"') // c\n");
        assert_eq!(code, "a := `_____` + string('_')     \n");
        assert_eq!(comments, "// c");
    }

    #[test]
    fn in_the_mask_of_comments_line_ends_stay_and_all_else_is_blank() {
        let source = Source::read(Language::Python, b"ab # c\nd\n");
        assert_eq!(source.comments, b"   # c\n \n");
    }

    #[test]
    fn a_quote_alone_at_the_end_is_left_as_it_is() {
        assert_eq!(masks(Language::Python, "a'").0, "a'");
        assert_eq!(masks(Language::Python, "a''").0, "a''");
        assert_eq!(masks(Language::Python, "a'b'").0, "a'_'");
    }

    #[test]
    fn what_opens_a_text_in_one_language_is_code_in_another() {
        for (language, text, code) in [
            (Language::Python, "a // 'b' /* c\n", "a // '_' /* c\n"),
            (Language::Python, "a = `b`\n", "a = `b`\n"),
            (Language::JavaScript, "a = 'b' # c\n", "a = '_' # c\n"),
            (Language::JavaScript, "a = r\"b\"", "a = r\"_\""),
            (Language::Rust, "a = `b`", "a = `b`"),
            (Language::Rust, "var\"b\\\"c\"", "var\"____\""),
            (Language::Rust, "br\"b\\\"c", "br___\"c"),
            (Language::Rust, "r#a + r\"\\\"b", "r#a + r__\"b"),
            (Language::Go, "a /* 'b' */ + 'c'", "a           + '_'"),
        ] {
            assert_eq!(masks(language, text).0, code, "{text}");
        }
    }

    #[test]
    fn texts_and_comments_end_where_the_language_ends_them() {
        use Language::{Go, JavaScript, Python, Rust};
        for (language, text, code) in [
            (Python, "'' + 'b'\n", "'' + '_'\n"),
            (Python, "'''", "'_'"),
            (Python, "'''x", "'__x"),
            (Python, "'''a\\'''' + 'b'", "'_______' + '_'"),
            (Python, "'''a'b''' + c", "'_______' + c"),
            (Rust, "\"ab", "\"_b"),
            (Rust, "\"ab\" + c", "\"__\" + c"),
            (JavaScript, "'ab", "'_b"),
            (JavaScript, "'a\\'b' + c", "'____' + c"),
            (JavaScript, "'a\\", "'_\\"),
            (JavaScript, "/* a", "    "),
            (JavaScript, "/*/ a */ b", "         b"),
            (JavaScript, "/* /* */ a", "         a"),
            (Rust, "/* /* */ */ a", "            a"),
            (Rust, "/* /*/ */ */ a", "             a"),
            (Rust, "/* aaaa /* */ */ b", "                 b"),
            (Rust, "r##\"a\"# b\"## c", "r__________# c"),
            (Rust, "r#\"ab", "r___b"),
            (Rust, "'a','b'", "'_','_'"),
            (Rust, "'ab' c", "'ab' c"),
            (Rust, "'' c", "'' c"),
            (Rust, "'ü' c", "'__' c"),
            (Rust, "'😀' c", "'____' c"),
            (Rust, "'\\n' c", "'__' c"),
            (JavaScript, "`a\\`b` c", "`____` c"),
            (JavaScript, "`a${`b${c}`}d` e", "`____________` e"),
            (JavaScript, "`a$b` c", "`___` c"),
            (JavaScript, "`a${ {b} }c` d", "`__________` d"),
            (JavaScript, "`a{b` c", "`___` c"),
            (JavaScript, "`a}b` c", "`___` c"),
            (JavaScript, "`${a}", "`___}"),
            (JavaScript, "`a$", "`_$"),
            (JavaScript, "/a\\/b/ c", "/____/ c"),
            (JavaScript, "/[/]/ c", "/___/ c"),
            (JavaScript, "/[a]/ b/", "/___/ b/"),
            (JavaScript, "/a\nb/", "/a\nb/"),
            (JavaScript, "/ab", "/ab"),
            (Go, "`a\\` b", "`__` b"),
            (Go, "`ab", "`_b"),
            (Go, "'a\\'' b", "'___' b"),
        ] {
            assert_eq!(masks(language, text).0, code, "{text}");
        }
    }

    #[test]
    fn a_pattern_between_slashes_has_at_most_500_bytes() {
        for (length, masked) in [(500, true), (501, false)] {
            let text = format!("/{}/", "a".repeat(length - 2));
            assert_eq!(masks(Language::JavaScript, &text).0 != text, masked, "{length}");
        }
    }

    #[test]
    fn a_bracket_is_closed_by_its_own_one() {
        let source = Source::read(Language::Go, b"a(b[c]{d})e(f");
        assert_eq!([1, 3, 6, 11, 0].map(|at| source.closed(at)), [10, 6, 9, 13, 13]);
        assert_eq!(Source::read(Language::Go, b")(a)").closed(1), 4);
    }

    #[test]
    fn a_slash_begins_a_pattern_after_a_sign_or_a_word_that_takes_a_value() {
        for (text, code) in [
            ("return /a'b/", "return /___/"),
            ("typeof /a'b/", "typeof /___/"),
            ("/a'b/", "/___/"),
            ("(/a'b/", "(/___/"),
            ("a /b/ c", "a /b/ c"),
            (") /b/ c", ") /b/ c"),
        ] {
            assert_eq!(masks(Language::JavaScript, text).0, code, "{text}");
        }
    }

    #[test]
    fn lines_are_counted_from_one() {
        let source = Source::read(Language::Go, b"a\nb\n");
        assert_eq!([0, 1, 2, 3].map(|at| source.line(at)), [1, 1, 2, 2]);
    }

    #[test]
    fn languages_are_known_by_the_ending() {
        assert_eq!(Language::of("a/b.PY"), Some(Language::Python));
        assert_eq!(Language::of("a.test.tsx"), Some(Language::JavaScript));
        assert_eq!(Language::of("py"), None);
        assert_eq!(Language::of("a.rb"), None);
    }
}
