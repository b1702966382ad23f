//! Runs each folder of `scenarios/` twice: through the engine, and through the program. Adding a folder needs no Rust;
//! docs/recipes/scenario.md says how.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may stop at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod engine_run;
mod program_run;
mod providers;
mod seen;
mod task;

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};

use seen::Story;
use support::Place;
use task::Scenario;

/// One way to run a scenario: gives what was seen of it.
type Way = fn(&Scenario, &mut Place) -> Story;

const WAYS: [(&str, Way); 2] = [("engine", engine_run::run), ("program", program_run::run)];

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for folder in folders(&testkit::workspace_root().join("scenarios")) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        for (way, run) in WAYS {
            let folder = folder.clone();
            trials.push(Trial::test(format!("{way}::{name}"), move || tell(&folder, run)));
        }
    }
    assert!(trials.len() >= 2 * 15, "the scenarios were not found");
    libtest_mimic::run(&arguments, trials).exit();
}

fn folders(place: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(place).unwrap().flatten().map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// Runs one scenario, and holds what was seen against what its folder expects.
fn tell(folder: &Path, run: Way) -> Result<(), Failed> {
    let scenario = Scenario::read(folder)?;
    if !scenario.task.needs.iter().all(|need| testkit::has(&task::need(need))) {
        return Ok(());
    }
    let expected = Story::read(&folder.join("expected.yaml"))?;
    let mut place = Place::new(scenario.repository(), &scenario.policy);
    let before = place.digest();
    let story = run(&scenario, &mut place);
    place.assert_untouched(&before);
    place.assert_nothing_left();
    place.assert_refs_told();
    match expected.difference(&story) {
        None => Ok(()),
        Some(difference) => Err(format!("expected (-), seen (+):\n{difference}").into()),
    }
}
