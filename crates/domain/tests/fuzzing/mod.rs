//! What must hold for any bytes: shared by the fuzz targets, by the test over the inputs that they found, and by
//! `cargo xtask fuzz`. Each returns what was said of the input, in short, so that a test can tell when that changes.
#![allow(dead_code, reason = "each fuzz target uses one of them")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "what does not hold ends the run")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use codex_task_domain::command::{self, CommandPolicy, Verdict};
use codex_task_domain::patch::{
    Applied, Base, BaseError, BaseFile, FileMode, Form, How, Limits, PatchFinding, RepoPath, Tolerance,
    apply, emit, parse, read,
};
use codex_task_domain::plan::Plan;
use codex_task_domain::reply::{self, ReplyLimits};
use sha2::{Digest, Sha256};

/// A tree in memory.
struct Tree(BTreeMap<String, BaseFile>);

impl Base for Tree {
    fn file(&self, path: &RepoPath) -> Result<Option<BaseFile>, BaseError> {
        Ok(self.0.get(path.as_str()).cloned())
    }

    fn list(&self, folder: Option<&RepoPath>) -> Result<Vec<String>, BaseError> {
        let prefix = folder.map(|folder| format!("{folder}/")).unwrap_or_default();
        let below = self.0.keys().filter_map(|path| path.strip_prefix(&prefix));
        Ok(below.map(|rest| rest.split('/').next().unwrap_or_default().to_owned()).collect())
    }
}

impl Tree {
    fn of(files: &[(&str, &[u8], FileMode)]) -> Self {
        let file = |(path, bytes, mode): &(&str, &[u8], FileMode)| {
            ((*path).to_owned(), BaseFile { bytes: bytes.to_vec(), mode: *mode })
        };
        Self(files.iter().map(file).collect())
    }

    fn after(&self, applied: &Applied) -> BTreeMap<String, BaseFile> {
        let mut files = self.0.clone();
        for file in &applied.files {
            files.remove(file.path.as_str());
            if let Some(after) = &file.after {
                files.insert(file.path.to_string(), after.clone());
            }
        }
        files
    }
}

/// The part of the input before a line of five stars is a file of the base, the rest is the patch.
///
/// Whatever is applied can be written as a canonical diff that is taken strictly, byte for byte as it stands, and gives
/// the same files; and the same input always gives the same answer.
pub(crate) fn patch(data: &[u8]) -> String {
    const MARK: &[u8] = b"\n*****\n";
    let cut = data.windows(MARK.len()).position(|window| window == MARK);
    let (file, text) =
        cut.map_or((&b"1\n2\n3\n"[..], data), |at| (&data[..at + 1], &data[at + MARK.len()..]));
    let tree = Tree::of(&[
        ("a.txt", file, FileMode::Regular),
        ("d/run.sh", b"#!/bin/sh\nexit 0\n", FileMode::Executable),
        ("d/link", b"run.sh", FileMode::Symlink),
        ("x.bin", b"\0\x01\x02", FileMode::Regular),
    ]);
    let mut said = String::new();
    for form in [Form::Auto, Form::Whole] {
        for tolerance in [Tolerance::Lenient, Tolerance::Strict] {
            let judged =
                || read(text, form, tolerance, &Limits::default()).and_then(|patch| apply(&patch, &tree));
            let first = judged();
            assert_eq!(first, judged(), "the same input, another answer");
            match first {
                Ok(applied) => said.push_str(&holds(&tree, &applied)),
                Err(findings) => {
                    assert!(!findings.is_empty(), "refused without a reason");
                    findings.iter().for_each(|finding| said.push_str(&refused(finding)));
                }
            }
            said.push_str(" |");
        }
    }
    said
}

/// A finding without its words: code, hunk, line of the patch, nearest place, line of the base.
fn refused(finding: &PatchFinding) -> String {
    let mut said = format!(" {}", finding.code);
    let mismatch = finding.mismatch.as_ref();
    for (mark, number) in [
        ('#', finding.hunk),
        (':', finding.line),
        ('~', mismatch.map(|mismatch| mismatch.nearest)),
        ('!', mismatch.map(|mismatch| mismatch.base_line)),
    ] {
        if let Some(number) = number {
            write!(said, "{mark}{number}").unwrap();
        }
    }
    said
}

/// A value that is written as one word.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

/// The first four bytes of a SHA-256.
fn digest(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..4])
}

/// What became of the patch: each hunk's way and line, and the digest of the canonical diff.
fn holds(tree: &Tree, applied: &Applied) -> String {
    assert!(!applied.files.is_empty(), "applied, and nothing changed");
    let diff = emit(applied.files.clone());
    for tolerance in [Tolerance::Strict, Tolerance::Lenient] {
        let again = parse(diff.bytes(), tolerance, &Limits::canonical()).unwrap();
        let again = apply(&again, tree).unwrap();
        assert_eq!(again.weakest_anchor(), How::Exact);
        assert_eq!(tree.after(&again), tree.after(applied));
        assert_eq!(emit(again.files).sha256(), diff.sha256());
    }
    let mut said = String::new();
    for anchor in applied.files.iter().flat_map(|file| &file.anchors) {
        write!(said, " {}@{}", word(&anchor.how), anchor.line).unwrap();
    }
    write!(said, " {}", digest(diff.bytes())).unwrap();
    said
}

