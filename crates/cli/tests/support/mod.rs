//! One test's own place: a repository, a home of ours beside it, and the program run in it with an environment built
//! from nothing. It asserts what must hold at the end of every story: nothing of the user's changed, nothing is left.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may stop at the first surprise")]
#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod collector;
pub(crate) mod packages;
pub(crate) mod patches;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use domain::event::Event;
use domain::ids::IntentId;
use domain::intent::Intent;
use git::{RepoDigest, difference, digest};
use serde_json::Value;
use store::{Filter, Page, Store};
use testkit::{Ended, FaultRun, Killed, Snapshot, TestRepo, Watch};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_codex-task");

/// How long something that is being killed may take to be gone.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A repository with a registry of its own. Everything is removed when it is dropped.
pub(crate) struct Place {
    /// The user's repository.
    pub(crate) repo: TestRepo,
    /// The folder that `CODEX_TASK_HOME` names.
    pub(crate) home: PathBuf,
    /// More variables for the program, such as the address of a model.
    pub(crate) variables: Vec<(String, String)>,
}

/// What a run of the program gave.
pub(crate) struct Done {
    /// The exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Place {
    /// In this repository, with `policy` as the user's own configuration.
    pub(crate) fn new(repo: TestRepo, policy: &str) -> Self {
        let home = repo.side_folder("codex-task-home");
        std::fs::create_dir(&home).unwrap();
        std::fs::write(home.join("config.yaml"), policy).unwrap();
        Self { repo, home, variables: Vec::new() }
    }

    /// Where the model is, for the program: its address and a name.
    pub(crate) fn ask_model_at(&mut self, url: &str) {
        self.set("CODEX_TASK_PROVIDERS__LOCAL__URL", url);
        self.set("CODEX_TASK_PROVIDERS__LOCAL__MODEL", "scripted");
    }

