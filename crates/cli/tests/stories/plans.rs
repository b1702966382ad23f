//! A feature: a plan, its approval, then the change; what a plan may be refused for, and who may not approve it.

use testkit::{ScriptedModel, Step};

use crate::support::Place;
use crate::support::patches::{ASK, COMMA, PLAN, POLICY, greeter};

fn place(model: &ScriptedModel, policy: &str) -> Place {
    let mut place = Place::new(greeter(), policy);
    place.ask_model_at(&model.base_url());
    place
}

#[test]
fn a_feature_is_planned_approved_and_then_made() {
    let model = ScriptedModel::script([Step::text(PLAN), Step::patch(COMMA, 0.9)]);
    let place = place(&model, POLICY);
    let untouched = place.digest();
    let told = place.ends_with(3, &["feature", ASK, "--provider", "local"]);
    for words in [
        "A greeting with a comma.",
        "1. Put a comma behind Hello.",
        "- greet.py",
        "- the greeting has a comma",
        "- Callers may compare the text.",
        "may this plan be carried out? local is asked for the change",
        "codex-task approve",
        "codex-task reject",
    ] {
        assert!(told.stdout.contains(words), "{words}: {}", told.stdout);
    }
    assert!(told.stderr.contains("1 step in 1 file, 1 test"), "{}", told.stderr);
    let asked = model.only_request();
    assert!(asked.prompt().contains("You plan one change") && asked.prompt().contains(ASK));
    assert_eq!(asked.body["response_format"]["json_schema"]["name"], "change_plan");
    let shown = place.ends_with(0, &["show", "last"]).stdout;
    assert!(shown.contains("plan first") && shown.contains("1. Put a comma behind Hello."), "{shown}");
    // Nothing else can be done with it yet.
    place.ends_with(2, &["commit", "last"]);

    let document = place.json(3, &["approve", "last"]);
    let intent = &document["intent"];
    assert_eq!(intent["status"], "needs-person", "a feature is always reviewed: {document}");
    assert_eq!(intent["plan"]["steps"][0], "Put a comma behind Hello.");
    assert_eq!(intent["plan"]["approved"]["by"], "person", "{document}");
    assert_eq!(intent["attempt"]["wanted"], "change");
    let change = &model.requests()[1];
    assert!(change.prompt().contains("This plan for it was approved"), "{}", change.prompt());
    assert!(change.prompt().contains("1. Put a comma behind Hello."));
    place.ends_with(2, &["approve", "last"]);

    let done = place.json(0, &["commit", "last"]);
    let branch = done["intent"]["branch"].as_str().unwrap().to_owned();
    let message = place.repo.git(&["log", "-1", "--format=%B", &branch]);
    let plan = intent["plan"]["sha256"].as_str().unwrap();
    assert!(message.contains(&format!("Codex-Task-Plan: {plan}")), "{message}");
    let replayed = place.json(0, &["replay", "last"]);
    assert_eq!(replayed["attempts"].as_array().unwrap().len(), 2, "plan and change: {replayed}");
    place.ends_with(0, &["audit", "verify"]);
    place.assert_untouched(&untouched);
    place.assert_nothing_left();
    model.finish();
}

#[test]
fn a_plan_that_is_rejected_ends_it_before_anything_is_made() {
    let model = ScriptedModel::script([Step::text(PLAN)]);
    let place = place(&model, POLICY);
    place.ends_with(3, &["feature", ASK, "--provider", "local"]);
    let document = place.json(0, &["reject", "last", "--reason", "no comma here"]);
    assert_eq!(document["intent"]["status"], "rejected");
    assert!(document["intent"]["ended"]["why"].as_str().unwrap().contains("no comma here"));
    place.ends_with(0, &["audit", "verify"]);
    model.finish();
}

