//! What to run and within which bounds: the whole request that goes to the helper, as plain data.
//! Nothing here touches the machine; `Spec::check` is the one place that judges a request.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::SandboxError;

/// The environment variable by which every process of a box can be recognised from outside.
pub const MARKER_NAME: &str = "CODEX_TASK_BOX";

/// The home folder inside a strict box: an empty tmpfs.
pub const STRICT_HOME: &str = "/home/box";

/// The temporary folder inside a strict box: a tmpfs of its own.
pub const STRICT_TMP: &str = "/tmp";

/// How strongly a command is kept apart from the machine. Ordered: `None < Weak < Strict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Resource limits and the killing of all descendants only. Never taken unless asked for by name.
    None,
    /// Landlock, seccomp and limits, where user namespaces are forbidden.
    Weak,
    /// Namespaces, a root of its own, no network, Landlock, seccomp and limits.
    Strict,
}

impl Level {
    /// The word used in configuration, records and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::None => "none",
            Level::Weak => "weak",
            Level::Strict => "strict",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Level {
    type Err = SandboxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Level::None),
            "weak" => Ok(Level::Weak),
            "strict" => Ok(Level::Strict),
            other => Err(SandboxError::UnknownLevel { text: other.to_owned() }),
        }
    }
}

/// Which network the command sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// None of the machine's: an own loopback at strict, no sockets at weak. At `none` it cannot be kept away.
    #[default]
    None,
    /// The machine's, for fetching what was asked for: it connects to whatever the machine reaches, its own servers
    /// on 127.0.0.1 included, over IPv4 and IPv6. Sockets of the machine by path or name stay closed, and so does
    /// serving on TCP where the kernel has Landlock 4. Not at weak.
    Host,
}

/// Whether the command may write to what is bound in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Reading and executing.
    ReadOnly,
    /// Reading, executing and writing.
    ReadWrite,
}

/// The checkout the command works on. All paths are absolute; `at` is the path inside the box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tree {
    /// Copy-on-write over a checkout that is never written. Strict only.
    Overlay {
        /// The warm base checkout, read only. May be shared by many boxes at a time.
        lower: PathBuf,
        /// Read-only layers over `lower`, the topmost first, such as the build caches of a run on the base: upper
        /// layers of former boxes of the same operator, whose files belong to the box's user already.
        layers: Vec<PathBuf>,
        /// Receives every change. One box at a time; on the same file system as `work`.
        upper: PathBuf,
        /// An empty folder for the kernel's own use, beside `upper`.
        work: PathBuf,
        /// Where the merged tree appears.
        at: PathBuf,
    },
    /// A folder that is written in place. Outside of strict, `at` must equal `path`.
    Folder {
        /// The folder on the host, of this box's own.
        path: PathBuf,
        /// Where it appears.
        at: PathBuf,
    },
}

impl Tree {
    /// The host folder that receives what is written.
    pub(crate) fn written(&self) -> &Path {
        match self {
            Tree::Overlay { upper, .. } => upper,
            Tree::Folder { path, .. } => path,
        }
    }

    /// The path of the tree inside the box.
    pub fn at(&self) -> &Path {
        match self {
            Tree::Overlay { at, .. } | Tree::Folder { at, .. } => at,
        }
    }
}

/// A throw-away git directory that appears as `.git` of the tree.
///
/// In strict it is a mount, so the command can neither replace nor remove it. Mounting leaves an empty `.git`
/// folder in the tree (or in the overlay's upper layer) when there was none. Outside of strict it must already
/// be `<tree>/.git`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitDir {
    /// The git directory on the host. When the operator is root its files are given to the box's user, because git
    /// refuses a directory that belongs to somebody else.
    pub path: PathBuf,
    /// Whether the command may write to it.
    pub access: Access,
}

/// A host file or folder that the command may read and execute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bind {
    /// The path on the host. A bind whose source is missing is a set-up failure.
    pub source: PathBuf,
    /// The path inside the box. Outside of strict it must equal `source`.
    pub target: PathBuf,
}

impl Bind {
    /// A bind that appears at the path it has on the host.
    pub fn same(path: impl Into<PathBuf>) -> Self {
        let source = path.into();
        Self { target: source.clone(), source }
    }
}

