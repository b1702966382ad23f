//! Real boxes for the tests: made by this user and, when that is root, also by an ordinary one.
//! What the machine forbids is skipped by name, and fails when CI=true.
#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "test code")]

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sandbox::{Bind, Level, Limits, Machine, Network, Spec, Tree, Tried};

const NOBODY: u32 = 65534;

/// The path of the subject in a strict box; stands for its host path elsewhere.
const SUBJECT: &str = "/opt/subject";

/// Who starts the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Myself,
    Nobody,
}

/// A place on the host with everything a box needs, owned by its operator.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    program: PathBuf,
    pub(crate) operator: Operator,
    marker: String,
}

/// What the operator printed about a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) outcome: String,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) total: u64,
    pub(crate) kept: u64,
    pub(crate) wall: Duration,
    pub(crate) leftovers: u64,
    /// The most memory that the operator took, in KiB.
    pub(crate) own_peak_kib: u64,
}

impl Ran {
    fn read(text: &str) -> Self {
        let value: serde_json::Value =
            serde_json::from_str(text).unwrap_or_else(|_| panic!("no report: {text:?}"));
        let string = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| value[name].as_u64().unwrap_or_default();
        Self {
            outcome: string("outcome"),
            stdout: string("stdout"),
            stderr: string("stderr"),
            total: number("total"),
            kept: number("kept"),
            wall: Duration::from_millis(number("wall_millis")),
            leftovers: number("leftovers"),
            own_peak_kib: number("own_peak_kib"),
        }
    }

    /// The rest of the line that starts with `name: `.
    pub(crate) fn told(&self, name: &str) -> &str {
        let prefix = format!("{name}: ");
        let line = self.stdout.lines().find_map(|line| line.strip_prefix(&prefix));
        line.unwrap_or_else(|| panic!("nothing about {name} in {self:?}"))
    }

    pub(crate) fn succeeded(&self) -> &Self {
        assert_eq!(self.outcome, "Exited { code: 0 }", "{self:?}");
        self
    }
}

#[expect(clippy::disallowed_methods, reason = "tests start operators of their own")]
fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs a test for every operator that can make a box of this level here.
pub(crate) fn with_each_operator(name: &str, level: Level, test: impl Fn(&Place)) {
    let operators: &[Operator] =
        if is_root() { &[Operator::Myself, Operator::Nobody] } else { &[Operator::Myself] };
    for operator in operators {
        let place = Place::new(*operator);
        let machine = place.machine();
        if machine.strongest >= level && (level != Level::Weak || machine.why_not_weak.is_none()) {
            test(&place);
        } else {
            let why = if level == Level::Strict { machine.why_not_strict } else { machine.why_not_weak };
            skip(name, &format!("sandbox level {level} as {operator:?} ({})", why.unwrap_or_default()));
        }
    }
}

/// Whether this is root; says so when a test makes no sense for anybody else.
pub(crate) fn is_root_or_says_so(name: &str) -> bool {
    if !is_root() {
        println!("SKIPPED {name}: needs root");
    }
    is_root()
}

/// Says that a test was not run; an error where everything must run.
#[expect(
    clippy::disallowed_methods,
    reason = "CI=true is how the test script says that nothing may be skipped"
)]
pub(crate) fn skip(name: &str, needs: &str) {
    println!("SKIPPED {name}: needs {needs}");
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{name} was skipped: needs {needs}");
}

