//! The first process of a box: sets everything up, starts the command, reaps what it leaves, and ends.
//!
//! In strict it is pid 1 of its pid namespace, so its end is the end of every process in the box. Elsewhere it
//! adopts orphans and kills all descendants itself. It must report through its pipe only: 1 and 2 are the command's.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::fs::Mode;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use rustix::thread::CapabilitySet;

use crate::command;
use crate::error::{Step, StepError};
use crate::landlock::{self, Fences};
use crate::leftovers;
use crate::limits;
use crate::mounts::{self, Plan};
use crate::namespaces::{self, Identity};
use crate::seccomp::{self, Sockets};
use crate::spec::{Level, Network, Spec, Tree};
use crate::supervise::Tied;
use crate::sys::{self, Side};
use crate::wire::{self, How, Note, note};

/// What the box is made for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose<'a> {
    Run(&'a Spec),
    /// Only find out whether a strict box is possible, with this tree.
    Probe(Option<&'a Tree>),
}

/// What the first process gets from the helper.
pub(crate) struct Birth<'a> {
    pub(crate) purpose: Purpose<'a>,
    pub(crate) identity: Identity,
    pub(crate) shift: Option<BorrowedFd<'a>>,
    pub(crate) tied: Option<Tied<'a>>,
    /// Where notes go.
    pub(crate) report: OwnedFd,
    /// A byte for every step that the helper has done; its end means that the helper is gone.
    pub(crate) go: OwnedFd,
}

/// Never returns: the process ends here.
pub(crate) fn live(birth: Birth<'_>) -> ! {
    let report = match birth.report.try_clone() {
        Ok(report) => std::fs::File::from(report),
        Err(_) => sys::exit_now(1),
    };
    if let Err(error) = birth.live() {
        note(&report, &Note::SetupFailed(error.to_string()));
    }
    sys::exit_now(0)
}

