//! What an agent may ask of its editor: files of the tree, commands, permissions. Whatever it asks is answered by rules; a
//! person is not there, so what a person would be asked for is declined.

use std::sync::{Mutex, PoisonError};

use domain::command::{self, CommandPolicy, Verdict};
use engine::agent::Workspace;
use engine::provider::Permission;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::terminals::Terminals;
use super::wire::{INTERNAL, INVALID_PARAMS, METHOD_NOT_FOUND, RpcError};
use super::{Said, text};

/// What the agent is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::agent) enum Offer {
    /// Nothing: it works in its tree with tools of its own.
    Nothing,
    /// Files and commands by request.
    FilesAndTerminals,
}

/// The most decisions that are kept for the record.
const MOST_KEPT: usize = 200;

/// Answers an agent's requests.
pub(super) struct Desk<'a> {
    workspace: &'a dyn Workspace,
    offer: Offer,
    policy: &'a CommandPolicy,
    pub(super) terminals: Terminals,
    told: Mutex<(Said, Vec<Permission>)>,
}

/// An answer, and what is to be done beside it.
pub(super) type Answered<'a> = (Result<Value, RpcError>, Option<BoxFuture<'a, ()>>);

impl<'a> Desk<'a> {
    pub(super) fn new(workspace: &'a dyn Workspace, offer: Offer, policy: &'a CommandPolicy) -> Self {
        Self { workspace, offer, policy, terminals: Terminals::default(), told: Mutex::default() }
    }

