//! The record answers an equal request, and a patch is rebuilt from it alone.

use domain::intent::Intent;
use testkit::{ScriptedModel, Step};

use crate::audit::tamper;
use crate::support::Place;
use crate::support::patches::{ASK, COMMA, POLICY, greeter};

fn place(model: &ScriptedModel) -> Place {
    let mut place = Place::new(greeter(), POLICY);
    place.ask_model_at(&model.base_url());
    place
}

fn patch(intent: &Intent) -> String {
    intent.attempts[0].patch.as_ref().unwrap().sha256.to_string()
}

#[test]
fn the_same_request_twice_asks_the_model_once_and_costs_nothing_the_second_time() {
    let model = ScriptedModel::script([Step::patch(COMMA, 0.9)]);
    let mut place = place(&model);
    place.set("CODEX_TASK_PROVIDERS__LOCAL__PRICE_IN", "1");
    place.set("CODEX_TASK_PROVIDERS__LOCAL__PRICE_OUT", "2");
    place.ends_with(0, &[ASK, "--provider", "local"]);
    let second = place.json(0, &[ASK, "--provider", "local"]);
    assert_eq!(second["intent"]["attempt"]["from_record"], true, "{second}");
    let intents = place.intents();
    assert_eq!(patch(&intents[0]), patch(&intents[1]));
    assert_eq!((intents[1].billed().micros(), intents[0].billed().micros()), (140, 0));
    let candidate = |i: &Intent| i.attempts[0].candidate.as_ref().unwrap().tree.clone();
    assert_eq!(candidate(&intents[0]), candidate(&intents[1]));
    place.assert_nothing_left();
    model.finish();
}

#[test]
fn asked_afresh_the_model_is_asked_again() {
    let model = ScriptedModel::script([Step::patch(COMMA, 0.9), Step::patch(COMMA, 0.8)]);
    let place = place(&model);
    place.ends_with(0, &[ASK, "--provider", "local"]);
    place.ends_with(0, &[ASK, "--provider", "local", "--force"]);
    model.finish();
}

#[test]
fn replay_rebuilds_the_same_patch_without_asking_anybody() {
    let model = ScriptedModel::script([Step::patch(COMMA, 0.9)]);
    let place = place(&model);
    place.ends_with(0, &[ASK, "--provider", "local"]);
    let intent = place.intent();
    model.finish();
    let document = place.json(0, &["replay", intent.id.as_str()]);
    let attempt = &document["attempts"][0];
    assert_eq!(attempt["recorded"], patch(&intent).as_str(), "{document}");
    assert_eq!(attempt["rebuilt"], patch(&intent).as_str(), "{document}");
    assert_eq!(place.intent().version, intent.version, "a replay adds nothing to the story");
}

#[test]
fn without_the_record_replay_says_so_and_fails() {
    let model = ScriptedModel::script([Step::patch(COMMA, 0.9)]);
    let place = place(&model);
    place.ends_with(0, &[ASK, "--provider", "local"]);
    let intent = place.intent();
    assert_eq!(tamper(&place, "DELETE FROM exchanges"), 1);
    let done = place.ends_with(1, &["replay", intent.id.as_str()]);
    assert!(done.stdout.contains("nothing is recorded"), "{}", done.stdout);
    // The provider that answers from the record alone has nothing to say either.
    let done = place.json(6, &[ASK, "--provider", "replay"]);
    assert_eq!(done["intent"]["attempt"]["failure"]["kind"], "not-recorded", "{done}");
    place.assert_nothing_left();
}

#[test]
fn with_the_answer_erased_replay_says_so_and_fails() {
    let model = ScriptedModel::script([Step::patch(COMMA, 0.9)]);
    let place = place(&model);
    place.ends_with(0, &[ASK, "--provider", "local"]);
    let intent = place.intent();
    let erased = "UPDATE blobs SET bytes = NULL, erased_at = 1 WHERE sha256 = (SELECT answer FROM exchanges)";
    assert_eq!(tamper(&place, erased), 1, "as versions before `audit erase` did");
    let done = place.ends_with(1, &["replay", intent.id.as_str()]);
    assert!(done.stdout.contains("erased"), "{}", done.stdout);
    place.ends_with(0, &["audit", "verify"]);
}

#[test]
fn the_provider_replay_answers_from_the_record_with_the_server_gone() {
    let model = ScriptedModel::script([Step::patch(COMMA, 0.9)]);
    let place = place(&model);
    place.ends_with(0, &[ASK, "--provider", "local"]);
    model.finish();
    place.ends_with(0, &[ASK, "--provider", "replay"]);
    let intents = place.intents();
    assert_eq!(patch(&intents[0]), patch(&intents[1]));
}

#[test]
fn a_codemod_s_patch_is_rebuilt_too() {
    let repo = testkit::TestRepo::with(&[("owner.py", "def f(owner):\n    return owner == None\n")]);
    let policy = "checks:\n  detect: false\n  commands: [{name: readable, run: \"true\"}]\n";
    let place = Place::new(repo, policy);
    place.ends_with(0, &["suggest", "--file", "owner.py", "--line", "2", "--code", "E711"]);
    place.ends_with(0, &["replay"]);
}
