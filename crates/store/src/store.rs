//! The store's interface: one folder, one journal. The work is in `sql/`.

use std::path::{Path, PathBuf};

use domain::budget::{Scope, Window};
use domain::event::Event;
use domain::finding::Fingerprint;
use domain::ids::{IntentId, Sha256};
use domain::intent::Intent;
use domain::proposal::{Charge, FailureKind, ProviderFailure};
use domain::registry::RegistryEvent;

use crate::append::{Append, Appended, Exchange, Recorded};
use crate::audit::{Anchor, AuditReport, OnProgress};
use crate::checkpoint::Keeper;
use crate::compaction::{Compactable, Compaction};
use crate::error::{AppendError, Fault, StoreError};
use crate::ledger::{MoneyOp, Period, Reservation, UsageLine};
use crate::list::{Filter, Found, Page, Row};
use crate::sql::Database;
use crate::time::Micros;
use crate::witness::{Checkpoint, JournalEntry};

/// An open journal with what belongs to it. Any number of processes may have the same folder open.
#[derive(Debug)]
pub struct Store {
    pub(crate) db: Database,
    pub(crate) keeper: Keeper,
}

/// What is to be compacted, and where it goes.
#[derive(Debug, Clone, Copy)]
pub struct Compacting<'a> {
    /// Only intents whose last entry is older than this.
    pub before: Micros,
    /// The file to be written; what a compaction left there that never came to its end is written over.
    pub file: &'a Path,
    /// Whether the bytes that go are written into the file too; else they are gone for good.
    pub keep_blobs: bool,
    /// At most so many intents, those first that were over first; the others stay whole.
    pub most: Option<u64>,
    /// When, by the caller's clock.
    pub at: Micros,
    /// By whom.
    pub by: &'a str,
}

/// What is to be erased.
#[derive(Debug, Clone, Copy)]
pub struct Erasing<'a> {
    /// Finished intents.
    pub intents: &'a [IntentId],
    /// When, by the caller's clock.
    pub at: Micros,
    /// By whom.
    pub by: &'a str,
}

/// What was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// As the journal tells it; `None` when all of it was erased before.
    pub erasing: Option<Compaction>,
    /// How many blobs and recorded answers stay because other intents name them too.
    pub shared: u64,
    /// Why the database's files may still hold what was erased; `None` when all of them were written anew.
    pub left: Option<String>,
}

impl Store {
    /// Opens the store in a folder, and makes both where they are missing: `journal.db`, `journal.head` (the signed
    /// head), `checkpoint.key` (what signs it). Folder and files are for the user alone.
    ///
    /// # Errors
    /// When the format is a newer one, when the files are damaged or locked for too long, or cannot be made.
    pub async fn open(folder: &Path) -> Result<Self, StoreError> {
        let keeper = Keeper::new(folder);
        let db = Database::open_file(&folder.join("journal.db"), &keeper).await?;
        Ok(Self { db, keeper })
    }

    /// Connects to a registry on a PostgreSQL server, `postgres://user@host/database`; makes its tables where they are
    /// missing. The folder keeps this machine's own `journal.head` and `checkpoint.key`.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, when the format is a newer one, or when the folder cannot be made.
    pub async fn connect(folder: &Path, url: &str) -> Result<Self, StoreError> {
        let keeper = Keeper::new(folder);
        let db = Database::open_server(url, &keeper).await?;
        Ok(Self { db, keeper })
    }

    /// Writes the log into the database and lets go of the files. Dropping a store does the same behind the caller's
    /// back; either is as safe as the other.
    ///
    /// # Errors
    /// When the log cannot be written into the database; nothing is lost then.
    pub async fn close(self) -> Result<(), StoreError> {
        let name = self.db.name().to_owned();
        self.db.close().await.map_err(|fault| fault.at(&name))
    }

