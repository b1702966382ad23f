//! Commands that an agent has run by its editor, which is us: each in a box of its own on the shared tree, without any
//! network. What a command prints is told when it has ended.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::agent::Workspace;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use super::wire::{INVALID_PARAMS, RpcError};

/// The most terminals of one run.
const MOST: usize = 256;

/// The most time of one command, as for a check.
const WALL: Duration = Duration::from_secs(300);

/// The most bytes of an output that are told.
const MOST_OUTPUT: usize = 1 << 20;

/// All terminals of one agent.
#[derive(Default)]
pub(super) struct Terminals {
    all: Mutex<HashMap<String, Arc<Terminal>>>,
}

/// One command.
pub(super) struct Terminal {
    argv: Vec<String>,
    env: BTreeMap<String, String>,
    most_output: usize,
    kill: Notify,
    end: watch::Sender<Option<End>>,
}

/// How a command ended.
#[derive(Debug, Clone)]
struct End {
    code: Option<i32>,
    signal: Option<&'static str>,
    output: String,
}

impl Terminals {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Terminal>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A terminal for this command, which has not been started.
    pub(super) fn open(
        &self,
        params: &Value,
        argv: Vec<String>,
    ) -> Result<(String, Arc<Terminal>), RpcError> {
        let given = params["env"].as_array().into_iter().flatten();
        let pair = |one: &Value| Some((one["name"].as_str()?.to_owned(), one["value"].as_str()?.to_owned()));
        let most_output = params["outputByteLimit"].as_u64().and_then(|most| usize::try_from(most).ok());
        let terminal = Arc::new(Terminal {
            argv,
            env: given.filter_map(pair).collect(),
            most_output: most_output.unwrap_or(MOST_OUTPUT).min(MOST_OUTPUT),
            kill: Notify::new(),
            end: watch::Sender::new(None),
        });
        let mut all = self.all();
        if all.len() >= MOST {
            return Err(RpcError::new(INVALID_PARAMS, "too many terminals"));
        }
        let id = format!("terminal-{}", all.len() + 1);
        all.insert(id.clone(), Arc::clone(&terminal));
        Ok((id, terminal))
    }

    /// The terminal that a request names. A released one is still told of: its end is known.
    pub(super) fn get(&self, params: &Value) -> Result<Arc<Terminal>, RpcError> {
        let id = super::text(params, "terminalId")?;
        self.all()
            .get(id)
            .cloned()
            .ok_or_else(|| RpcError::new(INVALID_PARAMS, format!("no terminal {id:?}")))
    }
}

impl Terminal {
    /// Runs the command to its end, or until it is killed.
    pub(super) async fn run(&self, workspace: &dyn Workspace) {
        let end = tokio::select! {
            ran = workspace.run(&self.argv, &self.env, WALL) => match ran {
                Ok(ran) => {
                    let text = [ran.stdout, ran.stderr].concat();
                    let signal = ran.code.is_none().then_some("SIGKILL");
                    End { code: ran.code, signal, output: String::from_utf8_lossy(&text).into_owned() }
                }
                Err(why) => End { code: Some(127), signal: None, output: why },
            },
            () = self.kill.notified() => End { code: None, signal: Some("SIGTERM"), output: String::new() },
        };
        self.end.send_replace(Some(end));
    }

    pub(super) fn kill(&self) {
        self.kill.notify_one();
    }

    /// What it printed, as far as it has ended.
    pub(super) fn output(&self) -> Value {
        let end = self.end.borrow().clone();
        let Some(end) = end else { return json!({"output": "", "truncated": false}) };
        let mut from = end.output.len().saturating_sub(self.most_output);
        while !end.output.is_char_boundary(from) {
            from += 1;
        }
        json!({"output": &end.output[from..], "truncated": from > 0, "exitStatus": status(&end)})
    }

    /// Waits for its end.
    pub(super) async fn ended(&self) -> Value {
        let mut end = self.end.subscribe();
        match end.wait_for(Option::is_some).await {
            Ok(end) => end.as_ref().map_or_else(|| json!({}), status),
            Err(_) => json!({}),
        }
    }
}

fn status(end: &End) -> Value {
    json!({"exitCode": end.code, "signal": end.signal})
}
