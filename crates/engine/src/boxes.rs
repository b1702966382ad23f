//! Runs one command in a tree, inside the sandbox: what the machine allows, which toolchains there are, and the
//! environment that a command gets, which is built from nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::ids::Sha256;
use domain::verification::Limit;
use sandbox::{Host, Level, Limits, Machine, Network, Report, Spec, Toolchains, Tried};
use serde::{Deserialize, Serialize};

use crate::cancel::Cancel;
use crate::config::{self, BoxLevel, WantedLevel};
use crate::error::EngineError;
use crate::trees::{OWN_CACHE, Tree, TreeForm, Trees};
use crate::world::World;

/// One command to be run in a tree.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub(crate) argv: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) limits: Limits,
    pub(crate) network: Network,
    /// The name under which its processes can be found: the tree's.
    pub(crate) marker: String,
}

/// The sandbox as one project uses it. What is found out is found out once.
#[derive(Debug)]
pub struct Boxes {
    settings: config::Sandbox,
    project: PathBuf,
    machine: OnceLock<Machine>,
    toolchains: OnceLock<Arc<Toolchains>>,
}

/// What one kind of machine allowed when it was tried, kept between processes.
#[derive(Serialize, Deserialize)]
struct Remembered {
    key: String,
    machine: Machine,
}

impl Boxes {
    /// For a project whose files (`rust-toolchain.toml`, `.python-version`) choose toolchains, at `project`.
    pub fn new(settings: config::Sandbox, project: PathBuf) -> Self {
        Self { settings, project, machine: OnceLock::new(), toolchains: OnceLock::new() }
    }

    /// What the machine allows, by trial; remembered until the machine is started again or we are another program.
    ///
    /// # Errors
    /// When the helper cannot be started.
    pub fn machine(&self, world: &World) -> Result<&Machine, EngineError> {
        if let Some(machine) = self.machine.get() {
            return Ok(machine);
        }
        let file = world.folders.cache.join("machine.json");
        let key = machine_key(world);
        let remembered = fs::read(&file).ok().and_then(|b| serde_json::from_slice::<Remembered>(&b).ok());
        let machine = match remembered {
            Some(remembered) if remembered.key == key => remembered.machine,
            _ => {
                let trees = Trees::new(&world.folders).folder()?;
                let machine = sandbox::probe(&world.launcher, Some(&trees))?;
                let text =
                    serde_json::to_vec(&Remembered { key, machine: machine.clone() }).unwrap_or_default();
                // Only a shortcut: when it cannot be kept, it is found out again.
                let _ = fs::write(&file, text);
                machine
            }
        };
        Ok(self.machine.get_or_init(|| machine))
    }

    /// The level to use, never below the policy's minimum.
    ///
    /// # Errors
    /// When the machine does not allow the minimum, with its reason.
    pub fn level(&self, world: &World) -> Result<Level, EngineError> {
        let wanted = match self.settings.level {
            WantedLevel::Auto => None,
            WantedLevel::None => Some(Level::None),
            WantedLevel::Weak => Some(Level::Weak),
            WantedLevel::Strict => Some(Level::Strict),
        };
        let minimum = match (self.settings.minimum, wanted) {
            (_, Some(Level::None)) | (BoxLevel::None, _) => Level::None,
            (BoxLevel::Weak, _) => Level::Weak,
            (BoxLevel::Strict, _) => Level::Strict,
        };
        Ok(self.machine(world)?.choose(minimum, wanted)?)
    }

    /// Tries everything that a box of this project's level must deny, in some tens of milliseconds; for `doctor` and for
    /// the start of a service, which must not go on when something does not hold.
    ///
    /// # Errors
    /// When the level cannot be had, or the box could not be made: then nothing was tried.
    pub fn try_denials(&self, world: &World) -> Result<(Level, Vec<Tried>), EngineError> {
        let level = self.level(world)?;
        Ok((level, try_denials(world, level)?))
    }

    /// How trees are laid out at this level.
    pub(crate) fn form(&self, world: &World, level: Level) -> Result<TreeForm, EngineError> {
        let overlay = level == Level::Strict && self.machine(world)?.has_overlay();
        Ok(if overlay { TreeForm::Overlay } else { TreeForm::Checkout })
    }

