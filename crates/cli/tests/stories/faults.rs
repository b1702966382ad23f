//! The generic fault test: for each event of each story the program is killed by SIGKILL right after it, `resume` takes
//! the story to the very end that it has without the fault, and nothing is left behind.

use std::collections::BTreeMap;

use domain::intent::Intent;
use domain::money::MicroDollars;
use testkit::{KillAfter, Step, TestRepo};

use crate::support::Place;
use crate::support::patches::{ASK, BEFORE, COMMA, PLAN, POLICY};
use crate::tell::Tale;

const QUIET: &str =
    "checks:\n  detect: false\n  commands: [{name: quiet, run: \"! grep -n print greet.py\"}]\n";

/// A person must approve the only provider before it is asked.
const APPROVED: &str = "routing: {order: [local], needs_approval: [local]}\n\
                    checks:\n  detect: false\n  commands: [{name: comma, run: \"grep -q 'Hello, ' greet.py\"}]\n";

const PRICED: &str = "providers:\n  local: {price_in: 1, price_out: 2}\n\
                    checks: {detect: false, commands: [{name: none, run: \"true\"}]}\n";

/// Plans are left to policy.
const BY_POLICY: &str = "approval: {plans: policy}\n\
                    checks:\n  detect: false\n  commands: [{name: comma, run: \"grep -q 'Hello, ' greet.py\"}]\n";

const LOUD: &str = "--- a/greet.py\n+++ b/greet.py\n@@ -1,2 +1,3 @@\n def greet(name):\n+    print(name)\n\
                    -    return \"Hello \" + name\n+    return \"Hello, \" + name\n";

const UNDEFINED: &str = "def area(radius):\n    return quux(radius) ** 2\n";

const DEFINED: &str = "--- a/circle.py\n+++ b/circle.py\n@@ -1,2 +1,2 @@\n def area(radius):\n\
                       -    return quux(radius) ** 2\n+    return 3.14159 * radius ** 2\n";

/// Tells the tale once without a fault, then once for each of its events with the fault right after it.
fn at_every_point(tale: &Tale) {
    let (names, end) = without_fault(tale);
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for name in names {
        let nth = seen.entry(name).or_default();
        *nth += 1;
        with_fault(tale, &KillAfter { event: name.to_owned(), nth: *nth }, &end);
    }
}

/// The events that the last command adds, and the end.
fn without_fault(tale: &Tale) -> (Vec<&'static str>, String) {
    let told = tale.begin();
    let last = tale.up_to_the_last(&told);
    let before = told.place.intents().first().map_or(0, |i| i.version as usize);
    told.place.run(&words(&last));
    told.place.assert_nothing_left();
    told.place.assert_refs_told();
    let intent = told.place.intent();
    (told.place.event_names(&intent.id).split_off(before), essence(&intent))
}

fn with_fault(tale: &Tale, fault: &KillAfter, end: &str) {
    let told = tale.begin();
    let place = &told.place;
    let untouched = place.digest();
    let last = tale.up_to_the_last(&told);
    place.program(&words(&last)).must_be_killed(fault);
    died_right_there(place, fault, &last);
    place.ends_with(0, &["resume"]);
    let intent = place.intent();
    assert!(intent.phase.is_at_rest(), "{}: {:?}", fault.value(), intent.phase);
    assert_eq!(essence(&intent), end, "{}", fault.value());
    place.assert_nothing_left();
    place.assert_refs_told();
    place.assert_untouched(&untouched);
    place.ends_with(0, &["audit", "verify"]);
    assert!(
        place.ends_with(0, &["resume"]).stdout.contains("0 changes taken to rest"),
        "a second time is too many"
    );
}

fn words(command: &[String]) -> Vec<&str> {
    command.iter().map(String::as_str).collect()
}

/// The event is durable, and nothing after its transaction is.
fn died_right_there(place: &Place, fault: &KillAfter, command: &[String]) {
    let names = place.event_names(&place.intent().id);
    let nth = names.iter().filter(|name| **name == fault.event).count();
    assert!(nth >= fault.nth as usize, "{} of {command:?}: {names:?}", fault.value());
}

/// What a story comes to, whatever happened on the way: the end, the last patch and its tree, the checks' verdict, and
/// the branch. Ids, times and the number of attempts differ when a provider is asked once more.
fn essence(intent: &Intent) -> String {
    let last = intent.current();
    let patch = last.and_then(|a| a.patch.as_ref()).map(|p| p.sha256.to_string());
    let tree = last.and_then(|a| a.candidate.as_ref()).map(|c| c.tree.to_string());
    let verdict = last.and_then(|a| a.verification.as_ref()).map(|v| format!("{:?}", v.verdict));
    let branch = intent.publication.is_some();
    let billed = intent.billed();
    format!("{} {patch:?} {tree:?} {verdict:?} branch: {branch} billed: {billed}", intent.status())
}

