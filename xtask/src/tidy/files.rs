//! The files that belong to the project: those that git has, and those that it would take.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// Paths from the workspace's folder, sorted, and a way to read them.
pub(super) struct Files {
    root: PathBuf,
    paths: Vec<String>,
}

impl Files {
    /// As git lists them; what is ignored or deleted is left out. A path that is not UTF-8 is an error.
    pub(super) fn of_checkout(root: &Path) -> anyhow::Result<Self> {
        #[expect(
            clippy::disallowed_methods,
            reason = "no part of the product, and git is not given anything"
        )]
        let mut git = Command::new("git");
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
        let done = git.stdin(Stdio::null()).output().context("starting git")?;
        if !done.status.success() {
            bail!("git ls-files: {}", String::from_utf8_lossy(&done.stderr).trim_end());
        }
        let listed = String::from_utf8(done.stdout).context("a path is not UTF-8")?;
        let mut paths: Vec<String> = listed.split_terminator('\0').map(str::to_owned).collect();
        paths.retain(|path| root.join(path).symlink_metadata().is_ok_and(|meta| meta.is_file()));
        paths.sort();
        paths.dedup();
        Ok(Self { root: root.to_owned(), paths })
    }

    /// Every file's path, with slashes.
    pub(super) fn paths(&self) -> &[String] {
        &self.paths
    }

    /// Those with this ending, such as `.rs`.
    pub(super) fn ending<'a>(&'a self, ending: &'a str) -> impl Iterator<Item = &'a str> {
        self.paths.iter().map(String::as_str).filter(move |path| path.ends_with(ending))
    }

    /// Whether this is a file of the project, or a folder with one in it.
    pub(super) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let below = |own: &String| {
            own.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.paths.iter().any(below)
    }

    /// The text of a file; `None` when it is not UTF-8.
    pub(super) fn text(&self, path: &str) -> anyhow::Result<Option<String>> {
        let bytes = fs::read(self.root.join(path)).with_context(|| format!("reading {path}"))?;
        Ok(String::from_utf8(bytes).ok())
    }

    /// A checkout made of these files, in a folder that lives as long as what is given back.
    #[cfg(test)]
    pub(super) fn example(files: &[(&str, &str)]) -> (tempfile::TempDir, Self) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let full = root.path().join(path);
            fs::create_dir_all(full.parent().unwrap()).unwrap();
            fs::write(full, text).unwrap();
        }
        let mut paths: Vec<String> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
        paths.sort();
        let files = Self { root: root.path().to_owned(), paths };
        (root, files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkout_has_this_file_and_not_the_build_folder() {
        let files = Files::of_checkout(&crate::root().unwrap()).unwrap();
        assert!(files.has("xtask/src/tidy/files.rs") && files.has("xtask") && files.has("xtask/src/"));
        assert!(!files.has("target") && !files.has("xtask/src/tid") && !files.has("Cargo.tom"));
    }
}
