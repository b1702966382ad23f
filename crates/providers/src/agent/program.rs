//! Finds an agent's program: on the search path, behind npm's wrapper, with the folders that it needs to be shown.
//! Reads the file system only; nothing is started.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// An installed program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installed {
    /// What is started.
    pub(crate) path: PathBuf,
    /// What it needs to see of this machine.
    pub(crate) readable: Vec<PathBuf>,
    /// The version that its package tells.
    pub(crate) version: Option<String>,
}

/// The program of this name (or path) on the search path `path`.
///
/// # Errors
/// One sentence, when it is not there.
pub(crate) fn find(name: &str, path: &str) -> Result<Installed, String> {
    let candidates: Vec<PathBuf> = if name.contains('/') {
        vec![PathBuf::from(name)]
    } else {
        path.split(':')
            .filter(|folder| folder.starts_with('/'))
            .map(|folder| Path::new(folder).join(name))
            .collect()
    };
    let found = candidates.into_iter().find(|file| is_executable(file));
    let found = found.ok_or_else(|| format!("{name:?} is not installed (not found on the search path)"))?;
    let real = fs::canonicalize(&found).map_err(|error| format!("{}: {error}", found.display()))?;
    let package = package_of(&real);
    let version = package.as_deref().and_then(version_of);
    let (path, shown) = match package.as_deref().and_then(native_of) {
        // The wrapper would leave its child behind when it is killed; what it starts can be started without it.
        Some((native, folder)) => (native, folder),
        None => (real.clone(), shown_for(&real, package)),
    };
    Ok(Installed { path, readable: vec![shown], version })
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The npm package that a file belongs to.
fn package_of(file: &Path) -> Option<PathBuf> {
    file.ancestors().skip(1).take(6).find(|folder| folder.join("package.json").is_file()).map(Path::to_owned)
}

fn version_of(package: &Path) -> Option<String> {
    let text = fs::read(package.join("package.json")).ok()?;
    let value: serde_json::Value = serde_json::from_slice(&text).ok()?;
    Some(value["version"].as_str()?.chars().take(40).collect())
}

/// The native program in the package for this machine that stands beside (or below) a wrapper's, as Codex has it:
/// `<scope>/<name>-linux-<cpu>/vendor/<target>/bin/<name>`.
fn native_of(package: &Path) -> Option<(PathBuf, PathBuf)> {
    let (scope, name) = (package.parent()?, package.file_name()?.to_str()?);
    let cpu = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let own = format!("{name}-linux-{cpu}");
    let places = [scope.join(&own), package.join("node_modules").join(scope.file_name()?).join(&own)];
    let targets =
        places.into_iter().filter_map(|place| fs::read_dir(place.join("vendor")).ok()).flatten().flatten();
    let folder =
        targets.map(|target| target.path()).find(|target| is_executable(&target.join("bin").join(name)))?;
    Some((folder.join("bin").join(name), folder))
}

/// The modules that a script stands among, else its package, else the file alone.
fn shown_for(real: &Path, package: Option<PathBuf>) -> PathBuf {
    let modules = real.ancestors().filter(|folder| folder.ends_with("node_modules")).last();
    modules.map(Path::to_owned).or(package).unwrap_or_else(|| real.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(file: &Path, mode: u32) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "#!/bin/sh\n").unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn behind_npms_wrapper_the_native_program_is_found() {
        let place = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(place.path()).unwrap();
        let modules = root.join("lib/node_modules");
        make(&modules.join("@o/codex/bin/codex.js"), 0o755);
        fs::write(modules.join("@o/codex/package.json"), r#"{"version": "1.2.3"}"#).unwrap();
        let cpu = if cfg!(target_arch = "x86_64") { "x64" } else { "arm64" };
        let native = modules.join(format!("@o/codex-linux-{cpu}/vendor/some-target/bin/codex"));
        fs::create_dir_all(root.join("bin")).unwrap();
        std::os::unix::fs::symlink(modules.join("@o/codex/bin/codex.js"), root.join("bin/codex")).unwrap();
        let path = format!("/nowhere:{}", root.join("bin").display());
        let wrapper = find("codex", &path).unwrap();
        assert_eq!((wrapper.path, wrapper.readable), (modules.join("@o/codex/bin/codex.js"), vec![modules]));
        make(&native, 0o755);
        let found = find("codex", &path).unwrap();
        assert_eq!((&found.path, found.version.as_deref()), (&native, Some("1.2.3")));
        assert_eq!(found.readable, [native.ancestors().nth(2).unwrap()]);
    }

    #[test]
    fn what_is_not_there_or_not_executable_is_told() {
        let place = tempfile::tempdir().unwrap();
        make(&place.path().join("qwen"), 0o644);
        let why = find("qwen", &place.path().display().to_string()).unwrap_err();
        assert!(why.contains("not installed"), "{why}");
        assert!(find("/no/such/agent", "").is_err());
    }
}