    /// Lets go without any work, for a process that is about to end: the log stays as it is, and whoever opens next goes
    /// on from it. In a process that lives on this leaks the connection; use [`Store::close`] there.
    pub fn leave(self) {
        std::mem::forget(self);
    }

    /// Appends events with their money, blobs and exchange: all of it or nothing, safe on disk when this returns.
    ///
    /// # Errors
    /// See [`AppendError`]; on an error nothing was written. One exception: when the head file cannot be written, the
    /// events are recorded already, as after a crash right behind the commit; reading them again shows it.
    pub async fn append(&self, entry: Append<'_>) -> Result<Appended, AppendError> {
        let appended = self.append_all(std::slice::from_ref(&entry)).await?;
        appended.into_iter().next().ok_or_else(|| {
            let what = "nothing was appended".to_owned();
            AppendError::Contradiction { intent: entry.intent.clone(), what }
        })
    }

    /// Appends to several intents, in this order, in one transaction: all of it or nothing, at the price of one wait for
    /// the disk.
    ///
    /// # Errors
    /// As [`Store::append`], of the first one that is refused.
    pub async fn append_all(&self, entries: &[Append<'_>]) -> Result<Vec<Appended>, AppendError> {
        for entry in entries {
            entry.check()?;
        }
        self.db.append(entries, &self.keeper).await.map_err(|stop| stop.at(self.db.name()))
    }

    /// The intent's events in order, each checked against its hash; empty when there is no such intent.
    ///
    /// # Errors
    /// When an event was changed, is missing, or is of a newer format.
    pub async fn events(&self, intent: &IntentId) -> Result<Vec<Recorded>, StoreError> {
        self.db.events(intent).await.map_err(self.named())
    }

    /// The intent, folded from its events.
    ///
    /// # Errors
    /// As [`Store::events`], and when the events make no story.
    pub async fn intent(&self, intent: &IntentId) -> Result<Option<Intent>, StoreError> {
        let events = self.events(intent).await?.into_iter().map(|r| r.event);
        Intent::fold(intent.clone(), events).map_err(|illegal| self.named()(Fault::Story(illegal)))
    }

    /// The intent that a person means: by its whole id, by the last digits of it (four or more), by the id of any of
    /// its answers, or by the word `last` for the one registered last.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_intent(&self, text: &str) -> Result<Found, StoreError> {
        self.db.find_intent(text).await.map_err(self.named())
    }

    /// The intents that pass the filter, from the newest to the oldest.
    ///
    /// # Errors
    /// When the database fails, or a row cannot be read.
    pub async fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Row>, StoreError> {
        self.db.list(filter, page).await.map_err(self.named())
    }

