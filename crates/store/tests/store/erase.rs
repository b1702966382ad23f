//! Finished intents are erased: nothing of what they said is left anywhere, and everything else is proved as before.

use domain::event::{Ending, Event};
use domain::ids::{IntentId, Sha256};
use domain::task::{Kind, Task};
use store::{
    Append, Consistency, Erased, Erasing, Filter, JournalEntry, Micros, Page, Period, Problem, Store,
    StoreError,
};

use crate::compaction::{LATER, compact, file};
use crate::on_both;
use crate::place::{Place, TABLES};
use crate::story::*;

on_both! {
    what_is_erased_leaves_a_salted_hash_and_a_whole_chain,
    nothing_that_could_be_guessed_is_left_in_any_table_or_file,
    bytes_that_others_name_stay_with_them,
    whoever_holds_a_text_is_found_by_it,
    what_is_not_over_or_not_whole_is_not_erased,
    an_erasing_is_done_once_and_its_end_again,
    whatever_is_changed_of_an_erased_intent_is_found,
    entries_without_commitments_are_compacted_and_erased_too,
}

const SECRET: &str = "sk-live \"4711\"";

async fn erase(store: &Store, ids: &[&IntentId]) -> Result<Erased, StoreError> {
    let intents: Vec<IntentId> = ids.iter().map(|id| (*id).clone()).collect();
    store.erase(&Erasing { intents: &intents, at: LATER, by: "root" }).await
}

/// A story with a secret in its task, its patch and the reason of its end; and the bytes that hold it.
async fn leak(store: &Store, number: u64) -> (Story, Vec<Vec<u8>>) {
    let mut story = Story::new(number);
    let mut first = registered(None);
    if let Event::IntentReserved { task, .. } = &mut first {
        *task = Task { kind: Kind::Refactor, text: format!("Take {SECRET} out"), finding: None };
    }
    story.append(store, &[first, routed()]).await.unwrap();
    story.ask(store, 500).await.unwrap();
    story.answer(store, 300).await.unwrap();
    let patch = format!("-key = {SECRET}\n").into_bytes();
    let output = serde_json::to_vec(&format!("printed {SECRET}, by story {number}")).unwrap();
    let end = Event::Ended { ending: Ending::Aborted, why: format!("it has {SECRET}") };
    story.append_with(store, &[end], &[&patch, &output], None).await.unwrap();
    (story, vec![patch, output])
}

fn walk(old: &store::Checkpoint, new: &store::Checkpoint, entries: &[JournalEntry]) -> bool {
    let mut walk = Consistency::between(old, new).unwrap();
    entries.iter().try_for_each(|entry| walk.entry(entry)).and_then(|()| walk.finish()).is_ok()
}

