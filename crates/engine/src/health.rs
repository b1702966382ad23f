//! Which providers have been silent lately: a circuit breaker for each, kept in a file of the cache. It is advice and no
//! record: a lost or damaged file means that everybody is taken to be well.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use domain::proposal::{FailureKind, ProviderId};
use serde::{Deserialize, Serialize};

use crate::world::Folders;

/// Failures in a row that open a circuit.
const MOST_FAILURES: u32 = 3;

/// How long a circuit is open at first, and at most, in microseconds. It doubles with each further failure.
const FIRST_PAUSE: i64 = 60_000_000;
const LONGEST_PAUSE: i64 = 30 * 60_000_000;

/// How a provider stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Circuit {
    /// It is asked.
    Closed,
    /// It is passed over, for this reason.
    Open(String),
    /// The pause is over: a cheap look at it comes before the next question.
    Trial,
}

/// What is known of all providers.
#[derive(Debug, Clone)]
pub struct Health {
    file: PathBuf,
    known: BTreeMap<String, State>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    failures: u32,
    /// Microseconds since 1970.
    open_until: i64,
    last: String,
}

impl Health {
    /// As the cache has it.
    pub fn load(folders: &Folders) -> Self {
        let file = folders.cache.join("providers.json");
        let known = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { file, known: known.unwrap_or_default() }
    }

    /// How a provider stands at this time (microseconds since 1970).
    pub fn circuit(&self, provider: &ProviderId, now: i64) -> Circuit {
        match self.known.get(provider.as_str()) {
            Some(state) if state.failures >= MOST_FAILURES && now < state.open_until => {
                let seconds = (state.open_until - now).div_euclid(1_000_000) + 1;
                let (failures, last) = (state.failures, &state.last);
                Circuit::Open(format!(
                    "its circuit is open for {seconds} s more: {failures} failures, last: {last}"
                ))
            }
            Some(state) if state.failures >= MOST_FAILURES => Circuit::Trial,
            _ => Circuit::Closed,
        }
    }

    /// It answered, whatever the answer is worth.
    pub(crate) fn answered(&mut self, provider: &ProviderId) {
        if self.known.remove(provider.as_str()).is_some() {
            self.save();
        }
    }

    /// It failed. Only what says that nobody is there counts: silence, errors of the server, answers that break off.
    pub(crate) fn failed(&mut self, provider: &ProviderId, kind: FailureKind, now: i64) {
        let counts = matches!(
            kind,
            FailureKind::Unreachable
                | FailureKind::Status
                | FailureKind::TimedOut
                | FailureKind::Truncated
                | FailureKind::Crashed
        );
        if !counts {
            return;
        }
        let state = self.known.entry(provider.as_str().to_owned()).or_default();
        state.failures = state.failures.saturating_add(1);
        let doublings = state.failures.saturating_sub(MOST_FAILURES).min(16);
        state.open_until = now.saturating_add((FIRST_PAUSE << doublings).min(LONGEST_PAUSE));
        kind.as_str().clone_into(&mut state.last);
        self.save();
    }

    /// A file that cannot be written costs a question that fails, no more.
    fn save(&self) {
        let Ok(bytes) = serde_json::to_vec(&self.known) else { return };
        let draft = self.file.with_extension(format!("{}.tmp", std::process::id()));
        let folder = self.file.parent().map(fs::create_dir_all);
        if matches!(folder, Some(Ok(()))) && fs::write(&draft, bytes).is_ok() {
            drop(fs::rename(&draft, &self.file));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(folder: &std::path::Path) -> Health {
        Health::load(&Folders { state: folder.join("state"), cache: folder.join("cache") })
    }

    #[test]
    fn a_circuit_opens_after_three_failures_and_closes_with_an_answer() {
        let folder = tempfile::tempdir().unwrap();
        let local = ProviderId::new("local");
        let mut first = health(folder.path());
        for _ in 0..2 {
            first.failed(&local, FailureKind::TimedOut, 0);
            assert_eq!(first.circuit(&local, 0), Circuit::Closed);
        }
        first.failed(&local, FailureKind::Unreachable, 0);
        let mut later = health(folder.path());
        let Circuit::Open(why) = later.circuit(&local, FIRST_PAUSE - 1) else { panic!("closed") };
        assert!(why.contains("3 failures, last: unreachable"), "{why}");
        assert_eq!(later.circuit(&local, FIRST_PAUSE), Circuit::Trial);
        later.failed(&local, FailureKind::Unreachable, FIRST_PAUSE);
        assert!(matches!(later.circuit(&local, 2 * FIRST_PAUSE), Circuit::Open(_)), "the pause doubles");
        later.answered(&local);
        assert_eq!(health(folder.path()).circuit(&local, 0), Circuit::Closed);
    }

    #[test]
    fn what_says_nothing_about_the_server_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let local = ProviderId::new("local");
        let mut health = health(folder.path());
        for kind in
            [FailureKind::NoFix, FailureKind::OverBudget, FailureKind::NotConfigured, FailureKind::Protocol]
        {
            (0..5).for_each(|_| health.failed(&local, kind, 0));
        }
        assert_eq!(health.circuit(&local, 0), Circuit::Closed);
    }

    #[test]
    fn a_damaged_file_means_that_all_are_well() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("cache")).unwrap();
        fs::write(folder.path().join("cache/providers.json"), b"{").unwrap();
        assert_eq!(health(folder.path()).circuit(&ProviderId::new("local"), 0), Circuit::Closed);
    }
}
