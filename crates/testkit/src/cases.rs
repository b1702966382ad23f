//! Where things lie: the workspace's own folder, and case material that is optional and never part of the project.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folder of the workspace that this crate was built in.
pub fn workspace_root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// The folder of optional case material: `CODEX_TASK_CASES`, else `../shared/cases` beside the workspace.
///
/// `None` when neither is a folder: the caller then says that it did nothing and passes. A `CODEX_TASK_CASES` that
/// names no folder is a mistake of the caller, and panics.
pub fn cases_dir() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test's own settings come from its environment")]
    let named = std::env::var_os("CODEX_TASK_CASES");
    find(named, workspace_root())
}

#[track_caller]
fn find(named: Option<OsString>, root: &Path) -> Option<PathBuf> {
    match named.filter(|name| !name.is_empty()) {
        Some(name) => {
            let path = PathBuf::from(name);
            if !path.is_dir() {
                crate::must::fail(format_args!("CODEX_TASK_CASES names no folder: {}", path.display()));
            }
            Some(path)
        }
        None => Some(root.parent()?.join("shared/cases")).filter(|path| path.is_dir()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_the_folder_that_lists_this_crate() {
        let manifest = std::fs::read_to_string(workspace_root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("crates/testkit"));
    }

    #[test]
    fn a_named_folder_comes_before_the_neighbour_and_neither_is_needed() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("checkout");
        assert_eq!(find(None, &root), None);
        let neighbour = place.path().join("shared/cases");
        std::fs::create_dir_all(&neighbour).unwrap();
        assert_eq!(find(None, &root), Some(neighbour));
        let named = place.path().to_path_buf();
        assert_eq!(find(Some(named.clone().into()), &root), Some(named));
    }

    #[test]
    #[should_panic(expected = "CODEX_TASK_CASES names no folder")]
    fn a_name_that_leads_nowhere_is_not_passed_over() {
        find(Some("/nowhere/at/all".into()), Path::new("/"));
    }
}
