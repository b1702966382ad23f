//! Routes: the whole chain of one task, what each step cost, the approval of what costs money, and silence.

use domain::proposal::ChargeBasis;
use domain::task::Kind;
use proptest::prelude::*;
use serde_json::Value;
use testkit::{ScriptedModel, Step, TestRepo};

use crate::support::Place;
use crate::support::patches::{ASK, COMMA, POLICY, greeter};

const KEY: &str = "sk-hunter2-0123456789abcdef";

/// `local` and both services at scripted servers; Anthropic is approved beforehand by the owner.
fn place(local: &ScriptedModel, anthropic: &ScriptedModel, openai: &ScriptedModel) -> Place {
    let section = |model: &ScriptedModel| {
        format!("{{url: \"{}\", first_byte_seconds: 1, price_in: 1, price_out: 2}}", model.base_url())
    };
    let providers = format!(
        "providers:\n  local: {{url: \"{}\", model: scripted}}\n  anthropic: {}\n  openai: {}\n",
        local.base_url(),
        section(anthropic),
        section(openai)
    );
    let routing = "routing: {needs_approval: [openai, codex-cli]}\n";
    let mut place = Place::new(greeter(), &format!("{providers}{routing}{POLICY}"));
    place.set("OPENAI_API_KEY", KEY);
    place.set("ANTHROPIC_API_KEY", KEY);
    place.set("CODEX_TASK_ROUTING__ORDER", "[codemod, local, anthropic, qwen, openai]");
    place
}

#[test]
fn one_run_tells_the_whole_chain_and_goes_on_after_the_approval() {
    let local = ScriptedModel::script([Step::MalformedReply]);
    let anthropic = ScriptedModel::script([Step::Hang]);
    let openai = ScriptedModel::script([Step::patch(COMMA, 0.9)]);
    let place = place(&local, &anthropic, &openai);
    let untouched = place.digest();
    let document = place.json(3, &[ASK]);
    let intent = &document["intent"];
    assert_eq!(intent["status"], "needs-approval", "{document}");
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|l| l["provider"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&intent["route"]["providers"]), ["local", "anthropic", "openai"]);
    assert_eq!(names(&intent["route"]["skipped"]), ["codemod", "qwen"]);
    assert_eq!(intent["route"]["providers"][2]["needs_approval"], true);
    assert!(
        intent["summary"].as_str().unwrap().contains("may openai be asked? It costs money: at most $0.0")
    );
    assert!(intent["next"][0].as_str().unwrap().starts_with("codex-task approve "), "{intent}");
    assert!(openai.requests().is_empty(), "nobody is asked before it is approved");
    let rests = place.intent();
    let charges: Vec<ChargeBasis> = rests.attempts.iter().map(|a| a.charge.unwrap().basis).collect();
    assert_eq!(charges, [ChargeBasis::Free, ChargeBasis::Ceiling], "silence is charged once, at the ceiling");
    assert!(rests.attempts[0].refused.is_some());
    assert_eq!(rests.attempts[1].failure.as_ref().unwrap().kind.as_str(), "timed-out");
    let told = place.ends_with(0, &["show", "last"]).stdout;
    for words in ["skipped     codemod", "on approval openai", "unreadable", "first-byte deadline", "approve"]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
    place.ends_with(2, &["commit", "last"]);

    let done = place.json(0, &["approve", "last"]);
    assert_eq!(done["intent"]["status"], "published", "{done}");
    let intent = place.intent();
    assert_eq!(intent.attempts.len(), 3, "nobody is asked twice");
    assert_eq!(intent.attempts[2].charge.unwrap().basis, ChargeBasis::Reported);
    let names = place.event_names(&intent.id);
    let place_of = |name: &str| names.iter().position(|own| *own == name).unwrap();
    assert!(place_of("ApprovalAsked") < place_of("ProviderApproved"));
    place.ends_with(2, &["approve", "last"]);
    place.ends_with(0, &["audit", "verify"]);
    place.assert_nothing_left();
    place.assert_untouched(&untouched);
    [local, anthropic, openai].into_iter().for_each(ScriptedModel::finish);
}

#[test]
fn what_is_not_approved_is_not_asked() {
    let models = || (ScriptedModel::script([Step::MalformedReply]), ScriptedModel::script([]));
    let (local, none) = models();
    let openai = ScriptedModel::script([]);
    let place = place(&local, &none, &openai);
    let mut place = place;
    place.set("CODEX_TASK_ROUTING__ORDER", "[local, openai]");
    place.ends_with(3, &[ASK]);
    let rejected = place.json(0, &["reject", "last", "--reason", "too dear"]);
    assert_eq!(rejected["intent"]["status"], "rejected");
    place.ends_with(0, &["audit", "verify"]);
    assert!(openai.requests().is_empty());
}

#[test]
fn a_provider_that_stays_silent_is_passed_over_for_a_while() {
    let openai = ScriptedModel::script([]);
    let mut place = Place::new(greeter(), POLICY);
    place.ask_model_at("http://127.0.0.1:1/v1");
    place.set("CODEX_TASK_ROUTING__ORDER", "[local]");
    for _ in 0..3 {
        place.ends_with(6, &[ASK]);
    }
    let document = place.json(6, &[ASK]);
    let skipped = &document["intent"]["route"]["skipped"][0];
    assert!(skipped["reason"].as_str().unwrap().contains("circuit is open"), "{document}");
    // Naming it asks it all the same, and an answer closes the circuit.
    let local = ScriptedModel::script([Step::patch(COMMA, 0.9), Step::MalformedReply]);
    place.ask_model_at(&local.base_url());
    place.ends_with(0, &[ASK, "--provider", "local"]);
    place.ends_with(6, &[ASK, "--force"]);
    local.finish();
    drop(openai);
}

