//! Killed in the middle of something outside: while a check runs, while a provider is being asked.

use std::path::PathBuf;

use testkit::{Need, ScriptedModel, Snapshot, Step, TestRepo};

use crate::support::patches::{ASK, COMMA, POLICY, greeter};
use crate::support::{Place, SOON, wait_for};
use crate::tell::Tale;
use crate::warm::overlays;

/// A check that says that it began, by a file in its tree, and then waits beside children and grandchildren.
const HANGS: &str = "checks:\n  detect: false\n  commands:\n    - name: hangs\n      run: \"touch begun; (sleep 600 & sleep 600) & sleep 600\"\n";

/// The file of a check that has begun, in whatever tree there is.
fn begun(place: &Place) -> Option<PathBuf> {
    let trees = std::fs::read_dir(place.cache().join("trees")).ok()?;
    trees.flatten().map(|tree| tree.path().join("tree/begun")).find(|file| file.exists())
}

fn killed_during_a_check(level: &str) {
    let tale = Tale { policy: HANGS, ..Tale::PUBLISHED };
    let mut told = tale.begin();
    told.place.set("CODEX_TASK_SANDBOX__LEVEL", level);
    let untouched = told.place.digest();
    let mut operator = told.place.start(&[ASK, "--provider", "local"]);
    wait_for("a check that runs", || begun(&told.place));
    operator.kill().unwrap();
    operator.wait().unwrap();
    // Without any resume: a box does not outlive its operator.
    told.place.watch_processes().wait_until_nothing_left(&Snapshot::default(), SOON);
    let id = told.place.intent().id;
    assert_eq!(told.place.event_names(&id).last(), Some(&"Verifying"));
    // The same check would hang again, so this time a person stops it while it runs.
    let mut resumed = told.place.start(&["resume"]);
    wait_for("the check that is run again", || begun_anew(&told.place));
    terminate(&resumed);
    resumed.wait().unwrap();
    let intent = told.place.intent();
    assert_eq!(intent.status(), "aborted");
    told.place.assert_nothing_left();
    told.place.assert_refs_told();
    told.place.assert_untouched(&untouched);
}

/// A build that waits on the change, whoever asks for it: clippy and the tests each run it.
const WAITING_BUILD: &[(&str, &str)] = &[
    ("Cargo.toml", "[package]\nname = \"waits\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
    ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"waits\"\nversion = \"0.1.0\"\n"),
    (
        "build.rs",
        "fn main() {\n    println!(\"cargo:rerun-if-changed=src/lib.rs\");\n    let text = std::fs::read_to_string(\"src/lib.rs\").unwrap();\n    \
         if text.contains(\"2\") {\n        std::fs::write(\"begun\", \"\").unwrap();\n        \
         std::thread::sleep(std::time::Duration::from_secs(600));\n    }\n}\n",
    ),
    ("src/lib.rs", "pub fn one() -> u8 {\n    1\n}\n\n#[test]\nfn is_one() {\n    assert!(one() > 0);\n}\n"),
];

const TWO: &str =
    "--- a/src/lib.rs\n+++ b/src/lib.rs\n@@ -1,3 +1,3 @@\n pub fn one() -> u8 {\n-    1\n+    2\n }\n";

#[test]
fn clippy_runs_beside_the_tests_in_a_tree_of_its_own_and_both_die_with_their_operator() {
    let place = Place::new(TestRepo::with(WAITING_BUILD), "");
    let untouched = place.digest();
    place.run(&["doctor"]);
    testkit::requires!(overlays(&place));
    testkit::requires!(Need::Program("cargo-clippy"));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    testkit::requires!(Need::Other("more than one core".to_owned(), cores > 1));
    let patch = place.home.join("two");
    std::fs::write(&patch, TWO).unwrap();
    let mut operator = place.start(&["verify", &patch.to_string_lossy()]);
    wait_for("two trees in which the build waits", || {
        let trees = std::fs::read_dir(place.cache().join("trees")).ok()?;
        let waiting = trees.flatten().filter(|tree| tree.path().join("tree/begun").exists()).count();
        (waiting == 2).then_some(())
    });
    operator.kill().unwrap();
    operator.wait().unwrap();
    place.watch_processes().wait_until_nothing_left(&Snapshot::default(), SOON);
    // Under another policy the checks are others, and so nothing would lay out the second tree again.
    std::fs::write(place.home.join("config.yaml"), "checks: {detect: false}\n").unwrap();
    let resumed = place.json(0, &["resume"]);
    assert!(resumed["trees_removed"].as_u64() >= Some(1), "the second tree: {resumed}");
    place.assert_nothing_left();
    place.assert_untouched(&untouched);
}

