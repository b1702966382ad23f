//! What fuzzing found, once more with every run of the tests: see `fuzz/` and `cargo xtask fuzz`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what does not hold ends the run")]

mod fuzzing;

use std::path::Path;

/// Every kept input says what it said, and every seed holds. A line is the input, a tab, and what was said of it.
fn all(target: &str, judge: fn(&[u8]) -> String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let kept = std::fs::read_to_string(folder.join("kept").join(format!("{target}.txt"))).unwrap();
    let mut others = String::new();
    for line in kept.lines() {
        let (input, said) = line.split_once('\t').unwrap();
        let now = judge(&fuzzing::unescaped(input));
        if now != said {
            others.push_str(&format!("{input}\n  was:{said}\n  now:{now}\n"));
        }
    }
    assert!(
        others.is_empty(),
        "other verdicts; if they are meant, `cargo xtask fuzz --rewrite {target}`:\n{others}"
    );
    assert!(kept.lines().count() > 100, "too few to be what was found");
    for seed in std::fs::read_dir(folder.join("seeds").join(target)).unwrap() {
        judge(&std::fs::read(seed.unwrap().path()).unwrap());
    }
}

#[test]
fn what_was_found_for_patches_holds() {
    all("patch", fuzzing::patch);
}

#[test]
fn what_was_found_for_replies_holds() {
    all("reply", fuzzing::reply);
}

#[test]
fn what_was_found_for_plans_holds() {
    all("plan", fuzzing::plan);
}

#[test]
fn what_was_found_for_commands_holds() {
    all("shell", fuzzing::shell);
}

#[test]
fn escapes_are_undone() {
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(fuzzing::unescaped(&bytes.escape_ascii().to_string()), bytes);
}
