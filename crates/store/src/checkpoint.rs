//! Signed checkpoints: the head file beside the database, and the key that signs.
//!
//! The head file says which entry was the last one and what its hash was. It is written after the commit and is never
//! ahead of the database; after a crash it may lag. It is not synced to disk: losing it costs an alarm, not data. After a
//! power cut it may be empty, which says nothing; the next append writes it again.

mod leftovers;
mod signatures;

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use domain::ids::Sha256;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use crate::chain::NAME;
use crate::error::StoreError;
use crate::time::Micros;
pub(crate) use signatures::Signatures;

/// A checkpoint is kept in the database at every entry whose number is a multiple of this.
pub(crate) const EVERY: i64 = 64;

/// A signed statement: in the journal of this origin, this entry has this hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) origin: String,
    pub(crate) seq: i64,
    pub(crate) hash: String,
    /// When the entry was recorded; not covered by the signature, the entry's hash covers it.
    pub(crate) at: Micros,
    /// The public key, hexadecimal.
    pub(crate) key: String,
    /// The Ed25519 signature over [`Note::signed_text`], hexadecimal.
    pub(crate) signature: String,
}

impl Note {
    fn signed_text(origin: &str, seq: i64, hash: &str) -> String {
        format!("{NAME}\n{origin}\n{seq}\n{hash}\n")
    }

    /// Whether the signature is that of the key named in the note.
    pub(crate) fn is_signed(&self) -> bool {
        let signed = Signed { key: self.key.clone(), signature: self.signature.clone() };
        signed.is_of(&Self::signed_text(&self.origin, self.seq, &self.hash))
    }

    pub(crate) fn to_text(&self) -> String {
        let signed = Self::signed_text(&self.origin, self.seq, &self.hash);
        format!("{signed}\nat {}\nkey {}\nsignature {}\n", self.at.0, self.key, self.signature)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (signed, rest) = text.split_once("\n\n")?;
        let mut lines = signed.split('\n');
        if lines.next()? != NAME {
            return None;
        }
        let (origin, seq, hash) = (lines.next()?, lines.next()?.parse().ok()?, lines.next()?);
        let mut rest = rest.split('\n');
        let at = Micros(rest.next()?.strip_prefix("at ")?.parse().ok()?);
        let key = rest.next()?.strip_prefix("key ")?.to_owned();
        let signature = rest.next()?.strip_prefix("signature ")?.to_owned();
        let note = Self { origin: origin.to_owned(), seq, hash: hash.to_owned(), at, key, signature };
        // Only the exact text is a note: anything added, or a number written in another way, is not.
        (note.to_text() == text).then_some(note)
    }
}

/// A signature over a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    /// The public key, hexadecimal.
    pub(crate) key: String,
    /// The Ed25519 signature, hexadecimal.
    pub(crate) signature: String,
}

impl Signed {
    /// Whether this is the key's signature over the text.
    pub(crate) fn is_of(&self, text: &str) -> bool {
        public_key(&self.key).is_some_and(|key| has_signed(&key, text, &self.signature))
    }
}

/// Reads and writes what lies beside the database: head file, key, lock.
#[derive(Debug)]
pub(crate) struct Keeper {
    folder: PathBuf,
    key: OnceLock<SigningKey>,
    /// Held while the head file is looked at and replaced.
    writing: Mutex<()>,
}

