//! Limits on a box as a whole, where the kernel's control groups (version 2) have been delegated to this process: one
//! group for each box, made and removed by its helper. Elsewhere the limits of each process have to do.
//!
//! The protocol is files: see the kernel's admin-guide/cgroup-v2. Nothing outside of a delegated group is written.

mod delegated;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Pid;

use crate::error::{Step, StepError};
use crate::spec::Limits;

pub(crate) use delegated::find;

/// What the kernel does by itself when a folder of its file system is made or removed; a test plays it.
pub(crate) trait Kernel {
    fn make(&self, group: &Path) -> io::Result<()>;
    fn remove(&self, group: &Path) -> io::Result<()>;
}

/// The running kernel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThisKernel;

impl Kernel for ThisKernel {
    fn make(&self, group: &Path) -> io::Result<()> {
        fs::create_dir(group)
    }

    fn remove(&self, group: &Path) -> io::Result<()> {
        fs::remove_dir(group)
    }
}

/// The group of one box. Dropping it kills whatever is in it and removes it.
pub(crate) struct Cgroup<K: Kernel = ThisKernel> {
    folder: PathBuf,
    kernel: K,
}

/// The beginning of our groups' names; the helper's process id follows.
const PREFIX: &str = "codex-task-";

/// How long a killed group may take to be empty.
const PATIENCE: Duration = Duration::from_secs(5);

impl<K: Kernel> Cgroup<K> {
    /// Makes a group below `parent` with these limits. What dead helpers left there is removed.
    pub(crate) fn make(parent: &Path, limits: &Limits, kernel: K) -> Result<Self, StepError> {
        sweep(parent, &kernel);
        let folder = parent.join(format!("{PREFIX}{}", std::process::id()));
        kernel.make(&folder).step_at("make the control group", &folder)?;
        let group = Self { folder, kernel };
        group.limit(limits)?;
        Ok(group)
    }

    fn limit(&self, limits: &Limits) -> Result<(), StepError> {
        if let Some(bytes) = limits.memory.filter(|_| self.has("memory.max")) {
            self.set("memory.max", &bytes.to_string())?;
            // One process that dies of it would leave the others in a state that nobody has seen.
            self.set("memory.oom.group", "1")?;
            // Absent where the kernel has no swap.
            if self.has("memory.swap.max") {
                self.set("memory.swap.max", "0")?;
            }
        }
        if self.has("pids.max") {
            // The box's first process is ours and not among those that the command may have.
            self.set("pids.max", &limits.processes.saturating_add(1).to_string())?;
        }
        Ok(())
    }

    fn has(&self, file: &str) -> bool {
        self.folder.join(file).exists()
    }

    fn set(&self, file: &str, value: &str) -> Result<(), StepError> {
        write(&self.folder.join(file), value).step_at("set the control group's", Path::new(file))
    }

    /// Moves a process, and with it everything that it will start, into the group.
    pub(crate) fn add(&self, pid: Pid) -> Result<(), StepError> {
        self.set("cgroup.procs", &pid.as_raw_nonzero().to_string())
    }

    /// Whether the kernel has killed the group for its memory.
    pub(crate) fn ran_out_of_memory(&self) -> bool {
        self.event("memory.events", "oom_kill") > 0 || self.event("memory.events", "oom_group_kill") > 0
    }

    /// How many processes the kernel refused to make.
    pub(crate) fn refused_processes(&self) -> u64 {
        self.event("pids.events", "max")
    }

    fn event(&self, file: &str, name: &str) -> u64 {
        let text = fs::read_to_string(self.folder.join(file)).unwrap_or_default();
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(key, _)| *key == name).and_then(|(_, count)| count.parse().ok()).unwrap_or(0)
    }

    /// Kills every process in the group, however many there are and wherever they went.
    pub(crate) fn kill(&self) {
        // Older kernels (before 5.14) have no such file: there the box's own means do it.
        let _ = write(&self.folder.join("cgroup.kill"), "1");
    }
}

impl<K: Kernel> Drop for Cgroup<K> {
    fn drop(&mut self) {
        self.kill();
        let start = Instant::now();
        // A process that was killed is in its group until it is taken down.
        while self.kernel.remove(&self.folder).is_err_and(|error| error.kind() != io::ErrorKind::NotFound) {
            if start.elapsed() > PATIENCE {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Opens and writes in one go, and never makes a file: the kernel's files are there or not.
fn write(file: &Path, value: &str) -> io::Result<()> {
    File::options().write(true).open(file)?.write_all(value.as_bytes())
}

/// Removes the groups of helpers that were killed; their boxes died with them, and if not they do now.
fn sweep<K: Kernel>(parent: &Path, kernel: &K) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let Some(number) = number.filter(|number| number.parse::<u32>().is_ok()) else { continue };
        if !Path::new("/proc").join(number).exists() {
            let _ = write(&entry.path().join("cgroup.kill"), "1");
            let _ = kernel.remove(&entry.path());
        }
    }
}

/// Makes a group and takes it away again: the only proof that it can be done.
pub(crate) fn trial(parent: &Path) -> Result<(), StepError> {
    let group = Cgroup::make(parent, &Limits::default(), ThisKernel)?;
    if group.has("memory.max") || group.has("pids.max") {
        return Ok(());
    }
    Err(io::Error::other("a group made there has neither memory.max nor pids.max"))
        .step("try a control group")
}
