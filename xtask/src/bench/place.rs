//! Where a benchmark of the whole program runs: a repository, a registry beside it, and the release build.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use domain::ids::Sha256;
use domain::intent::Intent;
use store::{Filter, Page, Recorded, Store};
use testkit::TestRepo;

/// A repository with a registry of its own; both are removed when it is dropped.
pub(super) struct Place {
    pub(super) repo: TestRepo,
    home: PathBuf,
    binary: PathBuf,
}

/// One intent as it was recorded.
pub(super) struct Story {
    pub(super) intent: Intent,
    pub(super) events: Vec<Recorded>,
}

impl Place {
    pub(super) fn new(repo: TestRepo, binary: PathBuf, config: &str) -> anyhow::Result<Self> {
        let home = repo.side_folder("codex-task-home");
        fs::create_dir(&home)?;
        fs::write(home.join("config.yaml"), config)?;
        Ok(Self { repo, home, binary })
    }

    /// Keeps a patch beside the repository, and gives its place.
    pub(super) fn patch(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let file = self.home.join(format!("{name}.diff"));
        fs::write(&file, text)?;
        Ok(file)
    }

    /// What the program and the tools beside it get to see: this machine's search path and toolchains, and no more.
    #[expect(clippy::disallowed_methods, reason = "where the toolchains lie is the machine's to say")]
    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        let own = std::env::var("HOME").unwrap_or_default();
        let named = |name: &str, usual: &str| {
            std::env::var(name)
                .unwrap_or_else(|_| if usual.is_empty() { String::new() } else { format!("{own}/{usual}") })
        };
        let mut all = BTreeMap::from([
            ("PATH".to_owned(), named("PATH", "")),
            ("CARGO_HOME".to_owned(), named("CARGO_HOME", ".cargo")),
            ("RUSTUP_HOME".to_owned(), named("RUSTUP_HOME", ".rustup")),
        ]);
        for name in ["HOME", "CODEX_TASK_HOME"] {
            all.insert(name.to_owned(), self.home.to_string_lossy().into_owned());
        }
        all
    }

    /// The program in this place.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        #[expect(clippy::disallowed_methods, reason = "a benchmark runs the programs that it measures")]
        let mut command = Command::new(&self.binary);
        command.args(args).current_dir(self.repo.path()).env_clear().envs(self.environment());
        command
    }

    /// Starts the verification of a patch.
    pub(super) fn start(&self, patch: &std::path::Path) -> anyhow::Result<Child> {
        let mut command = self.command(&["verify"]);
        Ok(command.arg(patch).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?)
    }

    /// Verifies a patch, and gives how long the whole process took, in milliseconds.
    pub(super) fn verify(&self, patch: &std::path::Path) -> anyhow::Result<f64> {
        let began = Instant::now();
        let output = self.start(patch)?.wait_with_output()?;
        let took = began.elapsed();
        let errors = String::from_utf8_lossy(&output.stderr);
        // 3: it is verified, and a person is to decide.
        ensure!(matches!(output.status.code(), Some(0 | 3)), "{:?}: {errors}", output.status);
        Ok(took.as_secs_f64() * 1000.0)
    }

    /// The newest intents, the newest first.
    pub(super) fn stories(&self, count: u32) -> anyhow::Result<Vec<Story>> {
        self.with_store(async |store| {
            let mut stories = Vec::new();
            for row in store.list(&Filter::default(), Page::first(count)).await? {
                let intent = store.intent(&row.id).await?.context("a listed intent is not there")?;
                stories.push(Story { intent, events: store.events(&row.id).await? });
            }
            Ok(stories)
        })
    }

    /// Recorded output; empty when there was none.
    pub(super) fn output(&self, hash: Option<&Sha256>) -> anyhow::Result<String> {
        let Some(hash) = hash else { return Ok(String::new()) };
        self.with_store(async |store| {
            let bytes = store.blob(hash).await?.context("an output is not recorded")?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        })
    }

    fn with_store<T>(&self, look: impl AsyncFnOnce(&Store) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let store = Store::open(&self.home.join("state")).await?;
            look(&store).await
        })
    }
}

/// Median, least and most.
pub(super) fn spread(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(0.0);
    let (n, half) = (sorted.len(), sorted.len() / 2);
    let middle = if n % 2 == 1 || n == 0 { at(half) } else { (at(half - 1) + at(half)) / 2.0 };
    [middle, at(0), at(n.saturating_sub(1))]
}
