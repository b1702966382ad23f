//! `audit erase`: what a finished change said leaves the record, and who looks for it is told so.

use std::path::Path;

use crate::audit::tamper;
use crate::support::Place;
use crate::tell::{Tale, Told};

const TASK: &str = "Put a comma behind Hello, as 4711-secret says";

/// A change that holds a secret and waits for a person, and a published one without.
fn told() -> Told {
    let told = Tale::PUBLISHED.begin();
    told.place.ends_with(0, Tale::PUBLISHED.commands[0]);
    told.place.ends_with(3, &[TASK, "--provider", "local", "--review"]);
    told
}

/// Every file below that holds the secret.
fn holding(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            holding(&path, found);
        } else if std::fs::read(&path).is_ok_and(|bytes| bytes.windows(4).any(|window| window == b"4711")) {
            found.push(path.display().to_string());
        }
    }
}

fn left(place: &Place) -> Vec<String> {
    let mut found = Vec::new();
    holding(&place.state(), &mut found);
    found
}

#[test]
fn a_secret_is_found_and_erased_and_everything_else_is_proved_as_before() {
    let told = told();
    let place = &told.place;
    let id = place.intents().iter().find(|i| i.task.text == TASK).unwrap().id.to_string();
    let untouched = place.digest();
    let secret = place.state().join("../leaked.txt");
    std::fs::write(&secret, "4711-secret\n").unwrap();
    let secret = secret.display().to_string();
    let by_secret = ["audit", "erase", "--holding", &secret];

    let would = place.json(0, &["audit", "erase", "--holding", &secret, "--dry-run"]);
    assert_eq!(would["would"]["intents"].as_array().unwrap().len(), 1, "{would}");
    assert_eq!(would["would"]["intents"][0]["id"], id.as_str(), "{would}");
    let refused = place.ends_with(2, &by_secret).stderr;
    assert!(refused.contains("not over: `codex-task reject`"), "{refused}");
    place.ends_with(0, &["reject", &id, "--reason", "it holds 4711-secret"]);
    assert!(!left(place).is_empty());
    let candidates = || place.own_refs().iter().filter(|(name, _)| name.contains(&id)).count();
    assert_eq!(candidates(), 1);
    place.ends_with(0, &["audit", "verify"]);

    let done = place.ends_with(0, &by_secret);
    assert!(done.stdout.starts_with("1 change ("), "{}", done.stdout);
    assert!(done.stdout.contains("of the journal tells so"), "{}", done.stdout);
    assert!(done.stderr.contains("1 candidate ref removed"), "{}", done.stderr);
    assert_eq!(left(place), Vec::<String>::new());
    assert_eq!(candidates(), 0);
    place.assert_untouched(&untouched);
    let said = place.ends_with(0, &["show", &id]).stdout;
    assert!(said.contains("rejected  (erased)") && said.contains("erased on "), "{said}");
    for command in ["replay", "diff"] {
        let done = place.ends_with(1, &[command, &id]);
        assert!(done.stderr.contains("was erased on"), "{}", done.stderr);
    }
    let lines = place.ends_with(0, &["audit", "export"]).stdout;
    assert!(lines.lines().any(|line| line.contains(&id) && line.contains("\"erased\":{")), "{lines}");
    let report = place.json(0, &["audit", "verify"])["report"].clone();
    assert_eq!((&report["compacted"], &report["erased_intents"]), (&1.into(), &1.into()), "{report}");
    let said = place.ends_with(0, &["audit", "verify"]).stdout;
    assert!(said.ends_with(" of 1 erased intent: hashes and rows are as recorded\n"), "{said}");
    assert!(report["anchors"].as_u64() >= Some(1), "{report}");

    // Again: nothing is there, and what was erased stays erased. What somebody who died had left goes too: a ref, and bytes
    // that the database no longer knows.
    let commit = place.own_refs().first().unwrap().1.clone();
    let name = format!("refs/codex-task/candidates/{id}-2");
    place.shell(&format!("git update-ref {name} {commit}"));
    tamper(
        place,
        "PRAGMA secure_delete = OFF; CREATE TABLE t (x); INSERT INTO t VALUES ('4711' || hex(zeroblob(9000))); DROP TABLE t",
    );
    assert!(!left(place).is_empty() && candidates() == 1);
    let again = place.ends_with(0, &by_secret);
    assert_eq!(again.stdout, "no change holds it\n");
    assert_eq!((left(place), candidates()), (Vec::new(), 0));
    let again = place.json(0, &["audit", "erase", &id]);
    assert_eq!((&again["erasing"], &again["left"]), (&().into(), &().into()), "{again}");
    place.ends_with(0, &["gc"]);
}

#[test]
fn what_cannot_be_erased_is_named_with_the_way_out() {
    let told = told();
    let place = &told.place;
    let empty = place.state().join("empty");
    std::fs::write(&empty, "ab\n").unwrap();
    let refused = place.ends_with(2, &["audit", "erase", "--holding", &empty.display().to_string()]).stderr;
    assert!(refused.contains("at least 4 bytes"), "{refused}");
    place.ends_with(2, &["audit", "erase"]);
    place.ends_with(2, &["audit", "erase", "--holding", "no-such-file"]);
    let refused = place.ends_with(2, &["audit", "erase", "last"]).stderr;
    assert!(refused.contains("not over"), "{refused}");
    let id = place.intents().iter().find(|i| i.status() == "published").unwrap().id.to_string();
    place.ends_with(0, &["reject", "last", "--reason", "only a try"]);
    let file = place.state().join("old.jsonl").display().to_string();
    place.ends_with(0, &["audit", "compact", "--before", "2100-01-01", "--to", &file]);
    let refused = place.ends_with(2, &["audit", "erase", &id]).stderr;
    assert!(refused.contains("was compacted into old.jsonl"), "{refused}");
}
