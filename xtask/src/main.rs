//! Generated files, tidy checks and benchmarks.
fn main() {}
