//! The gate over small changes, and over the shared collection of hostile patches where it is at hand.

use super::*;
use crate::patch::tests::Tree;
use crate::patch::{
    BaseFile, Class, FileMode, FileResult, Limits, PatchFinding, Tolerance, apply, emit, parse,
};
use crate::test_cases;

mod ruler;

fn tree_id() -> TreeId {
    "4b825dc642cb6eb9a060e54bf8d69288fbee4904".parse().unwrap()
}

fn judge_diff(
    diff: &CanonicalDiff,
    base: &Tree,
    scope: Scope,
    policy: &GatePolicy,
) -> (Judgement, Option<GatePass>) {
    let (base_tree, policy_hash) = (tree_id(), Sha256::of(b"policy"));
    let anchor = How::Exact;
    judge(&GateInput { diff, anchor, base_tree: &base_tree, base, scope, policy, policy_hash: &policy_hash })
}

fn file(text: &str) -> Option<BaseFile> {
    Some(BaseFile { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular })
}

fn change(path: &str, before: Option<BaseFile>, after: Option<BaseFile>) -> FileResult {
    FileResult::edited(path.parse().unwrap(), before, after)
}

/// The rules that speak about one file's change in a request.
fn rules(path: &str, before: Option<BaseFile>, after: Option<BaseFile>) -> Vec<Rule> {
    let diff = emit(vec![change(path, before, after)]);
    let (judgement, _) =
        judge_diff(&diff, &Tree::default(), Scope::Request(Kind::Fix), &GatePolicy::default());
    judgement.findings.into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn a_small_change_of_a_source_passes_and_the_pass_carries_what_was_judged() {
    let diff = emit(vec![change("src/lib.rs", file("a\n"), file("b\n"))]);
    let (judgement, pass) = judge_diff(&diff, &Tree::default(), Scope::Finding, &GatePolicy::default());
    assert_eq!((judgement.verdict, judgement.findings.as_slice()), (Verdict::Pass, &[][..]));
    let pass = pass.unwrap();
    assert_eq!((pass.patch(), pass.base(), pass.verdict()), (diff.sha256(), &tree_id(), Verdict::Pass));
    assert_eq!((pass.stat(), pass.policy()), (diff.stat(), &judgement.policy));
}

#[test]
fn the_strictest_finding_wins_and_a_refusal_gives_no_pass() {
    let diff = emit(vec![
        change("Makefile", file("a\n"), file("b\n")),
        change("vendor/x.c", file("a\n"), file("b\n")),
    ]);
    let (judgement, pass) =
        judge_diff(&diff, &Tree::default(), Scope::Request(Kind::Fix), &GatePolicy::default());
    assert_eq!((judgement.verdict, pass), (Verdict::Refuse, None));
    assert_eq!(judgement.findings.len(), 2);
    assert_eq!(
        refusals(&judgement),
        ["vendor/x.c: other people's code is not changed here (refuse) [vendored-path]"]
    );
    assert_eq!(GatePass::recall(&judgement), None);
}

#[test]
fn limits_refuse_a_findings_repair_and_send_a_request_to_a_person() {
    let lines = |count: usize| file(&"x\n".repeat(count));
    let at = |count, scope| {
        let diff = emit(vec![change("a", file(""), lines(count))]);
        judge_diff(&diff, &Tree::default(), scope, &GatePolicy::default()).0.verdict
    };
    assert_eq!((at(200, Scope::Finding), at(201, Scope::Finding)), (Verdict::Pass, Verdict::Refuse));
    let request = Scope::Request(Kind::Feature);
    assert_eq!(
        (at(500, request), at(501, request), at(10_001, request)),
        (Verdict::Pass, Verdict::Review, Verdict::Refuse)
    );
    let many =
        |count: usize| emit((0..count).map(|n| change(&format!("f{n}"), file("a\n"), file("b\n"))).collect());
    let files =
        |count, scope| judge_diff(&many(count), &Tree::default(), scope, &GatePolicy::default()).0.verdict;
    assert_eq!((files(5, Scope::Finding), files(6, Scope::Finding)), (Verdict::Pass, Verdict::Refuse));
    assert_eq!((files(10, request), files(11, request)), (Verdict::Pass, Verdict::Review));
    assert_eq!(rules("a", lines(51), file("")), [Rule::ManyDeletions]);
    assert_eq!(rules("a", lines(50), file("")), []);
}

#[test]
fn a_file_is_huge_when_it_comes_or_grows_beyond_the_limit() {
    let of = |count: usize, last: &str| file(&("x\n".repeat(count / 2 - 1) + last));
    let policy = GatePolicy { file_bytes: 100, ..GatePolicy::default() };
    let huge = |before, after| {
        let diff = emit(vec![change("a", before, after)]);
        let (judgement, _) = judge_diff(&diff, &Tree::default(), Scope::Request(Kind::Fix), &policy);
        judgement.findings.iter().any(|finding| finding.rule == Rule::HugeFile)
    };
    assert!(!huge(None, of(100, "y\n")) && huge(None, of(102, "y\n")));
    assert!(!huge(of(102, "x\n"), of(102, "y\n")) && huge(of(102, "x\n"), of(104, "y\n")));
    assert!(!huge(of(104, "x\n"), of(102, "y\n")));
}

#[test]
fn a_path_list_repeats_no_built_in_rule_of_the_same_file_and_verdict() {
    let set = |pattern: &str| PathSet::new(vec![pattern.to_owned()]).unwrap();
    let policy = GatePolicy { review: set("*"), ..GatePolicy::default() };
    let files = ["Makefile", "src/a.rs"].map(|path| change(path, file("a\n"), file("b\n")));
    let (judgement, _) =
        judge_diff(&emit(files.to_vec()), &Tree::default(), Scope::Request(Kind::Fix), &policy);
    let found: Vec<_> =
        judgement.findings.iter().map(|finding| (finding.path.as_deref().unwrap(), finding.rule)).collect();
    assert_eq!(found, [("Makefile", Rule::BuildScript), ("src/a.rs", Rule::PolicyReviewPath)]);
}

#[test]
fn modes_speak_for_themselves() {
    let with = |mode, text: &str| Some(BaseFile { bytes: text.as_bytes().to_vec(), mode });
    assert_eq!(rules("l", None, with(FileMode::Symlink, "a")), [Rule::Symlink]);
    assert_eq!(rules("l", with(FileMode::Symlink, "a"), with(FileMode::Symlink, "b")), [Rule::Symlink]);
    assert_eq!(rules("l", with(FileMode::Symlink, "a"), file("a")), [Rule::TypeChange]);
    assert_eq!(rules("l", with(FileMode::Symlink, "a"), None), [Rule::TypeChange]);
    assert_eq!(rules("s", None, with(FileMode::Gitlink, "")), [Rule::Submodule]);
    assert_eq!(rules(".gitmodules", file("a\n"), file("b\n")), [Rule::Submodule]);
    assert_eq!(rules("x", file("a\n"), with(FileMode::Executable, "a\n")), [Rule::Executable]);
    assert_eq!(rules("x", with(FileMode::Executable, "a\n"), with(FileMode::Executable, "b\n")), []);
    assert_eq!(rules("x", None, file("a\0b")), [Rule::Binary]);
}

#[test]
fn tests_are_the_ruler_and_findings_leave_it_alone() {
    let path = "tests/test_a.py";
    let before = || file("def test_a():\n    assert f() == 1\n\n\ndef test_b():\n    assert g()\n");
    let diff = emit(vec![change(path, before(), file("def test_a():\n    assert f() == 2\n"))]);
    let (judgement, _) = judge_diff(&diff, &Tree::default(), Scope::Finding, &GatePolicy::default());
    assert_eq!(judgement.verdict, Verdict::Refuse);
    let edit = |from: &str, to: &str| {
        rules(path, before(), file(&String::from_utf8(before().unwrap().bytes).unwrap().replace(from, to)))
    };
    assert_eq!(edit("def test_b", "def _test_b"), [Rule::TestDeleted]);
    assert_eq!(edit("    assert g()", "    g()"), [Rule::TestWeakened]);
    assert_eq!(edit("    assert g()", "    return\n    assert g()"), [Rule::TestWeakened]);
    assert_eq!(edit("def test_b", "@pytest.mark.skip\ndef test_b"), [Rule::TestSkipped]);
    assert_eq!(edit("    assert g()", "    os._exit(0)\n    assert g()"), [Rule::TestTampering]);
    assert_eq!(edit("g()\n", "g()\n\n\ndef test_c():\n    assert h()\n"), []);
    assert_eq!(rules(path, before(), None), [Rule::TestDeleted, Rule::TestDeleted]);
    assert_eq!(rules("src/a.py", file("x\n"), file("x  # noqa\n")), [Rule::LintSuppression]);
}

#[test]
fn names_that_fold_into_one_collide() {
    let tree = Tree::of(&[("README.md", "a\n"), ("Src/a.rs", "a\n")]);
    let at = |files: Vec<FileResult>| {
        let (judgement, _) =
            judge_diff(&emit(files), &tree, Scope::Request(Kind::Docs), &GatePolicy::default());
        judgement.findings.iter().filter(|finding| finding.rule == Rule::CaseCollision).count()
    };
    assert_eq!(at(vec![change("readme.md", None, file("b\n"))]), 1);
    assert_eq!(at(vec![change("src/b.rs", None, file("b\n"))]), 1);
    assert_eq!(at(vec![change("Src/b.rs", None, file("b\n"))]), 0);
    assert_eq!(at(vec![change("\u{e9}", None, file("b\n")), change("e\u{301}", None, file("b\n"))]), 1);
    assert_eq!(at(vec![change("readme.md", file("a\n"), file("b\n"))]), 0, "it was there before");
    let renamed = vec![change("README.md", file("a\n"), None), change("Readme.md", None, file("a\n"))];
    assert_eq!(at(renamed), 0);
}

#[test]
fn the_policy_speaks_by_path() {
    let set = |pattern: &str| PathSet::new(vec![pattern.to_owned()]).unwrap();
    let policy = GatePolicy { denied: set("README.md"), allowed: set("src/**"), ..GatePolicy::default() };
    let diff = emit(vec![
        change("a/readme.MD", file("a\n"), file("b\n")),
        change("src/a", file("a\n"), file("b\n")),
    ]);
    let (judgement, _) = judge_diff(&diff, &Tree::default(), Scope::Request(Kind::Fix), &policy);
    let found: Vec<Rule> = judgement.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(found, [Rule::DeniedPath, Rule::OutsideAllowedPaths]);
    let read: GatePolicy = serde_json::from_str(r#"{"denied": ["*.md"], "symlinks": "review"}"#).unwrap();
    let written = serde_json::to_string(&policy).unwrap();
    assert_eq!(serde_json::from_str::<GatePolicy>(&written).unwrap(), policy);
    assert_ne!(read, GatePolicy { denied: set("*.rs"), ..read.clone() });
    assert!(read.denied.contains("a/b.md") && read.symlinks == Verdict::Review);
    assert!(serde_json::from_str::<GatePolicy>(r#"{"denied": ["[" ]}"#).is_err());
    assert!(serde_json::from_str::<GatePolicy>(r#"{"unknown": 1}"#).is_err());
}

#[test]
fn rule_ids_are_their_json_form() {
    for rule in Rule::ALL {
        assert_eq!(serde_json::to_string(rule).unwrap(), format!("\"{rule}\""));
    }
}

/// The base of the shared patches, as the script beside them describes it.
#[expect(clippy::disallowed_methods, reason = "a test asks the collection's own script for its base")]
fn fixture(folder: &std::path::Path) -> Option<Tree> {
    let script = "import json, make_fixture as m\n\
        text = lambda c: list(c if isinstance(c, bytes) else c.encode())\n\
        print(json.dumps([[p, text(c), '100644'] for p, c in m.FILES.items()] + [[p, text(c), '100755'] for p, c in \
        m.EXEC.items()] + [[p, text(c), '120000'] for p, c in m.LINKS.items()] + [['sub', [], '160000']]))";
    let run = std::process::Command::new("python3")
        .args(["-B", "-c", script])
        .current_dir(folder.parent()?)
        .output();
    let Some(output) = run.ok().filter(|output| output.status.success()) else {
        eprintln!("no python3 to ask for the base of the shared patches");
        return None;
    };
    let files: Vec<(String, Vec<u8>, String)> = serde_json::from_slice(&output.stdout).unwrap();
    let entry = |(path, bytes, mode): (String, Vec<u8>, String)| {
        (path, BaseFile { bytes, mode: FileMode::from_octal(&mode).unwrap() })
    };
    Some(Tree(files.into_iter().map(entry).collect()))
}

/// The verdict in the collection's words, with the reasons.
fn verdict(bytes: &[u8], base: &Tree, policy: &GatePolicy, tolerance: Tolerance) -> (&'static str, String) {
    let applied = parse(bytes, tolerance, &Limits::default()).and_then(|patch| apply(&patch, base));
    let files = match applied {
        Ok(applied) => applied.files,
        Err(findings) => {
            let class = match PatchFinding::worst(&findings).unwrap() {
                Class::NoChange => "no_change",
                Class::Conflict => "conflict",
                Class::Malformed => "malformed",
                Class::Refused => "reject",
            };
            return (class, format!("{:?}", findings.iter().map(ToString::to_string).collect::<Vec<_>>()));
        }
    };
    let (judgement, _) = judge_diff(&emit(files), base, Scope::Request(Kind::Fix), policy);
    let word = match judgement.verdict {
        Verdict::Pass => "accept",
        Verdict::Review => "gate",
        Verdict::Refuse => "reject",
    };
    (word, format!("{:?}", refusals(&judgement)))
}

fn policy_of(case: &serde_json::Value) -> GatePolicy {
    let set = |key: &str| {
        let patterns = case["policy"][key].as_array().cloned().unwrap_or_default();
        PathSet::new(patterns.iter().map(|p| p.as_str().unwrap().to_owned()).collect()).unwrap()
    };
    GatePolicy { denied: set("denied_paths"), allowed: set("allowed_paths"), ..GatePolicy::default() }
}

#[test]
fn the_shared_patches_get_the_verdicts_that_stand_beside_them() {
    let Some(folder) = test_cases::folder("patches") else { return };
    let Some(base) = fixture(&folder) else { return };
    let manifest = test_cases::manifest(&folder);
    let mut wrong = Vec::new();
    for case in manifest["cases"].as_array().unwrap() {
        let bytes = std::fs::read(folder.join(case["file"].as_str().unwrap())).unwrap();
        let (got, why) = verdict(&bytes, &base, &policy_of(case), Tolerance::Strict);
        let also = case["alt"].as_array().is_some_and(|alt| alt.iter().any(|v| v == got));
        if case["verdict"] != got && !also {
            wrong.push(format!("{}: want {}, got {got} {why}", case["id"], case["verdict"]));
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_shared_patch_that_must_be_refused_is_taken_leniently_either() {
    let Some(folder) = test_cases::folder("patches") else { return };
    let Some(base) = fixture(&folder) else { return };
    let manifest = test_cases::manifest(&folder);
    let mut taken = Vec::new();
    for case in manifest["cases"].as_array().unwrap().iter().filter(|case| case["verdict"] == "reject") {
        let bytes = std::fs::read(folder.join(case["file"].as_str().unwrap())).unwrap();
        let (got, why) = verdict(&bytes, &base, &policy_of(case), Tolerance::Lenient);
        let also = case["alt"].as_array().is_some_and(|alt| alt.iter().any(|v| v == got));
        if matches!(got, "accept" | "gate") && !also {
            taken.push(format!("{}: {got} {why}", case["id"]));
        }
    }
    assert!(taken.is_empty(), "{}", taken.join("\n"));
}
