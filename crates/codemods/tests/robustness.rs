//! Any text may come in: nothing panics, hangs, or makes a file parse worse than before.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use codex_task_codemods as codemods;

use codemods::{Context, FixOutcome, Language, RuleSet, Skipped, fix, scan, scan_report};
use proptest::prelude::*;

const PATHS: [&str; 7] = ["a.py", "a.pyi", "a.js", "a.ts", "a.tsx", "a.rs", "a.go"];

/// Pieces that our rules look for, to be cut and joined at random.
const PIECES: &[&str] = &[
    "def f(x=[], *, y: list[int] = {}, z=g()):\n    \"\"\"Doc.\"\"\"\n    return x == None\n",
    "class A(object):\n\tdef m(self, a={}): pass\n",
    "if not x is None and y == True != z is 'a':\r\n    os.path.join(undefned)\r\n",
    "try:\n    import a.b as c\nexcept NameError as e:\n    del e\n",
    "lambda x=[i for i in y if (z := i)]: x\n",
    "match a:\n    case B.c(d, e=f) | [g, *h] if i: pass\n",
    "def g[T: int](x: \"list[T | 'U']\" = open(f, 'r')) -> Literal['a']: ...\n",
    "from __future__ import annotations\nfrom typing import *\nx: int\ntype X[T] = list[T]\n",
    "f\"{a!r:>{b}} {c=}\" 'd' b'e' if f else [*g(h)]  # noqa: E711\n",
    "function f() { var a = 1; if (!!a == b) { return { a: a }; } } // eslint-disable-line\n",
    "let n: number = 5; const s = 'x' as 'x'; import { q as q } from 'm';\n",
    "#[allow(clippy::all)]\nfn f() -> bool { return a.len() == 0 && b == true; }\n",
    "const A: &'static str = \"\"; let b = S { a: a }; x * -1\n",
    "package a\nfunc f() {\n\tfor _ = range xs { i += 1 }\n\treturn\n}\n",
    "errors.New(fmt.Sprintf(\"%d\", 1)) //nolint\n",
    "\u{feff}",
    "\0",
    "\u{c}",
    "\r",
    "\\\n",
    "((((",
    "\"\"\"",
    "ä𝒞",
    "\t",
    "{{",
    "#",
    "'''",
];

fn code() -> impl Strategy<Value = String> {
    let piece = (0..PIECES.len(), any::<proptest::sample::Index>(), any::<proptest::sample::Index>());
    let cut = piece.prop_map(|(index, from, to)| {
        let chars: Vec<char> = PIECES[index].chars().collect();
        let (from, to) = (from.index(chars.len() + 1), to.index(chars.len() + 1));
        // Whole pieces half of the time: code that parses reaches further than rubbish.
        if from > to { PIECES[index].to_owned() } else { chars[from..to].iter().collect() }
    });
    prop::collection::vec(cut, 0..8).prop_map(|pieces| pieces.concat())
}

/// Scans the text as every language and tries to repair everything that is found.
fn exercise(text: &str) {
    let rules = RuleSet::builtin().unwrap();
    for path in PATHS {
        let found = scan(&rules, path, text, &Context::default());
        assert_eq!(found, scan(&rules, path, text, &Context::default()));
        let places: Vec<_> = found.iter().map(|one| (one.line, one.column)).collect();
        assert!(places.is_sorted(), "{places:?}");
        for one in &found {
            assert!(one.line as usize <= text.split('\n').count(), "{one:?}");
            let outcome = fix(&rules, path, text, one);
            assert_ne!(outcome, FixOutcome::Gone, "{one:?}");
            if let FixOutcome::Fixed(fixed) = outcome {
                let again = scan(&rules, path, &fixed.text, &Context::default());
                let count =
                    |all: &[domain::finding::Finding]| all.iter().filter(|f| f.code == one.code).count();
                assert!(count(&again) <= count(&found), "{one:?}\n{text}\n--\n{}", fixed.text);
                assert_eq!(text.ends_with('\n'), fixed.text.ends_with('\n'), "{one:?}");
                assert_eq!(text.starts_with('\u{feff}'), fixed.text.starts_with('\u{feff}'), "{one:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_taken(text in "\\PC{0,200}|[ -~\\r\\n\\t\\x00\\x0c]{0,300}") {
        exercise(&text);
    }

    #[test]
    fn pieces_of_code_joined_at_random_are_taken(text in code()) {
        exercise(&text);
    }
}

#[test]
fn deep_nesting_ends_in_a_named_refusal_or_a_result() {
    let rules = RuleSet::builtin().unwrap();
    let cases = [
        "(".repeat(10_000) + &")".repeat(10_000),
        "[".repeat(10_000),
        "x = ".to_owned() + &"f(".repeat(10_000) + &")".repeat(10_000),
        "x = ".to_owned() + &"a.b().".repeat(5_000) + "c",
        "x = ".to_owned() + &"-".repeat(10_000) + "1",
        "x: ".to_owned() + &"list[".repeat(5_000) + &"]".repeat(5_000),
        (0..900).map(|n| " ".repeat(n) + "if x:\n").collect::<String>() + &" ".repeat(900) + "pass\n",
        "f(".to_owned() + &"lambda: ".repeat(5_000) + "1)",
    ];
    for text in &cases {
        for path in PATHS {
            assert!(scan_report(&rules, path, text, &Context::default()).findings.len() <= 1);
        }
    }
    assert_eq!(scan_report(&rules, "a.py", &cases[0], &Context::default()).skipped, Some(Skipped::TooDeep));
}

#[test]
fn a_sum_of_thousands_is_no_deep_nesting() {
    let rules = RuleSet::builtin().unwrap();
    let text = "a = 1\nx = ".to_owned() + &"a + ".repeat(5_000) + "undefined_thing\n";
    let only = ["F821".to_owned()];
    let scan = scan_report(&rules, "a.py", &text, &Context { only: Some(&only), ..Context::default() });
    assert_eq!((scan.skipped, scan.findings.len()), (None, 1));
}

#[test]
fn files_of_megabytes_end_in_a_named_refusal_or_a_result() {
    let rules = RuleSet::builtin().unwrap();
    let huge = "x == None\n".repeat(110_000);
    assert_eq!(scan_report(&rules, "a.py", &huge, &Context::default()).skipped, Some(Skipped::TooLarge));
    let long_line = "x == y;".repeat(30_000);
    assert_eq!(scan(&rules, "a.js", &long_line, &Context::default()).len(), 30_000);
    let rubbish = "'\"({[\n".repeat(20_000);
    for path in PATHS {
        scan_report(&rules, path, &rubbish, &Context::default());
    }
}

#[test]
fn every_language_is_reached_by_a_path_of_the_tests() {
    let reached = |language| PATHS.iter().any(|path| codemods::language_of(path) == Some(language));
    assert!(Language::ALL.into_iter().all(reached));
}
