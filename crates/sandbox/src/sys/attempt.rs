//! System calls for those who try what must be denied: see `denials`. The one place that makes calls by number.
//! What it is given must be harmless where the call succeeds.

use std::ffi::CStr;
use std::io;

use super::check;

/// One argument of a call.
pub(crate) enum Argument<'a> {
    Number(i64),
    Text(&'a CStr),
    /// Memory that the call may read and write, of at least the size that the call defines.
    Memory(&'a mut [u64]),
}

/// Makes a call with at most six arguments and gives its result.
///
/// Only for calls that do not change what this process has mapped, and with memory of the size that the call defines.
pub(crate) fn call(number: libc::c_long, arguments: &mut [Argument<'_>]) -> io::Result<i64> {
    let mut words = [0i64; 6];
    for (word, argument) in words.iter_mut().zip(arguments) {
        *word = match argument {
            Argument::Number(number) => *number,
            Argument::Text(text) => text.as_ptr() as i64,
            Argument::Memory(memory) => memory.as_mut_ptr() as i64,
        };
    }
    let [a, b, c, d, e, f] = words;
    // SAFETY: pointers are to texts and memory that live through the call; the callers, all in `denials`, give each
    // call memory of its size and make no call that unmaps or moves memory.
    check(unsafe { libc::syscall(number, a, b, c, d, e, f) })
}

/// How many descriptors from 3 on are open, of the first thousand.
pub(crate) fn descriptors_from_three() -> usize {
    // SAFETY: asking for a descriptor's flags touches nothing.
    (3..1024).filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } >= 0).count()
}

/// Waits for a child of this process.
pub(crate) fn ended_well(child: rustix::process::Pid) -> bool {
    rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty())
        .is_ok_and(|ended| ended.is_some_and(|(_, status)| status.exit_status() == Some(0)))
}
