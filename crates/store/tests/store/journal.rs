//! What is appended is read back, folded and found; what contradicts itself or the journal is refused whole.

use crate::on_both;
use crate::place::{Place, open};
use crate::story::*;
use domain::event::{Ending, Event};
use domain::ids::Sha256;
use domain::intent::Phase;
use domain::money::MicroDollars;
use domain::task::Kind;
use store::{Append, AppendError, Filter, Found, Life, Micros, MoneyOp, Page, Row, Store, StoreError};

on_both! {
    a_story_is_read_back_as_it_was_told,
    a_second_writer_of_the_same_version_is_refused_and_writes_nothing,
    an_append_that_contradicts_itself_is_refused,
    a_finding_has_one_live_intent_until_it_ends,
    of_many_who_take_the_same_finding_at_once_one_gets_it,
    an_intent_is_found_by_what_people_have_at_hand,
    lists_are_filtered_and_paged_from_the_newest,
    a_stretch_of_time_is_listed_from_any_row_on,
    an_exchange_is_served_with_its_bytes_and_what_was_erased_before_there_was_a_command_is_no_damage,
    an_exchange_without_its_answer_is_refused,
    the_cache_keeps_the_newest_results,
    a_clock_that_goes_back_is_counted_and_does_not_disturb_the_order,
    what_was_spent_is_told_by_day_and_provider,
}