/// What is taken can be written as plain JSON that is taken in the same way without any mending.
pub(crate) fn reply(data: &[u8]) -> String {
    let limits = ReplyLimits::default();
    match reply::read(data, &limits) {
        Err(findings) => {
            assert!(!findings.is_empty(), "refused without a reason");
            findings.iter().map(|finding| format!(" {}", word(&finding.code))).collect()
        }
        Ok(taken) => {
            let mut plain = taken.unknown.clone();
            plain.insert("patch".to_owned(), taken.patch.clone().into());
            plain.insert("explanation".to_owned(), taken.explanation.clone().into());
            if let Some(confidence) = taken.confidence {
                plain.insert("confidence".to_owned(), confidence.value().into());
            }
            plain.insert("meta".to_owned(), taken.meta.clone().into());
            let text = serde_json::to_vec(&plain).unwrap();
            let again = reply::read(&text, &limits).unwrap();
            assert_eq!((&again.patch, &again.explanation), (&taken.patch, &taken.explanation));
            assert_eq!((again.confidence, &again.meta), (taken.confidence, &taken.meta));
            assert!(again.mended.is_empty(), "plain JSON was mended: {:?}", again.mended);
            format!(" {} {}", digest(&text), serde_json::to_string(&taken.mended).unwrap())
        }
    }
}

/// What is taken is within the limits, each text is one line, and written as plain JSON it is taken as the same plan.
pub(crate) fn plan(data: &[u8]) -> String {
    match reply::read_plan(data) {
        Err(findings) => {
            assert!(!findings.is_empty(), "refused without a reason");
            findings.iter().map(|finding| format!(" {}", word(&finding.code))).collect()
        }
        Ok(taken) => {
            assert!(!taken.steps.is_empty() && !taken.files.is_empty(), "{taken:?}");
            let texts = [&taken.steps, &taken.tests, &taken.risks].into_iter().flatten();
            for text in texts.chain([&taken.summary]) {
                assert!(!text.is_empty() && text.chars().count() <= Plan::MOST_CHARACTERS, "{taken:?}");
                assert!(!text.chars().any(char::is_control), "not one line: {text:?}");
            }
            for entries in [taken.steps.len(), taken.files.len(), taken.tests.len(), taken.risks.len()] {
                assert!(entries <= Plan::MOST_ENTRIES, "{taken:?}");
            }
            let text = serde_json::to_vec(&taken).unwrap();
            if text.len() <= Plan::MOST_BYTES {
                assert_eq!(reply::read_plan(&text).as_ref(), Ok(&taken));
            }
            format!(" {}", digest(taken.text().as_bytes()))
        }
    }
}

/// Reading the built-in policy checks its examples; once is enough.
static POLICY: LazyLock<CommandPolicy> = LazyLock::new(CommandPolicy::default);

/// The same command gets the same answer, also behind blanks; what is allowed has rules that allow it; and nothing is
/// allowed with a forbidden line behind it.
pub(crate) fn shell(data: &[u8]) -> String {
    let judged = command::judge_bytes(data, &POLICY);
    assert_eq!(judged, command::judge_bytes(data, &POLICY), "the same command, another answer");
    assert!(!judged.why.is_empty(), "judged without a reason");
    let allowed = judged.verdict == Verdict::Allow;
    assert_eq!(allowed, judged.findings.is_empty(), "{judged:?}");
    assert_eq!(allowed, !judged.allowed_by.is_empty(), "{judged:?}");
    let indented = command::judge_bytes(&[b" \t", data].concat(), &POLICY);
    assert_eq!(indented.verdict == Verdict::Allow, allowed, "blanks in front: {indented:?}");
    // Two ends of line: a backslash at the end takes the first away, and the words behind it are arguments.
    let worse = command::judge_bytes(&[data, b"\n\nrm -rf /\n"].concat(), &POLICY);
    assert_ne!(worse.verdict, Verdict::Allow, "allowed with a forbidden line behind it");
    let tripped = command::tripwire(&String::from_utf8_lossy(data)).is_some();
    let rules = judged.findings.iter().map(|finding| finding.rule.as_str());
    let rules: Vec<&str> = rules.chain(judged.allowed_by.iter().map(String::as_str)).collect();
    format!(" {} {}{}", word(&judged.verdict), rules.join(" "), if tripped { " tripped" } else { "" })
}

/// Undoes `escape_ascii`, in which kept inputs are written.
pub(crate) fn unescaped(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let (&kind, after) = rest.split_first().unwrap();
        rest = after;
        bytes.push(match kind {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let digits = std::str::from_utf8(&rest[..2]).unwrap();
                rest = &rest[2..];
                u8::from_str_radix(digits, 16).unwrap()
            }
            other => other,
        });
    }
    bytes
}
