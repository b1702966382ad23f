//! Deleting, and losing what is there.

use crate::command::Found;
use crate::command::call::Call;
use crate::command::paths::{Place, is_everything, place_of};
use crate::command::rules::Rule;
use crate::command::shell::Arg;

/// Folders that a build makes and makes again.
const BUILD_OUTPUT: &[&str] = &[
    "target",
    "build",
    "dist",
    "out",
    "node_modules",
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".tox",
    ".nox",
    ".venv",
    "venv",
    "coverage",
    "htmlcov",
    ".coverage",
    ".nyc_output",
    ".next",
    ".cache",
    ".eggs",
    ".gradle",
    ".parcel-cache",
    ".turbo",
    "tmp",
];

pub(super) fn look(call: &Call<'_>, found: &mut Found) {
    if call.is(&["rm", "rmdir", "unlink", "del", "erase", "rd", "trash", "trash-put", "remove-item"]) {
        remove(call, found);
    }
    if call.is(&["shred", "srm", "wipe", "scrub"]) {
        found.add(Rule::LoseFiles, format!("{} destroys its files", call.name));
    }
    if call.is(&["truncate"]) {
        found.add(Rule::LoseFiles, "truncate cuts its files");
    }
    if call.is(&["mv"]) {
        moved(call, found);
    }
    if call.is(&["find", "gfind", "bfs"]) && call.says(&["-delete"]) {
        found.add(Rule::DeleteListed, "find -delete deletes whatever it finds");
    }
    if call.is(&["find", "gfind", "bfs"]) && call.says(&["-fprint", "-fprintf", "-fls", "-fprint0"]) {
        found.add(Rule::WritesFile, "find writes into a file");
    }
    if call.is(&["rsync"]) && call.options().any(|o| o.starts_with("--del") || o == "--remove-source-files") {
        found.add(Rule::DeleteListed, "rsync deletes what its source does not have");
    }
    if call.is(&["tar", "bsdtar", "gtar"])
        && call.has("", &["remove-files", "unlink-first", "recursive-unlink"])
    {
        found.add(Rule::LoseFiles, "tar removes files");
    }
    if call.is(&["cp", "install", "ln"]) && call.args.iter().any(|a| a.text == "/dev/null") {
        found.add(Rule::LoseFiles, "a file is overwritten by nothing");
    }
}

fn remove(call: &Call<'_>, found: &mut Found) {
    let recursive = call.has("rR", &["recursive"]) || call.is(&["rd", "trash", "trash-put"]);
    if call.has("", &["no-preserve-root"]) {
        found.add(Rule::DeleteTree, "the root's protection is switched off");
    }
    for (arg, place) in call.places() {
        match whole(arg, &place, recursive) {
            Some(rule) => found.add(rule, format!("{} {}", call.name, arg.text)),
            None if call.is(&["unlink", "rmdir"]) => {
                found.add(Rule::LoseFiles, format!("{} {}", call.name, arg.text));
            }
            None => {}
        }
    }
}

/// What deleting this place is.
fn whole(arg: &Arg, place: &Place, recursive: bool) -> Option<Rule> {
    match place {
        Place::Whole | Place::Device => Some(Rule::DeleteTree),
        Place::Unknown if recursive || arg.text.contains('/') => Some(Rule::DeleteTree),
        Place::Unknown => Some(Rule::DeleteListed),
        Place::Outside(_) if recursive => Some(Rule::DeleteTree),
        Place::Outside(_) => Some(Rule::DeleteOutside),
        Place::Temporary if arg.glob => Some(Rule::DeleteOutside),
        Place::Temporary | Place::Stream => None,
        Place::Tree(parts) => {
            let everything =
                arg.glob && parts.last().is_none_or(|last| is_everything(std::slice::from_ref(last)));
            let in_git = parts.first().is_some_and(|first| first.eq_ignore_ascii_case(".git"));
            let output = parts.last().is_some_and(|last| BUILD_OUTPUT.contains(&last.as_str()));
            (parts.is_empty() || everything || in_git || recursive && !output).then_some(Rule::DeleteTree)
        }
    }
}

fn moved(call: &Call<'_>, found: &mut Found) {
    let places: Vec<(&Arg, Place)> = call.places().collect();
    let Some(((target, to), sources)) = places.split_last() else { return };
    if *to == Place::Stream || matches!(place_of(&target.text, target.home, call.folder), Place::Device) {
        found.add(Rule::LoseFiles, format!("mv to {}", target.text));
    }
    for (arg, place) in sources {
        let gone = match place {
            Place::Whole | Place::Unknown | Place::Outside(_) | Place::Device => true,
            Place::Tree(parts) => {
                parts.is_empty()
                    || arg.glob && is_everything(parts.last().map(std::slice::from_ref).unwrap_or_default())
            }
            Place::Temporary | Place::Stream => false,
        };
        if gone {
            found.add(Rule::LoseFiles, format!("mv {}", arg.text));
        }
    }
}
