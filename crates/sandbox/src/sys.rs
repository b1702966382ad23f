//! Every unsafe system call of the project, each behind a safe function. No decisions are made here.
//! All callers are the single-threaded helper and its forks, except `landlock_abi`, which anyone may ask.
#![expect(unsafe_code, reason = "the system calls below have no safe wrapper in rustix")]

pub(crate) mod attempt;

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use rustix::process::Pid;

/// Namespace flags for [`fork_into`] and [`unshare`], as clone(2) defines them.
pub(crate) const NEW_USER: i32 = libc::CLONE_NEWUSER;

/// A network with nothing in it.
pub(crate) const NEW_NETWORK: i32 = libc::CLONE_NEWNET;

/// All namespaces of a strict box but the user namespace.
pub(crate) const NEW_ALL_BUT_USER: i32 = libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// Which side of a fork this is.
pub(crate) enum Side {
    Parent(Pid),
    Child,
}

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// fork(2), with the child in new namespaces.
pub(crate) fn fork_into(namespaces: i32) -> io::Result<Side> {
    let flags = libc::c_long::from(namespaces | libc::SIGCHLD);
    // SAFETY: without CLONE_VM this is fork: the child has a copy of all memory, and as the process has one thread
    // only, no lock is held by a thread that is missing in the child.
    let pid = check(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })?;
    match Pid::from_raw(pid as i32) {
        Some(pid) => Ok(Side::Parent(pid)),
        None => Ok(Side::Child),
    }
}

/// Moves this process into new namespaces.
pub(crate) fn unshare(namespaces: i32) -> io::Result<()> {
    // SAFETY: takes no pointer; the process has one thread.
    check(unsafe { libc::unshare(namespaces) }.into()).map(drop)
}

/// execve(2). Returns only on failure.
pub(crate) fn execve(program: &CStr, argv: &[CString], env: &[CString]) -> io::Error {
    let pointers = |texts: &[CString]| -> Vec<*const libc::c_char> {
        texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (argv, env) = (pointers(argv), pointers(env));
    // SAFETY: both arrays are NULL-terminated and point to strings that outlive the call.
    unsafe { libc::execve(program.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

/// Ends the process at once: no destructors, no flushing.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: never returns and touches no memory.
    unsafe { libc::_exit(code) }
}

/// Puts `fd` in the place of 0, 1 or 2, without close-on-exec.
pub(crate) fn replace_standard_fd(fd: BorrowedFd<'_>, place: i32) -> io::Result<()> {
    // SAFETY: only called for the standard descriptors, which nobody owns as a value that closes them.
    check(unsafe { libc::dup2(fd.as_raw_fd(), place) }.into()).map(drop)
}

/// Closes every descriptor from 3 on (`Close`), or marks them close-on-exec (`OnExec`).
pub(crate) fn close_from_three(on_exec_only: bool) -> io::Result<()> {
    let flags = if on_exec_only { libc::CLOSE_RANGE_CLOEXEC } else { 0 };
    // SAFETY: closing for real happens only at the very start of the helper, before it owns any descriptor.
    check(unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, flags) }).map(drop)
}

/// What [`mount_attributes`] sets on a mount that is not attached yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attributes<'fd> {
    pub(crate) read_only: bool,
    pub(crate) devices: bool,
    pub(crate) with_submounts: bool,
    /// A user namespace through which owners on the file system are seen.
    pub(crate) owners: Option<BorrowedFd<'fd>>,
}

/// mount_setattr(2) on the mount itself. Set-uid bits are always switched off.
pub(crate) fn mount_attributes(mount: BorrowedFd<'_>, attributes: Attributes<'_>) -> io::Result<()> {
    let mut set = libc::MOUNT_ATTR_NOSUID;
    if attributes.read_only {
        set |= libc::MOUNT_ATTR_RDONLY;
    }
    if !attributes.devices {
        set |= libc::MOUNT_ATTR_NODEV;
    }
    if attributes.owners.is_some() {
        set |= libc::MOUNT_ATTR_IDMAP;
    }
    let userns_fd = attributes.owners.map_or(0, |fd| fd.as_raw_fd() as u64);
    let mut flags = libc::AT_EMPTY_PATH;
    if attributes.with_submounts {
        flags |= libc::AT_RECURSIVE;
    }
    let request = libc::mount_attr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd };
    // SAFETY: the path is an empty C string, and the structure lives through the call and has the size given.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &request as *const libc::mount_attr,
            size_of::<libc::mount_attr>(),
        )
    })
    .map(drop)
}

/// Sets the loopback interface of this network namespace up.
pub(crate) fn loopback_up(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: ifreq is plain data for which all zeroes is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads one ifreq, which lives through the call.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &request) }.into()).map(drop)
}

fn signal_set(signals: &[i32]) -> libc::sigset_t {
    // SAFETY: sigemptyset initialises the set before it is read; sigaddset gets valid signal numbers.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        for signal in signals {
            libc::sigaddset(&mut set, *signal);
        }
        set
    }
}

/// Blocks exactly these signals, to be fetched by [`wait_signal`].
pub(crate) fn block_signals(signals: &[i32]) -> io::Result<()> {
    let set = signal_set(signals);
    // SAFETY: the set is initialised; the old mask is not asked for.
    check(unsafe { libc::sigprocmask(libc::SIG_SETMASK, &set, std::ptr::null_mut()) }.into()).map(drop)
}

/// Waits until one of the blocked signals arrives or the time is over (`None`).
pub(crate) fn wait_signal(signals: &[i32], at_most: Duration) -> Option<i32> {
    let set = signal_set(signals);
    let time = libc::timespec {
        tv_sec: at_most.as_secs().min(i32::MAX as u64) as libc::time_t,
        tv_nsec: at_most.subsec_nanos().into(),
    };
    // SAFETY: set and time live through the call; no information about the signal is asked for.
    let signal = unsafe { libc::sigtimedwait(&set, std::ptr::null_mut(), &time) };
    (signal > 0).then_some(signal)
}

/// Gives every signal its default action and an empty mask: ignored signals would survive the exec.
pub(crate) fn reset_signals() -> io::Result<()> {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: SIG_DFL is a valid action. The signals that cannot be changed answer EINVAL, which is fine.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    block_signals(&[])
}

/// Sends a signal to every process of this pid namespace but the caller. Refuses outside of a box.
pub(crate) fn signal_everyone_in_box(signal: i32) {
    if rustix::process::getpid().is_init() {
        // SAFETY: takes no pointer. As the first process of a pid namespace, -1 reaches that namespace only.
        unsafe { libc::kill(-1, signal) };
    }
}

/// The largest resident set of any child that was waited for, in KiB.
pub(crate) fn max_rss_of_children() -> u64 {
    // SAFETY: rusage is plain data, filled by the call.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the structure lives through the call.
    let result = unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage) };
    if result == 0 { u64::try_from(usage.ru_maxrss).unwrap_or(0) } else { 0 }
}

/// The version of Landlock's interface that the running kernel offers; 0 when it has none.
pub(crate) fn landlock_abi() -> u32 {
    const VERSION: u32 = 1;
    // SAFETY: with the VERSION flag no structure is read.
    let abi = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0usize, 0usize, VERSION) };
    u32::try_from(abi).unwrap_or(0)
}