    /// The toolchains of this machine, as the box shows them.
    pub fn toolchains(&self, world: &World) -> Arc<Toolchains> {
        let find = || {
            let home = PathBuf::from(world.variable("HOME").unwrap_or("/nonexistent"));
            let host = Host { home: &home, env: &world.environment, project: &self.project };
            Arc::new(sandbox::toolchains(&host))
        };
        Arc::clone(self.toolchains.get_or_init(find))
    }

    /// The search path that the box gives in this tree: the programs that were fetched for it come first.
    pub(crate) fn search_path(&self, world: &World, tree: &Tree) -> String {
        let path = self.toolchains(world).env.get("PATH").cloned().unwrap_or_default();
        let own = tree.prepared().and_then(|prepared| prepared.programs(&tree.at()));
        own.map_or(path.clone(), |own| format!("{own}:{path}"))
    }

    /// Whether a program is found on the search path that the box gives.
    pub fn has(&self, world: &World, program: &str) -> bool {
        let toolchains = self.toolchains(world);
        let path = toolchains.env.get("PATH").map_or("", String::as_str);
        path.split(':').any(|folder| is_executable(&Path::new(folder).join(program)))
    }

    /// Names everything about toolchains that a result depends on, for the cache of baselines.
    pub(crate) fn stamp(&self, world: &World, program: &str) -> Sha256 {
        let toolchains = self.toolchains(world);
        let path = toolchains.env.get("PATH").map_or("", String::as_str);
        let found = path.split(':').map(|f| Path::new(f).join(program)).find(|p| is_executable(p));
        let stamp = found.and_then(|p| fs::metadata(&p).ok().map(|m| (p, m.len(), m.mtime())));
        Sha256::of(format!("{:?} {stamp:?}", toolchains.env).as_bytes())
    }

    /// Runs a command in a tree and waits for its end; a set [`Cancel`] kills it.
    ///
    /// # Errors
    /// When the helper cannot be started or dies. What happens to the command is in the report.
    pub(crate) async fn run(
        &self,
        world: &World,
        level: Level,
        tree: &Tree,
        command: Command,
        cancel: &Cancel,
    ) -> Result<Report, EngineError> {
        let spec = self.spec(world, level, tree, command);
        let stop = sandbox::Cancel::new().map_err(|e| EngineError::folder(Path::new("eventfd"), e))?;
        let (launcher, handle) = (world.launcher.clone(), stop.clone());
        let running = tokio::task::spawn_blocking(move || sandbox::run(&launcher, &spec, &handle));
        tokio::pin!(running);
        // Whoever does not wait any more ends it; after its end this does nothing.
        let _guard = StopWhenDropped(stop.clone());
        let done = tokio::select! {
            done = &mut running => done,
            () = cancel.wait() => {
                stop.cancel();
                running.await
            }
        };
        Ok(done.map_err(|e| EngineError::defect(format!("the thread of a box ended: {e}")))??)
    }

    /// The whole request for a command in a tree.
    pub(crate) fn spec(&self, world: &World, level: Level, tree: &Tree, command: Command) -> Spec {
        let toolchains = self.toolchains(world);
        let mut env = toolchains.env.clone();
        env.extend(plain_environment());
        // In the tree and not in the home folder, which is empty in every box: with the tree it may start warm.
        let go_cache = tree.at().join(OWN_CACHE).join("go-build");
        env.insert("GOCACHE".to_owned(), go_cache.to_string_lossy().into_owned());
        if let Some(prepared) = tree.prepared() {
            env.extend(prepared.environment(&tree.at()));
            env.insert("PATH".to_owned(), self.search_path(world, tree));
        }
        if command.network == Network::Host {
            // They keep package managers from a network that is there now.
            OFFLINE.iter().for_each(|name| drop(env.remove(*name)));
        }
        env.extend(command.env);
        let mut readable = toolchains.readable.clone();
        readable.extend(tree.borrowed());
        let limits = self.limited(&command.limits);
        Spec {
            level,
            argv: command.argv,
            cwd: tree.at(),
            env,
            tree: tree.for_box(),
            git_dir: Some(tree.git_for_box()),
            readable,
            in_home: toolchains.in_home.clone(),
            scratch: tree.scratch(),
            marker: command.marker,
            network: command.network,
            limits,
            // Known since the level was chosen; without that there is none.
            cgroup: self.machine.get().and_then(|machine| machine.cgroup.clone()),
        }
    }