/// Bounds of one run. `None` means that the kernel's own bound is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Time from the start of the box until it is ended, on the monotonic clock.
    pub wall: Duration,
    /// Time between SIGTERM to every process and SIGKILL to every process at the deadline.
    pub grace: Duration,
    /// Processor time of each single process (RLIMIT_CPU), rounded up to seconds.
    pub cpu: Option<Duration>,
    /// Bytes of address space of each process (RLIMIT_AS). Programs that reserve much (node, go, java) fail under it.
    pub address_space: Option<u64>,
    /// Bytes of private writable memory of each process (RLIMIT_DATA): the bound that suits most programs. With a
    /// control group the same number bounds the box as a whole, what it keeps in its tmpfs included.
    pub memory: Option<u64>,
    /// Processes and threads. Counted per box in strict; elsewhere on top of those the user already has.
    pub processes: u64,
    /// Open files of each process, never above what the operator itself may open.
    pub open_files: u64,
    /// Bytes of each single file. The sum of all files is bounded by `tree_bytes` and `disk_reserve`.
    pub file_size: u64,
    /// Bytes that must stay free on the file system that the tree is written to: below that, the box is killed. The
    /// free space is looked at ten times a second, so a fast disk may end up some hundred MiB below. 0: not looked at.
    pub disk_reserve: u64,
    /// Bytes on disk that the command may add to its tree: above that, the box is killed. Counted while it runs, at least
    /// twice a second in a tree of ordinary size, so a fast disk may take a gigabyte more. `None`: not counted.
    pub tree_bytes: Option<u64>,
    /// Bytes kept of each output stream, half of them from its beginning and half from its end.
    pub output_kept: usize,
    /// Bytes of both streams together after which the box is killed.
    pub output_total: u64,
    /// Bytes of each of the three tmpfs in a strict box: the temporary folder, the home folder and /dev/shm.
    pub tmp_bytes: u64,
}

impl Default for Limits {
    /// Five minutes a command (the product's limit), and bounds that the test suites of large projects stay under.
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(300),
            grace: Duration::from_millis(500),
            cpu: None,
            address_space: None,
            memory: Some(8 << 30),
            processes: 1024,
            open_files: 4096,
            file_size: 2 << 30,
            disk_reserve: 256 << 20,
            tree_bytes: Some(16 << 30),
            output_kept: 512 << 10,
            output_total: 256 << 20,
            tmp_bytes: 1 << 30,
        }
    }
}

/// One command with everything it may see. Sent to the helper through a socket, never through its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The level to enforce, as chosen by [`crate::Machine::choose`]. Anything that cannot be enforced fails.
    pub level: Level,
    /// The program (looked up in `env`'s PATH when it has no slash) and its arguments.
    pub argv: Vec<String>,
    /// The working folder, inside the tree.
    pub cwd: PathBuf,
    /// The whole environment. The box itself sets HOME, TMPDIR and [`MARKER_NAME`] on top and nothing else.
    pub env: BTreeMap<String, String>,
    /// The checkout.
    pub tree: Tree,
    /// What appears as the tree's `.git`.
    pub git_dir: Option<GitDir>,
    /// Toolchains and object stores, beside the system folders that are always readable.
    pub readable: Vec<Bind>,
    /// What appears read-only in HOME, such as a package cache; targets are relative to HOME.
    pub in_home: Vec<Bind>,
    /// An existing host folder of this box's own where `weak` and `none` make HOME and TMPDIR anew for each run.
    /// Unused in strict, where both are tmpfs. The caller removes it, with [`crate::remove_tree`].
    pub scratch: Option<PathBuf>,
    /// The value of [`MARKER_NAME`]: an id of this run, recorded by the caller before the run, for
    /// [`crate::kill_leftovers`]. Letters, digits and hyphens.
    pub marker: String,
    /// The network.
    #[serde(default)]
    pub network: Network,
    /// Bounds.
    pub limits: Limits,
    /// The control group below which one is made for this box, as found by [`crate::probe`]: memory and processes are
    /// then bounded for the box as a whole too. When it cannot be made, neither is the box.
    pub cgroup: Option<PathBuf>,
}

