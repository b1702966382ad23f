//! Reading trees: looking up a path, listing a folder, walking over all files. Bounded, for a tree may be crafted.

use std::ops::ControlFlow;

use domain::ids::TreeId;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::objs::{Kind, TreeRefIter};

use crate::objects::{blob_bytes, data, parse};
use crate::{Blob, Entry, GitError, Mode, ObjectId, Repository};

/// Folders inside folders beyond this are refused; no path that a file system takes is as deep.
pub(crate) const MAX_DEPTH: usize = 512;
/// A walk that meets more entries than this is refused: a few kilobytes of crafted trees can name billions of files.
const MAX_ENTRIES: u64 = 2_000_000;

/// A file met by [`Repository::walk`].
#[derive(Debug, Clone, Copy)]
pub struct TreeFile<'a> {
    /// The whole path.
    pub path: &'a str,
    /// The file, link or submodule; never a folder.
    pub entry: Entry,
}

/// One folder of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Names with their entries, in git's order.
    pub entries: Vec<(String, Entry)>,
    /// Names that are not UTF-8, lossily as text; they cannot be addressed by this interface.
    pub not_utf8: Vec<String>,
}

impl Repository {
    /// What is at `path`; none when nothing is. The empty path is the tree itself.
    pub fn entry(&self, tree: &TreeId, path: &str) -> Result<Option<Entry>, GitError> {
        let gix = self.gix();
        find(&gix, parse(&gix, tree.as_str())?, path)
    }

    /// The file or link at `path`; none when nothing, a folder or a submodule is there. More than `cap` bytes are
    /// refused without being read.
    pub fn read(&self, tree: &TreeId, path: &str, cap: u64) -> Result<Option<Blob>, GitError> {
        let gix = self.gix();
        let found = find(&gix, parse(&gix, tree.as_str())?, path)?;
        let Some(entry) = found.filter(|entry| entry.mode.is_blob()) else { return Ok(None) };
        let bytes = blob_bytes(&gix, entry.id.0, cap, path)?;
        Ok(Some(Blob { id: entry.id, bytes, mode: entry.mode }))
    }

    /// The folder `prefix`, one level of it; the empty prefix is the top. Empty when there is no such folder.
    pub fn list(&self, tree: &TreeId, prefix: &str) -> Result<Listing, GitError> {
        let gix = self.gix();
        let folder = find(&gix, parse(&gix, tree.as_str())?, prefix)?;
        let mut listing = Listing::default();
        let Some(folder) = folder.filter(|entry| entry.mode == Mode::Tree) else { return Ok(listing) };
        for (name, entry) in entries(&gix, folder.id.0)? {
            match name.to_str() {
                Ok(name) => listing.entries.push((name.to_owned(), entry)),
                Err(_) => listing.not_utf8.push(name.to_str_lossy().into_owned()),
            }
        }
        Ok(listing)
    }

