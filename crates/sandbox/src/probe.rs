//! What this machine allows, found by trying it for real: a version number or a file in /sys proves nothing in a
//! container. Must leave nothing behind.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::WaitOptions;
use serde::{Deserialize, Serialize};

use crate::cgroup;
use crate::error::{SandboxError, Step, StepError};
use crate::first::Purpose;
use crate::landlock::{self, Fences};
use crate::launch::{self, Launcher};
use crate::ownership::remove_tree;
use crate::seccomp::{self, Sockets};
use crate::spec::{Level, Tree};
use crate::supervise::{Ending, Watched};
use crate::sys::{self, Side};
use crate::trials;
use crate::wire::{How, Request};

/// What this machine allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The strongest level that a trial box was started with.
    pub strongest: Level,
    /// Why `strict` is not possible, for people; the failing step and the system's answer.
    pub why_not_strict: Option<String>,
    /// Why `weak` is not possible.
    pub why_not_weak: Option<String>,
    /// Why an overlay cannot be mounted in the folder that was probed, or that none was given. `None`: it can.
    pub why_no_overlay: Option<String>,
    /// The version of the kernel's Landlock interface; 0 when it has none. From 6 on, weak boxes also cannot signal
    /// processes outside.
    pub landlock_abi: u32,
    /// Whether the system call filter could be installed.
    pub seccomp: bool,
    /// Where control groups for boxes can be made, if anywhere: for [`crate::Spec::cgroup`].
    pub cgroup: Option<PathBuf>,
    /// Why there is no such place.
    pub why_no_cgroup: Option<String>,
}

impl Machine {
    /// Whether [`Tree::Overlay`] works below the folder that was probed.
    pub fn has_overlay(&self) -> bool {
        self.why_no_overlay.is_none()
    }

    /// The level to use: the strongest, or the one asked for; never below `minimum`. [`Level::None`] is only
    /// given when it was asked for by name.
    ///
    /// # Errors
    /// [`SandboxError::BelowMinimum`] and [`SandboxError::Impossible`], the latter with the machine's reason.
    pub fn choose(&self, minimum: Level, wanted: Option<Level>) -> Result<Level, SandboxError> {
        match wanted {
            Some(wanted) if wanted < minimum => Err(SandboxError::BelowMinimum { wanted, minimum }),
            Some(wanted) if wanted <= self.strongest => Ok(wanted),
            Some(wanted) => Err(self.impossible(wanted)),
            None if self.strongest >= minimum && self.strongest > Level::None => Ok(self.strongest),
            None => Err(self.impossible(minimum.max(Level::Weak))),
        }
    }

    fn impossible(&self, wanted: Level) -> SandboxError {
        let why = if wanted == Level::Strict { &self.why_not_strict } else { &self.why_not_weak };
        SandboxError::Impossible { wanted, why: why.clone().unwrap_or_else(|| "unknown".to_owned()) }
    }
}

/// The file of the trial overlay's base that the trial box writes to.
pub(crate) const BASE_FILE: &str = "base";

/// Starts a trial box of each level. With `trees`, an existing folder in which trees will be kept, also tries an
/// overlay there: whether one works depends on that folder's file system. Takes some milliseconds.
///
/// # Errors
/// When the helper cannot be started or the folder cannot be written; what the machine forbids is not an error.
pub fn probe(launcher: &Launcher, trees: Option<&Path>) -> Result<Machine, SandboxError> {
    let place = trees.map(|trees| trials::folder(trees, "probe"));
    let tree = place
        .as_deref()
        .map(|place| trial_tree(place).map_err(|source| launcher.failed("prepare a trial", source)));
    let machine = tree.transpose().and_then(|tree| launch::ask(launcher, &Request::Probe(tree)));
    if let Some(place) = place {
        remove_tree(&place)?;
    }
    machine
}

