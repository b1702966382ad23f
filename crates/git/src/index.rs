//! The index of a throw-away git directory: git's `index-format`, version 2, with the stat fields at zero as after
//! `git read-tree`.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use domain::ids::TreeId;
use gix::bstr::BString;
use gix::hash::ObjectId;

use crate::objects::parse;
use crate::tree::walk_bytes;
use crate::{Change, GitError, Mode, Repository};

/// The words before an entry's id: six of stat, the mode, three more of stat.
const BEFORE_ID: usize = 40;

/// The signature, the version and the number of entries.
const HEADER: usize = 12;

impl Repository {
    /// The index of a tree. The cost grows with the number of files.
    ///
    /// # Errors
    /// When the tree cannot be read.
    pub fn index(&self, tree: &TreeId) -> Result<Vec<u8>, GitError> {
        let gix = self.gix();
        let mut files: Vec<(BString, Mode, ObjectId)> = Vec::new();
        walk_bytes(&gix, parse(&gix, tree.as_str())?, &mut |path, entry| {
            if entry.mode != Mode::Tree {
                files.push((path.into(), entry.mode, entry.id.0));
            }
            ControlFlow::Continue(())
        })?;
        files.sort_by(|a, b| a.0.cmp(&b.0));
        let mut entries = Vec::new();
        for (path, mode, id) in &files {
            write_entry(&mut entries, path, *mode, id);
        }
        finish(&gix, files.len(), &entries)
    }
}

/// An index with changes, which lead from its tree to another one.
pub(crate) fn changed(gix: &gix::Repository, index: &[u8], changes: &[Change]) -> Result<Vec<u8>, GitError> {
    if changes.is_empty() {
        return Ok(index.to_vec());
    }
    let mut by_path = BTreeMap::new();
    for change in changes {
        let (path, what) = match change {
            Change::Write { path, bytes, mode } => (path, Some((*mode, blob_id(gix, bytes)?))),
            Change::Delete { path } => (path, None),
        };
        by_path.insert(path.as_bytes(), what);
    }
    let (mut count, mut entries) = (0, Vec::with_capacity(index.len()));
    let mut changes = by_path.into_iter().peekable();
    let mut put = |path: &[u8], what: Option<(Mode, ObjectId)>, entries: &mut Vec<u8>| {
        if let Some((mode, id)) = what {
            write_entry(entries, path, mode, &id);
            count += 1;
        }
    };
    let mut kept = 0;
    for (path, entry) in read_entries(index, gix.object_hash().len_in_bytes()) {
        while let Some((new, what)) = changes.next_if(|(new, _)| *new < path) {
            put(new, what, &mut entries);
        }
        match changes.next_if(|(new, _)| *new == path) {
            Some((_, what)) => put(path, what, &mut entries),
            None => {
                entries.extend_from_slice(entry);
                kept += 1;
            }
        }
    }
    for (path, what) in changes {
        put(path, what, &mut entries);
    }
    finish(gix, count + kept, &entries)
}

fn blob_id(gix: &gix::Repository, bytes: &[u8]) -> Result<ObjectId, GitError> {
    gix::objs::compute_hash(gix.object_hash(), gix::objs::Kind::Blob, bytes)
        .map_err(|error| GitError::WriteObject { source: gix::Error::from_error(error) })
}

/// The entries of an index that was made here, each with its path. What is cut ends the list.
fn read_entries(index: &[u8], id_bytes: usize) -> impl Iterator<Item = (&[u8], &[u8])> {
    let end = index.len().saturating_sub(id_bytes);
    let mut rest = index.get(HEADER..end).unwrap_or_default();
    std::iter::from_fn(move || {
        let start = BEFORE_ID + id_bytes + 2;
        let length = rest.get(start..)?.iter().position(|byte| *byte == 0)?;
        let (entry, behind) = rest.split_at_checked((start + length) / 8 * 8 + 8)?;
        rest = behind;
        Some((&entry[start..start + length], entry))
    })
}

/// The stat words, the mode among them, the id, the name's length, the name, and 1 to 8 NULs up to a multiple of eight.
fn write_entry(bytes: &mut Vec<u8>, path: &[u8], mode: Mode, id: &ObjectId) {
    let start = bytes.len();
    let mode: u32 = match mode {
        Mode::File | Mode::Tree => 0o100_644,
        Mode::Executable => 0o100_755,
        Mode::Symlink => 0o120_000,
        Mode::Submodule => 0o160_000,
    };
    bytes.extend_from_slice(&[0; 24]);
    bytes.extend_from_slice(&mode.to_be_bytes());
    bytes.extend_from_slice(&[0; 12]);
    bytes.extend_from_slice(id.as_slice());
    bytes.extend_from_slice(&u16::try_from(path.len().min(0xfff)).unwrap_or(0xfff).to_be_bytes());
    bytes.extend_from_slice(path);
    let padding = 8 - (bytes.len() - start) % 8;
    bytes.extend_from_slice(&[0; 8][..padding]);
}

fn finish(gix: &gix::Repository, count: usize, entries: &[u8]) -> Result<Vec<u8>, GitError> {
    let mut bytes = Vec::with_capacity(HEADER + entries.len() + 32);
    bytes.extend_from_slice(b"DIRC\0\0\0\x02");
    bytes.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(entries);
    let mut hasher = gix::hash::hasher(gix.object_hash());
    hasher.update(&bytes);
    let sum = hasher
        .try_finalize()
        .map_err(|error| GitError::WriteObject { source: gix::Error::from_error(error) })?;
    bytes.extend_from_slice(sum.as_slice());
    Ok(bytes)
}
