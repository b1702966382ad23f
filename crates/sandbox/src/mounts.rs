//! The root of a strict box: a small tmpfs with an allow-list of the host's system folders, the tree, and nothing
//! else. Runs in the box's first process, in a mount namespace of its own, before any privilege is dropped.
//!
//! All sources are opened before the new root covers anything, and every target is made without following links,
//! because the tree may hold links that untrusted code has planted.

use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags,
    UnmountFlags,
};
use rustix::process::{Gid, Uid};

use crate::error::{Step, StepError};
use crate::overlay;
use crate::spec::{Access, Bind, GitDir, Network, STRICT_HOME, STRICT_TMP, Tree};
use crate::sys::{self, Attributes};
use crate::system;

/// What the new root is made of.
pub(crate) struct Plan<'a> {
    pub(crate) tree: Option<&'a Tree>,
    pub(crate) git_dir: Option<&'a GitDir>,
    pub(crate) readable: &'a [Bind],
    pub(crate) in_home: &'a [Bind],
    /// Whether the box has to find the machine's name servers.
    pub(crate) network: Network,
    pub(crate) tmp_bytes: u64,
    /// Who owns what the box writes, as the user namespace of the mounts names them.
    pub(crate) owner: (u32, u32),
    /// As real root: how the owner of the overlay's lower layer becomes the box's user.
    pub(crate) shift: Option<BorrowedFd<'a>>,
    /// Whether the mounts belong to the box's own user namespace.
    pub(crate) own_user_namespace: bool,
}

/// A mount that is not attached yet, with its place.
struct Piece {
    mount: OwnedFd,
    target: PathBuf,
    is_folder: bool,
}

/// Builds the root, moves into it and lets go of the old one.
pub(crate) fn enter_new_root(plan: &Plan<'_>) -> Result<(), StepError> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private).step("make the mounts private")?;
    let system = open_system()?;
    let (inner, outer): (Vec<&Bind>, Vec<&Bind>) = plan
        .readable
        .iter()
        .partition(|bind| plan.tree.is_some_and(|tree| bind.target.starts_with(tree.at())));
    let in_home: Vec<Bind> = plan.in_home.iter().map(below_home).collect();
    let outer = open_binds(&outer.into_iter().chain(&in_home).collect::<Vec<_>>())?;
    let inner = open_binds(&inner)?;
    let git = plan.git_dir.map(|git| open_git(git, plan.tree)).transpose()?;
    let tree = plan.tree.map(|tree| overlay::prepare(tree, plan)).transpose()?;

    let root = new_tmpfs("16777216", "0755")?;
    let staging = staging_point()?;
    attach(&root, CWD, staging)?;
    skeleton(&root, plan.network)?;
    for piece in &system {
        put(&root, piece)?;
    }
    scratch(&root, plan)?;
    let tree = tree.map(|tree| tree.finish(&root, staging)).transpose()?;
    for piece in outer.iter().chain(&tree).chain(&git).chain(&inner) {
        put(&root, piece)?;
    }
    proc(&root)?;
    let sealed = Attributes { read_only: true, devices: false, with_submounts: false, owners: None };
    sys::mount_attributes(root.as_fd(), sealed).step("make the root read-only")?;
    switch_to(&root)
}

/// Opens a copy of the host's mount at `path`, not attached anywhere.
pub(crate) fn open_mount(path: &Path, access: Access, devices: bool) -> Result<OwnedFd, StepError> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let mount = rustix::mount::open_tree(CWD, path, flags).step_at("bind", path)?;
    let read_only = access == Access::ReadOnly;
    let attributes = Attributes { read_only, devices, with_submounts: true, owners: None };
    sys::mount_attributes(mount.as_fd(), attributes).step_at("restrict the bind of", path)?;
    Ok(mount)
}

fn open_piece(source: &Path, target: PathBuf, access: Access, devices: bool) -> Result<Piece, StepError> {
    let mount = open_mount(source, access, devices)?;
    let is_folder = is_folder(&mount, source)?;
    Ok(Piece { mount, target, is_folder })
}

