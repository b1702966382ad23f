//! Finding and killing processes that outlive their command: below this process, in a box, or by their marker.
//! It must never signal a process whose relation to a box was not just read from /proc.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

use crate::spec::MARKER_NAME;

/// How long killing goes on against processes that keep forking.
const PATIENCE: Duration = Duration::from_secs(5);

/// Kills every process whose environment carries `marker` as its box, and returns how many.
///
/// For recovery after a crash: a strict box dies with its helper and a weak one when its helper sees the operator
/// end, so this finds something only if a weak box's helper was itself killed. A process that replaced its own
/// environment is not found; root without CAP_SYS_PTRACE cannot read other users' environments and finds none of
/// those. Returns 0 for a marker that could not have been given.
pub fn kill_leftovers(marker: &str) -> u32 {
    if marker.is_empty() || !marker.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return 0;
    }
    let wanted = format!("{MARKER_NAME}={marker}");
    let me = rustix::process::getpid();
    let carries = |pid: Pid| {
        if pid == me {
            return false;
        }
        let path = format!("/proc/{}/environ", pid.as_raw_nonzero());
        fs::read(path)
            .is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes()))
    };
    let (start, mut killed) = (Instant::now(), BTreeSet::new());
    while start.elapsed() < PATIENCE {
        let found: Vec<Pid> =
            all_processes().into_iter().filter(|pid| carries(*pid) && is_alive(*pid)).collect();
        if found.is_empty() {
            break;
        }
        for pid in found {
            // Held by descriptor, so that a reused number cannot be hit between the look and the signal.
            let Ok(held) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else { continue };
            if carries(pid) && rustix::process::pidfd_send_signal(&held, Signal::KILL).is_ok() {
                killed.insert(pid.as_raw_nonzero());
            }
        }
        std::thread::yield_now();
    }
    killed.len() as u32
}

/// Sends a signal to all descendants of this process, for a weak box.
pub(crate) fn signal_descendants(signal: Signal) {
    for pid in descendants() {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Kills all descendants of this process, which must have adopted orphans, and returns how many there were.
///
/// They are stopped before they are killed, so that a process that forks faster than it is killed comes to rest.
pub(crate) fn kill_descendants() -> u32 {
    let (start, mut killed) = (Instant::now(), BTreeSet::new());
    while start.elapsed() < PATIENCE {
        reap();
        let found = descendants();
        if found.is_empty() {
            break;
        }
        signal_descendants(Signal::STOP);
        for pid in found.into_iter().chain(descendants()) {
            if rustix::process::kill_process(pid, Signal::KILL).is_ok() {
                killed.insert(pid.as_raw_nonzero());
            }
        }
        std::thread::yield_now();
    }
    killed.len() as u32
}

fn reap() {
    while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
}

/// Living processes of a strict box beside the first, which asks.
pub(crate) fn count_in_box() -> u32 {
    reap();
    let me = rustix::process::getpid();
    all_processes().into_iter().filter(|pid| *pid != me && is_alive(*pid)).count() as u32
}

fn all_processes() -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let number = |entry: fs::DirEntry| entry.file_name().to_str().and_then(|name| name.parse().ok());
    entries.flatten().filter_map(number).filter_map(Pid::from_raw).collect()
}

/// All living descendants of this process.
fn descendants() -> Vec<Pid> {
    let parents: Vec<(Pid, i32)> =
        all_processes().into_iter().filter_map(|pid| Some((pid, parent_of(pid)?))).collect();
    let mut family = BTreeSet::from([rustix::process::getpid().as_raw_nonzero().get()]);
    let mut found = Vec::new();
    loop {
        let before = found.len();
        for (pid, parent) in &parents {
            let number = pid.as_raw_nonzero().get();
            if family.contains(parent) && family.insert(number) {
                found.push(*pid);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

fn is_alive(pid: Pid) -> bool {
    parent_of(pid).is_some()
}

/// The parent's number; `None` for a zombie and for a process that is gone.
fn parent_of(pid: Pid) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The name in parentheses may hold anything, so the fields start after the last one (proc(5)).
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") { None } else { fields.next()?.parse().ok() }
}

/// When a process was started, as the kernel counts; with its number it names one process for ever. `None` when it is
/// not to be seen.
pub(crate) fn started(pid: Pid) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The 22nd field; the third is the first one after the name (proc(5)).
    stat[stat.rfind(')')? + 1..].split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_that_nobody_carries_or_that_is_no_marker_kills_nothing() {
        assert_eq!(kill_leftovers("no-such-box-0000"), 0);
        assert_eq!(kill_leftovers(""), 0);
        assert_eq!(kill_leftovers("a=b"), 0);
    }

    #[test]
    fn this_process_has_a_parent() {
        let expected = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
        assert_eq!(parent_of(rustix::process::getpid()), expected);
    }
}
