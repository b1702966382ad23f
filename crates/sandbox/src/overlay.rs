//! The tree's own mount: a folder bound in place, or an overlay over a base checkout that is never written.
//!
//! As an ordinary user the overlay belongs to the box's user namespace and stores its marks in `user.` attributes.
//! As real root it belongs to the machine, and the base is shown through an id-mapped mount as if it belonged to
//! the box's user; otherwise every file of the base would be somebody else's and could not be changed.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, OpenTreeFlags, UnmountFlags};

use crate::error::{Step, StepError};
use crate::mounts::{self, Plan};
use crate::spec::{Access, Tree};
use crate::sys::{self, Attributes};

/// The name below the new root under which an id-mapped base is attached while the overlay is made.
const BASE_NAME: &str = ".base";

/// A tree whose sources are open.
pub(crate) struct Prepared {
    pub(crate) at: PathBuf,
    source: Source,
}

enum Source {
    Folder(OwnedFd),
    Overlay { lower: Lower, layers: Vec<OwnedFd>, upper: OwnedFd, work: OwnedFd, in_user_namespace: bool },
}

enum Lower {
    Plain(OwnedFd),
    /// A mount that has to be attached before an overlay accepts it.
    Shifted(OwnedFd),
}

/// Opens everything the tree needs, before the new root covers any path.
pub(crate) fn prepare(tree: &Tree, plan: &Plan<'_>) -> Result<Prepared, StepError> {
    match tree {
        Tree::Folder { path, at } => {
            let mount = mounts::open_mount(path, Access::ReadWrite, false)?;
            Ok(Prepared { at: at.clone(), source: Source::Folder(mount) })
        }
        Tree::Overlay { lower, layers, upper, work, at } => {
            forget_unclean_end(work);
            let lower = match plan.shift {
                Some(shift) => Lower::Shifted(shifted(lower, shift)?),
                None => Lower::Plain(open_folder(lower)?),
            };
            let in_user_namespace = plan.own_user_namespace;
            let layers = layers.iter().map(|layer| open_folder(layer)).collect::<Result<_, _>>()?;
            let (upper, work) = (open_folder(upper)?, open_folder(work)?);
            let source = Source::Overlay { lower, layers, upper, work, in_user_namespace };
            Ok(Prepared { at: at.clone(), source })
        }
    }
}

/// A `volatile` overlay leaves this mark, which forbids the next mount over the same upper layer: after a machine
/// crash the layer may be incomplete. Recovery throws unfinished trees away, so the mark tells it nothing.
fn forget_unclean_end(work: &Path) {
    let _ = std::fs::remove_dir_all(work.join("work/incompat"));
}

fn open_folder(path: &Path) -> Result<OwnedFd, StepError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).step_at("open the overlay's", path)
}

fn shifted(lower: &Path, shift: std::os::fd::BorrowedFd<'_>) -> Result<OwnedFd, StepError> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let mount = rustix::mount::open_tree(CWD, lower, flags).step_at("bind the overlay's", lower)?;
    let attributes =
        Attributes { read_only: true, devices: false, with_submounts: false, owners: Some(shift) };
    sys::mount_attributes(mount.as_fd(), attributes).step_at("show as the box's own", lower)?;
    Ok(mount)
}

impl Prepared {
    /// The mount of the tree, not attached. `root` is already attached at `staging`.
    pub(crate) fn into_mount(self, root: &OwnedFd, staging: &str) -> Result<OwnedFd, StepError> {
        match self.source {
            Source::Folder(mount) => Ok(mount),
            Source::Overlay { lower, layers, upper, work, in_user_namespace } => {
                let layer = |fd: &OwnedFd| format!("/proc/self/fd/{}", fd.as_raw_fd());
                let (upper, work) = (&layer(&upper), &layer(&work));
                // The first of them is the topmost; none of these names holds a colon.
                let over =
                    |base: String| layers.iter().map(&layer).chain([base]).collect::<Vec<_>>().join(":");
                match lower {
                    Lower::Plain(lower) => overlay(&over(layer(&lower)), upper, work, in_user_namespace),
                    Lower::Shifted(base) => {
                        let place = mounts::folder_below(root.as_fd(), Path::new(BASE_NAME))?;
                        mounts::attach(&base, place.as_fd(), "")?;
                        let path = format!("{staging}/{BASE_NAME}");
                        let mount = overlay(&over(path.clone()), upper, work, in_user_namespace)?;
                        rustix::mount::unmount(path, UnmountFlags::DETACH).step("take the base off")?;
                        let _ = rustix::fs::unlinkat(root, BASE_NAME, rustix::fs::AtFlags::REMOVEDIR);
                        Ok(mount)
                    }
                }
            }
        }
    }
}

/// `volatile`: nothing in a tree is worth a sync of the whole disk at every end of a box.
fn overlay(lower: &str, upper: &str, work: &str, in_user_namespace: bool) -> Result<OwnedFd, StepError> {
    let open = || {
        let config = rustix::mount::fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
        for (key, value) in
            [("lowerdir", lower), ("upperdir", upper), ("workdir", work), ("redirect_dir", "nofollow")]
        {
            rustix::mount::fsconfig_set_string(config.as_fd(), key, value)?;
        }
        rustix::mount::fsconfig_set_flag(config.as_fd(), "volatile")?;
        if in_user_namespace {
            rustix::mount::fsconfig_set_flag(config.as_fd(), "userxattr")?;
        }
        rustix::mount::fsconfig_create(config.as_fd())?;
        let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
        rustix::mount::fsmount(config.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
    };
    open().step("mount the overlay")
}
