//! What checks something in a test, and how much it says: an equality says more than a bound, a bound more than
//! "something is there", and some say nothing at all.

use std::ops::Range;

use super::super::patterns::patterns;
use super::lexer::{Language, Source, is_word};

/// How much an assertion says, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// Nothing: it holds whatever the program does.
    Void,
    /// That something is there, or true.
    Weak,
    /// A bound, a member, a sort.
    Medium,
    /// A value.
    Strong,
}

/// One assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assertion {
    /// Its text without blanks and without what formatters change.
    pub(super) text: String,
    pub(super) strength: Strength,
    pub(super) at: usize,
}

patterns! {
    PYTHON = r"^[ \t]*assert\b|[:;][ \t]*assert\b|\b(?:self|cls)\.(?:assert|fail)\w*[ \t]*\(|\.assert_\w+[ \t]*\(|\bassert_\w+[ \t]*\(|\bpytest\.(?:raises|warns|fail|deprecated_call)[ \t]*\(";
    RUST = r"\b(?:debug_|prop_)?assert\w*![ \t\n]*[(\[{]|\bassert_\w+[ \t]*\(|\binsta::\w+!|\b(?:panic|unreachable)!|\.expect_err[ \t]*\(|\.unwrap_err[ \t]*\(";
    SCRIPT = r"\bexpect(?:\.\w+)*[ \t]*\(|\bassert(?:\.\w+)*[ \t]*\(|\.should\b|\bt\.(?:is|deepEqual|equal|true|false|throws\w*|same|notSame|ok|not|notOk|match|fail|strictEqual|deepStrictEqual|rejects)[ \t]*\(";
    GO = r"\b\w+\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow)[ \t]*\(|\b(?:require|assert|is|qt|must|c|s|suite)(?:\.(?:Require|Assert)\(\))?\.(?:[A-Z]\w*)[ \t]*\(";

    TRIVIAL = r#"^\(*(?:True|1|not False|true|!false|"_+"|'_+')\)*$|\bor True\)*$|\|\|\s*true\)*$|^expect\((?:true|1)\)\.(?:toBe|toEqual)\((?:true|1)\)|^expect\(true\)\.toBeTruthy"#;
    NEAR = r"\b(?:approx|isclose|allclose|assert_allclose|assert_almost_equal|toBeCloseTo|closeTo|InDelta|InEpsilon|assertAlmostEqual|assert_relative_eq|assert_abs_diff_eq)\b";
    UNITTEST_STRONG = r"assert(?:Equal|Equals|Is|IsNone|DictEqual|ListEqual|TupleEqual|SetEqual|SequenceEqual|CountEqual|MultiLineEqual|Raises\w*|Warns\w*|Logs)$";
    UNITTEST_WEAK = r"assert(?:IsNotNone|False|_called)$";
    SCRIPT_STRONG = r"\.(?:toBe|toEqual|toStrictEqual|toMatchObject|toMatchSnapshot|toMatchInlineSnapshot|toThrowErrorMatching\w*|toHaveBeenCalledWith|toHaveBeenCalledTimes|toHaveBeenLastCalledWith|toHaveBeenNthCalledWith|toBeNull|toBeUndefined|toBeFalse|toBeTrue|equal|equals|eql|strictEqual|deepEqual|deepStrictEqual|calledWith|throws|rejects|is|same|toHaveTextContent|toHaveLength)$";
    SCRIPT_WEAK = r"\.(?:toBeTruthy|toBeDefined|toBeInTheDocument|toHaveBeenCalled|exist|exists|ok|true|isOk|isDefined|toBeFalsy)$";
    GO_STRONG = r"\.(?:Equal\w*|Exactly|JSONEq|Len|Nil|Empty|Zero|ErrorIs|EqualError|False|Error|Errorf|Fatal|Fatalf|Fail|FailNow|NoError|Panics\w*)$";
    GO_WEAK = r"\.(?:NotNil|True)$";
}

