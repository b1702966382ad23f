//! Changes of agents the whole way: judged, verified in the sandbox, decided about, made a branch, recorded.

use serde_json::{Value, json};
use testkit::{ScriptedModel, Step};

use crate::served::{Served, agent};
use crate::support::Place;
use crate::support::patches::{COMMA, PLAN, POLICY, greeter};

pub(crate) fn place() -> Place {
    Place::new(greeter(), POLICY)
}

pub(crate) fn id(view: &Value) -> String {
    view["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_certified_agents_patch_becomes_a_branch_and_anothers_waits_for_a_reviewer() {
    let place = place();
    let before = place.digest();
    let trusted = agent(&place, &["trusted", "--certified"]);
    let newcomer = agent(&place, &["newcomer"]);
    let lead = agent(&place, &["lead", "--scope", "review"]);
    let served = Served::by(&place, &[]);
    let done = served.post("/proposals", &trusted, &json!({ "patch": COMMA, "text": "Add a comma" })).ok();
    let done = served.rested(&id(&done), &trusted);
    assert_eq!((&done["status"], &done["agent"]), (&json!("published"), &json!("trusted")), "{done:#}");
    assert_eq!(done["attempts"][0]["verification"], "verified", "{done:#}");
    let branch = done["branch"].as_str().unwrap();
    assert!(place.repo.git(&["show", &format!("{branch}:greet.py")]).contains("Hello, "));

    let waits =
        served.post("/proposals", &newcomer, &json!({ "patch": COMMA, "text": "The same again" })).ok();
    let waits = served.rested(&id(&waits), &newcomer);
    assert_eq!((&waits["status"], &waits["goal"]), (&json!("needs-person"), &json!("review")), "{waits:#}");
    let reviews = format!("/intents/{}/reviews", id(&waits));
    assert_eq!(served.post(&reviews, &newcomer, &json!({ "decision": "approve" })).status, 403);
    let message = json!({ "decision": "approve", "message": "fix(greet): put a comma behind Hello" });
    let approved = served.post(&reviews, &lead, &message).ok();
    assert_eq!(approved["status"], "published", "{approved:#}");
    assert_eq!(approved["attempts"][0]["decided_by"], "agent lead");
    let branch = approved["branch"].as_str().unwrap();
    assert!(place.repo.git(&["log", "-1", "--format=%s", branch]).starts_with("fix(greet): put a comma"));
    drop(served);
    place.assert_untouched(&before);
    place.assert_nothing_left();
}

#[test]
fn an_agents_feature_waits_with_its_plan_for_another_agents_approval() {
    let model = ScriptedModel::script([Step::text(PLAN), Step::patch(COMMA, 0.9)]);
    let mut place = place();
    place.ask_model_at(&model.base_url());
    let bot = agent(&place, &["bot", "--scope", "propose,review", "--certified"]);
    let lead = agent(&place, &["lead", "--scope", "review"]);
    let served = Served::by(&place, &[]);
    let task =
        json!({ "text": "Put a comma behind Hello in greet.py", "kind": "feature", "provider": "local" });
    let view = served.post("/intents", &bot, &task).ok();
    let waits = served.rested(&id(&view), &bot);
    assert_eq!(
        (&waits["status"], &waits["waits_for"]),
        (&json!("needs-approval"), &json!("plan")),
        "{waits:#}"
    );
    assert_eq!(waits["plan"]["files"], json!(["greet.py"]));
    assert!(waits["plan"]["approved_by"].is_null());
    let reviews = format!("/intents/{}/reviews", id(&view));
    assert_eq!(served.post(&reviews, &bot, &json!({ "decision": "approve" })).status, 403, "its own plan");
    let message = json!({ "decision": "approve", "message": "fix: it" });
    assert_eq!(served.post(&reviews, &lead, &message).status, 422);
    assert_eq!(model.requests().len(), 1);
    let approved = served.post(&reviews, &lead, &json!({ "decision": "approve" })).ok();
    assert_eq!(approved["plan"]["approved_by"], "agent lead", "{approved:#}");
    let made = served.rested(&id(&view), &bot);
    assert_eq!(made["status"], "needs-person", "a feature is always reviewed: {made:#}");
    assert_eq!(made["attempts"].as_array().unwrap().len(), 2);
    drop(served);
    place.ends_with(0, &["audit", "verify"]);
    place.assert_nothing_left();
    model.finish();
}

#[test]
fn of_two_decisions_at_once_one_wins_and_both_are_on_record() {
    let place = place();
    let bot = agent(&place, &["bot"]);
    let leads: Vec<String> =
        ["lead", "other"].iter().map(|n| agent(&place, &[n, "--scope", "review"])).collect();
    let admin = agent(&place, &["root", "--scope", "admin"]);
    let served = Served::by(&place, &[]);
    let view = served.post("/proposals", &bot, &json!({ "patch": COMMA })).ok();
    served.rested(&id(&view), &bot);
    let reviews = format!("/intents/{}/reviews", id(&view));
    let decisions =
        [json!({ "decision": "approve" }), json!({ "decision": "reject", "reason": "not wanted" })];
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let mut asked = Vec::new();
        for (key, decision) in leads.iter().zip(&decisions) {
            let (served, reviews) = (&served, &reviews);
            asked.push(scope.spawn(move || served.post(reviews, key, decision).status));
        }
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let mut sorted = answers.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [200, 409], "{answers:?}");
    let end = served.rested(&id(&view), &bot);
    let wanted = if answers[0] == 200 { "published" } else { "rejected" };
    assert_eq!(end["status"], wanted, "{end:#}");
    // Again, and by the other one.
    assert_eq!(served.post(&reviews, &leads[0], &decisions[0]).status, 409);
    let traces = served.get("/traces", &admin).ok();
    let of = |who: &str| {
        let all = traces["traces"].as_array().unwrap().iter();
        all.filter(|t| t["who"] == who && t["subject"] == view["id"])
            .map(|t| t["outcome"].clone())
            .collect::<Vec<_>>()
    };
    assert!(!of("lead").is_empty() && !of("other").is_empty(), "{traces:#}");
    let all: Vec<Value> = [of("lead"), of("other")].concat();
    assert_eq!(all.iter().filter(|outcome| **outcome == "done").count(), 1, "{traces:#}");
    drop(served);
    place.assert_nothing_left();
}

