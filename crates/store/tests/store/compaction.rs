//! Finished intents are compacted into a file: what stays is proved by the journal, what went by the file.

use std::path::{Path, PathBuf};

use domain::event::Ending;
use domain::ids::Sha256;
use store::{
    AppendError, Archives, AuditReport, Compacting, Compaction, Consistency, Filter, Inconsistent, Micros,
    Page, Period, Problem, Store, StoreError,
};

use crate::on_both;
use crate::place::Place;
use crate::story::*;

on_both! {
    what_is_compacted_leaves_hashes_rows_and_figures_as_they_were,
    what_is_not_over_or_names_the_journals_end_stays_whole,
    bytes_and_answers_go_only_when_nobody_else_names_them,
    whatever_is_changed_of_what_stays_is_found,
    a_file_proves_what_went_and_a_changed_file_is_found,
    a_witness_walks_over_what_was_compacted_with_or_without_its_file,
    a_second_compaction_takes_the_rest_and_no_file_is_written_over,
    of_many_those_go_first_that_were_over_first,
    nothing_goes_when_an_entry_was_changed_or_the_file_cannot_be_written,
    what_was_compacted_is_not_appended_to,
}

/// An hour after all stories.
pub(crate) const LATER: Micros = Micros(NOON + 3_600_000_000);

pub(crate) fn file(place: &Place) -> PathBuf {
    place.path().join("old.jsonl")
}

pub(crate) async fn compact(store: &Store, file: &Path) -> Result<Option<Compaction>, StoreError> {
    store
        .compact(&Compacting { before: LATER, file, keep_blobs: true, most: None, at: LATER, by: "root" })
        .await
}

/// Nine whole stories (72 entries, a checkpoint at the 64th, which is the last one of story 8), and one under way.
async fn tell(place: &Place) {
    let store = place.open().await;
    for number in 1..=9 {
        let mut story = Story::new(number);
        story.agent = (number % 2 == 0).then(|| "bot".to_owned());
        story.tell(&store, (number % 3 == 0).then(|| finding("x == None"))).await;
    }
    Story::new(10).begin(&store, None).await.unwrap();
    store.close().await.unwrap();
}

/// The same, compacted: stories 1 to 7 and 9.
async fn compacted(place: &Place) -> Compaction {
    tell(place).await;
    let store = place.open().await;
    let compaction = compact(&store, &file(place)).await.unwrap().unwrap();
    store.close().await.unwrap();
    compaction
}

async fn report_with(place: &Place, files: &[PathBuf]) -> AuditReport {
    let store = place.open().await;
    let report = store.verify_and_tell(&[], files, &mut |_, _| {}).await.unwrap();
    store.close().await.unwrap();
    report
}

