//! What the engine lends to a provider that edits: a throw-away tree of the base, and a way to start programs on it inside
//! the sandbox. What the program says it did counts for nothing; the tree's difference does.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;

use crate::provider::ToolRun;

/// The port of a box's own loopback at which its operator answers.
pub const DOOR: u16 = 4017;

/// How many programs work in a tree at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// One: the tree costs what is changed in it.
    Alone,
    /// Several, and the operator reads and writes files there too: a checkout of its own.
    Shared,
}

/// Lends trees of the base.
#[async_trait]
pub trait Workspaces: Send + Sync {
    /// A fresh tree; it is removed when the value is dropped and nothing runs on it any more.
    ///
    /// # Errors
    /// One sentence. Without a strict sandbox there is none: an agent's commands are wherever the agent is.
    async fn open(&self, sharing: Sharing) -> Result<Box<dyn Workspace + '_>, String>;
}

/// Where nothing is to be done but looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoWorkspaces;

#[async_trait]
impl Workspaces for NoWorkspaces {
    async fn open(&self, _sharing: Sharing) -> Result<Box<dyn Workspace + '_>, String> {
        Err("nothing is run here".to_owned())
    }
}

/// A writable tree of the base with a git directory of its own, which nothing that is kept ever reads.
#[async_trait]
pub trait Workspace: Send + Sync {
    /// Where the tree stands inside of the box.
    fn root(&self) -> &Path;

    /// The tree's folder on this machine, where it is shared. What stands in it was written by others: links are not to be
    /// followed.
    fn folder(&self) -> Option<&Path>;

    /// The home folder inside of the box: new and empty for each program, but for its [`Program::files`].
    fn home(&self) -> &Path;

    /// Starts a program on the tree.
    ///
    /// # Errors
    /// One sentence, when it could not be tried. What happens to the program is told by its end.
    fn start(&self, program: Program) -> Result<Process, String>;

    /// Reads a file of the shared tree, by its path below the root. No link is followed.
    ///
    /// # Errors
    /// One sentence, when it is not there, is no ordinary file, lies outside or is too large.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;

    /// Writes a file of the shared tree; the folders above it are made. No link is followed, and nothing below `.git` is
    /// written.
    ///
    /// # Errors
    /// One sentence.
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), String>;

    /// Runs a command on the shared tree, without any network, beside whatever runs there. Dropping the future ends it.
    ///
    /// # Errors
    /// One sentence, when it could not be started.
    async fn run(
        &self,
        argv: &[String],
        env: &BTreeMap<String, String>,
        most: Duration,
    ) -> Result<ToolRun, String>;

    /// The tree's difference to the base, as a canonical diff: whatever was added, changed or removed, committed or not.
    /// Files that the repository ignores, and caches, are left out. To be asked when nothing runs there any more.
    ///
    /// # Errors
    /// One sentence, when the tree holds what no patch can say.
    async fn difference(&self) -> Result<Vec<u8>, String>;
}

/// A program to be started in a box.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// The program and its arguments. They hold no secret.
    pub argv: Vec<String>,
    /// Variables on top of those that every command gets.
    pub env: BTreeMap<String, String>,
    /// Files in its home folder, by their path there; the program may change them.
    pub files: BTreeMap<PathBuf, String>,
    /// Folders of this machine that it may read, beside the toolchains.
    pub readable: Vec<PathBuf>,
    /// Whether it finds the operator at [`DOOR`]; there is no other network.
    pub door: bool,
    /// The most time.
    pub wall: Duration,
}

/// A program that runs. Dropping it ends the program with everything that it started.
#[derive(Debug)]
pub struct Process {
    /// Its standard input; dropping it closes it.
    pub input: Option<pipe::Sender>,
    /// Its standard output.
    pub output: pipe::Receiver,
    /// What knocks at the door; nothing comes when the box could not be made.
    pub door: Option<oneshot::Receiver<TcpListener>>,
    pub(crate) ended: oneshot::Receiver<Ended>,
    /// Its end, once it was heard.
    pub(crate) heard: Option<Ended>,
    pub(crate) stop: sandbox::Cancel,
}

impl Process {
    /// Asks the program and everything that it started to end, and makes it end shortly afterwards.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until nothing of it is left. May be asked again.
    pub async fn ended(&mut self) -> Ended {
        if let Some(heard) = &self.heard {
            return heard.clone();
        }
        let lost =
            || Ended { exit: Exit::NotStarted("nobody told its end".to_owned()), stderr: String::new() };
        let ended = (&mut self.ended).await.unwrap_or_else(|_| lost());
        self.heard.insert(ended).clone()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// In which way.
    pub exit: Exit,
    /// What it wrote to its standard error, bounded: the beginning and the end.
    pub stderr: String,
}

/// In which way a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// It was killed: by a signal of its own doing, or by one of its bounds, in words.
    Killed(String),
    /// Its time was up.
    TimedOut,
    /// It was told to end.
    Stopped,
    /// It never ran, for this reason.
    NotStarted(String),
}
