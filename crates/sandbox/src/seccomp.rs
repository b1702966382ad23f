//! The filter of system calls: what an ordinary build or test never needs and a way out of the box could use.
//!
//! The program is assembled here rather than by seccompiler's rule compiler, because one filter has to answer with
//! several error numbers (programs fall back properly on ENOSYS and EOPNOTSUPP, not on EPERM) and has to stop the
//! x32 numbers, which that compiler lets through. Installing it is left to seccompiler.

use std::io;

use seccompiler::{BpfProgram, sock_filter};

use crate::error::{Step, StepError};

/// Which sockets the command may open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sockets {
    /// Unix, IPv4 and IPv6: harmless in a network namespace of its own. Netlink is not among them: it leads to large parts
    /// of the kernel, and what programs ask it for (their interfaces) tests can do without.
    OwnNetwork,
    /// IPv4 and IPv6: in the machine's own network the name of a unix socket may lead to a daemon that runs programs.
    HostNetwork,
    /// None: without a network namespace even a path socket may lead to a daemon that runs programs.
    /// `socketpair` stays, but for datagrams: such a socket can be sent elsewhere later.
    Forbidden,
}

/// Installs the filter on this process and everything it starts. Sets no_new_privs.
pub(crate) fn apply(sockets: Sockets) -> Result<(), StepError> {
    seccompiler::apply_filter(&program(sockets))
        .map_err(|error| io::Error::other(error.to_string()))
        .step("install the system call filter")
}

#[cfg(target_arch = "x86_64")]
const AUDIT_ARCH: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const AUDIT_ARCH: u32 = 0xC000_00B7;

/// From x86's asm/unistd.h: the bit that marks the numbers of the x32 interface.
#[cfg(target_arch = "x86_64")]
const X32_BIT: u32 = 0x4000_0000;

const NEW_NAMESPACES: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32;

/// Mounts, namespaces, other processes' memory, keys, kernel code, clocks and the like.
const NOT_PERMITTED: &[libc::c_long] = &[
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_userfaultfd,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// Calls that programs try first and do without: clone3 because a filter cannot read its flags.
const NOT_IMPLEMENTED: &[libc::c_long] =
    &[libc::SYS_clone3, libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];

/// Extended attributes would let a file carry a meaning (capabilities, lists of rights) that no later check sees.
/// The last two are setxattrat and removexattrat, which libc does not name yet.
const NOT_SUPPORTED: &[libc::c_long] = &[
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    463,
    466,
];

/// In this order, so that those of the machine's network are the end of the list.
const OWN_NETWORK_FAMILIES: [i32; 3] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];

/// Kinds of sockets whose pairs cannot be connected to anything else afterwards. Not SOCK_RAW, which is a datagram
/// socket under another name here (unix_create in net/unix/af_unix.c).
const BOUND_PAIRS: [i32; 2] = [libc::SOCK_STREAM, libc::SOCK_SEQPACKET];

/// What is left of a socket's type without its flags.
const TYPE_MASK: u32 = 0xf;

/// Pushing characters into a terminal's input, and a console's selection.
const TERMINAL_INJECTION: [u32; 2] = [0x5412, 0x541C];

// Offsets in struct seccomp_data (linux/seccomp.h); the low half of an argument on a little-endian machine.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const FIRST_ARGUMENT: u32 = 16;
const SECOND_ARGUMENT: u32 = 24;

fn load(offset: u32) -> sock_filter {
    operation(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset)
}

fn jump(comparison: u32, value: u32, if_true: u8, if_false: u8) -> sock_filter {
    operation(libc::BPF_JMP | comparison | libc::BPF_K, if_true, if_false, value)
}

fn answer(action: u32) -> sock_filter {
    operation(libc::BPF_RET | libc::BPF_K, 0, 0, action)
}

fn operation(code: u32, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt, jf, k }
}

fn errno(number: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | number as u32
}