    /// The agent's last message, and what it was allowed and declined.
    pub(super) fn told(&self) -> (String, Vec<Permission>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut told.0.text), std::mem::take(&mut told.1))
    }

    /// Keeps what the agent says; its reports on its own work are not needed.
    pub(super) fn notice(&self, method: &str, params: &Value) {
        let update = &params["update"];
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match (method, update["sessionUpdate"].as_str()) {
            ("session/update", Some("agent_message_chunk")) => {
                told.0.piece(update["content"]["text"].as_str().unwrap_or_default());
            }
            ("session/update", Some("tool_call" | "agent_thought_chunk")) => told.0.pause(),
            _ => {}
        }
    }

    fn note(&self, asked: impl Into<String>, allowed: bool, why: impl Into<String>) {
        let short = |text: String| text.chars().take(300).collect();
        let permission = Permission { asked: short(asked.into()), allowed, why: short(why.into()) };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.1.len() < MOST_KEPT {
            told.1.push(permission);
        }
    }

    /// The answer to one request.
    pub(super) async fn answer(&'a self, method: &str, params: &Value) -> Answered<'a> {
        if method == "session/request_permission" {
            return (Ok(self.permission(params)), None);
        }
        if self.offer == Offer::Nothing {
            return (Err(RpcError::new(METHOD_NOT_FOUND, format!("{method} was not offered"))), None);
        }
        let answer = match method {
            "fs/read_text_file" => self.read(params).await,
            "fs/write_text_file" => self.write(params).await,
            "terminal/create" => match self.create(params) {
                Ok((answer, job)) => return (Ok(answer), Some(job)),
                Err(error) => Err(error),
            },
            "terminal/output" => self.terminals.get(params).map(|terminal| terminal.output()),
            "terminal/wait_for_exit" => match self.terminals.get(params) {
                Ok(terminal) => Ok(terminal.ended().await),
                Err(error) => Err(error),
            },
            "terminal/kill" | "terminal/release" => self.terminals.get(params).map(|terminal| {
                terminal.kill();
                json!({})
            }),
            other => Err(RpcError::new(METHOD_NOT_FOUND, format!("{other} is not known"))),
        };
        (answer, None)
    }

    /// A path of the tree, as the agent names it: absolute, below the tree's place in the box.
    fn path(&self, params: &Value) -> Result<String, RpcError> {
        let given = text(params, "path")?;
        let root = self.workspace.root().display().to_string();
        let below = given.strip_prefix(&root).and_then(|rest| rest.strip_prefix('/'));
        let below = below.ok_or_else(|| {
            self.note(format!("file {given}"), false, "it lies outside of the tree");
            RpcError::new(INVALID_PARAMS, format!("{given} lies outside of {root}"))
        })?;
        Ok(below.to_owned())
    }

    async fn read(&self, params: &Value) -> Result<Value, RpcError> {
        let path = self.path(params)?;
        let bytes = self.workspace.read(&path).map_err(|why| RpcError::new(INTERNAL, why))?;
        let content = String::from_utf8_lossy(&bytes).into_owned();
        let (line, limit) = (params["line"].as_u64(), params["limit"].as_u64());
        if line.is_none() && limit.is_none() {
            return Ok(json!({"content": content}));
        }
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let skipped = size(line.unwrap_or(1)).saturating_sub(1);
        let part: String =
            content.split_inclusive('\n').skip(skipped).take(limit.map_or(usize::MAX, size)).collect();
        Ok(json!({"content": part}))
    }

    async fn write(&self, params: &Value) -> Result<Value, RpcError> {
        let path = self.path(params)?;
        let content = text(params, "content")?;
        let written = self.workspace.write(&path, content.as_bytes());
        if let Err(why) = &written {
            self.note(format!("file {path}"), false, why.clone());
        }
        written.map(|()| json!({})).map_err(|why| RpcError::new(INTERNAL, why))
    }

    fn create(&'a self, params: &Value) -> Result<(Value, BoxFuture<'a, ()>), RpcError> {
        let program = text(params, "command")?.to_owned();
        let args =
            params["args"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        let mut argv = vec![program.clone()];
        argv.extend(args);
        // A command with blanks and no arguments is a line for the shell.
        let line = if argv.len() == 1 { program.clone() } else { quoted(&argv) };
        self.judged(&line).map_err(|why| RpcError::new(INVALID_PARAMS, format!("declined: {why}")))?;
        if argv.len() == 1 && program.contains(char::is_whitespace) {
            argv = vec!["/bin/sh".to_owned(), "-c".to_owned(), program];
        }
        if let Some(folder) = params["cwd"].as_str() {
            let root = self.workspace.root().display().to_string();
            let is_inside =
                folder == root || folder.strip_prefix(&root).is_some_and(|rest| rest.starts_with('/'));
            if !is_inside || folder.split('/').any(|part| part == "..") {
                return Err(RpcError::new(INVALID_PARAMS, format!("{folder} lies outside of {root}")));
            }
            let enter = r#"cd -- "$1" && shift && exec "$@""#;
            let words = ["/bin/sh", "-c", enter, "sh", folder].map(str::to_owned);
            argv = words.into_iter().chain(argv).collect();
        }
        let (id, terminal) = self.terminals.open(params, argv)?;
        let workspace = self.workspace;
        Ok((json!({"terminalId": id}), Box::pin(async move { terminal.run(workspace).await })))
    }

    /// What the command policy says of a line; only what it allows by itself runs.
    fn judged(&self, line: &str) -> Result<String, String> {
        let judgement = command::judge(line, self.policy);
        let allowed = judgement.verdict == Verdict::Allow;
        self.note(format!("command {line}"), allowed, judgement.why.clone());
        if allowed { Ok(judgement.why) } else { Err(judgement.why) }
    }

    /// Chooses among the options of a request: once, never for good.
    fn permission(&self, params: &Value) -> Value {
        let call = &params["toolCall"];
        let title = call["title"].as_str().unwrap_or("a tool without a name");
        let line = match &call["rawInput"]["command"] {
            Value::String(line) => Some(line.clone()),
            Value::Array(words) => words
                .iter()
                .map(|word| word.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
                .map(|w| quoted(&w)),
            _ => None,
        };
        let allowed = match (call["kind"].as_str(), line) {
            (_, Some(line)) => self.judged(&line).is_ok(),
            (Some("read" | "edit" | "delete" | "move" | "search" | "think"), None) => {
                self.note(title, true, "its box shows nothing but the tree");
                true
            }
            (kind, None) => {
                let kind = kind.unwrap_or("unknown");
                self.note(title, false, format!("no rule allows a tool of the kind {kind}"));
                false
            }
        };
        let wanted = if allowed { "allow_once" } else { "reject_once" };
        let options = params["options"].as_array();
        let option = options.into_iter().flatten().find(|option| option["kind"] == wanted);
        match option {
            Some(option) => json!({"outcome": {"outcome": "selected", "optionId": option["optionId"]}}),
            None => json!({"outcome": {"outcome": "cancelled"}}),
        }
    }
}

/// Words as one line that a shell reads as these words.
fn quoted(words: &[String]) -> String {
    let plain = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c))
    };
    let one = |word: &String| {
        if plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) }
    };
    words.iter().map(one).collect::<Vec<_>>().join(" ")
}