#[test]
fn what_the_end_of_a_server_interrupts_goes_on_with_the_next_one() {
    let place = Place::new(
        greeter(),
        "checks:\n  detect: false\n  commands: [{name: slow, run: \"grep -q 'Hello, ' greet.py && sleep 5\"}]\n",
    );
    let bot = agent(&place, &["bot", "--certified"]);
    let mut served = Served::by(&place, &["--grace", "0"]);
    let view = served.post("/proposals", &bot, &json!({ "patch": COMMA })).ok();
    crate::support::wait_for("the checks", || {
        let view = served.get(&format!("/intents/{}", id(&view)), &bot).ok();
        (view["status"] == "verifying").then_some(())
    });
    served.terminate();
    assert_eq!(served.ended(), Some(0));
    let left = place.intent();
    assert_eq!(left.phase.as_str(), "verifying");
    place.watch_processes().wait_until_nothing_left(&testkit::Snapshot::default(), crate::support::SOON);
    let served = Served::by(&place, &[]);
    let end = served.rested(&id(&view), &bot);
    assert_eq!(end["status"], "published", "{end:#}");
    drop(served);
    place.assert_nothing_left();
}

#[test]
fn agents_are_managed_by_the_command_line() {
    let place = place();
    let key = agent(&place, &["bot", "--scope", "propose,review", "--monthly", "20", "--rpm", "30"]);
    let shown = place.ends_with(0, &["agent", "show", "bot"]).stdout;
    assert!(
        shown.contains("propose, review") && shown.contains(&key[4..16]) && !shown.contains(&key),
        "{shown}"
    );
    place.ends_with(2, &["agent", "add", "bot"]);
    place.ends_with(2, &["agent", "add", "Bot!"]);
    place.ends_with(2, &["agent", "add", "x", "--scope", "root"]);
    let served = Served::by(&place, &[]);
    served.get("/intents", &key).ok();
    let second = place.ends_with(0, &["agent", "rotate", "bot", "-q"]).stdout.trim().to_owned();
    assert_eq!(served.get("/intents", &key).status, 401);
    served.get("/intents", &second).ok();
    let document = place.json(0, &["agent", "certify", "bot"]);
    assert_eq!(document["agent"]["certified"], true);
    place.ends_with(0, &["agent", "revoke", "bot"]);
    assert_eq!(served.get("/intents", &second).status, 401);
    place.ends_with(2, &["agent", "rotate", "bot"]);
    assert!(place.ends_with(0, &["agent", "list"]).stdout.contains("revoked"));
}

#[test]
fn a_server_says_why_it_does_not_start() {
    let place = place();
    let done = place.ends_with(2, &["serve", "--listen", "0.0.0.0:0"]);
    assert!(done.stderr.contains("no agent has a key"), "{}", done.stderr);
    agent(&place, &["bot"]);
    let done = place.ends_with(2, &["serve", "--listen", "0.0.0.0:0"]);
    assert!(done.stderr.contains("in the clear"), "{}", done.stderr);
    let done = place
        .ends_with(2, &["serve", "--listen", "127.0.0.1:0", "--tls-cert", "a.pem", "--tls-key", "b.pem"]);
    assert!(done.stderr.contains("a.pem"), "{}", done.stderr);
    let done = place.ends_with(2, &["mcp"]);
    assert!(done.stderr.contains("CODEX_TASK_KEY"), "{}", done.stderr);
}

/// Everything that is logged.
fn logged(place: &Place) -> String {
    let files = std::fs::read_dir(place.state().join("logs")).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn no_secret_is_in_the_logs_after_a_whole_run() {
    let mut place = place();
    let canary = "sk-canary-5d1f0c9e";
    place.set("OPENAI_API_KEY", canary);
    place.set("CODEX_DEBUG", "1");
    let bot = agent(&place, &["bot", "--certified"]);
    let served = Served::by(&place, &[]);
    // A canary in every place that a caller fills.
    let wrong = format!("{}{}", &bot[..20], "0".repeat(61));
    served.get("/intents", &wrong);
    served.get(&format!("/intents?key={bot}"), "");
    served.get(&format!("/intents/{bot}"), &bot);
    served.post("/proposals", &bot, &json!({ "patch": COMMA, "text": 5 }));
    let view = served.post("/proposals", &bot, &json!({ "patch": COMMA })).ok();
    assert_eq!(served.rested(&id(&view), &bot)["status"], "published");
    drop(served);
    let log = logged(&place);
    assert!(log.contains("\"Published\"") && log.contains(&id(&view)), "{log}");
    for secret in [bot.as_str(), &bot[4..], &bot[17..], &wrong, canary, "Bearer", "hunter2"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    let shown = place.ends_with(0, &["logs", "--lines", "5"]).stdout;
    assert_eq!(shown.lines().count(), 5, "{shown}");
    assert!(shown.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{shown}");
}
