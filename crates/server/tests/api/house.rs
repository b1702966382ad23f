//! A server with a repository and a registry of its own. Nobody proposes but those who hand patches in, and no check is
//! configured: what these tests are about ends before a sandbox is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::agent::{AgentName, Right};
use domain::ids::{IntentId, SuggestionId};
use engine::config::Flags;
use engine::world::{Clock, Folders, Ids, NoFaults, World};
use engine::{Cancel, Operator, Project};
use secrecy::ExposeSecret;
use server::{Limits, Options, Server, ServerError};
use store::{Agent, Micros, Store};
use testkit::TestRepo;

use crate::client::Client;

pub(crate) const APP: &str = "def empty(x):\n    return x == None\n";

pub(crate) const PATCH: &str = "--- a/app.py\n+++ b/app.py\n@@ -1,2 +1,2 @@\n def empty(x):\n-    return x == None\n+    return x is None\n";

/// A patch that fits nowhere: its change comes to rest without a sandbox.
pub(crate) const ASTRAY: &str = "--- a/app.py\n+++ b/app.py\n@@ -1,2 +1,2 @@\n def other(y):\n-    return y == None\n+    return y is None\n";

/// A clock that only the test moves, from the beginning of 2026.
pub(crate) struct Hands(AtomicI64);

impl Clock for Hands {
    fn now_micros(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

struct NewIds;

impl Ids for NewIds {
    fn intent(&self) -> IntentId {
        uuid::Uuid::now_v7().into()
    }

    fn suggestion(&self) -> SuggestionId {
        uuid::Uuid::now_v7().into()
    }
}

/// A running server; it is told to stop when this is dropped.
pub(crate) struct House {
    pub(crate) repo: TestRepo,
    pub(crate) client: Client,
    clock: Arc<Hands>,
    runtime: tokio::runtime::Runtime,
    /// Whether a person must approve that patches are handed in.
    on_approval: bool,
    state: PathBuf,
    stop: Cancel,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(Limits { agent_per_minute: 0, strangers_per_minute: 0, ..Limits::default() })
    }

    pub(crate) fn with(limits: Limits) -> Self {
        Self::built(limits, None, false)
    }

    /// One in which a person must approve that a patch is handed in, as if that cost money.
    pub(crate) fn on_approval() -> Self {
        Self::built(Limits { agent_per_minute: 0, strangers_per_minute: 0, ..Limits::default() }, None, true)
    }

    pub(crate) fn built(limits: Limits, tls: Option<(PathBuf, PathBuf)>, on_approval: bool) -> Self {
        let repo = TestRepo::with(&[("app.py", APP)]);
        let home = repo.side_folder("codex-task-home");
        let clock = Arc::new(Hands(AtomicI64::new(1_767_225_600_000_000)));
        let mut house = Self {
            repo,
            client: Client::nowhere(),
            clock,
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap(),
            on_approval,
            state: home.join("state"),
            stop: Cancel::default(),
        };
        house.client = house.another(limits, tls);
        house
    }

    /// One more server over the same registry, as another process would be.
    pub(crate) fn another(&self, limits: Limits, tls: Option<(PathBuf, PathBuf)>) -> Client {
        let options = Options {
            address: ([127, 0, 0, 1], 0).into(),
            tls,
            behind_proxy: false,
            jobs: 1,
            grace: Duration::from_secs(5),
            limits,
            retention: None,
        };
        self.start(options)
    }

    /// A server that serves.
    pub(crate) fn start(&self, options: Options) -> Client {
        let server = self.bind(options).unwrap();
        let address = server.address().unwrap();
        self.runtime.spawn(server.run());
        Client::at(address)
    }

    /// So many days pass.
    pub(crate) fn pass_days(&self, days: i64) {
        self.clock.0.fetch_add(days * 24 * 3600 * 1_000_000, Ordering::SeqCst);
    }

    /// A server that is not serving yet.
    pub(crate) fn bind(&self, options: Options) -> Result<Server, ServerError> {
        let world = self.world();
        let (opened, folder) = (world.clone(), self.repo.path().to_owned());
        let on_approval = self.on_approval;
        let open: server::OpenProject = Arc::new(move |base| {
            let mut project = Project::open(&opened, &folder, base, None, &Flags::default())?;
            project.providers = vec![Box::new(providers::External)];
            if on_approval {
                project.config.routing.needs_approval = vec!["external".to_owned()];
            }
            Ok(project)
        });
        let stop = self.stop.clone();
        self.runtime.block_on(async {
            let store = Arc::new(Store::open(&self.state).await.unwrap());
            Server::bind(Operator { world, store }, open, options, stop).await
        })
    }

    fn world(&self) -> World {
        let home = self.state.parent().unwrap();
        World {
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            ids: Arc::new(NewIds),
            faults: Arc::new(NoFaults),
            folders: Folders { state: self.state.clone(), cache: home.join("cache") },
            environment: BTreeMap::new(),
            person: "tester".to_owned(),
            launcher: sandbox::Launcher { program: "/nonexistent".into(), first_args: Vec::new() },
        }
    }

    /// Asks the registry.
    pub(crate) fn store<T>(&self, ask: impl AsyncFnOnce(Store) -> T) -> T {
        self.runtime.block_on(async { ask(Store::open(&self.state).await.unwrap()).await })
    }

    /// A new agent with these rights; its key.
    pub(crate) fn agent(&self, name: &str, rights: &[Right]) -> String {
        self.agent_with(name, rights, None)
    }

    pub(crate) fn agent_with(&self, name: &str, rights: &[Right], per_minute: Option<u32>) -> String {
        let key = server::mint(None).unwrap();
        let agent = Agent {
            name: name.parse::<AgentName>().unwrap(),
            rights: rights.iter().copied().collect::<BTreeSet<_>>(),
            certified: true,
            monthly: None,
            per_minute,
            created: Micros(0),
            revoked: None,
            keys: Vec::new(),
        };
        assert!(self.store(async |store| store.add_agent(&agent, &key.kept).await.unwrap()));
        key.text.expose_secret().to_owned()
    }

    pub(crate) fn proposer(&self) -> String {
        self.agent("bot", &[Right::Propose])
    }

    /// Moves the clock on.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// Waits until a change is at rest.
    pub(crate) fn rested(&self, id: &str, key: &str) -> serde_json::Value {
        crate::client::eventually(|| {
            let view = self.client.get(&format!("/intents/{id}"), key).ok().json();
            (view["at_rest"] == true).then_some(view)
        })
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.set();
    }
}
