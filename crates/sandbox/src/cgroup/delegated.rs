//! Where a box's group may be made: below this process's own group or its parent, if that was delegated to us. Writing
//! anywhere else would disturb whoever manages the groups of this machine.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::write;

/// The folder below which groups may be made.
///
/// # Errors
/// Why there is none, for people.
pub(crate) fn find() -> Result<PathBuf, String> {
    let read = |path: &str| fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
    let (own, mounts) = (read("/proc/self/cgroup")?, read("/proc/self/mountinfo")?);
    let user = rustix::process::geteuid().as_raw();
    let (top, own) = own_group(&mounts, &own)?;
    let parent = own.parent().filter(|parent| parent.starts_with(&top)).map(Path::to_owned);
    let mut why = String::new();
    for place in parent.into_iter().chain([own]) {
        match usable(&place, &top, user) {
            Ok(()) => return Ok(place),
            Err(reason) => why = reason,
        }
    }
    Err(why)
}

/// Where the hierarchy of version 2 is mounted, and this process's group in it.
pub(super) fn own_group(mounts: &str, own: &str) -> Result<(PathBuf, PathBuf), String> {
    let path = own.lines().find_map(|line| line.strip_prefix("0::"));
    let path = path.ok_or("this kernel has no control groups of version 2")?;
    // mountinfo: number, parent, device, root, mount point, ... - type (proc(5)).
    let mount = mounts.lines().find_map(|line| {
        let (fields, kind) = line.split_once(" - ")?;
        let mut fields = fields.split(' ').skip(3);
        let found = (fields.next()?, fields.next()?);
        kind.starts_with("cgroup2 ").then_some(found)
    });
    let (root, point) = mount.ok_or("control groups of version 2 are not mounted")?;
    let below =
        Path::new(path).strip_prefix(root).map_err(|_| "the own control group is not in the mount")?;
    if below.components().any(|part| part.as_os_str() == "..") {
        return Err("the own control group is outside of what is visible".to_owned());
    }
    Ok((PathBuf::from(point), Path::new(point).join(below)))
}

/// Whether groups with limits may be made below this one.
pub(super) fn usable(place: &Path, top: &Path, user: u32) -> Result<(), String> {
    if !is_delegated(place, top, user) {
        return Err(format!("{} was not delegated", place.display()));
    }
    if has_controller(place, "cgroup.subtree_control") {
        return Ok(());
    }
    if !has_controller(place, "cgroup.controllers") {
        return Err(format!("{} has neither the memory nor the pids controller", place.display()));
    }
    // Only a group without processes may hand its controllers on, and only the top is excepted.
    let switch = place.join("cgroup.subtree_control");
    let switched = ["+memory", "+pids"].iter().filter(|word| write(&switch, word).is_ok()).count();
    if switched == 0 {
        return Err(format!(
            "{} has processes of its own, so it cannot limit groups below it",
            place.display()
        ));
    }
    Ok(())
}

fn has_controller(place: &Path, file: &str) -> bool {
    let text = fs::read_to_string(place.join(file)).unwrap_or_default();
    text.split_whitespace().any(|word| ["memory", "pids"].contains(&word))
}

/// An ordinary user owns what was delegated; root owns everything, so there the manager's mark counts, or that this is the
/// top of what a container sees.
fn is_delegated(place: &Path, top: &Path, user: u32) -> bool {
    if user != 0 {
        return [place.to_owned(), place.join("cgroup.procs")]
            .iter()
            .all(|path| fs::metadata(path).is_ok_and(|data| data.uid() == user));
    }
    place == top || ["user.delegate", "trusted.delegate"].iter().any(|mark| has_mark(place, mark))
}

fn has_mark(place: &Path, name: &str) -> bool {
    let mut value = [0u8; 8];
    rustix::fs::getxattr(place, name, &mut value).is_ok_and(|count| value[..count] == *b"1")
}
