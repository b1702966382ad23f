//! The helper: a single-threaded re-exec of the operator's binary that makes one box, watches over it and reports.
//!
//! It outlives no one: the end of its socket means that the operator died, and then the box is killed at once. Its
//! own death kills the box through the first process's parent-death signal. It must not print.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, Signal, WaitOptions};

use crate::cgroup::{Cgroup, ThisKernel};
use crate::command::{SCRATCH_HOME, SCRATCH_TMP};
use crate::error::{Step, StepError};
use crate::first::{self, Birth, Purpose};
use crate::growth::Growth;
use crate::leftovers;
use crate::limits;
use crate::namespaces::{self, Identity, OUTSIDE_ID};
use crate::ownership;
use crate::probe;
use crate::spec::{Level, Network, Spec, Tree};
use crate::sys::{self, Side};
use crate::wire::{self, CANCEL, Done, How, Note, Request};

/// The whole life of a helper process; the value is its exit code.
///
/// The binary must call this first thing in `main`, before it makes a thread or opens a file, when its first
/// argument is the one given in [`crate::Launcher::first_args`]. Started by hand it ends at once with 2.
///
/// The same program makes the attempts of [`crate::try_denials`], inside of a box.
pub fn helper_main() -> i32 {
    if let Some(code) = crate::denials::in_the_box() {
        return code;
    }
    match serve() {
        Ok(()) => 0,
        Err(_) => 2,
    }
}

fn serve() -> io::Result<()> {
    sys::close_from_three(false)?;
    let mut operator = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let request: Request = wire::receive(&mut operator)?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    sys::replace_standard_fd(null.as_fd(), 0)?;
    // Fails only for the leader of a process group, and then there is nothing to leave.
    let _ = rustix::process::setsid();
    match request {
        Request::Run(spec, ties) => {
            let input = if ties.input { Some(wire::receive_fd(&operator)?) } else { None };
            wire::send(
                &operator,
                &run(&spec, &operator, Tied { input, door: ties.door, operator: &operator }),
            )
        }
        Request::Probe(tree) => wire::send(&operator, &probe::look(tree.as_ref(), &operator)),
    }
}

/// What the first process hands on between the command and the operator.
pub(crate) struct Tied<'a> {
    /// The command's standard input.
    pub(crate) input: Option<OwnedFd>,
    /// The port of the socket that the operator answers.
    pub(crate) door: Option<u16>,
    /// Where that socket is sent.
    pub(crate) operator: &'a UnixStream,
}

