//! The tests of both sides, put in pairs, and what a pair lost: the test itself, an assertion, its run.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::super::patterns::patterns;
use super::super::{Findings, Rule};
use super::TestFile;
use super::assertion::{Assertion, Strength, assertions};
use super::lexer::{Language, Source, is_word};
use super::outline::{self, Test};

/// More pairs of tests than this are not looked at for what they share; such tests then count as gone.
const MOST_LOOKS: usize = 100_000;

/// More assertions of one test than this are not looked at for tolerances.
const MOST_TOLERANCES: usize = 200;

/// A test with what is known about it.
pub(super) struct Known {
    file: usize,
    line: u32,
    name: String,
    language: Language,
    assertions: Vec<Assertion>,
    skips: usize,
    skip_line: Option<u32>,
    only: bool,
    dead: usize,
    /// The body without blanks, to know one that got another name.
    body: Vec<u8>,
    /// Its lines without blanks, to know one that got another name and a few other lines.
    lines: BTreeSet<Vec<u8>>,
    /// The texts of its assertions.
    asserted: BTreeSet<String>,
}

/// All tests of one side of the change.
pub(super) struct Side {
    tests: Vec<Known>,
    /// By file: what stands outside of tests.
    rest: BTreeMap<usize, Known>,
}

patterns! {
    SKIP_PYTHON = r"\bpytest\.mark\.(?:skip|xfail)\w*|\bunittest\.(?:skip\w*|expectedFailure)|@(?:skip|skipIf|skipUnless|xfail|expectedFailure)\b|\bpytest\.(?:skip|xfail|importorskip)[ \t]*\(|\braise[ \t]+(?:unittest\.)?SkipTest|\.skipTest[ \t]*\(|\b__test__[ \t]*=[ \t]*False";
    SKIP_RUST = r"#\[[ \t]*(?:ignore\b|should_panic[ \t]*\]|cfg_attr\([^\]]*\bignore\b|cfg\([ \t]*any\(\))";
    SKIP_SCRIPT = r"\b(?:it|test|describe|suite|context|specify)(?:\.\w+)*\.(?:skip|todo|fails|failing|skipIf|runIf|fixme)\b|\b(?:xit|xtest|xdescribe|xcontext|xspecify)[ \t]*\(|\b(?:this|t|ctx|context)\.skip[ \t]*\(";
    SKIP_GO = r"\b\w+\.(?:Skip|SkipNow|Skipf)[ \t]*\(";
    ONLY_SCRIPT = r"\b(?:it|test|describe|suite|context|specify)(?:\.\w+)*\.only\b|\b(?:fit|fdescribe)[ \t]*\(";
    DEAD = r"\bif[ \t(]+(?:False|false|0)[ \t):{]|\bwhile[ \t(]+(?:False|false|0)[ \t):{]|\bexcept\b[^:\n]*:\s*(?:pass|\.\.\.|return|continue)\b|\bsuppress[ \t]*\(|\bcatch[ \t]*(?:\([^)\n]*\))?[ \t]*\{\s*\}|\bcatch_unwind\b";
    LEAVES = r"^([ \t]*)return\b";
    TOLERANCE = r"\b(abs|rel|delta|atol|rtol|tol|tolerance|epsilon|eps|abs_tol|rel_tol|max_relative|places|decimal|significant)=(\d[\d_]*(?:\.\d+)?(?:e[-+]?\d+)?)";
    CLOSE_TO = r"\b(toBeCloseTo|InDelta|InEpsilon)\(.*,(\d[\d_]*(?:\.\d+)?(?:e[-+]?\d+)?)\)";
    NUMBER = r"\d[\d_]*(?:\.\d+)?(?:e[-+]?\d+)?";
}

fn skips(language: Language) -> &'static regex::bytes::Regex {
    match language {
        Language::Python => &SKIP_PYTHON,
        Language::Rust => &SKIP_RUST,
        Language::JavaScript => &SKIP_SCRIPT,
        Language::Go => &SKIP_GO,
    }
}