/// The assertions within a range, in its order.
pub(super) fn assertions(source: &Source<'_>, range: Range<usize>) -> Vec<Assertion> {
    let code = &source.code[..range.end.min(source.code.len())];
    let opener = match source.language {
        Language::Python => &PYTHON,
        Language::Rust => &RUST,
        Language::JavaScript => &SCRIPT,
        Language::Go => &GO,
    };
    let mut found = Vec::new();
    let mut after = range.start;
    while let Some(hit) = opener.find_at(code, after).filter(|hit| hit.end() > after) {
        let start = hit.start() + hit.as_bytes().iter().take_while(|b| b";: \t".contains(b)).count();
        let end = end_of(source, code.len(), start, hit.end());
        let own = &code[start..end];
        let text = plain(&source.text[start..end]);
        let strength = strength(source.language, own, &text);
        found.push(Assertion { text, strength, at: start });
        after = end.max(hit.end());
    }
    found
}

/// The byte after an assertion: the end of its line, or of its call with all that is called on it.
fn end_of(source: &Source<'_>, most: usize, start: usize, opened: usize) -> usize {
    let (language, code) = (source.language, &source.code[..most]);
    let closed = |open: usize| source.closed(open).min(most);
    if language == Language::Python
        && code[start..].starts_with(b"assert")
        && !is_word(code.get(start + 6).copied().unwrap_or(b' '))
    {
        let mut depth = 0_usize;
        for (at, byte) in code.iter().enumerate().skip(start) {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                b'\n' | b';' if depth == 0 && !code[..at].ends_with(b"\\") => return at,
                _ => {}
            }
        }
        return code.len();
    }
    let bracket = |byte: &u8| matches!(byte, b'(' | b'[' | b'{');
    let mut end = if code[..opened].last().is_some_and(bracket) { closed(opened - 1) } else { opened };
    if language == Language::JavaScript {
        end = chain(source, code, end);
    } else if let Some(at) = code[end..].iter().position(|byte| !byte.is_ascii_whitespace()) {
        // `panic!` and `insta::x!` end with the sign; their brackets follow.
        if code[..end].ends_with(b"!") && bracket(&code[end + at]) {
            end = closed(end + at);
        }
    }
    end
}

/// The end of `.a.b(c).d` from here on.
fn chain(source: &Source<'_>, code: &[u8], from: usize) -> usize {
    let mut end = from;
    loop {
        let blank = code[end..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        match code.get(end + blank) {
            Some(b'.') => {
                let word = code[end + blank + 1..].iter().take_while(|byte| is_word(**byte)).count();
                if word == 0 {
                    return end;
                }
                end += blank + 1 + word;
            }
            Some(b'(') if blank == 0 => end = source.closed(end).min(code.len()),
            _ => return end,
        }
    }
}

/// The text without what formatters change: blanks, the sort of quotes, commas and brackets at the end.
fn plain(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut out = String::with_capacity(text.len());
    for ch in text.chars().filter(|ch| !ch.is_whitespace() && *ch != '\\') {
        if matches!(ch, ')' | ']' | '}') && out.ends_with(',') {
            out.pop();
        }
        out.push(if ch == '\'' { '"' } else { ch });
    }
    if let Some(inner) = out.strip_prefix("assert(").and_then(|rest| rest.strip_suffix(')'))
        && closes_at_end(inner)
    {
        return format!("assert{inner}");
    }
    out
}

/// Whether no bracket in this text closes one from outside.
fn closes_at_end(inner: &str) -> bool {
    let mut depth = 0_i64;
    inner.bytes().all(|byte| {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        depth >= 0
    })
}

fn strength(language: Language, code: &[u8], text: &str) -> Strength {
    let squeezed: Vec<u8> =
        code.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()).collect::<Vec<_>>().join(&b' ');
    match language {
        Language::Python => python(&squeezed, text),
        Language::Rust => rust(&squeezed, text),
        Language::JavaScript => script(&squeezed),
        Language::Go => go(&squeezed),
    }
}

/// The end of what opens at this bracket within one assertion.
fn closed(code: &[u8], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.iter().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// The arguments of the first call, as far as commas part them.
fn arguments(code: &[u8]) -> Vec<&[u8]> {
    let Some(open) = code.iter().position(|byte| matches!(byte, b'(' | b'[' | b'{')) else {
        return Vec::new();
    };
    let inner = &code[open + 1..closed(code, open).saturating_sub(1).max(open + 1)];
    split(inner)
}

fn split(inner: &[u8]) -> Vec<&[u8]> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, byte) in inner.iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(inner[start..at].trim_ascii());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(inner[start..].trim_ascii());
    parts
}

