//! The tests of a source: where each begins and ends, what it is called, and what is said about it from outside.

use std::ops::Range;

use super::super::patterns::patterns;
use super::lexer::{Language, Source};

/// More tests in one file than this are not told apart; the file is then looked at as a whole.
const MOST: usize = 5_000;
/// How far the parts of one test's head may lie apart, in bytes.
const REACH: usize = 10_000;
/// Blocks around a test whose titles belong to its name.
const AROUND: usize = 32;

/// One test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Test {
    /// Its name, with those of the classes or blocks around it before, each followed by a blank.
    pub(super) name: String,
    /// Everything that belongs to it, from its first decorator or attribute on.
    pub(super) whole: Range<usize>,
    /// What is said about it from outside: decorators, attributes, the word that it begins with.
    pub(super) head: Range<usize>,
    /// What it does.
    pub(super) body: Range<usize>,
}

patterns! {
    PYTHON_DEF = r"^([ \t]*)(?:async[ \t]+)?def[ \t]+(\w+)[ \t]*\(";
    PYTHON_CLASS = r"^([ \t]*)class[ \t]+(\w+)";
    RUST_FN = r"\bfn[ \t\r\n]+(\w+)";
    RUST_TEST = r"#\[[ \t]*(?:(?:\w+::)*(?:test|rstest|test_case|quickcheck|proptest|property_test|wasm_bindgen_test))\b";
    GO_TEST = r"^func[ \t]+((?:Test|Fuzz|Example)(?:[A-Z_0-9]\w*)?)[ \t]*\(";
    GO_SUITE = r"^func[ \t]+\([^)\n]*\)[ \t]*(Test[A-Z_0-9]\w*)[ \t]*\(";
    SCRIPT_CALL = r"\b(it|test|fit|xit|xtest|specify|xspecify|describe|fdescribe|xdescribe|context|xcontext|suite)((?:\.\w+)*)[ \t]*(\(|_?`)";
}

