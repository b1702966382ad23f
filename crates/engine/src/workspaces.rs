//! Trees for agents: laid out like those of checks, run in strict boxes only, judged by their difference to the base.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::event::BaseRef;
use domain::ids::IntentId;
use domain::patch;
use sandbox::{Bind, Door, Level, Limits, Network, Outcome, Report, STRICT_HOME, Spec, Talk};
use tokio::net::unix::pipe;
use tokio::sync::oneshot;

use crate::agent::{DOOR, Ended, Exit, Process, Program, Sharing, Workspace, Workspaces};
use crate::boxes::{Command, StopWhenDropped};
use crate::error::EngineError;
use crate::operator::Operator;
use crate::preparation;
use crate::project::Project;
use crate::provider::ToolRun;
use crate::shared_files;
use crate::trees::{Content, Over, Tree, TreeForm, Trees};

/// Where the files for the home folder stand in the box.
const SEED: &str = "/codex-task/home";

/// Copies them into the home folder, then becomes the program.
const WITH_HOME: &str = r#"cp -R /codex-task/home/. "$HOME"/ && exec "$@""#;

/// Bytes of an agent's standard error that are kept.
const STDERR_KEPT: usize = 16 << 10;

/// Bytes of each output of a command that an agent asks for.
const OUTPUT_KEPT: usize = 1 << 20;

const NOT_SHARED: &str = "the tree is not shared";

/// Lends trees of one intent's base.
pub(crate) struct BoxedWorkspaces<'a> {
    operator: &'a Operator,
    project: &'a Project,
    base: &'a BaseRef,
    name: String,
}

impl<'a> BoxedWorkspaces<'a> {
    /// `intent` names the trees, so that a sweep finds them.
    pub(crate) fn new(
        operator: &'a Operator,
        project: &'a Project,
        base: &'a BaseRef,
        intent: &IntentId,
    ) -> Self {
        Self { operator, project, base, name: format!("{intent}-agent") }
    }
}

#[async_trait]
impl Workspaces for BoxedWorkspaces<'_> {
    async fn open(&self, sharing: Sharing) -> Result<Box<dyn Workspace + '_>, String> {
        let (world, boxes) = (&self.operator.world, &self.project.boxes);
        let said = |error: EngineError| error.to_string();
        let level = boxes.level(world).map_err(said)?;
        if level != Level::Strict {
            return Err(format!(
                "an agent runs in a strict sandbox only; here it is {level} (see `codex-task doctor`)"
            ));
        }
        let form = match sharing {
            Sharing::Alone => boxes.form(world, level).map_err(said)?,
            Sharing::Shared => TreeForm::Checkout,
        };
        let prepared = preparation::prepared(self.project, world, &self.base.tree, (form, level));
        let content = Content::base(&self.project.repository, self.base);
        let over = Over { prepared, ..Over::default() };
        let tree = Trees::new(&world.folders).open(&self.name, &content, form, level, over).map_err(said)?;
        Ok(Box::new(BoxedWorkspace {
            operator: self.operator,
            project: self.project,
            base: self.base,
            at: tree.at(),
            folder: (sharing == Sharing::Shared).then(|| tree.root()),
            tree: Arc::new(tree),
            name: self.name.clone(),
        }))
    }
}

/// One tree for one agent.
struct BoxedWorkspace<'a> {
    operator: &'a Operator,
    project: &'a Project,
    base: &'a BaseRef,
    at: PathBuf,
    folder: Option<PathBuf>,
    /// Held by what runs on it too: it is removed after the last of them.
    tree: Arc<Tree>,
    name: String,
}

/// Commands that were left behind have this long to be gone.
const PATIENCE: Duration = Duration::from_secs(20);