/// The name of what is called first.
fn callee(code: &[u8]) -> &[u8] {
    code[..code.iter().position(|byte| *byte == b'(').unwrap_or(code.len())].trim_ascii()
}

/// What an expression says when it is asserted to hold.
fn expression(expr: &[u8], text: &str) -> Strength {
    let expr = expr.trim_ascii();
    if TRIVIAL.is_match(expr) || expr.is_empty() {
        return Strength::Void;
    }
    let has = |word: &str| memchr::memmem::find(expr, word.as_bytes()).is_some();
    if NEAR.is_match(expr) {
        return Strength::Medium;
    }
    if let Some((left, right)) = text.split_once("==") {
        if left.trim_start_matches('(') == right.trim_end_matches(')') {
            return Strength::Void;
        }
        return if has(" or ") || has("||") { Strength::Medium } else { Strength::Strong };
    }
    if has(" is not None") {
        Strength::Weak
    } else if has(" is ") {
        Strength::Strong
    } else if [
        " in ",
        "!=",
        "<",
        ">",
        "isinstance",
        "all(",
        "any(",
        ".contains(",
        "matches!",
        ".starts",
        ".ends",
    ]
    .into_iter()
    .any(has)
    {
        Strength::Medium
    } else {
        Strength::Weak
    }
}

fn python(code: &[u8], text: &str) -> Strength {
    if let Some(expr) = code.strip_prefix(b"assert").filter(|rest| rest.first().is_none_or(|b| !is_word(*b)))
    {
        let expr = expr.trim_ascii();
        // A tuple with a message in it is always true.
        let tuple = expr.starts_with(b"(") && closed(expr, 0) == expr.len() && split(&expr[1..]).len() > 1;
        if tuple && !text.contains("==(") {
            return Strength::Void;
        }
        let condition = split(expr).first().copied().unwrap_or_default();
        let text = text.strip_prefix("assert").unwrap_or(text);
        return expression(condition, text);
    }
    let callee = callee(code);
    let arguments = arguments(code);
    if callee.ends_with(b"assertTrue") {
        let argument = arguments.first().copied().unwrap_or_default();
        return expression(argument, &plain(argument));
    }
    if callee.ends_with(b"raises") || callee.ends_with(b"assertRaises") {
        let broad = matches!(arguments.first().copied().unwrap_or_default(), b"Exception" | b"BaseException");
        let says_more = arguments.len() > 1;
        return match (broad, says_more) {
            (true, false) => Strength::Weak,
            (false, false) => Strength::Medium,
            _ => Strength::Strong,
        };
    }
    if NEAR.is_match(callee) {
        Strength::Medium
    } else if UNITTEST_WEAK.is_match(callee) {
        Strength::Weak
    } else if UNITTEST_STRONG.is_match(callee) || callee.ends_with(b"_with") || callee.starts_with(b"assert_")
    {
        Strength::Strong
    } else {
        Strength::Medium
    }
}

fn rust(code: &[u8], text: &str) -> Strength {
    let arguments = arguments(code);
    if code.starts_with(b"assert!") || code.starts_with(b"debug_assert!") || code.starts_with(b"prop_assert!")
    {
        let inner = text.split_once('(').map_or(text, |(_, rest)| rest);
        return expression(arguments.first().copied().unwrap_or_default(), inner);
    }
    let name = &code[..code.iter().position(|byte| *byte == b'!' || *byte == b'(').unwrap_or(code.len())];
    if NEAR.is_match(name) || name.ends_with(b"_ne") {
        return Strength::Medium;
    }
    if name.ends_with(b"_eq") {
        let inside = text.split_once('(').map_or("", |(_, rest)| rest.trim_end_matches(')'));
        let same =
            split(inside.as_bytes()).chunks(2).next().is_some_and(|two| two.len() == 2 && two[0] == two[1]);
        return if same { Strength::Void } else { Strength::Strong };
    }
    if name.ends_with(b"_err") { Strength::Medium } else { Strength::Strong }
}

