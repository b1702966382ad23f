//! Any bytes through `fuzzing::patch`, which says what must hold.
#![no_main]

#[path = "../../crates/domain/tests/fuzzing/mod.rs"]
mod fuzzing;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzzing::patch(data);
});
