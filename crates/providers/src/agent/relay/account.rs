//! What an agent has asked of its model, and what it may still ask: the count that the ledger is settled by.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::proposal::{FailureKind, ProviderFailure, Usage};
use tokio::sync::Notify;

use crate::failure;

/// How much an agent may ask of its model for one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Requests.
    pub requests: u64,
    /// Tokens of all prompts together.
    pub prompt_tokens: u64,
    /// Tokens of all answers together.
    pub output_tokens: u64,
}

/// The account of one run; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Account(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bounds: Bounds,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    requests: u64,
    open: u64,
    usage: Vec<Usage>,
    unknown: u64,
    /// The most that requests without a known usage can have cost: those that are open, and those that ended without a word.
    held: Held,
    failed: Option<ProviderFailure>,
}

/// The most tokens that one request can cost.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    prompt: u64,
    output: u64,
}

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Requests that were sent on.
    pub(crate) requests: u64,
    /// The usage of each that told it.
    pub(crate) usage: Vec<Usage>,
    /// Requests that cost something nobody knows.
    pub(crate) unknown: u64,
    /// What went wrong first.
    pub(crate) failed: Option<ProviderFailure>,
}

impl State {
    fn hold(&mut self, more: Held) {
        self.held.prompt = self.held.prompt.saturating_add(more.prompt);
        self.held.output = self.held.output.saturating_add(more.output);
    }

    fn let_go(&mut self, of: Held) {
        self.held.prompt = self.held.prompt.saturating_sub(of.prompt);
        self.held.output = self.held.output.saturating_sub(of.output);
    }
}

impl Seen {
    /// All tokens together.
    pub(crate) fn total(&self) -> Usage {
        self.usage.iter().fold(Usage::default(), |sum, one| Usage {
            prompt: sum.prompt.saturating_add(one.prompt),
            cached: sum.cached.saturating_add(one.cached),
            completion: sum.completion.saturating_add(one.completion),
            reasoning: sum.reasoning.saturating_add(one.reasoning),
        })
    }
}

