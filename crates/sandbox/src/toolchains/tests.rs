//! A made-up home folder with every kind of toolchain and every kind of secret.

use std::os::unix::fs::symlink;

use super::*;

struct Home {
    folder: tempfile::TempDir,
    env: BTreeMap<String, String>,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), env: BTreeMap::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("home").join(name)
    }

    fn file(&self, name: &str, text: &str) -> &Self {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
        self
    }

    fn link(&self, name: &str, goal: &str) -> &Self {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        symlink(self.path(goal), self.path(name)).unwrap();
        self
    }

    fn look(&mut self, path: &[&str]) -> Toolchains {
        let folders: Vec<String> =
            path.iter()
                .map(|name| {
                    if name.starts_with('/') {
                        name.to_string()
                    } else {
                        self.path(name).display().to_string()
                    }
                })
                .collect();
        self.env.insert("PATH".to_owned(), folders.join(":"));
        let home = self.path("");
        let home = Path::new(home.to_str().unwrap().trim_end_matches('/'));
        toolchains(&Host { home, env: &self.env, project: &self.path("project") })
    }

    fn shows(&self, found: &Toolchains, name: &str) -> bool {
        found.readable.iter().any(|bind| self.path(name).starts_with(&bind.source))
    }
}

#[test]
fn the_real_rust_toolchain_comes_before_the_proxies() {
    let mut home = Home::new();
    home.file(".cargo/bin/rustup", "").file(".cargo/bin/cargo", "").file(".cargo/bin/cargo-nextest", "");
    home.file(".rustup/settings.toml", "version = \"12\"\ndefault_toolchain = \"stable-x\"\n");
    home.file(".rustup/toolchains/stable-x/bin/rustc", "").file(".rustup/toolchains/other/bin/rustc", "");
    let found = home.look(&[".cargo/bin", "/usr/bin"]);
    let expected = [home.path(".rustup/toolchains/stable-x/bin"), home.path(".cargo/bin"), "/usr/bin".into()];
    let expected: Vec<String> = expected.iter().map(|path| path.display().to_string()).collect();
    assert_eq!(found.env["PATH"], expected.join(":"));
    assert!(home.shows(&found, ".rustup/toolchains/stable-x/lib/x"));
    assert!(!home.shows(&found, ".rustup/toolchains/other"));
}

#[test]
fn the_project_chooses_its_rust_toolchain_and_links_are_shown_under_both_names() {
    let mut home = Home::new();
    let arch = std::env::consts::ARCH;
    home.file(".cargo/bin/rustup", "").file(".cargo/bin/cargo", "");
    home.file(".rustup/settings.toml", "default_toolchain = \"stable-x\"\n");
    home.file(".rustup/toolchains/stable-x/bin/rustc", "");
    home.link(&format!(".rustup/toolchains/1.95.0-{arch}-y"), ".rustup/toolchains/stable-x");
    home.file("project/rust-toolchain.toml", "[toolchain]\nchannel = \"1.95.0\"\n");
    let found = home.look(&[".cargo/bin"]);
    assert!(
        found.env["PATH"]
            .starts_with(home.path(&format!(".rustup/toolchains/1.95.0-{arch}-y/bin")).to_str().unwrap())
    );
    assert!(home.shows(&found, ".rustup/toolchains/stable-x/lib/x"));
}

#[test]
fn of_cargo_only_programs_and_downloads_are_shown() {
    let mut home = Home::new();
    home.file(".cargo/bin/cargo-x", "").file(".cargo/registry/src/a", "").file(".cargo/git/db/b", "");
    home.file(".cargo/credentials.toml", "token")
        .file(".cargo/config.toml", "runner")
        .file(".cargo/lib/x", "");
    let found = home.look(&[".cargo/bin"]);
    assert!(home.shows(&found, ".cargo/bin/cargo-x"));
    assert!(!home.shows(&found, ".cargo/credentials.toml") && !home.shows(&found, ".cargo/config.toml"));
    let targets: Vec<&Path> = found.in_home.iter().map(|bind| bind.target.as_path()).collect();
    assert_eq!(targets, [Path::new(".cargo/registry"), Path::new(".cargo/git")]);
    assert_eq!(found.env["CARGO_NET_OFFLINE"], "true");
}