impl Side {
    /// The tests of one side of all files.
    pub(super) fn of<'a, 'b: 'a>(
        files: &'a [TestFile<'b>],
        side: impl Fn(&'a TestFile<'b>) -> Option<&'a Source<'b>>,
    ) -> Self {
        let mut all = Self { tests: Vec::new(), rest: BTreeMap::new() };
        for (index, file) in files.iter().enumerate().filter(|(_, file)| file.may_hold_tests()) {
            let Some(source) = side(file) else { continue };
            let tests = outline::tests(source);
            // A test that moved to where no runner looks for it is gone. In a file that stays it is as it was.
            let stays = file.touched.file.before.is_some() && file.touched.file.after.is_some();
            if !stays && !super::is_collected(source.language, file.touched.file.path.as_str()) {
                continue;
            }
            all.tests.extend(tests.iter().map(|test| known(index, source, test)));
            if file.is_test {
                all.rest.insert(index, rest(index, source, &tests));
            }
        }
        all
    }
}

fn known(file: usize, source: &Source<'_>, test: &Test) -> Known {
    let whole = &source.code[test.whole.clone()];
    let skip = skips(source.language);
    let assertions = assertions(source, before_return(source, &test.body));
    Known {
        file,
        line: source.line(test.whole.start),
        name: test.name.clone(),
        language: source.language,
        asserted: assertions.iter().map(|one| one.text.clone()).collect(),
        assertions,
        skips: skip.find_iter(whole).count(),
        skip_line: skip.find(whole).map(|found| source.line(test.whole.start + found.start())),
        only: source.language == Language::JavaScript && ONLY_SCRIPT.is_match(whole),
        dead: DEAD.find_iter(&source.code[test.body.clone()]).count(),
        lines: source.text[test.body.clone()]
            .split(|byte| *byte == b'\n')
            .map(|line| line.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect::<Vec<u8>>())
            .filter(|line| line.iter().any(|byte| is_word(*byte)))
            .collect(),
        body: source.text[test.body.clone()].iter().copied().filter(|b| !b.is_ascii_whitespace()).collect(),
    }
}

/// The part of a body before a `return` that always happens: one that is indented no further than the body's first
/// statement.
fn before_return(source: &Source<'_>, body: &Range<usize>) -> Range<usize> {
    let code = &source.code[body.clone()];
    let Some(line) = memchr::memchr(b'\n', code) else { return body.clone() };
    let first = code[line..].split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
    let indent = first.map_or(0, |line| line.len() - line.trim_ascii_start().len());
    let leaves = LEAVES.captures_iter(code).find_map(|found| {
        let blanks = found.get(1)?;
        (blanks.len() <= indent).then_some(blanks.start())
    });
    body.start..leaves.map_or(body.end, |at| body.start + at)
}

/// What a file has outside of its tests: helpers, fixtures, what is said of all tests.
fn rest(file: usize, source: &Source<'_>, tests: &[Test]) -> Known {
    let mut outside = Source::read(source.language, source.text);
    for test in tests {
        outside.code[test.whole.clone()].iter_mut().filter(|b| **b != b'\n').for_each(|b| *b = b' ');
    }
    let code = &outside.code;
    let skip = skips(source.language);
    Known {
        file,
        line: 1,
        name: String::new(),
        language: source.language,
        assertions: assertions(&outside, 0..code.len()),
        skips: skip.find_iter(code).count(),
        skip_line: skip.find(code).map(|found| source.line(found.start())),
        only: source.language == Language::JavaScript && ONLY_SCRIPT.is_match(code),
        dead: 0,
        body: Vec::new(),
        lines: BTreeSet::new(),
        asserted: BTreeSet::new(),
    }
}

