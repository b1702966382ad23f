//! Money: never more than the limits, never twice, never without a reservation.

use domain::event::{Ending, Event};
use domain::money::MicroDollars;
use domain::proposal::{ChargeBasis, FailureKind, ProviderFailure, ProviderId};
use store::{Append, AppendError, BudgetLimit, Measure, Micros, MoneyOp, Scope, Store, Window};

use crate::on_both;
use crate::place::{Place, open};
use crate::story::*;

on_both! {
    every_window_and_scope_counts_what_it_says,
    what_costs_nothing_needs_no_room,
    settling_frees_the_rest_and_counts_what_was_billed_even_above_the_reservation,
    a_release_gives_everything_back_and_happens_once,
    money_without_a_reservation_is_refused,
    an_open_reservation_of_an_ended_intent_is_found,
    of_fifty_callers_for_ten_places_exactly_ten_get_one,
    both_agents_at_the_limit_take_their_rows_in_one_order,
    the_first_callers_of_an_unknown_agent_are_held_to_its_limit,
    each_attempt_takes_of_the_intents_own_room_until_there_is_none,
    requests_and_tokens_of_a_minute_and_of_a_week_are_limited,
    a_reservation_belongs_to_the_day_in_which_it_was_made,
    a_limit_that_was_lowered_below_what_is_spent_refuses_what_is_new,
    a_lease_that_ran_out_is_settled_at_its_ceiling,
    a_reset_forgives_what_was_settled_and_is_recorded,
    no_more_branches_are_open_than_allowed,
}

const DAY: i64 = 86_400_000_000;

fn limit(window: Window, scope: Scope, micros: u64) -> BudgetLimit {
    BudgetLimit::money(window, scope, MicroDollars::from_micros(micros))
}

/// Reserves for a new intent of this agent, at this time.
async fn spend(
    store: &Store,
    number: u64,
    micros: u64,
    limits: &[BudgetLimit],
    at: i64,
) -> Result<Story, AppendError> {
    spend_as(store, "ada", number, micros, limits, at).await
}

async fn spend_as(
    store: &Store,
    agent: &str,
    number: u64,
    micros: u64,
    limits: &[BudgetLimit],
    at: i64,
) -> Result<Story, AppendError> {
    let mut story = Story::new(number);
    (story.limits, story.agent, story.at.0) = (limits.to_vec(), Some(agent.to_owned()), at);
    story.begin(store, None).await?;
    story.ask(store, micros).await?;
    Ok(story)
}

fn over(result: Result<Story, AppendError>) -> (Window, Scope, u64, u64) {
    match result {
        Err(AppendError::OverBudget(over)) => (over.limit.window, over.limit.scope, over.used, over.asked),
        other => panic!("{other:?}"),
    }
}

