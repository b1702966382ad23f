//! Who owns the files of a tree: giving them to the box's user before a run, and removing them afterwards.
//!
//! Both walk folders that untrusted code has written, so every step goes through a folder descriptor and never
//! follows a symbolic link. No box may be running in the tree meanwhile.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};

use crate::SandboxError;
use crate::error::{Step, StepError};

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Makes everything below and including `path` belong to `owner`; what already does is left alone.
///
/// A file with a second name that belongs to somebody else is refused: the other name may be outside of the tree.
pub(crate) fn give(path: &Path, owner: (u32, u32)) -> Result<(), StepError> {
    let top = rustix::fs::open(path, FOLDER, Mode::empty()).step_at("open", path)?;
    let stat = rustix::fs::fstat(&top).step_at("look at", path)?;
    if stat.st_uid != owner.0 {
        let (uid, gid) = ids(owner);
        rustix::fs::fchown(&top, uid, gid).step_at("change the owner of", path)?;
    }
    give_entries(top, owner).step_at("change the owner below", path)
}

/// One descriptor for each folder on the way down: a wide folder costs no more than a narrow one.
fn give_entries(folder: OwnedFd, owner: (u32, u32)) -> io::Result<()> {
    let mut way = vec![listing(folder)?];
    while let Some((folder, entries)) = way.last_mut() {
        let Some(entry) = entries.next() else {
            way.pop();
            continue;
        };
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let stat = rustix::fs::statat(&*folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        give_entry(folder.as_fd(), name, &stat, owner)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let below = rustix::fs::openat(&*folder, name, FOLDER, Mode::empty())?;
            way.push(listing(below)?);
        }
    }
    Ok(())
}

fn listing(folder: OwnedFd) -> io::Result<(OwnedFd, Dir)> {
    let entries = Dir::read_from(&folder)?;
    Ok((folder, entries))
}

fn give_entry(folder: BorrowedFd<'_>, name: &CStr, stat: &Stat, owner: (u32, u32)) -> io::Result<()> {
    if stat.st_uid == owner.0 {
        return Ok(());
    }
    if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_nlink > 1 {
        let text = format!("{} has a second name (hard link)", name.to_string_lossy());
        return Err(io::Error::other(text));
    }
    let (uid, gid) = ids(owner);
    Ok(rustix::fs::chownat(folder, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?)
}

fn ids(owner: (u32, u32)) -> (Option<Uid>, Option<Gid>) {
    (Some(Uid::from_raw(owner.0)), Some(Gid::from_raw(owner.1)))
}

/// Removes a folder whatever a command or an overlay left in it, such as folders without any permission.
/// A missing folder is fine, so it may be called twice.
///
/// # Errors
/// [`SandboxError::Remove`] when something stays.
pub fn remove_tree(path: &Path) -> Result<(), SandboxError> {
    let failed = |source| SandboxError::Remove { path: path.to_owned(), source };
    let folder = match open_for_removal(CWD, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(failed)?,
    };
    Removal { top: &folder, moved: 0 }.remove_entries(&folder, 0).map_err(failed)?;
    rustix::fs::unlinkat(CWD, path, AtFlags::REMOVEDIR).map_err(|error| failed(error.into()))
}

/// Folders below this depth are moved to the top before they are gone into, so that neither the stack nor the open
/// descriptors grow with the depth that a command has chosen.
const DEEP: usize = 64;

/// The removal of one tree.
struct Removal<'a> {
    top: &'a OwnedFd,
    moved: u64,
}

impl Removal<'_> {
    fn remove_entries(&mut self, folder: &OwnedFd, depth: usize) -> io::Result<()> {
        loop {
            for_each_entry(folder.as_fd(), |name, stat| {
                if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                    return Ok(rustix::fs::unlinkat(folder, name, AtFlags::empty())?);
                }
                // An empty folder goes without being opened, which a folder without permissions could not be.
                if rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR).is_ok() {
                    return Ok(());
                }
                let below = open_for_removal(folder.as_fd(), name)?;
                if depth >= DEEP {
                    return self.move_up(folder, name);
                }
                self.remove_entries(&below, depth + 1)?;
                Ok(rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR)?)
            })?;
            // What was moved to the top meanwhile may stand before the place that its listing had reached.
            if depth > 0 || !has_entries(folder)? {
                return Ok(());
            }
        }
    }

    fn move_up(&mut self, folder: &OwnedFd, name: &CStr) -> io::Result<()> {
        loop {
            self.moved += 1;
            let free = format!(".deep-{}-{}", std::process::id(), self.moved);
            let flags = rustix::fs::RenameFlags::NOREPLACE;
            match rustix::fs::renameat_with(folder, name, self.top, free, flags) {
                Err(Errno::EXIST) => {}
                other => return Ok(other?),
            }
        }
    }
}