pub(super) fn judge(files: &[TestFile<'_>], before: &Side, after: &Side, findings: &mut Findings) {
    let pairs = pairs(&before.tests, &after.tests);
    let mut taken = BTreeSet::new();
    for (old, new) in before.tests.iter().zip(&pairs) {
        let Some(new) = new.map(|index| (index, &after.tests[index])) else {
            let text = format!("{}: {}", Rule::TestDeleted.text(), shown(&old.name));
            findings.at(Rule::TestDeleted, Rule::TestDeleted.verdict(), files[old.file].touched, None, text);
            continue;
        };
        taken.insert(new.0);
        pair(files, old, new.1, findings);
    }
    // A new test may say when it does not run; that it alone runs, it may not.
    for (_, new) in after.tests.iter().enumerate().filter(|(index, new)| !taken.contains(index) && new.only) {
        skipped(files, new, findings);
    }
    for (index, new) in &after.rest {
        match before.rest.get(index) {
            Some(old) => rest_pair(files, old, new, findings),
            None if new.only => skipped(files, new, findings),
            None => {}
        }
    }
}

fn pair(files: &[TestFile<'_>], old: &Known, new: &Known, findings: &mut Findings) {
    if new.skips > old.skips || (new.only && !old.only) {
        skipped(files, new, findings);
    }
    let lost = lost(&old.assertions, &new.assertions);
    let why = match lost {
        _ if new.dead > old.dead => "an assertion may no longer be reached, or its failure is swallowed",
        Some(Lost::Fewer) => "assertions are gone",
        Some(Lost::Weaker) => "an assertion says less",
        Some(Lost::Wider) => "a tolerance is wider",
        None => return,
    };
    let text = format!("{}: {} ({why})", Rule::TestWeakened.text(), shown(&new.name));
    findings.at(
        Rule::TestWeakened,
        Rule::TestWeakened.verdict(),
        files[new.file].touched,
        Some(new.line),
        text,
    );
}

/// Outside of tests an assertion that moved into a test is not lost, and helpers come and go: only what is said of all
/// tests counts.
fn rest_pair(files: &[TestFile<'_>], old: &Known, new: &Known, findings: &mut Findings) {
    if new.skips > old.skips || (new.only && !old.only) {
        skipped(files, new, findings);
    }
}

fn skipped(files: &[TestFile<'_>], new: &Known, findings: &mut Findings) {
    let text = match new.name.as_str() {
        "" => Rule::TestSkipped.text().to_owned(),
        name => format!("{}: {}", Rule::TestSkipped.text(), shown(name)),
    };
    let line = Some(new.skip_line.unwrap_or(new.line));
    findings.at(Rule::TestSkipped, Rule::TestSkipped.verdict(), files[new.file].touched, line, text);
}

/// A name as it is told: short, and without what steers a terminal.
fn shown(name: &str) -> String {
    let name: String = name.chars().filter(|ch| !ch.is_control()).take(80).collect();
    format!("{name:?}")
}

/// For each test before, the one afterwards that it became: of the same name in the same file, of the same name
/// elsewhere, or with another name and the same content.
fn pairs(before: &[Known], after: &[Known]) -> Vec<Option<usize>> {
    let mut free: BTreeSet<usize> = (0..after.len()).collect();
    let mut pairs = vec![None; before.len()];
    let mut take = |pairs: &mut Vec<Option<usize>>, same: &dyn Fn(&Known) -> (usize, Vec<u8>)| {
        let mut places: BTreeMap<(usize, Vec<u8>), Vec<usize>> = BTreeMap::new();
        for index in free.iter().rev() {
            places.entry(same(&after[*index])).or_default().push(*index);
        }
        for (at, old) in before.iter().enumerate() {
            if pairs[at].is_none()
                && let Some(index) = places.get_mut(&same(old)).and_then(Vec::pop)
            {
                free.remove(&index);
                pairs[at] = Some(index);
            }
        }
    };
    let last = |name: &str| name.rsplit(' ').next().unwrap_or(name).as_bytes().to_vec();
    take(&mut pairs, &|test| (test.file, test.name.clone().into_bytes()));
    take(&mut pairs, &|test| (0, test.name.clone().into_bytes()));
    take(&mut pairs, &|test| (0, test.body.clone()));
    take(&mut pairs, &|test| match test.language {
        // Titles of scripts are sentences; their last word is no name.
        Language::JavaScript => (0, test.name.clone().into_bytes()),
        _ => (test.file, last(&test.name)),
    });
    let left = pairs.iter().filter(|pair| pair.is_none()).count();
    if left.saturating_mul(free.len()) > MOST_LOOKS {
        return pairs;
    }
    for at in 0..before.len() {
        if pairs[at].is_none()
            && let Some(index) = alike(&before[at], after, &free)
        {
            free.remove(&index);
            pairs[at] = Some(index);
        }
    }
    pairs
}

/// A test without partner that shares at least half of its lines, or of its assertions, with this one.
fn alike(old: &Known, after: &[Known], free: &BTreeSet<usize>) -> Option<usize> {
    let alike = |index: &usize| {
        let new = &after[*index];
        let asserted = new.asserted.intersection(&old.asserted).count();
        let lines = new.lines.intersection(&old.lines).count();
        let enough = |shared: usize, all: usize| all > 0 && shared * 2 >= all;
        (enough(asserted, old.asserted.len()) || enough(lines, old.lines.len())).then_some((asserted, lines))
    };
    let all = free.iter().filter_map(|index| Some((alike(index)?, *index)));
    all.max_by_key(|(shared, _)| *shared).map(|best| best.1)
}

/// How a test checks less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    Fewer,
    Weaker,
    Wider,
}

/// What assertions lost: those of both sides are left out, and of the rest each that goes needs one that comes and
/// says at least as much.
fn lost(old: &[Assertion], new: &[Assertion]) -> Option<Lost> {
    let (goes, comes) = (beyond(old, new), beyond(new, old));
    let close = |all: &[&Assertion]| -> Vec<String> {
        let near = all
            .iter()
            .filter(|one| TOLERANCE.is_match(one.text.as_bytes()) || CLOSE_TO.is_match(one.text.as_bytes()));
        near.take(MOST_TOLERANCES).map(|one| one.text.clone()).collect()
    };
    let (old_near, new_near) = (close(&goes), close(&comes));
    let wider = old_near.iter().any(|old| new_near.iter().any(|new| is_wider(old, new)));
    let strengths = |all: &[&Assertion]| {
        let mut all: Vec<Strength> =
            all.iter().map(|one| one.strength).filter(|s| *s > Strength::Void).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all
    };
    let (goes, comes) = (strengths(&goes), strengths(&comes));
    if goes.len() > comes.len() {
        Some(Lost::Fewer)
    } else if goes.iter().zip(&comes).any(|(old, new)| old > new) {
        Some(Lost::Weaker)
    } else {
        wider.then_some(Lost::Wider)
    }
}

/// The assertions that the other side has not, or not as often.
fn beyond<'a>(all: &'a [Assertion], other: &[Assertion]) -> Vec<&'a Assertion> {
    let mut there: BTreeMap<&str, usize> = BTreeMap::new();
    for one in other {
        *there.entry(&one.text).or_default() += 1;
    }
    let is_there = |one: &Assertion| match there.get_mut(one.text.as_str()) {
        Some(left) if *left > 0 => {
            *left -= 1;
            true
        }
        _ => false,
    };
    let mut is_there = is_there;
    all.iter().filter(|one| !is_there(one)).collect()
}

/// Whether two assertions are the same but for numbers, and a tolerance is wider in the second.
fn is_wider(old: &str, new: &str) -> bool {
    let bounds = |text: &str| -> Vec<(String, f64)> {
        let all = TOLERANCE.captures_iter(text.as_bytes()).chain(CLOSE_TO.captures_iter(text.as_bytes()));
        all.filter_map(|found| {
            let name = String::from_utf8_lossy(&found[1]).into_owned();
            let number = String::from_utf8_lossy(&found[2]).replace('_', "").parse().ok()?;
            Some((name, number))
        })
        .collect()
    };
    let shape = |text: &str| NUMBER.replace_all(text.as_bytes(), &b"#"[..]).into_owned();
    let digits = |name: &str| ["places", "decimal", "significant", "toBeCloseTo"].contains(&name);
    let (a, b) = (bounds(old), bounds(new));
    !a.is_empty()
        && shape(old) == shape(new)
        && a.iter().zip(&b).any(|((name, old), (_, new))| if digits(name) { new < old } else { new > old })
}

#[cfg(test)]
mod cases {
    use super::*;

    fn all(texts: &[(&str, Strength)]) -> Vec<Assertion> {
        texts
            .iter()
            .map(|(text, strength)| Assertion { text: (*text).to_owned(), strength: *strength, at: 0 })
            .collect()
    }

    #[test]
    fn each_assertion_that_goes_needs_one_that_says_as_much() {
        use Strength::*;
        let old = all(&[("a", Strong), ("b", Medium)]);
        assert_eq!(lost(&old, &old), None);
        assert_eq!(lost(&old, &all(&[("a", Strong)])), Some(Lost::Fewer));
        assert_eq!(lost(&old, &all(&[("a", Strong), ("c", Void)])), Some(Lost::Fewer));
        assert_eq!(lost(&old, &all(&[("a", Strong), ("c", Weak)])), Some(Lost::Weaker));
        assert_eq!(lost(&old, &all(&[("c", Strong), ("d", Strong)])), None);
        assert_eq!(lost(&old, &all(&[("b", Medium), ("a", Strong), ("c", Weak)])), None);
        assert_eq!(lost(&all(&[("v", Void)]), &[]), None);
        assert_eq!(lost(&all(&[("a", Weak), ("a", Weak)]), &all(&[("a", Weak)])), Some(Lost::Fewer));
    }

    #[test]
    fn a_wider_tolerance_is_known_by_its_name_and_way() {
        assert!(is_wider("x==approx(1,abs=1e-6)", "x==approx(1,abs=1e-3)"));
        assert!(!is_wider("x==approx(1,abs=1e-3)", "x==approx(1,abs=1e-6)"));
        assert!(is_wider("f(x,places=7)", "f(x,places=2)") && !is_wider("f(x,places=2)", "f(x,places=7)"));
        assert!(is_wider("expect(x).toBeCloseTo(y,5)", "expect(x).toBeCloseTo(y,1)"));
        assert!(is_wider("assert.InDelta(t,x,y,0.1)", "assert.InDelta(t,x,y,0.5)"));
        assert!(!is_wider("x==approx(1,abs=1)", "y==approx(1,abs=2)") && !is_wider("x==1", "x==2"));
    }

    fn anonymous(number: usize) -> Known {
        Known {
            file: 0,
            line: 1,
            name: number.to_string(),
            language: Language::Python,
            assertions: Vec::new(),
            skips: 0,
            skip_line: None,
            only: false,
            dead: 0,
            body: number.to_string().into_bytes(),
            lines: BTreeSet::from([b"x".to_vec()]),
            asserted: BTreeSet::new(),
        }
    }

    #[test]
    fn too_many_tests_without_partner_are_not_compared() {
        let after: Vec<Known> = (1_000..1_400).map(anonymous).collect();
        for (count, found) in [(250, true), (251, false)] {
            let before: Vec<Known> = (0..count).map(anonymous).collect();
            assert!(pairs(&before, &after).iter().all(|pair| pair.is_some() == found), "{count}");
        }
    }

    #[test]
    fn every_pattern_can_be_built() {
        let count = all_patterns().len() + super::super::outline::all_patterns().len();
        assert!(count + super::super::assertion::all_patterns().len() > 20);
    }
}
