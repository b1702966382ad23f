//! Replies as models write them. The shared collection of raw replies is read where it is at hand.

use super::*;
use crate::test_cases;

fn read_text(text: &str) -> Result<Reply, Vec<ReplyFinding>> {
    read(text.as_bytes(), &ReplyLimits::default())
}

fn code(text: &str) -> ReplyCode {
    read_text(text).unwrap_err()[0].code
}

const GOOD: &str =
    r#"{"patch": "--- a/x\n", "explanation": "why", "confidence": 0.8, "meta": {"k": 1}, "note": 2}"#;

#[test]
fn a_plain_object_is_read_and_unknown_fields_are_only_kept() {
    let reply = read_text(GOOD).unwrap();
    assert_eq!((reply.patch.as_str(), reply.explanation.as_str()), ("--- a/x\n", "why"));
    assert_eq!(reply.confidence.map(Confidence::value), Some(0.8));
    assert_eq!((reply.meta.len(), reply.unknown.len(), reply.mended.len()), (1, 1, 0));
}

#[test]
fn a_patch_of_nothing_but_blanks_says_that_nothing_is_to_be_changed() {
    assert!(!read_text(GOOD).unwrap().is_no_change());
    for patch in ["", " \\n\\n"] {
        let text = GOOD.replace("--- a/x\\n", patch);
        assert!(read_text(&text).unwrap().is_no_change(), "{text}");
    }
}

#[test]
fn fences_and_prose_around_one_object_are_taken_off_and_recorded() {
    assert_eq!(read_text(&format!("```json\n{GOOD}\n```\n")).unwrap().mended, [Mend::Fence]);
    assert_eq!(read_text(&format!("~~~~\n{GOOD}\n~~~~")).unwrap().mended, [Mend::Fence]);
    assert_eq!(read_text(&format!("Here {{it}} is:\n{GOOD}\nI'm done {{}}.")).unwrap().mended, [Mend::Prose]);
    let twice = read_text(&format!("```json\n{GOOD}\n```\nAgain:\n{GOOD}\n")).unwrap();
    assert_eq!(twice.mended, [Mend::Prose, Mend::Repeated]);
    assert_eq!(code(&format!("{GOOD}\nor\n{}", GOOD.replace("why", "else"))), ReplyCode::Ambiguous);
}

#[test]
fn only_faults_with_one_meaning_are_mended() {
    let comma = GOOD.replace("2}", "2,\n}");
    assert_eq!(read_text(&comma).unwrap().mended, [Mend::TrailingComma]);
    let raw = GOOD.replace("\\n", "\n");
    let reply = read_text(&raw).unwrap();
    assert_eq!((reply.patch.as_str(), reply.mended.as_slice()), ("--- a/x\n", &[Mend::RawControl][..]));
    let inside = r#"{"patch": "a,}\n", "explanation": ""}"#;
    assert_eq!(read_text(inside).unwrap().patch, "a,}\n");
    assert_eq!(code(&GOOD.replace("\"patch\"", "patch")), ReplyCode::InvalidJson);
    assert_eq!(code(&GOOD.replace('"', "'")), ReplyCode::InvalidJson);
}

