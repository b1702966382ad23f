//! The Agent Client Protocol, version 1, from the side of an editor: <https://agentclientprotocol.com>.
//!
//! Why not the official crate: it turns on serde_json's `preserve_order` for the whole program, and with it the order of
//! every JSON document that this program writes or hashes. What is needed of the protocol is little.

mod serve;
mod terminals;
mod wire;

use domain::command::CommandPolicy;
use domain::proposal::{FailureKind, ProviderFailure};
use engine::agent::{Process, Workspace};
use engine::provider::Worked;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio::io::AsyncRead;
use tokio::net::unix::pipe;

use super::lines::Lines;
use super::watch::Watch;
use crate::failure;
use serve::Desk;
use wire::{INTERNAL, Incoming, MOST_OPEN, Peer, RpcError};

pub(super) use serve::Offer;

/// The longest message that is kept, in bytes.
const MOST_SAID: usize = 16 << 10;

/// Leads the agent through one prompt and serves what it asks meanwhile.
pub(super) async fn talk(
    process: &mut Process,
    workspace: &dyn Workspace,
    prompt: &str,
    offer: Offer,
    policy: &CommandPolicy,
    watch: &Watch,
) -> Result<Worked, ProviderFailure> {
    let input = process.input.take();
    let input = input.ok_or_else(|| failure(FailureKind::Crashed, "the agent has no input"))?;
    converse(input, &mut process.output, workspace, prompt, offer, policy, watch).await
}

/// The same over any two ends.
async fn converse<R: AsyncRead + Unpin>(
    input: pipe::Sender,
    output: R,
    workspace: &dyn Workspace,
    prompt: &str,
    offer: Offer,
    policy: &CommandPolicy,
    watch: &Watch,
) -> Result<Worked, ProviderFailure> {
    let (peer, desk) = (Peer::new(input), Desk::new(workspace, offer, policy));
    let lead = lead(&peer, workspace, prompt, offer);
    let serve = serve(&peer, &desk, Lines::new(output), watch);
    tokio::pin!(lead, serve);
    let stop = tokio::select! {
        led = &mut lead => led?,
        ended = &mut serve => {
            ended?;
            // Its last answer may have come with its end; without that the lead ends now.
            lead.await?
        }
    };
    let (said, permissions) = desk.told();
    match stop.as_str() {
        "end_turn" => Ok(Worked { explanation: said, permissions }),
        "max_tokens" | "max_turn_requests" => {
            Err(failure(FailureKind::Unfinished, format!("the agent stopped at a bound of its own: {stop}")))
        }
        "refusal" => Err(failure(FailureKind::NoFix, format!("the agent refused: {said}"))),
        other => Err(failure(FailureKind::Protocol, format!("the agent stopped for {other:?}"))),
    }
}

/// Greets the agent, opens a session in the tree, and prompts it. Gives the reason why it stopped.
async fn lead(
    peer: &Peer,
    workspace: &dyn Workspace,
    prompt: &str,
    offer: Offer,
) -> Result<String, ProviderFailure> {
    let all = offer == Offer::FilesAndTerminals;
    let hello = json!({
        "protocolVersion": 1,
        "clientInfo": {"name": "codex-task", "version": env!("CARGO_PKG_VERSION")},
        "clientCapabilities": {"fs": {"readTextFile": all, "writeTextFile": all}, "terminal": all},
    });
    let told = asked(peer, "initialize", hello).await?;
    if told["protocolVersion"] != 1 {
        let why = format!("the agent speaks version {} of the protocol, not 1", told["protocolVersion"]);
        return Err(failure(FailureKind::Protocol, why));
    }
    let folder = workspace.root().display().to_string();
    let session = asked(peer, "session/new", json!({"cwd": folder, "mcpServers": []})).await?;
    let session = session["sessionId"].clone();
    let text = json!([{"type": "text", "text": prompt}]);
    let done = asked(peer, "session/prompt", json!({"sessionId": session, "prompt": text})).await?;
    Ok(done["stopReason"].as_str().unwrap_or_default().to_owned())
}

async fn asked(peer: &Peer, method: &str, params: Value) -> Result<Value, ProviderFailure> {
    peer.ask(method, params).await?.map_err(|error| {
        let kind =
            if error.code == AUTH_REQUIRED { FailureKind::NotConfigured } else { FailureKind::Crashed };
        failure(kind, format!("the agent answered {method} with an error: {}", error.message))
    })
}

/// The protocol's code for an agent that wants to be signed in to first.
const AUTH_REQUIRED: i64 = -32000;

/// Reads until the agent's output ends; its requests are answered beside one another.
async fn serve<R: AsyncRead + Unpin>(
    peer: &Peer,
    desk: &Desk<'_>,
    mut lines: Lines<R>,
    watch: &Watch,
) -> Result<(), ProviderFailure> {
    // Each may leave something to be done beside the answer: the command of a terminal.
    let mut open: FuturesUnordered<BoxFuture<'_, Option<BoxFuture<'_, ()>>>> = FuturesUnordered::new();
    let outcome = loop {
        let line = tokio::select! {
            line = lines.next() => line,
            Some(job) = open.next(), if !open.is_empty() => {
                if let Some(job) = job {
                    open.push(Box::pin(async move {
                        job.await;
                        None
                    }));
                }
                continue;
            }
        };
        let line = match line {
            Ok(Some(line)) => line,
            Ok(None) => break Ok(()),
            Err(why) => break Err(why),
        };
        watch.sign();
        if line.trim_ascii().is_empty() {
            continue;
        }
        match peer.take(&line) {
            Ok(None) => {}
            Ok(Some(Incoming::Notification { method, params })) => desk.notice(&method, &params),
            Ok(Some(Incoming::Request { id, .. })) if open.len() >= MOST_OPEN => {
                peer.answer(&id, Err(RpcError::new(INTERNAL, "too many requests are open"))).await;
            }
            Ok(Some(Incoming::Request { id, method, params })) => {
                open.push(Box::pin(async move {
                    let (answer, job) = desk.answer(&method, &params).await;
                    peer.answer(&id, answer).await;
                    job
                }));
            }
            Err(why) => break Err(why),
        }
    };
    peer.close();
    outcome
}

/// Words of the agent that are kept: of its last message only.
#[derive(Debug, Default)]
struct Said {
    text: String,
    is_over: bool,
}

impl Said {
    fn piece(&mut self, text: &str) {
        if std::mem::take(&mut self.is_over) {
            self.text.clear();
        }
        if self.text.len() < MOST_SAID {
            self.text.push_str(text);
        }
    }

    /// Something else came: what follows is another message.
    fn pause(&mut self) {
        self.is_over = true;
    }
}

fn text<'a>(params: &'a Value, name: &str) -> Result<&'a str, RpcError> {
    let missing = || RpcError::new(wire::INVALID_PARAMS, format!("{name} is missing"));
    params[name].as_str().ok_or_else(missing)
}

#[cfg(test)]
mod tests;
