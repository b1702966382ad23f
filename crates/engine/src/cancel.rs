//! The wish to stop. Set once by a signal handler or a caller; steps look at it between effects, and whatever waits
//! on a provider or a sandbox is woken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// The wish to stop; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    set: AtomicBool,
    wake: Notify,
}

impl Cancel {
    /// Asks everything that shares it to stop.
    pub fn set(&self) {
        self.0.set.store(true, Ordering::SeqCst);
        self.0.wake.notify_waiters();
    }

    /// Whether somebody asked.
    pub fn is_set(&self) -> bool {
        self.0.set.load(Ordering::SeqCst)
    }

    /// Waits until somebody asks.
    pub async fn wait(&self) {
        loop {
            let woken = self.0.wake.notified();
            if self.is_set() {
                return;
            }
            woken.await;
        }
    }
}
