//! The folders in which the machine is tried out: named by the process that made them, so that what a killed one left is
//! known and removed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::ownership::remove_tree;

const PREFIX: &str = ".sandbox-trial-";

/// The folder of this process's trials of a kind below `place`. What dead processes left there is removed.
pub(crate) fn folder(place: &Path, kind: &str) -> PathBuf {
    sweep_trials(place);
    place.join(format!("{PREFIX}{}-{kind}", std::process::id()))
}

/// Removes what processes that were killed while they tried the machine out have left in `place`, and gives how many
/// folders that were.
pub fn sweep_trials(place: &Path) -> usize {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let dead = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_of_the_dead));
    dead.filter(|entry| remove_tree(&entry.path()).is_ok()).count()
}

fn is_of_the_dead(name: &str) -> bool {
    let number = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
    number.is_some_and(|pid| pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_dead_processes_left_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let mine = folder(place.path(), "x");
        // Numbers end at 2^22 (proc(5)), so nobody has this one.
        let dead = place.path().join(format!("{PREFIX}4194305-x"));
        let other = place.path().join(format!("{PREFIX}notes"));
        for folder in [&mine, &dead, &other] {
            fs::create_dir_all(folder.join("inner")).unwrap();
        }
        assert_eq!(sweep_trials(place.path()), 1);
        assert!(mine.exists() && other.exists() && !dead.exists());
    }
}