#[test]
fn pyenv_shims_are_replaced_by_the_version_in_use() {
    let mut home = Home::new();
    home.file(".pyenv/shims/python3", "").file(".pyenv/version", "3.11.7\n").file(".pyenv/bin/pyenv", "");
    for version in ["3.11.7", "3.12.1"] {
        home.file(&format!(".pyenv/versions/{version}/bin/python3"), "");
        home.file(&format!(".pyenv/versions/{version}/lib/x"), "");
    }
    let found = home.look(&[".pyenv/shims", ".pyenv/bin"]);
    assert_eq!(found.env["PATH"], home.path(".pyenv/versions/3.11.7/bin").display().to_string());
    assert!(home.shows(&found, ".pyenv/versions/3.11.7/lib/x"));
    assert!(!home.shows(&found, ".pyenv/versions/3.12.1/lib/x"));
    home.file("project/.python-version", "3.12.1\n");
    let found = home.look(&[".pyenv/shims"]);
    assert!(
        home.shows(&found, ".pyenv/versions/3.12.1/lib/x")
            && !home.shows(&found, ".pyenv/versions/3.11.7/lib/x")
    );
}

#[test]
fn a_version_name_cannot_lead_out_of_the_versions_folder() {
    let mut home = Home::new();
    home.file(".pyenv/shims/python3", "")
        .file(".ssh/bin/x", "")
        .file("project/.python-version", "../../.ssh\n");
    let found = home.look(&[".pyenv/shims"]);
    assert_eq!(found.readable, []);
}

#[test]
fn a_tool_in_an_environment_of_its_own_is_shown_with_its_interpreter() {
    let mut home = Home::new();
    home.file(".local/share/tools/ruff/bin/ruff", "").file(".local/share/token", "secret");
    home.file(".local/share/tools/ruff/pyvenv.cfg", &format!("home = {}\n", home.path("py/bin").display()));
    home.file("py/bin/python3", "").file("py/lib/os.py", "");
    home.link(".local/bin/ruff", ".local/share/tools/ruff/bin/ruff");
    let found = home.look(&[".local/bin"]);
    assert!(home.shows(&found, ".local/bin/ruff") && home.shows(&found, ".local/share/tools/ruff/lib/x"));
    assert!(home.shows(&found, "py/lib/os.py"));
    assert!(!home.shows(&found, ".local/share/token"));
}

#[test]
fn node_of_nvm_is_shown_with_its_modules_and_nothing_of_the_users_packages() {
    let mut home = Home::new();
    home.file(".nvm/versions/node/v22/bin/node", "")
        .file(".nvm/versions/node/v22/lib/node_modules/npm/x", "");
    home.file(".npmrc", "token");
    let found = home.look(&[".nvm/versions/node/v22/bin"]);
    assert!(home.shows(&found, ".nvm/versions/node/v22/lib/node_modules/npm/x"));
    assert!(!home.shows(&found, ".npmrc"));
}

#[test]
fn no_secret_and_no_whole_home_is_ever_shown() {
    let mut home = Home::new();
    let secrets =
        [".ssh/id", ".aws/credentials", ".config/gh/hosts.yml", ".netrc", ".npmrc", ".pypirc", ".docker/c"];
    for name in secrets {
        home.file(name, "secret");
    }
    home.file("bin/tool", "").file("lib/x", "").file(".config/tool/bin/x", "").file(".config/tool/lib/y", "");
    home.link(".local/bin/sneaky", ".ssh/id");
    let found = home.look(&["", "bin", ".config/tool/bin", ".ssh", ".local/bin", "/"]);
    for name in secrets {
        assert!(!home.shows(&found, name), "{name}");
    }
    assert!(home.shows(&found, "bin/tool") && !home.shows(&found, "lib/x"));
}

#[test]
fn user_packages_of_python_and_modules_of_go_are_found_without_the_home() {
    let mut home = Home::new();
    home.file(".local/lib/python3.11/site-packages/x.py", "").file("go/pkg/mod/cache/x", "");
    let found = home.look(&["/usr/bin"]);
    assert!(home.shows(&found, ".local/lib/python3.11/site-packages/x.py"));
    assert_eq!(found.env["PYTHONUSERBASE"], home.path(".local").display().to_string());
    assert_eq!(found.env["GOMODCACHE"], home.path("go/pkg/mod").display().to_string());
}

#[test]
fn system_folders_need_no_bind_and_missing_or_relative_ones_are_left_out() {
    let mut home = Home::new();
    let found = home.look(&["/usr/bin", "/bin", "/no/such/folder", "/usr/bin"]);
    assert_eq!(found.env["PATH"], "/usr/bin:/bin");
    assert_eq!(found.readable, []);
}
