//! Agents are found by their keys, and none of a revoked one is taken; what is promised stays promised.

use std::collections::BTreeSet;

use domain::agent::{AgentName, Right};
use domain::ids::Sha256;
use domain::money::MicroDollars;
use store::{Agent, Figures, Filter, Micros, NewKey, Page, Promise, Store, Trace};

use crate::on_both;
use crate::place::Place;
use crate::story::*;

on_both! {
    an_agent_is_found_by_its_key_until_it_is_revoked,
    a_new_key_ends_those_before_when_it_is_told_to,
    a_name_is_given_once,
    the_first_request_under_a_key_is_the_one_that_counts,
    of_many_who_promise_at_once_one_is_kept,
    traces_are_kept_for_their_time,
    the_journal_is_followed_from_any_place,
    lists_tell_the_agent_and_are_filtered_by_it,
    the_figures_count_the_registry,
}

fn name(text: &str) -> AgentName {
    text.parse().unwrap()
}

fn agent(text: &str) -> Agent {
    Agent {
        name: name(text),
        rights: BTreeSet::from([Right::Propose, Right::Review]),
        certified: false,
        monthly: Some(MicroDollars::from_micros(20_000_000)),
        per_minute: Some(30),
        created: Micros(1000),
        revoked: None,
        keys: Vec::new(),
    }
}

fn key(prefix: &str, expires: Option<i64>) -> NewKey {
    NewKey { prefix: prefix.to_owned(), hash: Sha256::of(prefix.as_bytes()), expires: expires.map(Micros) }
}

/// Rows for the sample of the present format.
pub(crate) async fn sample(store: &Store) {
    store.add_agent(&agent("bot"), &key("aa", None)).await.unwrap();
    store.rotate_key(&name("bot"), &key("bb", Some(9000)), Micros(2000), Micros(3000)).await.unwrap();
    let wanted = Promise { intent: Story::new(1).id, request: Sha256::of(b"request") };
    store.promise(&name("bot"), "once", &wanted, Micros(2500), Micros(0)).await.unwrap();
    store.add_trace(&trace(2600), Micros(0)).await.unwrap();
}

fn trace(at: i64) -> Trace {
    let text = |text: &str| text.to_owned();
    Trace {
        at: Micros(at),
        who: text("bot"),
        what: text("read"),
        subject: text("x"),
        outcome: text("not-found"),
    }
}

async fn holder(store: &Store, prefix: &str, at: i64) -> Option<String> {
    let holder = store.agent_by_key(prefix, Micros(at)).await.unwrap()?;
    assert_eq!(holder.hash, Sha256::of(prefix.as_bytes()));
    Some(holder.agent.name.to_string())
}

async fn an_agent_is_found_by_its_key_until_it_is_revoked(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    assert!(store.add_agent(&agent("bot"), &key("aa", Some(5000))).await.unwrap());
    assert_eq!(holder(&other, "aa", 4999).await.as_deref(), Some("bot"));
    assert_eq!(holder(&other, "aa", 5000).await, None, "it has expired");
    assert_eq!(holder(&other, "ab", 0).await, None);
    let kept = store.agent(&name("bot")).await.unwrap().unwrap();
    assert_eq!(kept.keys.len(), 1);
    assert_eq!(Agent { keys: Vec::new(), ..kept }, agent("bot"));
    assert!(store.certify_agent(&name("bot"), true).await.unwrap());
    assert!(store.revoke_agent(&name("bot"), Micros(2000)).await.unwrap());
    assert_eq!(holder(&other, "aa", 2000).await, None, "at once, for everybody");
    let revoked = other.agents().await.unwrap().remove(0);
    assert_eq!((revoked.revoked, revoked.certified, revoked.keys.len()), (Some(Micros(2000)), true, 0));
    assert!(!store.revoke_agent(&name("bot"), Micros(3000)).await.unwrap());
    assert!(!store.certify_agent(&name("bot"), true).await.unwrap());
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

async fn a_new_key_ends_those_before_when_it_is_told_to(place: Place) {
    let store = place.open().await;
    store.add_agent(&agent("bot"), &key("aa", None)).await.unwrap();
    assert!(store.rotate_key(&name("bot"), &key("bb", None), Micros(2000), Micros(3000)).await.unwrap());
    assert!(holder(&store, "aa", 2999).await.is_some() && holder(&store, "aa", 3000).await.is_none());
    assert!(holder(&store, "bb", 9000).await.is_some());
    assert!(!store.rotate_key(&name("nobody"), &key("cc", None), Micros(0), Micros(0)).await.unwrap());
    store.revoke_agent(&name("bot"), Micros(4000)).await.unwrap();
    assert!(!store.rotate_key(&name("bot"), &key("dd", None), Micros(5000), Micros(0)).await.unwrap());
    assert_eq!(holder(&store, "dd", 5000).await, None);
}

async fn a_name_is_given_once(place: Place) {
    let store = place.open().await;
    assert!(store.add_agent(&agent("bot"), &key("aa", None)).await.unwrap());
    assert!(!store.add_agent(&agent("bot"), &key("bb", None)).await.unwrap());
    store.revoke_agent(&name("bot"), Micros(2000)).await.unwrap();
    assert!(
        !store.add_agent(&agent("bot"), &key("cc", None)).await.unwrap(),
        "the journal speaks of the first one"
    );
    assert_eq!(holder(&store, "cc", 0).await, None);
}

async fn the_first_request_under_a_key_is_the_one_that_counts(place: Place) {
    let store = place.open().await;
    for agent_name in ["bot", "other"] {
        store.add_agent(&agent(agent_name), &key(agent_name, None)).await.unwrap();
    }
    let promise = |number: u64, request: &str| Promise {
        intent: Story::new(number).id,
        request: Sha256::of(request.as_bytes()),
    };
    let ask = |who: &'static str, wanted: Promise, at: i64, forget: i64| {
        let store = &store;
        async move { store.promise(&name(who), "k", &wanted, Micros(at), Micros(forget)).await.unwrap() }
    };
    assert_eq!(ask("bot", promise(1, "a"), 100, 0).await, promise(1, "a"));
    assert_eq!(ask("bot", promise(2, "b"), 200, 0).await, promise(1, "a"));
    assert_eq!(ask("other", promise(3, "c"), 200, 0).await, promise(3, "c"), "keys are each agent's own");
    assert_eq!(ask("bot", promise(4, "d"), 900, 150).await, promise(4, "d"), "the first one was forgotten");
}