fn script(code: &[u8]) -> Strength {
    if TRIVIAL.is_match(code) {
        return Strength::Void;
    }
    // What is called last says what is checked.
    let names: Vec<u8> = outside_brackets(code);
    if code.starts_with(b"expect") && !names[6..].contains(&b'.') {
        return Strength::Void;
    }
    if code.starts_with(b"assert(") {
        let arguments = arguments(code);
        let argument = arguments.first().copied().unwrap_or_default();
        return expression(argument, &plain(argument));
    }
    let negated = memchr::memmem::find(&names, b".not").is_some();
    if SCRIPT_WEAK.is_match(&names) {
        Strength::Weak
    } else if SCRIPT_STRONG.is_match(&names) && !negated {
        Strength::Strong
    } else {
        Strength::Medium
    }
}

/// The code without what stands in brackets.
fn outside_brackets(code: &[u8]) -> Vec<u8> {
    let mut depth = 0_usize;
    let mut out = Vec::new();
    for byte in code {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            byte if depth == 0 && !byte.is_ascii_whitespace() => out.push(*byte),
            _ => {}
        }
    }
    out
}

fn go(code: &[u8]) -> Strength {
    let callee = &outside_brackets(code)[..];
    if GO_WEAK.is_match(callee) {
        let arguments = arguments(code);
        let last = arguments.get(1).or(arguments.first()).copied().unwrap_or_default();
        return if callee.ends_with(b"True") { expression(last, &plain(last)) } else { Strength::Weak };
    }
    if GO_STRONG.is_match(callee) { Strength::Strong } else { Strength::Medium }
}

#[cfg(test)]
mod cases {
    use super::Strength::*;
    use super::*;

    fn found(language: Language, text: &str) -> Vec<(String, Strength)> {
        let source = Source::read(language, text.as_bytes());
        assertions(&source, 0..text.len()).into_iter().map(|one| (one.text, one.strength)).collect()
    }

    fn one(language: Language, text: &str) -> Strength {
        let all = found(language, text);
        assert_eq!(all.len(), 1, "{text}: {all:?}");
        all[0].1
    }

    #[test]
    fn python_assertions_by_what_they_say() {
        for (text, strength) in [
            ("assert x == 1", Strong),
            ("assert x is None, 'why'", Strong),
            ("assert not x", Weak),
            ("assert x == 1 or y", Medium),
            ("assert x == pytest.approx(1)", Medium),
            ("assert x in y", Medium),
            ("assert x != y", Medium),
            ("assert x", Weak),
            ("assert x is not None", Weak),
            ("assert True", Void),
            ("assert x == x", Void),
            ("assert x or True", Void),
            ("assert (x, 'why')", Void),
            ("assert 'x'", Void),
            ("self.assertEqual(x, 1)", Strong),
            ("self.assertTrue(x == 1)", Strong),
            ("self.assertTrue(x)", Weak),
            ("self.assertIn(x, y)", Medium),
            ("self.assertAlmostEqual(x, y)", Medium),
            ("self.assertIsNotNone(x)", Weak),
            ("with pytest.raises(ValueError, match='x'):", Strong),
            ("with pytest.raises(ValueError):", Medium),
            ("with pytest.raises(Exception):", Weak),
            ("m.assert_called_once_with(1)", Strong),
            ("m.assert_called()", Weak),
            ("np.testing.assert_allclose(x, y)", Medium),
            ("assert_frame_equal(x, y)", Strong),
        ] {
            assert_eq!(one(Language::Python, text), strength, "{text}");
        }
        assert_eq!(found(Language::Python, "x = 'assert y'\n# assert z\nassertion = 1\n"), []);
    }

    #[test]
    fn rust_assertions_by_what_they_say() {
        for (text, strength) in [
            ("assert_eq!(x, 1);", Strong),
            ("assert_eq!(x, x);", Void),
            ("assert_ne!(x, 1);", Medium),
            ("assert!(x == 1, \"why\");", Strong),
            ("assert!(!x);", Weak),
            ("debug_assert!(x);", Weak),
            ("prop_assert!(x);", Weak),
            ("debug_assert_eq!(x, 1);", Strong),
            ("assert!(x < 1);", Medium),
            ("assert!(matches!(x, Y));", Medium),
            ("assert!(x.is_ok());", Weak),
            ("assert!(true);", Void),
            ("assert!(x || true);", Void),
            ("panic!(\"x\");", Strong),
            ("insta::assert_snapshot!(x);", Strong),
            ("assert_abs_diff_eq!(x, y);", Medium),
        ] {
            assert_eq!(one(Language::Rust, text), strength, "{text}");
        }
    }