impl Account {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self(Arc::new(Inner { bounds, state: Mutex::default(), changed: Notify::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to send one more request whose prompt has so many bytes, and the most tokens that its answer may have. No
    /// token is shorter than a byte. Until its usage is told, all of both counts as spent.
    ///
    /// # Errors
    /// The bound that is reached.
    pub(super) fn open(&self, bytes: u64) -> Result<(Ticket, u64), ProviderFailure> {
        let bounds = self.0.bounds;
        let mut state = self.state();
        let sum = |of: fn(&Usage) -> u64| state.usage.iter().map(of).fold(0, u64::saturating_add);
        let prompt = sum(|usage| usage.prompt).saturating_add(state.held.prompt).saturating_add(bytes);
        let spent = sum(|usage| usage.completion).saturating_add(state.held.output);
        let left = bounds.output_tokens.saturating_sub(spent);
        let reached = if state.requests >= bounds.requests {
            Some(format!("{} requests (max_requests)", bounds.requests))
        } else if prompt > bounds.prompt_tokens {
            Some(format!("{} prompt tokens (max_prompt_tokens)", bounds.prompt_tokens))
        } else if left == 0 {
            Some(format!("{} answer tokens (max_output_tokens)", bounds.output_tokens))
        } else {
            None
        };
        if let Some(reached) = reached {
            let why = format!("the agent came to no end within {reached}");
            return Err(failure(FailureKind::Unfinished, why));
        }
        let held = Held { prompt: bytes, output: left };
        state.requests += 1;
        state.open += 1;
        state.hold(held);
        Ok((Ticket { account: self.clone(), held, owed: Owed::Unknown }, left))
    }

    /// Notes what went wrong; the first word stands.
    pub(super) fn fail(&self, why: ProviderFailure) {
        self.state().failed.get_or_insert(why);
        self.0.changed.notify_waiters();
    }

    /// Waits until something went wrong.
    pub(crate) async fn trouble(&self) {
        loop {
            let changed = self.0.changed.notified();
            if self.state().failed.is_some() {
                return;
            }
            changed.await;
        }
    }

    /// How many requests were sent on so far, and whether one is being answered.
    pub(crate) fn activity(&self) -> (u64, bool) {
        let state = self.state();
        (state.requests, state.open > 0)
    }

    /// What the run came to. Requests that are still being answered cost what nobody knows.
    pub(crate) fn seen(&self) -> Seen {
        let state = self.state();
        Seen {
            requests: state.requests,
            usage: state.usage.clone(),
            unknown: state.unknown.saturating_add(state.open),
            failed: state.failed.clone(),
        }
    }
}

/// What is owed for one request.
#[derive(Debug, Clone, Copy)]
enum Owed {
    Nothing,
    Unknown,
    Tokens(Usage),
}

/// One request under way. Dropped without a word, what it costs is unknown.
#[derive(Debug)]
pub(super) struct Ticket {
    account: Account,
    held: Held,
    owed: Owed,
}

impl Ticket {
    /// Nothing was processed.
    pub(super) fn free(mut self) {
        self.owed = Owed::Nothing;
    }

    /// The answer ended by itself after so many bytes: if it tells no usage, it has no more tokens than that.
    pub(super) fn ended(&mut self, bytes: u64) {
        let less = Held { prompt: 0, output: self.held.output.saturating_sub(bytes) };
        self.account.state().let_go(less);
        self.held.output -= less.output;
    }

    /// The answer told its usage, or did not.
    pub(super) fn used(&mut self, usage: Option<Usage>) {
        self.owed = usage.map_or(Owed::Unknown, Owed::Tokens);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.account.state();
        state.open = state.open.saturating_sub(1);
        match self.owed {
            Owed::Nothing => state.let_go(self.held),
            Owed::Unknown => state.unknown += 1,
            Owed::Tokens(usage) => {
                state.let_go(self.held);
                state.usage.push(usage);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(requests: u64, prompt_tokens: u64, output_tokens: u64) -> Bounds {
        Bounds { requests, prompt_tokens, output_tokens }
    }

    fn used(account: &Account, bytes: u64, prompt: u64, completion: u64) {
        let (mut ticket, _) = account.open(bytes).unwrap();
        ticket.used(Some(Usage { prompt, completion, ..Usage::default() }));
    }

    #[test]
    fn each_bound_ends_it_with_its_name() {
        let why = |account: &Account, bytes| account.open(bytes).unwrap_err();
        let account = Account::new(bounds(1, 1_000, 1_000));
        used(&account, 10, 5, 5);
        assert_eq!(why(&account, 1).kind, FailureKind::Unfinished);
        assert!(why(&account, 1).detail.contains("max_requests"));
        let account = Account::new(bounds(9, 100, 100));
        used(&account, 90, 60, 5);
        assert!(why(&account, 41).detail.contains("max_prompt_tokens"));
        account.open(40).unwrap().0.free();
        let account = Account::new(bounds(9, 100, 10));
        used(&account, 1, 1, 4);
        let (ticket, left) = account.open(1).unwrap();
        assert_eq!(left, 6, "what is left for the next answer");
        ticket.free();
        used(&account, 1, 1, 6);
        assert!(why(&account, 1).detail.contains("max_output_tokens"));
    }

    #[test]
    fn what_is_open_or_unknown_counts_as_the_most_that_it_can_be() {
        let account = Account::new(bounds(9, 100, 100));
        let (open, left) = account.open(30).unwrap();
        assert_eq!(left, 100);
        assert!(account.open(1).unwrap_err().detail.contains("max_output_tokens"));
        open.free();
        used(&account, 30, 20, 10);
        let (mut whole, left) = account.open(20).unwrap();
        assert_eq!(left, 90);
        // Told to its end, without its usage: a token has a byte.
        whole.ended(40);
        drop(whole);
        let (cut, left) = account.open(20).unwrap();
        assert_eq!(left, 50);
        // Left in the middle: it may have been anything.
        drop(cut);
        assert!(account.open(1).is_err());
    }

    #[test]
    fn what_was_left_in_the_middle_is_unknown_and_what_was_refused_is_free() {
        let account = Account::new(bounds(9, 100, 100));
        account.open(1).unwrap().0.free();
        used(&account, 1, 3, 4);
        let open = account.open(1).unwrap();
        let seen = account.seen();
        assert_eq!((seen.requests, seen.unknown, seen.total().prompt), (3, 1, 3));
        drop(open);
        assert_eq!(account.seen().unknown, 1);
    }
}
