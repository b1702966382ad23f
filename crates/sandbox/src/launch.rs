//! The operator's side: starts a helper, sends it the request, drains the output and waits for the report.
//! Safe to call from any thread of a process with many; it blocks, and nothing is left when it returns.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};
use serde::de::DeserializeOwned;

use crate::error::SandboxError;
use crate::leftovers::kill_leftovers;
use crate::output::{Captured, Collector};
use crate::spec::{Level, MARKER_NAME, Network, Spec};
use crate::wire::{self, CANCEL, Done, How, KILL, Request, Ties};

/// How to start the helper: this very binary, with arguments that make it call [`crate::helper_main`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launcher {
    /// The binary, as an absolute path.
    pub program: PathBuf,
    /// For example `["__sandbox"]`.
    pub first_args: Vec<std::ffi::OsString>,
}

/// How the command ended. The three kinds of failure stay apart: the command's own, ours, and a missing program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The command ended by itself.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// The command was killed by a signal that was not ours.
    Signalled {
        /// The signal's number.
        signal: i32,
    },
    /// The deadline passed and the box was ended.
    TimedOut,
    /// More was printed than [`crate::Limits::output_total`], and the box was killed.
    OutputLimit,
    /// Less than [`crate::Limits::disk_reserve`] was free on the disk, or more than [`crate::Limits::tree_bytes`] was
    /// written to the tree, and the box was killed.
    DiskLimit,
    /// The box as a whole needed more than [`crate::Limits::memory`], and the kernel killed it. Only where the box has a
    /// control group; elsewhere single processes run out of memory, and what follows is up to them.
    MemoryLimit,
    /// [`Cancel::cancel`] was called, and the box was ended.
    Cancelled,
    /// The box could not be made: nothing of the command ran.
    SetupFailed {
        /// The step that failed and the system's answer.
        what: String,
    },
    /// The box stood, but the program could not be started in it.
    ExecFailed {
        /// The program and the system's answer.
        what: String,
    },
}

/// What is known about one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How the command ended.
    pub outcome: Outcome,
    /// What it printed on its standard output.
    pub stdout: Captured,
    /// What it printed on its standard error.
    pub stderr: Captured,
    /// From the start of the box's making until nothing of it was left.
    pub wall: Duration,
    /// The level that was enforced.
    pub level: Level,
    /// The largest resident set of any of its processes that were waited for, in KiB. 0 when the box was killed.
    pub max_rss_kib: u64,
    /// Processes that were still running when the command itself had ended. 0 when the box was killed.
    pub leftovers_killed: u32,
    /// How many processes were not made because the box's control group had as many as it may. 0 without one.
    pub refused_processes: u64,
}

/// Ends runs from another thread. Clones share one state; once called, every run that uses it ends, also later ones.
#[derive(Debug, Clone)]
pub struct Cancel(Arc<OwnedFd>);

impl Cancel {
    /// A handle that has not been called.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn new() -> io::Result<Self> {
        let fd = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self(Arc::new(fd)))
    }

    /// Asks for the end: SIGTERM to every process of the box, and SIGKILL after [`crate::Limits::grace`].
    pub fn cancel(&self) {
        // Fails only when the counter is at its end, and then it was called before.
        let _ = rustix::io::write(&*self.0, &1u64.to_ne_bytes());
    }
}

impl Launcher {
    pub(crate) fn failed(&self, action: &'static str, source: io::Error) -> SandboxError {
        SandboxError::Helper { program: self.program.clone(), action, source }
    }

    /// Starts a helper with an empty environment but for the marker; its standard input is the socket.
    fn start(
        &self,
        stdout: Stdio,
        stderr: Stdio,
        marker: Option<&str>,
    ) -> Result<(Child, UnixStream), SandboxError> {
        let (ours, theirs) = UnixStream::pair().map_err(|error| self.failed("make a socket", error))?;
        #[expect(clippy::disallowed_methods, reason = "this crate is the one that spawns untrusted commands")]
        let mut command = Command::new(&self.program);
        command.args(&self.first_args).env_clear().envs(marker.map(|marker| (MARKER_NAME, marker)));
        command.stdin(OwnedFd::from(theirs)).stdout(stdout).stderr(stderr);
        let child = command.spawn().map_err(|error| self.failed("start", error))?;
        Ok((child, ours))
    }
}

/// Time beyond the deadline and the grace after which the helper itself is taken to be stuck.
const HELPER_PATIENCE: Duration = Duration::from_secs(10);

/// Time for the output pipes to end once the helper has reported.
const DRAIN_PATIENCE: Duration = Duration::from_secs(2);