impl BoxedWorkspace<'_> {
    /// Whatever runs on the tree holds it; its end was asked for before.
    async fn wait_until_nothing_runs(&self) -> Result<(), String> {
        let until = tokio::time::Instant::now() + PATIENCE;
        while Arc::strong_count(&self.tree) > 1 {
            if tokio::time::Instant::now() > until {
                return Err("a command of the agent's does not end".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    fn spec(&self, program: Program) -> Result<Spec, String> {
        let mut argv: Vec<String> = ["/bin/sh", "-c", WITH_HOME, "sh"].map(str::to_owned).to_vec();
        argv.extend(program.argv);
        let command = Command {
            argv,
            env: program.env,
            limits: Limits { wall: program.wall, output_kept: STDERR_KEPT, ..Limits::default() },
            network: Network::None,
            marker: self.name.clone(),
        };
        let mut spec = self.project.boxes.spec(&self.operator.world, Level::Strict, &self.tree, command);
        let seed = self.tree.put_home(&program.files).map_err(|error| error.to_string())?;
        spec.readable.push(Bind { source: seed, target: PathBuf::from(SEED) });
        let shown = |path: &Path| spec.readable.iter().any(|bind| path.starts_with(&bind.target));
        let more: Vec<Bind> =
            program.readable.into_iter().filter(|path| !shown(path)).map(Bind::same).collect();
        spec.readable.extend(more);
        Ok(spec)
    }
}

#[async_trait]
impl Workspace for BoxedWorkspace<'_> {
    fn root(&self) -> &Path {
        &self.at
    }

    fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    fn home(&self) -> &Path {
        Path::new(STRICT_HOME)
    }

    fn start(&self, program: Program) -> Result<Process, String> {
        let with_door = program.door;
        let spec = self.spec(program)?;
        let failed = |error: io::Error| format!("a pipe could not be made: {error}");
        let (command_input, input) = io::pipe().map_err(failed)?;
        let (output, command_output) = io::pipe().map_err(failed)?;
        let input = pipe::Sender::from_owned_fd(OwnedFd::from(input)).map_err(failed)?;
        let output = pipe::Receiver::from_owned_fd(OwnedFd::from(output)).map_err(failed)?;
        let (opened, door) = oneshot::channel();
        let door_of_box = Door { port: DOOR, opened: Box::new(move |listener| drop(opened.send(listener))) };
        let talk =
            Talk { input: command_input, output: command_output, door: with_door.then_some(door_of_box) };
        let stop = sandbox::Cancel::new().map_err(failed)?;
        let (launcher, handle) = (self.operator.world.launcher.clone(), stop.clone());
        let (tell, ended) = oneshot::channel();
        let tree = Arc::clone(&self.tree);
        tokio::task::spawn_blocking(move || {
            let report = sandbox::talk(&launcher, &spec, &handle, talk);
            drop(tree);
            let _ = tell.send(report.map_or_else(|error| not_started(&error), end_of));
        });
        Ok(Process { input: Some(input), output, door: with_door.then_some(door), ended, heard: None, stop })
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        shared_files::read(self.folder.as_deref().ok_or(NOT_SHARED)?, path)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), String> {
        shared_files::write(self.folder.as_deref().ok_or(NOT_SHARED)?, path, bytes)
    }

    async fn run(
        &self,
        argv: &[String],
        env: &BTreeMap<String, String>,
        most: Duration,
    ) -> Result<ToolRun, String> {
        if self.folder.is_none() {
            return Err(NOT_SHARED.to_owned());
        }
        let command = Command {
            argv: argv.to_vec(),
            env: env.clone(),
            limits: Limits { wall: most, output_kept: OUTPUT_KEPT, ..Limits::default() },
            network: Network::None,
            marker: self.name.clone(),
        };
        let spec = self.project.boxes.spec(&self.operator.world, Level::Strict, &self.tree, command);
        let stop = sandbox::Cancel::new().map_err(|error| format!("no command can be stopped: {error}"))?;
        let _guard = StopWhenDropped(stop.clone());
        let (launcher, tree) = (self.operator.world.launcher.clone(), Arc::clone(&self.tree));
        let (tell, told) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let report = sandbox::run(&launcher, &spec, &stop);
            drop(tree);
            let _ = tell.send(report);
        });
        let report = told.await.map_err(|_| "the thread of a box ended".to_owned())?;
        let report = report.map_err(|error| error.to_string())?;
        match report.outcome {
            Outcome::SetupFailed { what } | Outcome::ExecFailed { what } => Err(what),
            Outcome::Exited { code } => Ok(tool_run(Some(code), &report.stdout, &report.stderr)),
            _ => Ok(tool_run(None, &report.stdout, &report.stderr)),
        }
    }

    async fn difference(&self) -> Result<Vec<u8>, String> {
        self.wait_until_nothing_runs().await?;
        let content = Content::base(&self.project.repository, self.base);
        let files = self.tree.difference(&content)?;
        Ok(patch::emit(files).bytes().to_vec())
    }
}

fn tool_run(code: Option<i32>, stdout: &sandbox::Captured, stderr: &sandbox::Captured) -> ToolRun {
    ToolRun { code, stdout: stdout.text().into_bytes(), stderr: stderr.text().into_bytes() }
}

fn not_started(error: &sandbox::SandboxError) -> Ended {
    Ended { exit: Exit::NotStarted(error.to_string()), stderr: String::new() }
}

fn end_of(report: Report) -> Ended {
    let killed = |why: &str| Exit::Killed(why.to_owned());
    let exit = match report.outcome {
        Outcome::Exited { code } => Exit::Code(code),
        Outcome::Signalled { signal } => Exit::Killed(format!("signal {signal}")),
        Outcome::TimedOut => Exit::TimedOut,
        Outcome::OutputLimit => killed("it wrote too much to its standard error"),
        Outcome::DiskLimit => killed("it wrote too much to its tree"),
        Outcome::MemoryLimit => killed("it needed too much memory"),
        Outcome::Cancelled => Exit::Stopped,
        Outcome::SetupFailed { what } | Outcome::ExecFailed { what } => Exit::NotStarted(what),
    };
    Ended { exit, stderr: report.stderr.text() }
}
