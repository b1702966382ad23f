//! Several appends in one transaction: each is judged as if those before it had been written, and they are written together or
//! not at all.

use domain::event::{Ending, Event};
use domain::ids::{IntentId, Sha256};
use domain::intent::Intent;
use domain::money::MicroDollars;
use domain::proposal::{Form, Proposal, ProviderId};
use store::{
    Append, AppendError, Appended, BudgetLimit, Exchange, Filter, Measure, Micros, MoneyOp, Page, Scope,
    Store, Window,
};

use crate::on_both;
use crate::place::Place;
use crate::story::*;

on_both! {
    a_batch_leaves_what_its_appends_leave_one_by_one,
    a_batch_of_many_intents_is_whole,
    the_first_refusal_of_a_batch_is_told_and_nothing_is_written,
    a_budget_refuses_inside_a_batch_before_a_later_contradiction,
    branches_are_counted_as_they_are_in_the_middle_of_a_batch,
}

/// One append with all that it borrows.
struct Part {
    id: IntentId,
    at: Micros,
    events: Vec<Event>,
    after: Intent,
    before: u64,
    money: Vec<MoneyOp>,
    blobs: Vec<(Sha256, &'static [u8])>,
    exchange: Option<Exchange>,
}

/// The next append of a story.
fn part(story: &mut Story, events: Vec<Event>) -> Part {
    let (after, before) = (story.after(&events), story.version());
    let money = events.iter().filter_map(|e| story.money(e)).collect();
    let at = story.at;
    story.intent = Some(after.clone());
    story.at.0 += 1_000;
    Part { id: story.id.clone(), at, events, after, before, money, blobs: Vec::new(), exchange: None }
}

fn answered(story: &mut Story) -> Part {
    let proposal = Proposal {
        id: story.suggestion(),
        provider: ProviderId::new("local"),
        model: None,
        form: Form::Reply,
        request: story.request(),
        answer: Sha256::of(ANSWER),
        usage: Some(usage()),
        replayed: false,
    };
    let exchange = Some(story.exchange());
    let part = part(story, vec![Event::ProposalReceived { attempt: 1, proposal }, settled(300)]);
    Part { blobs: vec![(Sha256::of(ANSWER), ANSWER)], exchange, ..part }
}

async fn append(store: &Store, parts: &[Part]) -> Result<Vec<Appended>, AppendError> {
    let blobs: Vec<Vec<(&Sha256, &[u8])>> =
        parts.iter().map(|p| p.blobs.iter().map(|(sha256, bytes)| (sha256, *bytes)).collect()).collect();
    let entry = |(part, blobs)| {
        let Part { id, at, events, after, before, money, exchange, .. }: &Part = part;
        let blobs: &Vec<(&Sha256, &[u8])> = blobs;
        Append {
            intent: id,
            at: *at,
            events,
            after,
            expected_version: *before,
            money: money.clone(),
            blobs,
            exchange: exchange.clone(),
        }
    };
    let entries: Vec<Append<'_>> = parts.iter().zip(&blobs).map(entry).collect();
    store.append_all(&entries).await
}

/// A story that takes a finding, is asked for, answered and ended, and a second one that takes the same finding then.
fn parts() -> Vec<Part> {
    let (mut one, mut other) = (Story::new(1), Story::new(2));
    let mut parts = vec![part(&mut one, vec![registered(Some(finding("x == None"))), routed()])];
    let asked = one.asked();
    parts.push(part(&mut one, vec![reserved(500), asked]));
    parts.push(answered(&mut one));
    parts.push(part(&mut one, vec![ended(Ending::Aborted)]));
    parts.push(part(&mut other, vec![registered(Some(finding("x == None"))), routed()]));
    let asked = other.asked();
    parts.push(part(&mut other, vec![reserved(500), asked]));
    parts.push(answered(&mut other));
    parts
}

async fn a_batch_leaves_what_its_appends_leave_one_by_one(place: Place) {
    let (together, apart) = (place.open().await, place.another());
    let told = append(&together, &parts()).await.unwrap();
    let store = apart.open().await;
    for part in parts() {
        append(&store, &[part]).await.unwrap();
    }
    let rows = async |store: &Store| store.list(&Filter::default(), Page::first(50)).await.unwrap();
    assert_eq!(rows(&together).await, rows(&store).await);
    assert_eq!(together.figures().await.unwrap(), store.figures().await.unwrap());
    let bodies = format!("SELECT name || ' ' || {} FROM journal ORDER BY seq", place.body_as_text());
    assert_eq!(place.texts(&bodies).await, apart.texts(&bodies).await);
    let ledger = "SELECT intent || state || CAST(billed AS TEXT) || ' ' || CAST(prompt_tokens AS TEXT) \
                  FROM ledger ORDER BY intent";
    assert_eq!(place.texts(ledger).await, apart.texts(ledger).await);
    let report = together.verify(&[]).await.unwrap();
    assert_eq!((report.problems, report.events, report.intents), (vec![], 13, 2));
    let seqs: Vec<u64> = told.iter().map(|appended| appended.last_seq).collect();
    assert_eq!(seqs, [2, 4, 6, 7, 9, 11, 13]);
    let last = together.events(&Story::new(2).id).await.unwrap().pop().unwrap();
    assert_eq!(told[6].hash, last.hash);
    assert_eq!(append(&together, &[]).await.unwrap(), []);
}

async fn a_batch_of_many_intents_is_whole(place: Place) {
    let store = place.open().await;
    let mut stories: Vec<Story> = (1..=75).map(Story::new).collect();
    let first = |story: &mut Story| part(story, vec![registered(None), routed()]);
    append(&store, &stories.iter_mut().map(first).collect::<Vec<_>>()).await.unwrap();
    let mut asked = Vec::new();
    for story in &mut stories {
        let ask = story.asked();
        asked.push(part(story, vec![reserved(5), ask]));
        asked.push(answered(story));
    }
    append(&store, &asked).await.unwrap();
    let report = store.verify(&[]).await.unwrap();
    assert_eq!((report.problems, report.events, report.intents), (vec![], 75 * 6, 75));
    assert_eq!(store.figures().await.unwrap().suggestions, 75);
}

async fn the_first_refusal_of_a_batch_is_told_and_nothing_is_written(place: Place) {
    let store = place.open().await;
    let mut there = Story::new(9);
    there.begin(&store, Some(finding("x == None"))).await.unwrap();
    let [mut new, mut late] = [1, 2].map(Story::new);
    let first = || part(&mut Story::new(3), vec![registered(None), routed()]);

    let duplicate = part(&mut new, vec![registered(Some(finding("x == None"))), routed()]);
    let conflict = part(&mut there.clone(), vec![ended(Ending::Aborted)]);
    let stale = part(&mut there.clone(), vec![ended(Ending::Aborted)]);
    let refused = append(&store, &[first(), duplicate, conflict]).await.unwrap_err();
    assert!(matches!(&refused, AppendError::Duplicate { existing } if *existing == there.id), "{refused}");

    let ends = part(&mut there.clone(), vec![ended(Ending::Aborted)]);
    let refused = append(&store, &[first(), ends, stale]).await.unwrap_err();
    assert!(matches!(refused, AppendError::Conflict { expected: 2, found: 3, .. }), "{refused}");

    let taken =
        |number| part(&mut Story::new(number), vec![registered(Some(finding("y == None"))), routed()]);
    let refused = append(&store, &[taken(4), taken(5)]).await.unwrap_err();
    assert!(
        matches!(&refused, AppendError::Duplicate { existing } if *existing == Story::new(4).id),
        "{refused}"
    );

    let begins = part(&mut late, vec![registered(None), routed()]);
    let asked = late.asked();
    let asks = part(&mut late, vec![reserved(5), asked]);
    let unanswered = Part { blobs: Vec::new(), ..answered(&mut late) };
    let refused = append(&store, &[begins, asks, unanswered]).await.unwrap_err();
    assert!(matches!(refused, AppendError::NoAnswer { .. }), "{refused}");

    assert_eq!(store.last_seq().await.unwrap(), 2);
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

fn asking(number: u64, limits: &[BudgetLimit]) -> [Part; 2] {
    let mut story = Story::new(number);
    story.limits = limits.to_vec();
    let begins = part(&mut story, vec![registered(None), routed()]);
    let asked = story.asked();
    [begins, part(&mut story, vec![reserved(60), asked])]
}

async fn a_budget_refuses_inside_a_batch_before_a_later_contradiction(place: Place) {
    let store = place.open().await;
    let limits = [BudgetLimit::money(Window::Day, Scope::Global, MicroDollars::from_micros(100))];
    let mut there = Story::new(9);
    there.begin(&store, None).await.unwrap();
    let mut stale = there.clone();
    there.append(&store, &[ended(Ending::Aborted)]).await.unwrap();
    let conflict = || part(&mut stale.clone(), vec![ended(Ending::Aborted)]);

    let [a, b] = asking(1, &limits);
    let [c, d] = asking(2, &limits);
    let refused = append(&store, &[a, b, c, d, conflict()]).await.unwrap_err();
    let AppendError::OverBudget(over) = refused else { panic!("{refused}") };
    assert_eq!((over.used, over.asked), (60, 60));

    let [a, b] = asking(1, &limits);
    let [c, d] = asking(2, &limits);
    let refused = append(&store, &[a, b, conflict(), c, d]).await.unwrap_err();
    assert!(matches!(refused, AppendError::Conflict { expected: 2, found: 3, .. }), "{refused}");
    assert_eq!(store.last_seq().await.unwrap(), 3);
    assert_eq!(store.open_reservations().await.unwrap(), []);
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
    stale.append(&store, &[ended(Ending::Aborted)]).await.unwrap_err();
}

async fn branches_are_counted_as_they_are_in_the_middle_of_a_batch(place: Place) {
    let store = place.open().await;
    let limits = [BudgetLimit::count(Measure::OpenPullRequests, Window::Now, Scope::Global, 1)];
    let mut open = Story::new(9);
    open.begin(&store, None).await.unwrap();
    // What `published` looks like is the engine's to make; here only the count matters.
    place.execute("UPDATE intents SET status = 'published'").await;
    let ends = || part(&mut open.clone(), vec![ended(Ending::Aborted)]);

    let [a, b] = asking(1, &limits);
    let refused = append(&store, &[a, b, ends()]).await.unwrap_err();
    assert!(matches!(&refused, AppendError::OverBudget(over) if over.used == 1), "{refused}");
    assert_eq!(store.last_seq().await.unwrap(), 2);
    let [a, b] = asking(1, &limits);
    append(&store, &[ends(), a, b]).await.unwrap();
    assert_eq!(store.last_seq().await.unwrap(), 7);
}
