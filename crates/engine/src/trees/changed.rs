//! Looks whether a run changed tracked files: what was checked must be what is published. In an overlay only the upper
//! layer is looked at, so the cost follows what was written.

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use git::{Entry, Mode};

use crate::error::EngineError;
use crate::trees::Content;

/// Tracked files above this size are compared by their size alone.
const COMPARED: u64 = 64 << 20;

/// The tracked files that differ, in the upper layer of an overlay.
pub(super) fn in_upper(upper: &Path, content: &Content<'_>) -> Result<Vec<String>, EngineError> {
    let mut found = BTreeSet::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let place = upper.join(&folder);
        let entries = fs::read_dir(&place).map_err(|e| EngineError::folder(&place, e))?;
        if is_opaque(&place) {
            lost_below(&place, &folder, content, &mut found)?;
        }
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if path == ".git" {
                continue;
            }
            let tracked = content.repository.entry(content.tree, &path)?;
            let is_dir = entry.file_type().is_ok_and(|t| t.is_dir());
            match tracked {
                None if is_dir => {}
                None => continue,
                Some(tracked) if tracked.mode == Mode::Tree => {
                    if !is_dir {
                        found.insert(format!("{path}/"));
                        continue;
                    }
                }
                Some(tracked) => {
                    if !same(&entry.path(), &path, tracked, content)? {
                        found.insert(path);
                    }
                    continue;
                }
            }
            // Below an untracked folder nothing is tracked.
            if content.repository.entry(content.tree, &path)?.is_some() {
                folders.push(path);
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// A folder that was removed and made again hides everything below it in the base.
pub(super) fn is_opaque(place: &Path) -> bool {
    let mut value = [0_u8; 4];
    ["user.overlay.opaque", "trusted.overlay.opaque"].iter().any(|name| {
        rustix::fs::getxattr(place, *name, &mut value)
            .is_ok_and(|length| value.get(..length) == Some(b"y".as_slice()))
    })
}

fn lost_below(
    place: &Path,
    folder: &str,
    content: &Content<'_>,
    found: &mut BTreeSet<String>,
) -> Result<(), EngineError> {
    for (name, entry) in content.repository.list(content.tree, folder)?.entries {
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if entry.mode != Mode::Submodule && fs::symlink_metadata(place.join(&name)).is_err() {
            found.insert(path);
        }
    }
    Ok(())
}

/// The tracked files that differ, in a checkout: every file is looked at.
pub(super) fn in_checkout(root: &Path, content: &Content<'_>) -> Result<Vec<String>, EngineError> {
    let mut tracked: Vec<(String, Entry)> = Vec::new();
    content.repository.walk(content.tree, &mut |file| {
        tracked.push((file.path.to_owned(), file.entry));
        ControlFlow::Continue(())
    })?;
    let mut found = Vec::new();
    for (path, entry) in tracked {
        if entry.mode != Mode::Submodule && !same(&root.join(&path), &path, entry, content)? {
            found.push(path);
        }
    }
    Ok(found)
}

/// Whether the file on disk is what the tree has at that path: kind, executable bit and content.
pub(super) fn same(
    place: &Path,
    path: &str,
    tracked: Entry,
    content: &Content<'_>,
) -> Result<bool, EngineError> {
    let Ok(meta) = fs::symlink_metadata(place) else { return Ok(false) };
    let blob = match tracked.mode {
        Mode::Submodule => return Ok(meta.is_dir()),
        Mode::Tree => return Ok(meta.is_dir()),
        Mode::Symlink if !meta.is_symlink() => return Ok(false),
        Mode::File | Mode::Executable if !meta.is_file() || meta.file_type().is_char_device() => {
            return Ok(false);
        }
        _ => content.repository.read(content.tree, path, COMPARED)?,
    };
    let Some(blob) = blob else { return Ok(false) };
    if tracked.mode == Mode::Symlink {
        return Ok(fs::read_link(place).is_ok_and(|target| target.as_os_str().as_bytes() == blob.bytes));
    }
    let executable = meta.mode() & 0o100 != 0;
    if executable != (tracked.mode == Mode::Executable) || meta.len() != blob.bytes.len() as u64 {
        return Ok(false);
    }
    Ok(fs::read(place).is_ok_and(|bytes| bytes == blob.bytes))
}
