//! What the checks build on the base is there for each change, and what one change builds is there for nobody else.

use testkit::Need;

use crate::support::patches::{BEFORE, COMMA, greeter};
use crate::support::{Place, wait_for};

/// A build that passes on a change only where it finds what the base built, and nothing of other changes or of tests.
const BUILDS: &str = "checks:
  detect: false
  commands:
    - name: build
      kind: build
      run: |
        cat /proc/sys/kernel/random/uuid
        mkdir -p target
        if grep -q 'Hello \"' greet.py; then touch target/base; exit; fi
        test -f target/base && ! test -e target/change && ! test -e dropped && touch target/change
    - {name: use, run: \"touch dropped; grep -q def greet.py\"}
";

/// Another change than [`COMMA`] to the same base.
const DASH: &str = "--- a/greet.py\n+++ b/greet.py\n@@ -1,2 +1,2 @@\n def greet(name):\n\
                    -    return \"Hello \" + name\n+    return \"Hello - \" + name\n";

fn place() -> Place {
    let place = Place::new(greeter(), BUILDS);
    for (name, patch) in [("comma", COMMA), ("dash", DASH)] {
        std::fs::write(place.home.join(name), patch).unwrap();
    }
    place
}

/// Whether trees are overlays here, as the program itself says after a run.
pub(crate) fn overlays(place: &Place) -> Need {
    let machine = std::fs::read_to_string(place.cache().join("machine.json")).unwrap_or_default();
    let there = machine.contains("\"strongest\":\"strict\"") && machine.contains("\"why_no_overlay\":null");
    Need::Other("overlays in a box of its own".to_owned(), there)
}

/// Verifies a change, and gives how its tree was laid out and the hash of what the build printed on the base.
fn verify(place: &Place, code: i32, patch: &str) -> (String, String) {
    let file = place.home.join(patch);
    place.ends_with(code, &["verify", &file.to_string_lossy()]);
    newest(place)
}

fn newest(place: &Place) -> (String, String) {
    let intents = place.intents();
    let verification = intents[0].attempts.last().unwrap().verification.clone().unwrap();
    let build = verification.checks.iter().find(|check| check.name == "build").unwrap();
    (verification.tree_form, build.baseline.output.as_ref().unwrap().to_string())
}

#[test]
fn each_change_starts_with_what_the_base_built_and_sees_no_other_change() {
    let place = place();
    let untouched = place.digest();
    place.run(&["doctor"]);
    testkit::requires!(overlays(&place));
    let (form, first) = verify(&place, 0, "comma");
    assert_eq!(form, "warm overlay");
    let (form, second) = verify(&place, 0, "dash");
    assert_eq!((form.as_str(), second), ("warm overlay", first), "the base was not built again");
    place.assert_nothing_left();
    place.assert_untouched(&untouched);
}

#[test]
fn a_change_runs_cold_when_the_base_is_quickly_built_and_its_caches_are_gone() {
    let mut place = place();
    place.run(&["doctor"]);
    testkit::requires!(overlays(&place));
    verify(&place, 0, "comma");
    for repository in std::fs::read_dir(place.cache().join("bases")).unwrap().flatten() {
        for base in std::fs::read_dir(repository.path()).unwrap().flatten() {
            std::fs::remove_dir_all(base.path().join("warm")).unwrap();
        }
    }
    assert_eq!(verify(&place, 1, "dash").0, "overlay");
    place.set("CODEX_TASK_TREES__WARM", "false");
    assert_eq!(verify(&place, 1, "dash").0, "overlay");
}

#[test]
fn at_weak_every_tree_is_cold_and_says_so() {
    let mut place = place();
    place.set("CODEX_TASK_SANDBOX__LEVEL", "weak");
    assert_eq!(verify(&place, 1, "comma").0, "checkout");
    assert_eq!(place.repo.read("greet.py"), BEFORE);
}

#[test]
fn two_changes_at_a_time_build_their_base_once() {
    let place = place();
    let files: Vec<String> =
        ["comma", "dash"].map(|name| place.home.join(name).to_string_lossy().into_owned()).into();
    let mut running: Vec<_> = files.iter().map(|file| place.start(&["verify", file])).collect();
    for child in &mut running {
        wait_for("the end of a verification", || child.try_wait().unwrap());
    }
    let outputs: Vec<_> = place
        .intents()
        .iter()
        .map(|intent| intent.attempts[0].verification.as_ref().unwrap().checks[0].baseline.output.clone())
        .collect();
    assert_eq!(outputs.len(), 2);
    assert!(outputs[0].is_some() && outputs[0] == outputs[1], "{outputs:?}");
    place.assert_nothing_left();
}