fn is_folder(mount: &OwnedFd, path: &Path) -> Result<bool, StepError> {
    let stat = rustix::fs::fstat(mount).step_at("look at", path)?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

/// The system's folders, the allowed part of /etc and the devices, as far as the host has them as real entries.
fn open_system() -> Result<Vec<Piece>, StepError> {
    let etc = system::ETC.iter().map(|name| (Path::new("/etc").join(name), false));
    let devices = system::DEVICES.iter().map(|name| (Path::new("/dev").join(name), true));
    let folders = system::FOLDERS.iter().map(|path| (PathBuf::from(path), false));
    let mut pieces = Vec::new();
    for (path, is_device) in folders.chain(etc).chain(devices) {
        let Ok(stat) = rustix::fs::lstat(&path) else { continue };
        if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            continue;
        }
        let access = if is_device { Access::ReadWrite } else { Access::ReadOnly };
        pieces.push(open_piece(&path, path.clone(), access, is_device)?);
    }
    Ok(pieces)
}

fn open_binds(binds: &[&Bind]) -> Result<Vec<Piece>, StepError> {
    let mut sorted = binds.to_vec();
    sorted.sort_by(|one, other| one.target.cmp(&other.target));
    let open = |bind: &&Bind| open_piece(&bind.source, bind.target.clone(), Access::ReadOnly, false);
    sorted.iter().map(open).collect()
}

fn below_home(bind: &Bind) -> Bind {
    Bind { source: bind.source.clone(), target: Path::new(STRICT_HOME).join(&bind.target) }
}

fn open_git(git: &GitDir, tree: Option<&Tree>) -> Result<Piece, StepError> {
    let at = tree.map_or(Path::new("/"), Tree::at).join(".git");
    open_piece(&git.path, at, git.access, false)
}

/// A folder of the host that surely exists, under which the new root is put together. Nothing is read through it
/// afterwards.
fn staging_point() -> Result<&'static str, StepError> {
    let candidates = ["/tmp", "/mnt", "/usr"];
    let found = candidates.into_iter().find(|path| Path::new(path).is_dir());
    found.ok_or(Errno::NOENT).step("find a folder to build the root on")
}