    #[test]
    fn script_assertions_by_what_they_say() {
        for (text, strength) in [
            ("expect(x).toBe(1)", Strong),
            ("expect({\n a: 1,\n})\n  .toEqual(y)", Strong),
            ("expect(x).not.toBe(1)", Medium),
            ("expect(x).toBeCloseTo(1)", Medium),
            ("expect(x).toContain(1)", Medium),
            ("expect(x).toBeDefined()", Weak),
            ("expect(x)", Void),
            ("expect(true).toBe(true)", Void),
            ("assert(x === 1)", Strong),
            ("assert(x)", Weak),
            ("assert.equal(x, 1)", Strong),
            ("assert.ok(x)", Weak),
            ("t.deepEqual(x, 1)", Strong),
        ] {
            assert_eq!(one(Language::JavaScript, text), strength, "{text}");
        }
    }

    #[test]
    fn go_assertions_by_what_they_say() {
        for (text, strength) in [
            ("t.Fatalf(\"x\")", Strong),
            ("require.Equal(t, x, 1)", Strong),
            ("assert.NotNil(t, x)", Weak),
            ("assert.True(t, x)", Weak),
            ("assert.True(t, x == 1)", Strong),
            ("assert.Contains(t, x, 1)", Medium),
            ("assert.NotEmpty(t, x)", Medium),
            ("assert.NotEqual(t, \"\", x)", Medium),
            ("s.Require().NoError(err)", Strong),
        ] {
            assert_eq!(one(Language::Go, text), strength, "{text}");
        }
    }

    #[test]
    fn an_assertion_goes_to_its_end_and_no_further() {
        use Language::{JavaScript, Python, Rust};
        for (language, text, own) in [
            (Python, "assert x == 1; y = (2)\n", "assertx==1"),
            (Python, "assert f(a)\nb = (2)\n", "assertf(a)"),
            (Python, "assert (a\n)\nb = 1\n", "asserta"),
            (Python, "assert x == \\\n 1\nb = 2\n", "assertx==1"),
            (Python, "assert (a) == (b)", "assert(a)==(b)"),
            (Python, "assert (f(a))", "assertf(a)"),
            (Python, "with pytest.raises(E) as e:\n", "pytest.raises(E)"),
            (Rust, "panic!(\"a\"); b", "panic!(\"a\")"),
            (Rust, "panic! (\"a\"); b", "panic!(\"a\")"),
            (Rust, "panic!\n  {\"a\"} b", "panic!{\"a\"}"),
            (Rust, "x.unwrap_err()[0]", ".unwrap_err()"),
            (JavaScript, "assert(a), f()\n", "asserta"),
            (JavaScript, "expect(x).a(1)\n(y).b()", "expect(x).a(1)"),
            (JavaScript, "expect(x)\n .a . b(1).", "expect(x).a"),
        ] {
            let all: Vec<String> = found(language, text).into_iter().map(|(text, _)| text).collect();
            assert_eq!(all, [own], "{text}");
        }
    }

    #[test]
    fn arguments_end_at_the_commas_and_brackets_of_their_own_call() {
        for (text, strength) in [
            ("assert (f(x), 'why')", Void),
            ("assert (x, y) == z", Strong),
            ("assert f(x, y in z)", Medium),
            ("assert f(x), a in b", Weak),
            ("self.assertTrue(", Void),
        ] {
            assert_eq!(one(Language::Python, text), strength, "{text}");
        }
    }

    #[test]
    fn formatting_does_not_change_an_assertion() {
        let same = |language, a: &str, b: &str| assert_eq!(found(language, a), found(language, b));
        same(Language::Python, "assert x == 'a'", "assert (\n    x\n    == \"a\"\n)");
        same(Language::Python, "self.assertEqual(x, 1)", "self.assertEqual(\n    x,\n    1,\n)");
        same(Language::Rust, "assert_eq!(x, 1);", "assert_eq!(\n    x,\n    1,\n);");
        same(Language::JavaScript, "expect(x).toBe('a')", "expect(\n  x,\n).toBe(\"a\")");
    }
}