/// The tests in the order of the source.
pub(super) fn tests(source: &Source<'_>) -> Vec<Test> {
    let mut tests = match source.language {
        Language::Python => python(source),
        Language::Rust => rust(source),
        Language::JavaScript => script(source),
        Language::Go => go(source),
    };
    if tests.len() > MOST {
        tests.clear();
    }
    tests
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Lines of Python that belong together, as ranges without the line's end; brackets carry a line on.
fn logical_lines(code: &[u8]) -> Vec<Range<usize>> {
    let (mut lines, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, byte) in code.iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'\n' if depth == 0 && !code[..at].ends_with(b"\\") => {
                lines.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
    }
    lines.push(start..code.len());
    lines
}

/// How far a line is indented; none for an empty one.
fn indent(line: &[u8]) -> Option<usize> {
    line.iter().position(|byte| !byte.is_ascii_whitespace())
}

fn python(source: &Source<'_>) -> Vec<Test> {
    let code = &source.code;
    let lines = logical_lines(code);
    let mut tests: Vec<Test> = Vec::new();
    let mut classes: Vec<(usize, String)> = Vec::new();
    let mut decorated: Option<usize> = None;
    let mut index = 0;
    while index < lines.len() {
        let range = lines[index].clone();
        let line = &code[range.clone()];
        index += 1;
        let Some(depth) = indent(line) else { continue };
        classes.retain(|(outer, _)| *outer < depth);
        if line[depth] == b'@' {
            decorated.get_or_insert(range.start);
            continue;
        }
        let begins = decorated.take().unwrap_or(range.start);
        if let Some(class) = PYTHON_CLASS.captures(line) {
            classes.push((depth, text(&class[2])));
        }
        let Some(def) = PYTHON_DEF.captures(line).filter(|def| def[2].starts_with(b"test")) else { continue };
        // The body: all lines that are indented further; of the line itself what stands behind its colon.
        let inside = |line: &Range<usize>| indent(&code[line.clone()]).is_none_or(|own| own > depth);
        let mut more = lines[index..].iter().take_while(|line| inside(line)).count();
        // The line of the test itself is not empty, so this ends there at the latest.
        while indent(&code[lines[index + more - 1].clone()]).is_none() {
            more -= 1;
        }
        let end = lines[index + more - 1].end;
        let open = def.get(0).map_or(range.start, |found| range.start + found.end() - 1);
        let body = source.closed(open).min(range.end);
        let name = classes.iter().map(|(_, name)| format!("{name} ")).collect::<String>() + &text(&def[2]);
        tests.push(Test { name, whole: begins..end, head: begins..body, body: body..end });
        index += more;
    }
    tests
}

fn rust(source: &Source<'_>) -> Vec<Test> {
    let code = &source.code;
    let mut tests = Vec::new();
    let mut after = 0;
    for found in RUST_FN.captures_iter(code) {
        let (Some(whole), Some(name)) = (found.get(0), found.get(1)) else { continue };
        if whole.start() < after {
            continue;
        }
        let begins = attributes(code, whole.start());
        // Only a test is skipped over: other functions may hold tests within.
        if !RUST_TEST.is_match(&code[begins..whole.start()]) {
            continue;
        }
        let open = code[whole.end()..].iter().take(REACH).position(|byte| matches!(byte, b'{' | b';'));
        let Some(open) = open.map(|at| whole.end() + at).filter(|at| code[*at] == b'{') else { continue };
        let end = source.closed(open);
        let name = text(name.as_bytes());
        tests.push(Test { name, whole: begins..end, head: begins..open, body: open..end });
        after = end;
    }
    tests
}

/// Where the attributes before this function begin; the words before `fn` are passed over.
fn attributes(code: &[u8], function: usize) -> usize {
    let least = function.saturating_sub(REACH);
    let mut at = function;
    loop {
        let before = code[least..at].trim_ascii_end();
        match before.last() {
            Some(b']') => {
                let mut depth = 0_usize;
                let open = before.iter().rposition(|byte| {
                    match byte {
                        b']' => depth += 1,
                        b'[' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    depth == 0
                });
                match open {
                    Some(open) if before[..open].ends_with(b"#") => at = least + open - 1,
                    _ => return at,
                }
            }
            Some(_) => {
                let word =
                    before.iter().rposition(|byte| !super::lexer::is_word(*byte)).map_or(0, |at| at + 1);
                if !matches!(&before[word..], b"pub" | b"async" | b"unsafe" | b"const" | b"extern") {
                    return at;
                }
                at = least + word;
            }
            None => return at,
        }
    }
}

fn go(source: &Source<'_>) -> Vec<Test> {
    let code = &source.code;
    let found = GO_TEST.captures_iter(code).chain(GO_SUITE.captures_iter(code));
    let mut tests: Vec<Test> = found
        .filter_map(|found| {
            let (whole, name) = (found.get(0)?, found.get(1)?);
            let open = source.closed(whole.end() - 1);
            let open = open + code[open..].iter().take(REACH).position(|byte| *byte == b'{')?;
            let end = source.closed(open);
            let (start, name) = (whole.start(), text(name.as_bytes()));
            // `TestMain` is no test: it runs them.
            (name != "TestMain").then_some(Test {
                name,
                whole: start..end,
                head: start..open,
                body: open..end,
            })
        })
        .collect();
    tests.sort_by_key(|test| test.whole.start);
    tests
}

/// A block of a script, with what its name begins with.
struct Block {
    test: bool,
    title: String,
    head: Range<usize>,
    whole: Range<usize>,
}

fn script(source: &Source<'_>) -> Vec<Test> {
    let blocks = blocks(source);
    let mut tests: Vec<Test> = Vec::new();
    let mut around: Vec<(usize, &str)> = Vec::new();
    for block in &blocks {
        around.retain(|(end, _)| *end > block.whole.start);
        if !block.test {
            if around.len() == AROUND {
                continue;
            }
            around.push((block.whole.end, &block.title));
            continue;
        }
        if tests.last().is_some_and(|last| last.whole.end > block.whole.start) {
            continue;
        }
        let name = around.iter().map(|(_, title)| format!("{title} ")).collect::<String>() + &block.title;
        let body = block.head.end..block.whole.end;
        tests.push(Test { name, whole: block.whole.clone(), head: block.head.clone(), body });
    }
    tests
}

fn blocks(source: &Source<'_>) -> Vec<Block> {
    let code = &source.code;
    let mut blocks = Vec::new();
    for found in SCRIPT_CALL.captures_iter(code) {
        if blocks.len() > 2 * MOST {
            break;
        }
        let (Some(whole), Some(word), Some(more)) = (found.get(0), found.get(1), found.get(2)) else {
            continue;
        };
        let before = code[..whole.start()].last();
        if before.is_some_and(|byte| matches!(byte, b'.' | b'$')) {
            continue;
        }
        let mut open = whole.end() - 1;
        if more.as_bytes().windows(5).any(|part| part == b".each") || code[open] == b'`' {
            // The table comes first, and then what every one of them is called.
            let table = if code[open] == b'`' { template_end(code, open) } else { source.closed(open) };
            match code[table..].iter().position(|byte| !byte.is_ascii_whitespace()) {
                Some(at) if code[table + at] == b'(' => open = table + at,
                _ => continue,
            }
        }
        let title_end = title(code, open + 1);
        let title = text(&source.text[open + 1..title_end]);
        let title = title.trim().trim_matches(['\'', '"', '`']).to_owned();
        // A call without a function is no block: `test(value)`.
        let end = source.closed(open);
        if title_end + 1 >= end {
            continue;
        }
        let test = matches!(
            word.as_bytes(),
            b"it" | b"test" | b"fit" | b"xit" | b"xtest" | b"specify" | b"xspecify"
        );
        blocks.push(Block { test, title, head: whole.start()..title_end, whole: whole.start()..end });
    }
    blocks
}

fn template_end(code: &[u8], open: usize) -> usize {
    memchr::memchr(b'`', &code[open + 1..]).map_or(code.len(), |at| open + at + 2)
}

/// The end of the first argument.
fn title(code: &[u8], from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.iter().enumerate().skip(from).take(REACH) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth == 0 => return at,
            b')' | b']' | b'}' => depth -= 1,
            b',' if depth == 0 => return at,
            _ => {}
        }
    }
    code.len().min(from.saturating_add(REACH))
}

