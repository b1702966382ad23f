//! Asking about a repository from Rust, as a library: `ask FOLDER QUESTION`, run in an environment as the program has it.
//! The question goes the way of every task: routed by the rules, bounded by the budget, recorded.
//!
//!     cargo run --example ask -- . "What does the gate judge?"
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "an example is a program of its own")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::ids::{IntentId, SuggestionId};
use engine::config::Flags;
use engine::world::{Clock, Folders, Ids, NoFaults, Quiet, World};
use engine::{Call, Cancel, Operator, Project};
use providers::Settings;
use store::Store;

/// The engine reads no clock and makes no id by itself: both are handed in.
struct Machine;

impl Clock for Machine {
    fn now_micros(&self) -> i64 {
        jiff::Timestamp::now().as_microsecond()
    }
}

impl Ids for Machine {
    fn intent(&self) -> IntentId {
        uuid::Uuid::now_v7().into()
    }

    fn suggestion(&self) -> SuggestionId {
        uuid::Uuid::now_v7().into()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(question)) = (arguments.next(), arguments.next()) else {
        return Err("usage: ask FOLDER QUESTION".into());
    };
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let home =
        environment.get("CODEX_TASK_HOME").map(PathBuf::from).ok_or("set CODEX_TASK_HOME to a folder")?;
    let world = World {
        clock: Arc::new(Machine),
        ids: Arc::new(Machine),
        faults: Arc::new(NoFaults),
        folders: Folders { state: home.join("state"), cache: home.join("cache") },
        environment,
        person: "example".to_owned(),
        // A question runs nothing in a sandbox. Whoever changes code names the program whose first argument this is.
        launcher: sandbox::Launcher {
            program: "codex-task".into(),
            first_args: vec![cli::SANDBOX_HELPER.into()],
        },
    };
    let user_file = home.join("config.yaml");
    let mut project = Project::open(&world, Path::new(&folder), None, Some(&user_file), &Flags::default())?;
    let settings = Settings::new(Arc::clone(&project.rules), &project.config, world.clock.now_micros());
    project.providers = providers::from_config(&settings, &world.environment);
    std::fs::create_dir_all(&world.folders.state)?;
    let store = Store::open(&world.folders.state).await?;
    let operator = Operator { world, store: Arc::new(store) };
    let (progress, cancel) = (Quiet, Cancel::default());
    let answer = operator.ask(&project, &question, Call { progress: &progress, cancel: &cancel }).await?;
    println!("{answer}");
    Ok(())
}