fn run(spec: &Spec, operator: &UnixStream, tied: Tied<'_>) -> Done {
    let start = Instant::now();
    limits::open_files_up_to_the_ceiling();
    if spec.level != Level::Strict {
        // When the first process has to be killed, its descendants become this one's.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    }
    let failed = |what: String| Verdict { how: How::SetupFailed { what }, ..Verdict::default() };
    let verdict = match Watched::start(Purpose::Run(spec), Some(tied)) {
        Ok(watched) => watched.watch(operator, Ending::of(spec, start)),
        Err(error) => failed(error.to_string()),
    };
    let mut leftovers_killed = verdict.leftovers;
    if spec.level != Level::Strict {
        leftovers_killed += leftovers::kill_descendants();
    }
    let wall_micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    let Verdict { how, max_rss_kib, refused_processes, .. } = verdict;
    Done { how, wall_micros, max_rss_kib, leftovers_killed, refused_processes }
}

/// How a box ended.
pub(crate) struct Verdict {
    pub(crate) how: How,
    max_rss_kib: u64,
    leftovers: u32,
    refused_processes: u64,
}

impl Default for Verdict {
    fn default() -> Self {
        Self { how: How::Exited { code: 0 }, max_rss_kib: 0, leftovers: 0, refused_processes: 0 }
    }
}

/// A box with a living first process.
pub(crate) struct Watched {
    first: Pid,
    identity: Identity,
    report: File,
    go: OwnedFd,
    cgroup: Option<Cgroup>,
}

impl Watched {
    /// Makes what has to be made on the host and forks the first process.
    pub(crate) fn start(purpose: Purpose<'_>, tied: Option<Tied<'_>>) -> Result<Self, StepError> {
        let identity = Identity::current();
        let (tree, strict) = match purpose {
            Purpose::Run(spec) => (Some(&spec.tree), spec.level == Level::Strict),
            Purpose::Probe(tree) => (tree, true),
        };
        let namespaces = match purpose {
            _ if !strict => 0,
            Purpose::Run(spec) => namespaces::of_strict(identity, spec.network)?,
            Purpose::Probe(_) => namespaces::of_strict(identity, Network::None)?,
        };
        if let Purpose::Run(spec) = purpose {
            prepare_host(spec, identity)?;
        }
        let shift =
            tree.filter(|_| strict && identity == Identity::Root).map(shift_of).transpose()?.flatten();
        let cgroup = match purpose {
            Purpose::Run(Spec { cgroup: Some(parent), limits, .. }) => {
                Some(Cgroup::make(parent, limits, ThisKernel)?)
            }
            Purpose::Run(_) | Purpose::Probe(_) => None,
        };
        let (report, report_end) = pipe()?;
        let (go_end, go) = pipe()?;
        match sys::fork_into(namespaces).step("make the namespaces")? {
            Side::Child => {
                drop((report, go));
                let shift = shift.as_ref().map(AsFd::as_fd);
                first::live(Birth { purpose, identity, shift, tied, report: report_end, go: go_end })
            }
            Side::Parent(first) => {
                // The input must end with the command, and so with the last who holds it.
                drop(tied);
                let watched = Self { first, identity, report: report.into(), go, cgroup };
                watched.welcome(namespaces & sys::NEW_USER != 0)?;
                Ok(watched)
            }
        }
    }

    /// Lets go of what is the box's now, and lets the first process begin.
    fn welcome(&self, needs_maps: bool) -> Result<(), StepError> {
        for place in [1, 2] {
            sys::replace_standard_fd(io::stdin().as_fd(), place).step("let go of the output")?;
        }
        if let Some(group) = &self.cgroup {
            group.add(self.first)?;
        }
        if needs_maps {
            self.map_and_go()
        } else {
            rustix::io::write(&self.go, b"g").map(drop).step("start the first process")
        }
    }

    fn map_and_go(&self) -> Result<(), StepError> {
        namespaces::write_maps(self.first, self.identity.owner_in_strict())?;
        rustix::io::write(&self.go, b"g").map(drop).step("start the first process")
    }

    /// Waits for the end of the box, ending it at the deadline, on request, or when the operator is gone.
    pub(crate) fn watch(mut self, operator: &UnixStream, mut ending: Ending<'_>) -> Verdict {
        let mut notes = Notes::default();
        loop {
            let (from_operator, from_box) = wait(operator.as_fd(), self.report.as_fd(), ending.next_look());
            if from_operator {
                ending.on_operator(operator, self.first);
            }
            if from_box {
                match notes.read(&mut self.report) {
                    Progress::End => break,
                    Progress::More => {}
                    Progress::MapMe => {
                        if let Err(error) = self.map_and_go() {
                            notes.last = Some(Note::SetupFailed(error.to_string()));
                            ending.kill(self.first);
                        }
                    }
                }
            }
            ending.on_time(self.first);
        }
        if let Some(group) = &self.cgroup {
            // The first process may have been killed for the memory of the whole; then it left no word.
            if group.ran_out_of_memory() && !matches!(notes.last, Some(Note::Ended { .. })) {
                ending.cause.get_or_insert(How::MemoryLimit);
            }
        }
        let status = rustix::process::waitpid(Some(self.first), WaitOptions::empty());
        let mut verdict = verdict(notes.last, ending.cause, &format!("{status:?}"));
        verdict.refused_processes = self.cgroup.as_ref().map_or(0, Cgroup::refused_processes);
        verdict
    }
}

/// When and why a box is ended, and how far that has come.
pub(crate) struct Ending<'a> {
    cause: Option<How>,
    next: Option<Instant>,
    grace: Duration,
    /// The folder whose file system must keep that many bytes free.
    disk: Option<(&'a Path, u64)>,
    /// What may be written to the tree.
    growth: Option<Growth<'a>>,
}

/// Time between two looks at the disk.
const DISK_LOOK: Duration = Duration::from_millis(100);

impl<'a> Ending<'a> {
    fn of(spec: &'a Spec, start: Instant) -> Self {
        let disk = (spec.limits.disk_reserve > 0).then(|| (spec.tree.written(), spec.limits.disk_reserve));
        let growth = spec.limits.tree_bytes.map(|most| Growth::of(&spec.tree, most, start));
        Self {
            cause: None,
            next: start.checked_add(spec.limits.wall),
            grace: spec.limits.grace,
            disk,
            growth,
        }
    }

    /// Kills after that time, and looks at nothing else.
    pub(crate) fn after(time: Duration) -> Self {
        let next = Instant::now().checked_add(time);
        Self { cause: None, next, grace: Duration::ZERO, disk: None, growth: None }
    }

    fn next_look(&self) -> Option<Instant> {
        let looks = self.disk.is_some() || self.growth.is_some();
        let look = looks.then(|| Instant::now() + DISK_LOOK);
        self.next.into_iter().chain(look).min()
    }

    /// A file system that cannot be asked is not a reason to kill: the set-up has just opened the folder.
    fn is_disk_short(&self) -> bool {
        self.disk.is_some_and(|(path, reserve)| {
            rustix::fs::statvfs(path).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < reserve)
        })
    }

    fn on_operator(&mut self, mut operator: &UnixStream, first: Pid) {
        let mut byte = [0];
        match operator.read(&mut byte) {
            Ok(1) if byte[0] == CANCEL && self.cause.is_none() => self.end(How::Cancelled, first),
            Ok(1) if byte[0] == CANCEL => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A byte that says kill, or the operator's death.
            _ => {
                self.cause.get_or_insert(How::Cancelled);
                self.kill(first);
            }
        }
    }

    fn on_time(&mut self, first: Pid) {
        if self.is_disk_short() || self.growth.as_mut().is_some_and(Growth::is_over) {
            (self.disk, self.growth) = (None, None);
            self.cause.get_or_insert(How::DiskLimit);
            self.kill(first);
        }
        if self.next.is_none_or(|next| Instant::now() < next) {
            return;
        }
        if self.cause.is_none() { self.end(How::TimedOut, first) } else { self.kill(first) }
    }

    /// SIGTERM for every process now, SIGKILL after the grace.
    fn end(&mut self, cause: How, first: Pid) {
        self.cause = Some(cause);
        let _ = rustix::process::kill_process(first, Signal::TERM);
        self.next = Instant::now().checked_add(self.grace);
    }

    fn kill(&mut self, first: Pid) {
        let _ = rustix::process::kill_process(first, Signal::KILL);
        self.next = None;
    }
}

