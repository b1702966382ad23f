//! The table's order, refined by our own history: what an accepted change has cost through each provider. Providers are
//! asked one after the other until one succeeds; with a cost c and a chance p each, asking by rising c / p costs least
//! (the classical result for searching among independent boxes), and c / p is what an accepted change costs.
//!
//! Off unless `routing.by_history` says so. Nothing is random: the same registry at the same time gives the same order.

use std::collections::BTreeMap;

use domain::money::MicroDollars;
use domain::proposal::ProviderId;
use domain::task::Kind;
use store::{Filter, Micros, Page, Period, Store};

use crate::error::EngineError;

/// How far back is looked: models and prices of longer ago say little of today's.
const DAYS: i64 = 90;

/// Changes of the kind that are looked at, the newest.
const NEWEST: u32 = 1_000;

/// Questions below which a provider keeps its place.
const ENOUGH: u64 = 10;

const DAY: i64 = 86_400_000_000;

/// What became of a provider's answers to one kind of task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Track {
    /// How often it was asked.
    pub asked: u64,
    /// How many changes were published with its patch and not undone.
    pub accepted: u64,
    /// All that it cost.
    pub billed: MicroDollars,
}

/// The track of every provider that was asked.
pub type Past = BTreeMap<ProviderId, Track>;

/// The last 90 days of one kind of task, or its newest thousand changes.
///
/// # Errors
/// When the registry cannot be read.
pub async fn past(store: &Store, kind: Kind, now: i64) -> Result<Past, EngineError> {
    let since = Micros(now.saturating_sub(DAYS * DAY));
    let filter = Filter { kind: Some(kind), since: Some(since), ..Filter::default() };
    let rows = store.list(&filter, Page::first(NEWEST)).await?;
    let is_whole = rows.len() < NEWEST as usize;
    let oldest = rows.last().filter(|_| !is_whole).map_or(since, |row| row.at);
    let mut past = Past::new();
    for line in store.usage(Period { from: oldest, until: Micros(i64::MAX) }).await? {
        if line.kind == kind {
            let track = past.entry(line.provider).or_default();
            track.asked += line.attempts;
            track.billed = track.billed.plus(line.billed);
        }
    }
    for row in rows.iter().filter(|row| row.status == "published") {
        if let Some(track) = row.provider.as_ref().and_then(|id| past.get_mut(id)) {
            track.accepted += 1;
        }
    }
    Ok(past)
}

impl Track {
    /// What an accepted change costs; `None` while too few are known. One more success than there was, of two more
    /// questions (Laplace's rule): who never succeeded is not beyond all price.
    pub fn cost_of_accepted(&self) -> Option<MicroDollars> {
        if self.asked < ENOUGH {
            return None;
        }
        let (billed, asked) = (u128::from(self.billed.micros()), u128::from(self.asked));
        let cost = billed * (asked + 2) / (asked * (u128::from(self.accepted) + 1));
        Some(MicroDollars::from_micros(u64::try_from(cost).unwrap_or(u64::MAX)))
    }

    /// In words, for the route's reasons.
    pub fn words(&self) -> String {
        let known = format!("{} of {} accepted", self.accepted, self.asked);
        match self.cost_of_accepted() {
            Some(cost) => format!("{known}, {cost} each"),
            None => format!("{known}, too few to count"),
        }
    }
}

/// The order with those whose cost is known sorted among their places; equal ones and all others stay.
pub fn refine(order: &[ProviderId], past: &Past) -> Vec<ProviderId> {
    let cost = |id: &ProviderId| past.get(id).and_then(Track::cost_of_accepted);
    let mut known: Vec<&ProviderId> = order.iter().filter(|id| cost(id).is_some()).collect();
    known.sort_by_key(|id| cost(id));
    let mut known = known.into_iter();
    let place = |id: &ProviderId| if cost(id).is_some() { known.next().cloned() } else { None };
    let taken: Vec<Option<ProviderId>> = order.iter().map(place).collect();
    taken.into_iter().zip(order).map(|(taken, own)| taken.unwrap_or_else(|| own.clone())).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn track(asked: u64, accepted: u64, dollars: u64) -> Track {
        Track { asked, accepted, billed: MicroDollars::from_micros(dollars * 1_000_000) }
    }

    fn ids(names: &[&str]) -> Vec<ProviderId> {
        names.iter().map(|name| ProviderId::new(*name)).collect()
    }

    #[test]
    fn a_dear_answer_that_is_accepted_goes_before_a_cheap_one_that_is_not() {
        let past: Past = ids(&["local", "openai", "anthropic", "codex-cli"])
            .into_iter()
            .zip([track(30, 3, 0), track(20, 2, 2), track(20, 18, 4), track(5, 5, 0)])
            .collect();
        let order = ids(&["codemod", "local", "web", "openai", "codex-cli", "anthropic"]);
        // Known are local (free), openai ($0.73 each) and anthropic ($0.23); codex-cli was asked too seldom.
        assert_eq!(
            refine(&order, &past),
            ids(&["codemod", "local", "web", "anthropic", "codex-cli", "openai"])
        );
        assert_eq!(refine(&order, &Past::new()), order);
        assert_eq!(past[&ProviderId::new("anthropic")].words(), "18 of 20 accepted, $0.231578 each");
        assert_eq!(past[&ProviderId::new("codex-cli")].words(), "5 of 5 accepted, too few to count");
    }

    proptest! {
        #[test]
        fn everybody_keeps_standing_there_once_and_costs_rise(
            tracks in proptest::collection::vec((0..40_u64, 0..40_u64, 0..9_u64), 0..8)
        ) {
            let order: Vec<ProviderId> = (0..tracks.len()).map(|n| ProviderId::new(format!("p{n}"))).collect();
            let tracks = tracks.into_iter().map(|(asked, accepted, cost)| track(asked, accepted.min(asked), cost));
            let past: Past = order.iter().cloned().zip(tracks).collect();
            let refined = refine(&order, &past);
            prop_assert_eq!(&refined, &refine(&order, &past));
            prop_assert_eq!(&refined, &refine(&refined, &past), "a second time changes nothing");
            let mut sorted = refined.clone();
            sorted.sort();
            prop_assert_eq!(&sorted, &order);
            let costs: Vec<_> = refined.iter().filter_map(|id| past[id].cost_of_accepted()).collect();
            prop_assert!(costs.is_sorted());
            for (place, id) in order.iter().enumerate().filter(|(_, id)| past[*id].cost_of_accepted().is_none()) {
                prop_assert_eq!(&refined[place], id, "who is not known stays");
            }
        }
    }
}