fn trial_tree(place: &Path) -> io::Result<Tree> {
    let [lower, upper, work] = ["lower", "upper", "work"].map(|name| place.join(name));
    for folder in [&lower, &upper, &work] {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(lower.join(BASE_FILE), "base\n")?;
    Ok(Tree::Overlay { lower, layers: Vec::new(), upper, work, at: "/tree".into() })
}

/// The helper's side: tries everything.
pub(crate) fn look(tree: Option<&Tree>, operator: &UnixStream) -> Machine {
    let overlay = tree.map(|tree| try_strict(Some(tree), operator));
    let strict = match &overlay {
        Some(Ok(())) => Ok(()),
        _ => try_strict(None, operator),
    };
    let landlock_abi = sys::landlock_abi();
    let weak =
        if landlock_abi == 0 { Err("the kernel has no Landlock".to_owned()) } else { in_a_fork(weak_trial) };
    let why_no_overlay = match overlay {
        None => Some("no folder was probed".to_owned()),
        Some(tried) => tried.err(),
    };
    let strongest = match (&strict, &weak) {
        (Ok(()), _) => Level::Strict,
        (_, Ok(())) => Level::Weak,
        _ => Level::None,
    };
    let seccomp = strict.is_ok() || weak.is_ok() || in_a_fork(|| seccomp::apply(Sockets::Forbidden)).is_ok();
    let (why_not_strict, why_not_weak) = (strict.err(), weak.err());
    let group = cgroup::find().and_then(|place| match cgroup::trial(&place) {
        Ok(()) => Ok(place),
        Err(error) => Err(error.to_string()),
    });
    let (cgroup, why_no_cgroup) = match group {
        Ok(place) => (Some(place), None),
        Err(why) => (None, Some(why)),
    };
    Machine {
        strongest,
        why_not_strict,
        why_not_weak,
        why_no_overlay,
        landlock_abi,
        seccomp,
        cgroup,
        why_no_cgroup,
    }
}

fn try_strict(tree: Option<&Tree>, operator: &UnixStream) -> Result<(), String> {
    if let Some(Tree::Overlay { upper, .. }) = tree {
        crate::supervise::give_if_root(upper).map_err(|error| error.to_string())?;
    }
    let watched = Watched::start(Purpose::Probe(tree), None).map_err(|error| error.to_string())?;
    match watched.watch(operator, Ending::after(Duration::from_secs(5))).how {
        How::Exited { code: 0 } => Ok(()),
        How::SetupFailed { what } => Err(what),
        other => Err(format!("the trial box ended as {other:?}")),
    }
}

/// Behind both fences, the root folder must be closed and sockets must be refused.
fn weak_trial() -> Result<(), StepError> {
    if !landlock::apply(&Fences::weak_base())? {
        return Err(io::Error::other("not enforced")).step("put up the Landlock fence");
    }
    seccomp::apply(Sockets::Forbidden)?;
    if std::fs::read_dir("/").is_ok() {
        return Err(io::Error::other("the root folder can still be read")).step("try the Landlock fence");
    }
    if UnixStream::connect("/nonexistent").is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    {
        return Ok(());
    }
    Err(io::Error::other("a socket could still be made")).step("try the system call filter")
}

/// Runs a trial that cannot be taken back in a process of its own.
fn in_a_fork(trial: fn() -> Result<(), StepError>) -> Result<(), String> {
    let fork = || {
        let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).step("make a pipe")?;
        match sys::fork_into(0).step("fork")? {
            Side::Parent(child) => Ok((read, child)),
            Side::Child => {
                let text = trial().err().map(|error| error.to_string()).unwrap_or_default();
                let _ = rustix::io::write(&write, format!("{text}\n").as_bytes());
                sys::exit_now(0)
            }
        }
    };
    let (read, child) = fork().map_err(|error: StepError| error.to_string())?;
    let mut text = String::new();
    let got = io::Read::read_to_string(&mut std::fs::File::from(read), &mut text);
    let _ = rustix::process::waitpid(Some(child), WaitOptions::empty());
    match (got, text.trim_end()) {
        (Ok(count), "") if count > 0 => Ok(()),
        (_, "") => Err("the trial process died".to_owned()),
        (_, why) => Err(why.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(strongest: Level) -> Machine {
        Machine {
            strongest,
            why_not_strict: Some("no namespaces".into()),
            why_not_weak: Some("no landlock".into()),
            why_no_overlay: None,
            landlock_abi: 0,
            seccomp: true,
            cgroup: None,
            why_no_cgroup: None,
        }
    }

    #[test]
    fn the_strongest_level_is_taken_unless_another_is_asked_for() {
        assert_eq!(machine(Level::Strict).choose(Level::Weak, None).unwrap(), Level::Strict);
        assert_eq!(machine(Level::Weak).choose(Level::Weak, None).unwrap(), Level::Weak);
        assert_eq!(machine(Level::Strict).choose(Level::Weak, Some(Level::Weak)).unwrap(), Level::Weak);
    }

    #[test]
    fn never_below_the_minimum_and_none_only_by_name() {
        let below = machine(Level::Strict).choose(Level::Weak, Some(Level::None));
        assert!(matches!(below, Err(SandboxError::BelowMinimum { .. })));
        assert!(matches!(
            machine(Level::Weak).choose(Level::Strict, None),
            Err(SandboxError::Impossible { .. })
        ));
        assert!(matches!(
            machine(Level::None).choose(Level::None, None),
            Err(SandboxError::Impossible { .. })
        ));
        assert_eq!(machine(Level::None).choose(Level::None, Some(Level::None)).unwrap(), Level::None);
    }

    #[test]
    fn the_reason_given_is_that_of_the_level_asked_for() {
        let error = machine(Level::None).choose(Level::Weak, Some(Level::Strict)).unwrap_err();
        assert!(error.to_string().contains("no namespaces"), "{error}");
        let error = machine(Level::None).choose(Level::Weak, None).unwrap_err();
        assert!(error.to_string().contains("no landlock"), "{error}");
    }
}