impl Birth<'_> {
    fn live(self) -> Result<(), StepError> {
        rustix::process::umask(Mode::from_raw_mode(0o022));
        namespaces::die_with_parent()?;
        self.wait_for_helper()?;
        limits::go_first_when_memory_is_short();
        match self.purpose {
            Purpose::Probe(tree) => {
                self.enter_box(tree, None)?;
                prove(tree)?;
                note(self.notes(), &Note::Ready);
                Ok(())
            }
            Purpose::Run(spec) => {
                if spec.level == Level::Strict {
                    self.enter_box(Some(&spec.tree), Some(spec))?;
                } else {
                    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
                        .step("adopt orphans")?;
                }
                self.run(spec)
            }
        }
    }

    fn notes(&self) -> impl std::io::Write {
        Notes(self.report.as_fd())
    }

    /// Blocks until the helper has done its part.
    fn wait_for_helper(&self) -> Result<(), StepError> {
        let mut byte = [0];
        match rustix::io::read(&self.go, &mut byte).step("wait for the helper")? {
            0 => sys::exit_now(1),
            _ => Ok(()),
        }
    }

    /// The death signal is lost on every change of user; a helper that died just then shows as a closed pipe.
    fn bind_to_helper_again(&self) -> Result<(), StepError> {
        namespaces::die_with_parent()?;
        let mut polled = [PollFd::new(&self.go, PollFlags::IN)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        let _ = rustix::event::poll(&mut polled, Some(&now));
        if polled[0].revents().contains(PollFlags::HUP) {
            sys::exit_now(1);
        }
        Ok(())
    }

    fn enter_box(&self, tree: Option<&Tree>, spec: Option<&Spec>) -> Result<(), StepError> {
        let as_root = self.identity == Identity::Root;
        let network = spec.map_or(Network::None, |spec| spec.network);
        if !as_root {
            namespaces::forbid_nested_user_namespaces();
        }
        mounts::enter_new_root(&Plan {
            tree,
            git_dir: spec.and_then(|spec| spec.git_dir.as_ref()),
            readable: spec.map_or(&[], |spec| &spec.readable),
            in_home: spec.map_or(&[], |spec| &spec.in_home),
            network,
            tmp_bytes: spec.map_or(1 << 20, |spec| spec.limits.tmp_bytes),
            owner: self.identity.owner_in_strict(),
            shift: self.shift,
            own_user_namespace: !as_root,
        })?;
        if network == Network::None {
            namespaces::own_loopback()?;
            self.open_door()?;
        }
        namespaces::own_name()?;
        if as_root {
            rustix::thread::set_thread_groups(&[]).step("drop the groups")?;
            sys::unshare(sys::NEW_USER).step("make the user namespace")?;
            note(self.notes(), &Note::MapMe);
            self.wait_for_helper()?;
        }
        namespaces::become_inside_user()?;
        self.bind_to_helper_again()?;
        namespaces::drop_capabilities(CapabilitySet::empty())?;
        namespaces::hide_from_the_box()
    }

    /// The socket belongs to this network; the operator, who takes what comes in, does not.
    fn open_door(&self) -> Result<(), StepError> {
        let Some((tied, port)) = self.tied.as_ref().and_then(|tied| Some((tied, tied.door?))) else {
            return Ok(());
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).step("listen on the box's loopback")?;
        wire::send_fd(tied.operator, listener.as_fd()).step("hand out the listening socket")
    }

    fn run(mut self, spec: &Spec) -> Result<(), StepError> {
        sys::block_signals(&[libc::SIGCHLD, libc::SIGTERM]).step("block signals")?;
        let input = self.tied.take().and_then(|tied| tied.input);
        let command = match sys::fork_into(0).step("fork")? {
            Side::Parent(command) => command,
            Side::Child => command::become_command(spec, self.identity, input.as_ref(), &self.report),
        };
        drop(input);
        for place in [1, 2] {
            // The output pipes must end with the command and its children, not with this process.
            sys::replace_standard_fd(std::io::stdin().as_fd(), place).step("let go of the output")?;
        }
        let how = wait_for(command, spec.level);
        let max_rss_kib = sys::max_rss_of_children();
        let leftovers = match spec.level {
            Level::Strict => leftovers::count_in_box(),
            Level::Weak | Level::None => leftovers::kill_descendants(),
        };
        note(self.notes(), &Note::Ended { how, max_rss_kib, leftovers });
        Ok(())
    }
}

/// Reaps until the command has ended; hands a request to end on to every process of the box.
fn wait_for(command: Pid, level: Level) -> How {
    loop {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if let Some(how) = ended(status).filter(|_| pid == command) {
                return how;
            }
        }
        let signal = sys::wait_signal(&[libc::SIGCHLD, libc::SIGTERM], Duration::from_secs(3600));
        match (signal, level) {
            (Some(libc::SIGTERM), Level::Strict) => sys::signal_everyone_in_box(libc::SIGTERM),
            (Some(libc::SIGTERM), _) => leftovers::signal_descendants(Signal::TERM),
            _ => {}
        }
    }
}

fn ended(status: WaitStatus) -> Option<How> {
    let exited = status.exit_status().map(|code| How::Exited { code });
    exited.or_else(|| status.terminating_signal().map(|signal| How::Signalled { signal }))
}

/// The last part of a probe: both fences, and a write into a file of the base through the overlay.
fn prove(tree: Option<&Tree>) -> Result<(), StepError> {
    let at = tree.map_or(Path::new("/tmp"), Tree::at);
    landlock::apply(&Fences::strict(at))?;
    seccomp::apply(Sockets::OwnNetwork)?;
    if let Some(tree) = tree {
        let file = tree.at().join(crate::probe::BASE_FILE);
        let mut opened =
            std::fs::OpenOptions::new().read(true).write(true).open(&file).step_at("write", &file)?;
        opened.read_to_end(&mut Vec::new()).step_at("read", &file)?;
    }
    Ok(())
}

struct Notes<'fd>(BorrowedFd<'fd>);

impl std::io::Write for Notes<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(rustix::io::write(self.0, bytes)?)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