fn has_entries(folder: &OwnedFd) -> io::Result<bool> {
    let mut found = false;
    for_each_entry(folder.as_fd(), |_, _| {
        found = true;
        Ok(())
    })?;
    Ok(found)
}

/// Opens a folder and makes sure that its entries can be listed and removed.
fn open_for_removal<P: rustix::path::Arg + Copy>(parent: BorrowedFd<'_>, name: P) -> io::Result<OwnedFd> {
    let wanted = Mode::RWXU;
    let folder = match rustix::fs::openat(parent, name, FOLDER, Mode::empty()) {
        Err(Errno::ACCESS) => {
            // chmod follows links, but here `name` was just seen to be a folder, and nothing runs in the tree.
            rustix::fs::chmodat(parent, name, wanted, AtFlags::empty())?;
            rustix::fs::openat(parent, name, FOLDER, Mode::empty())?
        }
        other => other?,
    };
    if Mode::from_raw_mode(rustix::fs::fstat(&folder)?.st_mode).contains(wanted) {
        return Ok(folder);
    }
    rustix::fs::fchmod(&folder, wanted)?;
    Ok(folder)
}

fn for_each_entry(
    folder: BorrowedFd<'_>,
    mut act: impl FnMut(&CStr, &Stat) -> io::Result<()>,
) -> io::Result<()> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        act(name, &stat)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_tree_with_closed_folders_and_links_is_removed_and_the_links_targets_stay() {
        let place = tempfile::tempdir().unwrap();
        let kept = place.path().join("kept");
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("file"), "x").unwrap();
        let tree = place.path().join("tree");
        fs::create_dir_all(tree.join("closed/inner")).unwrap();
        fs::write(tree.join("closed/inner/file"), "x").unwrap();
        symlink(&kept, tree.join("closed/link")).unwrap();
        for mode in [("closed/inner", 0o000), ("closed", 0o500)] {
            fs::set_permissions(tree.join(mode.0), fs::Permissions::from_mode(mode.1)).unwrap();
        }
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
        assert!(kept.join("file").exists());
        remove_tree(&tree).unwrap();
    }

    #[test]
    fn a_link_in_the_place_of_the_tree_is_not_followed() {
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("link");
        let target = place.path().join("target");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("file"), "x").unwrap();
        symlink(&target, &link).unwrap();
        assert!(matches!(remove_tree(&link), Err(SandboxError::Remove { .. })));
        assert!(target.join("file").exists());
    }

    #[test]
    fn giving_a_tree_to_its_owner_changes_nothing_and_links_are_not_followed() {
        let place = tempfile::tempdir().unwrap();
        symlink("/etc/hostname", place.path().join("link")).unwrap();
        let owner = fs::metadata(place.path()).unwrap();
        give(place.path(), (owner.uid(), owner.gid())).unwrap();
    }

    /// Changes into each folder, as a path of that length cannot be named.
    fn make_deep(top: &std::path::Path, depth: usize) {
        let mut folder: OwnedFd = fs::File::open(top).unwrap().into();
        for _ in 0..depth {
            rustix::fs::mkdirat(&folder, "d", Mode::RWXU).unwrap();
            folder = rustix::fs::openat(&folder, "d", FOLDER, Mode::empty()).unwrap();
        }
    }

    #[test]
    fn a_tree_of_any_depth_and_width_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let tree = place.path().join("tree");
        fs::create_dir(&tree).unwrap();
        make_deep(&tree, 2500);
        for name in 0..600 {
            fs::create_dir(tree.join(name.to_string())).unwrap();
        }
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
    }

    #[test]
    fn a_wide_tree_costs_few_descriptors() {
        let place = tempfile::tempdir().unwrap();
        for name in 0..600 {
            fs::create_dir(place.path().join(name.to_string())).unwrap();
        }
        let owner = fs::metadata(place.path()).unwrap();
        let top = rustix::fs::open(place.path(), FOLDER, Mode::empty()).unwrap();
        let before = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let few = rustix::process::Rlimit { current: Some(256), ..before };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, few).unwrap();
        let given = give_entries(top, (owner.uid(), owner.gid()));
        rustix::process::setrlimit(rustix::process::Resource::Nofile, before).unwrap();
        given.unwrap();
    }

    #[test]
    fn a_hard_link_to_somebody_elses_file_is_refused() {
        if !rustix::process::geteuid().is_root() {
            println!("SKIPPED a_hard_link_to_somebody_elses_file_is_refused: needs root");
            return;
        }
        let place = tempfile::tempdir().unwrap();
        let tree = place.path().join("tree");
        fs::create_dir(&tree).unwrap();
        fs::write(place.path().join("outside"), "x").unwrap();
        fs::hard_link(place.path().join("outside"), tree.join("inside")).unwrap();
        let error = give(&tree, (65534, 65534)).unwrap_err();
        assert!(error.source.to_string().contains("second name"), "{error}");
        assert_eq!(fs::metadata(place.path().join("outside")).unwrap().uid(), 0);
    }
}