#[test]
fn all_faults_of_an_object_are_named() {
    let findings = read_text(r#"{"patch": 1, "confidence": 2, "meta": []}"#).unwrap_err();
    let codes: Vec<ReplyCode> = findings.iter().map(|finding| finding.code).collect();
    assert_eq!(
        codes,
        [ReplyCode::WrongType, ReplyCode::MissingField, ReplyCode::OutOfRange, ReplyCode::WrongType]
    );
}

#[test]
fn what_is_cut_off_or_nested_or_repeated_is_refused() {
    assert_eq!(code(&GOOD[..40]), ReplyCode::Truncated);
    assert_eq!(code(&format!("```json\n{}", &GOOD[..40])), ReplyCode::Truncated);
    assert_eq!(code(&format!("Sure! {}", &GOOD[..40])), ReplyCode::Truncated);
    assert_eq!(code(&"[".repeat(1_000_000)), ReplyCode::TooDeep);
    assert_eq!(code(&GOOD.replace("\"note\"", "\"patch\"")), ReplyCode::DuplicateKey);
    assert_eq!(code(&GOOD.replace("0.8", "NaN")), ReplyCode::InvalidNumber);
    assert_eq!(code(&GOOD.replace("0.8", "-Infinity")), ReplyCode::InvalidNumber);
    assert_eq!(code(&GOOD.replace("--- a/x", "\\u0000")), ReplyCode::InvalidPatchText);
}

#[test]
fn a_long_explanation_is_cut_at_a_character() {
    let long = GOOD.replace("why", &"ä".repeat(100_000));
    let reply = read_text(&long).unwrap();
    assert_eq!((reply.explanation.len(), reply.mended.as_slice()), (64 << 10, &[Mend::ExplanationCut][..]));
    let limits = ReplyLimits { bytes: 100, ..ReplyLimits::default() };
    assert_eq!(read(GOOD.as_bytes(), &limits).map(|_| ()), Ok(()));
    assert_eq!(read(long.as_bytes(), &limits).unwrap_err()[0].code, ReplyCode::TooLarge);
}

#[test]
fn an_object_among_prose_that_is_half_an_answer_is_told_as_such() {
    assert_eq!(code("Sure: {\"patch\": \"x\"}"), ReplyCode::MissingField);
    assert_eq!(code("Sure: {\"explanation\": \"x\"}"), ReplyCode::MissingField);
    assert_eq!(code("Sure: {\"other\": \"x\"}"), ReplyCode::NoJson);
}

#[test]
fn values_are_kept_as_they_are_and_wrong_ones_named() {
    let meta = r#"{"a": -1, "b": 1, "c": 1.5, "d": null, "e": true, "f": "x\ny", "g": [], "h": {}}"#;
    let reply = read_text(&format!(r#"{{"patch": "p", "explanation": "e", "meta": {meta}}}"#)).unwrap();
    assert_eq!(Value::Object(reply.meta), serde_json::from_str::<Value>(meta).unwrap());
    for (value, kind) in
        [("null", "null"), ("true", "a boolean"), ("1", "a number"), ("[]", "an array"), ("{}", "an object")]
    {
        let findings = read_text(&format!(r#"{{"patch": {value}, "explanation": "e"}}"#)).unwrap_err();
        assert_eq!(findings[0].to_string(), format!("\"patch\" is not a string but {kind} [wrong_type]"));
    }
}

#[test]
fn what_has_the_size_of_a_limit_passes_and_one_byte_more_does_not() {
    let taken = |limits: ReplyLimits| {
        read(GOOD.as_bytes(), &limits).map(|reply| reply.mended).map_err(|findings| findings[0].code)
    };
    let limits = ReplyLimits::default;
    let (bytes, patch_bytes, explanation_bytes) = (GOOD.len(), "--- a/x\n".len(), "why".len());
    assert_eq!(taken(ReplyLimits { bytes, ..limits() }), Ok(vec![]));
    assert_eq!(taken(ReplyLimits { bytes: bytes - 1, ..limits() }), Err(ReplyCode::TooLarge));
    assert_eq!(taken(ReplyLimits { patch_bytes, ..limits() }), Ok(vec![]));
    assert_eq!(taken(ReplyLimits { patch_bytes: patch_bytes - 1, ..limits() }), Err(ReplyCode::TooLarge));
    assert_eq!(taken(ReplyLimits { explanation_bytes, ..limits() }), Ok(vec![]));
    let cut = ReplyLimits { explanation_bytes: explanation_bytes - 1, ..limits() };
    assert_eq!(taken(cut), Ok(vec![Mend::ExplanationCut]));
    assert_eq!(
        limits(),
        ReplyLimits { bytes: 8 << 20, patch_bytes: 4 << 20, explanation_bytes: 64 << 10, depth: 32 }
    );
}

#[test]
fn codes_read_as_their_json_form() {
    for code in ReplyCode::ALL {
        assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{code}\""));
    }
}

#[test]
fn the_shared_replies_get_the_verdicts_that_stand_beside_them() {
    let Some(folder) = test_cases::folder("replies") else { return };
    let manifest = test_cases::manifest(&folder);
    let mut wrong = Vec::new();
    for case in manifest["cases"].as_array().unwrap() {
        let bytes = std::fs::read(folder.join(case["file"].as_str().unwrap())).unwrap();
        let expect = &case["expect"];
        let (verdict, code, sha) = match read(&bytes, &ReplyLimits::default()) {
            Ok(reply) if reply.is_no_change() => ("no_change", "no_change".to_owned(), None),
            Ok(reply) => ("ok", String::new(), Some(crate::ids::Sha256::of(reply.patch.as_bytes()))),
            Err(findings) => ("reject", findings[0].code.to_string(), None),
        };
        let also = expect["alt"].as_array().is_some_and(|alt| alt.iter().any(|v| v == verdict));
        let right = expect["verdict"] == verdict && (verdict == "ok" || expect["code"] == code.as_str());
        let same =
            expect["patch_sha256"].as_str().is_none_or(|want| sha.is_none_or(|sha| sha.as_str() == want));
        if !(right || also) || !same {
            wrong.push(format!("{}: {verdict} {code}, expected {expect}", case["id"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
