//! `audit compact`: what is left of a finished change, what every command says of it, and who proves what went.

use crate::audit::tamper;
use crate::support::Place;
use crate::tell::{Tale, Told};

const EVERYTHING: &str = "2100-01-01";

/// A published change, and one that waits for a person.
fn told() -> Told {
    let told = Tale::PUBLISHED.begin();
    told.place.ends_with(0, Tale::PUBLISHED.commands[0]);
    told.place.ends_with(3, &["Put a comma behind Hello, once more", "--provider", "local", "--review"]);
    told
}

/// The id of the published one.
fn published(place: &Place) -> String {
    let rows = place.json(0, &["intent", "list"]);
    let row = rows["intents"].as_array().unwrap().iter().find(|row| row["status"] == "published").unwrap();
    row["id"].as_str().unwrap().to_owned()
}

fn compacted(place: &Place, file: &str) -> serde_json::Value {
    place.json(0, &["audit", "compact", "--before", EVERYTHING, "--to", file])["compaction"].clone()
}

#[test]
fn a_compacted_change_is_listed_and_paid_as_before_and_its_story_is_in_the_file() {
    let told = told();
    let place = &told.place;
    let id = published(place);
    let untouched = place.digest();
    let file = place.state().join("old.jsonl").display().to_string();
    let said = place.ends_with(0, &["audit", "compact", "--before", EVERYTHING, "--dry-run"]).stdout;
    assert!(said.starts_with("1 change (") && said.contains("would be compacted"), "{said}");
    let seen = || (place.ends_with(0, &["intent", "list"]).stdout, place.ends_with(0, &["usage"]).stdout);
    let before = seen();
    place.ends_with(0, &["audit", "checkpoint"]);
    let old = place.ends_with(0, &["audit", "show", "1"]).stdout;
    assert!(!old.contains("compacted"), "{old}");

    let compaction = compacted(place, &file);
    let (sha256, entry) = (compaction["sha256"].as_str().unwrap(), compaction["seq"].as_u64().unwrap());
    assert_eq!((compaction["intents"].as_u64(), compaction["file"].as_str()), (Some(1), Some("old.jsonl")));
    assert_eq!(seen(), before);
    let done = format!("into old.jsonl (sha256 {sha256}); entry {entry} of the journal tells so");
    let said = place.ends_with(0, &["show", &id]).stdout;
    assert!(said.contains("published") && said.contains(&done), "{said}");
    for command in ["replay", "undo", "diff"] {
        let done = place.ends_with(1, &[command, &id]);
        assert!(done.stderr.contains("was compacted on") && done.stderr.contains(sha256), "{}", done.stderr);
    }
    let said = place.ends_with(0, &["audit", "show", "1"]).stdout;
    assert!(said.contains(&format!("(gone: see entry {entry})")), "{said}");
    let lines = place.ends_with(0, &["audit", "export"]).stdout;
    assert!(lines.lines().any(|line| line.contains(&id) && line.contains(sha256)), "{lines}");
    place.ends_with(0, &["gc"]);
    place.assert_untouched(&untouched);
    let nothing =
        place.ends_with(0, &["audit", "compact", "--before", EVERYTHING, "--to", "../b.jsonl"]).stdout;
    assert!(nothing.starts_with("no finished change is older than 2100-01-01 00:00:00"), "{nothing}");
}

#[test]
fn gc_puts_what_is_older_than_the_owner_keeps_into_files_that_prove_it() {
    let mut told = told();
    let id = published(&told.place);
    let archive = told.place.state().join("archive");
    told.place.set("CODEX_TASK_STORE__KEEP_DAYS", "30");
    let said = told.place.ends_with(0, &["gc"]).stdout;
    assert!(said.ends_with("no finished change is older than 30 days\n"), "{said}");
    told.place.set("CODEX_TASK_STORE__KEEP_DAYS", "0");
    let would = told.place.json(0, &["gc", "--dry-run"]);
    assert_eq!(
        (&would["would_compact"]["intents"], &would["compacted"]),
        (&1.into(), &serde_json::json!([]))
    );
    let file = archive.join("compacted-000001.jsonl");
    assert!(!file.exists());

    let said = told.place.ends_with(0, &["gc"]).stdout;
    assert!(
        said.contains(&format!("compacted  1 change older than 0 days into {}", file.display())),
        "{said}"
    );
    let said = told.place.ends_with(0, &["show", &id]).stdout;
    assert!(said.contains("into compacted-000001.jsonl"), "{said}");
    // Beside what is no such file.
    std::fs::write(archive.join("README"), "x").unwrap();
    let report = told.place.json(0, &["audit", "verify", "--with", &archive.display().to_string()]);
    let report = &report["report"];
    assert!(report["proven"].as_u64() > Some(0) && report["proven"] == report["stubs"], "{report}");
    let again = told.place.json(0, &["gc"]);
    assert_eq!((&again["would_compact"], &again["compacted"]), (&().into(), &serde_json::json!([])));

    told.place.set("CODEX_TASK_STORE__ARCHIVE", "archive");
    let refused = told.place.ends_with(2, &["gc"]).stderr;
    assert!(refused.contains("store.archive") && refused.contains("absolute"), "{refused}");
}

#[test]
fn the_journal_proves_what_stays_the_file_what_went_and_each_lie_is_named() {
    let told = told();
    let place = &told.place;
    let file = place.state().join("old.jsonl");
    let name = file.display().to_string();
    let checkpoint = |name: &str| {
        let path = place.state().join(name).display().to_string();
        std::fs::write(&path, place.ends_with(0, &["audit", "checkpoint"]).stdout).unwrap();
        path
    };
    let compaction = compacted(place, &name);
    // The commits of the change name entries of which only stubs are left.
    let report = place.json(0, &["audit", "verify", "--with", &name])["report"].clone();
    assert!(report["anchors"].as_u64() >= Some(1), "{report}");
    assert_eq!((&report["stubs"], &report["proven"]), (&compaction["entries"], &compaction["entries"]));
    let said = place.ends_with(0, &["audit", "verify"]).stdout;
    assert!(said.contains("of 1 compacted intent: hashes and rows are as recorded; the files"), "{said}");
    let (old, new) = (checkpoint("old"), {
        place.ends_with(0, &["reject", "last", "--reason", "only a try"]);
        checkpoint("new")
    });
    place.ends_with(0, &["audit", "witness", &old, &new]);

    // Refused: the file that the journal names, and one that is somebody else's.
    let again = ["audit", "compact", "--before", EVERYTHING, "--to", &name];
    assert!(place.ends_with(2, &again).stderr.contains("the journal names it"));
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("Hello", "Hullo", 1)).unwrap();
    let document = place.json(1, &["audit", "verify", "--with", &name]);
    assert_eq!(document["report"]["problems"][0]["problem"], "archive-differs", "{document}");
    tamper(place, "UPDATE intents SET title = 'another' WHERE status = 'published'");
    let document = place.json(1, &["audit", "verify"]);
    assert_eq!(document["report"]["problems"][0]["problem"], "compaction-differs", "{document}");
}
