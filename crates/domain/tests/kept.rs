//! What fuzzing found, once more with every run of the tests: see `fuzz/` and `cargo xtask fuzz`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what does not hold ends the run")]

mod fuzzing;

use std::path::Path;

/// Undoes `escape_ascii`.
fn unescaped(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let (&kind, after) = rest.split_first().unwrap();
        rest = after;
        bytes.push(match kind {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let digits = std::str::from_utf8(&rest[..2]).unwrap();
                rest = &rest[2..];
                u8::from_str_radix(digits, 16).unwrap()
            }
            other => other,
        });
    }
    bytes
}

/// Every kept input and every seed of a target.
fn all(target: &str, holds: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let kept = std::fs::read_to_string(folder.join("kept").join(format!("{target}.txt"))).unwrap();
    let mut count = 0;
    for line in kept.lines() {
        holds(&unescaped(line));
        count += 1;
    }
    for seed in std::fs::read_dir(folder.join("seeds").join(target)).unwrap() {
        holds(&std::fs::read(seed.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 20, "{count} inputs are too few to be what was found");
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
fn what_was_found_for_commands_holds() {
    all("shell", fuzzing::shell);
}

#[test]
fn escapes_are_undone() {
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(unescaped(&bytes.escape_ascii().to_string()), bytes);
}