async fn what_is_compacted_leaves_hashes_rows_and_figures_as_they_were(place: Place) {
    tell(&place).await;
    let store = place.open().await;
    let told = async || {
        let entries = store.entries(0, 74).await.unwrap();
        let hashes: Vec<_> =
            entries.into_iter().map(|e| (e.seq, e.intent, e.prev, e.hash, e.at, e.name)).collect();
        let rows = store.list(&Filter::default(), Page::first(50)).await.unwrap();
        let (usage, figures) = (store.usage(Period::ALL).await.unwrap(), store.figures().await.unwrap());
        (hashes, format!("{rows:?} {usage:?} {figures:?}"))
    };
    let before = told().await;
    let would = store.compactable(LATER).await.unwrap();
    assert_eq!((would.intents, would.entries), (8, 64));
    let anchor = store.events(&Story::new(1).id).await.unwrap().remove(2);
    let compaction = compact(&store, &file(&place)).await.unwrap().unwrap();
    assert_eq!(
        (compaction.seq, compaction.intents, compaction.entries, compaction.exchanges),
        (75, 8, 64, 8)
    );
    assert_eq!(store.compactions().await.unwrap(), std::slice::from_ref(&compaction));
    assert_eq!(told().await, before);
    let anchor = store::Anchor { seq: 3, hash: anchor.hash, where_from: "a commit".to_owned() };
    let report = store.verify(&[anchor]).await.unwrap();
    assert_eq!(report.problems, []);
    assert_eq!((report.events, report.intents, report.compacted, report.stubs), (75, 2, 8, 64));
    let gone = store.events(&Story::new(1).id).await.unwrap_err();
    assert!(matches!(&gone, StoreError::Compacted { compaction: c, .. } if **c == compaction), "{gone}");
    let sha256 = compaction.archive.unwrap().sha256;
    let wanted = format!("was compacted on 2026-11-21 into old.jsonl (sha256 {sha256})");
    assert!(gone.to_string().contains(&wanted), "{gone}");
    assert_eq!(store.intent(&Story::new(8).id).await.unwrap().unwrap().status(), "aborted");
    assert_eq!(Sha256::of(&std::fs::read(file(&place)).unwrap()), sha256);
    // Who follows the journal sees what it saw, and not the registry's own entry.
    let followed = store.events_after(0, None, 1_000).await.unwrap();
    assert_eq!((followed.len(), followed.last().map(|told| told.seq)), (74, Some(74)));
    // The journal goes on as before.
    Story::new(11).tell(&store, Some(finding("x == None"))).await;
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

async fn what_is_not_over_or_names_the_journals_end_stays_whole(place: Place) {
    let store = place.open().await;
    Story::new(1).tell(&store, None).await;
    let mut open = Story::new(2);
    open.begin(&store, None).await.unwrap();
    open.ask(&store, 500).await.unwrap();
    let mut late = Story::new(3);
    late.at = LATER;
    late.tell(&store, None).await;
    let would = store.compactable(LATER).await.unwrap();
    assert_eq!((would.intents, would.entries), (1, 8));
    assert_eq!(store.compactable(Micros(NOON)).await.unwrap().intents, 0);
    let nothing = Compacting {
        before: Micros(NOON),
        file: &file(&place),
        keep_blobs: true,
        most: None,
        at: LATER,
        by: "root",
    };
    assert_eq!(store.compact(&nothing).await.unwrap(), None);
    assert!(!file(&place).exists(), "nothing is left when there is nothing to do");
    compact(&store, &file(&place)).await.unwrap().unwrap();
    assert!(store.intent(&open.id).await.unwrap().is_some());
    assert!(store.intent(&late.id).await.unwrap().is_some());
    assert_eq!(compact(&store, &place.path().join("b")).await.unwrap(), None);
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

async fn bytes_and_answers_go_only_when_nobody_else_names_them(place: Place) {
    let store = place.open().await;
    let (own, shared, binary) = (b"only mine".as_slice(), b"ours".as_slice(), [0xff, 0, 1].as_slice());
    for (number, blobs) in [(1, vec![own, shared, binary]), (2, vec![shared])] {
        let mut story = Story::new(number);
        story.begin(&store, None).await.unwrap();
        story.append_with(&store, &[ended(Ending::Aborted)], &blobs, None).await.unwrap();
    }
    // A body names the bytes that the first one had recorded, as an answer that was replayed does.
    let named = Story::new(3);
    let mut replaying = Story::new(4);
    let mut first = Story::new(3);
    first.tell(&store, None).await;
    replaying.begin(&store, None).await.unwrap();
    let mut asked = replaying.asked();
    if let domain::event::Event::ProposalAsked { request, .. } = &mut asked {
        *request = named.request();
    }
    replaying.append(&store, &[reserved(500), asked]).await.unwrap();
    let compaction = compact(&store, &file(&place)).await.unwrap().unwrap();
    // Story 2 is compacted too: what both of them name goes with them; the answer stays with the one who asks.
    assert_eq!((compaction.intents, compaction.blobs, compaction.exchanges), (3, 4, 0));
    for bytes in [own, shared, binary] {
        assert_eq!(store.blob(&Sha256::of(bytes)).await.unwrap(), None);
    }
    assert_eq!(store.blob(&Sha256::of(ANSWER)).await.unwrap().as_deref(), Some(ANSWER));
    assert!(store.exchange(&named.request()).await.unwrap().is_some());
    let report = report_with(&place, &[file(&place)]).await;
    assert_eq!((report.problems, report.proven, report.blobs, report.erased), (Vec::new(), 14, 1, 0));
    let text = std::fs::read_to_string(file(&place)).unwrap();
    assert!(text.contains("\"text\":\"only mine\"") && text.contains("\"hex\":\"ff0001\""), "{text}");
    // Recorded again, they are there again.
    let mut story = Story::new(5);
    story.begin(&store, None).await.unwrap();
    story.append_with(&store, &[ended(Ending::Aborted)], &[own], None).await.unwrap();
    assert_eq!(store.blob(&Sha256::of(own)).await.unwrap().as_deref(), Some(own));
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
    let thrown_file = place.path().join("thrown.jsonl");
    Story::new(6).begin(&store, None).await.unwrap();
    let thrown = Compacting {
        before: LATER,
        file: &thrown_file,
        keep_blobs: false,
        most: None,
        at: LATER,
        by: "root",
    };
    let compaction = store.compact(&thrown).await.unwrap().unwrap();
    assert_eq!((compaction.intents, compaction.blobs), (1, 1));
    assert!(!std::fs::read_to_string(&thrown_file).unwrap().contains("only mine"));
    assert_eq!(report_with(&place, &[thrown_file]).await.problems, []);
}

async fn whatever_is_changed_of_what_stays_is_found(place: Place) {
    let whole = place.another();
    tell(&whole).await;
    let body =
        whole.texts(&format!("SELECT {} FROM journal WHERE seq = 5", whole.body_as_text())).await.remove(0);
    let compaction = compacted(&place).await;
    assert_eq!(place.problems().await, []);
    let differs = |p: &Problem| matches!(p, Problem::CompactionDiffers { seq: 75, .. });
    let columns = [
        "at = at + 1",
        "name = 'Routed'",
        "attached = ''",
        "attached = 'commitment:' || hash",
        "hash = prev",
    ];
    for column in columns {
        let found = place.problems_after(&format!("UPDATE journal SET {column} WHERE seq = 5")).await;
        assert!(found.iter().any(differs), "{column}: {found:?}");
        assert!(found.contains(&Problem::ByteChanged { seq: 5 }), "{column}: {found:?}");
    }
    for statements in [
        "UPDATE intents SET title = 'another' WHERE id LIKE '%1'",
        "UPDATE intents SET status = 'published' WHERE id LIKE '%1'",
        "DELETE FROM intents WHERE id LIKE '%1'",
        "UPDATE ledger SET billed = 1 WHERE intent LIKE '%1'",
        "UPDATE ledger SET requests = 2 WHERE intent LIKE '%1'",
        "DELETE FROM suggestions WHERE intent LIKE '%1'",
        "DELETE FROM journal WHERE intent LIKE '%1'",
    ] {
        let found = place.problems_after(statements).await;
        assert!(found.iter().any(differs), "{statements}: {found:?}");
    }
    let found = place.problems_after("UPDATE journal SET prev = hash WHERE seq = 5").await;
    assert!(found.contains(&Problem::ChainBroken { seq: 5 }), "{found:?}");
    // A body that comes back: as it was, and changed.
    let illegal = |p: &Problem| matches!(p, Problem::IllegalStory { .. });
    let (back, changed) = (place.bytes(&body), place.bytes(&body.replace("1000", "1001")));
    let found = place.problems_after(&format!("UPDATE journal SET body = {back} WHERE seq = 5")).await;
    assert!(found.iter().any(illegal) && found.iter().any(differs), "{found:?}");
    let found = place.problems_after(&format!("UPDATE journal SET body = {changed} WHERE seq = 5")).await;
    assert!(found.contains(&Problem::ByteChanged { seq: 5 }) && found.iter().any(illegal), "{found:?}");
    // Stubs without a compaction, and some that were added to one.
    let (other, same) = (place.bytes("{\"compacted\":70}"), place.bytes("{\"compacted\":75}"));
    let found =
        place.problems_after(&format!("UPDATE journal SET body = {other} WHERE intent LIKE '%8'")).await;
    assert!(found.contains(&Problem::NotCompacted { seq: 70, intents: 1 }), "{found:?}");
    let found =
        place.problems_after(&format!("UPDATE journal SET body = {same} WHERE intent LIKE '%8'")).await;
    let more = |p: &Problem| matches!(p, Problem::CompactionDiffers { what, found, .. } if what == "intents" && found == "9");
    assert!(found.iter().any(more), "{found:?}");
    // The entry that tells of it.
    let forged = place.bytes(
        &place.texts(&format!("SELECT {} FROM journal WHERE seq = 75", place.body_as_text())).await[0]
            .replace(compaction.digest.as_str(), &"0".repeat(64)),
    );
    let found = place.problems_after(&format!("UPDATE journal SET body = {forged} WHERE seq = 75")).await;
    assert!(found.contains(&Problem::ByteChanged { seq: 75 }) && found.iter().any(differs), "{found:?}");
    let found = place.problems_after("DELETE FROM journal WHERE seq = 75").await;
    assert!(found.contains(&Problem::NotCompacted { seq: 75, intents: 8 }), "{found:?}");
}

async fn a_file_proves_what_went_and_a_changed_file_is_found(place: Place) {
    let compaction = compacted(&place).await;
    let archive = file(&place);
    let report = report_with(&place, std::slice::from_ref(&archive)).await;
    assert_eq!((report.problems, report.intents, report.proven), (Vec::new(), 10, 64));
    let bytes = std::fs::read(&archive).unwrap();
    let edited = place.path().join("edited.jsonl");
    let differs = async |bytes: &[u8]| {
        std::fs::write(&edited, bytes).unwrap();
        let problems = report_with(&place, std::slice::from_ref(&edited)).await.problems;
        assert!(problems.iter().all(|p| matches!(p, Problem::ArchiveDiffers { .. })), "{problems:?}");
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    for at in (0..bytes.len()).step_by(bytes.len() / 40) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(!differs(&changed).await.is_empty(), "byte {at}");
    }
    let text = String::from_utf8(bytes.clone()).unwrap();
    let said = differs(text.replacen("\\\"amount\\\":500", "\\\"amount\\\":501", 1).as_bytes()).await;
    assert!(said.contains("entry 3 is not what its hash was made of"), "{said}");
    let cut: String = text.lines().take(20).map(|line| format!("{line}\n")).collect();
    let said = differs(cut.as_bytes()).await;
    assert!(
        said.contains("its end is missing") && said.contains(compaction.archive.unwrap().sha256.as_str()),
        "{said}"
    );
    let said = differs(b"{}\n").await;
    assert!(said.contains("it is not the file of a compaction"), "{said}");
    let other = place.another();
    compacted(&other).await;
    std::fs::copy(file(&other), &edited).unwrap();
    let said = report_with(&place, std::slice::from_ref(&edited)).await.problems;
    assert!(
        matches!(&said[..], [Problem::ArchiveDiffers { detail, .. }] if detail.contains("another journal")),
        "{said:?}"
    );
    // A row that the file's story contradicts is found by its column, beside the digest.
    place.execute("UPDATE intents SET title = 'another' WHERE id LIKE '%1'").await;
    let said = report_with(&place, &[archive]).await.problems;
    assert!(
        said.iter().any(|p| matches!(p, Problem::RowDiffers { column, .. } if column == "title")),
        "{said:?}"
    );
}

async fn a_witness_walks_over_what_was_compacted_with_or_without_its_file(place: Place) {
    let store = place.open().await;
    let empty = store.checkpoint().await.unwrap();
    for number in 1..=3 {
        Story::new(number).tell(&store, None).await;
    }
    let old = store.checkpoint().await.unwrap();
    compact(&store, &file(&place)).await.unwrap().unwrap();
    Story::new(4).tell(&store, None).await;
    let new = store.checkpoint().await.unwrap();
    let entries = store.entries(0, 1_000).await.unwrap();
    let walk = |from, to, files: &[PathBuf]| {
        let archives = Archives::open(files).unwrap();
        let mut walk = Consistency::between(from, to)?;
        for entry in &entries {
            walk.entry(&archives.whole(entry.clone()).unwrap())?;
        }
        walk.finish()
    };
    assert_eq!(walk(&empty, &new, &[]), Ok(()));
    assert_eq!(walk(&empty, &new, &[file(&place)]), Ok(()));
    assert_eq!(walk(&old, &new, &[]), Ok(()));
    let text = std::fs::read_to_string(file(&place)).unwrap();
    std::fs::write(file(&place), text.replacen("\\\"amount\\\":500", "\\\"amount\\\":501", 1)).unwrap();
    assert_eq!(walk(&empty, &new, &[file(&place)]), Err(Inconsistent::Broken { seq: 3 }));
}

async fn a_second_compaction_takes_the_rest_and_no_file_is_written_over(place: Place) {
    compacted(&place).await;
    let store = place.open().await;
    for number in 11..=19 {
        Story::new(number).tell(&store, None).await;
    }
    for (name, text, why) in [
        ("old.jsonl", None, "the journal names it"),
        ("mine.txt", Some("mine"), "not the rest of a compaction"),
    ] {
        let path = place.path().join(name);
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        let refused = compact(&store, &path).await.unwrap_err();
        assert!(matches!(&refused, StoreError::Archive { detail, .. } if detail.contains(why)), "{refused}");
    }
    // What a dead process left is written over: both names of it.
    let rest = std::fs::read_to_string(file(&place)).unwrap().replace("\"before\":", "\"before\": ");
    let second = place.path().join("second.jsonl");
    std::fs::write(&second, rest).unwrap();
    std::fs::write(place.path().join("second.jsonl.partial"), "half a li").unwrap();
    let compaction = compact(&store, &second).await.unwrap().unwrap();
    assert!(!place.path().join("second.jsonl.partial").exists());
    // Stories 8 and 11 to 19, without the two that hold the last entry and that of the last checkpoint.
    assert_eq!(compaction.intents, 8);
    store.close().await.unwrap();
    let report = report_with(&place, &[file(&place), second]).await;
    assert_eq!((report.problems, report.compacted, report.stubs), (Vec::new(), 16, 128));
    assert_eq!((report.proven, report.intents), (128, 19));
}

async fn of_many_those_go_first_that_were_over_first(place: Place) {
    tell(&place).await;
    let store = place.open().await;
    let (mut files, mut gone) = (Vec::new(), Vec::new());
    for most in [3, 4, 5] {
        let path = place.path().join(format!("{most}.jsonl"));
        let wanted = Compacting {
            before: LATER,
            file: &path,
            keep_blobs: true,
            most: Some(most),
            at: LATER,
            by: "root",
        };
        let compaction = store.compact(&wanted).await.unwrap().unwrap();
        gone.push((compaction.intents, compaction.entries));
        files.push(path);
    }
    // Story 8 has the last checkpoint, and those of the compactions make the last entry.
    assert_eq!(gone, [(3, 24), (4, 32), (1, 8)]);
    let rows = store.entries(0, 100).await.unwrap();
    let first = |story: usize| rows[(story - 1) * 8].body.contains("compacted");
    assert_eq!([1, 2, 3, 7, 8, 9].map(first), [true, true, true, true, false, true]);
    store.close().await.unwrap();
    let report = report_with(&place, &files).await;
    assert_eq!((report.problems, report.proven), (Vec::new(), 64));
}

async fn nothing_goes_when_an_entry_was_changed_or_the_file_cannot_be_written(place: Place) {
    tell(&place).await;
    let store = place.open().await;
    let nowhere = place.path().join("no/such/folder/old.jsonl");
    let refused = compact(&store, &nowhere).await.unwrap_err();
    assert!(matches!(refused, StoreError::File { .. }), "{refused}");
    place.execute("UPDATE journal SET at = at + 1 WHERE seq = 5").await;
    let refused = compact(&store, &file(&place)).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Damaged { detail, .. } if detail.contains("entry 5")),
        "{refused}"
    );
    assert!(!file(&place).exists() && !place.path().join("old.jsonl.partial").exists());
    place.execute("UPDATE journal SET at = at - 1 WHERE seq = 5").await;
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
    assert_eq!(store.compactions().await.unwrap(), []);
    assert!(compact(&store, &file(&place)).await.unwrap().is_some());
}

async fn what_was_compacted_is_not_appended_to(place: Place) {
    tell(&place).await;
    let store = place.open().await;
    let mut known = Story::new(1);
    known.intent = store.intent(&known.id).await.unwrap();
    compact(&store, &file(&place)).await.unwrap().unwrap();
    // No event may follow the end of a story; the store does not even ask.
    let after = known.intent.clone().map(|mut intent| {
        intent.version += 1;
        intent
    });
    let refused = store
        .append(store::Append {
            intent: &known.id,
            at: LATER,
            events: &[ended(Ending::Aborted)],
            after: &after.unwrap(),
            expected_version: known.version(),
            money: Vec::new(),
            blobs: &[],
            exchange: None,
        })
        .await
        .unwrap_err();
    assert!(matches!(refused, AppendError::Store(StoreError::Compacted { .. })), "{refused}");
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}
