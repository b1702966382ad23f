//! Editing a tree in memory. Nothing is written until every change fits, and then only the blobs and the folders on the
//! way to them: the cost follows the change, not the repository.

use std::collections::BTreeMap;

use domain::ids::TreeId;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::objs::{Kind, TreeRefIter};

use crate::objects::{data, object, tree_id};
use crate::tree::MAX_DEPTH;
use crate::{GitError, Mode, Repository};

/// One change to a tree. Paths are relative, with `/` between the parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Adds the file or replaces it, with these bytes as they are.
    Write {
        /// Where.
        path: String,
        /// The content, or the target of a symbolic link.
        bytes: Vec<u8>,
        /// File, executable or symbolic link.
        mode: Mode,
    },
    /// Removes the file, link or submodule, which must exist.
    Delete {
        /// Which.
        path: String,
    },
}

impl Repository {
    /// The tree that `base` becomes with these changes, which apply wholly or not at all. A file may give way to a
    /// folder, and a folder to a file, only when the changes delete what was there. Entries that no change names keep
    /// their bytes and modes, whatever their names are. Folders that become empty vanish.
    pub fn edit(&self, base: &TreeId, changes: &[Change]) -> Result<TreeId, GitError> {
        let gix = self.gix();
        let (edit, result) = Edit::of(&gix, base, changes)?;
        edit.write()?;
        Ok(result)
    }

    /// The id of the tree that [`Self::edit`] would give. No object is written, so nothing can be read of that tree.
    pub fn edited(&self, base: &TreeId, changes: &[Change]) -> Result<TreeId, GitError> {
        Edit::of(&self.gix(), base, changes).map(|(_, result)| result)
    }
}

/// The changes as a tree of names.
#[derive(Default)]
struct Plan<'a> {
    leaf: Option<&'a Change>,
    below: BTreeMap<&'a str, Plan<'a>>,
}

impl<'a> Plan<'a> {
    fn of(changes: &'a [Change]) -> Result<Self, GitError> {
        let mut root = Self::default();
        for change in changes {
            let (path, mode) = match change {
                Change::Write { path, mode, .. } => (path, *mode),
                Change::Delete { path } => (path, Mode::File),
            };
            let refuse = |reason: String| Err(GitError::InvalidPath { path: path.clone(), reason });
            // A deletion may name any path that a tree holds, but none so deep that following it ends our stack.
            if path.split('/').count() > MAX_DEPTH {
                return refuse("it is too deep".to_owned());
            }
            if !mode.is_blob() {
                return refuse("only files and links can be written".to_owned());
            }
            if let (Err(reason), Change::Write { .. }) = (check_path(path.as_bytes().as_bstr(), mode), change)
            {
                return refuse(reason);
            }
            let mut at = &mut root;
            for name in path.split('/') {
                at = at.below.entry(name).or_default();
            }
            if at.leaf.replace(change).is_some() {
                return refuse("two changes name it".to_owned());
            }
        }
        Ok(root)
    }
}

