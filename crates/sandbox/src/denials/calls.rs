//! Attempts by system calls: mounts, namespaces, other processes, keys, kernel code, privileges. Where a call could
//! hurt the machine if it were let through, its arguments are such that the kernel refuses them after the right to make
//! the call was granted, and that answer counts as a breach.

use std::fs;
use std::io;

use super::files::{c_text, is_another};
use super::ground::Facts;
use super::table::{Step, any, refused};
use crate::spec::Level;
use crate::sys::attempt::{Argument, call, descriptors_from_three};
use crate::sys::{self, Side};
use Argument::{Memory, Number, Text};

/// A call that only a refusal shuts.
fn shut(way: &str, number: libc::c_long, mut arguments: Vec<Argument<'_>>) -> Step {
    refused(way, call(number, &mut arguments))
}

fn shut_with(way: &str, number: libc::c_long, numbers: &[i64]) -> Step {
    shut(way, number, numbers.iter().map(|n| Number(*n)).collect())
}

fn flag(value: impl Into<i64>) -> i64 {
    value.into()
}

pub(super) fn mounts(facts: &Facts) -> Vec<Step> {
    let folder = facts.tree.join("mount");
    let _ = fs::create_dir(&folder);
    let folder = c_text(&folder);
    let mount = |way: &str, from: &std::ffi::CStr, to: &std::ffi::CStr, kind: &std::ffi::CStr, flags: u64| {
        let arguments = vec![Text(from), Text(to), Text(kind), Number(flags as i64), Number(0)];
        shut(way, libc::SYS_mount, arguments)
    };
    let remount = libc::MS_REMOUNT | libc::MS_BIND;
    let mut steps = vec![mount("mount a tmpfs in the tree", c"tmpfs", &folder, c"tmpfs", 0)];
    if facts.level == Level::Strict {
        // These would change the box's own view only. Elsewhere they would change the machine's.
        steps.push(mount("mount a tmpfs on /tmp", c"tmpfs", c"/tmp", c"tmpfs", 0));
        steps.push(mount("remount / for writing", c"none", c"/", c"none", remount));
        steps.push(mount("remount /usr for writing", c"none", c"/usr", c"none", remount));
        steps.push(mount("mount /proc again", c"proc", c"/proc", c"proc", 0));
        steps.push(shut(
            "unmount /proc/sys",
            libc::SYS_umount2,
            vec![Text(c"/proc/sys"), Number(flag(libc::MNT_DETACH))],
        ));
        steps.push(shut("change the root", libc::SYS_pivot_root, vec![Text(c"/tmp"), Text(c"/tmp")]));
    }
    steps.push(shut("unmount a folder of the tree", libc::SYS_umount2, vec![Text(&folder), Number(0)]));
    steps.push(shut("open a file system", libc::SYS_fsopen, vec![Text(c"tmpfs"), Number(0)]));
    let clone = vec![Number(libc::AT_FDCWD.into()), Text(c"/"), Number(1)];
    steps.push(shut("copy the mount of /", libc::SYS_open_tree, clone));
    steps.push(shut("chroot into the tree", libc::SYS_chroot, vec![Text(&c_text(&facts.tree))]));
    steps
}

pub(super) fn namespaces(facts: &Facts) -> Vec<Step> {
    let kinds = [
        ("user", libc::CLONE_NEWUSER),
        ("mount", libc::CLONE_NEWNS),
        ("network", libc::CLONE_NEWNET),
        ("pid", libc::CLONE_NEWPID),
        ("ipc", libc::CLONE_NEWIPC),
        ("cgroup", libc::CLONE_NEWCGROUP),
    ];
    let mut steps: Vec<Step> = Vec::new();
    for (name, kind) in kinds {
        steps.push(refused(format!("clone into a new {name} namespace"), clone_into(kind)));
    }
    // clone3 hides its flags behind a pointer; zeroes ask for a plain child, which the kernel would make.
    let mut request = [0u64; 11];
    match call(libc::SYS_clone3, &mut [Memory(&mut request), Number(88)]) {
        Ok(0) => sys::exit_now(0),
        result => steps.push(refused("clone3", result)),
    }
    let entered = fs::File::open(format!("/proc/{}/ns/net", facts.operator));
    let number = entered.as_ref().map_or(-1, |file| std::os::fd::AsRawFd::as_raw_fd(file).into());
    steps.push(shut_with("enter a namespace", libc::SYS_setns, &[number, 0]));
    // Last, because the rest would run in what was made.
    for (name, kind) in kinds {
        steps.push(refused(format!("unshare a {name} namespace"), sys::unshare(kind)));
    }
    steps
}

