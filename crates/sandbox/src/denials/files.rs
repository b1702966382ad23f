//! Attempts on files: what is outside of the tree, the system, the home folder, /proc, devices, attributes.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::ground::Facts;
use super::table::{Step, any, refused};
use crate::leftovers;
use crate::sys::attempt::{Argument, call};

fn read(path: impl AsRef<Path>) -> Step {
    let path = path.as_ref();
    let result = File::open(path).and_then(|mut file| file.read(&mut [0; 1]));
    any(format!("read {}", path.display()), result)
}

/// Opening for writing is enough, so nothing is changed where it is not denied.
fn write(path: impl AsRef<Path>) -> Step {
    let path = path.as_ref();
    any(format!("write {}", path.display()), File::options().append(true).open(path))
}

fn create(path: impl AsRef<Path>) -> Step {
    let path = path.as_ref();
    let made = File::options().write(true).create_new(true).open(path);
    if made.is_ok() {
        let _ = fs::remove_file(path);
    }
    any(format!("make {}", path.display()), made)
}

fn beside(facts: &Facts, name: &str) -> PathBuf {
    facts.outside.with_file_name(name)
}

pub(super) fn write_outside(facts: &Facts) -> Vec<Step> {
    let moved = fs::rename(&facts.outside, beside(facts, "moved"));
    if moved.is_ok() {
        let _ = fs::rename(beside(facts, "moved"), &facts.outside);
    }
    vec![
        write(&facts.outside),
        create(beside(facts, "new")),
        any("rename a file outside", moved),
        any("link to a file outside", fs::hard_link(&facts.outside, facts.tree.join("link"))),
    ]
}

pub(super) fn read_outside(facts: &Facts) -> Vec<Step> {
    let folder = facts.outside.parent().unwrap_or(Path::new("/"));
    vec![read(&facts.outside), any("list the folder outside", fs::read_dir(folder))]
}

pub(super) fn home(facts: &Facts) -> Vec<Step> {
    let open = |path: &PathBuf| {
        let listed = any(format!("list {}", path.display()), entry_of(path));
        if listed.result.is_ok() { listed } else { read(path) }
    };
    facts.home.iter().map(open).collect()
}

/// A box has folders of usual names, such as /root, with nothing in them.
fn entry_of(folder: &Path) -> io::Result<()> {
    match fs::read_dir(folder)?.next() {
        Some(entry) => entry.map(drop),
        None => Err(io::Error::other("nothing is in it")),
    }
}

pub(super) fn secrets(_: &Facts) -> Vec<Step> {
    ["/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/var/log/syslog", "/var/lib/dpkg/status"]
        .iter()
        .map(read)
        .collect()
}

pub(super) fn system(_: &Facts) -> Vec<Step> {
    let mut steps: Vec<Step> =
        ["/etc/passwd", "/etc/ld.so.cache", "/usr/bin/env", "/bin/sh"].iter().map(write).collect();
    let folders = ["/", "/usr", "/usr/bin", "/usr/local/bin", "/etc", "/dev", "/var", "/opt", "/run"];
    steps.extend(folders.iter().map(|folder| create(Path::new(folder).join("codex-task-attempt"))));
    steps
}

pub(super) fn proc_root(facts: &Facts) -> Vec<Step> {
    let below = facts.outside.strip_prefix("/").unwrap_or(&facts.outside);
    let operator = facts.operator.to_string();
    let roots = ["1", "self", "thread-self", &operator].map(|who| Path::new("/proc").join(who).join("root"));
    let mut steps: Vec<Step> = roots.iter().map(|root| read(root.join(below))).collect();
    steps.extend(roots.iter().map(|root| write(root.join(below))));
    steps.push(read(Path::new("/proc/1/cwd").join(below)));
    steps
}

