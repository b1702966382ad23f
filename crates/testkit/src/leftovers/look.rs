//! Reading the world: `/proc`, folders, and git's list of refs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Thing;
use crate::must::{Must, fail};

type Things = BTreeMap<Thing, String>;

/// What `/proc/<pid>/stat` tells.
struct Stat {
    parent: u32,
    zombie: bool,
    /// Clock ticks after boot: with the number, it tells a process from a later one of the same number.
    started: u64,
}

pub(super) fn processes(markers: &[String], descendants: bool, into: &mut Things) {
    if markers.is_empty() && !descendants {
        return;
    }
    let all: BTreeMap<u32, Stat> = pids().into_iter().filter_map(|pid| Some((pid, stat(pid)?))).collect();
    let own = std::process::id();
    let family = if descendants { family(own, &all) } else { BTreeSet::new() };
    for (&pid, stat) in all.iter().filter(|&(&pid, _)| pid != own) {
        let words = command_line(pid);
        if family.contains(&pid) || mentions(pid, &words, markers) {
            let state = if stat.zombie { "(a zombie)" } else { words.as_str() };
            into.insert(Thing::Process { pid, started: stat.started }, state.to_owned());
        }
    }
}

fn pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").must("listing /proc");
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// `None` when the process has just gone.
fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The program's name, in parentheses, may hold blanks and parentheses: fields are counted from its end.
pub(super) fn stat_fields(text: &str) -> Option<Vec<&str>> {
    Some(text.rsplit_once(')')?.1.split_whitespace().collect())
}

fn parse_stat(text: &str) -> Option<Stat> {
    let fields = stat_fields(text)?;
    Some(Stat {
        zombie: *fields.first()? == "Z",
        parent: fields.get(1)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

fn family(own: u32, all: &BTreeMap<u32, Stat>) -> BTreeSet<u32> {
    let mut found = BTreeSet::from([own]);
    loop {
        let before = found.len();
        found.extend(
            all.iter()
                .filter(|(_, stat)| found.contains(&stat.parent))
                .map(|(&pid, _)| pid)
                .collect::<Vec<_>>(),
        );
        if found.len() == before {
            return found;
        }
    }
}

fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ").trim_end().to_owned()
}

fn mentions(pid: u32, command_line: &str, markers: &[String]) -> bool {
    let environment = || {
        let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let named = |text: &str| markers.iter().any(|marker| text.contains(marker.as_str()));
    !markers.is_empty() && (named(command_line) || named(&environment()))
}

/// Each mount namespace once: most processes share one.
pub(super) fn mounts(texts: &[String], into: &mut Things) {
    if texts.is_empty() {
        return;
    }
    let mut seen = BTreeSet::new();
    for pid in pids() {
        let Ok(namespace) = fs::read_link(format!("/proc/{pid}/ns/mnt")) else { continue };
        let namespace = namespace.to_string_lossy().into_owned();
        if seen.insert(namespace.clone()) {
            let table = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
            mounts_of(&namespace, &table, texts, into);
        }
    }
}

fn mounts_of(namespace: &str, table: &str, texts: &[String], into: &mut Things) {
    for line in table.lines().filter(|line| texts.iter().any(|text| line.contains(text.as_str()))) {
        let point = line.split(' ').nth(4).unwrap_or(line).to_owned();
        into.insert(Thing::Mount { namespace: namespace.to_owned(), point }, line.to_owned());
    }
}

/// Links are not followed. A folder that goes away meanwhile has no files.
pub(super) fn files(folder: &Path, into: &mut Things) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            files(&entry.path(), into);
        }
        let words = if kind.is_dir() {
            "a folder"
        } else if kind.is_symlink() {
            "a link"
        } else {
            "a file"
        };
        into.insert(Thing::File(entry.path()), words.to_owned());
    }
}

#[expect(clippy::disallowed_methods, reason = "git's own list is the one to compare with")]
pub(super) fn refs(git_dir: &Path, into: &mut Things) {
    let mut command = Command::new("git");
    command.arg("--git-dir").arg(git_dir).args(["for-each-ref", "--format=%(refname) %(objectname)"]);
    command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").stdin(Stdio::null());
    let done = command.output().must("starting git");
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        fail(format_args!("listing the refs of {}: {said}", git_dir.display()));
    }
    for line in String::from_utf8_lossy(&done.stdout).lines() {
        let (name, target) = line.split_once(' ').unwrap_or((line, ""));
        let repository = PathBuf::from(git_dir);
        into.insert(Thing::Ref { repository, name: name.to_owned() }, target.to_owned());
    }
}