impl Keeper {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), key: OnceLock::new(), writing: Mutex::new(()) }
    }

    /// Random bytes that nobody can guess.
    pub(crate) fn salt(&self) -> Result<[u8; 16], StoreError> {
        random(&self.folder)
    }

    /// Whether nothing was ever signed in this folder.
    pub(crate) fn is_new(&self) -> bool {
        !self.key_path().exists() && !self.head_path().exists()
    }

    /// Makes the folder, for the user alone, unless it is there.
    pub(crate) fn make_folder(&self) -> Result<(), StoreError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        made.map_err(file_error(&self.folder, "make"))
    }

    /// Waits for the lock that keeps two processes from setting up one folder at once; dropping the file gives it back.
    /// The waiting is done on a thread of its own: whoever holds the lock may need this one to go on.
    pub(crate) async fn lock(&self, patience: Duration) -> Result<fs::File, StoreError> {
        let path = self.folder.join("journal.lock");
        let file = private().create(true).truncate(false).open(&path).map_err(file_error(&path, "open"))?;
        let locked = tokio::task::spawn_blocking(move || wait_for(file, patience)).await;
        locked.map_err(io::Error::other).flatten().map_err(file_error(&path, "lock"))
    }

    /// The head file's path.
    pub(crate) fn head_path(&self) -> PathBuf {
        self.folder.join("journal.head")
    }

    fn key_path(&self) -> PathBuf {
        self.folder.join("checkpoint.key")
    }

    /// The head file; `None` when there is none or it is empty (as a power cut may leave it).
    pub(crate) fn head(&self) -> Result<Option<Note>, StoreError> {
        let path = self.head_path();
        match fs::read_to_string(&path) {
            Ok(text) if text.is_empty() => Ok(None),
            Ok(text) => match Note::parse(&text) {
                Some(note) => Ok(Some(note)),
                None => Err(damaged(path, "it is not a checkpoint")),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(damaged(path, "it is not text")),
            Err(error) => Err(file_error(&path, "read")(error)),
        }
    }

    /// Signs: this entry has this hash. Makes the key on first use.
    pub(crate) fn sign(&self, origin: &str, seq: i64, hash: &Sha256, at: Micros) -> Result<Note, StoreError> {
        let key = self.key()?;
        let text = Note::signed_text(origin, seq, hash.as_str());
        Ok(Note {
            origin: origin.to_owned(),
            seq,
            hash: hash.to_string(),
            at,
            key: hex::encode(key.verifying_key().to_bytes()),
            signature: hex::encode(key.sign(text.as_bytes()).to_bytes()),
        })
    }

    /// Signs a text that is no checkpoint, and begins as none does.
    pub(crate) fn sign_text(&self, text: &str) -> Result<Signed, StoreError> {
        let key = self.key()?;
        let signature = hex::encode(key.sign(text.as_bytes()).to_bytes());
        Ok(Signed { key: hex::encode(key.verifying_key().to_bytes()), signature })
    }

    /// Replaces the head file, whole or not at all; a head that is further already is left alone.
    pub(crate) fn write_head(&self, note: &Note) -> Result<(), StoreError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.head()?.is_some_and(|head| head.seq > note.seq) {
            return Ok(());
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let new = self.folder.join(format!("journal.head.{}.{count}", std::process::id()));
        fs::write(&new, note.to_text()).map_err(file_error(&new, "write"))?;
        replace(&new, &self.head_path()).map_err(file_error(&self.head_path(), "replace"))
    }

    /// The public keys whose checkpoints are ours: that of `checkpoint.key`, and, after the key was exchanged, those
    /// listed in `checkpoint.trusted` (one in hexadecimal a line). Empty when there is no key at all.
    pub(crate) fn trusted(&self) -> Result<Vec<String>, StoreError> {
        let mut keys: Vec<String> = read_key(&self.key_path())?
            .map(|key| hex::encode(key.verifying_key().to_bytes()))
            .into_iter()
            .collect();
        let path = self.trusted_path();
        match fs::read_to_string(&path) {
            Ok(text) => keys.extend(text.split_whitespace().map(str::to_owned)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(file_error(&path, "read")(error)),
        }
        Ok(keys)
    }

    /// Makes the key that takes the place of the present one, as a file beside it; [`Keeper::exchange_keys`] puts it in
    /// force. Gives both public keys, and the present key's signature over the next one.
    pub(crate) fn next_key(&self, origin: &str) -> Result<NextKey, StoreError> {
        let next = SigningKey::from_bytes(&random::<32>(&self.key_path())?);
        let path = self.next_key_path();
        let written = private().create(true).truncate(true).open(&path).and_then(|mut file| {
            writeln!(file, "{}", hex::encode(next.to_bytes()))?;
            file.sync_all()
        });
        written.map_err(file_error(&path, "write"))?;
        let present = self.key()?;
        let new = hex::encode(next.verifying_key().to_bytes());
        let proof = hex::encode(present.sign(rotation_text(origin, &new).as_bytes()).to_bytes());
        Ok(NextKey { old: hex::encode(present.verifying_key().to_bytes()), new, proof })
    }

    /// From the next opening on the new key signs. What the old one signed stays trusted.
    pub(crate) fn exchange_keys(&self, keys: &NextKey) -> Result<(), StoreError> {
        let path = self.trusted_path();
        let listed = private().create(true).append(true).open(&path);
        let listed = listed.and_then(|mut file| {
            writeln!(file, "{}", keys.old)?;
            file.sync_all()
        });
        listed.map_err(file_error(&path, "write"))?;
        fs::rename(self.next_key_path(), self.key_path()).map_err(file_error(&self.key_path(), "replace"))
    }

    fn next_key_path(&self) -> PathBuf {
        self.folder.join("checkpoint.key.next")
    }

    fn trusted_path(&self) -> PathBuf {
        self.folder.join("checkpoint.trusted")
    }

    fn key(&self) -> Result<&SigningKey, StoreError> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let key = match read_key(&self.key_path())? {
            Some(key) => key,
            None => self.make_key()?,
        };
        Ok(self.key.get_or_init(|| key))
    }

    /// Another process may be first; `link` lets one of them win and never shows half a key.
    fn make_key(&self) -> Result<SigningKey, StoreError> {
        let path = self.key_path();
        let seed = random::<32>(&path)?;
        let new = self.folder.join(format!("checkpoint.key.{}", std::process::id()));
        let written = private().create(true).truncate(true).open(&new).and_then(|mut file| {
            writeln!(file, "{}", hex::encode(seed))?;
            file.sync_all()
        });
        written.map_err(file_error(&new, "write"))?;
        let linked = fs::hard_link(&new, &path);
        fs::remove_file(&new).map_err(file_error(&new, "remove"))?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(file_error(&path, "write")(error))
            }
            _ => read_key(&path)?.ok_or_else(|| damaged(path, "it vanished")),
        }
    }
}

