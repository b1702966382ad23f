//! Where tests find the shared collections of hard cases. They are no part of the project: where they are absent,
//! the tests that want them say so and pass.

use std::path::{Path, PathBuf};

/// Where all collections are: `CODEX_TASK_CASES`, or `shared/cases` beside the checkout.
#[expect(clippy::disallowed_methods, reason = "a test is told by its environment where the collections are")]
fn root() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases");
    std::env::var_os("CODEX_TASK_CASES").map_or(beside, PathBuf::from)
}

/// The texts of two files that belong together.
pub(crate) fn texts(one: &str, other: &str) -> Option<(String, String)> {
    let read = |name: &str| std::fs::read_to_string(root().join(name)).ok();
    let found = read(one).zip(read(other));
    if found.is_none() {
        eprintln!("no shared cases here ({one}); set CODEX_TASK_CASES to run them");
    }
    found
}

/// The folder of a collection.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let folder = root().join(name);
    let found = folder.join("manifest.json").is_file();
    if !found {
        eprintln!("no shared cases here ({name}); set CODEX_TASK_CASES to run them");
    }
    found.then_some(folder)
}

/// The collection's list of cases.
pub(crate) fn manifest(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}
