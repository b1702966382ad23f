//! Resource limits of the command, set right before its exec. Limits are only ever lowered.

use std::fs;
use std::os::unix::fs::MetadataExt;

use rustix::process::{Resource, Rlimit};

use crate::error::{Step, StepError};
use crate::spec::{Level, Limits};

/// Applies the limits to this process and all it will start.
pub(crate) fn apply(limits: &Limits, level: Level) -> Result<(), StepError> {
    set(Resource::Core, 0, "core dumps")?;
    set(Resource::Fsize, limits.file_size, "file size")?;
    set(Resource::Nofile, limits.open_files, "open files")?;
    set(Resource::Nproc, limits.processes.saturating_add(already_running(level)), "processes")?;
    if let Some(bytes) = limits.address_space {
        set(Resource::As, bytes, "address space")?;
    }
    if let Some(bytes) = limits.memory {
        set(Resource::Data, bytes, "memory")?;
    }
    if let Some(time) = limits.cpu {
        let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
        lower(Resource::Cpu, seconds, seconds + 1, "processor time")?;
    }
    Ok(())
}

/// A tree may be deeper than the usual soft limit allows to hold open; the command's own limit is set before its exec.
pub(crate) fn open_files_up_to_the_ceiling() {
    let ceiling = rustix::process::getrlimit(Resource::Nofile).maximum;
    let _ = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: ceiling, maximum: ceiling });
}

/// Under memory pressure the box goes before anything else. Raising one's own score is always allowed, and it is
/// inherited.
pub(crate) fn go_first_when_memory_is_short() {
    let _ = fs::write("/proc/self/oom_score_adj", "800");
}

fn set(resource: Resource, value: u64, name: &str) -> Result<(), StepError> {
    lower(resource, value, value, name)
}

fn lower(resource: Resource, soft: u64, hard: u64, name: &str) -> Result<(), StepError> {
    let ceiling = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let limit = Rlimit { current: Some(soft.min(ceiling)), maximum: Some(hard.min(ceiling)) };
    rustix::process::setrlimit(resource, limit).step(&format!("limit {name}"))
}

/// The kernel counts RLIMIT_NPROC per user and user namespace: a strict box starts at zero, the others share the
/// count with everything else of the same user.
fn already_running(level: Level) -> u64 {
    if level == Level::Strict {
        return 0;
    }
    let me = rustix::process::getuid().as_raw();
    let Ok(processes) = fs::read_dir("/proc") else { return 0 };
    let mine = processes.flatten().filter(|entry| {
        entry.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit)
            && entry.metadata().is_ok_and(|data| data.uid() == me)
    });
    mine.map(|entry| fs::read_dir(entry.path().join("task")).map_or(1, |tasks| tasks.count() as u64)).sum()
}
