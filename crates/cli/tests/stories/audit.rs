//! What somebody with access to the database can do, and that `audit verify` finds and names it.

use crate::support::Place;
use crate::tell::{Tale, Told};

/// Two published stories; the journal is written out into its one file.
fn told() -> Told {
    let told = Tale::PUBLISHED.begin();
    told.place.ends_with(0, Tale::PUBLISHED.commands[0]);
    told.place.ends_with(3, &["Put a comma behind Hello, once more", "--provider", "local", "--review"]);
    told.place.ends_with(0, &["audit", "verify"]);
    told
}

/// Runs statements on the journal as anybody with the file could.
pub(crate) fn tamper(place: &Place, statements: &'static str) -> u64 {
    let connection = rusqlite::Connection::open(place.state().join("journal.db")).unwrap();
    connection.execute_batch(statements).unwrap();
    let changed = connection.changes();
    connection.close().unwrap();
    changed
}

/// The kinds of problems that the audit names, and its words for people.
fn problems(place: &Place) -> (Vec<String>, String) {
    let document = place.json(1, &["audit", "verify"]);
    assert_eq!(document["clean"], false, "{document}");
    let named = document["report"]["problems"].as_array().unwrap();
    let kinds = named.iter().map(|p| p["problem"].as_str().unwrap().to_owned()).collect();
    (kinds, place.ends_with(1, &["audit", "verify"]).stdout)
}

#[test]
fn one_byte_changed_in_an_entry_is_found() {
    let told = told();
    let changed = tamper(
        &told.place,
        "UPDATE journal SET body = CAST(replace(CAST(body AS TEXT), 'Put a comma', 'Cut a comma') AS BLOB) WHERE seq = 1",
    );
    assert_eq!(changed, 1);
    let (kinds, said) = problems(&told.place);
    assert!(kinds.contains(&"byte-changed".to_owned()), "{kinds:?}");
    assert!(said.contains("entry 1 was changed"), "{said}");
}

#[test]
fn one_byte_flipped_in_the_file_is_found() {
    let told = told();
    let path = told.place.state().join("journal.db");
    tamper(&told.place, "PRAGMA wal_checkpoint(TRUNCATE)");
    let mut bytes = std::fs::read(&path).unwrap();
    let wanted = br#""event":"GateJudged""#;
    // The database may hold stale copies of an entry in pages that it split: one byte of each copy, for whichever counts.
    let copies: Vec<usize> =
        (0..bytes.len() - wanted.len()).filter(|at| bytes[*at..].starts_with(wanted)).collect();
    assert!(!copies.is_empty());
    for at in copies {
        bytes[at + wanted.len() - 2] ^= 1;
    }
    std::fs::write(&path, bytes).unwrap();
    let (kinds, said) = problems(&told.place);
    assert!(kinds.contains(&"byte-changed".to_owned()), "{kinds:?}");
    assert!(said.contains(" was changed"), "{said}");
}

#[test]
fn a_deleted_row_is_found() {
    let told = told();
    assert_eq!(tamper(&told.place, "DELETE FROM journal WHERE seq = 5"), 1);
    let (kinds, said) = problems(&told.place);
    assert!(kinds.contains(&"missing".to_owned()), "{kinds:?}");
    assert!(said.contains("entries 5 to 5 are missing"), "{said}");
}

/// The whole of the second story, with everything that was worked out from it.
const CUT: &str = "DELETE FROM ledger WHERE intent IN (SELECT intent FROM journal WHERE name = 'IntentReserved' AND seq > 1);
    DELETE FROM suggestions WHERE intent IN (SELECT intent FROM journal WHERE name = 'IntentReserved' AND seq > 1);
    DELETE FROM intents WHERE id IN (SELECT intent FROM journal WHERE name = 'IntentReserved' AND seq > 1);
    DELETE FROM checkpoints WHERE seq >= (SELECT seq FROM journal WHERE name = 'IntentReserved' AND seq > 1);
    DELETE FROM journal WHERE seq >= (SELECT seq FROM journal WHERE name = 'IntentReserved' AND seq > 1)";

#[test]
fn a_cut_tail_is_found_by_the_head_file() {
    let told = told();
    tamper(&told.place, CUT);
    let (kinds, said) = problems(&told.place);
    assert!(kinds.contains(&"tail-cut".to_owned()), "{kinds:?}");
    assert!(said.contains("the tail is cut"), "{said}");
}

#[test]
fn a_cut_tail_is_found_by_the_commits_when_the_head_file_is_taken_away_too() {
    let told = told();
    tamper(&told.place, CUT);
    std::fs::remove_file(told.place.state().join("journal.head")).unwrap();
    let (kinds, said) = problems(&told.place);
    assert!(kinds.contains(&"tail-cut".to_owned()), "{kinds:?}");
    assert!(said.contains("commit "), "{said}");
}

#[test]
fn a_smaller_bill_is_found() {
    let told = told();
    assert!(tamper(&told.place, "UPDATE ledger SET billed = 5") >= 1);
    let (kinds, _) = problems(&told.place);
    assert!(kinds.contains(&"ledger-differs".to_owned()), "{kinds:?}");
}
