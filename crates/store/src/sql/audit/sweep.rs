//! The quick pass of the audit: every entry, row, suggestion and reservation is read once, in the order of the intents'
//! ids, some hundreds of intents a round, and judged on other threads while the next rounds are read. It proves that they
//! fit and names nothing: whatever does not fit exactly is left to the slow checks beside it, which say what and where.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, mpsc as std_mpsc};

use sqlx::postgres::PgConnection;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use super::compactions::Compacted;
use super::indexes::{self, Key};
use super::judge::{Judged, Sums, judge};
use super::round::{Round, TABLES};
use super::stretches::{Stretches, Whole};
use super::{Watch, missing_blobs};
use crate::error::Fault;
use crate::sql::conn::Db;
use crate::sql::postgres;
use crate::sql::sqlite::{Reader, Stopped};
use crate::tally::{self, Tallies};

/// Rounds that were read and are not judged yet.
const READ: usize = 2;
/// Rounds that are judged at once; the last one waits for the others.
const AHEAD: usize = 3;
/// So many blobs are looked for at once: in the order of their hashes neighbours lie on one page.
const ATTACHED: usize = 8192;
/// With more odd intents than this, nothing is gained by the quick pass.
const ODD: usize = 10_000;

/// What was swept.
#[derive(Debug, Default)]
pub(super) struct Swept {
    /// Whole entries that were read.
    pub(super) entries: i64,
    /// Intents that fit in every table.
    pub(super) intents: u64,
    /// What stays of intents that were compacted.
    pub(super) compacted: Compacted,
    /// Whether each entry has its hash and a known format, and what was recorded with it is there.
    pub(super) entries_fit: bool,
    /// The blobs that have still to be looked for.
    attached: Vec<String>,
    /// The chain, when it is one.
    pub(super) chain: Option<Whole>,
    /// The intents that do not fit; `None` when there are too many.
    pub(super) odd: Option<Vec<String>>,
    /// `None` when a row could not be read.
    pub(super) sums: Option<Sums>,
    /// What the registry's rows add to the figures; `None` as before.
    pub(super) tallies: Option<Tallies>,
    /// What the rows should have in the indexes; `None` when that is not known.
    pub(super) indexed: Option<Box<indexes::Sums>>,
}

/// Where the rounds come from: a thread or a task of their own, with its own connections. After the last round it says so by
/// `None`; when it stops early the channel closes without an end. Rounds that were judged go back to it.
pub(super) struct Rounds {
    rounds: mpsc::Receiver<Result<Option<Round>, Fault>>,
    judged: std_mpsc::Sender<Round>,
}

impl Rounds {
    /// Begins to read on another thread.
    pub(super) fn of_file(reader: Reader) -> Self {
        let (send, rounds) = mpsc::channel(READ);
        let (judged, back) = std_mpsc::channel();
        spawn_blocking(move || {
            let room = || back.try_recv().unwrap_or_else(|_| Round::new());
            let sent =
                |message: Option<Round>| send.blocking_send(Ok(message)).map_err(|_| Stopped::Unwanted);
            reader.rounds(room, |round| sent(Some(round))).and_then(|()| sent(None))
        });
        Self { rounds, judged }
    }

    /// Begins to read from a server, each table over one of these connections.
    pub(super) fn of_server(conns: [PgConnection; TABLES.len()]) -> Self {
        let (send, rounds) = mpsc::channel(READ);
        let (judged, back) = std_mpsc::channel();
        let room = move || back.try_recv().unwrap_or_else(|_| Round::new());
        tokio::spawn(postgres::send_rounds(conns, room, send));
        Self { rounds, judged }
    }

    /// The next one; `Err(None)` when the pass cannot go on.
    async fn next(&mut self) -> Result<Option<Round>, Option<Fault>> {
        self.rounds.recv().await.ok_or(None)?.map_err(Some)
    }

    /// A round that nobody needs any more.
    fn give_back(&self, mut round: Round) {
        round.clear();
        // After the last one nobody takes it.
        let _ = self.judged.send(round);
    }
}

/// Sweeps all tables. `genesis` is what the first entry goes on from, `key` that of the sums over the indexes.
pub(super) async fn run(
    db: &mut Db<'_>,
    mut rounds: Rounds,
    (genesis, key): (&str, &Arc<Key>),
    watch: &mut Watch<'_>,
) -> Result<Swept, Fault> {
    let mut swept = Swept {
        entries_fit: true,
        odd: Some(Vec::new()),
        sums: Some(Sums::new()),
        tallies: Some(Tallies::new()),
        indexed: Some(Box::default()),
        ..Swept::default()
    };
    let mut stretches = Stretches::default();
    let mut under_way: VecDeque<JoinHandle<(Option<Judged>, Round)>> = VecDeque::new();
    loop {
        let round = match rounds.next().await {
            Ok(round) => round,
            Err(None) => return Ok(Swept::default()),
            Err(Some(fault)) => return Err(fault),
        };
        let is_end = round.is_none();
        under_way.extend(round.map(|round| {
            let key = Arc::clone(key);
            spawn_blocking(move || (judge(&round, &key), round))
        }));
        while under_way.len() > if is_end { 0 } else { AHEAD } {
            let Some(judging) = under_way.pop_front() else { break };
            // A thread that is gone has judged nothing: the slow checks do.
            let Ok((Some(judged), round)) = judging.await else { return Ok(Swept::default()) };
            rounds.give_back(round);
            stretches.join(swept.take(db, judged).await?);
            watch.saw(swept.entries);
        }
        if swept.odd.is_none() {
            return Ok(Swept::default());
        }
        if is_end {
            swept.look_for_blobs(db).await?;
            swept.chain = stretches.whole(genesis);
            return Ok(swept);
        }
    }
}

impl Swept {
    /// Adds a judged round; gives its pieces of the chain.
    async fn take(&mut self, db: &mut Db<'_>, judged: Judged) -> Result<Stretches, Fault> {
        self.entries += judged.entries;
        self.intents += judged.intents;
        for (compaction, kept, entries) in &judged.compacted {
            self.compacted.add(*compaction, kept, *entries);
        }
        self.entries_fit &= judged.entries_fit;
        self.attached.extend(judged.attached);
        if self.attached.len() >= ATTACHED {
            self.look_for_blobs(db).await?;
        }
        self.odd = self.odd.take().filter(|odd| odd.len() <= ODD).map(|mut odd| {
            odd.extend(judged.odd);
            odd
        });
        self.sums = self.sums.take().zip(judged.sums).map(|(mut sums, more)| {
            for (key, [money, requests]) in more {
                let sum = sums.entry(key).or_default();
                *sum = [sum[0].saturating_add(money), sum[1].saturating_add(requests)];
            }
            sums
        });
        self.tallies = self.tallies.take().zip(judged.tallies).map(|(mut tallies, more)| {
            more.into_iter().for_each(|(name, counts)| tally::add(&mut tallies, name, counts));
            tallies
        });
        self.indexed = self.indexed.take().zip(judged.indexed).map(|(mut sums, more)| {
            indexes::add(&mut sums, &more);
            sums
        });
        Ok(judged.stretches)
    }

    async fn look_for_blobs(&mut self, db: &mut Db<'_>) -> Result<(), Fault> {
        let attached: BTreeSet<String> = self.attached.drain(..).collect();
        self.entries_fit &= missing_blobs(db, &attached).await?.is_empty();
        Ok(())
    }
}
