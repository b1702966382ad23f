//! Who uses a folder of ours: a lock on its marker file, shared by those who use it and taken alone by who removes it.
//! The lock dies with its process.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Proof that the folder stays while this lives.
#[derive(Debug)]
pub(super) struct Hold {
    _file: File,
}

impl Hold {
    /// Shares the folder whose marker this is. `None` when it is gone, or somebody is removing it.
    pub(super) fn shared(marker: &Path) -> Option<Self> {
        let file = open(marker).ok()?;
        file.try_lock_shared().ok()?;
        is_at(&file, marker).then_some(Self { _file: file })
    }

    /// Takes the folder for oneself. `None` when somebody uses it or it is gone.
    pub(super) fn alone(marker: &Path) -> Option<Self> {
        let file = open(marker).ok()?;
        file.try_lock().ok()?;
        is_at(&file, marker).then_some(Self { _file: file })
    }

    /// Takes a lock file that is made when it is missing. `None` while another process has it.
    pub(super) fn turn(file: &Path) -> io::Result<Option<Self>> {
        let found = File::options().create(true).truncate(false).write(true).open(file)?;
        match found.try_lock() {
            Ok(()) => Ok(Some(Self { _file: found })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

fn open(marker: &Path) -> io::Result<File> {
    File::options().read(true).open(marker)
}

/// The folder may have been renamed between the opening and the lock: then this lock guards nothing.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(there)) => ours.ino() == there.ino() && ours.dev() == there.dev(),
        _ => false,
    }
}
