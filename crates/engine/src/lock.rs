//! One process drives an intent at a time. The lock dies with its process; the file goes with the lock.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::PathBuf;

use domain::ids::IntentId;

use crate::error::EngineError;
use crate::world::Folders;

/// Proof that no other live process drives the intent.
#[derive(Debug)]
pub(crate) struct IntentLock {
    path: PathBuf,
    _file: File,
}

impl IntentLock {
    /// Takes the lock, or says that somebody holds it.
    ///
    /// # Errors
    /// [`EngineError::Busy`] when a live process holds it; [`EngineError::Folder`] when the file cannot be made.
    pub(crate) fn take(folders: &Folders, id: &IntentId) -> Result<Self, EngineError> {
        let folder = folders.state.join("running");
        fs::create_dir_all(&folder).map_err(|e| EngineError::folder(&folder, e))?;
        let path = folder.join(id.as_str());
        loop {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)
                .map_err(|e| EngineError::folder(&path, e))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(EngineError::Busy { intent: id.clone() }),
                Err(TryLockError::Error(e)) => return Err(EngineError::folder(&path, e)),
            }
            // The holder before us may have removed the file between our open and our lock: then this lock guards
            // a file that nobody else can find.
            if same_file(&file, &path) {
                return Ok(Self { path, _file: file });
            }
        }
    }

    /// The intents that a process holds or held: one file each.
    pub(crate) fn listed(folders: &Folders) -> Vec<IntentId> {
        let Ok(entries) = fs::read_dir(folders.state.join("running")) else { return Vec::new() };
        entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
    }
}

fn same_file(file: &File, path: &std::path::Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(there)) => ours.ino() == there.ino() && ours.dev() == there.dev(),
        _ => false,
    }
}

impl Drop for IntentLock {
    fn drop(&mut self) {
        // Removed while still locked, so that nobody can hold a lock on a removed file unnoticed.
        let _ = fs::remove_file(&self.path);
    }
}
