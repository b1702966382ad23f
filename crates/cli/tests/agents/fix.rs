//! Each agent makes the same fix in a real repository, end to end, and the ledger agrees with the server's own count.

use domain::proposal::ChargeBasis;
use serde_json::json;
use testkit::{Reply, Step};

use crate::house::{Agent, KEY, ask, model, place, told};
use crate::support::SOON;
use crate::support::patches::AFTER;

/// The fix by the agent's own way to edit.
fn edits(agent: Agent) -> Vec<Step> {
    let root = "/codex-task/tree/greet.py";
    let patch = "*** Begin Patch\n*** Update File: greet.py\n@@\n-    return \"Hello \" + name\n+    return \"Hello, \" + name\n*** End Patch";
    let mut steps = match agent {
        Agent::OpenCode => vec![
            Step::Reply(Reply::call("read", &json!({"filePath": root}))),
            Step::Reply(Reply::call("apply_patch", &json!({"patchText": patch}))),
        ],
        Agent::Codex => {
            vec![agent.shell(&format!("apply_patch <<'EOF'\n{patch}\nEOF"))]
        }
        Agent::Qwen | Agent::Acp => vec![
            Step::Reply(Reply::call("read_file", &json!({"file_path": root}))),
            Step::Reply(Reply::call(
                "edit",
                &json!({"file_path": root, "old_string": "\"Hello \"", "new_string": "\"Hello, \""}),
            )),
        ],
    };
    steps.push(Step::text("The comma was missing behind Hello; it is there now."));
    steps
}

fn makes_the_fix(agent: Agent) {
    if !agent.is_here() {
        return;
    }
    let steps = edits(agent);
    let count = steps.len();
    let model = model(steps);
    let place = place(agent, &model, "");
    let untouched = place.digest();
    let (document, told_of_it) = ask(&place, agent, &model, 0);
    assert_eq!(document["intent"]["status"], "published", "{told_of_it}");
    let intent = place.intent();
    let attempt = &intent.attempts[0];
    let patch = attempt.patch.as_ref().unwrap();
    assert_eq!((patch.stat.files, patch.stat.added, patch.stat.deleted), (1, 1, 1), "{patch:?}");
    assert_eq!(patch.explanation, "The comma was missing behind Hello; it is there now.");
    let branch = intent.publication.as_ref().unwrap().reference.clone();
    assert_eq!(place.repo.git(&["show", &format!("{branch}:greet.py")]), AFTER.trim_end());
    // The server's own count, the proposal's and the ledger's are one.
    let requests = model.requests();
    assert_eq!(requests.len(), count, "{agent:?}");
    assert_eq!(attempt.proposal.as_ref().unwrap().usage, Some(told(count)));
    let charge = attempt.charge.unwrap();
    assert_eq!((charge.basis, charge.billed.micros()), (ChargeBasis::Reported, 140 * count as u64));
    // The key came from us, and the agent had another word.
    for request in &requests {
        assert_eq!(request.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
        assert!(!String::from_utf8_lossy(&request.bytes).contains(KEY));
        assert_eq!(request.body["model"], "scripted");
    }
    place.assert_nothing_left();
    place.assert_untouched(&untouched);
    place.assert_refs_told();
    model.wait_until_idle(SOON);
}

#[test]
fn codex_makes_the_fix() {
    makes_the_fix(Agent::Codex);
}

#[test]
fn qwen_makes_the_fix() {
    makes_the_fix(Agent::Qwen);
}

#[test]
fn opencode_makes_the_fix() {
    makes_the_fix(Agent::OpenCode);
}

#[test]
fn an_agent_by_the_protocol_makes_the_fix() {
    makes_the_fix(Agent::Acp);
}
