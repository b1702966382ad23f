//! The box's side: the attempts, each made in a process of its own, one line of JSON for each on the output.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use rustix::pipe::PipeFlags;

use super::ground::{Facts, WORD};
use super::{Answer, Tried, calls, files, network};
use crate::spec::Level;
use crate::sys::{self, Side};

/// One thing to try.
pub(crate) struct Attempt {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) kind: Kind,
    pub(crate) make: fn(&Facts) -> Vec<Step>,
}

/// What an attempt is to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Denied at strict and at weak.
    Denied,
    /// As before, but at weak only from this version of Landlock on.
    DeniedFrom(u32),
    /// Works at strict; weak does not promise it.
    WorksInStrict,
    /// Works at every level.
    Works,
}

/// One of the ways that an attempt tries, and what came of it.
pub(crate) struct Step {
    pub(crate) way: String,
    pub(crate) result: io::Result<()>,
    pub(crate) counts: Counts,
}

/// Which errors mean that a way is shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    /// Any: a path that is not there is as good as one that is refused.
    Any,
    /// Refusals only: any other error means that the kernel looked at the arguments.
    Refusals,
}

/// What a filter or a missing right answers.
const REFUSALS: [i32; 6] =
    [libc::EPERM, libc::EACCES, libc::ENOSYS, libc::EOPNOTSUPP, libc::EAFNOSUPPORT, libc::EROFS];

pub(crate) const ATTEMPTS: &[Attempt] = &[
    denied("write-outside", "write to a file outside of the tree", files::write_outside),
    denied("read-outside", "read a file outside of the tree", files::read_outside),
    denied("home", "open anything in the home folder", files::home),
    denied("secrets", "read the system's passwords and logs", files::secrets),
    denied("system", "write to the system's folders", files::system),
    denied("proc-root", "reach outside through /proc/.../root", files::proc_root),
    denied("own-program", "overwrite the running program", files::own_program),
    denied("kernel-settings", "write to /proc/sys and the like", files::kernel_settings),
    denied("devices", "open or make devices", files::devices),
    denied("attributes", "give files capabilities, lists of rights and marks", files::attributes),
    denied("mounts", "mount, remount, unmount, change the root", calls::mounts),
    denied("namespaces", "make or enter namespaces", calls::namespaces),
    denied("host-network", "connect to a server of the machine", network::tcp),
    denied(network::DATAGRAM, "send a datagram to the machine", network::datagram),
    denied("host-sockets", "connect to a socket of the machine by path or name", network::unix),
    denied("socket-families", "open vsock, crypto, packet, netlink, bluetooth sockets", network::families),
    Attempt {
        name: "signal",
        what: "signal a process of the machine",
        kind: Kind::DeniedFrom(6),
        make: calls::signal,
    },
    denied("trace", "trace a process of the machine, read its memory", calls::trace),
    denied("host-processes", "read a process's environment and descriptors", files::host_processes),
    denied("keys", "use the kernel's keys", calls::keys),
    denied("io-uring", "make an io_uring", calls::io_uring),
    denied("kernel-code", "load code into the kernel, measure it, catch its faults", calls::kernel_code),
    denied("machine", "set the clock and the host's name, read the kernel's log", calls::machine),
    denied("privileges", "become root, have a capability, start set-uid programs", calls::privileges),
    denied("terminal", "type into a terminal", calls::terminal),
    denied("descriptors", "find an inherited descriptor", calls::descriptors),
    Attempt {
        name: "own-loopback",
        what: "serve and connect on an own 127.0.0.1",
        kind: Kind::WorksInStrict,
        make: network::own_loopback,
    },
    Attempt { name: "tree", what: "write in the tree", kind: Kind::Works, make: files::tree },
];

const fn denied(name: &'static str, what: &'static str, make: fn(&Facts) -> Vec<Step>) -> Attempt {
    Attempt { name, what, kind: Kind::Denied, make }
}

impl Attempt {
    /// Why this level does not promise it here, if it does not.
    pub(crate) fn is_promised(&self, level: Level) -> Option<String> {
        let abi = sys::landlock_abi();
        match (self.kind, level) {
            (Kind::WorksInStrict, Level::Weak) => Some("weak has no network of its own".to_owned()),
            (Kind::DeniedFrom(from), Level::Weak) if abi < from => {
                Some(format!("needs Landlock {from}, this kernel has {abi}"))
            }
            _ => None,
        }
    }

    pub(crate) fn with(&self, answer: Answer) -> Tried {
        Tried { name: self.name.to_owned(), what: self.what.to_owned(), answer }
    }