fn program(sockets: Sockets) -> BpfProgram {
    let mut program =
        vec![load(ARCH), jump(libc::BPF_JEQ, AUDIT_ARCH, 1, 0), answer(libc::SECCOMP_RET_KILL_PROCESS)];
    program.push(load(NUMBER));
    #[cfg(target_arch = "x86_64")]
    program.extend([jump(libc::BPF_JGE, X32_BIT, 0, 1), answer(errno(libc::ENOSYS))]);
    for (calls, number) in
        [(NOT_PERMITTED, libc::EPERM), (NOT_IMPLEMENTED, libc::ENOSYS), (NOT_SUPPORTED, libc::EOPNOTSUPP)]
    {
        for call in calls {
            program.extend([jump(libc::BPF_JEQ, *call as u32, 0, 1), answer(errno(number))]);
        }
    }
    program.extend(on_call(libc::SYS_clone, &no_new_namespaces()));
    program.extend(on_call(libc::SYS_ioctl, &no_terminal_injection()));
    program.extend(on_call(libc::SYS_socket, &socket_rule(sockets)));
    if sockets != Sockets::OwnNetwork {
        program.extend(on_call(libc::SYS_socketpair, &only_bound_pairs()));
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program
}

/// Runs `rule`, which must always answer, for this call only.
fn on_call(call: libc::c_long, rule: &[sock_filter]) -> Vec<sock_filter> {
    let mut block = vec![jump(libc::BPF_JEQ, call as u32, 0, rule.len() as u8)];
    block.extend_from_slice(rule);
    block
}

fn no_new_namespaces() -> Vec<sock_filter> {
    vec![
        load(FIRST_ARGUMENT),
        jump(libc::BPF_JSET, NEW_NAMESPACES, 0, 1),
        answer(errno(libc::EPERM)),
        answer(libc::SECCOMP_RET_ALLOW),
    ]
}

fn no_terminal_injection() -> Vec<sock_filter> {
    vec![
        load(SECOND_ARGUMENT),
        jump(libc::BPF_JEQ, TERMINAL_INJECTION[0], 1, 0),
        jump(libc::BPF_JEQ, TERMINAL_INJECTION[1], 0, 1),
        answer(errno(libc::EPERM)),
        answer(libc::SECCOMP_RET_ALLOW),
    ]
}

fn socket_rule(sockets: Sockets) -> Vec<sock_filter> {
    match sockets {
        Sockets::OwnNetwork => only(vec![load(FIRST_ARGUMENT)], &OWN_NETWORK_FAMILIES, libc::EAFNOSUPPORT),
        Sockets::HostNetwork => {
            only(vec![load(FIRST_ARGUMENT)], &OWN_NETWORK_FAMILIES[1..], libc::EAFNOSUPPORT)
        }
        Sockets::Forbidden => vec![answer(errno(libc::EACCES))],
    }
}

fn only_bound_pairs() -> Vec<sock_filter> {
    let kind = operation(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0, 0, TYPE_MASK);
    only(vec![load(SECOND_ARGUMENT), kind], &BOUND_PAIRS, libc::EACCES)
}

/// Lets the values pass to which `rule` brings one of these, and answers the others with an error.
fn only(mut rule: Vec<sock_filter>, values: &[i32], error: i32) -> Vec<sock_filter> {
    let count = values.len();
    for (index, value) in values.iter().enumerate() {
        rule.push(jump(libc::BPF_JEQ, *value as u32, (count - index) as u8, 0));
    }
    rule.extend([answer(errno(error)), answer(libc::SECCOMP_RET_ALLOW)]);
    rule
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small interpreter for the instructions used above, after the kernel's description of classic BPF.
    fn judge(program: &[sock_filter], arch: u32, number: u32, arguments: [u32; 2]) -> u32 {
        let (mut at, mut value) = (0, 0);
        loop {
            let step = &program[at];
            at += 1;
            let code = u32::from(step.code);
            let taken = match code {
                c if c == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => {
                    value = match step.k {
                        NUMBER => number,
                        ARCH => arch,
                        FIRST_ARGUMENT => arguments[0],
                        SECOND_ARGUMENT => arguments[1],
                        other => panic!("offset {other}"),
                    };
                    continue;
                }
                c if c == libc::BPF_ALU | libc::BPF_AND | libc::BPF_K => {
                    value &= step.k;
                    continue;
                }
                c if c == libc::BPF_RET | libc::BPF_K => return step.k,
                c if c == libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K => value == step.k,
                c if c == libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K => value >= step.k,
                c if c == libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K => value & step.k != 0,
                other => panic!("code {other}"),
            };
            at += usize::from(if taken { step.jt } else { step.jf });
        }
    }

    fn judge_call(sockets: Sockets, call: libc::c_long, arguments: [u32; 2]) -> u32 {
        judge(&program(sockets), AUDIT_ARCH, call as u32, arguments)
    }

    const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;

    #[test]
    fn ordinary_calls_pass_and_listed_ones_get_their_error() {
        for sockets in [Sockets::OwnNetwork, Sockets::HostNetwork, Sockets::Forbidden] {
            for call in [libc::SYS_read, libc::SYS_openat, libc::SYS_execve, libc::SYS_futex] {
                assert_eq!(judge_call(sockets, call, [0, 0]), ALLOW, "call {call}");
            }
            for call in NOT_PERMITTED {
                assert_eq!(judge_call(sockets, *call, [0, 0]), errno(libc::EPERM), "call {call}");
            }
            for call in NOT_IMPLEMENTED {
                assert_eq!(judge_call(sockets, *call, [0, 0]), errno(libc::ENOSYS), "call {call}");
            }
            for call in NOT_SUPPORTED {
                assert_eq!(judge_call(sockets, *call, [0, 0]), errno(libc::EOPNOTSUPP), "call {call}");
            }
        }
    }

    #[test]
    fn clone_makes_threads_but_no_namespaces() {
        let thread = (libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND) as u32;
        assert_eq!(judge_call(Sockets::OwnNetwork, libc::SYS_clone, [thread, 0]), ALLOW);
        for bit in (0..32).map(|bit| 1u32 << bit).filter(|bit| bit & NEW_NAMESPACES != 0) {
            assert_eq!(
                judge_call(Sockets::OwnNetwork, libc::SYS_clone, [thread | bit, 0]),
                errno(libc::EPERM)
            );
        }
    }

    #[test]
    fn only_the_families_of_a_network_open_sockets_and_without_one_none() {
        for family in 0..64 {
            let expected =
                if OWN_NETWORK_FAMILIES.contains(&family) { ALLOW } else { errno(libc::EAFNOSUPPORT) };
            assert_eq!(
                judge_call(Sockets::OwnNetwork, libc::SYS_socket, [family as u32, 0]),
                expected,
                "{family}"
            );
            let of_the_machine = if [2, 10].contains(&family) { ALLOW } else { errno(libc::EAFNOSUPPORT) };
            let found = judge_call(Sockets::HostNetwork, libc::SYS_socket, [family as u32, 0]);
            assert_eq!(found, of_the_machine, "{family}");
            let refused = judge_call(Sockets::Forbidden, libc::SYS_socket, [family as u32, 0]);
            assert_eq!(refused, errno(libc::EACCES), "{family}");
        }
    }

    #[test]
    fn pairs_of_datagram_sockets_are_made_only_in_a_network_of_its_own() {
        for flags in [0, libc::SOCK_CLOEXEC, libc::SOCK_NONBLOCK, libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK] {
            for (kind, is_bound) in [
                (libc::SOCK_STREAM, true),
                (libc::SOCK_SEQPACKET, true),
                (libc::SOCK_DGRAM, false),
                (libc::SOCK_RAW, false),
            ] {
                let arguments = [libc::AF_UNIX as u32, (kind | flags) as u32];
                assert_eq!(judge_call(Sockets::OwnNetwork, libc::SYS_socketpair, arguments), ALLOW);
                for sockets in [Sockets::HostNetwork, Sockets::Forbidden] {
                    let expected = if is_bound { ALLOW } else { errno(libc::EACCES) };
                    assert_eq!(judge_call(sockets, libc::SYS_socketpair, arguments), expected, "{kind}");
                }
            }
        }
    }

    #[test]
    fn characters_cannot_be_pushed_into_a_terminal() {
        let judge = |request| judge_call(Sockets::OwnNetwork, libc::SYS_ioctl, [0, request]);
        assert_eq!(TERMINAL_INJECTION.map(judge), [errno(libc::EPERM); 2]);
        assert_eq!(judge(libc::TCGETS as u32), ALLOW);
    }

    #[test]
    fn other_architectures_and_the_x32_interface_do_not_get_round_the_filter() {
        let program = program(Sockets::OwnNetwork);
        assert_eq!(
            judge(&program, 0x4000_0003, libc::SYS_read as u32, [0, 0]),
            libc::SECCOMP_RET_KILL_PROCESS
        );
        #[cfg(target_arch = "x86_64")]
        assert_eq!(
            judge(&program, AUDIT_ARCH, X32_BIT | libc::SYS_mount as u32, [0, 0]),
            errno(libc::ENOSYS)
        );
    }
}