#[test]
fn a_route_is_explained_the_same_every_time() {
    let (local, anthropic, openai) =
        (ScriptedModel::script([]), ScriptedModel::script([]), ScriptedModel::script([]));
    let place = place(&local, &anthropic, &openai);
    let first = place.ends_with(0, &["route", "explain", ASK]).stdout;
    for words in [
        "complexity  low: its kind is fix; it names one file",
        "skipped     codemod",
        "would ask   local: a model at http://127.0.0.1",
        "(free)",
        "on approval openai",
        "$1.00 in, $2.00 out a million tokens, as set",
        "skipped     qwen: no model's service is configured",
    ] {
        assert!(first.contains(words), "{words}: {first}");
    }
    for _ in 0..3 {
        assert_eq!(place.ends_with(0, &["route", "explain", ASK]).stdout, first);
    }
    let document = place.json(0, &["route", "explain", ASK, "--type", "feature"]);
    assert_eq!((&document["kind"], &document["route"]["complexity"]), (&"feature".into(), &"high".into()));
    assert!(place.intents().is_empty(), "nothing is recorded");
}

#[test]
fn by_history_whoever_costs_least_for_an_accepted_change_is_asked_first() {
    let openai = ScriptedModel::respond_with(|_| Step::MalformedReply);
    let anthropic = ScriptedModel::respond_with(|_| Step::patch(COMMA, 0.9));
    let local = ScriptedModel::script([]);
    let mut place = place(&local, &anthropic, &openai);
    place.variables.retain(|(name, _)| name != "CODEX_TASK_ROUTING__ORDER");
    place.set("CODEX_TASK_ROUTING__NEEDS_APPROVAL", "[]");
    place.set("CODEX_TASK_PROVIDERS__LOCAL__URL", "");
    let first_two = |place: &Place| -> Vec<Value> {
        let document = place.json(0, &["route", "explain", ASK]);
        let legs = document["route"]["providers"].as_array().unwrap();
        legs.iter().flat_map(|leg| [leg["provider"].clone(), leg["reason"].clone()]).collect()
    };
    place.set("CODEX_TASK_ROUTING__BY_HISTORY", "true");
    let before = first_two(&place);
    assert_eq!((&before[0], &before[2]), (&"openai".into(), &"anthropic".into()), "the table's order");
    for number in 0..10 {
        // The last word of the line is another task each time; the record would answer an equal one.
        place.ends_with(0, &[&format!("{ASK} {number}")]);
    }
    let after = first_two(&place);
    assert_eq!((&after[0], &after[2]), (&"anthropic".into(), &"openai".into()), "{after:?}");
    assert!(after[1].as_str().unwrap().contains("; 10 of 10 accepted, $0.0"), "{after:?}");
    assert!(after[3].as_str().unwrap().contains("; 0 of 10 accepted, $0.0"), "{after:?}");
    assert_eq!(first_two(&place), after, "the same registry gives the same order");
    let asked = place.json(0, &[&format!("{ASK} 11")]);
    assert_eq!(asked["intent"]["attempts"], 1, "anthropic is asked at once");
    place.set("CODEX_TASK_ROUTING__BY_HISTORY", "false");
    assert_eq!(first_two(&place), before, "nothing of it counts where it is off");
    place.assert_nothing_left();
}

#[test]
fn a_dry_run_tells_what_would_be_sent_and_what_it_costs_at_most() {
    let (local, anthropic, openai) =
        (ScriptedModel::script([]), ScriptedModel::script([]), ScriptedModel::script([]));
    let place = place(&local, &anthropic, &openai);
    let told = place.ends_with(0, &[ASK, "--dry-run", "-v"]).stdout;
    for words in
        ["prompt      openai: gpt-4o-mini, about ", "greet.py (44 bytes)", "at most $0.0", "nothing was sent"]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
    let document = place.json(0, &[ASK, "--dry-run"]);
    assert_eq!(document["prompts"][0]["files"][0]["path"], "greet.py");
    assert!(document["prompts"][2]["ceiling_micros"].as_u64().unwrap() > 0);
}

/// A repository with a few files, `local` at a server that is never asked, and a service without its key.
fn explained() -> Place {
    let files =
        [("greet.py", "x = 1\n"), ("deploy.yaml", "a: 1\n"), ("src/pager.py", "def page():\n    return 1\n")];
    Place::new(
        TestRepo::with(&files),
        "providers:\n  local: {url: \"http://127.0.0.1:1/v1\", model: coder:7b, price_in: 1, price_out: 2}\n",
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_whole_answer_of_route_explain_is_the_same_on_every_run(
        kind in proptest::sample::select(&Kind::ALL[..]),
        words in proptest::collection::vec("[a-z]{1,9}", 1..12),
        named in proptest::sample::subsequence(vec!["greet.py", "deploy.yaml", "src/pager.py", "gone.py", "page"], 0..=5),
        json in any::<bool>(),
    ) {
        let place = explained();
        let text = format!("{} {}", words.join(" "), named.join(" "));
        let mut args = vec!["route", "explain", text.as_str(), "--type", kind.as_str()];
        args.extend(json.then_some("--json"));
        let once = place.run(&args);
        prop_assert!(!once.stdout.is_empty());
        for _ in 0..2 {
            let again = place.run(&args);
            prop_assert_eq!((again.code, &again.stdout, &again.stderr), (once.code, &once.stdout, &once.stderr));
        }
        prop_assert!(place.intents().is_empty(), "nothing is recorded");
    }
}