impl Spec {
    /// Refuses a request that could not mean what it says.
    ///
    /// # Errors
    /// [`SandboxError::BadSpec`] names the field and the reason.
    pub fn check(&self) -> Result<(), SandboxError> {
        self.check_texts()?;
        for (field, path) in self.paths() {
            check_path(field, path)?;
        }
        if let Some(bind) = self.in_home.iter().find(|bind| !is_plain_relative(&bind.target)) {
            return Err(bad("in_home", format!("{} is not a plain relative path", bind.target.display())));
        }
        let at = self.tree.at();
        if RESERVED.iter().any(|reserved| Path::new(reserved) == at) {
            return Err(bad("tree", format!("{} belongs to the box itself", at.display())));
        }
        if !self.cwd.starts_with(at) {
            return Err(bad(
                "cwd",
                format!("{} is outside of the tree {}", self.cwd.display(), at.display()),
            ));
        }
        if self.level == Level::Weak && self.network == Network::Host {
            return Err(bad("network", "weak has no network to give".to_owned()));
        }
        if self.level == Level::Strict { Ok(()) } else { self.check_without_mounts() }
    }

    /// Outside of strict nothing can be mounted: every path must be what it is on the host.
    fn check_without_mounts(&self) -> Result<(), SandboxError> {
        let level = self.level;
        let Tree::Folder { path, at } = &self.tree else {
            return Err(bad("tree", format!("an overlay needs the level strict, not {level}")));
        };
        if path != at {
            return Err(bad("tree", format!("{level} cannot move {} to {}", path.display(), at.display())));
        }
        if let Some(bind) = self.readable.iter().find(|bind| bind.source != bind.target) {
            return Err(bad("readable", format!("{level} cannot move {}", bind.source.display())));
        }
        if let Some(git) = &self.git_dir
            && git.path != path.join(".git")
        {
            return Err(bad("git_dir", format!("{level} needs it to be the tree's own .git")));
        }
        if self.scratch.is_none() {
            return Err(bad("scratch", format!("{level} needs a folder for HOME and TMPDIR")));
        }
        Ok(())
    }

    fn check_texts(&self) -> Result<(), SandboxError> {
        if self.argv.first().is_none_or(String::is_empty) {
            return Err(bad("argv", "names no program".to_owned()));
        }
        if self.argv.iter().any(|arg| arg.contains('\0')) {
            return Err(bad("argv", "contains a NUL byte".to_owned()));
        }
        for (name, value) in &self.env {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return Err(bad("env", format!("{name:?} cannot be passed on")));
            }
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if self.marker.is_empty() || self.marker.len() > 64 || !self.marker.chars().all(plain) {
            return Err(bad(
                "marker",
                format!("{:?} is not 1 to 64 letters, digits and hyphens", self.marker),
            ));
        }
        Ok(())
    }