/// Runs one command in a box and waits for its end. Blocks: call it from a thread that may.
///
/// # Errors
/// A refused request, or a helper that cannot be started or dies. Everything that happens to the command is an
/// [`Outcome`] in the report, and so is a box that cannot be made.
pub fn run(launcher: &Launcher, spec: &Spec, cancel: &Cancel) -> Result<Report, SandboxError> {
    run_with(launcher, spec, cancel, None)
}

/// What a command is talked with while it runs.
pub struct Talk {
    /// The command's standard input.
    pub input: PipeReader,
    /// The command's standard output: it comes here and not into the report, and nothing bounds it but its reader.
    pub output: PipeWriter,
    /// Something that listens on the box's own loopback.
    pub door: Option<Door>,
}

/// A socket that listens on 127.0.0.1 inside of a strict box and is answered by the operator, outside of it: the one
/// thing that a box without a network can reach.
pub struct Door {
    /// The port, which is free: the box's network has nothing else in it.
    pub port: u16,
    /// Called once, with the socket, before the command starts.
    pub opened: Box<dyn FnOnce(TcpListener) + Send>,
}

/// As [`run`], for a command that is talked with.
///
/// # Errors
/// As [`run`]; and a door is refused but for a strict box without a network.
pub fn talk(launcher: &Launcher, spec: &Spec, cancel: &Cancel, talk: Talk) -> Result<Report, SandboxError> {
    if talk.door.is_some() && (spec.level != Level::Strict || spec.network != Network::None) {
        return Err(SandboxError::BadSpec {
            field: "door",
            reason: "only a strict box without a network has a loopback of its own".to_owned(),
        });
    }
    run_with(launcher, spec, cancel, Some(talk))
}

fn run_with(
    launcher: &Launcher,
    spec: &Spec,
    cancel: &Cancel,
    talk: Option<Talk>,
) -> Result<Report, SandboxError> {
    spec.check()?;
    let start = Instant::now();
    let (input, output, door) =
        talk.map_or((None, None, None), |talk| (Some(talk.input), Some(talk.output), talk.door));
    let stdout = output.map_or_else(Stdio::piped, Stdio::from);
    let (mut child, socket) = launcher.start(stdout, Stdio::piped(), Some(&spec.marker))?;
    let ties = Ties { input: input.is_some(), door: door.as_ref().map(|door| door.port) };
    let session = Session::new(&mut child, socket, spec, cancel, door);
    let done = session.send(spec, ties, input).map(|mut session| {
        session.follow(start + spec.limits.wall + spec.limits.grace + HELPER_PATIENCE);
        session
    });
    if !done.as_ref().is_ok_and(|session| session.done.is_some()) {
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| launcher.failed("wait for", error))?;
    let session = done.map_err(|error| launcher.failed("speak to", error))?;
    if session.done.is_none() {
        kill_leftovers(&spec.marker);
        return Err(SandboxError::HelperDied { status: status.to_string() });
    }
    Ok(session.report(start.elapsed(), spec.level))
}

/// Sends one request to a helper of its own and returns its answer.
pub(crate) fn ask<T: DeserializeOwned>(launcher: &Launcher, request: &Request) -> Result<T, SandboxError> {
    let (mut child, socket) = launcher.start(Stdio::null(), Stdio::null(), None)?;
    let answer = wire::send(&socket, request).and_then(|()| wire::receive(&socket));
    let status = child.wait().map_err(|error| launcher.failed("wait for", error))?;
    answer.map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => SandboxError::HelperDied { status: status.to_string() },
        _ => launcher.failed("speak to", error),
    })
}

/// One helper and what has come from it so far.
struct Session<'a> {
    socket: UnixStream,
    answer: Vec<u8>,
    done: Option<Done>,
    socket_open: bool,
    stdout: Stream<ChildStdout>,
    stderr: Stream<ChildStderr>,
    cancel: Option<&'a Cancel>,
    marker: &'a str,
    output_total: u64,
    flooded: bool,
    door: Option<Door>,
}

/// One output pipe of the box.
struct Stream<P> {
    pipe: Option<P>,
    kept: Collector,
}

impl<P: Read + AsFd> Stream<P> {
    fn drain(&mut self, buffer: &mut [u8]) {
        let Some(pipe) = &mut self.pipe else { return };
        match pipe.read(buffer) {
            Ok(0) => self.pipe = None,
            Ok(count) => self.kept.push(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.pipe = None,
        }
    }
}

impl<'a> Session<'a> {
    fn new(
        child: &mut Child,
        socket: UnixStream,
        spec: &'a Spec,
        cancel: &'a Cancel,
        door: Option<Door>,
    ) -> Self {
        let collector = || Collector::new(spec.limits.output_kept);
        Self {
            socket,
            answer: Vec::new(),
            done: None,
            socket_open: true,
            stdout: Stream { pipe: child.stdout.take(), kept: collector() },
            stderr: Stream { pipe: child.stderr.take(), kept: collector() },
            cancel: Some(cancel),
            marker: &spec.marker,
            output_total: spec.limits.output_total,
            flooded: false,
            door,
        }
    }