    /// With what the configuration says of every command.
    fn limited(&self, limits: &Limits) -> Limits {
        Limits {
            processes: self.settings.processes,
            tmp_bytes: self.settings.tmp_mb.saturating_mul(1 << 20),
            tree_bytes: Some(self.settings.tree_mb.saturating_mul(1 << 20)),
            memory: Some(self.settings.memory_mb.saturating_mul(1 << 20)),
            cpu: Some(Duration::from_secs(self.settings.cpu_seconds)),
            ..limits.clone()
        }
    }

    /// The bounds that are in force for every command at this level, for the record. A box that cannot be given one of
    /// them is not made.
    ///
    /// # Errors
    /// When the helper cannot be started.
    pub(crate) fn limits(&self, world: &World, level: Level) -> Result<Vec<Limit>, EngineError> {
        let limits = self.limited(&Limits::default());
        let whole = self.machine(world)?.cgroup.is_some();
        // Strict counts in a user namespace of its own.
        let counted = if whole || level == Level::Strict { "box" } else { "user" };
        let mut all = vec![
            Limit::new("processes", limits.processes, counted),
            Limit::new("open files", limits.open_files, "process"),
            Limit::new("bytes of a file", limits.file_size, "process"),
            Limit::new("output bytes", limits.output_total, "box"),
        ];
        if let Some(bytes) = limits.tree_bytes {
            all.push(Limit::new("bytes written to the tree", bytes, "box"));
        }
        if let Some(bytes) = limits.memory {
            all.push(Limit::new("memory bytes", bytes, if whole { "box" } else { "process" }));
        }
        if let Some(time) = limits.cpu {
            all.push(Limit::new("processor seconds", time.as_secs(), "process"));
        }
        if level == Level::Strict {
            all.push(Limit::new("bytes of a temporary folder", limits.tmp_bytes, "box"));
        }
        Ok(all)
    }
}

/// Ends a run whose end nobody waits for any more.
pub(crate) struct StopWhenDropped(pub(crate) sandbox::Cancel);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Tries everything that a box of this level must deny. At [`Level::None`] nothing is denied and nothing is tried.
///
/// # Errors
/// As for [`Boxes::try_denials`].
pub fn try_denials(world: &World, level: Level) -> Result<Vec<Tried>, EngineError> {
    if level == Level::None {
        return Ok(Vec::new());
    }
    let trees = Trees::new(&world.folders).folder()?;
    let home = world.variable("HOME").map(Path::new);
    Ok(sandbox::try_denials(&world.launcher, level, &trees, home)?)
}

/// Variables of the toolchains that tell package managers that there is no network.
const OFFLINE: [&str; 2] = ["CARGO_NET_OFFLINE", "GOPROXY"];

/// What every command gets beside its toolchains: a fixed locale and time zone, a name for git, and what keeps tools
/// from writing into the tree or asking questions.
fn plain_environment() -> BTreeMap<String, String> {
    let fixed = [
        ("LANG", "C.UTF-8"),
        ("LC_ALL", "C.UTF-8"),
        ("TZ", "UTC"),
        ("TERM", "dumb"),
        ("CI", "true"),
        ("NO_COLOR", "1"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PYTHONHASHSEED", "0"),
        ("GIT_AUTHOR_NAME", "codex-task"),
        ("GIT_AUTHOR_EMAIL", "codex-task@localhost"),
        ("GIT_COMMITTER_NAME", "codex-task"),
        ("GIT_COMMITTER_EMAIL", "codex-task@localhost"),
    ];
    fixed.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// What the answer of a trial depends on: this start of the machine, our namespaces, our user, our program.
fn machine_key(world: &World) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let link = |path: &str| fs::read_link(path).map(|p| p.display().to_string()).unwrap_or_default();
    let program = fs::metadata(&world.launcher.program).map(|m| (m.len(), m.mtime(), m.ino())).ok();
    let user = fs::metadata("/proc/self").map(|m| (m.uid(), m.gid())).ok();
    format!(
        "2 {} {} {} {} {user:?} {program:?}",
        read("/proc/sys/kernel/random/boot_id").trim(),
        read("/proc/self/cgroup").trim(),
        link("/proc/self/ns/user"),
        link("/proc/self/ns/mnt"),
    )
}
