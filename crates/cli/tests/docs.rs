//! Every command line that the README and the manual print is run, in order, in a repository made for it.
//!
//! Fences tagged `console` hold lines that begin with `$ `. A fence right behind a comment `<!-- not run: why -->` is left
//! out. Lines that are not ours (`git`, `cat`) are run by `sh` too, with our program on the search path.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test program: what is not there ends the test")]

#[path = "support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};

use support::{Done, PROGRAM, Place};
use testkit::{FaultRun, TestRepo};

const APP: &str = "\
\"\"\"An application.\"\"\"


def add(item, items=[]):
    items.append(item)
    return items


def empty(x):
    return x == None


def twice(x):
    if x == None:
        return 0
    return 2 * x
";

const TEST: &str = "\
import unittest

from app import add, empty


class Tests(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(1, []), [1])

    def test_empty(self):
        self.assertTrue(empty(None))
";

/// One fence's command lines with the line on which it begins.
struct Fence {
    line: usize,
    commands: Vec<String>,
}

fn fences(text: &str) -> Vec<Fence> {
    let (mut found, mut open, mut skip) = (Vec::new(), None::<Fence>, false);
    for (number, line) in text.lines().enumerate() {
        match (&mut open, line.trim()) {
            (None, "```console") if !skip => open = Some(Fence { line: number + 1, commands: Vec::new() }),
            (None, other) if !other.is_empty() => skip = other.starts_with("<!-- not run:"),
            (Some(_), "```") => found.extend(open.take()),
            (Some(fence), other) => fence.commands.extend(other.strip_prefix("$ ").map(str::to_owned)),
            (None, _) => {}
        }
    }
    found
}

/// A folder whose `codex-task` is the program under test.
fn search_path(place: &Place) -> PathBuf {
    let folder = place.repo.side_folder("bin");
    std::fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink(PROGRAM, folder.join("codex-task")).unwrap();
    folder
}

fn run_document(name: &str) {
    let text = std::fs::read_to_string(testkit::workspace_root().join(name)).unwrap();
    let repo = TestRepo::with(&[("app.py", APP), ("tests/__init__.py", ""), ("tests/test_app.py", TEST)]);
    let place = Place::new(repo, "");
    let bin = search_path(&place);
    let mut environment = place.environment();
    for (name, value) in &mut environment {
        if name == "PATH" {
            *value = format!("{}:{value}", bin.display());
        }
    }
    let fences = fences(&text);
    assert!(!fences.is_empty(), "{name} shows no command line");
    for fence in fences {
        for command in fence.commands {
            let args = ["-c", &command];
            let run = FaultRun::new(Path::new("/bin/sh"), place.repo.path())
                .args(&args)
                .variables(environment.clone());
            let done = Done::of(run.without_fault());
            let at = format!("{name}:{}: {command}", fence.line);
            assert_eq!(done.code, 0, "{at}\nstdout: {}\nstderr: {}", done.stdout, done.stderr);
        }
    }
    place.assert_nothing_left();
}

#[test]
fn the_readmes_command_lines_work() {
    run_document("README.md");
}

#[test]
fn the_apis_examples_work_as_they_stand() {
    run_document("docs/manual/api.md");
}

#[test]
fn the_manuals_command_lines_work() {
    for page in ["command-policy", "commands", "configuration", "gate", "json", "judges"] {
        run_document(&format!("docs/manual/{page}.md"));
    }
}