    /// Makes the attempt in a child, so that whatever it does to its process stays there.
    fn try_apart(&self, facts: &Facts) -> Answer {
        if let Some(how) = self.is_promised(facts.level) {
            return Answer::NotPromised { how };
        }
        let answer = apart(|| self.judge((self.make)(facts)));
        answer.unwrap_or_else(|error| {
            // A child that the filter killed has not got through either, but that is not how this filter answers.
            Answer::Breach { how: format!("the attempt gave no answer: {error}") }
        })
    }

    fn judge(&self, steps: Vec<Step>) -> Answer {
        let must_work = matches!(self.kind, Kind::Works | Kind::WorksInStrict);
        let mut answers: Vec<String> = Vec::new();
        for Step { way, result, counts } in steps {
            let error = match result {
                Ok(()) if must_work => continue,
                Ok(()) => return Answer::Breach { how: way },
                Err(error) => error,
            };
            if must_work {
                return Answer::Broken { how: format!("{way}: {error}") };
            }
            let refused = error.raw_os_error().is_some_and(|number| REFUSALS.contains(&number));
            if counts == Counts::Refusals && !refused {
                return Answer::Breach { how: format!("{way} reached the kernel: {error}") };
            }
            let text = plain(&error);
            if !answers.contains(&text) {
                answers.push(text);
            }
        }
        if must_work { Answer::Works } else { Answer::Denied { how: answers.join(", ") } }
    }
}

/// The system's words for an error, without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

fn apart(work: impl FnOnce() -> Answer) -> io::Result<Answer> {
    let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    match sys::fork_into(0)? {
        Side::Child => {
            // The pipe's other end is no descriptor that was inherited.
            drop(read);
            let answer = work();
            let _ = rustix::io::write(&write, &serde_json::to_vec(&answer).unwrap_or_default());
            sys::exit_now(0)
        }
        Side::Parent(child) => {
            drop(write);
            let answer = read_answer(read);
            sys::attempt::ended_well(child);
            answer
        }
    }
}

fn read_answer(read: OwnedFd) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    std::fs::File::from(read).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// Makes all attempts when this process was started for it, and gives the exit code. `None` in any other process.
pub(crate) fn in_the_box() -> Option<i32> {
    let words: Vec<String> = std::env::args_os().filter_map(|word| word.into_string().ok()).collect();
    let [.., word, facts] = words.as_slice() else { return None };
    if word != WORD {
        return None;
    }
    let Ok(facts) = serde_json::from_str::<Facts>(facts) else { return Some(2) };
    let mut out = io::stdout().lock();
    for attempt in ATTEMPTS {
        let line = serde_json::to_string(&attempt.with(attempt.try_apart(&facts))).unwrap_or_default();
        if writeln!(out, "{line}").is_err() {
            return Some(1);
        }
    }
    Some(0)
}

/// A way that is shut by any error.
pub(crate) fn any<T>(way: impl Into<String>, result: io::Result<T>) -> Step {
    Step { way: way.into(), result: result.map(drop), counts: Counts::Any }
}

/// A way that only a refusal shuts.
pub(crate) fn refused<T>(way: impl Into<String>, result: io::Result<T>) -> Step {
    Step { way: way.into(), result: result.map(drop), counts: Counts::Refusals }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(kind: Kind, steps: Vec<Step>) -> Answer {
        Attempt { name: "x", what: "x", kind, make: |_| Vec::new() }.judge(steps)
    }

    fn error(number: i32) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(number))
    }

    #[test]
    fn one_way_that_is_open_is_a_breach() {
        let steps = vec![any("first", error(libc::ENOENT)), any("second", Ok(()))];
        assert_eq!(judged(Kind::Denied, steps), Answer::Breach { how: "second".to_owned() });
    }

    #[test]
    fn an_error_behind_the_filter_is_a_breach_and_a_refusal_is_not() {
        let reached = judged(Kind::Denied, vec![refused("bpf", error(libc::EFAULT))]);
        assert!(matches!(reached, Answer::Breach { how } if how.contains("reached the kernel")));
        let shut = judged(Kind::Denied, vec![refused("bpf", error(libc::EPERM))]);
        assert_eq!(shut, Answer::Denied { how: "Operation not permitted".to_owned() });
    }

    #[test]
    fn what_tests_need_has_to_work() {
        assert_eq!(judged(Kind::Works, vec![any("write", Ok(()))]), Answer::Works);
        let broken = judged(Kind::Works, vec![any("write", error(libc::EROFS))]);
        assert!(matches!(broken, Answer::Broken { .. }), "{broken:?}");
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = ATTEMPTS.iter().map(|attempt| attempt.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ATTEMPTS.len());
    }

    #[test]
    fn an_attempt_that_dies_is_no_answer() {
        assert!(apart(|| sys::exit_now(0)).is_err());
    }
}