    /// Visits all files, links and submodules in git's order, until `visit` breaks. Returns the paths that are not
    /// UTF-8 and were left out, lossily as text.
    pub fn walk(
        &self,
        tree: &TreeId,
        visit: &mut dyn FnMut(TreeFile<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<String>, GitError> {
        let gix = self.gix();
        let mut not_utf8 = Vec::new();
        let root = parse(&gix, tree.as_str())?;
        walk_bytes(&gix, root, &mut |path, entry| match path.to_str() {
            _ if entry.mode == Mode::Tree => ControlFlow::Continue(()),
            Ok(path) => visit(TreeFile { path, entry }),
            Err(_) => {
                not_utf8.push(path.to_str_lossy().into_owned());
                ControlFlow::Continue(())
            }
        })?;
        Ok(not_utf8)
    }
}

/// What is at `path` below the tree; the tree itself for the empty path.
fn find(gix: &gix::Repository, root: gix::ObjectId, path: &str) -> Result<Option<Entry>, GitError> {
    let mut at = Entry { id: ObjectId(root), mode: Mode::Tree };
    if path.is_empty() {
        return Ok(Some(at));
    }
    for name in path.split('/') {
        if at.mode != Mode::Tree {
            return Ok(None);
        }
        let bytes = data(gix, at.id.0, Kind::Tree)?;
        match iterate(gix, &bytes, at.id.0).find(|found| found.as_ref().map_or(true, |(n, _)| *n == name)) {
            Some(found) => at = found?.1,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

/// The entries in the bytes of the tree `id`.
fn iterate<'a>(
    gix: &gix::Repository,
    bytes: &'a [u8],
    id: gix::ObjectId,
) -> impl Iterator<Item = Result<(&'a BStr, Entry), GitError>> {
    TreeRefIter::from_bytes(bytes, gix.object_hash()).map(move |entry| {
        let entry = entry.map_err(|source| GitError::ReadObject { id: id.to_string(), source })?;
        let mode = Mode::from(entry.mode.kind());
        Ok((entry.filename, Entry { id: ObjectId(entry.oid.to_owned()), mode }))
    })
}

/// The entries of one tree, owned.
pub(crate) fn entries(gix: &gix::Repository, id: gix::ObjectId) -> Result<Vec<(BString, Entry)>, GitError> {
    let bytes = data(gix, id, Kind::Tree)?;
    iterate(gix, &bytes, id).map(|found| found.map(|(name, entry)| (name.to_owned(), entry))).collect()
}

/// Visits everything below the tree, folders before what is in them, with whole paths.
pub(crate) fn walk_bytes(
    gix: &gix::Repository,
    root: gix::ObjectId,
    visit: &mut dyn FnMut(&BStr, Entry) -> ControlFlow<()>,
) -> Result<(), GitError> {
    walk_at_most(gix, root, MAX_ENTRIES, visit)
}

fn walk_at_most(
    gix: &gix::Repository,
    root: gix::ObjectId,
    limit: u64,
    visit: &mut dyn FnMut(&BStr, Entry) -> ControlFlow<()>,
) -> Result<(), GitError> {
    let mut walk = Walk { gix, limit, met: 0, path: BString::default(), visit };
    walk.folder(root, 0).map(|_| ())
}

struct Walk<'a> {
    gix: &'a gix::Repository,
    limit: u64,
    met: u64,
    path: BString,
    visit: &'a mut dyn FnMut(&BStr, Entry) -> ControlFlow<()>,
}

impl Walk<'_> {
    fn folder(&mut self, id: gix::ObjectId, depth: usize) -> Result<ControlFlow<()>, GitError> {
        if depth > MAX_DEPTH {
            return Err(GitError::TooLarge { what: "the depth of the tree".into(), limit: MAX_DEPTH as u64 });
        }
        let bytes = data(self.gix, id, Kind::Tree)?;
        let above = self.path.len();
        for found in iterate(self.gix, &bytes, id) {
            let (name, entry) = found?;
            self.met += 1;
            if self.met > self.limit {
                return Err(GitError::TooLarge { what: "the number of files".into(), limit: self.limit });
            }
            if above > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(name);
            let mut flow = (self.visit)(self.path.as_ref(), entry);
            if flow.is_continue() && entry.mode == Mode::Tree {
                flow = self.folder(entry.id.0, depth + 1)?;
            }
            self.path.truncate(above);
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(
        repo: &gix::Repository,
        names: u32,
        mode: gix::objs::tree::EntryKind,
        oid: gix::ObjectId,
    ) -> gix::ObjectId {
        let entries = (0..names).map(|number| gix::objs::tree::Entry {
            mode: mode.into(),
            filename: format!("{number:03}").into(),
            oid,
        });
        repo.write_object(&gix::objs::Tree { entries: entries.collect() }).unwrap().detach()
    }

    #[test]
    fn a_few_trees_that_name_billions_of_files_are_refused() {
        use gix::objs::tree::EntryKind;
        let folder = tempfile::TempDir::new().unwrap();
        let repo = gix::init_bare(folder.path()).unwrap();
        let blob = repo.write_blob(b"x").unwrap().detach();
        let mut bomb = tree(&repo, 1, EntryKind::Blob, blob);
        for _ in 0..12 {
            bomb = tree(&repo, 10, EntryKind::Tree, bomb);
        }
        let mut met = 0;
        let error = walk_at_most(&repo, bomb, 1000, &mut |_, _| {
            met += 1;
            ControlFlow::Continue(())
        });
        assert!(matches!(error, Err(GitError::TooLarge { limit: 1000, .. })), "{error:?}");
        assert_eq!(met, 1000);
    }

    #[test]
    fn a_tree_that_is_deeper_than_any_path_is_refused() {
        use gix::objs::tree::EntryKind;
        let folder = tempfile::TempDir::new().unwrap();
        let repo = gix::init_bare(folder.path()).unwrap();
        let blob = repo.write_blob(b"x").unwrap().detach();
        let mut deep = tree(&repo, 1, EntryKind::Blob, blob);
        for _ in 0..=MAX_DEPTH {
            deep = tree(&repo, 1, EntryKind::Tree, deep);
        }
        let error = walk_bytes(&repo, deep, &mut |_, _| ControlFlow::Continue(()));
        assert!(matches!(error, Err(GitError::TooLarge { .. })), "{error:?}");
    }
}