/// What arrived of the first process's notes.
#[derive(Default)]
struct Notes {
    pending: Vec<u8>,
    last: Option<Note>,
}

enum Progress {
    More,
    MapMe,
    End,
}

impl Notes {
    fn read(&mut self, report: &mut File) -> Progress {
        let mut buffer = [0; 4096];
        match report.read(&mut buffer) {
            Ok(0) => return Progress::End,
            Ok(count) => self.pending.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Progress::More,
            Err(_) => return Progress::End,
        }
        let mut progress = Progress::More;
        while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            match serde_json::from_slice(&line) {
                Ok(Note::MapMe) => progress = Progress::MapMe,
                Ok(note) => self.keep(note),
                Err(_) => {}
            }
        }
        progress
    }

    /// A failure to start comes before the exit code 127 that follows from it.
    fn keep(&mut self, note: Note) {
        if !matches!(self.last, Some(Note::SetupFailed(_) | Note::ExecFailed(_))) {
            self.last = Some(note);
        }
    }
}

fn verdict(last: Option<Note>, cause: Option<How>, status: &str) -> Verdict {
    let (how, max_rss_kib, leftovers) = match last {
        Some(Note::Ended { how, max_rss_kib, leftovers }) => (how, max_rss_kib, leftovers),
        Some(Note::SetupFailed(what)) => (How::SetupFailed { what }, 0, 0),
        Some(Note::ExecFailed(what)) => (How::ExecFailed { what }, 0, 0),
        Some(Note::Ready) => (How::Exited { code: 0 }, 0, 0),
        Some(Note::MapMe) | None => (
            How::SetupFailed { what: format!("the box's first process ended without a word: {status}") },
            0,
            0,
        ),
    };
    Verdict { how: cause.unwrap_or(how), max_rss_kib, leftovers, refused_processes: 0 }
}

