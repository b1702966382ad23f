//! Each command once, end to end: the real program, real git objects, real checks in the real sandbox.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test program: what is not there ends the test")]

#[path = "support/mod.rs"]
mod support;

use serde_json::Value;
use support::{Done, PROGRAM, Place};
use testkit::{FaultRun, TestRepo};

/// Checks that cost little and show something.
const POLICY: &str =
    "checks:\n  detect: false\n  commands:\n    - {name: parses, run: \"test -s app.py\", kind: command}\n";

const APP: &str = "def add(item, items=[]):\n    items.append(item)\n    return items\n\n\ndef empty(x):\n    return x == None\n";

const PATCH: &str = "\
diff --git a/app.py b/app.py
--- a/app.py
+++ b/app.py
@@ -4,4 +4,4 @@
 
 
 def empty(x):
-    return x == None
+    return x is None
";

fn place() -> Place {
    let repo = TestRepo::with(&[("app.py", APP), ("vendor/old.py", "def f(x):\n    return x == None\n")]);
    Place::new(repo, POLICY)
}

const SUGGEST: [&str; 7] = ["suggest", "--file", "app.py", "--line", "7", "--code", "E711"];

/// A verified change that waits for a person.
fn waiting(place: &Place) -> String {
    let args: Vec<&str> = SUGGEST.into_iter().chain(["--review"]).collect();
    let document = place.json(3, &args);
    document["intent"]["id"].as_str().unwrap().to_owned()
}