/// A new tmpfs, not attached. `size` is in bytes, `mode` octal, both as tmpfs(5) reads them.
fn new_tmpfs(size: &str, mode: &str) -> Result<OwnedFd, StepError> {
    let open = || {
        let config = rustix::mount::fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        rustix::mount::fsconfig_set_string(config.as_fd(), "size", size)?;
        rustix::mount::fsconfig_set_string(config.as_fd(), "mode", mode)?;
        rustix::mount::fsconfig_create(config.as_fd())?;
        let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
        rustix::mount::fsmount(config.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
    };
    open().step("make a tmpfs")
}

/// Attaches a mount over the folder or file `at`.
pub(crate) fn attach(mount: &OwnedFd, parent: BorrowedFd<'_>, at: &str) -> Result<(), StepError> {
    let mut flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    if at.is_empty() {
        flags |= MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    }
    rustix::mount::move_mount(mount.as_fd(), "", parent, at, flags).step("attach a mount")
}

/// Folders, links and made files of the new root.
fn skeleton(root: &OwnedFd, network: Network) -> Result<(), StepError> {
    for folder in ["etc", "dev/shm", "proc", "run", "tmp", "var", "home/box", "root"] {
        folder_below(root.as_fd(), Path::new(folder))?;
    }
    for (name, text) in system::made(network) {
        let mut file = std::fs::File::from(create(root.as_fd(), Path::new(name))?);
        file.write_all(&text).step_at("write", Path::new(name))?;
    }
    let host_links = system::FOLDERS.iter().map(PathBuf::from);
    let host_links = host_links.chain(system::ETC.iter().map(|name| Path::new("/etc").join(name)));
    for path in host_links {
        if let Ok(goal) = std::fs::read_link(&path) {
            link(root, &goal, &path)?;
        }
    }
    for (name, goal) in [
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
        ("/var/tmp", "../tmp"),
        ("/var/run", "../run"),
    ] {
        link(root, Path::new(goal), Path::new(name))?;
    }
    Ok(())
}

fn link(root: &OwnedFd, goal: &Path, path: &Path) -> Result<(), StepError> {
    let (parent, name) = split(path);
    let parent = folder_below(root.as_fd(), parent)?;
    rustix::fs::symlinkat(goal, &parent, name).step_at("link", path)
}

/// The three writable places outside of the tree.
fn scratch(root: &OwnedFd, plan: &Plan<'_>) -> Result<(), StepError> {
    let size = plan.tmp_bytes.to_string();
    for (path, mode) in [(STRICT_TMP, "1777"), ("/dev/shm", "1777"), (STRICT_HOME, "0700")] {
        let mount = new_tmpfs(&size, mode)?;
        if !plan.own_user_namespace {
            let (uid, gid) = (Uid::from_raw(plan.owner.0), Gid::from_raw(plan.owner.1));
            rustix::fs::chownat(&mount, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH)
                .step_at("give", Path::new(path))?;
        }
        put(root, &Piece { mount, target: path.into(), is_folder: true })?;
    }
    folders_in_home(root, plan)
}

/// The folders above what appears in HOME belong to the box's user: cargo wants to write beside its registry.
fn folders_in_home(root: &OwnedFd, plan: &Plan<'_>) -> Result<(), StepError> {
    let (uid, gid) = (Uid::from_raw(plan.owner.0), Gid::from_raw(plan.owner.1));
    for bind in plan.in_home {
        for folder in bind.target.ancestors().skip(1).filter(|folder| *folder != Path::new("")) {
            let made = folder_below(root.as_fd(), &Path::new(STRICT_HOME).join(folder))?;
            if !plan.own_user_namespace {
                rustix::fs::chownat(&made, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH)
                    .step_at("give", folder)?;
            }
        }
    }
    Ok(())
}

/// A /proc that shows this pid namespace only, with the machine-wide parts read-only.
fn proc(root: &OwnedFd) -> Result<(), StepError> {
    let open = || {
        let config = rustix::mount::fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
        rustix::mount::fsconfig_create(config.as_fd())?;
        let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        rustix::mount::fsmount(config.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
    };
    let mount = open().step("mount a fresh /proc")?;
    let place = folder_below(root.as_fd(), Path::new("proc"))?;
    attach(&mount, place.as_fd(), "")?;
    for name in system::READ_ONLY_PROC {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let copy = match rustix::mount::open_tree(&mount, name, flags) {
            Err(Errno::NOENT) => continue,
            other => other.step_at("bind /proc's", Path::new(name))?,
        };
        let attributes = Attributes { read_only: true, devices: false, with_submounts: false, owners: None };
        sys::mount_attributes(copy.as_fd(), attributes).step_at("restrict /proc's", Path::new(name))?;
        attach(&copy, mount.as_fd(), name)?;
    }
    Ok(())
}

fn put(root: &OwnedFd, piece: &Piece) -> Result<(), StepError> {
    let target = if piece.is_folder {
        folder_below(root.as_fd(), &piece.target)?
    } else {
        create(root.as_fd(), &piece.target)?
    };
    attach(&piece.mount, target.as_fd(), "").map_err(|error| StepError {
        step: format!("{} {}", error.step, piece.target.display()),
        source: error.source,
    })
}

fn split(path: &Path) -> (&Path, &std::ffi::OsStr) {
    (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default())
}

/// Opens the folder `path` below `root`, making what is missing. A link on the way is an error.
pub(crate) fn folder_below(root: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd, StepError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut folder = rustix::fs::openat(root, ".", flags, Mode::empty()).step("open the new root")?;
    for part in path.components() {
        let Component::Normal(name) = part else { continue };
        folder = match rustix::fs::openat(&folder, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => {
                rustix::fs::mkdirat(&folder, name, Mode::from_raw_mode(0o755)).step_at("make", path)?;
                rustix::fs::openat(&folder, name, flags, Mode::empty()).step_at("open", path)?
            }
            other => other.step_at("open", path)?,
        };
    }
    Ok(folder)
}

fn create(root: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd, StepError> {
    let (parent, name) = split(path);
    let parent = folder_below(root, parent)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(&parent, name, flags, Mode::from_raw_mode(0o644)).step_at("make", path)
}

/// pivot_root(2) onto itself: the old root ends up on top of the new one and is taken off, so no folder for it is
/// needed.
fn switch_to(root: &OwnedFd) -> Result<(), StepError> {
    rustix::process::fchdir(root).step("enter the new root")?;
    rustix::process::pivot_root(".", ".").step("change the root")?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).step("let go of the old root")?;
    rustix::process::chdir("/").step("enter the new root")
}

impl overlay::Prepared {
    /// The tree as a piece of the new root.
    fn finish(self, root: &OwnedFd, staging: &str) -> Result<Piece, StepError> {
        let target = self.at.clone();
        Ok(Piece { mount: self.into_mount(root, staging)?, target, is_folder: true })
    }
}