impl Place {
    pub(crate) fn new(operator: Operator) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("helper");
        // By a program of its own: a copy made here would be open for writing in whatever another test forks.
        let source = env!("CARGO_BIN_EXE_codex-task-sandbox-helper");
        assert!(command("cp").arg(source).arg(&program).status().unwrap().success());
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let unique = folder
            .path()
            .file_name()
            .unwrap()
            .to_string_lossy()
            .replace(|c: char| !c.is_ascii_alphanumeric(), "");
        let place = Self { folder, program, operator, marker: format!("test-{unique}") };
        place.give(place.folder.path());
        for name in ["tree", "scratch", "lower", "upper", "work"] {
            place.make_folder(name);
        }
        place
    }

    fn give(&self, path: &Path) {
        if self.operator == Operator::Nobody {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn marker(&self) -> &str {
        &self.marker
    }

    pub(crate) fn make_folder(&self, name: &str) -> PathBuf {
        std::fs::create_dir_all(self.path(name)).unwrap();
        self.give(&self.path(name));
        self.path(name)
    }

    pub(crate) fn make_file(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.give(&self.path(name));
        self.path(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// A box around a folder tree at this level.
    pub(crate) fn spec(&self, level: Level, argv: &[&str]) -> Spec {
        let path = self.path("tree");
        let strict = level == Level::Strict;
        let at = if strict { PathBuf::from("/tree") } else { path.clone() };
        let subject = if strict { PathBuf::from(SUBJECT) } else { self.program.clone() };
        let word =
            |word: &&str| if *word == SUBJECT { subject.display().to_string() } else { word.to_string() };
        Spec {
            level,
            argv: argv.iter().map(word).collect(),
            cwd: at.clone(),
            env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
            tree: Tree::Folder { path, at },
            git_dir: None,
            readable: vec![Bind { source: self.program.clone(), target: subject.clone() }],
            in_home: Vec::new(),
            scratch: Some(self.path("scratch")),
            marker: self.marker.clone(),
            network: Network::None,
            limits: Limits { wall: Duration::from_secs(20), ..Limits::default() },
            cgroup: None,
        }
    }

    /// A strict box around an overlay.
    pub(crate) fn overlay_spec(&self, argv: &[&str]) -> Spec {
        let [lower, upper, work] = ["lower", "upper", "work"].map(|name| self.path(name));
        let tree = Tree::Overlay { lower, layers: Vec::new(), upper, work, at: "/tree".into() };
        Spec { tree, ..self.spec(Level::Strict, argv) }
    }

    /// The arguments that make the subject try something in the box.
    pub(crate) fn attempt<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        [SUBJECT, "try"].iter().chain(words).copied().collect()
    }

    pub(crate) fn shell(&self, level: Level, script: &str) -> Ran {
        self.run(&self.spec(level, &["sh", "-c", script]))
    }

    pub(crate) fn try_in_box(&self, level: Level, words: &[&str]) -> Ran {
        self.run(&self.spec(level, &self.attempt(words)))
    }

    pub(crate) fn run(&self, spec: &Spec) -> Ran {
        finish(self.start(spec))
    }

    /// Runs a box that is talked with.
    pub(crate) fn talk(&self, spec: &Spec) -> Ran {
        finish(self.start_program(&["talk", self.written(spec).to_str().unwrap()]))
    }

    /// Starts an operator and does not wait for it.
    pub(crate) fn start(&self, spec: &Spec) -> Child {
        self.start_program(&["operate", self.written(spec).to_str().unwrap()])
    }

    /// The request as a file of its own: it may be longer than an argument may be.
    fn written(&self, spec: &Spec) -> PathBuf {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.make_file(&format!("spec-{number}"), &serde_json::to_string(spec).unwrap())
    }

    fn start_program(&self, arguments: &[&str]) -> Child {
        let mut command = command(&self.program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir("/");
        if self.operator == Operator::Nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.spawn().unwrap()
    }

    /// Starts an operator from a shell script that names it `"$@"`.
    pub(crate) fn run_through_shell(&self, script: &str, spec: &Spec) -> Ran {
        finish(self.shell_with(script, &["operate", self.written(spec).to_str().unwrap()]))
    }

    fn shell_with(&self, script: &str, arguments: &[&str]) -> Child {
        let mut shell = command("/bin/sh");
        shell.args(["-c", script, "sh"]).arg(&self.program).args(arguments).current_dir("/");
        shell.stdin(Stdio::piped()).stdout(Stdio::piped());
        if self.operator == Operator::Nobody {
            shell.uid(NOBODY).gid(NOBODY);
        }
        shell.spawn().unwrap()
    }

    pub(crate) fn machine(&self) -> Machine {
        self.machine_through_shell("exec \"$@\"")
    }

    /// What the machine allows to an operator that a shell script starts as `"$@"`.
    pub(crate) fn machine_through_shell(&self, script: &str) -> Machine {
        let trees = self.make_folder("trees");
        let output = self.shell_with(script, &["probe", trees.to_str().unwrap()]).wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let machine = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no machine: {text:?}"));
        assert_eq!(std::fs::read_dir(trees).unwrap().count(), 0, "the probe left something behind");
        machine
    }

    /// Everything that a box of this level must deny, tried by this operator.
    pub(crate) fn try_denials(&self, level: Level) -> Vec<Tried> {
        let home = self.make_folder("home");
        self.make_file("home/.netrc", "secret");
        self.try_denials_of(level, &home)
    }

    /// The same for an operator with this home folder.
    pub(crate) fn try_denials_of(&self, level: Level, home: &Path) -> Vec<Tried> {
        let trees = self.make_folder("trees");
        let arguments = ["denials", level.as_str(), trees.to_str().unwrap(), home.to_str().unwrap()];
        let output = self.start_program(&arguments).wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let tried = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no denials: {text:?}"));
        assert_eq!(std::fs::read_dir(trees).unwrap().count(), 0, "the attempts left something behind");
        tried
    }

    /// Processes of this place's boxes that are alive, with their command lines.
    pub(crate) fn survivors(&self) -> Vec<String> {
        let wanted = format!("{}={}", sandbox::MARKER_NAME, self.marker);
        let mut found = Vec::new();
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(environ) = std::fs::read(process.path().join("environ")) else { continue };
            if environ.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes()) {
                let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
                found.push(String::from_utf8_lossy(&line).replace('\0', " "));
            }
        }
        found
    }

    /// Waits until no process of this place's boxes is left.
    pub(crate) fn assert_empty(&self) {
        wait_until("every process of the box is gone", || self.survivors().is_empty());
    }
}

/// Waits for an operator's report.
pub(crate) fn finish(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    Ran::read(&String::from_utf8_lossy(&output.stdout))
}

/// Ends the run of a started operator in good order.
pub(crate) fn cancel(child: &mut Child) {
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
}

/// Looks again and again, for ten seconds at most.
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "waited in vain until {what}");
        std::thread::yield_now();
    }
}

