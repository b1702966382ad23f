//! Tells when an agent has given no sign of work for too long. A request that is being answered is work: it has deadlines
//! of its own.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::relay::Account;

/// The watch over one agent.
pub(super) struct Watch {
    account: Account,
    most: Duration,
    last: Mutex<(Instant, u64)>,
}

impl Watch {
    pub(super) fn new(account: Account, most: Duration) -> Self {
        Self { account, most, last: Mutex::new((Instant::now(), 0)) }
    }

    /// The agent said something.
    pub(super) fn sign(&self) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).0 = Instant::now();
    }

    /// The last time of a sign, with what the relay has seen since.
    fn last(&self) -> Instant {
        let (requests, is_open) = self.account.activity();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if is_open || requests != last.1 {
            *last = (Instant::now(), requests);
        }
        last.0
    }

    /// Waits until there was none for too long.
    pub(super) async fn quiet(&self) {
        loop {
            let end = self.last() + self.most;
            if end <= Instant::now() {
                return;
            }
            // Short steps, because a request may open and close between two looks.
            let step = (Instant::now() + Duration::from_millis(250)).min(end);
            tokio::time::sleep_until(step).await;
        }
    }
}