async fn of_many_who_promise_at_once_one_is_kept(place: Place) {
    let store = std::sync::Arc::new(place.open().await);
    store.add_agent(&agent("bot"), &key("aa", None)).await.unwrap();
    let ask = |number: u64| {
        let store = std::sync::Arc::clone(&store);
        tokio::spawn(async move {
            let wanted = Promise { intent: Story::new(number).id, request: Sha256::of(b"same") };
            store.promise(&name("bot"), "k", &wanted, Micros(1), Micros(0)).await.unwrap().intent
        })
    };
    let asked: Vec<_> = (1..=20).map(ask).collect();
    let mut kept = BTreeSet::new();
    for one in asked {
        kept.insert(one.await.unwrap());
    }
    assert_eq!(kept.len(), 1);
}

async fn traces_are_kept_for_their_time(place: Place) {
    let store = place.open().await;
    for at in [100, 200, 300] {
        store.add_trace(&trace(at), Micros(0)).await.unwrap();
    }
    assert_eq!(store.traces(2).await.unwrap(), [trace(300), trace(200)]);
    store.add_trace(&trace(400), Micros(300)).await.unwrap();
    assert_eq!(store.traces(9).await.unwrap(), [trace(400), trace(300)]);
}

async fn the_journal_is_followed_from_any_place(place: Place) {
    let store = place.open().await;
    assert_eq!(store.last_seq().await.unwrap(), 0);
    let (mut one, mut two) = (Story::new(1), Story::new(2));
    one.tell(&store, None).await;
    two.tell(&store, None).await;
    assert_eq!(store.last_seq().await.unwrap(), 16);
    let told = store.events_after(6, None, 4).await.unwrap();
    let (seqs, first) = (told.iter().map(|t| t.seq).collect::<Vec<_>>(), &told[0]);
    assert_eq!((seqs, &first.intent), (vec![7, 8, 9, 10], &one.id));
    assert_eq!(told[2].name, "IntentReserved");
    let told = store.events_after(10, Some(&two.id), 100).await.unwrap();
    assert_eq!(told.len(), 6);
    assert!(told.iter().all(|t| t.intent == two.id));
    assert!(store.events_after(16, None, 4).await.unwrap().is_empty());
}

async fn lists_tell_the_agent_and_are_filtered_by_it(place: Place) {
    let store = place.open().await;
    for (number, who) in [(1, Some("bot")), (2, None), (3, Some("other")), (4, Some("bot"))] {
        let mut story = Story::new(number);
        story.begin_for(&store, who.map(name)).await.unwrap();
    }
    let filter = Filter { agent: Some(name("bot")), ..Filter::default() };
    let rows = store.list(&filter, Page::first(10)).await.unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
    assert_eq!(ids, [Story::new(4).id, Story::new(1).id]);
    assert_eq!(store.row(&Story::new(3).id).await.unwrap().unwrap().agent, Some(name("other")));
    assert_eq!(store.row(&Story::new(2).id).await.unwrap().unwrap().agent, None);
    assert!(store.row(&Story::new(9).id).await.unwrap().is_none());
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

async fn the_figures_count_the_registry(place: Place) {
    let store = place.open().await;
    assert_eq!(store.figures().await.unwrap(), Figures::default());
    Story::new(1).tell(&store, None).await;
    let mut under_way = Story::new(2);
    under_way.begin(&store, None).await.unwrap();
    let figures = store.figures().await.unwrap();
    assert_eq!((figures.suggestions, figures.unfinished, figures.billed.micros()), (1, 1, 300));
    assert_eq!((figures.published, figures.verified, figures.waiting), (0, 0, 0));
    assert_eq!(figures.confidence, None);
}