    fn send(self, spec: &Spec, ties: Ties, input: Option<PipeReader>) -> io::Result<Self> {
        wire::send(&self.socket, &Request::Run(Box::new(spec.clone()), ties))?;
        if let Some(input) = input {
            wire::send_fd(&self.socket, input.as_fd())?;
        }
        Ok(self)
    }

    /// Drains everything until the helper has answered and both pipes have ended.
    fn follow(&mut self, patience: Instant) {
        let mut until = patience;
        let mut buffer = vec![0; 64 << 10];
        while self.socket_open || self.stdout.pipe.is_some() || self.stderr.pipe.is_some() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let was_open = self.socket_open;
            self.step(left, &mut buffer);
            if was_open && !self.socket_open {
                until = until.min(Instant::now() + DRAIN_PATIENCE);
                if self.done.is_none() {
                    // Without its helper a weak box does not end by itself, and would keep the output open.
                    kill_leftovers(self.marker);
                }
            }
        }
    }

    fn step(&mut self, left: Duration, buffer: &mut [u8]) {
        let [socket, stdout, stderr, cancel] = self.ready(left);
        if stdout {
            self.stdout.drain(buffer);
        }
        if stderr {
            self.stderr.drain(buffer);
        }
        if socket {
            self.hear(buffer);
        }
        if cancel {
            self.cancel = None;
            self.tell(CANCEL);
        }
        if !self.flooded && self.stdout.kept.total() + self.stderr.kept.total() > self.output_total {
            self.flooded = true;
            self.tell(KILL);
        }
    }

    /// Which of socket, stdout, stderr and cancel have something to say.
    fn ready(&self, left: Duration) -> [bool; 4] {
        let socket = self.socket_open.then(|| self.socket.as_fd());
        let stdout = self.stdout.pipe.as_ref().map(AsFd::as_fd);
        let stderr = self.stderr.pipe.as_ref().map(AsFd::as_fd);
        let cancel = self.cancel.map(|cancel| cancel.0.as_fd());
        let open: Vec<(usize, BorrowedFd<'_>)> = [socket, stdout, stderr, cancel]
            .into_iter()
            .enumerate()
            .filter_map(|(index, fd)| Some((index, fd?)))
            .collect();
        let mut polled: Vec<PollFd<'_>> = open.iter().map(|(_, fd)| PollFd::new(fd, PollFlags::IN)).collect();
        let mut ready = [false; 4];
        if rustix::event::poll(&mut polled, Timespec::try_from(left).ok().as_ref()).is_ok() {
            for ((index, _), polled) in open.iter().zip(&polled) {
                ready[*index] = !polled.revents().is_empty();
            }
        }
        ready
    }

    fn hear(&mut self, buffer: &mut [u8]) {
        match wire::receive_with_fds(&self.socket, buffer) {
            Ok((0, fds)) if fds.is_empty() => self.socket_open = false,
            Ok((count, fds)) => {
                self.answer.extend_from_slice(&buffer[..count]);
                if let Some(socket) = fds.into_iter().next()
                    && let Some(door) = self.door.take()
                {
                    (door.opened)(TcpListener::from(socket));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.socket_open = false,
        }
        if !self.socket_open {
            self.done = wire::receive(self.answer.as_slice()).ok();
        }
    }

    fn tell(&mut self, byte: u8) {
        // A helper that is gone shows as the end of the socket.
        let _ = self.socket.write_all(&[byte]);
    }

    fn report(self, wall: Duration, level: Level) -> Report {
        let done = self.done.unwrap_or_else(|| Done {
            how: How::SetupFailed { what: "no report".to_owned() },
            wall_micros: 0,
            max_rss_kib: 0,
            leftovers_killed: 0,
            refused_processes: 0,
        });
        Report {
            outcome: if self.flooded { Outcome::OutputLimit } else { done.how.into() },
            stdout: self.stdout.kept.finish(),
            stderr: self.stderr.kept.finish(),
            wall,
            level,
            max_rss_kib: done.max_rss_kib,
            leftovers_killed: done.leftovers_killed,
            refused_processes: done.refused_processes,
        }
    }
}

impl From<How> for Outcome {
    fn from(how: How) -> Self {
        match how {
            How::Exited { code } => Outcome::Exited { code },
            How::Signalled { signal } => Outcome::Signalled { signal },
            How::TimedOut => Outcome::TimedOut,
            How::Cancelled => Outcome::Cancelled,
            How::DiskLimit => Outcome::DiskLimit,
            How::MemoryLimit => Outcome::MemoryLimit,
            How::SetupFailed { what } => Outcome::SetupFailed { what },
            How::ExecFailed { what } => Outcome::ExecFailed { what },
        }
    }
}
