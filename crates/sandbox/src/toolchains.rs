//! Which programs outside of the system folders a check may need: compilers, interpreters and tools in a home
//! folder, found through PATH, and the package caches that let them work without a network.
//!
//! Only reads the file system. Credentials are never bound: folders that hold them are not entered, and of a home
//! folder itself, `.cargo` or `.local` only named parts are shown.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::spec::Bind;
use crate::system;

/// Where to look. Everything is passed in; nothing is read from this process's environment.
#[derive(Debug, Clone, Copy)]
pub struct Host<'a> {
    /// The operator's home folder.
    pub home: &'a Path,
    /// The operator's environment: PATH and the variables of rustup, cargo, pyenv and go are looked at.
    pub env: &'a BTreeMap<String, String>,
    /// The project, for the versions it asks for (`rust-toolchain.toml`, `.python-version`).
    pub project: &'a Path,
}

/// What to add to a [`crate::Spec`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Toolchains {
    /// For [`crate::Spec::readable`]; each appears at its own path.
    pub readable: Vec<Bind>,
    /// For [`crate::Spec::in_home`].
    pub in_home: Vec<Bind>,
    /// For the environment: PATH (real toolchains first, proxies and shims replaced by what they stand for) and what
    /// keeps package managers from the network.
    pub env: BTreeMap<String, String>,
}

/// Finds the toolchains of this machine. Takes a few hundred file look-ups; the result may be kept for a process.
pub fn toolchains(host: &Host<'_>) -> Toolchains {
    let mut found = Finder { host, found: Toolchains::default(), path: Vec::new() };
    for folder in host.var("PATH").unwrap_or("/usr/local/bin:/usr/bin:/bin").split(':') {
        found.path_entry(Path::new(folder));
    }
    found.rust_caches();
    found.python_user_site();
    found.go_caches();
    found.finish()
}

/// Folders of a home that hold keys, tokens or the state of other programs.
const SECRET: [&str; 14] = [
    ".ssh",
    ".aws",
    ".azure",
    ".gnupg",
    ".kube",
    ".docker",
    ".config",
    ".claude",
    ".codex",
    ".qwen",
    ".mozilla",
    ".password-store",
    ".netrc",
    ".terraform.d",
];

/// Signs that the parent of a `bin` folder is an installation and not somebody's collection of things.
const PREFIX_SIGNS: [&str; 4] = ["lib", "include", "pyvenv.cfg", "conda-meta"];

impl<'a> Host<'a> {
    fn var(&self, name: &str) -> Option<&'a str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A folder that a variable names, or its usual place in the home folder.
    fn folder(&self, variable: &str, usual: &str) -> PathBuf {
        self.var(variable).map_or_else(|| self.home.join(usual), PathBuf::from)
    }
}

struct Finder<'a> {
    host: &'a Host<'a>,
    found: Toolchains,
    path: Vec<PathBuf>,
}

