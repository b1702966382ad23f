//! What differs between two trees, file by file. It opens only the folders that differ, looks for no renames, and
//! reads no blob.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use domain::ids::TreeId;
use gix::bstr::{BString, ByteSlice};

use crate::objects::parse;
use crate::tree::{MAX_DEPTH, entries, walk_bytes};
use crate::{Entry, GitError, Mode, Repository};

/// One file, link or submodule that differs. Where a file became a folder, there is a delta for the file and one for each
/// file in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// The whole path.
    pub path: String,
    /// What was there.
    pub old: Option<Entry>,
    /// What is there.
    pub new: Option<Entry>,
}

impl Repository {
    /// All files that differ between the two trees, sorted by path. A differing path that is not UTF-8 is an error, so
    /// that no judge of a change can miss it.
    pub fn diff_trees(&self, old: &TreeId, new: &TreeId) -> Result<Vec<Delta>, GitError> {
        let gix = self.gix();
        let mut diff = Diff { gix: &gix, deltas: Vec::new() };
        diff.folders(&BString::default(), parse(&gix, old.as_str())?, parse(&gix, new.as_str())?, 0)?;
        diff.deltas.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(diff.deltas)
    }
}

struct Diff<'a> {
    gix: &'a gix::Repository,
    deltas: Vec<Delta>,
}

impl Diff<'_> {
    fn folders(
        &mut self,
        path: &BString,
        old: gix::ObjectId,
        new: gix::ObjectId,
        depth: usize,
    ) -> Result<(), GitError> {
        if old == new {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            return Err(GitError::TooLarge { what: "the depth of the tree".into(), limit: MAX_DEPTH as u64 });
        }
        let mut pairs: BTreeMap<BString, (Option<Entry>, Option<Entry>)> = BTreeMap::new();
        for (name, entry) in entries(self.gix, old)? {
            pairs.entry(name).or_default().0 = Some(entry);
        }
        for (name, entry) in entries(self.gix, new)? {
            pairs.entry(name).or_default().1 = Some(entry);
        }
        for (name, (old, new)) in pairs {
            if old != new {
                self.pair(&join(path, &name), old, new, depth)?;
            }
        }
        Ok(())
    }

    fn pair(
        &mut self,
        path: &BString,
        old: Option<Entry>,
        new: Option<Entry>,
        depth: usize,
    ) -> Result<(), GitError> {
        let folder = |side: Option<Entry>| side.filter(|entry| entry.mode == Mode::Tree);
        if let (Some(old), Some(new)) = (folder(old), folder(new)) {
            return self.folders(path, old.id.0, new.id.0, depth + 1);
        }
        for (side, is_old) in [(old, true), (new, false)] {
            if let Some(entry) = folder(side) {
                self.whole_folder(path, entry, is_old)?;
            }
        }
        let file = |side: Option<Entry>| side.filter(|entry| entry.mode != Mode::Tree);
        match (file(old), file(new)) {
            (None, None) => Ok(()),
            (old, new) => self.push(path, old, new),
        }
    }

    fn whole_folder(&mut self, path: &BString, folder: Entry, is_old: bool) -> Result<(), GitError> {
        let mut files = Vec::new();
        walk_bytes(self.gix, folder.id.0, &mut |below, entry| {
            if entry.mode != Mode::Tree {
                files.push((join(path, below), entry));
            }
            ControlFlow::Continue(())
        })?;
        files.into_iter().try_for_each(|(path, entry)| match is_old {
            true => self.push(&path, Some(entry), None),
            false => self.push(&path, None, Some(entry)),
        })
    }

    fn push(&mut self, path: &BString, old: Option<Entry>, new: Option<Entry>) -> Result<(), GitError> {
        let text = path.to_str().map_err(|_| GitError::InvalidPath {
            path: path.to_str_lossy().into_owned(),
            reason: "it differs and is not UTF-8".to_owned(),
        })?;
        self.deltas.push(Delta { path: text.to_owned(), old, new });
        Ok(())
    }
}

fn join(path: &BString, name: &[u8]) -> BString {
    let mut whole = path.clone();
    if !whole.is_empty() {
        whole.push(b'/');
    }
    whole.extend_from_slice(name);
    whole
}