fn finding_codes(document: &Value) -> Vec<&str> {
    document["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect()
}

#[test]
fn a_command_is_judged_without_a_repository_and_nothing_is_run() {
    let place = place();
    let outside = place.repo.side_folder("elsewhere");
    std::fs::create_dir(&outside).unwrap();
    let judged = |args: &[&str]| Done::of(place.program_in(&outside, args).without_fault());
    let check = ["policy", "check-command"];
    for (command, code, word) in
        [("ls -la", 0, "allow  "), ("touch made", 3, "ask  "), ("rm -rf made; touch made &", 4, "deny  ")]
    {
        let done = judged(&[check[0], check[1], command]);
        assert_eq!(done.code, code, "{command}: {}{}", done.stdout, done.stderr);
        assert!(done.stdout.starts_with(word), "{}", done.stdout);
    }
    assert!(std::fs::read_dir(&outside).unwrap().next().is_none());
    let done = judged(&[check[0], check[1], "--json", "git push -f"]);
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((&document["verdict"], &document["rule"]), (&"deny".into(), &"git-publish".into()));
}

#[test]
fn a_policy_file_is_held_against_its_own_examples() {
    let place = place();
    let file = place.repo.side_folder("policy.yaml");
    let rule = "commands:\n  allow:\n    - {id: just, argv: [just, test], match: [\"just test\"]}\n";
    std::fs::write(&file, rule).unwrap();
    let args = ["policy", "check-command", "--policy", file.to_str().unwrap(), "just test"];
    assert!(place.ends_with(0, &args).stdout.starts_with("allow  allowed by just"));
    std::fs::write(&file, rule.replace("\"just test\"", "\"just deploy\"")).unwrap();
    let done = place.ends_with(2, &args);
    assert!(done.stderr.contains("just") && done.stderr.contains("just deploy"), "{}", done.stderr);
    std::fs::write(&file, r#"{"format": 1, "allow_argv_prefixes": [["true"]]}"#).unwrap();
    place.ends_with(3, &args);
}

#[test]
fn scan_reports_findings_of_head_and_records_nothing() {
    let place = place();
    let before = place.digest();
    let done = place.ends_with(0, &["scan"]);
    assert!(done.stdout.starts_with("app.py:1:21: B006 "), "{}", done.stdout);
    assert_eq!(done.stdout.lines().count(), 3);
    assert!(done.stderr.contains("3 findings in 2 files"), "{}", done.stderr);
    assert_eq!(place.ends_with(1, &["scan", "--exit-code"]).stdout, done.stdout);
    place.assert_untouched(&before);
    assert!(!place.state().exists());
}

#[test]
fn scan_takes_paths_and_codes_and_looks_at_the_disk_when_asked() {
    let place = place();
    assert_eq!(finding_codes(&place.json(0, &["scan", "vendor"])), ["E711"]);
    assert_eq!(finding_codes(&place.json(0, &["scan", "--select", "B006,E712"])), ["B006"]);
    let misspelt = place.ends_with(2, &["scan", "--select", "B006,B06"]);
    assert!(misspelt.stderr.contains("B06") && misspelt.stderr.contains("B006, B008"), "{}", misspelt.stderr);
    let elsewhere = place.ends_with(2, &["scan", "nowhere.py"]);
    assert!(elsewhere.stderr.contains("nowhere.py"), "{}", elsewhere.stderr);
    place.repo.write("app.py", "x = 1\n");
    place.repo.write("untracked.py", "x == None\n");
    assert_eq!(finding_codes(&place.json(0, &["scan", "--working-tree"])), ["E711"]);
}

#[test]
fn scan_is_understood_from_a_folder_below() {
    let place = place();
    let done = place.program_in(&place.repo.path().join("vendor"), &["scan", "old.py", "--json"]);
    assert_eq!(finding_codes(&Done::of(done.without_fault()).json()), ["E711"]);
}

#[test]
fn a_verb_behind_a_general_option_is_no_task_in_words() {
    let place = place();
    assert_eq!(finding_codes(&place.json(0, &["--repo", ".", "scan", "vendor"])), ["E711"]);
    let done = place.ends_with(2, &["scan", "--repo", "nowhere"]);
    assert!(done.stderr.contains("nowhere"), "{}", done.stderr);
}

#[test]
fn suggest_makes_a_branch_and_undo_takes_it_back_and_brings_it_back() {
    let place = place();
    let before = place.digest();
    let done = place.ends_with(0, &SUGGEST);
    assert!(done.stdout.contains("+    return x is None"), "{}", done.stdout);
    assert!(done.stdout.contains("published as feature/fix/e711-app-"), "{}", done.stdout);
    assert_eq!(place.own_refs().len(), 2);
    let undone = place.json(0, &["undo"]);
    assert_eq!(undone["intent"]["status"], "undone");
    assert_eq!(place.own_refs().len(), 1);
    assert_eq!(place.json(0, &["undo"])["intent"]["status"], "published");
    assert_eq!(place.own_refs().len(), 2);
    place.assert_untouched(&before);
    place.assert_refs_told();
    place.assert_nothing_left();
}

#[test]
fn the_same_finding_is_not_taken_twice() {
    let place = place();
    let first = place.json(0, &SUGGEST);
    let second = place.run(&SUGGEST);
    assert_eq!(second.code, 0);
    assert!(second.stderr.contains("taken already"), "{}", second.stderr);
    assert_eq!(place.intent().id.to_string(), first["intent"]["id"].as_str().unwrap());
}

#[test]
fn a_dry_run_shows_route_and_diff_and_records_nothing() {
    let place = place();
    let args: Vec<&str> = SUGGEST.into_iter().chain(["--dry-run"]).collect();
    let done = place.ends_with(0, &args);
    for part in ["would ask   codemod", "skipped     local", "gate        pass", "+    return x is None"] {
        assert!(done.stdout.contains(part), "{part}\n{}", done.stdout);
    }
    let document = place.json(0, &["fix", "--dry-run"]);
    let verdicts: Vec<&str> = document["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["gate"]["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["pass", "pass", "refuse"]);
    assert!(!place.state().exists());
    assert_eq!(place.own_refs(), []);
}

#[test]
fn fix_takes_every_finding_to_a_named_end() {
    let place = place();
    let before = place.digest();
    let document = place.json(0, &["fix"]);
    let ends: Vec<&str> = document["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["intent"]["status"].as_str().unwrap())
        .collect();
    assert_eq!(ends, ["published", "published", "refused"]);
    let again = place.json(0, &["fix", "app.py", "--limit", "1"]);
    assert_eq!(again["items"][0]["state"], "already");
    place.assert_untouched(&before);
    place.assert_refs_told();
    place.assert_nothing_left();
}

#[test]
fn fix_exits_with_one_when_a_change_fails_its_checks() {
    let policy = POLICY.replace("test -s app.py", "grep -q '== None' app.py");
    let place = Place::new(TestRepo::with(&[("app.py", APP)]), &policy);
    let done = place.ends_with(1, &["fix", "--select", "E711"]);
    assert!(done.stdout.contains("not verified"), "{}", done.stdout);
    assert_eq!(place.ends_with(0, &["fix", "--select", "F632"]).stdout, "nothing to fix\n");
}

#[test]
fn a_refused_change_exits_with_four() {
    let place = place();
    let args = ["suggest", "--file", "vendor/old.py", "--line", "2", "--code", "E711"];
    let done = place.ends_with(4, &args);
    assert!(done.stdout.contains("refused by the gate"), "{}", done.stdout);
}

#[test]
fn verify_keeps_a_verified_patch_for_commit() {
    let place = place();
    let before = place.digest();
    let patch = place.repo.side_folder("change.patch");
    std::fs::write(&patch, PATCH).unwrap();
    let document = place.json(0, &["verify", patch.to_str().unwrap(), "--title", "compare by identity"]);
    assert_eq!(document["intent"]["status"], "needs-person");
    assert_eq!(document["intent"]["attempt"]["verification"]["verdict"]["verdict"], "verified");
    assert!(document["intent"]["branch"].is_null());
    let bad = place.ends_with(2, &["commit", "last", "-m", "not conventional"]);
    assert!(bad.stderr.contains("conventional"), "{}", bad.stderr);
    let done = place.json(0, &["commit", "last", "-m", "fix(app): compare by identity"]);
    let branch = done["intent"]["branch"].as_str().unwrap().to_owned();
    let subject = place.repo.git(&["log", "-1", "--format=%s", &branch]);
    assert_eq!(subject.trim(), "fix(app): compare by identity");
    place.assert_untouched(&before);
    place.assert_refs_told();
    place.assert_nothing_left();
}

#[test]
fn verify_refuses_what_the_gate_refuses_and_what_does_not_apply() {
    let place = place();
    let patch = place.repo.side_folder("change.patch");
    std::fs::write(&patch, PATCH.replace("app.py", "vendor/new.py")).unwrap();
    place.ends_with(4, &["verify", patch.to_str().unwrap()]);
    std::fs::write(&patch, PATCH.replace("def empty", "def full")).unwrap();
    place.ends_with(4, &["verify", patch.to_str().unwrap()]);
    std::fs::write(&patch, "").unwrap();
    place.ends_with(2, &["verify", patch.to_str().unwrap()]);
}

#[test]
fn a_waiting_change_can_be_approved_the_way_the_seeds_write_it() {
    let place = place();
    let id = waiting(&place);
    let done = place.ends_with(0, &["--commit", &id, "-m", "fix(app): compare by identity"]);
    assert!(done.stdout.contains("published as"), "{}", done.stdout);
    place.ends_with(0, &["--undo"]);
    assert_eq!(place.intent().status(), "undone");
}

#[test]
fn a_rejected_change_stays_on_record() {
    let place = place();
    let id = waiting(&place);
    let done = place.json(0, &["reject", &id, "--reason", "not now"]);
    assert_eq!(done["intent"]["status"], "rejected");
    assert!(place.ends_with(0, &["show", &id]).stdout.contains("not now"));
    let late = place.ends_with(2, &["commit", &id]);
    assert!(late.stderr.contains("rejected"), "{}", late.stderr);
}

#[test]
fn show_tells_the_story_and_diff_is_what_git_takes() {
    let place = place();
    let id = waiting(&place);
    let story = place.ends_with(0, &["show", &id[24..]]).stdout;
    for part in [
        "app.py:7",
        "asked       codemod",
        "gate        pass",
        "sandbox     ",
        "parses",
        "confidence",
        "cost        $0.00",
    ] {
        assert!(story.contains(part), "{part}\n{story}");
    }
    let diff = place.ends_with(0, &["diff", &id]).stdout;
    let file = place.repo.side_folder("taken.patch");
    std::fs::write(&file, &diff).unwrap();
    place.repo.git(&["apply", "--check", file.to_str().unwrap()]);
    let stat = place.ends_with(0, &["diff", &id, "--stat"]).stdout;
    assert!(stat.contains("app.py") && stat.contains("+1"), "{stat}");
    let document = place.json(0, &["show", &id]);
    assert_eq!(document["diff"].as_str().unwrap(), diff);
    assert_eq!(document["events"][0]["event"]["event"], "IntentReserved");
}

#[test]
fn the_registry_is_listed_and_filtered() {
    let place = place();
    place.json(0, &["fix"]);
    let all = place.json(0, &["intent", "list"]);
    assert_eq!(all["intents"].as_array().unwrap().len(), 3);
    for (filter, count) in [
        (["--status", "refused"], 1),
        (["--rule", "E711"], 2),
        (["--file", "app.py"], 2),
        (["--limit", "1"], 1),
    ] {
        let args: Vec<&str> = ["intent", "list"].into_iter().chain(filter).collect();
        assert_eq!(place.json(0, &args)["intents"].as_array().unwrap().len(), count, "{filter:?}");
    }
    let suggestion = all["intents"][0]["suggestion"].as_str().unwrap().to_owned();
    let one = place.json(0, &["intent", "list", "--suggestion", &suggestion]);
    assert_eq!(one["intents"][0]["id"], all["intents"][0]["id"]);
    assert_eq!(place.json(0, &["usage"])["billed_micros"], 0);
}

#[test]
fn replay_and_audit_are_green_after_real_work() {
    let place = place();
    place.json(0, &SUGGEST);
    let replayed = place.json(0, &["replay", "last"]);
    assert_eq!(replayed["attempts"][0]["same"], true);
    let audit = place.json(0, &["audit", "verify"]);
    assert_eq!(audit["clean"], true);
    assert!(audit["report"]["anchors"].as_u64().unwrap() >= 1, "{audit}");
    assert_eq!(place.json(0, &["resume"])["intents"], serde_json::json!([]));
}

#[test]
fn a_killed_run_is_taken_up_by_resume() {
    let place = place();
    place.program(&SUGGEST).must_be_killed(&testkit::KillAfter::first("Staged"));
    let done = place.json(0, &["resume"]);
    assert_eq!(done["intents"][0]["status"], "published");
    place.assert_nothing_left();
}

#[test]
fn init_writes_its_file_once_and_only_that() {
    let place = place();
    place.ends_with(0, &["init"]);
    assert!(place.repo.read(".codex-task.yaml").starts_with("## codex-task"));
    assert_eq!(place.repo.git(&["status", "--porcelain"]).trim(), "?? .codex-task.yaml");
    let again = place.ends_with(2, &["init"]);
    assert!(again.stderr.contains("left alone"), "{}", again.stderr);
}

#[test]
fn config_names_who_set_what() {
    let mut place = place();
    place.set("CODEX_TASK_REPAIR__MAX_RETRIES", "3");
    let document = place.json(0, &["config"]);
    assert_eq!(document["config"]["repair"]["max_retries"], 3);
    let sources = document["sources"].as_array().unwrap();
    assert!(
        sources
            .iter()
            .any(|s| s["key"] == "repair.max_retries" && s["source"] == "CODEX_TASK_REPAIR__MAX_RETRIES")
    );
}

#[test]
fn doctor_has_a_line_for_each_thing() {
    let place = place();
    let document = place.json(0, &["doctor"]);
    let lines = document["lines"].as_array().unwrap();
    for what in ["git", "cache", "journal", "repository", "config", "sandbox", "trees", "tools", "provider"] {
        assert!(lines.iter().any(|line| line["what"] == what), "{what}");
    }
}

#[test]
fn doctor_tries_every_denial_and_leaves_nothing() {
    let place = place();
    let document = place.json(0, &["doctor"]);
    let denials = document["denials"].as_array().unwrap();
    assert!(denials.len() > 20, "{document}");
    assert!(denials.iter().all(|d| d["result"] != "breach" && d["result"] != "broken"), "{document}");
    assert!(denials.iter().any(|d| d["name"] == "host-network" && d["result"] == "denied"), "{document}");
    let said = place.ends_with(0, &["doctor", "-v"]).stdout;
    assert!(said.contains("connect to a server of the machine: denied"), "{said}");
    let short = place.ends_with(0, &["doctor"]).stdout;
    let lines: Vec<&str> = short.lines().filter(|line| line.contains(" denials ")).collect();
    let counted = denials.iter().filter(|d| d["result"] == "denied").count();
    assert_eq!(lines.len(), 1, "{short}");
    assert!(lines[0].contains(&format!("{counted} of ")) && lines[0].contains("-v lists them"), "{short}");
    place.assert_nothing_left();
}

#[test]
fn a_task_in_words_without_a_model_says_who_was_skipped_and_why() {
    let place = place();
    let done = place.ends_with(6, &["Add a docstring to every function"]);
    assert!(done.stdout.contains("no fix"), "{}", done.stdout);
    let story = place.ends_with(0, &["show"]).stdout;
    assert!(story.contains("skipped     local: no server is configured"), "{story}");
    place.ends_with(6, &["Add a docstring to every function", "--dry-run"]);
    assert_eq!(place.intents().len(), 1, "a dry run records nothing");
}

#[test]
fn what_is_wrong_with_a_command_line_is_said_with_a_way_out() {
    let place = place();
    for (args, code, says) in [
        (&["scna"][..], 2, "is no command"),
        (&["-o", "x", "--type", "fix", "a b"][..], 2, "-o takes an answer"),
        (&["--create-pr", "feat: x"][..], 2, "not in this version"),
        (&["--type", "nonsense", "a b"][..], 2, "unknown kind"),
        (&["show", "0000"][..], 2, "no intent"),
        (&["undo"][..], 2, "nothing to undo"),
        (&["suggest", "--file", "app.py", "--line", "99", "--code", "E711"][..], 2, "no line 99"),
        (&["suggest", "--file", "gone.py", "--line", "1", "--code", "E711"][..], 2, "no file of the commit"),
        (
            &["suggest", "--file", "app.py", "--line", "7", "--code", "E711", "--provider", "oracle"][..],
            2,
            "no provider",
        ),
        (&["scan", "--repo", "/"][..], 2, "not inside a git repository"),
    ] {
        let done = place.ends_with(code, args);
        assert!(done.stderr.contains("error:") && done.stderr.contains(says), "{args:?}: {}", done.stderr);
        let document = place.json(code, args);
        assert_eq!(document["exit_code"], code, "{args:?}");
        assert!(document["error"]["message"].as_str().unwrap().contains(says), "{args:?}: {document}");
    }
}

#[test]
fn a_wrong_configuration_is_named_with_file_and_line() {
    let place = place();
    std::fs::write(place.home.join("config.yaml"), "safety:\n  max_file_changed: 3\n").unwrap();
    let done = place.ends_with(2, &["scan"]);
    assert!(done.stderr.contains("config.yaml:2"), "{}", done.stderr);
}

#[test]
fn the_demo_is_true_and_its_next_commands_work() {
    let place = Place::new(TestRepo::with(&[("a", "a\n")]), "");
    let folder = place.repo.side_folder("demo");
    let run = place.program(&["demo", "--json", "--folder", folder.to_str().unwrap()]);
    let done = Done::of(run.timeout(std::time::Duration::from_secs(300)).without_fault());
    assert_eq!(done.code, 0, "{}\n{}", done.stdout, done.stderr);
    let document = done.json();
    assert_eq!(document["audit_clean"], true);
    let intents = document["intents"].as_array().unwrap();
    for intent in intents.iter().filter(|i| i["status"] == "published") {
        let branch = intent["branch"].as_str().unwrap();
        let diff = place.repo.git_in(&folder.join("shop"), &["diff", &format!("main...{branch}")]);
        assert!(diff.contains("diff --git"), "{branch}");
    }
    let mut environment = place.environment();
    environment.retain(|(name, _)| name != "CODEX_TASK_HOME");
    environment.push(("CODEX_TASK_HOME".to_owned(), folder.join("home").to_string_lossy().into_owned()));
    for args in [&["show", "last"][..], &["audit", "verify"], &["undo"], &["fix", "--dry-run"]] {
        let program = std::path::Path::new(PROGRAM);
        let run = FaultRun::new(program, &folder.join("shop")).args(args).variables(environment.clone());
        assert_eq!(Done::of(run.without_fault()).code, 0, "{args:?}");
    }
}

#[test]
fn policy_test_judges_every_example_and_names_the_one_that_is_wrong() {
    let place = place();
    let before = place.digest();
    let document = place.json(0, &["policy", "test"]);
    assert_eq!(document["wrong"], 0);
    assert!(
        document["rules"]
            .as_array()
            .unwrap()
            .iter()
            .all(|rule| !rule["examples"].as_array().unwrap().is_empty())
    );
    let rule = |example: &str| {
        format!(
            "safety: {{rules: [{{id: no-print, text: no print, verdict: refuse, added: print, \
             examples: {{match: [{example}], no_match: [log]}}}}]}}\n"
        )
    };
    place.repo.write("good.yaml", rule("print"));
    place.repo.write("wrong.yaml", rule("say"));
    let good = place.ends_with(0, &["policy", "test", "good.yaml"]);
    let line = good.stdout.lines().find(|line| line.starts_with("no-print")).unwrap();
    assert!(line.contains("refuse") && line.contains("2/2 ok") && line.ends_with("good.yaml"), "{line}");
    let wrong = place.ends_with(2, &["policy", "test", "wrong.yaml"]);
    for part in ["wrong.yaml", "rule no-print", "example 1 of match", "\"say\" is not found"] {
        assert!(wrong.stderr.contains(part), "{part}: {}", wrong.stderr);
    }
    let missing = place.ends_with(2, &["policy", "test", "nowhere.yaml"]);
    assert!(missing.stderr.contains("there is no such file"), "{}", missing.stderr);
    std::fs::remove_file(place.repo.path().join("good.yaml")).unwrap();
    std::fs::remove_file(place.repo.path().join("wrong.yaml")).unwrap();
    place.assert_untouched(&before);
}

#[test]
fn policy_explain_tells_one_rule_or_all_and_what_a_misspelt_one_may_be() {
    let place = place();
    let one = place.ends_with(0, &["policy", "explain", "test-weakened"]);
    for part in [
        "test-weakened  review",
        "  why     ",
        "  change  ",
        "  set by  built in",
        "  it finds\n    tests/test_a.py",
    ] {
        assert!(one.stdout.contains(part), "{part}: {}", one.stdout);
    }
    let all = place.json(0, &["policy", "explain"]);
    let ids: Vec<&str> =
        all["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"secret") && ids.contains(&"forbidden-command"), "{ids:?}");
    let misspelt = place.ends_with(2, &["policy", "explain", "test-weak"]);
    assert!(
        misspelt.stderr.contains("did you mean") && misspelt.stderr.contains("test-weakened"),
        "{}",
        misspelt.stderr
    );
}
