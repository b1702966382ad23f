//! Who the box's user is outside: user namespace maps and the dropping of every privilege.
//! Real root (kuid 0) is never kept: with it /proc/sys would stay writable and /etc/shadow readable.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{DumpableBehavior, Pid, Signal, WaitOptions};
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::error::{Step, StepError};
use crate::spec::Network;
use crate::sys::{self, Side};

/// The user and group inside a strict box.
pub(crate) const INSIDE_ID: u32 = 1000;

/// The ordinary user that a box started by real root runs as: present in every user namespace with a usual map.
pub(crate) const OUTSIDE_ID: u32 = 65534;

/// With what rights the operator runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// uid 0 with the capabilities to mount and to become somebody else.
    Root,
    /// uid 0 of a plain container: may become somebody else, may not mount.
    ContainerRoot,
    /// uid 0 that can do neither.
    BareRoot,
    /// Anybody else.
    User { uid: u32, gid: u32 },
}

impl Identity {
    pub(crate) fn current() -> Self {
        let uid = rustix::process::geteuid();
        if !uid.is_root() {
            return Identity::User { uid: uid.as_raw(), gid: rustix::process::getegid().as_raw() };
        }
        let held =
            rustix::thread::capabilities(None).map(|sets| sets.effective).unwrap_or(CapabilitySet::empty());
        let drop_to_another = CapabilitySet::SETUID | CapabilitySet::SETGID | CapabilitySet::CHOWN;
        if !held.contains(drop_to_another) || !is_mapped(OUTSIDE_ID) {
            return if is_ordinary_outside() {
                Identity::User { uid: 0, gid: 0 }
            } else {
                Identity::BareRoot
            };
        }
        if held.contains(CapabilitySet::SYS_ADMIN) { Identity::Root } else { Identity::ContainerRoot }
    }

    /// Whether the box's user is somebody else than the operator.
    pub(crate) fn changes_user(self) -> bool {
        matches!(self, Identity::Root | Identity::ContainerRoot)
    }

    /// The user and group, as this process names them, that own what the box writes.
    pub(crate) fn owner_in_strict(self) -> (u32, u32) {
        match self {
            Identity::User { uid, gid } => (uid, gid),
            _ => (OUTSIDE_ID, OUTSIDE_ID),
        }
    }
}

/// Whether an id of this user namespace stands for anybody at all.
fn is_mapped(id: u32) -> bool {
    uid_map().is_some_and(|map| {
        map.iter().any(|[inside, _, count]| (*inside..inside.saturating_add(*count)).contains(&u64::from(id)))
    })
}

/// Whether uid 0 is only the name of an ordinary user, as after `unshare -r`.
fn is_ordinary_outside() -> bool {
    uid_map().is_some_and(|map| map.iter().any(|[inside, outside, _]| *inside == 0 && *outside != 0))
}

fn uid_map() -> Option<Vec<[u64; 3]>> {
    let text = fs::read_to_string("/proc/self/uid_map").ok()?;
    let line = |line: &str| {
        let numbers: Vec<u64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
        numbers.try_into().ok()
    };
    text.lines().map(line).collect()
}

/// Gives the child, which has just entered a new user namespace, its one user and group.
pub(crate) fn write_maps(child: Pid, (uid, gid): (u32, u32)) -> Result<(), StepError> {
    let base = format!("/proc/{}", child.as_raw_nonzero());
    let write = |file: &str, text: &str| fs::write(format!("{base}/{file}"), text);
    write("setgroups", "deny").step("forbid setgroups in the user namespace")?;
    write("gid_map", &format!("{INSIDE_ID} {gid} 1")).step("map the group of the user namespace")?;
    write("uid_map", &format!("{INSIDE_ID} {uid} 1")).step("map the user of the user namespace")
}

/// A user namespace that shows files of `owner` as files of [`OUTSIDE_ID`], for an id-mapped mount.
/// All other owners stay what they are.
pub(crate) fn owner_shift(owner: (u32, u32)) -> Result<OwnedFd, StepError> {
    let step = "make the namespace for the id-mapped base";
    let child = match sys::fork_into(sys::NEW_USER).step(step)? {
        Side::Parent(child) => child,
        Side::Child => loop {
            sys::wait_signal(&[], std::time::Duration::from_secs(60));
        },
    };
    let base = format!("/proc/{}", child.as_raw_nonzero());
    let opened = fs::write(format!("{base}/uid_map"), shift_map(owner.0))
        .and_then(|()| fs::write(format!("{base}/gid_map"), shift_map(owner.1)))
        .and_then(|()| fs::File::open(format!("{base}/ns/user")));
    let _ = rustix::process::kill_process(child, Signal::KILL);
    let _ = rustix::process::waitpid(Some(child), WaitOptions::empty());
    Ok(opened.step(step)?.into())
}

/// `owner` becomes [`OUTSIDE_ID`]; everyone else up to 2^31 keeps the number, so that no id stands twice.
fn shift_map(owner: u32) -> String {
    const END: u32 = 1 << 31;
    let mut map = format!("{owner} {OUTSIDE_ID} 1\n");
    let mut start = 0;
    let mut cuts = [owner, OUTSIDE_ID];
    cuts.sort_unstable();
    for cut in cuts.into_iter().chain([END]) {
        if cut > start {
            map += &format!("{start} {start} {}\n", cut - start);
        }
        start = cut + 1;
    }
    map
}

