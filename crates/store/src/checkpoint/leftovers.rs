//! What a process that is killed leaves beside the journal: a file that was to be put in the place of the head file, or of the
//! key. Such a file is there for less than a millisecond, so one that is older than an hour is nobody's.

use std::fs::{self, DirEntry};
use std::io;
use std::time::{Duration, UNIX_EPOCH};

use super::{Keeper, file_error};
use crate::error::StoreError;
use crate::time::Micros;

const HOUR: i64 = 3_600_000_000;

impl Keeper {
    /// Removes those that are older than an hour at `now`.
    pub(crate) fn remove_leftovers(&self, now: Micros) -> Result<(), StoreError> {
        let hour_ago = Duration::from_micros(now.0.saturating_sub(HOUR).max(0).unsigned_abs());
        let remove = |file: io::Result<DirEntry>| {
            let file = file?;
            if is_leftover(&file.file_name().to_string_lossy()) && is_older(&file, hour_ago)? {
                fs::remove_file(file.path())?;
            }
            Ok::<_, io::Error>(())
        };
        let remove = |file| match remove(file) {
            // Its owner, or somebody else who cleans up, was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        };
        let done = fs::read_dir(&self.folder).and_then(|mut files| files.try_for_each(remove));
        done.map_err(file_error(&self.folder, "clean up"))
    }
}

/// The name of what is replaced, with numbers behind.
fn is_leftover(name: &str) -> bool {
    let rest = name.strip_prefix("journal.head.").or_else(|| name.strip_prefix("checkpoint.key."));
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

fn is_older(file: &DirEntry, time: Duration) -> io::Result<bool> {
    let written = file.metadata()?.modified()?.duration_since(UNIX_EPOCH);
    Ok(written.is_ok_and(|written| written < time))
}
