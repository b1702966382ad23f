//! Killing a process at a named point of its life, and running it again.
//!
//! The point is reached inside the program: a binary under test reads [`KillAfter::VARIABLE`] and sends SIGKILL to
//! itself right after it has made the n-th event of that name durable. This module only asks for it and watches.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::must::{Must, fail};

/// Where the process is to die: right after an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillAfter {
    /// The event's name, as the journal spells it.
    pub event: String,
    /// Which of them, counted from 1.
    pub nth: u32,
}

impl KillAfter {
    /// The variable that the binary reads.
    pub const VARIABLE: &str = "CODEX_TASK_FAULT";

    /// After the first event of this name.
    pub fn first(event: &str) -> Self {
        Self { event: event.to_owned(), nth: 1 }
    }

    /// The variable's value: `kill-after:Staged`, and `kill-after:Staged:2` for the second one.
    pub fn value(&self) -> String {
        match self.nth {
            1 => format!("kill-after:{}", self.event),
            nth => format!("kill-after:{}:{nth}", self.event),
        }
    }
}

/// How a watched process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Killed {
    /// By SIGKILL: the fault struck.
    Yes,
    /// By itself, with this exit code: the point was never reached.
    No(i32),
    /// By another signal, this one.
    Otherwise(i32),
    /// Not within the time given. It and its process group were killed by the test.
    TimedOut,
}

/// A program to be run with a fault. The environment holds nothing but what is set here.
#[derive(Debug)]
pub struct FaultRun {
    program: PathBuf,
    args: Vec<String>,
    variables: Vec<(String, String)>,
    folder: PathBuf,
    timeout: Duration,
}

/// What a run left to look at.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub killed: Killed,
    /// Everything written to stdout, with what is not UTF-8 replaced.
    pub stdout: String,
    /// The same of stderr.
    pub stderr: String,
}

impl FaultRun {
    /// A run of this program in this folder, for at most a minute.
    pub fn new(program: &Path, folder: &Path) -> Self {
        Self {
            program: program.to_owned(),
            args: Vec::new(),
            variables: Vec::new(),
            folder: folder.to_owned(),
            timeout: Duration::from_secs(60),
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|&arg| arg.to_owned()));
        self
    }

    /// Adds variables, such as those of [`TestRepo::environment`](crate::TestRepo::environment).
    #[must_use]
    pub fn variables<N: Into<String>, V: Into<String>>(
        mut self,
        add: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.variables.extend(add.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// How long it may run.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Runs it with this fault and waits for its end.
    #[track_caller]
    pub fn with_fault(&self, fault: &KillAfter) -> Ended {
        self.run(Some((KillAfter::VARIABLE, fault.value())))
    }

    /// Runs it without a fault, as one does to let it recover.
    #[track_caller]
    pub fn without_fault(&self) -> Ended {
        self.run(None)
    }

    /// Runs it with the fault, and ends the test if it did not die of it.
    #[track_caller]
    pub fn must_be_killed(&self, fault: &KillAfter) -> Ended {
        let ended = self.with_fault(fault);
        if ended.killed != Killed::Yes {
            fail(format_args!(
                "{} was to be killed by {}, but: {:?}\nstdout: {}\nstderr: {}",
                self.program.display(),
                fault.value(),
                ended.killed,
                ended.stdout,
                ended.stderr
            ));
        }
        ended
    }

    /// Output goes to files: a pipe would be held open by whatever the killed process left running.
    #[track_caller]
    fn run(&self, fault: Option<(&str, String)>) -> Ended {
        let (mut stdout, mut stderr) = (scratch_file(), scratch_file());
        #[expect(clippy::disallowed_methods, reason = "starts the program under test")]
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(&self.folder).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.envs(fault).stdin(Stdio::null()).process_group(0);
        command.stdout(stdout.try_clone().must("sharing a file"));
        command.stderr(stderr.try_clone().must("sharing a file"));
        let child = command.spawn().must(format_args!("starting {}", self.program.display()));
        let killed = wait(child, self.timeout);
        Ended { killed, stdout: text_of(&mut stdout), stderr: text_of(&mut stderr) }
    }
}

#[track_caller]
fn scratch_file() -> File {
    tempfile::tempfile().must("making a file for the output")
}

#[track_caller]
fn text_of(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).must("reading the output");
    file.read_to_end(&mut bytes).must("reading the output");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits for the end by looking every few milliseconds: the standard library has no wait with a deadline.
#[track_caller]
fn wait(mut child: Child, timeout: Duration) -> Killed {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(status) = child.try_wait().must("waiting for the program") {
            return read(status);
        }
        if Instant::now() >= deadline {
            stop(&mut child);
            return Killed::TimedOut;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Ends the program and what it started in its process group.
fn stop(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let group_killed = group.is_some_and(|group| kill_process_group(group, Signal::KILL).is_ok());
    if !group_killed {
        child.kill().must("killing the program");
    }
    child.wait().must("waiting for the program");
}

fn read(status: ExitStatus) -> Killed {
    match (status.code(), status.signal()) {
        (_, Some(9)) => Killed::Yes,
        (_, Some(signal)) => Killed::Otherwise(signal),
        (Some(code), None) => Killed::No(code),
        (None, None) => fail("a process that neither exited nor was killed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stand-in for the binary: it reads the variable as the binary does, and leaves a child behind.
    const SCRIPT: &str = r#"
        echo "events: Staging Staged"
        case "$CODEX_TASK_FAULT" in
            kill-after:Staged) kill -KILL $$ ;;
            kill-after:Staged:2) kill -TERM $$ ;;
            hang) sleep 600 & wait ;;
        esac
        echo "done" >&2
        exit 3
    "#;

    fn script() -> FaultRun {
        FaultRun::new(Path::new("/bin/sh"), Path::new("/")).args(&["-c", SCRIPT])
    }

    #[test]
    fn a_fault_that_strikes_is_seen_with_what_was_written_before() {
        let ended = script().must_be_killed(&KillAfter::first("Staged"));
        assert_eq!((ended.killed, ended.stdout.as_str()), (Killed::Yes, "events: Staging Staged\n"));
        assert_eq!(ended.stderr, "");
    }

    #[test]
    fn without_the_fault_the_same_run_ends_by_itself() {
        let ended = script().without_fault();
        assert_eq!((ended.killed, ended.stderr.as_str()), (Killed::No(3), "done\n"));
    }

    #[test]
    #[should_panic(expected = "was to be killed by kill-after:Published, but: No(3)")]
    fn a_point_that_is_never_reached_fails_the_test() {
        script().must_be_killed(&KillAfter::first("Published"));
    }

    #[test]
    fn another_signal_is_not_taken_for_the_fault() {
        let second = KillAfter { event: "Staged".to_owned(), nth: 2 };
        assert_eq!(script().with_fault(&second).killed, Killed::Otherwise(15));
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_its_children() {
        let run = script().variables([("CODEX_TASK_FAULT", "hang")]).timeout(Duration::from_millis(100));
        let marked = run.variables([("MARK", "fault-test-hang-7d1")]);
        assert_eq!(marked.without_fault().killed, Killed::TimedOut);
        let watch = crate::Watch::new().processes("fault-test-hang-7d1");
        watch.wait_until_nothing_left(&crate::Snapshot::default(), Duration::from_secs(10));
    }

    #[test]
    fn the_environment_is_only_what_was_given() {
        let run = FaultRun::new(Path::new("/usr/bin/env"), Path::new("/")).variables([("ONLY", "this")]);
        assert_eq!(run.without_fault().stdout, "ONLY=this\n");
    }
}