impl Place {
    pub(crate) fn is_operated_by_root(&self) -> bool {
        self.operator == Operator::Myself && is_root()
    }

    /// Removes a folder with the crate's own function, as the operator.
    pub(crate) fn remove_as_operator(&self, name: &str) {
        let status =
            self.start_program(&["remove", self.path(name).to_str().unwrap()]).wait_with_output().unwrap();
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
    }

    /// Kills the helper that an operator has started.
    pub(crate) fn kill_helper(&self, operator: &Child) {
        let helper = std::fs::read_dir("/proc").unwrap().flatten().find(|process| {
            let is_helper =
                std::fs::read(process.path().join("cmdline")).is_ok_and(|line| line.ends_with(b"\0helper\0"));
            let stat = std::fs::read_to_string(process.path().join("stat")).unwrap_or_default();
            let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1));
            is_helper && parent == Some(&operator.id().to_string())
        });
        let number = helper.unwrap().file_name().to_str().unwrap().parse().unwrap();
        let pid = rustix::process::Pid::from_raw(number).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }

    /// Lets an operator that was frozen go on.
    pub(crate) fn thaw(&self, operator: &Child) {
        let pid = rustix::process::Pid::from_child(operator);
        rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    }

    /// Keeps an operator from seeing anything until it is killed or may go on.
    pub(crate) fn freeze(&self, operator: &Child) {
        let pid = rustix::process::Pid::from_child(operator);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    }

    /// A process of the operator's that is in no box.
    pub(crate) fn sleeper(&self) -> Child {
        let mut sleeper = command("sleep");
        sleeper.arg("600");
        if self.operator == Operator::Nobody {
            sleeper.uid(NOBODY).gid(NOBODY);
        }
        sleeper.spawn().unwrap()
    }
}