#[cfg(test)]
mod cases {
    use super::*;

    fn names(language: Language, text: &str) -> Vec<(String, String)> {
        let source = Source::read(language, text.as_bytes());
        let body = |test: &Test| text[test.body.clone()].split_whitespace().collect::<Vec<_>>().join(" ");
        tests(&source).iter().map(|test| (test.name.clone(), body(test))).collect()
    }

    fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(name, body)| ((*name).to_owned(), (*body).to_owned())).collect()
    }

    #[test]
    fn python_tests_with_classes_decorators_and_long_heads() {
        let text = "class TestA(Base):\n    @mark\n    @other(\n        1\n    )\n    def test_a(\n        self,\n    ):\n        \
            x()\n\n        y()\n\n    def helper(self):\n        z()\n\nasync def test_b(): w()\n# def test_c():\n";
        assert_eq!(
            names(Language::Python, text),
            pairs(&[("TestA test_a", ": x() y()"), ("test_b", ": w()")])
        );
        let source = Source::read(Language::Python, text.as_bytes());
        assert!(text[tests(&source)[0].head.clone()].trim_start().starts_with("@mark"));
    }

    #[test]
    fn a_python_test_ends_with_its_last_line() {
        let text = "def test_a():\n    x()\n\n\ndef test_b():\n    y()\n  \n    z()\nu = 1\n";
        assert_eq!(names(Language::Python, text), pairs(&[("test_a", ": x()"), ("test_b", ": y() z()")]));
        let lines = "def test_a(): x()\ndef test_b(): y()\n\nv = 1\n";
        assert_eq!(names(Language::Python, lines), pairs(&[("test_a", ": x()"), ("test_b", ": y()")]));
        let carried = "def test_a():\n    x = [\n1,\n]\n    y \\\n= 1\nu = (1\n)\ndef test_b(): z()\n";
        let expected = pairs(&[("test_a", ": x = [ 1, ] y \\ = 1"), ("test_b", ": z()")]);
        assert_eq!(names(Language::Python, carried), expected);
        let stray = "def test_a(): x)\n    y()\ndef test_b(): z()\n";
        assert_eq!(names(Language::Python, stray), pairs(&[("test_a", ": x) y()"), ("test_b", ": z()")]));
    }

    #[test]
    fn rust_tests_within_a_test_belong_to_it() {
        let text = "#[test]\nfn a() {\n  #[test]\n  fn b() {}\n}\nfn c() { #[test]\n fn d() {} }\n#[test]\nfn e();\n";
        let found = names(Language::Rust, text);
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "d"]);
    }

    #[test]
    fn a_rust_test_begins_with_its_own_attributes() {
        let start = |text: &str| {
            let source = Source::read(Language::Rust, text.as_bytes());
            text[tests(&source)[0].whole.clone()].split('(').next().unwrap().to_owned()
        };
        assert_eq!(start("x![a]\n#[test]\nfn b() {}\n"), "#[test]\nfn b");
        assert_eq!(
            start("x();\n#[a[0]]\n#[test]\npub async fn b() {}\n"),
            "#[a[0]]\n#[test]\npub async fn b"
        );
        assert_eq!(start("struct A;\n\n#[test] unsafe fn b() {}\n"), "#[test] unsafe fn b");
    }

    #[test]
    fn script_tests_within_a_test_belong_to_it_and_those_behind_do_not() {
        let found = |text: &str| {
            names(Language::JavaScript, text).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(found("it('a', () => { it('b', () => {}); });"), ["a"]);
        assert_eq!(found("it('a', () => {})it('b', () => {})"), ["a", "b"]);
        assert_eq!(found("describe('x', () => {})it('a', () => {})"), ["a"]);
        assert_eq!(found("describe('x', () => { it('a', () => {}); }); it('b', () => {});"), ["x a", "b"]);
        assert_eq!(found("a.it('a', () => {}); $it('b', () => {}); test.each`x`('c', () => {})"), ["c"]);
        assert_eq!(
            found("test.each([1])\n ('c', () => {}); test.each([1]); it(f(1, 2), () => {})"),
            ["c", "f(1, 2)"]
        );
        assert_eq!(found("test.each`x`; f(), it('a', f => {}); test.each`b"), ["a"]);
        assert_eq!(found("it([1, (2)], f => {}); it(g({a, b}), f => {})"), ["[1, (2)]", "g({a, b})"]);
        assert_eq!(found("test(value); it('a',); it('b', ["), ["a", "b"]);
    }

    #[test]
    fn rust_tests_by_their_attributes() {
        let text = "mod tests {\n #[tokio::test(flavor = \"x\")]\n #[ignore]\n pub async fn a() { b(); }\n fn test_c() {}\n \
            #[test]\n fn d() -> R { e() }\n #[derive(Debug)]\n struct F;\n fn g() {}\n}\n";
        assert_eq!(names(Language::Rust, text), pairs(&[("a", "{ b(); }"), ("d", "{ e() }")]));
    }

    #[test]
    fn script_tests_with_the_blocks_around_them() {
        let text = "describe('x', () => {\n  it.skip('a', () => { b(); });\n  test.each([[1, 2]])('c %i', f => {});\n});\n\
            it(`d`, async function () {});\n/x/.test(y, z);\ntest(v);\n";
        let found = names(Language::JavaScript, text);
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["x a", "x c %i", "d"]);
        assert_eq!(found[0].1, ", () => { b(); })");
    }

    #[test]
    fn more_than_5000_tests_are_not_told_apart() {
        let file = |count: usize| (0..count).map(|n| format!("func Test{n}() {{}}\n")).collect::<String>();
        assert_eq!(names(Language::Go, &file(5_000)).len(), 5_000);
        assert_eq!(names(Language::Go, &file(5_001)).len(), 0);
    }

    #[test]
    fn go_tests_and_suites_and_not_the_main_one() {
        let text = "func TestA(t *testing.T) { a() }\nfunc TestMain(m *testing.M) {}\nfunc Testify() {}\n\
            func (s *Suite) TestB() {\n\tb()\n}\nfunc ExampleC() { c() }\n";
        let expected = pairs(&[("TestA", "{ a() }"), ("TestB", "{ b() }"), ("ExampleC", "{ c() }")]);
        assert_eq!(names(Language::Go, text), expected);
    }
}