/// As `unshare -U`, but for a child that ends at once.
fn clone_into(namespaces: i32) -> io::Result<()> {
    match sys::fork_into(namespaces)? {
        Side::Child => sys::exit_now(0),
        Side::Parent(child) => {
            sys::attempt::ended_well(child);
            Ok(())
        }
    }
}

/// Signal 0 asks only whether a signal could be sent.
pub(super) fn signal(facts: &Facts) -> Vec<Step> {
    let result = call(libc::SYS_kill, &mut [Number(facts.operator.into()), Number(0)]);
    if result.is_ok() && is_another(facts) {
        return vec![any("signal the operator", Err::<(), _>(io::Error::from_raw_os_error(libc::ESRCH)))];
    }
    let group = call(libc::SYS_kill, &mut [Number(-i64::from(facts.operator)), Number(0)]);
    vec![any("signal the operator", result), any("signal the operator's group", group)]
}

pub(super) fn trace(facts: &Facts) -> Vec<Step> {
    const SEIZE: i64 = 0x4206;
    let operator = Number(facts.operator.into());
    let (mut here, mut there, mut place) = ([0u64; 2], [0u64; 2], [0u64; 1]);
    here[0] = place.as_mut_ptr() as u64;
    here[1] = 8;
    there[0] = 4096;
    there[1] = 8;
    let memory = |way, number, here, there| {
        let who = Number(facts.operator.into());
        shut(way, number, vec![who, Memory(here), Number(1), Memory(there), Number(1), Number(0)])
    };
    vec![
        shut("trace the operator", libc::SYS_ptrace, vec![Number(SEIZE), operator, Number(0), Number(0)]),
        shut_with("be traced by the parent", libc::SYS_ptrace, &[0, 0, 0, 0]),
        memory("read the operator's memory", libc::SYS_process_vm_readv, &mut here, &mut there),
        shut_with("take a descriptor of another process", libc::SYS_pidfd_getfd, &[-1, 0, 0]),
        shut_with("compare with another process", libc::SYS_kcmp, &[facts.operator.into(), 1, 0, 0, 0]),
    ]
}

pub(super) fn keys(_: &Facts) -> Vec<Step> {
    const SESSION: i64 = -3;
    const PROCESS: i64 = -2;
    let mut secret = [1u64; 1];
    let add = vec![Text(c"user"), Text(c"codex-task"), Memory(&mut secret), Number(8), Number(PROCESS)];
    vec![
        shut("add a key", libc::SYS_add_key, add),
        shut_with("ask for the session's keys", libc::SYS_keyctl, &[0, SESSION, 0]),
        shut(
            "request a key",
            libc::SYS_request_key,
            vec![Text(c"user"), Text(c"codex-task"), Number(0), Number(0)],
        ),
    ]
}

pub(super) fn io_uring(_: &Facts) -> Vec<Step> {
    let mut parameters = [0u64; 15];
    vec![
        shut("make a ring", libc::SYS_io_uring_setup, vec![Number(1), Memory(&mut parameters)]),
        shut_with("enter a ring", libc::SYS_io_uring_enter, &[-1, 0, 0, 0, 0, 0]),
        shut_with("register with a ring", libc::SYS_io_uring_register, &[-1, 0, 0, 0]),
    ]
}

