//! Connections of this process that only read: who reads waits neither for who writes nor for another reader. They are made
//! as they are needed, and no more of them than there are processors to read by.

use std::path::PathBuf;

use rusqlite::Connection;
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard, Semaphore, SemaphorePermit};

use super::super::db_error::DbError;
use super::file;

/// The fewest and the most that there may be.
const FEWEST: usize = 2;
const MOST: usize = 8;

/// The readers of one file.
#[derive(Debug)]
pub(in crate::sql) struct Readers {
    path: PathBuf,
    /// As many as there are slots: who has a place finds a slot.
    places: Semaphore,
    slots: Vec<Mutex<Option<Connection>>>,
}

/// One of them, given back when dropped.
#[derive(Debug)]
pub(in crate::sql) struct Lent<'a> {
    pub(in crate::sql) conn: MappedMutexGuard<'a, Connection>,
    _place: SemaphorePermit<'a>,
}

impl Readers {
    /// Of the database in this file; none is made yet.
    pub(in crate::sql) fn new(path: PathBuf) -> Self {
        let most = std::thread::available_parallelism().map_or(FEWEST, |n| n.get().clamp(FEWEST, MOST));
        let slots = (0..most).map(|_| Mutex::new(None)).collect();
        Self { path, places: Semaphore::new(most), slots }
    }

    /// One that is there and has nothing to do.
    pub(in crate::sql) fn idle(&self) -> Option<Lent<'_>> {
        let place = self.places.try_acquire().ok()?;
        Some(Lent { conn: self.made()?, _place: place })
    }

    /// Waits for one, or makes it.
    pub(in crate::sql) async fn take(&self) -> Result<Lent<'_>, DbError> {
        let closed = |error| DbError::Disk(std::io::Error::other(error));
        let place = self.places.acquire().await.map_err(closed)?;
        loop {
            if let Some(conn) = self.made() {
                return Ok(Lent { conn, _place: place });
            }
            let free = self.slots.iter().find_map(|slot| slot.try_lock().ok());
            let mut slot = match free {
                Some(slot) => slot,
                // Somebody is just looking through them.
                None => self.slots[0].lock().await,
            };
            if slot.is_none() {
                *slot = Some(file::connect_with(&self.path, "PRAGMA query_only = ON").await?);
            }
        }
    }

    fn made(&self) -> Option<MappedMutexGuard<'_, Connection>> {
        self.slots.iter().find_map(|slot| MutexGuard::try_map(slot.try_lock().ok()?, Option::as_mut).ok())
    }

    /// Lets go of all of them.
    pub(in crate::sql) async fn close(self) -> Result<(), DbError> {
        for slot in self.slots {
            if let Some(conn) = slot.into_inner() {
                file::close(conn).await?;
            }
        }
        Ok(())
    }
}
