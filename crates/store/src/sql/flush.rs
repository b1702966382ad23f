//! SQLite's wait for the disk, shared. A commit writes to the log without waiting for it; whoever committed then waits
//! here until the log is on the disk. One wait serves all who committed before it began, so that many writers at once
//! cost few waits. It is what `synchronous=FULL` does inside of each commit, and no promise is weaker: nothing that was
//! appended is told before it is on the disk, and of two appends the later one never is there without the earlier one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

/// The log of one database.
#[derive(Debug)]
pub(super) struct Flush {
    log: PathBuf,
    /// How many have asked; who asks has committed before.
    asked: AtomicU64,
    served: Mutex<Served>,
}

#[derive(Debug, Default)]
struct Served {
    /// How many of those who asked.
    count: u64,
    /// Whether the disk has refused once. The kernel may then forget what it could not write, and a later wait would
    /// succeed without it: nothing is promised any more until the database is opened again.
    refused: bool,
}

impl Flush {
    /// Of the database in this file.
    pub(super) fn new(database: &Path) -> Self {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        Self { log: log.into(), asked: AtomicU64::new(0), served: Mutex::default() }
    }

    /// Waits until everything that this process has committed is on the disk.
    ///
    /// # Errors
    /// When the disk refuses: what was committed may be lost when the machine stops.
    pub(super) async fn wait(&self) -> io::Result<()> {
        let mine = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut served = self.served.lock().await;
        if served.count >= mine {
            return Ok(());
        }
        if served.refused {
            return Err(io::Error::other("the disk refused an earlier write; open the registry again"));
        }
        let all = self.asked.load(Ordering::SeqCst);
        let log = self.log.clone();
        // The log is never replaced while a connection is open, and SQLite keeps no lock on this file that closing
        // it could lose.
        let flushed = tokio::task::spawn_blocking(move || match fs::File::open(log) {
            Ok(log) => log.sync_data(),
            // Nothing was written since the last connection closed, and that one left all in the database.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        })
        .await;
        let flushed = flushed.map_err(io::Error::other).and_then(|done| done);
        served.refused = flushed.is_err();
        if !served.refused {
            served.count = all;
        }
        flushed
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn one_wait_serves_all_who_asked_before_it_and_no_failure_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let flush = Flush::new(&folder.path().join("a.db"));
        flush.wait().await.unwrap();
        fs::write(folder.path().join("a.db-wal"), "log").unwrap();
        let held = flush.served.lock().await;
        let mut first = Box::pin(flush.wait());
        let mut second = Box::pin(flush.wait());
        assert!(!begun(&mut first).await && !begun(&mut second).await);
        drop(held);
        first.await.unwrap();
        // The first one has served it: it does not go to the disk itself, and so ends at once.
        assert!(begun(&mut second).await);
        let nowhere = Flush::new(&folder.path().join("a.db-wal/b.db"));
        assert_eq!(nowhere.wait().await.unwrap_err().kind(), io::ErrorKind::NotADirectory);
        assert!(nowhere.wait().await.unwrap_err().to_string().contains("an earlier write"));
    }

    /// Lets it come as far as it comes at once; whether it has ended.
    async fn begun(wait: &mut (impl Future<Output = io::Result<()>> + Unpin)) -> bool {
        std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *wait).poll(cx).is_ready())).await
    }
}
