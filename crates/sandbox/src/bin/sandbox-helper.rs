//! The helper on its own, for this crate's tests: what the real binary does when it is started as a helper.

fn main() {
    std::process::exit(sandbox::helper_main());
}
