//! One site's folder: the browser's profile with the person's session, closed to others, used by one process at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;

/// A site's folder, held by this process alone until it is dropped.
#[derive(Debug)]
pub(super) struct Profile {
    folder: PathBuf,
    /// The browser's own temporary files; removed with this value.
    temporary: Option<tempfile::TempDir>,
    _lock: File,
}

/// Why a site's folder cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProfileError {
    /// Another process uses it, and did not end in time.
    #[error("another run uses the session in {0}")]
    Busy(PathBuf),
    /// The folder or a file in it cannot be made or read.
    #[error("{0}: {1}")]
    Folder(PathBuf, io::Error),
}

impl Profile {
    /// The folder of a site below the state folder.
    pub(super) fn folder_of(state: &Path, site: &str) -> PathBuf {
        state.join("web").join(site)
    }

    /// Takes a site's folder, and makes it where it is missing. Waits while another process has it.
    ///
    /// # Errors
    /// [`ProfileError::Busy`] at the deadline; [`ProfileError::Folder`].
    pub(super) async fn take(
        state: &Path,
        site: &str,
        temporary: &Path,
        until: Instant,
    ) -> Result<Self, ProfileError> {
        let folder = Self::folder_of(state, site);
        let failed = |e| ProfileError::Folder(folder.clone(), e);
        for part in [&folder, &folder.join("profile"), &folder.join("home")] {
            closed_folder(part).map_err(failed)?;
        }
        let lock = folder.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(lock);
        let lock = lock.map_err(failed)?;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(TryLockError::WouldBlock) => return Err(ProfileError::Busy(folder)),
                Err(TryLockError::Error(e)) => return Err(failed(e)),
            }
        }
        let mut profile = Self { folder, temporary: None, _lock: lock };
        profile.tidy(temporary).map_err(|e| ProfileError::Folder(profile.folder.clone(), e))?;
        Ok(profile)
    }

    /// Removes what a browser of ours that was killed left: its own lock, and its temporary files.
    fn tidy(&mut self, temporary: &Path) -> io::Result<()> {
        for name in ["SingletonLock", "SingletonSocket", "SingletonCookie"] {
            drop(fs::remove_file(self.profile().join(name)));
        }
        let note = self.folder.join("temporary");
        if let Ok(left) = fs::read_to_string(&note)
            && Path::new(&left).file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX))
        {
            drop(fs::remove_dir_all(left));
        }
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(temporary)?;
        fs::write(note, folder.path().to_string_lossy().as_bytes())?;
        self.temporary = Some(folder);
        Ok(())
    }

    /// The browser's user data.
    pub(super) fn profile(&self) -> PathBuf {
        self.folder.join("profile")
    }

    /// The browser's home.
    pub(super) fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    /// The browser's temporary files: not in the folder itself, because a socket's path must be short.
    pub(super) fn temporary(&self) -> Option<&Path> {
        self.temporary.as_ref().map(tempfile::TempDir::path)
    }

    /// Where the last screenshot lies that a person should look at; each new one replaces it.
    pub(super) fn keep_screenshot(&self, bytes: &[u8]) -> Option<PathBuf> {
        let path = self.folder.join("needs-person.png");
        drop(fs::remove_file(&path));
        let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path);
        file.and_then(|mut file| io::Write::write_all(&mut file, bytes)).ok().map(|()| path)
    }

    /// Counts one question. `Err` has the microseconds to wait when `most` were asked within the last hour.
    pub(super) fn count_question(&self, most: u32, now: i64) -> Result<(), i64> {
        let file = self.folder.join("asked.json");
        let asked = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut asked: Vec<i64> = asked.unwrap_or_default();
        // A time in the future comes from a clock that was put back.
        asked.retain(|at| now.saturating_sub(*at) < HOUR && *at <= now);
        if asked.len() >= most as usize {
            let oldest = asked.iter().min().copied().unwrap_or(now);
            return Err((oldest.saturating_add(HOUR)).saturating_sub(now));
        }
        asked.push(now);
        // A count that cannot be kept lets one question too many through, no more.
        if let Ok(bytes) = serde_json::to_vec(&asked) {
            drop(fs::write(file, bytes));
        }
        Ok(())
    }
}

const PREFIX: &str = "codex-task-web-";

impl Drop for Profile {
    fn drop(&mut self) {
        drop(self.temporary.take());
        drop(fs::remove_file(self.folder.join("temporary")));
    }
}

/// A folder that only its owner may enter, whatever it was before.
fn closed_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn take(state: &Path, wait: Duration) -> Result<Profile, ProfileError> {
        Profile::take(state, "site", state, Instant::now() + wait).await
    }

    #[tokio::test]
    async fn a_site_is_used_by_one_at_a_time_and_closed_to_others() {
        let state = tempfile::tempdir().unwrap();
        let first = take(state.path(), Duration::ZERO).await.unwrap();
        let mode = fs::metadata(first.profile()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let refused = take(state.path(), Duration::from_millis(10)).await.unwrap_err();
        assert!(matches!(refused, ProfileError::Busy(_)), "{refused}");
        let temporary = first.temporary().unwrap().to_owned();
        drop(first);
        assert!(!temporary.exists());
        take(state.path(), Duration::ZERO).await.unwrap();
    }

    #[tokio::test]
    async fn what_a_killed_run_left_is_swept_and_nothing_else() {
        let state = tempfile::tempdir().unwrap();
        let profile = take(state.path(), Duration::ZERO).await.unwrap();
        let folder = profile.folder.clone();
        drop(profile);
        let (left, other) = (state.path().join("codex-task-web-x"), state.path().join("others"));
        for path in [&left, &other] {
            fs::create_dir(path).unwrap();
            fs::write(folder.join("temporary"), path.to_string_lossy().as_bytes()).unwrap();
            drop(take(state.path(), Duration::ZERO).await.unwrap());
        }
        assert!(!left.exists() && other.exists());
    }

    #[tokio::test]
    async fn questions_are_counted_over_an_hour() {
        let state = tempfile::tempdir().unwrap();
        let profile = take(state.path(), Duration::ZERO).await.unwrap();
        assert_eq!(profile.count_question(2, 0), Ok(()));
        assert_eq!(profile.count_question(2, 10), Ok(()));
        assert_eq!(profile.count_question(2, 20), Err(HOUR - 20));
        assert_eq!(profile.count_question(2, HOUR), Ok(()));
        assert_eq!(profile.count_question(2, HOUR + 1), Err(9));
        assert_eq!(profile.count_question(2, 5), Ok(()), "a clock that was put back locks nobody out");
    }
}