impl Finder<'_> {
    fn path_entry(&mut self, folder: &Path) {
        if !folder.is_absolute() || !folder.is_dir() || self.is_secret(folder) {
            return;
        }
        if is_system(folder) {
            self.add_to_path(folder);
            // A system folder where links into /opt or a home are usual; in /usr/bin they are not.
            if folder.starts_with("/usr/local") {
                self.follow_links(folder);
            }
        } else if let Some(versions) = self.behind_pyenv_shims(folder) {
            versions.iter().for_each(|version| self.program_folder(&version.join("bin")));
        } else {
            if is_rustup_folder(folder)
                && let Some(toolchain) = self.rust_toolchain()
            {
                self.show(&toolchain);
                self.add_to_path(&toolchain.join("bin"));
            }
            self.program_folder(folder);
        }
    }

    /// Shows a folder of programs, with the installation it belongs to, and puts it on PATH.
    fn program_folder(&mut self, folder: &Path) {
        if !folder.is_dir() {
            return;
        }
        self.add_to_path(folder);
        self.show_installation(folder);
        self.follow_links(folder);
    }

    fn show_installation(&mut self, folder: &Path) {
        match self.prefix_of(folder) {
            Some(prefix) => {
                self.show(prefix);
                self.show_base_of_venv(prefix);
            }
            None => self.show(folder),
        }
    }

    /// The installation that a `bin` folder belongs to, if it is one that may be shown whole.
    fn prefix_of<'p>(&self, folder: &'p Path) -> Option<&'p Path> {
        // npm's programs are links into the packages beside them, which need one another.
        if folder.ends_with("node_modules/.bin") {
            return folder.parent().filter(|modules| !self.is_secret(modules));
        }
        let prefix = folder.parent().filter(|_| folder.ends_with("bin"))?;
        let home = self.host.home;
        let shared =
            [home.to_owned(), home.join(".local"), self.host.folder("CARGO_HOME", ".cargo"), "/opt".into()];
        let is_shared = shared.iter().any(|shared| shared.starts_with(prefix));
        let is_prefix = PREFIX_SIGNS.iter().any(|sign| prefix.join(sign).exists());
        (!is_shared && !self.is_secret(prefix) && is_prefix).then_some(prefix)
    }

    /// Tools installed one by one are links from a shared folder into an environment of their own.
    fn follow_links(&mut self, folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                continue;
            }
            let Ok(goal) = fs::canonicalize(entry.path()) else { continue };
            if !goal.is_file() || is_system(&goal) || self.is_shown(&goal) || self.is_secret(&goal) {
                continue;
            }
            match goal.parent() {
                Some(parent) if self.prefix_of(parent).is_some() => self.show_installation(parent),
                _ => self.show(&goal),
            }
        }
    }

    /// A virtual environment borrows the interpreter and the library of another installation.
    fn show_base_of_venv(&mut self, prefix: &Path) {
        let Ok(config) = fs::read_to_string(prefix.join("pyvenv.cfg")) else { return };
        let home =
            config.lines().filter_map(|line| line.split_once('=')).find(|(key, _)| key.trim() == "home");
        let Some((_, bin)) = home else { return };
        let bin = Path::new(bin.trim());
        if bin.is_absolute() && !is_system(bin) && bin.is_dir() && !self.is_secret(bin) {
            self.show_installation(bin);
        }
    }

    /// The versions that a folder of pyenv shims stands for, in the project's or the user's order.
    fn behind_pyenv_shims(&self, folder: &Path) -> Option<Vec<PathBuf>> {
        let root = self.host.folder("PYENV_ROOT", ".pyenv");
        if !folder.starts_with(&root) || folder.starts_with(root.join("versions")) {
            return None;
        }
        let read = |path: PathBuf| fs::read_to_string(path).ok();
        let named = self.host.var("PYENV_VERSION").map(|value| value.replace(':', "\n"));
        let named = named.or_else(|| read(self.host.project.join(".python-version")));
        let named = named.or_else(|| read(root.join("version"))).unwrap_or_default();
        let names = named.lines().map(str::trim).filter(|name| is_plain_name(name));
        Some(names.map(|name| root.join("versions").join(name)).filter(|version| version.is_dir()).collect())
    }

    /// The toolchain that rustup's proxies would start here: by variable, by the project's file, or the default.
    fn rust_toolchain(&self) -> Option<PathBuf> {
        let rustup = self.host.folder("RUSTUP_HOME", ".rustup");
        let project = |name: &str| fs::read_to_string(self.host.project.join(name)).ok();
        let asked = self.host.var("RUSTUP_TOOLCHAIN").map(str::to_owned);
        let asked = asked.or_else(|| toml_text(&project("rust-toolchain.toml")?, "channel"));
        let asked = asked.or_else(|| {
            let text = project("rust-toolchain")?;
            toml_text(&text, "channel").or_else(|| Some(text.trim().to_owned()))
        });
        let settings = fs::read_to_string(rustup.join("settings.toml")).unwrap_or_default();
        let default = toml_text(&settings, "default_toolchain");
        [asked, default]
            .into_iter()
            .flatten()
            .find_map(|name| installed_toolchain(&rustup.join("toolchains"), &name))
    }

    /// Only the registry's and git's downloads: credentials, configuration and runners lie beside them.
    fn rust_caches(&mut self) {
        let cargo = self.host.folder("CARGO_HOME", ".cargo");
        for name in ["registry", "git"] {
            let source = cargo.join(name);
            if source.is_dir() {
                self.found.in_home.push(Bind { source, target: Path::new(".cargo").join(name) });
            }
        }
        self.found.env.insert("CARGO_NET_OFFLINE".to_owned(), "true".to_owned());
    }

    /// Packages of `pip install --user`, which python looks for below a home that the box does not have.
    fn python_user_site(&mut self) {
        let base = self.host.folder("PYTHONUSERBASE", ".local");
        let Ok(entries) = fs::read_dir(base.join("lib")) else { return };
        let is_python = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("python");
        let sites: Vec<PathBuf> = entries
            .flatten()
            .filter(|entry| is_python(&entry.file_name()))
            .map(|entry| entry.path())
            .collect();
        if !sites.is_empty() {
            sites.iter().for_each(|site| self.show(site));
            self.found.env.insert("PYTHONUSERBASE".to_owned(), base.to_string_lossy().into_owned());
        }
    }

    fn go_caches(&mut self) {
        let modules = self.host.folder("GOMODCACHE", "go/pkg/mod");
        if modules.is_dir() {
            self.show(&modules);
            self.found.env.insert("GOMODCACHE".to_owned(), modules.to_string_lossy().into_owned());
        }
        for (name, value) in [("GOPROXY", "off"), ("GOTOOLCHAIN", "local")] {
            self.found.env.insert(name.to_owned(), value.to_owned());
        }
    }

    fn add_to_path(&mut self, folder: &Path) {
        if !self.path.iter().any(|known| known == folder) {
            self.path.push(folder.to_owned());
        }
    }

    /// Shows a path under its name and, if links lead to it, under its real one.
    fn show(&mut self, path: &Path) {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        for path in [path, &real] {
            if path.to_str().is_some() && !is_system(path) && !self.is_shown(path) && !self.is_secret(path) {
                self.found.readable.push(Bind::same(path));
            }
        }
    }

    fn is_shown(&self, path: &Path) -> bool {
        self.found.readable.iter().any(|bind| path.starts_with(&bind.source))
    }

    /// Whether showing this path would show a secret, or the whole of a home.
    fn is_secret(&self, path: &Path) -> bool {
        let home = self.host.home;
        let inside = SECRET.iter().any(|name| path.starts_with(home.join(name)));
        let real_home = fs::canonicalize(home).unwrap_or_else(|_| home.to_owned());
        inside || home.starts_with(path) || real_home.starts_with(path)
    }

    fn finish(mut self) -> Toolchains {
        let texts: Vec<&str> = self.path.iter().filter_map(|folder| folder.to_str()).collect();
        self.found.env.insert("PATH".to_owned(), texts.join(":"));
        let binds = std::mem::take(&mut self.found.readable);
        let is_inner =
            |bind: &Bind| binds.iter().any(|other| other != bind && bind.source.starts_with(&other.source));
        self.found.readable = binds.iter().filter(|bind| !is_inner(bind)).cloned().collect();
        self.found
    }
}

