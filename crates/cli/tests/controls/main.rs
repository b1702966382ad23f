//! Negative controls: for each kind of check that is detected, a small project on which a good patch leaves every check
//! green and a bad one turns exactly the named ones red. A check that cannot turn red protects nobody.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may stop at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod compiled;
mod javascript;
mod python;
mod shell;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use support::Place;
use testkit::{Need, TestRepo};

/// One project with its two patches.
pub(crate) struct Control {
    /// The base.
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// The file that both patches change, and its text after the good and after the bad one.
    pub(crate) path: &'static str,
    pub(crate) good: &'static str,
    pub(crate) bad: &'static str,
    /// The checks that the bad patch turns red, and no other.
    pub(crate) red: &'static [&'static str],
    /// What stands in the reason for it.
    pub(crate) reason: &'static str,
    /// Programs that the project needs.
    pub(crate) needs: &'static [&'static str],
    /// The configuration of the user.
    pub(crate) policy: &'static str,
}

impl Control {
    /// Runs both patches, and asserts what they must come to.
    #[track_caller]
    pub(crate) fn hold(&self) {
        if !self.needs.iter().all(|program| testkit::has(&Need::Program(program))) {
            return;
        }
        let mut place = Place::new(TestRepo::with(self.files), self.policy);
        self.hold_in(&mut place);
    }

    /// Controls of one project, one after the other: the base is run once, and its build is shared.
    #[track_caller]
    pub(crate) fn hold_each(controls: &[&Self]) {
        let needs: Vec<&str> = controls.iter().flat_map(|c| c.needs).copied().collect();
        if !needs.iter().all(|program| testkit::has(&Need::Program(program))) {
            return;
        }
        let mut place = Place::new(TestRepo::with(controls[0].files), controls[0].policy);
        controls.iter().for_each(|control| control.hold_in(&mut place));
    }

    /// The same in a place that the caller has made.
    #[track_caller]
    pub(crate) fn hold_in(&self, place: &mut Place) {
        let good = verified(place, self.path, self.good);
        let verdicts = verdicts(&good);
        for name in self.red {
            assert!(verdicts.contains_key(*name), "{name} was not detected: {verdicts:?}\n{good:#}");
        }
        assert!(verdicts.values().all(|v| v == "passed"), "the good patch: {verdicts:?}\n{good:#}");
        assert_eq!(good["intent"]["attempt"]["verification"]["verdict"]["verdict"], "verified", "{good:#}");
        let bad = verified(place, self.path, self.bad);
        let verdict = &bad["intent"]["attempt"]["verification"]["verdict"];
        let red: BTreeSet<&str> = reds(&bad);
        assert_eq!(red, self.red.iter().copied().collect(), "{bad:#}");
        assert_eq!(verdict["verdict"], "failed", "{verdict}");
        assert!(verdict["why"].to_string().contains(self.reason), "{verdict}");
    }
}

/// The document that the program prints for a patch that turns this file into that text.
#[track_caller]
fn verified(place: &Place, path: &str, text: &str) -> Value {
    let repo = &place.repo;
    let before = repo.read(path);
    repo.write(path, text);
    let mut diff = repo.git(&["diff", "--", path]);
    diff.push('\n');
    repo.write(path, before);
    let file = repo.side_folder("a.patch");
    std::fs::write(&file, diff).unwrap();
    place.run(&["verify", &file.to_string_lossy(), "--type", "chore", "-q", "--json"]).json()
}

fn checks(document: &Value) -> impl Iterator<Item = &Value> {
    document["intent"]["attempt"]["verification"]["checks"].as_array().into_iter().flatten()
}

/// Each check's verdict by its name.
fn verdicts(document: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    checks(document).map(|c| (text(&c["name"]), text(&c["verdict"]["verdict"]))).collect()
}

fn reds(document: &Value) -> BTreeSet<&str> {
    let red = checks(document).filter(|c| c["verdict"]["verdict"] != "passed");
    red.filter_map(|c| c["name"].as_str()).collect()
}

/// A kind of check without a control would be a check that nobody has seen red.
#[test]
fn every_check_that_is_detected_has_a_control() {
    let all = [python::ALL, compiled::ALL, javascript::ALL, shell::ALL].concat();
    let controlled: BTreeSet<&str> = all.iter().flat_map(|c| c.red).copied().collect();
    let detected: BTreeSet<&str> = engine::checks::DETECTED.into_iter().collect();
    let missing: Vec<&&str> = detected.difference(&controlled).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
