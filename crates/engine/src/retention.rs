//! Retention: what old finished changes say goes out of the registry into files, so many changes a file that who wants to
//! write meanwhile waits for seconds and not for minutes.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use store::{Compactable, Compacting, Compaction, Micros, StoreError};

use crate::config::StoreConfig;
use crate::error::EngineError;
use crate::operator::Operator;

/// Changes in one file. In a registry of a million that takes five seconds, measured; others who write give up after thirty.
const MOST: u64 = 10_000;
const DAY: i64 = 24 * 3600 * 1_000_000;

/// How long the record of a finished change stays in the registry, and where it goes then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Whole days since its last event.
    pub days: u32,
    /// The folder for the files, made when it is missing.
    pub archive: PathBuf,
}

/// A file with what went.
#[derive(Debug, Clone, Serialize)]
pub struct Retired {
    /// Where it is.
    pub path: PathBuf,
    /// What the journal tells of it.
    #[serde(flatten)]
    pub compaction: Compaction,
}

impl Retention {
    /// As configured; `None` when everything is kept. `state` is the folder of the journal.
    pub fn of(config: &StoreConfig, state: &Path) -> Option<Self> {
        let archive = config.archive.clone().unwrap_or_else(|| state.join("archive"));
        config.keep_days.map(|days| Self { days, archive })
    }

    fn before(&self, now: i64) -> Micros {
        Micros(now.saturating_sub(i64::from(self.days) * DAY))
    }
}

impl Operator {
    /// What [`Operator::retire`] would put into files.
    ///
    /// # Errors
    /// When the registry cannot be read.
    pub async fn would_retire(&self, retention: &Retention) -> Result<Compactable, EngineError> {
        Ok(self.store.compactable(retention.before(self.world.clock.now_micros())).await?)
    }

    /// Puts what finished changes older than that say into files; their hashes, rows and costs stay. Gives the files.
    ///
    /// # Errors
    /// When a file cannot be written, or the registry fails. What is in a file then is recorded, and the rest is as before.
    pub async fn retire(&self, retention: &Retention) -> Result<Vec<Retired>, EngineError> {
        let now = self.world.clock.now_micros();
        let (archive, mut retired) = (&retention.archive, Vec::new());
        let made = DirBuilder::new().recursive(true).mode(0o700).create(archive);
        made.map_err(|e| EngineError::folder(archive, e))?;
        loop {
            let number = self.store.compactions().await?.len() + 1;
            let path = archive.join(format!("compacted-{number:06}.jsonl"));
            let wanted = Compacting {
                before: retention.before(now),
                file: &path,
                keep_blobs: true,
                most: Some(MOST),
                at: Micros(now),
                by: &self.world.person,
            };
            match self.store.compact(&wanted).await {
                Ok(Some(compaction)) => {
                    // The change that had the journal's last entry is left to the next time.
                    let is_full = compaction.intents == MOST;
                    retired.push(Retired { path, compaction });
                    if !is_full {
                        return Ok(retired);
                    }
                }
                Ok(None) => return Ok(retired),
                // Somebody else has just written the file of that number.
                Err(StoreError::Archive { .. }) if self.store.compactions().await?.len() >= number => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