async fn what_is_erased_leaves_a_salted_hash_and_a_whole_chain(place: Place) {
    let store = place.open().await;
    let empty = store.checkpoint().await.unwrap();
    Story::new(1).tell(&store, None).await;
    let (leaking, blobs) = leak(&store, 2).await;
    Story::new(3).tell(&store, None).await;
    let told = async || {
        let entries = store.entries(0, 23).await.unwrap();
        let entries: Vec<_> = entries.into_iter().map(|e| (e.seq, e.intent, e.prev, e.hash, e.at)).collect();
        let (usage, figures) = (store.usage(Period::ALL).await.unwrap(), store.figures().await.unwrap());
        let rows = store.list(&Filter::default(), Page::first(9)).await.unwrap();
        let rows: Vec<_> =
            rows.into_iter().map(|row| (row.id, row.status, row.billed, row.provider)).collect();
        format!("{entries:?} {usage:?} {figures:?} {rows:?}")
    };
    let before = told().await;
    let anchor = store.events(&leaking.id).await.unwrap().remove(2);
    let old = store.entries(0, 30).await.unwrap();
    let done = erase(&store, &[&leaking.id]).await.unwrap();
    let erasing = done.erasing.unwrap();
    assert_eq!((erasing.seq, erasing.intents, erasing.entries), (24, 1, 7));
    assert_eq!((erasing.blobs, erasing.exchanges, done.shared, done.left), (2, 1, 1, None));
    assert_eq!(told().await, before);
    for bytes in &blobs {
        assert_eq!(store.blob(&Sha256::of(bytes)).await.unwrap(), None);
    }
    assert_eq!(store.blob(&Sha256::of(ANSWER)).await.unwrap().as_deref(), Some(ANSWER), "story 1 has it too");
    // Each entry keeps a hash of what it said, with a salt that is gone: without it nobody makes the hash.
    let new = store.entries(0, 30).await.unwrap();
    for (whole, stub) in old[8..15].iter().zip(&new[8..15]) {
        assert!(whole.attached.starts_with("salt:") && whole.attached.len() >= 37, "{whole:?}");
        assert!(stub.attached.starts_with("commitment:") && stub.attached.len() == 75, "{stub:?}");
        assert_eq!(stub.body, "{\"compacted\":24}");
        let said = |attached: &str| {
            format!(
                "commitment:{}",
                Sha256::of_fields(&[b"codex-task said v1", whole.body.as_bytes(), attached.as_bytes()])
            )
        };
        assert_eq!(stub.attached, said(&whole.attached));
        let words: Vec<&str> = whole.attached.split(' ').skip(1).collect();
        assert_ne!(
            stub.attached,
            said(&words.join(" ")),
            "a guess of all the words is no proof without the salt"
        );
    }
    let salts: std::collections::BTreeSet<&str> =
        old.iter().filter_map(|entry| entry.attached.split(' ').next()).collect();
    assert_eq!(salts.len(), 23, "each entry has its own");
    // The chain, what others wrote down of it, and a witness who has no file.
    let anchor = store::Anchor { seq: anchor.seq, hash: anchor.hash, where_from: "a commit".to_owned() };
    let report = store.verify(&[anchor]).await.unwrap();
    assert_eq!((&report.problems, report.events, report.stubs), (&Vec::new(), 24, 7));
    assert_eq!((report.intents, report.compacted), (2, 1));
    let now = store.checkpoint().await.unwrap();
    assert!(walk(&empty, &now, &store.entries(0, 30).await.unwrap()));
    let mut forged = store.entries(0, 30).await.unwrap();
    forged[9].attached = format!("commitment:{}", "0".repeat(64));
    assert!(!walk(&empty, &now, &forged));
    // Who asks for it is told.
    let gone = store.events(&leaking.id).await.unwrap_err();
    assert!(gone.to_string().contains("was erased on 2026-11-21 by root"), "{gone}");
    assert_eq!(store.compactions().await.unwrap(), [erasing]);
    Story::new(4).tell(&store, Some(finding("x == None"))).await;
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

async fn nothing_that_could_be_guessed_is_left_in_any_table_or_file(place: Place) {
    let store = place.open().await;
    let (leaking, blobs) = leak(&store, 1).await;
    Story::new(2).tell(&store, None).await;
    store.put_cached(&Sha256::of(b"a baseline"), SECRET.as_bytes(), Micros(NOON)).await.unwrap();
    let hashes: Vec<String> = blobs
        .iter()
        .map(|bytes| Sha256::of(bytes).to_string())
        .chain([leaking.request().to_string()])
        .collect();
    let all = async || {
        let mut text = String::new();
        for table in TABLES {
            for column in place.columns(table).await {
                let as_text = match (place.is_file(), column.as_str()) {
                    (false, "body" | "bytes") => format!("COALESCE(encode({column}, 'escape'), '')"),
                    _ => format!("COALESCE(CAST({column} AS TEXT), '')"),
                };
                text += &place.texts(&format!("SELECT {as_text} FROM {table}")).await.join("\n");
            }
        }
        text
    };
    let is_left = |text: &str| text.contains("4711") || hashes.iter().any(|hash| text.contains(hash));
    assert!(is_left(&all().await));
    assert_eq!(erase(&store, &[&leaking.id]).await.unwrap().left, None);
    let left = all().await;
    assert!(!is_left(&left), "{left}");
    // Nor in what the database freed. (A server's files are not here.)
    for entry in std::fs::read_dir(place.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let has = |what: &str| bytes.windows(what.len()).any(|window| window == what.as_bytes());
        assert!(!has("4711") && !hashes.iter().any(|hash| has(hash)), "{}", path.display());
    }
}

async fn bytes_that_others_name_stay_with_them(place: Place) {
    let store = place.open().await;
    let (one, shared) = leak(&store, 1).await;
    let mut two = Story::new(2);
    two.begin(&store, None).await.unwrap();
    two.append_with(&store, &[ended(Ending::Aborted)], &[&shared[0]], None).await.unwrap();
    let done = erase(&store, &[&one.id]).await.unwrap();
    // The other's patch; the answer and its bytes were story 1's alone.
    assert_eq!((done.shared, done.erasing.unwrap().blobs), (1, 2));
    assert_eq!(store.blob(&Sha256::of(&shared[0])).await.unwrap().as_deref(), Some(&shared[0][..]));
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
    let done = erase(&store, &[&two.id]).await.unwrap();
    assert_eq!((done.shared, done.erasing.unwrap().blobs), (0, 1));
    assert_eq!(store.blob(&Sha256::of(&shared[0])).await.unwrap(), None);
    let report = store.verify(&[]).await.unwrap();
    assert_eq!((report.problems, report.compacted, report.blobs), (Vec::new(), 2, 0));
}

async fn whoever_holds_a_text_is_found_by_it(place: Place) {
    let store = place.open().await;
    let (one, _) = leak(&store, 1).await;
    let mut two = Story::new(2);
    two.begin(&store, None).await.unwrap();
    // As JSON within JSON, in bytes that story 3 names without having recorded them.
    let twice = serde_json::to_string(&serde_json::to_string(SECRET).unwrap()).unwrap();
    two.append_with(&store, &[ended(Ending::Aborted)], &[twice.as_bytes()], None).await.unwrap();
    let mut three = Story::new(3);
    three.begin(&store, None).await.unwrap();
    let named = Event::Ended { ending: Ending::Aborted, why: Sha256::of(twice.as_bytes()).to_string() };
    three.append(&store, &[named]).await.unwrap();
    Story::new(4).tell(&store, None).await;
    let mut seen = Vec::new();
    let holding = async |text: &str, seen: &mut Vec<(u64, u64)>| {
        store.holding(text.as_bytes(), &mut |done, total| seen.push((done, total))).await.unwrap()
    };
    let ids = [&one.id, &two.id, &three.id].map(Clone::clone);
    assert_eq!(holding(SECRET, &mut seen).await, ids);
    assert_eq!(seen.last().map(|(done, total)| done == total), Some(true), "{seen:?}");
    assert_eq!(holding("Take sk-live", &mut seen).await, ids[..1]);
    assert_eq!(holding("nobody wrote this", &mut seen).await, []);
    store.erase(&Erasing { intents: &ids, at: LATER, by: "root" }).await.unwrap();
    assert_eq!(holding(SECRET, &mut seen).await, []);
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

async fn what_is_not_over_or_not_whole_is_not_erased(place: Place) {
    let store = place.open().await;
    let (over, _) = leak(&store, 1).await;
    let mut open = Story::new(2);
    open.begin(&store, None).await.unwrap();
    open.ask(&store, 500).await.unwrap();
    let unknown = Story::new(3);
    let refused = async |ids: &[&IntentId], why: &str| {
        let refused = erase(&store, ids).await.unwrap_err();
        assert!(matches!(refused, StoreError::NotErasable { .. }), "{refused}");
        assert!(refused.to_string().contains(why), "{refused}");
    };
    refused(&[&over.id, &open.id], "`codex-task resume` ends it").await;
    refused(&[&over.id, &unknown.id], "is not in the registry").await;
    Story::new(4).tell(&store, None).await;
    compact(&store, &file(&place)).await.unwrap().unwrap();
    refused(&[&over.id], "was compacted into old.jsonl").await;
    let (last, _) = leak(&store, 5).await;
    assert!(store.intent(&last.id).await.unwrap().is_some(), "nothing was erased so far");
    place.execute("UPDATE journal SET at = at + 1 WHERE name = 'Settled' AND intent LIKE '%5'").await;
    let damaged = erase(&store, &[&last.id]).await.unwrap_err();
    assert!(matches!(damaged, StoreError::Damaged { .. }), "{damaged}");
    place.execute("UPDATE journal SET at = at - 1 WHERE name = 'Settled' AND intent LIKE '%5'").await;
    // The journal's last entry is no hindrance.
    assert_eq!(erase(&store, &[&last.id]).await.unwrap().erasing.unwrap().intents, 1);
    let report = store.verify_and_tell(&[], &[file(&place)], &mut |_, _| {}).await.unwrap();
    assert_eq!((report.problems, report.compacted, report.proven), (Vec::new(), 2, 7));
}

async fn an_erasing_is_done_once_and_its_end_again(place: Place) {
    let store = place.open().await;
    let (one, _) = leak(&store, 1).await;
    let first = erase(&store, &[&one.id, &one.id]).await.unwrap().erasing.unwrap();
    let again = erase(&store, &[&one.id]).await.unwrap();
    assert_eq!(again, Erased { erasing: None, shared: 0, left: None });
    let (two, _) = leak(&store, 2).await;
    let second = erase(&store, &[&one.id, &two.id]).await.unwrap().erasing.unwrap();
    assert_eq!((first.intents, second.intents), (1, 1));
    assert_eq!(store.compactions().await.unwrap(), [first, second]);
    // A stub is not appended to, and no compaction takes it.
    assert_eq!(compact(&store, &file(&place)).await.unwrap(), None);
    let mut after = one.intent.clone().unwrap();
    after.version += 1;
    let refused = store
        .append(Append {
            intent: &one.id,
            at: LATER,
            events: &[ended(Ending::Aborted)],
            after: &after,
            expected_version: one.version(),
            money: Vec::new(),
            blobs: &[],
            exchange: None,
        })
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("was erased on"), "{refused}");
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

async fn whatever_is_changed_of_an_erased_intent_is_found(place: Place) {
    let store = place.open().await;
    Story::new(1).tell(&store, None).await;
    let (leaking, _) = leak(&store, 2).await;
    erase(&store, &[&leaking.id]).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(place.problems().await, []);
    let differs = |p: &Problem| matches!(p, Problem::CompactionDiffers { seq: 16, .. });
    for statement in [
        "UPDATE journal SET attached = 'commitment:' || prev WHERE seq = 10",
        "UPDATE journal SET attached = 'salt:00' WHERE seq = 10",
        "UPDATE journal SET name = 'Routed' WHERE seq = 12",
        "UPDATE intents SET title = 'another' WHERE id LIKE '%2'",
        "UPDATE ledger SET billed = 1 WHERE intent LIKE '%2'",
    ] {
        let found = place.problems_after(statement).await;
        assert!(found.iter().any(differs), "{statement}: {found:?}");
        let is_entry = statement.starts_with("UPDATE journal");
        assert_eq!(found.iter().any(|p| matches!(p, Problem::ByteChanged { .. })), is_entry, "{found:?}");
    }
    let found = place.problems_after("DELETE FROM journal WHERE seq = 16").await;
    assert!(found.contains(&Problem::NotCompacted { seq: 16, intents: 1 }), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_own_the_tables_is_told_that_they_were_not_written_anew() {
    testkit::requires!(testkit::postgres_need());
    let place = Place::postgres();
    let store = place.open().await;
    let (one, _) = leak(&store, 1).await;
    store.close().await.unwrap();
    let (folder, url) = place.parts();
    let url = url.unwrap();
    let (schema, role) = (url.rsplit("%3D").next().unwrap(), format!("role_{}", std::process::id()));
    let grants = format!(
        "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {schema} TO {role}; \
         GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role}"
    );
    place.execute(&grants).await;
    let store = Store::connect(&folder, &url.replacen("postgres@", &format!("{role}@"), 1)).await.unwrap();
    let done = erase(&store, &[&one.id]).await.unwrap();
    assert_eq!(done.erasing.unwrap().intents, 1);
    assert_eq!(done.left.as_deref(), Some("the registry's tables belong to another user of the server"));
    store.close().await.unwrap();
    assert_eq!(erase(&place.open().await, &[&one.id]).await.unwrap().left, None);
}

/// The rows of the sample of format 6, whose entries have event format 7 at most.
async fn entries_without_commitments_are_compacted_and_erased_too(place: Place) {
    place.open().await.close().await.unwrap();
    let sample = include_str!("../../migrations/samples/0006.sql");
    let sample = if place.is_file() { sample.to_owned() } else { sample.replace("X'", "'\\x") };
    let which = |table| if table == "meta" { " WHERE name <> 'format'" } else { "" };
    let empty: String = TABLES.iter().map(|table| format!("DELETE FROM {table}{};", which(*table))).collect();
    place.execute(&format!("{empty}{sample}")).await;
    let store = place.open().await;
    let whole = store.entries(0, 100).await.unwrap();
    assert!(whole.iter().all(|entry| entry.format < 8), "the sample is older than commitments");
    let erased = erase(&store, &[&Story::new(1).id]).await.unwrap().erasing.unwrap();
    let compaction = compact(&store, &file(&place)).await.unwrap().unwrap();
    assert_eq!((erased.entries, compaction.intents), (8, 7));
    let stubs = store.entries(0, 16).await.unwrap();
    assert!(stubs.iter().all(|stub| stub.attached.is_empty() && stub.format == 7), "{stubs:?}");
    // Such a stub proves nothing to a witness: the file does. (The sample's checkpoint is signed by another key.)
    let report = store.verify_and_tell(&[], &[file(&place)], &mut |_, _| {}).await.unwrap();
    assert!(
        matches!(&report.problems[..], [Problem::BadSignature { where_from, .. }] if where_from.contains("64")),
        "{:?}",
        report.problems
    );
    assert_eq!((report.compacted, report.stubs, report.proven), (8, 64, 56));
    store.close().await.unwrap();
    let found = place.problems_after("UPDATE journal SET at = at + 1 WHERE seq = 12").await;
    assert!(found.iter().any(|p| matches!(p, Problem::CompactionDiffers { .. })), "{found:?}");
}