fn is_system(path: &Path) -> bool {
    system::FOLDERS.iter().any(|folder| path.starts_with(folder))
}

fn is_plain_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

/// Whether the programs in this folder are rustup in disguise.
fn is_rustup_folder(folder: &Path) -> bool {
    folder.join("rustup").exists() && folder.join("cargo").exists()
}

/// A toolchain by its full name, or by its channel with any host's name behind it.
fn installed_toolchain(toolchains: &Path, name: &str) -> Option<PathBuf> {
    if !is_plain_name(name) {
        return None;
    }
    let exact = toolchains.join(name);
    let has_compiler = |path: &Path| path.join("bin/rustc").exists();
    if has_compiler(&exact) {
        return Some(exact);
    }
    let prefix = format!("{name}-{}", std::env::consts::ARCH);
    let mut longer: Vec<PathBuf> =
        fs::read_dir(toolchains).ok()?.flatten().map(|entry| entry.path()).collect();
    longer.sort();
    let fits =
        |path: &PathBuf| path.file_name().is_some_and(|found| found.to_string_lossy().starts_with(&prefix));
    longer.into_iter().find(|path| fits(path) && has_compiler(path))
}

/// The text of the first `key = "text"` line. Enough for the two small files of rustup that are read here.
fn toml_text(text: &str, key: &str) -> Option<String> {
    let values = text.lines().filter_map(|line| line.split_once('=')).filter(|(name, _)| name.trim() == key);
    values.map(|(_, value)| value.trim().trim_matches(['"', '\''])).next().map(str::to_owned)
}

#[cfg(test)]
mod tests;