#[test]
fn policy_approves_plans_where_the_owner_says_so_and_a_review_asks_for_a_person_all_the_same() {
    let answers = || [Step::text(PLAN), Step::patch(COMMA, 0.9)];
    let policy = format!("approval: {{plans: policy}}\n{POLICY}");
    let model = ScriptedModel::script(answers());
    let own = place(&model, &policy);
    let document = own.json(3, &["feature", ASK, "--provider", "local"]);
    assert_eq!(document["intent"]["status"], "needs-person", "{document}");
    assert_eq!(document["intent"]["plan"]["approved"]["by"], "policy");
    model.finish();
    let model = ScriptedModel::script(answers().into_iter().take(1));
    let own = place(&model, &policy);
    let document = own.json(3, &["feature", ASK, "--provider", "local", "--review"]);
    assert_eq!(document["intent"]["status"], "needs-approval", "{document}");
    assert_eq!(document["intent"]["waits_for"]["what"], "plan");
    model.finish();
}

#[test]
fn what_is_no_plan_is_a_failed_answer_and_ends_with_its_reasons() {
    let empty = r#"{"summary": "x", "steps": [], "files": ["greet.py"], "tests": [], "risks": []}"#;
    for (answer, reason) in [
        (Step::text("I would begin with the parser."), "no JSON object with the steps and files of a plan"),
        (Step::text(empty), "the plan has no steps"),
        (Step::text(PLAN.replace("greet.py", "../greet.py")), "no path in a repository"),
        (Step::patch(COMMA, 0.9), "\"steps\" is missing"),
        (Step::text(format!("{PLAN}{}", " ".repeat(70_000))), "bytes; the limit is 65536"),
    ] {
        let model = ScriptedModel::script([answer]);
        let place = place(&model, POLICY);
        let document = place.json(6, &["feature", ASK, "--provider", "local"]);
        let why = document["intent"]["ended"]["why"].as_str().unwrap();
        assert!(why.contains(reason), "{reason}: {why}");
        assert!(document["intent"]["plan"].is_null());
        model.finish();
    }
}

#[test]
fn the_owner_has_words_of_his_own_for_plans_and_a_dry_run_says_that_one_comes_first() {
    let model = ScriptedModel::script([Step::text(PLAN)]);
    let mut place = place(&model, POLICY);
    let own = place.home.join("plan.md");
    std::fs::write(&own, "Our own words about planning.\n").unwrap();
    place.set("CODEX_TASK_CONTEXT__PROMPTS__PLAN", own.to_str().unwrap());
    let told = place.ends_with(0, &["feature", ASK, "--dry-run"]).stdout;
    assert!(told.contains("plan first  a plan is asked for and approved before the change"), "{told}");
    let document = place.json(0, &["feature", ASK, "--dry-run"]);
    assert_eq!(document["route"]["plan_first"], true);
    assert_eq!(document["prompts"][0]["wanted"], "plan");
    assert!(model.requests().is_empty());
    place.ends_with(3, &["feature", ASK, "--provider", "local"]);
    let asked = model.only_request();
    assert!(asked.prompt().contains("Our own words about planning."), "{}", asked.prompt());
    assert!(!place.ends_with(0, &[ASK, "--dry-run"]).stdout.contains("plan first"));
    model.finish();
}

/// The plan of one provider is carried out by the next one when the first cannot.
#[test]
fn a_plan_outlives_the_provider_that_made_it() {
    let local = ScriptedModel::script([Step::text(PLAN), Step::MalformedReply]);
    let other = ScriptedModel::script([Step::patch(COMMA, 0.9)]);
    let policy = format!(
        "providers:\n  local: {{url: \"{}\", model: scripted}}\n  \
         openai: {{url: \"{}\", model: scripted, price_in: 1, price_out: 2}}\n\
         routing: {{order: [local, openai], needs_approval: []}}\n{POLICY}",
        local.base_url(),
        other.base_url()
    );
    let mut place = Place::new(greeter(), &policy);
    place.set("OPENAI_API_KEY", "sk-0123456789abcdef");
    place.ends_with(3, &["feature", ASK]);
    let document = place.json(3, &["approve", "last"]);
    assert_eq!(document["intent"]["attempt"]["provider"], "openai", "{document}");
    assert!(other.only_request().prompt().contains("This plan for it was approved"));
    place.ends_with(0, &["audit", "verify"]);
    local.finish();
    other.finish();
}