/// Becomes the box's only user. Called in the user namespace after its maps are written.
pub(crate) fn become_inside_user() -> Result<(), StepError> {
    become_user(INSIDE_ID, INSIDE_ID)
}

/// Gives up real root for an ordinary user where there are no namespaces.
///
/// `search` keeps the right to walk through folders that are closed to others (a 0700 home), with which the
/// toolchains in such a home stay reachable; Landlock still decides what is opened there.
pub(crate) fn become_outside_user(search: Option<CapabilitySet>) -> Result<(), StepError> {
    let kept = search.unwrap_or(CapabilitySet::empty());
    rustix::thread::set_thread_groups(&[]).step("drop the groups")?;
    rustix::thread::set_keep_capabilities(true).step("keep the search capability")?;
    empty_bounding_set(kept);
    become_user(OUTSIDE_ID, OUTSIDE_ID)?;
    drop_capabilities(kept)?;
    match search {
        Some(kept) => {
            rustix::thread::configure_capability_in_ambient_set(kept, true).step("keep the search capability")
        }
        None => Ok(()),
    }
}

fn become_user(uid: u32, gid: u32) -> Result<(), StepError> {
    let (uid, gid) = (rustix::process::Uid::from_raw(uid), rustix::process::Gid::from_raw(gid));
    rustix::thread::set_thread_res_gid(gid, gid, gid).step("become the box's group")?;
    rustix::thread::set_thread_res_uid(uid, uid, uid).step("become the box's user")
}

/// Gives up every capability but `kept`, for good.
pub(crate) fn drop_capabilities(kept: CapabilitySet) -> Result<(), StepError> {
    empty_bounding_set(kept);
    let _ = rustix::thread::clear_ambient_capability_set();
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: kept };
    rustix::thread::set_capabilities(None, sets).step("drop the capabilities")?;
    rustix::thread::set_no_new_privs(true).step("set no_new_privs")
}

/// `kept` stays: what is not bounded in cannot be made inheritable.
fn empty_bounding_set(kept: CapabilitySet) {
    for bit in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        // Beyond the kernel's last capability the answer is EINVAL; without CAP_SETPCAP it is EPERM, and then
        // no_new_privs keeps the bounding set from being of any use.
        if rustix::thread::capability_is_in_bounding_set(capability).is_err() {
            break;
        }
        if kept.contains(capability) {
            continue;
        }
        let _ = rustix::thread::remove_capability_from_bounding_set(capability);
    }
}

/// Forbids further user namespaces below this one; seccomp is the second fence for the same thing.
pub(crate) fn forbid_nested_user_namespaces() {
    let _ = fs::write("/proc/sys/user/max_user_namespaces", "0");
}

/// Keeps the box's processes out of this one's memory and descriptors.
pub(crate) fn hide_from_the_box() -> Result<(), StepError> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .step("make the first process opaque")
}

/// Binds the life of this process to that of its parent. Lost on every change of user.
pub(crate) fn die_with_parent() -> Result<(), StepError> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .step("bind the box's life to the helper")
}

/// Sets the loopback interface of the box's own network up.
pub(crate) fn own_loopback() -> Result<(), StepError> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .step("open a socket for the loopback interface")?;
    sys::loopback_up(std::os::fd::AsFd::as_fd(&socket)).step("set the loopback interface up")
}

/// Gives the box a host name of its own.
pub(crate) fn own_name() -> Result<(), StepError> {
    rustix::system::sethostname(b"box").step("set the host name")
}

/// The namespaces of a strict box: all, but for the network where the machine's was asked for.
pub(crate) fn of_strict(identity: Identity, network: Network) -> Result<i32, StepError> {
    let all = match identity {
        Identity::Root => sys::NEW_ALL_BUT_USER,
        Identity::User { .. } => sys::NEW_ALL_BUT_USER | sys::NEW_USER,
        Identity::ContainerRoot | Identity::BareRoot => return Err(refused_identity()),
    };
    Ok(if network == Network::Host { all & !sys::NEW_NETWORK } else { all })
}

/// The error that a level which needs namespaces gives where they cannot be had.
fn refused_identity() -> StepError {
    let text = "root without CAP_SYS_ADMIN, as in a plain container, may not make namespaces";
    StepError { step: "make the namespaces".to_owned(), source: io::Error::other(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shifted_map_gives_no_id_twice() {
        for owner in [0, 1000, 65533, 65534, 65535, 100_000] {
            let lines: Vec<Vec<u64>> = shift_map(owner)
                .lines()
                .map(|line| line.split(' ').map(|word| word.parse().unwrap()).collect())
                .collect();
            for column in [0, 1] {
                let mut spans: Vec<(u64, u64)> =
                    lines.iter().map(|line| (line[column], line[column] + line[2])).collect();
                spans.sort_unstable();
                assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "owner {owner}: {spans:?}");
            }
            assert_eq!(lines[0][..2], [u64::from(owner), u64::from(OUTSIDE_ID)]);
        }
    }
}
