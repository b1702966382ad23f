//! Any bytes through `fuzzing::plan`, which says what must hold.
#![no_main]

#[path = "../../crates/domain/tests/fuzzing/mod.rs"]
mod fuzzing;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzzing::plan(data);
});