    fn paths(&self) -> Vec<(&'static str, &Path)> {
        let mut paths: Vec<(&'static str, &Path)> = vec![("cwd", &self.cwd), ("tree", self.tree.at())];
        match &self.tree {
            Tree::Overlay { lower, layers, upper, work, .. } => {
                paths.extend(
                    [lower, upper, work].into_iter().chain(layers).map(|path| ("tree", path.as_path())),
                );
            }
            Tree::Folder { path, .. } => paths.push(("tree", path)),
        }
        paths.extend(self.git_dir.iter().map(|git| ("git_dir", git.path.as_path())));
        paths.extend(self.scratch.iter().map(|path| ("scratch", path.as_path())));
        paths.extend(self.cgroup.iter().map(|path| ("cgroup", path.as_path())));
        for bind in &self.readable {
            paths.extend([("readable", bind.source.as_path()), ("readable", bind.target.as_path())]);
        }
        paths.extend(self.in_home.iter().map(|bind| ("in_home", bind.source.as_path())));
        paths
    }
}

fn is_plain_relative(path: &Path) -> bool {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    path.file_name().is_some()
        && path.components().all(plain)
        && !path.as_os_str().as_encoded_bytes().contains(&0)
}

/// Paths at which nothing of the caller's may be put: the box builds them.
const RESERVED: [&str; 9] = ["/", "/proc", "/dev", "/etc", "/usr", "/tmp", STRICT_HOME, "/dev/shm", "/home"];

fn check_path(field: &'static str, path: &Path) -> Result<(), SandboxError> {
    let plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    if !path.is_absolute()
        || !path.components().all(plain)
        || path.as_os_str().as_encoded_bytes().contains(&0)
    {
        return Err(bad(field, format!("{} is not a plain absolute path", path.display())));
    }
    Ok(())
}

fn bad(field: &'static str, reason: String) -> SandboxError {
    SandboxError::BadSpec { field, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(level: Level) -> Spec {
        Spec {
            level,
            argv: vec!["true".into()],
            cwd: "/w/sub".into(),
            env: BTreeMap::new(),
            tree: Tree::Folder { path: "/w".into(), at: "/w".into() },
            git_dir: None,
            readable: Vec::new(),
            in_home: Vec::new(),
            scratch: Some("/s".into()),
            marker: "run-1".into(),
            network: Network::None,
            limits: Limits::default(),
            cgroup: None,
        }
    }

    /// A field's name and a change that makes it meaningless.
    type Case = (&'static str, fn(&mut Spec));

    fn refused_field(spec: &Spec) -> &'static str {
        match spec.check() {
            Err(SandboxError::BadSpec { field, .. }) => field,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    #[test]
    fn levels_are_ordered_and_read_back_from_their_names() {
        assert!(Level::None < Level::Weak && Level::Weak < Level::Strict);
        for level in [Level::None, Level::Weak, Level::Strict] {
            assert_eq!(level.to_string().parse::<Level>().unwrap(), level);
            assert_eq!(serde_json::to_string(&level).unwrap(), format!("\"{level}\""));
        }
        assert!("Strict".parse::<Level>().is_err());
    }

    #[test]
    fn a_plain_request_is_accepted_at_every_level() {
        for level in [Level::None, Level::Weak, Level::Strict] {
            spec(level).check().unwrap();
        }
    }

    #[test]
    fn a_request_survives_the_way_to_the_helper() {
        let sent = spec(Level::Strict);
        let text = serde_json::to_string(&sent).unwrap();
        assert_eq!(serde_json::from_str::<Spec>(&text).unwrap(), sent);
    }

    #[test]
    fn each_meaningless_field_is_named() {
        let cases: [Case; 10] = [
            ("argv", |s| s.argv.clear()),
            ("argv", |s| s.argv = vec!["a\0b".into()]),
            ("env", |s| drop(s.env.insert("A=B".into(), "c".into()))),
            ("cwd", |s| s.cwd = "/elsewhere".into()),
            ("cwd", |s| s.cwd = "/w/../etc".into()),
            ("tree", |s| s.tree = Tree::Folder { path: "/w".into(), at: "/".into() }),
            ("readable", |s| s.readable = vec![Bind::same("relative")]),
            ("in_home", |s| s.in_home = vec![Bind { source: "/a".into(), target: "../b".into() }]),
            ("marker", |s| s.marker = "two words".into()),
            ("marker", |s| s.marker.clear()),
        ];
        for (field, change) in cases {
            let mut changed = spec(Level::Strict);
            change(&mut changed);
            assert_eq!(refused_field(&changed), field);
        }
    }

    #[test]
    fn without_mounts_nothing_may_move() {
        let cases: [Case; 5] = [
            ("tree", |s| {
                s.tree = Tree::Overlay {
                    lower: "/l".into(),
                    layers: Vec::new(),
                    upper: "/u".into(),
                    work: "/k".into(),
                    at: "/w".into(),
                }
            }),
            ("tree", |s| s.tree = Tree::Folder { path: "/x".into(), at: "/w".into() }),
            ("readable", |s| s.readable = vec![Bind { source: "/a".into(), target: "/b".into() }]),
            ("git_dir", |s| s.git_dir = Some(GitDir { path: "/g".into(), access: Access::ReadOnly })),
            ("scratch", |s| s.scratch = None),
        ];
        for (field, change) in cases {
            for level in [Level::Weak, Level::None] {
                let mut changed = spec(level);
                change(&mut changed);
                assert_eq!(refused_field(&changed), field);
            }
            let mut changed = spec(Level::Strict);
            change(&mut changed);
            changed.check().unwrap();
        }
    }
}