#[test]
fn a_tree_that_nobody_will_come_back_to_is_removed_by_resume() {
    let told = Tale { policy: HANGS, ..Tale::PUBLISHED }.begin();
    let mut operator = told.place.start(&[ASK, "--provider", "local"]);
    wait_for("a check that runs", || begun(&told.place));
    operator.kill().unwrap();
    operator.wait().unwrap();
    // Under another policy the story does not go on, and so nothing would lay out the same tree again.
    std::fs::write(told.place.home.join("config.yaml"), POLICY).unwrap();
    let resumed = told.place.json(0, &["resume"]);
    assert_eq!(told.place.intent().status(), "aborted", "{resumed}");
    assert!(resumed["trees_removed"].as_u64() >= Some(1), "{resumed}");
    told.place.assert_nothing_left();
    told.place.assert_refs_told();
}

/// As [`begun`], once the check is announced a second time.
fn begun_anew(place: &Place) -> Option<PathBuf> {
    let id = place.intent().id;
    let verifying = place.event_names(&id).iter().filter(|name| **name == "Verifying").count();
    if verifying == 2 { begun(place) } else { None }
}

fn terminate(child: &std::process::Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
}

#[test]
fn a_check_dies_with_its_operator_at_the_strongest_level() {
    killed_during_a_check("auto");
}

#[test]
fn a_check_dies_with_its_operator_at_the_weak_level() {
    killed_during_a_check("weak");
}

#[test]
fn a_free_question_under_way_is_asked_again_after_a_crash() {
    let model =
        ScriptedModel::respond_with(
            |request| {
                if request.number == 1 { Step::Hang } else { Step::patch(COMMA, 0.9) }
            },
        );
    let place = killed_while_asking(&model, "");
    place.ends_with(0, &["resume"]);
    let intent = place.intent();
    assert_eq!((intent.status(), intent.attempts.len()), ("published", 2));
    assert_eq!(model.requests()[0].bytes, model.requests()[1].bytes, "the same question");
    place.assert_nothing_left();
    place.assert_refs_told();
}

#[test]
fn a_paid_question_under_way_is_charged_and_not_asked_again_after_a_crash() {
    let model = ScriptedModel::script([Step::Hang]);
    let place = killed_while_asking(&model, "providers:\n  local: {price_in: 1, price_out: 2}\n");
    let reserved = place.intent().attempts[0].reserved.unwrap();
    assert!(reserved.micros() > 0);
    place.ends_with(0, &["resume"]);
    let intent = place.intent();
    assert_eq!((intent.status(), intent.billed()), ("no-provider", reserved));
    assert_eq!(model.requests().len(), 1);
    place.assert_nothing_left();
}

/// A program that waits for this model is killed; gives its place.
fn killed_while_asking(model: &ScriptedModel, providers: &str) -> Place {
    let mut place = Place::new(greeter(), &format!("{providers}{POLICY}"));
    place.ask_model_at(&model.base_url());
    let mut operator = place.start(&[ASK, "--provider", "local"]);
    model.wait_for_requests(1, SOON);
    operator.kill().unwrap();
    operator.wait().unwrap();
    model.wait_until_idle(SOON);
    place
}

#[test]
fn an_intent_that_a_live_process_works_on_is_left_alone_by_resume() {
    let model = ScriptedModel::script([Step::Hang]);
    let mut place = Place::new(greeter(), POLICY);
    place.ask_model_at(&model.base_url());
    let mut operator = place.start(&[ASK, "--provider", "local"]);
    model.wait_for_requests(1, SOON);
    let resumed = place.json(0, &["resume"]);
    let id = place.intent().id;
    assert_eq!(resumed["busy"], serde_json::json!([id]));
    terminate(&operator);
    assert_eq!(operator.wait().unwrap().code(), Some(130));
    assert_eq!(place.intent().status(), "aborted");
    place.assert_nothing_left();
}