/// Refuses what git itself would not check out on Linux, macOS or Windows: empty and relative parts, NUL, and every
/// spelling of `.git`. A link may not be called `.gitmodules`.
pub(crate) fn check_path(path: &BStr, mode: Mode) -> Result<(), String> {
    use gix::validate::path::component;
    let options = component::Options { protect_windows: false, protect_hfs: true, protect_ntfs: true };
    let parts = path.split(|byte| *byte == b'/').count();
    if path.len() > 4096 {
        return Err("it is too long".to_owned());
    }
    if path.contains(&0) {
        return Err("it has a NUL".to_owned());
    }
    for (index, part) in path.split(|byte| *byte == b'/').enumerate() {
        let link = (index + 1 == parts && mode == Mode::Symlink).then_some(component::Mode::Symlink);
        gix::validate::path::component(part.as_bstr(), link, options).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// New objects, held in memory until all of them are known.
struct Edit<'a> {
    gix: &'a gix::Repository,
    pending: Vec<(Kind, Vec<u8>, gix::ObjectId)>,
}

impl<'a> Edit<'a> {
    /// All new objects and the id of the resulting tree, in memory.
    fn of(gix: &'a gix::Repository, base: &TreeId, changes: &[Change]) -> Result<(Self, TreeId), GitError> {
        let plan = Plan::of(changes)?;
        let (root, _) = object(gix, base.as_str(), Kind::Tree)?;
        let mut edit = Self { gix, pending: Vec::new() };
        let result = match edit.folder(Some(root), &plan, "")? {
            Some(id) => id,
            None => edit.stage(Kind::Tree, Vec::new())?,
        };
        Ok((edit, tree_id(result)?))
    }

    /// The folder `before` with the plan done to what is in it; none when nothing is left.
    fn folder(
        &mut self,
        before: Option<gix::ObjectId>,
        plan: &Plan<'_>,
        path: &str,
    ) -> Result<Option<gix::ObjectId>, GitError> {
        let mut entries = match before {
            Some(id) => self.load(id)?,
            None => BTreeMap::new(),
        };
        for (name, below) in &plan.below {
            let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}/{name}") };
            let key = BString::from(*name);
            let found = entries.remove(&key);
            if let Some(entry) = self.entry(found, below, &path)? {
                entries.insert(key, entry);
            }
        }
        if entries.is_empty() {
            return Ok(None);
        }
        let mut entries: Vec<_> = entries
            .into_iter()
            .map(|(filename, (mode, oid))| gix::objs::tree::Entry { mode, filename, oid })
            .collect();
        entries.sort();
        let mut bytes = Vec::new();
        gix::objs::WriteTo::write_to(&gix::objs::Tree { entries }, &mut bytes)
            .map_err(|source| GitError::WriteObject { source: gix::Error::from_error(source) })?;
        self.stage(Kind::Tree, bytes).map(Some)
    }

    /// The entry `found` with the plan done to it: first a deletion, then what is below, then a write.
    fn entry(&mut self, found: Option<Raw>, plan: &Plan<'_>, path: &str) -> Result<Option<Raw>, GitError> {
        let conflict =
            |occupant: &str| GitError::PathConflict { path: path.to_owned(), occupant: occupant.to_owned() };
        let mut now = found;
        if let Some(Change::Delete { .. }) = plan.leaf {
            match now {
                Some((mode, _)) if !mode.is_tree() => now = None,
                _ => return Err(GitError::NoSuchFile { path: path.to_owned() }),
            }
        }
        if !plan.below.is_empty() {
            let before = match now {
                Some((mode, id)) if mode.is_tree() => Some(id),
                Some(_) => return Err(conflict("a file where a folder is needed")),
                None => None,
            };
            let mode = gix::objs::tree::EntryKind::Tree.into();
            now = self.folder(before, plan, path)?.map(|id| (mode, id));
        }
        if let Some(Change::Write { bytes, mode, .. }) = plan.leaf {
            match now {
                Some((mode, _)) if mode.is_tree() => return Err(conflict("a folder")),
                Some((mode, _)) if mode.is_commit() => return Err(conflict("a submodule")),
                _ => now = Some((mode.kind().into(), self.stage(Kind::Blob, bytes.clone())?)),
            }
        }
        Ok(now)
    }

    /// The entries of one tree with their modes as stored, by name.
    fn load(&self, id: gix::ObjectId) -> Result<BTreeMap<BString, Raw>, GitError> {
        let bytes = data(self.gix, id, Kind::Tree)?;
        let mut entries = BTreeMap::new();
        for entry in TreeRefIter::from_bytes(&bytes, self.gix.object_hash()) {
            let entry = entry.map_err(|source| GitError::ReadObject { id: id.to_string(), source })?;
            let name = entry.filename.to_owned();
            if entries.insert(name, (entry.mode, entry.oid.to_owned())).is_some() {
                let path = entry.filename.to_str_lossy().into_owned();
                return Err(GitError::InvalidPath { path, reason: format!("tree {id} has it twice") });
            }
        }
        Ok(entries)
    }

    fn stage(&mut self, kind: Kind, bytes: Vec<u8>) -> Result<gix::ObjectId, GitError> {
        let id = gix::objs::compute_hash(self.gix.object_hash(), kind, &bytes)
            .map_err(|source| GitError::WriteObject { source })?;
        self.pending.push((kind, bytes, id));
        Ok(id)
    }

    /// Writes what is not there yet; blobs and inner folders come before the folders that name them.
    fn write(self) -> Result<(), GitError> {
        use gix::objs::Write;
        for (kind, bytes, id) in &self.pending {
            self.gix
                .write_buf_with_known_id(*kind, bytes, *id)
                .map_err(|source| GitError::WriteObject { source })?;
        }
        Ok(())
    }
}

type Raw = (gix::objs::tree::EntryMode, gix::ObjectId);