/// Waits until one of the two has something to say or the time has come.
fn wait(operator: BorrowedFd<'_>, report: BorrowedFd<'_>, until: Option<Instant>) -> (bool, bool) {
    let mut polled = [PollFd::new(&operator, PollFlags::IN), PollFd::new(&report, PollFlags::IN)];
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let left = left.and_then(|left| Timespec::try_from(left).ok());
    match rustix::event::poll(&mut polled, left.as_ref()) {
        Ok(_) => (!polled[0].revents().is_empty(), !polled[1].revents().is_empty()),
        Err(_) => (false, false),
    }
}

fn pipe() -> Result<(OwnedFd, OwnedFd), StepError> {
    rustix::pipe::pipe_with(PipeFlags::CLOEXEC).step("make a pipe")
}

/// Makes the scratch folders and gives the box's user what it will write to.
fn prepare_host(spec: &Spec, identity: Identity) -> Result<(), StepError> {
    if let Some(scratch) = spec.scratch.as_ref().filter(|_| spec.level != Level::Strict) {
        prepare_scratch(scratch, spec)?;
    }
    if spec.level == Level::None || !identity.changes_user() {
        return Ok(());
    }
    let scratch = spec.scratch.as_ref().filter(|_| spec.level == Level::Weak);
    let git = spec.git_dir.as_ref().map(|git| git.path.as_path());
    for path in [Some(spec.tree.written()), git, scratch.map(PathBuf::as_path)].into_iter().flatten() {
        ownership::give(path, (OUTSIDE_ID, OUTSIDE_ID))?;
    }
    Ok(())
}

/// Without mounts, HOME and TMPDIR are folders, and what is to appear in HOME are links.
fn prepare_scratch(scratch: &Path, spec: &Spec) -> Result<(), StepError> {
    let (home, tmp) = (scratch.join(SCRATCH_HOME), scratch.join(SCRATCH_TMP));
    for folder in [&home, &tmp] {
        // An earlier command may have written there, and a link of its making must not be followed.
        ownership::remove_tree(folder).map_err(io::Error::other).step_at("clear", folder)?;
        std::fs::create_dir(folder).step_at("make", folder)?;
    }
    for bind in &spec.in_home {
        let link = home.join(&bind.target);
        if let Some(parent) = link.parent() {
            std::fs::create_dir_all(parent).step_at("make", parent)?;
        }
        std::os::unix::fs::symlink(&bind.source, &link).step_at("link", &link)?;
    }
    Ok(())
}

/// Gives a trial's folder to the box's user, as [`prepare_host`] does for a run.
pub(crate) fn give_if_root(path: &Path) -> Result<(), StepError> {
    if Identity::current().changes_user() { ownership::give(path, (OUTSIDE_ID, OUTSIDE_ID)) } else { Ok(()) }
}

/// As real root: the namespace that shows the overlay's base as the box's own, unless it is that already.
fn shift_of(tree: &Tree) -> Result<Option<OwnedFd>, StepError> {
    let Tree::Overlay { lower, .. } = tree else { return Ok(None) };
    let base = std::fs::metadata(lower).step_at("look at the overlay's", lower)?;
    if base.uid() == OUTSIDE_ID {
        return Ok(None);
    }
    namespaces::owner_shift((base.uid(), base.gid())).map(Some)
}
