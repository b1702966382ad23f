//! Where the writers of several processes wait for SQLite. Its own way of waiting looks ten times a second: among dozens of
//! writers one may find the database taken at each look until its patience ends, while the others go past it. Here each
//! looks every few milliseconds, at a lock that costs next to nothing to look at.

use std::fs;
use std::path::{Path, PathBuf};

use crate::checkpoint::{private, wait_for};

use super::BUSY_TIMEOUT;

/// The file by which processes take turns, in a registry's folder.
#[derive(Debug)]
pub(super) struct Queue {
    path: PathBuf,
}

impl Queue {
    /// Of the registry in this folder.
    pub(super) fn new(folder: &Path) -> Self {
        Self { path: folder.join("journal.queue") }
    }

    /// Waits for this process's turn, which lasts as long as the file is open, or the process lives. It is a courtesy:
    /// whoever has none after all the patience, or no such file, meets SQLite's own lock, which decides.
    pub(super) async fn turn(&self) -> Option<fs::File> {
        let file = private().create(true).truncate(false).open(&self.path).ok()?;
        match file.try_lock() {
            Ok(()) => Some(file),
            Err(_) => {
                // On a thread of its own: whoever holds the lock may need this one to go on.
                let waiting = tokio::task::spawn_blocking(move || wait_for(file, BUSY_TIMEOUT));
                waiting.await.ok()?.ok()
            }
        }
    }
}