#[test]
fn killed_after_any_event_a_good_answer_still_becomes_its_branch() {
    at_every_point(&Tale::PUBLISHED);
}

#[test]
fn killed_after_any_event_of_a_repair_the_second_answer_is_published() {
    at_every_point(&Tale {
        policy: QUIET,
        answer: |prompt| Step::patch(if prompt.contains("print(name)") { COMMA } else { LOUD }, 0.9),
        ..Tale::PUBLISHED
    });
}

#[test]
fn killed_after_any_event_the_next_provider_is_asked() {
    at_every_point(&Tale {
        policy: "checks:\n  detect: false\n  commands: [{name: readable, run: \"grep -q area circle.py\"}]\n",
        repo: || TestRepo::with(&[("circle.py", UNDEFINED)]),
        answer: |_| Step::patch(DEFINED, 0.9),
        commands: &[&["suggest", "--file", "circle.py", "--line", "2", "--code", "F821"]],
    });
}

#[test]
fn killed_after_any_event_an_unreadable_answer_ends_as_one() {
    at_every_point(&Tale { answer: |_| Step::MalformedReply, ..Tale::PUBLISHED });
}

#[test]
fn killed_after_any_event_a_refused_patch_stays_refused() {
    const KEYS: &str = "--- /dev/null\n+++ b/vendor/lib.py\n@@ -0,0 +1 @@\n+x = 1\n";
    at_every_point(&Tale { answer: |_| Step::patch(KEYS, 0.9), ..Tale::PUBLISHED });
}

#[test]
fn killed_after_any_event_of_a_review_it_waits_for_a_person() {
    at_every_point(&Tale { commands: &[&[ASK, "--provider", "local", "--review"]], ..Tale::PUBLISHED });
}

#[test]
fn killed_after_any_event_of_an_approval_the_branch_is_made() {
    at_every_point(&Tale {
        commands: &[
            &[ASK, "--provider", "local", "--review"],
            &["commit", "{id}", "-m", "fix(greet): add a comma"],
        ],
        ..Tale::PUBLISHED
    });
}

#[test]
fn killed_after_any_event_before_the_approval_of_a_provider_it_waits() {
    at_every_point(&Tale { policy: APPROVED, commands: &[&[ASK]], ..Tale::PUBLISHED });
}

#[test]
fn killed_after_any_event_behind_the_approval_of_a_provider_the_branch_is_made() {
    at_every_point(&Tale { policy: APPROVED, commands: &[&[ASK], &["approve", "{id}"]], ..Tale::PUBLISHED });
}

/// A feature: a plan is asked for first, then the change.
const PLANNED: Tale = Tale {
    policy: POLICY,
    answer: planned,
    commands: &[&["feature", ASK, "--provider", "local"]],
    ..Tale::PUBLISHED
};

fn planned(prompt: &str) -> Step {
    if prompt.contains("You plan one change") { Step::text(PLAN) } else { Step::patch(COMMA, 0.9) }
}

#[test]
fn killed_after_any_event_of_a_plan_it_waits_for_its_approval_and_is_paid_once() {
    at_every_point(&PLANNED);
    let paid = Tale { policy: PRICED, ..PLANNED };
    // What is paid for and on record is never asked for again.
    for event in ["ProposalReceived", "Settled", "PlanRead", "ApprovalAsked"] {
        let told = paid.begin();
        told.place.program(paid.commands[0]).must_be_killed(&KillAfter::first(event));
        told.place.ends_with(0, &["resume"]);
        let intent = told.place.intent();
        assert_eq!((intent.status(), told.model.requests().len()), ("needs-approval", 1), "{event}");
        assert_eq!(intent.billed(), MicroDollars::from_micros(140), "{event}");
        told.place.ends_with(0, &["audit", "verify"]);
    }
}

#[test]
fn killed_after_any_event_behind_the_approval_of_a_plan_the_change_waits_for_a_person() {
    at_every_point(&Tale {
        commands: &[&["feature", ASK, "--provider", "local"], &["approve", "{id}"]],
        ..PLANNED
    });
}

#[test]
fn killed_after_any_event_of_a_plan_that_policy_approves_the_change_waits_for_a_person() {
    at_every_point(&Tale { policy: BY_POLICY, ..PLANNED });
}

