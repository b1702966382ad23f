//! What a box must deny, tried for real: our own program is started as a command in a box, tries each forbidden thing,
//! and tells what came of it. A thing that succeeds is a breach, and so is one that gave no answer.
//!
//! The operator's side is `ground` (what is there to be reached) and [`try_denials`]; the box's side is `table` with
//! `files`, `calls` and `network`. Each attempt is harmless where it succeeds.

mod calls;
mod files;
mod ground;
mod network;
mod table;

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::SandboxError;
use crate::launch::{Cancel, Launcher, Outcome, run};
use crate::spec::Level;
use ground::Ground;

pub(crate) use table::in_the_box;

/// What came of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Answer {
    /// It failed, as it must.
    Denied {
        /// The system's answer.
        how: String,
    },
    /// It succeeded, or got as far as the part of the kernel that it must not reach.
    Breach {
        /// What was reached.
        how: String,
    },
    /// It is something that tests need, and it works.
    Works,
    /// It is something that tests need, and it does not work.
    Broken {
        /// The system's answer.
        how: String,
    },
    /// This level does not promise it on this machine.
    NotPromised {
        /// Why.
        how: String,
    },
}

/// One attempt and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Its name: lower case words with hyphens.
    pub name: String,
    /// What was tried, in words.
    pub what: String,
    /// What came of it.
    #[serde(flatten)]
    pub answer: Answer,
}

impl Tried {
    /// Whether the box is as it must be.
    pub fn holds(&self) -> bool {
        !matches!(self.answer, Answer::Breach { .. } | Answer::Broken { .. })
    }
}

/// The names of all attempts with what they are, in the order in which they are made.
pub fn denials() -> impl Iterator<Item = (&'static str, &'static str)> {
    table::ATTEMPTS.iter().map(|attempt| (attempt.name, attempt.what))
}

/// Makes every attempt in a box of this level, which takes some tens of milliseconds. `place` is an existing folder of
/// ours, in which a folder is made and removed again; `home` is the folder whose entries must not be seen.
///
/// At [`Level::None`] nothing is denied, and the answers show that the attempts would succeed where there is no box.
///
/// # Errors
/// When the box could not be made or the program could not be started in it: then nothing was tried.
pub fn try_denials(
    launcher: &Launcher,
    level: Level,
    place: &Path,
    home: Option<&Path>,
) -> Result<Vec<Tried>, SandboxError> {
    let failed = |source| launcher.failed("prepare what must not be reached", source);
    let ground = Ground::new(place, home).map_err(failed)?;
    let spec = ground.spec(launcher, level)?;
    let cancel = Cancel::new().map_err(failed)?;
    let report = run(launcher, &spec, &cancel)?;
    match &report.outcome {
        Outcome::SetupFailed { what } | Outcome::ExecFailed { what } => {
            return Err(SandboxError::NotTried { why: what.clone() });
        }
        _ => {}
    }
    let told = report.stdout.text();
    let mut tried: Vec<Tried> = told.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for attempt in table::ATTEMPTS.iter().filter(|attempt| attempt.is_promised(level).is_none()) {
        if !tried.iter().any(|tried| tried.name == attempt.name) {
            let how = format!("no answer: the box ended as {:?}", report.outcome);
            tried.push(attempt.with(Answer::Breach { how }));
        }
    }
    if ground.was_reached_by_datagram() {
        let how = "a datagram came through".to_owned();
        tried.iter_mut().filter(|t| t.name == network::DATAGRAM).for_each(|t| {
            t.answer = Answer::Breach { how: how.clone() };
        });
    }
    Ok(tried)
}

/// Time for all attempts together, which take a small part of it.
const PATIENCE: Duration = Duration::from_secs(20);
