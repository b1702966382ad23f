//! Where tests find the shared collections of hard cases. They are no part of the project: where they are absent,
//! the tests that want them say so and pass.

use std::path::{Path, PathBuf};

/// The folder of a collection: below `CODEX_TASK_CASES`, or in `shared/cases` beside the checkout.
#[expect(clippy::disallowed_methods, reason = "a test is told by its environment where the collections are")]
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases");
    let folder = std::env::var_os("CODEX_TASK_CASES").map_or(beside, PathBuf::from).join(name);
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
