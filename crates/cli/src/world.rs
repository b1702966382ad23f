//! The outside, as the engine wants it: the system's clock, new ids, our folders, and the fault that tests ask for.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::ids::{IntentId, SuggestionId};
use engine::world::{Clock, Faults, Folders, Ids, NoFaults, World};

use crate::environment::Environment;
use crate::error::Failure;

/// The first argument that makes this program the sandbox's helper.
pub const SANDBOX_HELPER: &str = "__sandbox";

/// Names a folder that holds state, cache and configuration of its own: for tests, demos and separate registries.
pub(crate) const HOME_VARIABLE: &str = "CODEX_TASK_HOME";

/// Makes the process kill itself after an event, for tests: `kill-after:<event>[:<nth>]`.
const FAULT_VARIABLE: &str = "CODEX_TASK_FAULT";

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
    fn now_micros(&self) -> i64 {
        jiff::Timestamp::now().as_microsecond()
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

/// Ends the process the hard way once an event has become durable for the nth time.
struct KillAfter {
    event: String,
    nth: u32,
    seen: AtomicU32,
}

impl Faults for KillAfter {
    fn after(&self, events: &[&'static str]) {
        for _ in events.iter().filter(|name| **name == self.event) {
            if self.seen.fetch_add(1, Ordering::SeqCst) + 1 == self.nth {
                let _ =
                    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            }
        }
    }
}

/// Builds the world from the environment; nothing is made on disk yet.
pub(crate) fn world(environment: &Environment) -> Result<World, Failure> {
    Ok(World {
        clock: Arc::new(SystemClock),
        ids: Arc::new(NewIds),
        faults: faults(environment)?,
        folders: folders(environment)?,
        environment: environment.variables.clone(),
        person: person(environment),
        launcher: sandbox::Launcher {
            program: environment.program.clone(),
            first_args: vec![SANDBOX_HELPER.into()],
        },
    })
}

fn faults(environment: &Environment) -> Result<Arc<dyn Faults>, Failure> {
    let Some(text) = environment.variable(FAULT_VARIABLE) else { return Ok(Arc::new(NoFaults)) };
    let wrong = || Failure::usage(format!("{FAULT_VARIABLE}={text}: write kill-after:<event>[:<nth>]"));
    let mut words = text.strip_prefix("kill-after:").ok_or_else(wrong)?.split(':');
    let event = words.next().filter(|word| !word.is_empty()).ok_or_else(wrong)?.to_owned();
    let nth = words.next().map_or(Ok(1), str::parse).map_err(|_| wrong())?;
    Ok(Arc::new(KillAfter { event, nth, seen: AtomicU32::new(0) }))
}

/// Our folders: below `CODEX_TASK_HOME` when it is set, else where the XDG rules put them.
fn folders(environment: &Environment) -> Result<Folders, Failure> {
    if let Some(home) = environment.variable(HOME_VARIABLE).filter(|home| !Path::new(home).is_absolute()) {
        return Err(Failure::usage(format!("{HOME_VARIABLE}={home} is relative to where you stand")).hint(
            "write the whole path: a folder inside of a repository would be part of its working tree",
        ));
    }
    if let Some(home) = own_home(environment) {
        return Ok(Folders { state: home.join("state"), cache: home.join("cache") });
    }
    let below = |variable: &str, usual: &str| match environment.variable(variable) {
        Some(folder) if Path::new(folder).is_absolute() => Some(PathBuf::from(folder).join("codex-task")),
        _ => environment.variable("HOME").map(|home| Path::new(home).join(usual).join("codex-task")),
    };
    match (below("XDG_STATE_HOME", ".local/state"), below("XDG_CACHE_HOME", ".cache")) {
        (Some(state), Some(cache)) => Ok(Folders { state, cache }),
        _ => Err(Failure::usage(format!(
            "there is no place for the journal: neither HOME nor {HOME_VARIABLE} is set"
        ))
        .hint(format!("set {HOME_VARIABLE} to a folder that is kept"))),
    }
}

/// The user's configuration file, whether or not it is there.
pub(crate) fn user_file(environment: &Environment) -> Option<PathBuf> {
    let file = "config.yaml";
    if let Some(home) = own_home(environment) {
        return Some(home.join(file));
    }
    match environment.variable("XDG_CONFIG_HOME") {
        Some(folder) if Path::new(folder).is_absolute() => {
            Some(Path::new(folder).join("codex-task").join(file))
        }
        _ => environment.variable("HOME").map(|home| Path::new(home).join(".config/codex-task").join(file)),
    }
}

fn own_home(environment: &Environment) -> Option<PathBuf> {
    environment.variable(HOME_VARIABLE).map(|home| environment.folder.join(home))
}

/// The name under which decisions are recorded.
fn person(environment: &Environment) -> String {
    let named = ["USER", "LOGNAME"].into_iter().find_map(|name| environment.variable(name));
    named.map_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()), str::to_owned)
}