    /// The live intent that stands for a finding, if there is one. Two cannot be.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn live_for_fingerprint(
        &self,
        repository: &str,
        fingerprint: &Fingerprint,
    ) -> Result<Option<IntentId>, StoreError> {
        self.db.live_for_fingerprint(repository, fingerprint).await.map_err(self.named())
    }

    /// The bytes with this hash; `None` when they were never stored or were erased.
    ///
    /// # Errors
    /// When the stored bytes have another hash.
    pub async fn blob(&self, sha256: &Sha256) -> Result<Option<Vec<u8>>, StoreError> {
        self.db.blob(sha256).await.map_err(self.named())
    }

    /// Removes files that processes which were killed left beside the journal; `now` is the caller's clock.
    ///
    /// # Errors
    /// When the folder cannot be read, or a file cannot be removed.
    pub fn remove_leftovers(&self, now: Micros) -> Result<(), StoreError> {
        self.keeper.remove_leftovers(now)
    }

    /// What [`Store::compact`] would compact.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn compactable(&self, before: Micros) -> Result<Compactable, StoreError> {
        self.db.compactable(before).await.map_err(self.named())
    }

    /// Puts what the entries of old finished intents say into a file, with the recorded answers and bytes that nobody else
    /// names. Their hashes, their rows and all figures stay. One transaction: others wait for it. `None` when there is
    /// nothing to compact.
    ///
    /// # Errors
    /// When the file is there and not to be written over, when an entry does not have its hash, or the database fails;
    /// nothing is compacted then.
    pub async fn compact(&self, wanted: &Compacting<'_>) -> Result<Option<Compaction>, StoreError> {
        self.db.compact(wanted, &self.keeper).await.map_err(self.named())
    }

    /// Erases what these intents said: their entries, the texts of their rows, the recorded answers and bytes that nobody else
    /// names. Their hashes stay, and so do status and costs. Then the database is written anew; others wait for both. Who was
    /// erased before is passed over.
    ///
    /// # Errors
    /// When one of them is not over, was compacted or is not there, when an entry does not have its hash, or the database
    /// fails; nothing is erased then.
    pub async fn erase(&self, wanted: &Erasing<'_>) -> Result<Erased, StoreError> {
        self.db.erase(wanted, &self.keeper).await.map_err(self.named())
    }

    /// The intents that hold this text, in the order of their ids: in what their entries say, or in bytes that these name
    /// (answers, patches, outputs). It is looked for as it is and as JSON writes it, once and twice. What was compacted is
    /// not looked through. Every entry is read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn holding(
        &self,
        text: &[u8],
        on_progress: OnProgress<'_>,
    ) -> Result<Vec<IntentId>, StoreError> {
        self.db.holding(&as_written(text), on_progress).await.map_err(self.named())
    }

    /// The compactions and erasings that the journal tells of, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn compactions(&self) -> Result<Vec<Compaction>, StoreError> {
        self.db.compactions().await.map_err(self.named())
    }

    /// The journal's entries after this number, in order.
    ///
    /// # Errors
    /// When the database fails, or an entry cannot be read.
    pub async fn entries(&self, after: u64, limit: u32) -> Result<Vec<JournalEntry>, StoreError> {
        self.db.entries(after, limit).await.map_err(self.named())
    }

    /// A checkpoint of the journal's present end, signed with this folder's key.
    ///
    /// # Errors
    /// When the database fails, or there is no key and none can be made.
    pub async fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        self.db.checkpoint(&self.keeper).await.map(Checkpoint::of).map_err(self.named())
    }

    /// Signs with a new key from the next opening on. The old key vouches for it in the journal, and what it signed stays
    /// trusted. Gives the new key's id.
    ///
    /// # Errors
    /// When the journal or the folder cannot be written.
    pub async fn rotate_signing_key(&self, at: Micros) -> Result<String, StoreError> {
        self.db.rotate_signing_key(at, &self.keeper).await.map_err(self.named())
    }

    /// The recorded answer to a request.
    ///
    /// # Errors
    /// When the database fails, or the row cannot be read.
    pub async fn exchange(&self, request: &Sha256) -> Result<Option<Exchange>, StoreError> {
        self.db.exchange(request).await.map_err(self.named())
    }

    /// A cached result. The cache is no part of the journal: what was changed in it is as good as absent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cached(&self, key: &Sha256) -> Result<Option<Vec<u8>>, StoreError> {
        self.db.cached(key).await.map_err(self.named())
    }

    /// Caches a result; only the newest 512 are kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_cached(&self, key: &Sha256, bytes: &[u8], at: Micros) -> Result<(), StoreError> {
        self.db.put_cached(key, bytes, at).await.map_err(self.named())
    }

    /// What was reserved in a period, by day, provider, agent and kind of task, the newest day first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usage(&self, period: Period) -> Result<Vec<UsageLine>, StoreError> {
        self.db.usage(period).await.map_err(self.named())
    }

    /// Forgives what was spent in the present day, week or month: it no longer counts against the limits. Open reservations
    /// go on counting. Recorded in the journal; `None` when nothing was counted there.
    ///
    /// # Errors
    /// When the database fails, or nothing may be written to the journal.
    pub async fn reset_budget(
        &self,
        scope: &Scope,
        window: Window,
        at: Micros,
        by: &str,
    ) -> Result<Option<RegistryEvent>, StoreError> {
        self.db.reset_budget((scope, window), at, by, &self.keeper).await.map_err(self.named())
    }

    /// Settles the reservations whose lease has run out, at their ceiling: whoever held them is dead, and whether the
    /// provider answered is unknown. Gives how many there were. Those of an intent that somebody else moves on meanwhile
    /// are left to them.
    ///
    /// # Errors
    /// When the database fails, or an intent's events cannot be read.
    pub async fn expire_leases(&self, now: Micros) -> Result<u64, StoreError> {
        let mut settled = 0;
        loop {
            let expired = self.db.expired(now).await.map_err(self.named())?;
            let before = settled;
            for reservation in expired {
                settled += u64::from(self.expire(&reservation, now).await?);
            }
            if settled == before {
                return Ok(settled);
            }
        }
    }

    async fn expire(&self, reservation: &Reservation, now: Micros) -> Result<bool, StoreError> {
        let Some(before) = self.intent(&reservation.intent).await? else { return Ok(false) };
        let charge = Charge::ceiling(reservation.amount);
        let attempt = reservation.attempt;
        let failure = ProviderFailure {
            kind: FailureKind::Interrupted,
            detail: "nobody waited for the answer any more".to_owned(),
        };
        let provider = reservation.provider.clone();
        let events =
            [Event::ProviderFailed { attempt, provider, failure }, Event::Settled { attempt, charge }];
        let mut after = before.clone();
        if events.iter().any(|event| after.apply(event).is_err()) {
            return Ok(false);
        }
        let money = vec![MoneyOp::Settle {
            intent: before.id.clone(),
            attempt,
            billed: charge.billed,
            imputed: charge.imputed,
            basis: charge.basis,
        }];
        let entry = Append {
            intent: &before.id,
            at: now,
            events: &events,
            after: &after,
            expected_version: before.version,
            money,
            blobs: &[],
            exchange: None,
        };
        match self.append(entry).await {
            Ok(_) => Ok(true),
            Err(AppendError::Store(error)) => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// The reservations that are neither settled nor released, the oldest first.
    ///
    /// # Errors
    /// When the database fails, or a row cannot be read.
    pub async fn open_reservations(&self) -> Result<Vec<Reservation>, StoreError> {
        self.db.open_reservations().await.map_err(self.named())
    }

    /// Checks everything against everything, at one moment of the database: the chain, the checkpoints and the head
    /// file, the given anchors, each intent's story, its row and its money, blobs and exchanges.
    ///
    /// # Errors
    /// When the database cannot be read at all; whatever can be named is a [`crate::Problem`] in the report instead.
    pub async fn verify(&self, anchors: &[Anchor]) -> Result<AuditReport, StoreError> {
        self.verify_and_tell(anchors, &[], &mut |_, _| {}).await
    }

    /// The same, telling how far it is, and with the files of compactions: what they hold is proved as if it were there.
    ///
    /// # Errors
    /// As [`Store::verify`].
    pub async fn verify_and_tell(
        &self,
        anchors: &[Anchor],
        archives: &[PathBuf],
        on_progress: OnProgress<'_>,
    ) -> Result<AuditReport, StoreError> {
        self.db.verify(anchors, archives, &self.keeper, on_progress).await.map_err(self.named())
    }

    pub(crate) fn named(&self) -> impl Fn(Fault) -> StoreError + '_ {
        |fault| fault.at(self.db.name())
    }
}

/// A text as it is, and as it stands in JSON, and in JSON within JSON.
fn as_written(text: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![text.to_vec()];
    while let (1 | 2, Some(text)) = (all.len(), all.last().and_then(|text| std::str::from_utf8(text).ok())) {
        let quoted = serde_json::Value::from(text).to_string();
        let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&quoted);
        all.push(inner.as_bytes().to_vec());
    }
    all.dedup();
    all
}