/// Two keys, one of which takes the other's place.
#[derive(Debug, Clone)]
pub(crate) struct NextKey {
    pub(crate) old: String,
    pub(crate) new: String,
    pub(crate) proof: String,
}

fn rotation_text(origin: &str, new: &str) -> String {
    format!("{NAME}\n{origin}\nkey {new}\n")
}

/// Whether the old key vouches for the new one.
pub(crate) fn is_vouched_for(origin: &str, old: &str, new: &str, proof: &str) -> bool {
    public_key(old).is_some_and(|key| has_signed(&key, &rotation_text(origin, new), proof))
}

fn public_key(text: &str) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(&hex_array(text)?).ok()
}

fn has_signed(key: &VerifyingKey, text: &str, signature: &str) -> bool {
    read_signature(signature).is_some_and(|signature| key.verify_strict(text.as_bytes(), &signature).is_ok())
}

fn read_signature(text: &str) -> Option<Signature> {
    hex_array::<64>(text).map(|bytes| Signature::from_bytes(&bytes))
}

/// This many random bytes from the system, meant for `path`.
pub(crate) fn random<const N: usize>(path: &Path) -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|source| StoreError::Random { path: path.to_owned(), source })?;
    Ok(bytes)
}

/// Puts a file in another's place, at once. A plain `rename` has ext4 send the new file's blocks to the disk
/// (`auto_da_alloc`, <https://www.kernel.org/doc/html/latest/admin-guide/ext4.html>), two thirds of what all of it costs,
/// for a file of which nothing is expected after a power cut; two names that are exchanged do not.
fn replace(new: &Path, old: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE) {
        Ok(()) => fs::remove_file(new),
        // There is none yet, or the file system cannot.
        Err(Errno::NOENT | Errno::INVAL | Errno::NOSYS) => fs::rename(new, old),
        Err(error) => Err(error.into()),
    }
}

/// Makes an empty file for the user alone, unless it is there.
pub(crate) fn make_private(path: &Path) -> Result<(), StoreError> {
    private().create(true).truncate(false).open(path).map(drop).map_err(file_error(path, "make"))
}

/// Waits for the lock of a file, by looking again and again.
pub(crate) fn wait_for(file: fs::File, patience: Duration) -> io::Result<fs::File> {
    const STEP: Duration = Duration::from_millis(5);
    for _ in 0..patience.as_millis() / STEP.as_millis() {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) => std::thread::sleep(STEP),
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "another process keeps it locked"))
}

/// A file that only the user may read, to be written.
pub(crate) fn private() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

fn read_key(path: &Path) -> Result<Option<SigningKey>, StoreError> {
    match fs::read_to_string(path) {
        Ok(text) => match hex_array::<32>(text.trim_end()) {
            Some(seed) => Ok(Some(SigningKey::from_bytes(&seed))),
            None => Err(damaged(path.to_owned(), "it is not a key")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file_error(path, "read")(error)),
    }
}

fn hex_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    hex::decode(text).ok()?.try_into().ok()
}

fn damaged(path: PathBuf, detail: &str) -> StoreError {
    StoreError::Damaged { path, detail: detail.to_owned(), source: None }
}

fn file_error(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File { path, doing, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    pub(super) fn note(folder: &Path, seq: i64) -> Note {
        Keeper::new(folder).sign("here", seq, &Sha256::of(b"x"), Micros(5)).unwrap()
    }

    #[test]
    fn a_note_is_read_as_it_was_written_and_carries_a_true_signature() {
        let folder = tempfile::tempdir().unwrap();
        let note = note(folder.path(), 7);
        assert!(note.is_signed());
        assert_eq!(Note::parse(&note.to_text()), Some(note));
    }

    #[test]
    fn any_changed_byte_makes_another_note_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let note = note(folder.path(), 7);
        let text = note.to_text();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let read = String::from_utf8(bytes).ok().and_then(|t| Note::parse(&t));
            assert!(read.is_none_or(|n| !n.is_signed() || n.at != note.at), "byte {at}");
        }
    }

    #[test]
    fn the_key_is_made_once_and_is_for_the_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(note(folder.path(), 1).key, note(folder.path(), 2).key);
        let mode = fs::metadata(folder.path().join("checkpoint.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_head_never_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = Keeper::new(folder.path());
        for seq in [3, 2] {
            keeper.write_head(&note(folder.path(), seq)).unwrap();
        }
        assert_eq!(keeper.head().unwrap().unwrap().seq, 3);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "only head and key remain");
    }
}
