//! What one request, one connection, one address and one agent may take of the server. The values, and the counting.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::portions::Portions;
use domain::agent::AgentName;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// The limits of a server.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest body, in bytes.
    pub body: usize,
    /// The largest head of a request, in bytes.
    pub head: usize,
    /// How long the head of a request may take, and how long a connection may be idle.
    pub head_time: Duration,
    /// How long a request may take until its answer begins, body included.
    pub request_time: Duration,
    /// How long a client may leave what we send unread.
    pub write_time: Duration,
    /// Connections at once.
    pub connections: usize,
    /// Connections of one address at once.
    pub connections_per_address: usize,
    /// Streams of events of one agent at once.
    pub streams_per_agent: usize,
    /// Requests a minute without a valid key, of one address.
    pub strangers_per_minute: u32,
    /// Requests a minute of an agent that has no limit of its own.
    pub agent_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 10 << 20,
            head: 32 << 10,
            head_time: Duration::from_secs(10),
            request_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
            connections: 1024,
            connections_per_address: 256,
            streams_per_agent: 8,
            strangers_per_minute: 60,
            agent_per_minute: 600,
        }
    }
}

/// The most callers that are counted apart; beyond it the counters begin anew, which only forgives.
const MOST_COUNTED: usize = 100_000;

/// Counters of requests by a name: of an agent, or of an address.
#[derive(Debug)]
pub(crate) struct Rates<K> {
    counters: Mutex<HashMap<K, (u32, Arc<DefaultDirectRateLimiter>)>>,
}

impl<K> Default for Rates<K> {
    fn default() -> Self {
        Self { counters: Mutex::default() }
    }
}

impl<K: std::hash::Hash + Eq + Clone> Rates<K> {
    /// Counts one request; the seconds to wait when that is one too many. A limit of 0 means none.
    pub(crate) fn take(&self, who: &K, per_minute: u32) -> Result<(), u64> {
        let Some(quota) = NonZeroU32::new(per_minute) else { return Ok(()) };
        let counter = self.counter(who, quota);
        counter.check().map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            wait.as_secs() + 1
        })
    }

    fn counter(&self, who: &K, quota: NonZeroU32) -> Arc<DefaultDirectRateLimiter> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        if counters.len() >= MOST_COUNTED {
            counters.clear();
        }
        let fresh = || (quota.get(), Arc::new(RateLimiter::direct(Quota::per_minute(quota))));
        let entry = counters.entry(who.clone()).or_insert_with(fresh);
        if entry.0 != quota.get() {
            *entry = fresh();
        }
        Arc::clone(&entry.1)
    }
}

/// Things that may be held only so often at once by one name: connections of an address, streams of an agent.
#[derive(Debug)]
pub(crate) struct Held<K: std::hash::Hash + Eq> {
    counts: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: std::hash::Hash + Eq> Default for Held<K> {
    fn default() -> Self {
        Self { counts: Arc::default() }
    }
}

/// One of them; given back when dropped.
#[derive(Debug)]
pub(crate) struct Hold<K: std::hash::Hash + Eq> {
    who: K,
    counts: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: std::hash::Hash + Eq + Clone> Held<K> {
    /// Takes one, unless `most` are held already.
    pub(crate) fn take(&self, who: &K, most: usize) -> Option<Hold<K>> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(who.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Hold { who: who.clone(), counts: Arc::clone(&self.counts) })
    }
}

impl<K: std::hash::Hash + Eq> Drop for Hold<K> {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.who) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.who);
            }
        }
    }
}

/// Who an address is counted as: an IPv4 address by itself, an IPv6 address by its network of 64 bits.
pub(crate) fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let mut bytes = v6.octets();
            bytes[8..].fill(0);
            IpAddr::from(bytes)
        }
        v4 => v4,
    }
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Requests of agents.
    pub(crate) agents: Rates<AgentName>,
    /// The same, of all servers of the registry.
    pub(crate) portions: Portions,
    /// Requests without a valid key, by address.
    pub(crate) strangers: Rates<IpAddr>,
    /// Streams of events.
    pub(crate) streams: Held<AgentName>,
    /// Connections by address.
    pub(crate) connections: Held<IpAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_is_told_when_to_come_back_and_others_are_not_concerned() {
        let rates = Rates::<&str>::default();
        assert!((0..3).all(|_| rates.take(&"a", 3).is_ok()));
        let wait = rates.take(&"a", 3).unwrap_err();
        assert!((1..=21).contains(&wait), "{wait}");
        assert!(rates.take(&"b", 3).is_ok());
        assert!((0..1000).all(|_| rates.take(&"c", 0).is_ok()), "0 is no limit");
    }

    #[test]
    fn what_is_held_is_given_back() {
        let held = Held::<u8>::default();
        let first = held.take(&1, 1).unwrap();
        assert!(held.take(&1, 1).is_none() && held.take(&2, 1).is_some());
        drop(first);
        assert!(held.take(&1, 1).is_some());
        assert!(held.counts.lock().unwrap().is_empty(), "nothing stays counted");
    }

    #[test]
    fn the_addresses_of_one_network_count_as_one() {
        let counted = |text: &str| counted(text.parse().unwrap());
        assert_eq!(counted("2001:db8::1"), counted("2001:db8::ffff"));
        assert_ne!(counted("2001:db8::1"), counted("2001:db8:0:1::1"));
        assert_eq!(counted("::ffff:10.0.0.1"), counted("10.0.0.1"));
        assert_ne!(counted("10.0.0.1"), counted("10.0.0.2"));
    }
}
