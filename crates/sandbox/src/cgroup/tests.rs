//! The file protocol, against a folder that plays the kernel's file system.

use std::cell::RefCell;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::delegated::{own_group, usable};
use super::*;

/// Makes the files that the kernel makes, and refuses to remove a group until it was killed.
#[derive(Clone, Copy)]
struct Played<'a> {
    files: &'a [&'a str],
    removed: &'a RefCell<Vec<PathBuf>>,
}

const ALL: [&str; 8] = [
    "cgroup.procs",
    "cgroup.kill",
    "memory.max",
    "memory.oom.group",
    "memory.swap.max",
    "memory.events",
    "pids.max",
    "pids.events",
];

impl Kernel for Played<'_> {
    fn make(&self, group: &Path) -> io::Result<()> {
        fs::create_dir(group)?;
        self.files.iter().try_for_each(|file| fs::write(group.join(file), ""))
    }

    fn remove(&self, group: &Path) -> io::Result<()> {
        if fs::read_to_string(group.join("cgroup.kill"))? != "1" {
            return Err(io::Error::from(io::ErrorKind::ResourceBusy));
        }
        self.removed.borrow_mut().push(group.to_owned());
        fs::remove_dir_all(group)
    }
}

fn limits() -> Limits {
    Limits { memory: Some(1 << 30), processes: 40, ..Limits::default() }
}

#[test]
fn a_group_bears_the_limits_takes_a_process_and_goes_killed() {
    let (place, removed) = (tempfile::tempdir().unwrap(), RefCell::default());
    let kernel = Played { files: &ALL, removed: &removed };
    let group = Cgroup::make(place.path(), &limits(), kernel).unwrap();
    let folder = group.folder.clone();
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    assert_eq!((read("memory.max"), read("pids.max")), ("1073741824".to_owned(), "41".to_owned()));
    assert_eq!((read("memory.oom.group"), read("memory.swap.max")), ("1".to_owned(), "0".to_owned()));
    group.add(rustix::process::getpid()).unwrap();
    assert_eq!(read("cgroup.procs"), std::process::id().to_string());
    assert!(!group.ran_out_of_memory() && group.refused_processes() == 0);
    fs::write(folder.join("memory.events"), "low 0\nmax 7\noom 1\noom_kill 3\noom_group_kill 1\n").unwrap();
    fs::write(folder.join("pids.events"), "max 12\n").unwrap();
    assert!(group.ran_out_of_memory());
    assert_eq!(group.refused_processes(), 12);
    drop(group);
    assert_eq!(*removed.borrow(), [folder]);
}

#[test]
fn a_controller_that_is_missing_is_left_out_and_no_file_is_made_for_it() {
    let (place, removed) = (tempfile::tempdir().unwrap(), RefCell::default());
    let files = ["cgroup.procs", "cgroup.kill", "pids.max"];
    let group = Cgroup::make(place.path(), &limits(), Played { files: &files, removed: &removed }).unwrap();
    assert_eq!(fs::read_dir(&group.folder).unwrap().count(), files.len());
    assert!(!group.ran_out_of_memory());
}

#[test]
fn a_group_that_cannot_be_made_names_its_step() {
    let removed = RefCell::default();
    let made =
        Cgroup::make(Path::new("/nowhere/at/all"), &limits(), Played { files: &ALL, removed: &removed });
    assert!(made.err().unwrap().to_string().contains("make the control group"));
}

#[test]
fn groups_of_dead_helpers_are_killed_and_removed_and_no_others() {
    let (place, removed) = (tempfile::tempdir().unwrap(), RefCell::default());
    let kernel = Played { files: &ALL, removed: &removed };
    // Numbers end at 2^22 (proc(5)), so nobody has this one.
    let names = ["codex-task-4194305", "codex-task-1", "codex-task-notes", "app.slice"];
    let folders = names.map(|name| place.path().join(name));
    folders.iter().for_each(|folder| kernel.make(folder).unwrap());
    sweep(place.path(), &kernel);
    assert_eq!(*removed.borrow(), folders[..1]);
}

const MOUNTS: &str = "23 1 0:21 / /proc rw - proc proc rw\n\
                      31 23 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";

#[test]
fn the_own_group_is_found_in_the_mount() {
    let found = own_group(MOUNTS, "1:name=systemd:/x\n0::/user.slice/app.scope\n").unwrap();
    assert_eq!(found, ("/sys/fs/cgroup".into(), "/sys/fs/cgroup/user.slice/app.scope".into()));
    let inside = MOUNTS.replace("0:27 / ", "0:27 /docker/1 ");
    let found = own_group(&inside, "0::/docker/1/init\n").unwrap();
    assert_eq!(found.1, Path::new("/sys/fs/cgroup/init"));
}

#[test]
fn without_version_2_or_out_of_sight_the_reason_is_told() {
    assert!(own_group(MOUNTS, "4:memory:/\n").unwrap_err().contains("version 2"));
    assert!(
        own_group("23 1 0:21 / /proc rw - proc proc rw\n", "0::/\n").unwrap_err().contains("not mounted")
    );
    assert!(own_group(MOUNTS, "0::/../outside\n").unwrap_err().contains("outside"));
    assert!(own_group(&MOUNTS.replace("0:27 / ", "0:27 /a "), "0::/b\n").is_err());
}

/// A group with these files, and its owner.
fn group(files: &[(&str, &str)]) -> (tempfile::TempDir, u32) {
    let place = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(place.path().join(name), text).unwrap();
    }
    let owner = fs::metadata(place.path()).unwrap().uid();
    (place, owner)
}

#[test]
fn a_users_own_group_whose_children_are_limited_is_usable() {
    let (place, _) = group(&[("cgroup.procs", ""), ("cgroup.subtree_control", "cpu memory pids\n")]);
    let other = 12345;
    let refused = usable(place.path(), Path::new("/"), other).unwrap_err();
    assert!(refused.contains("was not delegated"), "{refused}");
    let top = place.path();
    usable(place.path(), top, 0).unwrap();
}

#[test]
fn controllers_are_switched_on_where_they_may_be() {
    let files = [("cgroup.procs", ""), ("cgroup.subtree_control", ""), ("cgroup.controllers", "memory pids")];
    let (place, _) = group(&files);
    usable(place.path(), place.path(), 0).unwrap();
    let switched = fs::read_to_string(place.path().join("cgroup.subtree_control")).unwrap();
    assert!(switched.contains("+pids"), "{switched}");
    let (bare, _) =
        group(&[("cgroup.procs", ""), ("cgroup.subtree_control", ""), ("cgroup.controllers", "cpu")]);
    assert!(usable(bare.path(), bare.path(), 0).unwrap_err().contains("neither"));
    let (closed, _) = group(&files[..1]);
    fs::write(closed.path().join("cgroup.controllers"), "memory").unwrap();
    assert!(usable(closed.path(), closed.path(), 0).unwrap_err().contains("processes of its own"));
}

#[test]
fn root_takes_nothing_that_bears_no_mark() {
    let (place, owner) = group(&[("cgroup.procs", ""), ("cgroup.subtree_control", "memory pids")]);
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(usable(place.path(), Path::new("/sys/fs/cgroup"), 0).is_err());
    if owner != 0 {
        usable(place.path(), Path::new("/sys/fs/cgroup"), owner).unwrap();
    }
}
