//! Reads and writes files of a tree in which others work at the same time: below its folder only, through no link, whatever
//! stands there by now.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use domain::patch::paths;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, fchown, mkdirat, openat, openat2};
use rustix::process::{Gid, Uid};

/// The most bytes of a file.
const MOST: u64 = 16 << 20;

/// Reads one.
pub(crate) fn read(root: &Path, path: &str) -> Result<Vec<u8>, String> {
    checked(path)?;
    let root = folder(root)?;
    let file = open(&root, path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?;
    let mut file = File::from(file);
    let meta = file.metadata().map_err(|error| format!("{path}: {error}"))?;
    if !meta.is_file() || meta.len() > MOST {
        return Err(format!("{path} is no ordinary file of at most {} MiB", MOST >> 20));
    }
    let mut bytes = Vec::new();
    (&mut file).take(MOST).read_to_end(&mut bytes).map_err(|error| format!("{path}: {error}"))?;
    Ok(bytes)
}

/// Writes one, with the folders above it. What is new belongs to whoever the tree belongs to.
pub(crate) fn write(root: &Path, path: &str, bytes: &[u8]) -> Result<(), String> {
    checked(path)?;
    if bytes.len() as u64 > MOST {
        return Err(format!("{path} would have more than {} MiB", MOST >> 20));
    }
    let root = folder(root)?;
    let failed = |error: rustix::io::Errno| format!("{path}: {error}");
    let meta = File::from(root.try_clone().map_err(|error| error.to_string())?).metadata();
    let meta = meta.map_err(|error| format!("{path}: {error}"))?;
    let owner = (Uid::from_raw(meta.uid()), Gid::from_raw(meta.gid()));
    let give = |fd: &OwnedFd| fchown(fd.as_fd(), Some(owner.0), Some(owner.1)).map_err(failed);
    let mut above = String::new();
    for part in path.rsplit_once('/').map(|(folders, _)| folders).into_iter().flat_map(|f| f.split('/')) {
        let parent = if above.is_empty() {
            root.try_clone().map_err(|e| e.to_string())?
        } else {
            enter(&root, &above)?
        };
        match mkdirat(&parent, part, Mode::from_raw_mode(0o755)) {
            Ok(()) => {
                above = if above.is_empty() { part.to_owned() } else { format!("{above}/{part}") };
                give(&enter(&root, &above)?)?;
            }
            Err(rustix::io::Errno::EXIST) => {
                above = if above.is_empty() { part.to_owned() } else { format!("{above}/{part}") };
            }
            Err(error) => return Err(failed(error)),
        }
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NONBLOCK;
    let file = open(&root, path, flags, Mode::from_raw_mode(0o644))?;
    let mut file = File::from(file);
    let meta = file.metadata().map_err(|error| format!("{path}: {error}"))?;
    if !meta.is_file() {
        return Err(format!("{path} is no ordinary file"));
    }
    if meta.uid() != owner.0.as_raw() {
        give(&file.try_clone().map_err(|error| error.to_string())?.into())?;
    }
    let written = file.set_len(0).and_then(|()| file.write_all(bytes));
    written.map_err(|error| format!("{path}: {error}"))
}

/// A path that could stand in a patch: relative, without `..`, not below `.git`.
fn checked(path: &str) -> Result<(), String> {
    paths::check(path.as_bytes()).map(drop).map_err(|problem| format!("{path:?}: {problem}"))
}

fn folder(root: &Path) -> Result<OwnedFd, String> {
    openat(CWD, root, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| format!("{}: {error}", root.display()))
}

fn enter(root: &OwnedFd, path: &str) -> Result<OwnedFd, String> {
    open(root, path, OFlags::DIRECTORY, Mode::empty())
}

fn open(root: &OwnedFd, path: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, String> {
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    openat2(root, path, flags | OFlags::CLOEXEC, mode, within).map_err(|error| match error {
        rustix::io::Errno::LOOP | rustix::io::Errno::XDEV => format!("{path} leads through a link"),
        other => format!("{path}: {other}"),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn files_are_read_and_written_below_the_root_and_through_no_link() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("tree");
        fs::create_dir(&root).unwrap();
        write(&root, "a/b/c.txt", b"one").unwrap();
        write(&root, "a/b/c.txt", b"2").unwrap();
        assert_eq!(read(&root, "a/b/c.txt").unwrap(), b"2");
        fs::write(place.path().join("secret"), "s").unwrap();
        symlink("../secret", root.join("link")).unwrap();
        symlink("..", root.join("up")).unwrap();
        for path in ["link", "up/secret", "../secret", "/etc/passwd", ".git/config", "a/.git/hooks/x", ""] {
            assert!(read(&root, path).is_err(), "{path}");
            assert!(write(&root, path, b"x").is_err(), "{path}");
        }
        assert_eq!(fs::read_to_string(place.path().join("secret")).unwrap(), "s");
        assert!(read(&root, "a").is_err() && write(&root, "a", b"x").is_err(), "a folder is no file");
    }
}