    /// One more variable for the program.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Everything that the program gets to see of its environment.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let mut all: Vec<_> = self.repo.environment().into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        all.push(("CODEX_TASK_HOME".to_owned(), self.home.to_string_lossy().into_owned()));
        all.push(("USER".to_owned(), "tester".to_owned()));
        all.extend(toolchains());
        all.extend(self.variables.iter().cloned());
        all
    }

    /// The program with these arguments, in the repository.
    pub(crate) fn program(&self, args: &[&str]) -> FaultRun {
        self.program_in(self.repo.path(), args)
    }

    /// The same, started in another folder.
    pub(crate) fn program_in(&self, folder: &Path, args: &[&str]) -> FaultRun {
        FaultRun::new(Path::new(PROGRAM), folder).args(args).variables(self.environment())
    }

    /// Runs the program to its end.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Done {
        Done::of(self.program(args).without_fault())
    }

    /// Runs the program and asserts its exit code.
    #[track_caller]
    pub(crate) fn ends_with(&self, code: i32, args: &[&str]) -> Done {
        let done = self.run(args);
        assert_eq!(done.code, code, "{args:?}\nstdout: {}\nstderr: {}", done.stdout, done.stderr);
        done
    }

    /// Runs the program where no further user namespace can be made: as in a container, or with them switched off.
    #[track_caller]
    pub(crate) fn without_user_namespaces(&self, args: &[&str]) -> Done {
        let off = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
        let words = ["--user", "--map-root-user", "sh", "-c", off, "sh", PROGRAM];
        let run = FaultRun::new(Path::new("/usr/bin/unshare"), self.repo.path()).args(&words).args(args);
        Done::of(run.variables(self.environment()).without_fault())
    }

    /// A line of the shell, in which `"$0"` is the program.
    #[track_caller]
    pub(crate) fn shell(&self, line: &str) -> Done {
        let run = FaultRun::new(Path::new("/bin/sh"), self.repo.path()).args(&["-c", line, PROGRAM]);
        Done::of(run.variables(self.environment()).without_fault())
    }

    /// The document that the program prints for `--json`.
    #[track_caller]
    pub(crate) fn json(&self, code: i32, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        self.ends_with(code, &args).json()
    }

    /// Our folder for what must not be lost.
    pub(crate) fn state(&self) -> PathBuf {
        self.home.join("state")
    }

    /// Our folder for what can be made again.
    pub(crate) fn cache(&self) -> PathBuf {
        self.home.join("cache")
    }

    /// Looks into the registry, and lets go of it again.
    pub(crate) fn with_store<T, F: Future<Output = T>>(
        &self,
        look: impl FnOnce(std::sync::Arc<Store>) -> F,
    ) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let state = self.state();
        runtime.block_on(async {
            let store = std::sync::Arc::new(Store::open(&state).await.unwrap());
            look(store).await
        })
    }

    /// All intents that are not compacted, the newest first.
    pub(crate) fn intents(&self) -> Vec<Intent> {
        self.with_store(|store| async move {
            let mut found = Vec::new();
            for row in store.list(&Filter::default(), Page::first(100)).await.unwrap() {
                match store.intent(&row.id).await {
                    Err(store::StoreError::Compacted { .. }) => {}
                    intent => found.push(intent.unwrap().unwrap()),
                }
            }
            found
        })
    }

    /// The only intent.
    #[track_caller]
    pub(crate) fn intent(&self) -> Intent {
        let mut all = self.intents();
        assert_eq!(all.len(), 1, "one intent was expected");
        all.remove(0)
    }

    /// The events of an intent.
    pub(crate) fn events(&self, id: &IntentId) -> Vec<Event> {
        self.with_store(|store| async move {
            store.events(id).await.unwrap().into_iter().map(|r| r.event).collect()
        })
    }

    /// The names of an intent's events.
    pub(crate) fn event_names(&self, id: &IntentId) -> Vec<&'static str> {
        self.events(id).iter().map(Event::name).collect()
    }

    /// The fingerprint of what is the user's.
    pub(crate) fn digest(&self) -> RepoDigest {
        digest(self.repo.path()).unwrap()
    }

    /// Asserts that nothing of the user's differs from this fingerprint.
    #[track_caller]
    pub(crate) fn assert_untouched(&self, before: &RepoDigest) {
        let lines = difference(before, &self.digest());
        assert!(lines.is_empty(), "the user's repository changed:\n  {}", lines.join("\n  "));
    }

    /// What to look at for leftovers: our processes, mounts, trees and locks.
    pub(crate) fn watch(&self) -> Watch {
        self.watch_processes().files(self.cache().join("trees")).files(self.state().join("running"))
    }

    /// Only the processes and mounts: those that know the folder of this test, and those in a box of one of our intents,
    /// which see no path of the machine and bear the intent's id.
    pub(crate) fn watch_processes(&self) -> Watch {
        let folder = self.repo.path().parent().unwrap().to_string_lossy().into_owned();
        let watch = Watch::new().processes(&folder).mounts(&folder);
        self.intents().iter().fold(watch, |watch, intent| watch.processes(intent.id.as_str()))
    }

    /// Starts the program and does not wait. Its output goes nowhere.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.start_with(args, &[])
    }

    /// The same with more variables.
    pub(crate) fn start_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Child {
        #[expect(clippy::disallowed_methods, reason = "starts the program under test")]
        let mut command = Command::new(PROGRAM);
        command.args(args).current_dir(self.repo.path()).env_clear().envs(self.environment());
        command.envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Asserts that no process, mount, tree, lock or reservation is left, and that the journal is sound.
    #[track_caller]
    pub(crate) fn assert_nothing_left(&self) {
        self.watch().wait_until_nothing_left(&Snapshot::default(), SOON);
        let bases: Vec<_> = walk(&self.cache().join("bases"), 2)
            .into_iter()
            .filter(|name| name.contains("making-") || name.ends_with(".removing"))
            .collect();
        assert_eq!(bases, Vec::<String>::new(), "half-made base checkouts");
        self.with_store(|store| async move {
            assert_eq!(store.open_reservations().await.unwrap(), []);
            let report = store.verify(&[]).await.unwrap();
            assert!(report.is_clean(), "{:?}", report.problems);
        });
    }

    /// The refs that are ours, with what they name.
    pub(crate) fn own_refs(&self) -> Vec<(String, String)> {
        let listed = self.repo.git(&[
            "for-each-ref",
            "--format=%(refname) %(objectname)",
            "refs/codex-task",
            "refs/heads/feature",
        ]);
        listed.lines().filter_map(|l| l.split_once(' ')).map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
    }

    /// Asserts that our refs are exactly those that the intents name: a candidate for each attempt that has one, and a
    /// branch for each publication that stands.
    #[track_caller]
    pub(crate) fn assert_refs_told(&self) {
        let mut expected = Vec::new();
        for intent in self.intents() {
            for candidate in intent.attempts.iter().filter_map(|a| a.candidate.as_ref()) {
                expected.push((candidate.reference.clone(), candidate.commit.to_string()));
            }
            if let (Some(publication), true) =
                (&intent.publication, intent.phase == domain::intent::Phase::Published)
            {
                expected.push((publication.reference.clone(), publication.commit.to_string()));
            }
        }
        expected.sort();
        assert_eq!(self.own_refs(), expected);
    }
}

impl Done {
    #[track_caller]
    pub(crate) fn of(ended: Ended) -> Self {
        let Killed::No(code) = ended.killed else {
            panic!("{:?}\nstdout: {}\nstderr: {}", ended.killed, ended.stdout, ended.stderr)
        };
        Self { code, stdout: ended.stdout, stderr: ended.stderr }
    }

    /// Standard output as the one document of the contract.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let document: Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("{e}\nstdout: {}\nstderr: {}", self.stdout, self.stderr));
        assert_eq!(document["codex_task"], 1, "{document}");
        document
    }
}

/// Where this machine keeps compilers and interpreters: a test's home is empty.
#[expect(clippy::disallowed_methods, reason = "where the toolchains lie is the machine's to say")]
fn toolchains() -> Vec<(String, String)> {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let places = [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup"), ("PYENV_ROOT", ".pyenv")];
    let find = |(name, usual): (&str, &str)| {
        let folder = std::env::var_os(name).map_or_else(|| home.join(usual), PathBuf::from);
        folder.is_dir().then(|| (name.to_owned(), folder.to_string_lossy().into_owned()))
    };
    places.into_iter().filter_map(find).collect()
}

/// Looks until `found` gives something; ends the test when that takes too long.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come within {SOON:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The names of everything down to this depth.
fn walk(folder: &Path, depth: usize) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        names.push(entry.file_name().to_string_lossy().into_owned());
        if depth > 1 {
            names.extend(walk(&entry.path(), depth - 1));
        }
    }
    names
}
