//! One child process: started in a group of its own, fed from memory, read with a cap, killed at the deadline with
//! everything it started in that group. Knows nothing of git.

use std::ffi::OsString;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::{Output, RunError};

/// What to start.
pub(super) struct Spawn<'a> {
    pub(super) program: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) args: Vec<OsString>,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) input: &'a [u8],
    pub(super) timeout: Duration,
    pub(super) cap: usize,
}

/// How following the child ended.
enum End {
    Exited,
    TimedOut,
    TooMuchOutput,
}

/// Runs it to its end. `argv` is for messages.
pub(super) fn run(spawn: &Spawn<'_>, argv: &str) -> Result<Output, RunError> {
    let fail = |source| RunError::Start { argv: argv.to_owned(), source };
    let mut child = start(spawn).map_err(fail)?;
    let mut streams = [Vec::new(), Vec::new()];
    let end = follow(&mut child, spawn, &mut streams);
    // Before the child is waited for, its number cannot belong to another group.
    let group = Pid::from_child(&child);
    kill_process_group(group, Signal::KILL).ok();
    let status = child.wait().map_err(fail)?;
    let [stdout, stderr] = streams;
    match end.map_err(fail)? {
        End::Exited => {
            let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
            Ok(Output { code, stdout, stderr })
        }
        End::TimedOut => Err(RunError::TimedOut { argv: argv.to_owned(), seconds: spawn.timeout.as_secs() }),
        End::TooMuchOutput => Err(RunError::TooMuchOutput { argv: argv.to_owned(), cap: spawn.cap }),
    }
}

#[expect(clippy::disallowed_methods, reason = "this crate is the one that starts git")]
fn start(spawn: &Spawn<'_>) -> io::Result<Child> {
    Command::new(spawn.program)
        .args(&spawn.args)
        .env_clear()
        .envs(spawn.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(spawn.folder)
        .stdin(stdin(spawn.input)?)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

/// The input as a file in memory: no pipe that both sides could wait on.
fn stdin(input: &[u8]) -> io::Result<Stdio> {
    if input.is_empty() {
        return Ok(Stdio::null());
    }
    let fd = rustix::fs::memfd_create("stdin", rustix::fs::MemfdFlags::CLOEXEC)?;
    let mut file = std::fs::File::from(fd);
    file.write_all(input)?;
    file.rewind()?;
    Ok(Stdio::from(file))
}

/// Reads both streams until the child ends, the deadline or the cap. A daemon that keeps a stream open does not hold us.
fn follow(child: &mut Child, spawn: &Spawn<'_>, streams: &mut [Vec<u8>; 2]) -> io::Result<End> {
    let deadline = Instant::now() + spawn.timeout;
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let mut pipes: [Option<OwnedFd>; 2] =
        [child.stdout.take().map(OwnedFd::from), child.stderr.take().map(OwnedFd::from)];
    let mut exited = false;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let ready = wait(pidfd.as_fd(), &pipes, if exited { Duration::ZERO } else { left })?;
        for (index, pipe) in pipes.iter_mut().enumerate() {
            if ready.pipes[index] && read_some(pipe, &mut streams[index])? == 0 {
                *pipe = None;
            }
            if streams[index].len() > spawn.cap {
                return Ok(End::TooMuchOutput);
            }
        }
        match (exited, ready.pipes.contains(&true)) {
            (true, false) => return Ok(End::Exited),
            _ if left.is_zero() => return Ok(if exited { End::Exited } else { End::TimedOut }),
            _ => exited = exited || ready.child,
        }
    }
}

struct Ready {
    child: bool,
    pipes: [bool; 2],
}

/// Waits until the child has ended, a pipe has something or is closed, or the time is over.
fn wait(pidfd: BorrowedFd<'_>, pipes: &[Option<OwnedFd>; 2], limit: Duration) -> io::Result<Ready> {
    let mut fds = vec![PollFd::from_borrowed_fd(pidfd, PollFlags::IN)];
    fds.extend(pipes.iter().flatten().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
    let limit = Timespec::try_from(limit).map_err(io::Error::other)?;
    loop {
        match poll(&mut fds, Some(&limit)) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) => break,
        }
    }
    let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
    let child = ready.next().unwrap_or(false);
    let mut of = |pipe: &Option<OwnedFd>| pipe.is_some() && ready.next().unwrap_or(false);
    Ok(Ready { child, pipes: [of(&pipes[0]), of(&pipes[1])] })
}

/// Appends what one read gives; 0 at the end of the stream.
fn read_some(pipe: &mut Option<OwnedFd>, into: &mut Vec<u8>) -> io::Result<usize> {
    let Some(fd) = pipe.take() else { return Ok(0) };
    let mut file = std::fs::File::from(fd);
    let mut buffer = [0; 65536];
    let count = file.read(&mut buffer);
    *pipe = Some(file.into());
    let count = count?;
    into.extend_from_slice(&buffer[..count]);
    Ok(count)
}
