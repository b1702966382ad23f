//! Portions of an agent's minute, taken from the registry and used up here: all servers of a registry together let through
//! no more than one limit, at the price of a few writes a minute and not of one a request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::agent::AgentName;
use store::{Micros, Store, StoreError};

/// A portion is this part of the limit: so much may lie unused with each other server when the last one is refused.
const PARTS: u32 = 10;
const MINUTE: i64 = 60_000_000;

/// What is left of the portions of this minute.
#[derive(Debug, Default)]
pub(crate) struct Portions {
    held: Mutex<HashMap<AgentName, Portion>>,
    /// Held by whoever fetches one: requests that come meanwhile must not fetch ten and refuse the eleventh.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone, Copy)]
struct Portion {
    /// Minutes since 1970.
    minute: i64,
    left: u32,
}

impl Portions {
    /// Counts one request; the seconds to wait when the minute is used up. A limit of 0 means none.
    pub(crate) async fn take(
        &self,
        store: &Store,
        agent: &AgentName,
        limit: u32,
        now: Micros,
    ) -> Result<Result<(), u64>, StoreError> {
        let minute = now.0.div_euclid(MINUTE);
        if limit == 0 || self.use_one(agent, minute) {
            return Ok(Ok(()));
        }
        let _alone = self.fetching.lock().await;
        if self.use_one(agent, minute) {
            return Ok(Ok(()));
        }
        let granted = store.take_requests(agent, limit, (limit / PARTS).max(1), now).await?;
        let Some(left) = granted.checked_sub(1) else {
            let wait = (minute + 1) * MINUTE - now.0;
            return Ok(Err(wait.unsigned_abs().div_ceil(1_000_000)));
        };
        self.keep(agent, minute, left);
        Ok(Ok(()))
    }

    fn use_one(&self, agent: &AgentName, minute: i64) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get_mut(agent) {
            Some(portion) if portion.minute == minute && portion.left > 0 => {
                portion.left -= 1;
                true
            }
            _ => false,
        }
    }

    fn keep(&self, agent: &AgentName, minute: i64, left: u32) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // What is left of minutes that are over is nobody's.
        held.retain(|_, portion| portion.minute == minute);
        held.entry(agent.clone()).or_insert(Portion { minute, left: 0 }).left += left;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn two_who_share_a_registry_let_through_one_limit_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let (one, other) = (Portions::default(), Portions::default());
        let bot: AgentName = "bot".parse().unwrap();
        for (minute, wait) in [(100, 60), (101, 45)] {
            let now = Micros(minute * MINUTE + (60 - wait) * 1_000_000);
            let (mut through, mut waits) = (0, Vec::new());
            for _ in 0..40 {
                for portions in [&one, &other] {
                    match portions.take(&store, &bot, 25, now).await.unwrap() {
                        Ok(()) => through += 1,
                        Err(wait) => waits.push(wait),
                    }
                }
            }
            assert_eq!(through, 25);
            assert!(waits.iter().all(|w| *w == wait as u64), "{waits:?}");
        }
        assert_eq!(one.take(&store, &bot, 0, Micros(0)).await.unwrap(), Ok(()), "0 is no limit");
        assert_eq!(store.verify(&[]).await.unwrap().problems, []);
    }

    #[tokio::test]
    async fn requests_that_come_at_once_when_a_minute_begins_fetch_one_portion() {
        let folder = tempfile::tempdir().unwrap();
        let shared = Arc::new((Store::open(folder.path()).await.unwrap(), Portions::default()));
        let taken = (0..50).map(|_| {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                let (store, portions) = &*shared;
                portions.take(store, &"bot".parse().unwrap(), 100, Micros(7 * MINUTE)).await.unwrap()
            })
        });
        for one in taken.collect::<Vec<_>>() {
            assert_eq!(one.await.unwrap(), Ok(()));
        }
    }
}
