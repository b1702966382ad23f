//! Writes a change as the upper layer of an overlay: the changed files and nothing else. A deleted file is a
//! whiteout, which overlayfs expects as a character device 0:0 (Documentation/filesystems/overlayfs.rst); making that
//! one device needs no privilege since Linux 5.8.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::SystemTime;

use git::{Change, Mode};
use rustix::fs::{CWD, FileType, Mode as FsMode, makedev, mknodat};

use crate::error::EngineError;

/// Writes `changes` below `upper`, an empty folder over the checkout at `base`. No file is older than `least`.
pub(super) fn write(
    upper: &Path,
    base: &Path,
    changes: &[Change],
    least: Option<SystemTime>,
) -> Result<(), EngineError> {
    let failed = |path: &Path, e: std::io::Error| EngineError::folder(path, e);
    for change in changes {
        if let Change::Write { path, bytes, mode } = change {
            let place = upper.join(path);
            parents(&place)?;
            put(&place, bytes, *mode, least).map_err(|e| failed(&place, e))?;
        }
    }
    for change in changes {
        let Change::Delete { path } = change else { continue };
        let place = upper.join(path);
        // Hidden already when one of its folders became a file.
        if hidden(upper, path) || fs::symlink_metadata(base.join(path)).is_err() {
            continue;
        }
        parents(&place)?;
        if fs::symlink_metadata(&place).is_err() {
            mknodat(CWD, &place, FileType::CharacterDevice, FsMode::empty(), makedev(0, 0))
                .map_err(|e| failed(&place, e.into()))?;
        }
    }
    Ok(())
}

fn parents(place: &Path) -> Result<(), EngineError> {
    match place.parent() {
        Some(parent) => fs::create_dir_all(parent).map_err(|e| EngineError::folder(parent, e)),
        None => Ok(()),
    }
}

/// Whether one of the path's folders is a file in the upper layer.
fn hidden(upper: &Path, path: &str) -> bool {
    let folders = Path::new(path).ancestors().skip(1).filter(|f| !f.as_os_str().is_empty());
    folders.into_iter().any(|folder| fs::symlink_metadata(upper.join(folder)).is_ok_and(|m| !m.is_dir()))
}

fn put(place: &Path, bytes: &[u8], mode: Mode, least: Option<SystemTime>) -> std::io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    if mode == Mode::Symlink {
        return symlink(std::ffi::OsStr::from_bytes(bytes), place);
    }
    let mut file = fs::File::create(place)?;
    file.write_all(bytes)?;
    if let Some(least) = least
        && file.metadata()?.modified()? < least
    {
        file.set_modified(least)?;
    }
    let bits = if mode == Mode::Executable { 0o755 } else { 0o644 };
    file.set_permissions(fs::Permissions::from_mode(bits))
}
