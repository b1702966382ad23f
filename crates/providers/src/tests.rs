//! The providers that cost nothing: codemod with our rules and with a linter's own fix, replay, external.

use std::collections::BTreeMap;
use std::sync::Arc;

use codemods::RuleSet;
use domain::finding::Finding;
use domain::proposal::{ChargeBasis, FailureKind, Form};
use domain::task::{Kind, Task};
use engine::provider::{Edits, Provider, Refusal};

use crate::asking::{Question, Tool};
use crate::{Codemod, External, Replay, Settings, from_config};

const TEXT: &str = "import os\n\nif os.name == None:\n    pass\n";

fn codemod() -> Codemod {
    Codemod::new(Arc::new(RuleSet::builtin().unwrap()))
}

async fn edits(question: &Question) -> Result<Edits, Refusal> {
    let provider = codemod();
    let request = provider.request(&question.ask()).unwrap();
    let answer = provider.propose(&request, &question.ask()).await?;
    assert_eq!((answer.form, answer.charge.basis), (Form::Edits, ChargeBasis::Free));
    Ok(serde_json::from_slice(&answer.bytes).unwrap())
}

#[tokio::test]
async fn a_rule_of_ours_gives_the_whole_new_file() {
    let edits = edits(&Question::finding("E711", "a.py", TEXT, 3)).await.unwrap();
    assert_eq!(edits.files["a.py"].as_deref(), Some("import os\n\nif os.name is None:\n    pass\n"));
    assert!(!edits.explanation.is_empty() && (0.0..=1.0).contains(&edits.confidence));
}

#[tokio::test]
async fn the_linters_own_fix_is_taken_where_we_have_no_rule() {
    let diff = "--- a.py\n+++ a.py\n@@ -1,4 +1,3 @@\n-import os\n \n if os.name == None:\n     pass\n";
    let tools = Tool::prints("ruff", 1, diff, "Would fix 1 error.\n");
    let question = Question { tools, ..Question::finding("F401", "a.py", TEXT, 1) };
    let edits = edits(&question).await.unwrap();
    assert_eq!(edits.files["a.py"].as_deref(), Some("\nif os.name == None:\n    pass\n"));
    let asked = question.tools.asked.lock().unwrap();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].contains(&"F401".to_owned()) && asked[0].contains(&"--diff".to_owned()), "{asked:?}");
}

#[tokio::test]
async fn without_a_fix_the_reason_is_told() {
    let absent = edits(&Question::finding("F401", "a.py", TEXT, 1)).await.unwrap_err();
    assert_eq!(absent.failure.kind, FailureKind::NoFix);
    assert!(
        absent.failure.detail.contains("ruff") && absent.failure.detail.contains("not installed"),
        "{absent:?}"
    );
    let broken = Tool::prints("ruff", 2, "", "error: bad configuration\nmore");
    let broken =
        edits(&Question { tools: broken, ..Question::finding("F401", "a.py", TEXT, 1) }).await.unwrap_err();
    assert!(broken.failure.detail.contains("ended with 2: error: bad configuration"), "{broken:?}");
    let none = Tool::prints("ruff", 0, "", "");
    let none =
        edits(&Question { tools: none, ..Question::finding("F401", "a.py", TEXT, 1) }).await.unwrap_err();
    assert!(none.failure.detail.contains("no fix for F401"), "{none:?}");
}

#[test]
fn a_codemod_suits_findings_of_known_rules_only() {
    let provider = codemod();
    let finding =
        |tool: &str, code: &str| Task::from_finding(Finding::at(tool, code, "a.py", TEXT, 3, 1, ""));
    assert!(provider.suits(&finding("ruff", "E711")).unwrap().contains("has a rule"));
    assert!(provider.suits(&finding("ruff", "F401")).unwrap().contains("ruff may have"));
    assert!(provider.suits(&finding("mypy", "attr-defined")).is_err());
    let at = |path: &str, code: &str| Task::from_finding(Finding::at("eslint", code, path, TEXT, 3, 1, ""));
    assert!(provider.suits(&at("a.js", "no-var")).unwrap().contains("has a rule"));
    assert!(
        provider.suits(&at("a.py", "no-var")).is_err() && provider.suits(&at("a.txt", "no-var")).is_err()
    );
    assert!(provider.suits(&Task { kind: Kind::Fix, text: "fix it".into(), finding: None }).is_err());
}

#[test]
fn a_codemods_request_follows_the_finding_and_the_content() {
    let bytes = |question: &Question| codemod().request(&question.ask()).unwrap().bytes;
    let first = bytes(&Question::finding("E711", "a.py", TEXT, 3));
    assert_eq!(first, bytes(&Question::finding("E711", "a.py", TEXT, 3)));
    assert_ne!(first, bytes(&Question::finding("E712", "a.py", TEXT, 3)));
    let mut other = Question::finding("E711", "a.py", TEXT, 3);
    other.files.0.insert("a.py".into(), b"x == None\n".to_vec());
    assert_ne!(first, bytes(&other));
}

#[tokio::test]
async fn a_replay_puts_the_same_question_and_never_sends_it() {
    let question = Question::finding("E711", "a.py", TEXT, 3);
    let replay = Replay::new(Box::new(codemod()));
    let request = replay.request(&question.ask()).unwrap();
    assert_eq!(request, codemod().request(&question.ask()).unwrap());
    assert!(replay.only_recorded() && replay.is_recorded());
    let refusal = replay.propose(&request, &question.ask()).await.unwrap_err();
    assert_eq!(refusal.failure.kind, FailureKind::NotRecorded);
    assert!(refusal.failure.detail.contains("codemod"));
}

#[tokio::test]
async fn a_handed_in_patch_comes_back_byte_for_byte() {
    let mut question = Question::finding("E711", "a.py", TEXT, 3);
    assert_eq!(External.request(&question.ask()).unwrap_err().kind, FailureKind::NotConfigured);
    let mut requests = Vec::new();
    for (bytes, form) in
        [(b"--- a/a.py\r\n\xff".to_vec(), Form::Diff), (b" {\"patch\": \"\"}".to_vec(), Form::Reply)]
    {
        question.handed_in = Some(bytes.clone());
        let request = External.request(&question.ask()).unwrap();
        let answer = External.propose(&request, &question.ask()).await.unwrap();
        assert_eq!((answer.form, answer.bytes), (form, bytes));
        requests.push(request);
    }
    assert_ne!(requests[0], requests[1]);
}

#[test]
fn a_configuration_gives_every_provider_even_those_that_cannot_be_asked() {
    let rules = Arc::new(RuleSet::builtin().unwrap());
    let settings = Settings::new(rules, &engine::config::Config::default(), 0);
    let providers = from_config(&settings, &BTreeMap::new());
    let names: Vec<String> = providers.iter().map(|p| p.id().to_string()).collect();
    for name in ["codemod", "local", "openai", "anthropic", "replay", "codex-cli", "qwen", "acp", "external"]
    {
        assert!(names.iter().any(|own| own == name), "{name}: {names:?}");
    }
    let task = Question::finding("E711", "a.py", TEXT, 3).task;
    assert!(
        providers[0].suits(&task).is_ok()
            && providers[1].suits(&task).is_err()
            && providers[2].suits(&task).is_err()
    );
}