#[test]
fn killed_after_any_event_of_a_rejection_it_is_over() {
    at_every_point(&Tale {
        commands: &[
            &[ASK, "--provider", "local", "--review"],
            &["reject", "{id}", "--reason", "no comma here"],
        ],
        ..Tale::PUBLISHED
    });
}

#[test]
fn killed_after_any_event_of_an_undo_the_branch_is_gone() {
    at_every_point(&Tale {
        commands: &[&[ASK, "--provider", "local"], &["undo", "{id}"]],
        ..Tale::PUBLISHED
    });
}

#[test]
fn killed_after_any_event_of_bringing_it_back_the_branch_is_there() {
    at_every_point(&Tale {
        commands: &[&[ASK, "--provider", "local"], &["undo", "{id}"], &["undo", "{id}"]],
        ..Tale::PUBLISHED
    });
}

#[test]
fn killed_after_any_event_of_a_verification_the_candidate_waits() {
    at_every_point(&Tale {
        repo: || TestRepo::with(&[("greet.py", BEFORE), ("comma.diff", COMMA)]),
        commands: &[&["verify", "comma.diff"]],
        ..Tale::PUBLISHED
    });
}

#[test]
fn killed_while_a_paid_question_is_announced_its_ceiling_is_charged_and_else_what_it_cost() {
    let tale = Tale {
        policy: "providers:\n  local: {price_in: 1, price_out: 2}\n\
                 checks: {detect: false, commands: [{name: none, run: \"true\"}]}\n",
        ..Tale::PUBLISHED
    };
    for event in
        ["IntentReserved", "Routed", "Reserved", "ProposalAsked", "ProposalReceived", "Settled", "Verified"]
    {
        let told = tale.begin();
        told.place.program(tale.commands[0]).must_be_killed(&KillAfter::first(event));
        told.place.ends_with(0, &["resume"]);
        let intent = told.place.intent();
        let end = (intent.status(), intent.billed(), told.model.requests().len());
        if ["Reserved", "ProposalAsked"].contains(&event) {
            // It died before it asked, and cannot know that.
            let ceiling = intent.attempts[0].reserved.unwrap();
            assert_eq!(end, ("no-provider", ceiling, 0), "{event}");
        } else {
            assert_eq!(end, ("published", MicroDollars::from_micros(140), 1), "{event}");
        }
        told.place.assert_nothing_left();
        told.place.assert_refs_told();
    }
}

/// All names that `Event::name` gives; the test below counts them there.
const NAMES: [&str; 25] = [
    "IntentReserved",
    "Routed",
    "ApprovalAsked",
    "ProviderApproved",
    "PlanApproved",
    "Reserved",
    "ProposalAsked",
    "EvidenceKept",
    "ProposalReceived",
    "ProviderFailed",
    "Settled",
    "ReplyRefused",
    "PlanRead",
    "PatchRead",
    "GateJudged",
    "Staging",
    "Staged",
    "Verifying",
    "Verified",
    "Decided",
    "Publishing",
    "Published",
    "Undoing",
    "Undone",
    "Ended",
];

#[test]
fn every_event_has_a_story_here() {
    let mut told: Vec<&str> = Vec::new();
    for tale in [
        Tale { commands: &[&[ASK, "--provider", "local"], &["undo", "{id}"]], ..Tale::PUBLISHED },
        Tale { policy: APPROVED, commands: &[&[ASK], &["approve", "{id}"]], ..Tale::PUBLISHED },
        Tale { commands: &[&["feature", ASK, "--provider", "local"], &["approve", "{id}"]], ..PLANNED },
        Tale { answer: |_| Step::MalformedReply, ..Tale::PUBLISHED },
        Tale { answer: |_| Step::Status(500, "no".to_owned()), ..Tale::PUBLISHED },
    ] {
        let begun = tale.begin();
        begun.place.run(&words(&tale.up_to_the_last(&begun)));
        told.extend(begun.place.event_names(&begun.place.intent().id));
    }
    // Needs a browser: `a_run_that_dies_with_its_evidence_on_record` in web.rs.
    told.push("EvidenceKept");
    let source =
        std::fs::read_to_string(testkit::workspace_root().join("crates/domain/src/event.rs")).unwrap();
    let named = source.lines().filter(|line| line.contains(" { .. } => \"")).count();
    assert_eq!(named, NAMES.len(), "an event was added: give it a story here");
    for name in NAMES {
        assert!(told.contains(&name), "no story has {name}");
    }
}