async fn every_window_and_scope_counts_what_it_says(place: Place) {
    let store = place.open().await;
    spend(&store, 1, 60, &[], NOON).await.unwrap();
    let ada = || Scope::Agent("ada".to_owned());
    let bob = || Scope::Agent("bob".to_owned());
    let at = NOON;
    for (number, refusing) in (10..).zip([
        limit(Window::Day, Scope::Global, 100),
        limit(Window::Day, ada(), 100),
        limit(Window::Month, Scope::Global, 100),
        limit(Window::Month, ada(), 100),
    ]) {
        let (window, scope, used, asked) =
            over(spend(&store, number, 41, std::slice::from_ref(&refusing), at).await);
        assert_eq!((window, scope, used, asked), (refusing.window, refusing.scope, 60, 41));
    }
    let over_change = over(spend(&store, 20, 41, &[limit(Window::Change, Scope::Intent, 40)], at).await);
    assert_eq!(over_change, (Window::Change, Scope::Intent, 0, 41));
    let roomy = [limit(Window::Day, Scope::Global, 101), limit(Window::Day, bob(), 41)];
    spend(&store, 30, 41, &roomy, at).await.unwrap();
    let next_day = [limit(Window::Day, Scope::Global, 100)];
    spend(&store, 31, 100, &next_day, NOON + DAY).await.unwrap();
    let month = over(spend(&store, 32, 1, &[limit(Window::Month, Scope::Global, 201)], NOON + DAY).await);
    assert_eq!(month.2, 201);
    spend(&store, 33, 1, &[limit(Window::Month, Scope::Global, 1)], NOON + 10 * DAY).await.unwrap();
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

async fn what_costs_nothing_needs_no_room(place: Place) {
    let store = place.open().await;
    spend(&store, 1, 60, &[], NOON).await.unwrap();
    let lowered = [limit(Window::Day, Scope::Global, 10)];
    spend(&store, 2, 0, &lowered, NOON).await.unwrap();
    over(spend(&store, 3, 1, &lowered, NOON).await);
}

async fn settling_frees_the_rest_and_counts_what_was_billed_even_above_the_reservation(place: Place) {
    let store = place.open().await;
    let limits = [limit(Window::Day, Scope::Global, 100)];
    let mut cheap = spend(&store, 1, 100, &limits, NOON).await.unwrap();
    over(spend(&store, 2, 1, &limits, NOON).await);
    cheap.answer(&store, 30).await.unwrap();
    let mut dear = spend(&store, 3, 70, &limits, NOON).await.unwrap();
    dear.answer(&store, 90).await.unwrap();
    assert_eq!(over(spend(&store, 4, 1, &limits, NOON).await).2, 120);
    assert_eq!(store.open_reservations().await.unwrap(), []);
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

/// Moves money along with an event that tells of no money.
async fn end_with(store: &Store, story: &mut Story, money: Vec<MoneyOp>) -> Result<(), AppendError> {
    let events = [ended(Ending::Aborted)];
    let after = story.after(&events);
    let (intent, at, expected_version) = (&story.id, story.at, story.version());
    let entry = Append {
        intent,
        at,
        events: &events,
        after: &after,
        expected_version,
        money,
        blobs: &[],
        exchange: None,
    };
    store.append(entry).await.map(drop)
}

async fn a_release_gives_everything_back_and_happens_once(place: Place) {
    let store = place.open().await;
    let limits = [limit(Window::Day, Scope::Global, 100)];
    let mut story = spend(&store, 1, 100, &limits, NOON).await.unwrap();
    let release = || MoneyOp::Release { intent: Story::new(1).id, attempt: 1 };
    end_with(&store, &mut story, vec![release(), release()]).await.unwrap();
    assert_eq!(store.open_reservations().await.unwrap(), []);
    let mut settled = spend(&store, 2, 100, &limits, NOON).await.unwrap();
    settled.answer(&store, 80).await.unwrap();
    let late = MoneyOp::Release { intent: settled.id.clone(), attempt: 1 };
    end_with(&store, &mut settled, vec![late]).await.unwrap();
    assert_eq!(over(spend(&store, 3, 21, &limits, NOON).await).2, 80);
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

async fn money_without_a_reservation_is_refused(place: Place) {
    let store = place.open().await;
    let mut story = Story::new(1);
    story.begin(&store, None).await.unwrap();
    let (intent, attempt) = (story.id.clone(), 1);
    let refused = end_with(&store, &mut story, vec![MoneyOp::Release { intent, attempt }]).await.unwrap_err();
    assert!(matches!(refused, AppendError::NoReservation { attempt: 1, .. }), "{refused}");
    let zero = MicroDollars::ZERO;
    let settle = MoneyOp::Settle {
        intent: story.id.clone(),
        attempt,
        billed: zero,
        imputed: zero,
        basis: ChargeBasis::Free,
    };
    let refused = end_with(&store, &mut story, vec![settle]).await.unwrap_err();
    assert!(matches!(refused, AppendError::Contradiction { .. }), "{refused}");
    assert_eq!(store.events(&story.id).await.unwrap().len(), 2);
}

async fn an_open_reservation_of_an_ended_intent_is_found(place: Place) {
    let store = place.open().await;
    let mut story = spend(&store, 1, 5, &[], NOON).await.unwrap();
    end_with(&store, &mut story, Vec::new()).await.unwrap();
    let problems = store.verify(&[]).await.unwrap().problems;
    assert!(
        problems.iter().any(|p| p.to_string().contains("the ledger's state is \"open\"")),
        "{problems:?}"
    );
}

async fn of_fifty_callers_for_ten_places_exactly_ten_get_one(place: Place) {
    drop(place.open().await);
    let ada = Scope::Agent("ada".to_owned());
    let limits = [limit(Window::Month, ada, 1_000), limit(Window::Day, Scope::Global, 1_000)];
    let callers = (1..=50).map(|number| {
        let ((path, url), limits) = (place.parts(), limits.clone());
        tokio::spawn(async move {
            let store = open(&path, url.as_deref()).await;
            match spend(&store, number, 100, &limits, NOON).await {
                Ok(_) => true,
                Err(AppendError::OverBudget(_)) => false,
                Err(error) => panic!("{error:?}"),
            }
        })
    });
    let mut granted = 0;
    for caller in callers.collect::<Vec<_>>() {
        granted += u32::from(caller.await.unwrap());
    }
    let store = place.open().await;
    assert_eq!((granted, store.open_reservations().await.unwrap().len()), (10, 10));
    let report = store.verify(&[]).await.unwrap();
    assert_eq!((report.problems, report.events), (Vec::new(), 50 * 2 + 10 * 2));
}

async fn both_agents_at_the_limit_take_their_rows_in_one_order(place: Place) {
    let store = place.open().await;
    let limits = |agent: &str| {
        [limit(Window::Day, Scope::Global, 1_000), limit(Window::Day, Scope::Agent(agent.to_owned()), 600)]
    };
    drop(store);
    let callers = (1..=24).map(|number| {
        let (path, url) = place.parts();
        let agent = if number % 2 == 0 { "ada" } else { "bob" };
        let limits = limits(agent);
        tokio::spawn(async move {
            let store = open(&path, url.as_deref()).await;
            spend_as(&store, agent, number, 100, &limits, NOON).await.is_ok()
        })
    });
    let mut granted = 0;
    for caller in callers.collect::<Vec<_>>() {
        granted += u32::from(caller.await.unwrap());
    }
    let store = place.open().await;
    assert_eq!((granted, store.open_reservations().await.unwrap().len()), (10, 10));
    // No row was held by a reservation that another row refused.
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

async fn the_first_callers_of_an_unknown_agent_are_held_to_its_limit(place: Place) {
    drop(place.open().await);
    let limits = [limit(Window::Day, Scope::Agent("newcomer".to_owned()), 300)];
    let callers = (1..=8).map(|number| {
        let ((path, url), limits) = (place.parts(), limits.clone());
        tokio::spawn(async move {
            let store = open(&path, url.as_deref()).await;
            spend_as(&store, "newcomer", number, 100, &limits, NOON).await.is_ok()
        })
    });
    let mut granted = 0;
    for caller in callers.collect::<Vec<_>>() {
        granted += u32::from(caller.await.unwrap());
    }
    assert_eq!(granted, 3);
}

/// A provider that answers badly ten times: each answer is paid for, and the money ends it.
async fn each_attempt_takes_of_the_intents_own_room_until_there_is_none(place: Place) {
    let store = place.open().await;
    let mut story = Story::new(1);
    story.limits = vec![limit(Window::Change, Scope::Intent, 1_000)];
    story.begin(&store, None).await.unwrap();
    let mut granted = 0;
    for attempt in 1..=10 {
        let (mut reserved, mut asked, mut settled) = (reserved(300), story.asked(), settled(300));
        for event in [&mut reserved, &mut asked, &mut settled] {
            match event {
                Event::Reserved { attempt: a, .. } | Event::Settled { attempt: a, .. } => *a = attempt,
                Event::ProposalAsked { attempt: a, suggestion, .. } => {
                    *a = attempt;
                    *suggestion = suggestion
                        .as_str()
                        .replace("01990001", &format!("0199{attempt:04x}"))
                        .parse()
                        .unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
        match story.append(&store, &[reserved, asked]).await {
            Ok(_) => granted += 1,
            Err(AppendError::OverBudget(over)) => {
                assert_eq!((over.limit.window, over.used, over.asked), (Window::Change, 900, 300));
                break;
            }
            Err(error) => panic!("{error:?}"),
        }
        let failure = ProviderFailure { kind: FailureKind::Truncated, detail: "no JSON".to_owned() };
        let failed = Event::ProviderFailed { attempt, provider: ProviderId::new("local"), failure };
        story.append(&store, &[failed, settled]).await.unwrap();
    }
    assert_eq!(granted, 3);
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

async fn requests_and_tokens_of_a_minute_and_of_a_week_are_limited(place: Place) {
    let store = place.open().await;
    let per_minute = [BudgetLimit::count(Measure::Requests, Window::Minute, Scope::Global, 2)];
    let at = NOON + 13_000_000;
    spend(&store, 1, 0, &per_minute, at).await.unwrap();
    spend(&store, 2, 0, &per_minute, at).await.unwrap();
    let refused = spend(&store, 3, 0, &per_minute, at).await.unwrap_err();
    let AppendError::OverBudget(told) = refused else { panic!("{refused}") };
    assert_eq!((told.used, told.asked, told.retry_after), (2, 1, Some(47)));
    spend(&store, 4, 0, &per_minute, at + 47_000_000).await.unwrap();

    let tokens = [BudgetLimit::count(Measure::Tokens, Window::Minute, Scope::Agent("ada".to_owned()), 1_000)];
    let ask = async |number, tokens_asked| {
        let mut story = Story::new(number);
        (story.limits, story.agent, story.tokens) = (tokens.to_vec(), Some("ada".to_owned()), tokens_asked);
        story.at.0 = NOON + DAY;
        story.begin(&store, None).await?;
        story.ask(&store, 0).await
    };
    ask(10, 700).await.unwrap();
    assert!(matches!(ask(11, 301).await, Err(AppendError::OverBudget(over)) if over.used == 700));
    ask(12, 300).await.unwrap();
    assert!(matches!(ask(13, 1_001).await, Err(AppendError::OverBudget(_))), "more than the whole limit");

    let per_week = [BudgetLimit::count(Measure::Requests, Window::Week, Scope::Global, 6)];
    spend(&store, 20, 0, &per_week, NOON).await.unwrap();
    over(spend(&store, 21, 0, &per_week, NOON).await);
    spend(&store, 22, 0, &per_week, NOON + 2 * DAY).await.unwrap();
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

async fn a_reservation_belongs_to_the_day_in_which_it_was_made(place: Place) {
    let store = place.open().await;
    let limits = [limit(Window::Day, Scope::Global, 100)];
    let midnight = NOON + DAY / 2;
    let mut before = spend(&store, 1, 100, &limits, midnight - 5_000).await.unwrap();
    before.at.0 = midnight + 1;
    before.answer(&store, 40).await.unwrap();
    // All of the new day is free, and of the old one what was not used.
    spend(&store, 2, 100, &limits, midnight + 2).await.unwrap();
    spend(&store, 3, 60, &limits, midnight - 4_000).await.unwrap();
    assert_eq!(over(spend(&store, 4, 1, &limits, midnight - 3_000).await).2, 100);
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

async fn a_limit_that_was_lowered_below_what_is_spent_refuses_what_is_new(place: Place) {
    let store = place.open().await;
    let roomy = [limit(Window::Month, Scope::Global, 1_000)];
    let mut running = spend(&store, 1, 500, &roomy, NOON).await.unwrap();
    let lowered = [limit(Window::Month, Scope::Global, 100)];
    assert_eq!(over(spend(&store, 2, 1, &lowered, NOON).await).2, 500);
    running.answer(&store, 450).await.unwrap();
    assert_eq!(over(spend(&store, 3, 1, &lowered, NOON).await).2, 450);
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

async fn a_lease_that_ran_out_is_settled_at_its_ceiling(place: Place) {
    let store = place.open().await;
    let limits = [limit(Window::Day, Scope::Global, 100)];
    let mut held = Story::new(1);
    (held.limits, held.lease) = (limits.to_vec(), Some(60_000_000));
    held.begin(&store, None).await.unwrap();
    held.ask(&store, 70).await.unwrap();
    let lease_until = store.open_reservations().await.unwrap()[0].lease_until.unwrap();
    assert_eq!(store.expire_leases(Micros(lease_until.0 - 1)).await.unwrap(), 0);
    assert_eq!(store.expire_leases(lease_until).await.unwrap(), 1);
    assert_eq!(store.expire_leases(lease_until).await.unwrap(), 0, "no reservation is settled twice");
    assert_eq!(store.open_reservations().await.unwrap(), []);
    let intent = store.intent(&held.id).await.unwrap().unwrap();
    assert_eq!(intent.billed().micros(), 70);
    // Its operator was not dead after all: what it says now comes too late.
    let late = held.answer(&store, 10).await.unwrap_err();
    assert!(matches!(late, AppendError::Conflict { .. }), "{late}");
    assert_eq!(over(spend(&store, 2, 31, &limits, NOON).await).2, 70);
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

async fn a_reset_forgives_what_was_settled_and_is_recorded(place: Place) {
    let store = place.open().await;
    let limits = [limit(Window::Month, Scope::Global, 100)];
    let reset =
        async || store.reset_budget(&Scope::Global, Window::Month, Micros(NOON), "root").await.unwrap();
    assert_eq!(reset().await, None, "there is nothing to forgive");
    spend(&store, 1, 60, &limits, NOON).await.unwrap().answer(&store, 60).await.unwrap();
    let mut open = spend(&store, 2, 40, &limits, NOON).await.unwrap();
    over(spend(&store, 3, 1, &limits, NOON).await);
    reset().await.unwrap();
    assert_eq!(over(spend(&store, 4, 61, &limits, NOON).await).2, 40, "what is open goes on counting");
    open.answer(&store, 10).await.unwrap();
    spend(&store, 5, 90, &limits, NOON).await.unwrap();
    over(spend(&store, 6, 1, &limits, NOON).await);
    let told = place.texts("SELECT name FROM journal WHERE intent = 'registry'").await;
    assert_eq!(told, ["BudgetReset"]);
    assert_eq!(store.verify(&[]).await.unwrap().problems, []);
}

async fn no_more_branches_are_open_than_allowed(place: Place) {
    let store = place.open().await;
    let limits = |limit| [BudgetLimit::count(Measure::OpenPullRequests, Window::Now, Scope::Global, limit)];
    spend(&store, 1, 0, &limits(1), NOON).await.unwrap();
    over(spend(&store, 2, 0, &limits(0), NOON).await);
    // What `published` looks like is the engine's to make; here only the count matters.
    place.execute("UPDATE intents SET status = 'published'").await;
    assert_eq!(over(spend(&store, 3, 0, &limits(2), NOON).await).2, 2);
    spend(&store, 4, 0, &limits(3), NOON).await.unwrap();
}
