//! What can be proved from outside: checkpoints of one history, keys that take each other's place.

use store::{Checkpoint, Consistency, Inconsistent, JournalEntry, Micros, Problem, Store};

use crate::on_both;
use crate::place::Place;
use crate::story::*;

on_both! {
    a_newer_checkpoint_goes_on_from_an_older_one,
    a_rewritten_history_does_not_go_on_from_what_a_witness_kept,
    a_new_key_signs_and_what_the_old_one_signed_still_verifies,
}

fn walk(old: &Checkpoint, new: &Checkpoint, entries: &[JournalEntry]) -> Result<(), Inconsistent> {
    let mut walk = Consistency::between(old, new)?;
    entries.iter().try_for_each(|entry| walk.entry(entry))?;
    walk.finish()
}

async fn tell(store: &Store, numbers: std::ops::RangeInclusive<u64>) -> Checkpoint {
    for number in numbers {
        Story::new(number).tell(store, None).await;
    }
    store.checkpoint().await.unwrap()
}

async fn a_newer_checkpoint_goes_on_from_an_older_one(place: Place) {
    let store = place.open().await;
    let empty = store.checkpoint().await.unwrap();
    let (old, new) = (tell(&store, 1..=2).await, tell(&store, 3..=4).await);
    let entries = store.entries(0, 1_000).await.unwrap();
    assert_eq!((old.head().0, new.head().0, entries.len()), (16, 32, 32));
    for (from, to) in [(&empty, &old), (&empty, &new), (&old, &new), (&old, &old)] {
        assert_eq!(walk(from, to, &entries), Ok(()));
    }
    assert_eq!(walk(&new, &old, &entries), Err(Inconsistent::Shorter { old: 32, new: 16 }));
    assert_eq!(walk(&old, &new, &entries[..30]), Err(Inconsistent::Missing { first: 31, last: 32 }));
    let gap: Vec<JournalEntry> = entries.iter().filter(|e| e.seq != 20).cloned().collect();
    assert_eq!(walk(&old, &new, &gap), Err(Inconsistent::Missing { first: 20, last: 20 }));
    let read = Checkpoint::parse(&new.text()).unwrap();
    assert_eq!(read, new);
    assert_eq!(Checkpoint::parse(&new.text().replace("\n32\n", "\n31\n")), None);
}

async fn a_rewritten_history_does_not_go_on_from_what_a_witness_kept(place: Place) {
    let store = place.open().await;
    let old = tell(&store, 1..=2).await;
    // From the same beginning, with the same key, another history.
    let other = place.copy().await;
    let shown = tell(&store, 3..=4).await;
    let fork = other.open().await;
    let mut entries = {
        Story::new(5).tell(&fork, None).await;
        tell(&fork, 6..=6).await;
        fork.entries(0, 1_000).await.unwrap()
    };
    let forked = fork.checkpoint().await.unwrap();
    assert_eq!(walk(&old, &forked, &entries), Ok(()), "each by itself is a history");
    assert_eq!(walk(&shown, &forked, &entries), Err(Inconsistent::SplitView { seq: 32 }));
    entries[19].body.push(' ');
    assert_eq!(walk(&old, &forked, &entries), Err(Inconsistent::Broken { seq: 20 }));
    let stranger = place.another().open().await.checkpoint().await.unwrap();
    assert!(matches!(walk(&old, &stranger, &entries), Err(Inconsistent::OtherJournal { .. })));
}

async fn a_new_key_signs_and_what_the_old_one_signed_still_verifies(place: Place) {
    let store = place.open().await;
    let old = tell(&store, 1..=9).await;
    let new_key = store.rotate_signing_key(Micros(NOON)).await.unwrap();
    store.close().await.unwrap();
    let store = place.open().await;
    let new = tell(&store, 10..=18).await;
    assert_ne!(old.key(), new.key());
    assert_eq!(new.key(), new_key);
    let report = store.verify(&[]).await.unwrap();
    assert_eq!((report.problems, report.checkpoints), (Vec::new(), 2));
    assert_eq!(walk(&old, &new, &store.entries(0, 1_000).await.unwrap()), Ok(()));
    // A key that nobody vouched for is noticed.
    let entry = store.entries(72, 1).await.unwrap().remove(0);
    assert_eq!(entry.name, "KeyRotated");
    let forged = place.bytes(&entry.body.replace(&new_key, &"0".repeat(64)));
    let found = place.problems_after(&format!("UPDATE journal SET body = {forged} WHERE seq = 73")).await;
    let vouched =
        |p: &Problem| matches!(p, Problem::BadSignature { where_from, .. } if where_from == "entry 73");
    assert!(found.iter().any(vouched), "{found:?}");
}