pub(super) fn own_program(_: &Facts) -> Vec<Step> {
    vec![
        write("/proc/self/exe"),
        any("truncate /proc/self/exe", File::options().write(true).truncate(true).open("/proc/self/exe")),
    ]
}

pub(super) fn kernel_settings(_: &Facts) -> Vec<Step> {
    [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/hostname",
        "/proc/sys/vm/drop_caches",
        "/proc/sys/user/max_user_namespaces",
        "/proc/sysrq-trigger",
        "/proc/1/oom_score_adj",
        "/sys/kernel/uevent_helper",
        "/sys/fs/cgroup/cgroup.procs",
        "/sys/fs/cgroup/unified/cgroup.procs",
    ]
    .iter()
    .map(write)
    .collect()
}

pub(super) fn devices(facts: &Facts) -> Vec<Step> {
    let raw = [
        "/dev/mem",
        "/dev/kmsg",
        "/dev/vda",
        "/dev/sda",
        "/dev/nvme0n1",
        "/dev/fuse",
        "/dev/kvm",
        "/dev/ptmx",
    ];
    let mut steps: Vec<Step> = raw.iter().map(open_without_waiting).collect();
    let name = c_text(&facts.tree.join("device"));
    let (block, first_disk) = (i64::from(libc::S_IFBLK | 0o666), 0x800);
    let mut arguments = [
        Argument::Number(libc::AT_FDCWD.into()),
        Argument::Text(&name),
        Argument::Number(block),
        Argument::Number(first_disk),
    ];
    steps.push(any("make a block device", call(libc::SYS_mknodat, &mut arguments)));
    steps
}

/// A device may keep a reader waiting, and some even who opens it.
fn open_without_waiting(path: &&str) -> Step {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    any(format!("open {path}"), File::options().read(true).custom_flags(flags).open(path))
}

pub(super) fn attributes(facts: &Facts) -> Vec<Step> {
    let file = facts.tree.join("attributes");
    let _ = fs::write(&file, "");
    let file = c_text(&file);
    [c"user.codex-task", c"security.capability", c"system.posix_acl_access", c"trusted.codex-task"]
        .iter()
        .map(|name| {
            let mut value = [0u64; 8];
            let mut arguments = [
                Argument::Text(&file),
                Argument::Text(name),
                Argument::Memory(&mut value),
                Argument::Number(20),
                Argument::Number(0),
            ];
            let result = call(libc::SYS_setxattr, &mut arguments);
            refused(format!("set {}", name.to_string_lossy()), result)
        })
        .collect()
}

/// The operator's process, told from one of the box with the same number by when it was started.
pub(super) fn host_processes(facts: &Facts) -> Vec<Step> {
    let who = Path::new("/proc").join(facts.operator.to_string());
    if is_another(facts) {
        return vec![any("see the operator", Err::<(), _>(io::Error::from_raw_os_error(libc::ESRCH)))];
    }
    let mut steps = vec![read(who.join("environ")), any("open its memory", File::open(who.join("mem")))];
    // That there is a descriptor can be seen at weak; what it is cannot.
    for fd in ["0", "1", "2", "3"] {
        steps.push(any(format!("see its descriptor {fd}"), fs::read_link(who.join("fd").join(fd))));
    }
    steps.push(read("/proc/1/environ"));
    steps.push(any("see a descriptor of the first process", fs::read_link("/proc/1/fd/0")));
    steps
}

/// Whether the operator's number is another process's here.
pub(super) fn is_another(facts: &Facts) -> bool {
    let seen = rustix::process::Pid::from_raw(facts.operator).and_then(leftovers::started);
    seen.is_some() && seen != facts.started
}

pub(super) fn tree(facts: &Facts) -> Vec<Step> {
    let file = facts.tree.join("written");
    vec![any("write in the tree", fs::write(&file, "x").and_then(|()| fs::remove_file(&file)))]
}

pub(super) fn c_text(path: &Path) -> std::ffi::CString {
    std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).unwrap_or_default()
}