async fn a_story_is_read_back_as_it_was_told(place: Place) {
    let mut told = Story::new(1);
    let last = told.tell(&place.open().await, None).await;
    let store = place.open().await;
    let events = store.events(&told.id).await.unwrap();
    assert_eq!(events.iter().map(|r| r.seq).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
    assert_eq!((last.last_seq, &last.hash), (8, &events[7].hash));
    assert_eq!(events[0].event, registered(None));
    let intent = store.intent(&told.id).await.unwrap().unwrap();
    assert_eq!((intent.phase, intent.version, intent.billed().micros()), (Phase::Ended, 8, 300));
    assert!(store.intent(&Story::new(2).id).await.unwrap().is_none());
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

async fn a_second_writer_of_the_same_version_is_refused_and_writes_nothing(place: Place) {
    let store = place.open().await;
    let mut one = Story::new(1);
    one.begin(&store, None).await.unwrap();
    let mut other = one.clone();
    one.ask(&store, 5).await.unwrap();
    let refused = other.append_with(&store, &[ended(Ending::Aborted)], &[b"late"], None).await.unwrap_err();
    assert!(matches!(refused, AppendError::Conflict { expected: 2, found: 4, .. }), "{refused}");
    let mut again = Story::new(1);
    let refused = again.begin(&store, None).await.unwrap_err();
    assert!(matches!(refused, AppendError::Conflict { expected: 0, found: 4, .. }), "{refused}");
    assert_eq!(store.blob(&Sha256::of(b"late")).await.unwrap(), None);
    assert_eq!(store.events(&one.id).await.unwrap().len(), 4);
}

async fn an_append_that_contradicts_itself_is_refused(place: Place) {
    let store = place.open().await;
    let mut story = Story::new(1);
    story.begin(&store, None).await.unwrap();
    let events = [reserved(5)];
    let after = story.after(&events);
    let (wrong, stale) = (Sha256::of(b"other"), story.intent.clone().unwrap());
    let release = MoneyOp::Release { intent: Story::new(2).id, attempt: 1 };
    let right = || Append {
        intent: &story.id,
        at: Micros(NOON),
        events: &events,
        after: &after,
        expected_version: 2,
        money: Vec::new(),
        blobs: &[],
        exchange: None,
    };
    let refused = |entry| async { store.append(entry).await.unwrap_err().to_string() };
    assert!(refused(right()).await.contains("Reserved without the same movement of money"));
    assert!(refused(Append { events: &[], ..right() }).await.contains("no event"));
    assert!(refused(Append { after: &stale, ..right() }).await.contains("at version 2, not at 3"));
    assert!(refused(Append { money: vec![release], ..right() }).await.contains("another intent"));
    assert!(refused(Append { blobs: &[(&wrong, b"bytes")], ..right() }).await.contains("has the hash"));
    assert_eq!(store.events(&story.id).await.unwrap().len(), 2);
}

async fn a_finding_has_one_live_intent_until_it_ends(place: Place) {
    let store = place.open().await;
    let found = finding("x == None");
    let mut one = Story::new(1);
    one.begin(&store, Some(found.clone())).await.unwrap();
    let live = store.live_for_fingerprint(REPOSITORY, &found.fingerprint).await.unwrap();
    assert_eq!(live.as_ref(), Some(&one.id));
    let refused = Story::new(2).begin(&store, Some(found.clone())).await.unwrap_err();
    assert!(matches!(&refused, AppendError::Duplicate { existing } if *existing == one.id), "{refused}");
    one.append(&store, &[ended(Ending::Aborted)]).await.unwrap();
    assert_eq!(store.live_for_fingerprint(REPOSITORY, &found.fingerprint).await.unwrap(), None);
    Story::new(2).begin(&store, Some(found)).await.unwrap();
    Story::new(3).begin(&store, Some(finding("y == None"))).await.unwrap();
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

async fn of_many_who_take_the_same_finding_at_once_one_gets_it(place: Place) {
    let takers = (1..=12).map(|number| {
        let (path, url) = place.parts();
        tokio::spawn(async move {
            Story::new(number).begin(&open(&path, url.as_deref()).await, Some(finding("x == None"))).await
        })
    });
    let mut taken = 0;
    for taker in takers.collect::<Vec<_>>() {
        match taker.await.unwrap() {
            Ok(_) => taken += 1,
            Err(AppendError::Duplicate { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(taken, 1);
    assert_eq!(place.open().await.verify(&[]).await.unwrap().events, 2);
}

async fn an_intent_is_found_by_what_people_have_at_hand(place: Place) {
    let store = place.open().await;
    assert_eq!(store.find_intent("last").await.unwrap(), Found::Nothing);
    let (mut one, mut two) = (Story::new(0xaa_1234), Story::new(0xbb_1234));
    one.begin(&store, None).await.unwrap();
    two.begin(&store, None).await.unwrap();
    two.ask(&store, 5).await.unwrap();
    let find = |text: String| {
        let store = &store;
        async move { store.find_intent(&text).await.unwrap() }
    };
    for text in [one.id.as_str(), one.id.short(), "aa1234", "AA1234 "] {
        assert_eq!(find(text.to_owned()).await, Found::One(one.id.clone()), "{text}");
    }
    assert_eq!(find("last".to_owned()).await, Found::One(two.id.clone()));
    assert_eq!(find(two.suggestion().to_string()).await, Found::One(two.id.clone()));
    assert_eq!(find("1234".to_owned()).await, Found::Ambiguous(vec![two.id.clone(), one.id.clone()]));
    for nothing in ["", "234", "%", "zzzz", "0000000000ff", "' OR 1=1 --"] {
        assert_eq!(find(nothing.to_owned()).await, Found::Nothing, "{nothing}");
    }
}

async fn lists_are_filtered_and_paged_from_the_newest(place: Place) {
    let store = place.open().await;
    let mut done = Story::new(1);
    done.tell(&store, Some(finding("x == None"))).await;
    for number in 2..=5 {
        Story::new(number).begin(&store, None).await.unwrap();
    }

    let list = |filter: Filter| {
        let store = &store;
        async move { ids(&store.list(&filter, Page::first(10)).await.unwrap()) }
    };
    assert_eq!(list(Filter::default()).await, "54321");
    assert_eq!(list(Filter { life: Some(Life::Live), ..Filter::default() }).await, "5432");
    assert_eq!(list(Filter { life: Some(Life::Unfinished), ..Filter::default() }).await, "5432");
    assert_eq!(list(Filter { status: Some("aborted".to_owned()), ..Filter::default() }).await, "1");
    assert_eq!(list(Filter { phase: Some("routed".to_owned()), ..Filter::default() }).await, "5432");
    assert_eq!(list(Filter { kind: Some(Kind::Fix), ..Filter::default() }).await, "1");
    assert_eq!(list(Filter { file: Some("a.py".to_owned()), ..Filter::default() }).await, "1");
    assert_eq!(list(Filter { rule: Some("E999".to_owned()), ..Filter::default() }).await, "");
    assert_eq!(list(Filter { suggestion: Some(done.suggestion()), ..Filter::default() }).await, "1");
    assert_eq!(list(Filter { repository: Some("/other".to_owned()), ..Filter::default() }).await, "");
    let first = store.list(&Filter::default(), Page::first(2)).await.unwrap();
    let page = Page { before: Some(first[1].seq), limit: 2 };
    assert_eq!(ids(&first) + &ids(&store.list(&Filter::default(), page).await.unwrap()), "5432");
    let row = &store.list(&Filter { kind: Some(Kind::Fix), ..Filter::default() }, page).await.unwrap()[0];
    assert_eq!((row.files, row.added, row.deleted, row.billed.micros()), (Some(1), Some(2), Some(3), 300));
    assert_eq!((row.at.0, row.status.as_str(), row.rule.as_deref()), (NOON, "aborted", Some("E711")));
}

async fn a_stretch_of_time_is_listed_from_any_row_on(place: Place) {
    let store = place.open().await;
    // Two at the same time, and a clock that goes back.
    let times = [3, 5, 5, 1, 4, 9].map(|at| NOON + at);
    for (number, at) in (1..).zip(times) {
        let mut story = Story::new(number);
        story.at = Micros(at);
        story.begin(&store, None).await.unwrap();
    }
    let mut all = store.list(&Filter::default(), Page::first(10)).await.unwrap();
    assert_eq!(all.len(), times.len());
    all.sort_by_key(|row| std::cmp::Reverse((row.at, row.seq)));
    let maybe_times = || (0..=10).map(|at| Some(Micros(NOON + at))).chain([None]);
    for (since, until) in maybe_times().flat_map(|since| maybe_times().map(move |until| (since, until))) {
        if since.is_none() && until.is_none() {
            continue;
        }
        for cursor in all.iter().map(Some).chain([None]) {
            let filter = Filter { since, until, ..Filter::default() };
            let page = Page { before: cursor.map(|row| row.seq), limit: 10 };
            let wanted = all.iter().filter(|row| {
                since.is_none_or(|since| row.at >= since)
                    && until.is_none_or(|until| row.at < until)
                    && cursor.is_none_or(|cursor| (row.at, row.seq) < (cursor.at, cursor.seq))
            });
            let wanted: Vec<u64> = wanted.map(|row| row.seq).collect();
            let found: Vec<u64> =
                store.list(&filter, page).await.unwrap().iter().map(|row| row.seq).collect();
            assert_eq!(found, wanted, "{since:?} {until:?} {:?}", page.before);
        }
    }
}

async fn an_exchange_is_served_with_its_bytes_and_what_was_erased_before_there_was_a_command_is_no_damage(
    place: Place,
) {
    let store = place.open().await;
    let mut story = Story::new(1);
    story.begin(&store, None).await.unwrap();
    story.ask(&store, 5).await.unwrap();
    let exchange = story.exchange();
    story.answer(&store, 5).await.unwrap();
    let request = story.request();
    assert_eq!(store.exchange(&request).await.unwrap().as_ref(), Some(&exchange));
    assert_eq!(store.blob(&exchange.answer).await.unwrap().as_deref(), Some(ANSWER));
    place.execute("DELETE FROM exchanges; UPDATE blobs SET bytes = NULL, erased_at = 1").await;
    assert_eq!(store.exchange(&request).await.unwrap(), None);
    assert_eq!(store.blob(&exchange.answer).await.unwrap(), None);
    let report = store.verify(&[]).await.unwrap();
    assert_eq!((report.problems, report.erased), (Vec::new(), 1));
}

async fn an_exchange_without_its_answer_is_refused(place: Place) {
    let store = place.open().await;
    let mut story = Story::new(1);
    let exchange = story.exchange();
    let refused = story.append_with(&store, &[registered(None)], &[], Some(exchange)).await.unwrap_err();
    assert!(matches!(refused, AppendError::NoAnswer { .. }), "{refused}");
    assert!(store.intent(&story.id).await.unwrap().is_none());
}

async fn the_cache_keeps_the_newest_results(place: Place) {
    let store = place.open().await;
    let key = |n: i64| Sha256::of(&n.to_le_bytes());
    for n in 0..514 {
        store.put_cached(&key(n), b"result", Micros(n)).await.unwrap();
    }
    store.put_cached(&key(513), b"again", Micros(600)).await.unwrap();
    assert_eq!(store.cached(&key(1)).await.unwrap(), None);
    assert_eq!(store.cached(&key(2)).await.unwrap().as_deref(), Some(&b"result"[..]));
    assert_eq!(store.cached(&key(513)).await.unwrap().as_deref(), Some(&b"again"[..]));
}

async fn a_clock_that_goes_back_is_counted_and_does_not_disturb_the_order(place: Place) {
    let store = place.open().await;
    let mut story = Story::new(1);
    story.begin(&store, None).await.unwrap();
    story.at = Micros(5);
    story.append(&store, &[ended(Ending::Aborted)]).await.unwrap();
    let report = store.verify(&[]).await.unwrap();
    assert_eq!((report.problems, report.clock_went_back, report.events), (Vec::new(), 1, 3));
    let last = store.events(&story.id).await.unwrap().pop().unwrap();
    assert!(matches!(last.event, Event::Ended { .. }));
}

async fn what_was_spent_is_told_by_day_and_provider(place: Place) {
    let store = place.open().await;
    let mut one = Story::new(1);
    one.tell(&store, None).await;
    let mut two = Story::new(2);
    two.begin(&store, None).await.unwrap();
    two.ask(&store, 40).await.unwrap();
    let usage = store.usage(store::Period::ALL).await.unwrap();
    assert_eq!(usage.len(), 1);
    let line = &usage[0];
    assert_eq!(
        (line.day.as_str(), line.attempts, line.billed.micros(), line.reserved.micros()),
        ("2026-11-21", 2, 300, 40)
    );
    assert_eq!((line.prompt_tokens, line.completion_tokens), (1_000, 200));
    let open = store.open_reservations().await.unwrap();
    assert_eq!((open.len(), &open[0].intent, open[0].amount), (1, &two.id, MicroDollars::from_micros(40)));
}

fn ids(rows: &[Row]) -> String {
    rows.iter().map(|r| r.id.short()[11..].to_owned()).collect()
}

#[test]
fn the_store_works_on_a_runtime_of_one_thread_and_its_folder_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("a/b");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        Story::new(1).tell(&open(&inner, None).await, None).await;
    });
    for entry in std::fs::read_dir(&inner).unwrap().chain(std::fs::read_dir(folder.path().join("a")).unwrap())
    {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        let secret = entry.file_name() != "journal.head";
        assert!(!secret || mode & 0o077 == 0, "{:?} {mode:o}", entry.file_name());
    }
}

#[tokio::test]
async fn what_is_no_database_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("journal.db"), vec![b'x'; 4096]).unwrap();
    let refused = Store::open(folder.path()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused:?}");
    assert!(refused.to_string().contains("journal.db") && refused.to_string().contains("audit verify"));
}

#[tokio::test]
async fn what_killed_processes_left_beside_the_journal_goes_after_an_hour() {
    let place = Place::sqlite();
    let store = place.open().await;
    let hour = std::time::Duration::from_secs(3600);
    let written = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    let named = ["journal.head.77.0", "checkpoint.key.77"];
    for name in named.iter().chain(&["checkpoint.key.next", "journal.head.old", "notes.77"]) {
        let file = std::fs::File::create(place.path().join(name)).unwrap();
        file.set_modified(written).unwrap();
    }
    let now = |time: std::time::SystemTime| {
        Micros(time.duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64)
    };
    let files = || std::fs::read_dir(place.path()).unwrap().count();
    let before = files();
    store.remove_leftovers(now(written + hour)).unwrap();
    assert_eq!(files(), before);
    store.remove_leftovers(now(written + hour * 2)).unwrap();
    assert_eq!(files(), before - 2);
    assert!(named.iter().all(|name| !place.path().join(name).exists()));
}
