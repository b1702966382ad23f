//! Money: never more than the limits, never twice, never without a reservation.

use domain::event::Ending;
use domain::money::MicroDollars;
use domain::proposal::ChargeBasis;
use store::{Append, AppendError, BudgetLimit, MoneyOp, Scope, Store, Window};

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
}

const DAY: i64 = 86_400_000_000;

fn limit(window: Window, scope: Scope, micros: u64) -> BudgetLimit {
    BudgetLimit { window, scope, limit: MicroDollars::from_micros(micros) }
}

/// Reserves for a new intent of this agent, at this time.
async fn spend(
    store: &Store,
    number: u64,
    micros: u64,
    limits: &[BudgetLimit],
    at: i64,
) -> Result<Story, AppendError> {
    let mut story = Story::new(number);
    (story.limits, story.agent, story.at.0) = (limits.to_vec(), Some("ada".to_owned()), at);
    story.begin(store, None).await?;
    story.ask(store, micros).await?;
    Ok(story)
}

fn over(result: Result<Story, AppendError>) -> (Window, Scope, u64, u64) {
    match result {
        Err(AppendError::OverBudget { window, scope, used, asked, .. }) => {
            (window, scope, used.micros(), asked.micros())
        }
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
                Err(AppendError::OverBudget { .. }) => false,
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