pub(super) fn kernel_code(_: &Facts) -> Vec<Step> {
    // An array of one value: type 2, key 4 bytes, value 8 bytes, one entry.
    let mut map = [0u64; 16];
    map[0] = 2 | (4 << 32);
    map[1] = 8 | (1 << 32);
    // A software clock of this process: type 1, size 128.
    let mut clock = [0u64; 16];
    clock[0] = 1 | (128 << 32);
    let wrong = -1;
    vec![
        shut("make a BPF map", libc::SYS_bpf, vec![Number(0), Memory(&mut map), Number(128)]),
        shut(
            "measure this process",
            libc::SYS_perf_event_open,
            vec![Memory(&mut clock), Number(0), Number(-1), Number(-1), Number(0)],
        ),
        shut_with("catch page faults", libc::SYS_userfaultfd, &[1]),
        shut_with("load a kernel", libc::SYS_kexec_load, &[0, 17, 0, wrong]),
        shut_with("load a kernel from a file", libc::SYS_kexec_file_load, &[-1, -1, 0, 0, wrong]),
        shut("load a module", libc::SYS_init_module, vec![Number(0), Number(0), Text(c"")]),
        shut("load a module from a file", libc::SYS_finit_module, vec![Number(-1), Text(c""), Number(0)]),
        shut("remove a module", libc::SYS_delete_module, vec![Text(c"codex-task-no-such"), Number(0)]),
        shut(
            "open a file by its handle",
            libc::SYS_open_by_handle_at,
            vec![Number(-1), Number(0), Number(0)],
        ),
    ]
}

pub(super) fn machine(_: &Facts) -> Vec<Step> {
    let mut no_time = [0, u64::MAX];
    let long = std::ffi::CString::new(vec![b'x'; 100]).unwrap_or_default();
    const SIZE_OF_LOG: i64 = 10;
    vec![
        shut("set the clock", libc::SYS_clock_settime, vec![Number(0), Memory(&mut no_time)]),
        shut("name the machine", libc::SYS_sethostname, vec![Text(&long), Number(100)]),
        shut_with("ask for the kernel's log", libc::SYS_syslog, &[SIZE_OF_LOG, 0, 0]),
        shut_with("write accounts", libc::SYS_acct, &[1]),
        shut("swap to a file", libc::SYS_swapon, vec![Text(c"/codex-task-no-such"), Number(0)]),
    ]
}

pub(super) fn privileges(_: &Facts) -> Vec<Step> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::trim).unwrap_or("not told").to_owned()
    };
    let is = |way: &str, name: &str, wanted: &str| {
        let found = field(name);
        let result = if found == wanted { Err(io::Error::other(format!("{name} {wanted}"))) } else { Ok(()) };
        any(format!("{way} ({name} {found})"), result)
    };
    let nothing = "0000000000000000";
    vec![
        is("have a capability", "CapPrm:", nothing),
        is("use a capability", "CapEff:", nothing),
        is("hand on a capability", "CapAmb:", nothing),
        is("gain by a set-uid program", "NoNewPrivs:", "1"),
        is("call without a filter", "Seccomp:", "2"),
        // Where root has no number in the box's namespace the kernel calls it an invalid argument.
        any("become root", call(libc::SYS_setresuid, &mut [Number(0), Number(0), Number(0)])),
        any("join root's group", call(libc::SYS_setresgid, &mut [Number(0), Number(0), Number(0)])),
        any("leave its groups", call(libc::SYS_setgroups, &mut [Number(0), Number(0)])),
    ]
}

pub(super) fn terminal(_: &Facts) -> Vec<Step> {
    const TIOCSTI: i64 = 0x5412;
    let mut letter = [0u64; 1];
    vec![
        shut(
            "push a letter into the input",
            libc::SYS_ioctl,
            vec![Number(0), Number(TIOCSTI), Memory(&mut letter)],
        ),
        any("open the terminal", fs::File::open("/dev/tty")),
    ]
}

pub(super) fn descriptors(_: &Facts) -> Vec<Step> {
    // One is this attempt's own: the pipe for its answer.
    let open = descriptors_from_three();
    let none = if open == 1 { Err(io::Error::other("only 0, 1 and 2 are open")) } else { Ok(()) };
    vec![any(format!("find {} descriptors beside 0, 1 and 2", open - 1), none)]
}
