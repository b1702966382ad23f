//! Agents as providers: programs that work in a tree and ask a model as often as they need. Each is lent a throw-away
//! tree in a strict box whose only way out is the relay to its model; its answer is the tree's difference.
//!
//! What an agent says of its success, its cost or its errors counts for nothing: agents end with 0 after a failure, repeat
//! requests without end and count for themselves. The relay knows what was asked and answered, the tree what was done.

mod acp;
mod codex;
mod lines;
mod program;
mod qwen;
mod relay;
mod settings;
mod watch;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use domain::command::{CommandPolicy, CommandRules};
use domain::money::MicroDollars;
use domain::plan::Wanted;
use domain::proposal::{Charge, ChargeBasis, FailureKind, Form, ProviderFailure, ProviderId, Usage};
use domain::task::{Kind as TaskKind, Task};
use engine::agent::{DOOR, Ended, Exit, Process, Program, Sharing, Workspace};
use engine::config::Wire;
use engine::context;
use engine::provider::{Answer, Ask, Attached, Provider, Refusal, Request, Worked};
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::failure;
use crate::http::{key_header, send};
use acp::Offer;
use relay::{Account, Relay, Seen, Upstream};
use settings::{Login, Ready};
use watch::Watch;

pub use relay::Bounds;
pub use settings::AgentSettings;

/// How an agent is spoken with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `codex exec --json`: one prompt in, events out.
    Codex,
    /// `qwen --acp`: the protocol below, in the tree that it was given and with its own tools.
    Qwen,
    /// The Agent Client Protocol, with files, terminals and permissions served by us.
    Acp,
}

/// One agent.
pub struct Agent {
    settings: AgentSettings,
    /// What is needed to start it; else why it cannot be.
    ready: Result<Ready, String>,
}

/// The canonical request: what decides the answer, as far as that is in our hands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Question {
    provider: String,
    version: Option<String>,
    model: String,
    base: String,
    prompt: String,
}

impl Agent {
    /// From settings; `environment` holds the search path, and the variable that they name for the key.
    pub fn new(settings: AgentSettings, environment: &BTreeMap<String, String>) -> Self {
        let ready = Ready::look(&settings, environment);
        Self { settings, ready }
    }

    fn ready(&self) -> Result<&Ready, ProviderFailure> {
        self.ready.as_ref().map_err(|why| failure(FailureKind::NotConfigured, why.clone()))
    }

    fn wire(&self) -> Wire {
        if self.settings.kind == Kind::Codex { Wire::OpenaiResponses } else { self.settings.section.wire }
    }

    /// The most that the bounds allow to be spent; `None` when the price is not known.
    fn most(&self, model: &str) -> Option<MicroDollars> {
        let bounds = self.settings.bounds();
        let usage =
            Usage { prompt: bounds.prompt_tokens, completion: bounds.output_tokens, ..Usage::default() };
        self.settings.pricing.cost(model, usage)
    }

    /// What a run costs: by the relay's count, or all that was set aside when a part of it is unknown.
    fn charge(&self, seen: &Seen, model: &str) -> Charge {
        if self.settings.pricing.is_free() || (seen.usage.is_empty() && seen.unknown == 0) {
            return Charge::nothing(ChargeBasis::Free);
        }
        let most = self.most(model).unwrap_or(MicroDollars::ZERO);
        let one = |usage: &Usage| self.settings.pricing.cost(model, *usage);
        let sum = seen.usage.iter().map(one).try_fold(MicroDollars::ZERO, |sum, cost| Some(sum.plus(cost?)));
        let (amount, basis) = match sum {
            Some(sum) if seen.unknown == 0 && sum <= most => (sum, ChargeBasis::Reported),
            _ => (most, ChargeBasis::Ceiling),
        };
        let nothing = MicroDollars::ZERO;
        let (billed, imputed) =
            if self.settings.is_signed_in() { (nothing, amount) } else { (amount, nothing) };
        Charge { billed, imputed, basis }
    }

    /// Where the agent's requests go on to.
    fn upstream(&self, ready: &Ready, model: &str, until: Instant) -> Result<Upstream, String> {
        let waits = self.settings.waits();
        let (key, headers) = match &ready.login {
            Login::Key(key) => (key.clone(), HeaderMap::new()),
            Login::SignIn(file) => {
                settings::signed_in(file).map(|(token, headers)| (Some(token), headers))?
            }
        };
        Ok(Upstream {
            client: send::client(&ready.endpoint, &waits)?,
            endpoint: ready.endpoint.clone(),
            key,
            key_setting: self.settings.key("api_key_env"),
            headers,
            wire: self.wire(),
            model: model.to_owned(),
            waits,
            cap: usize::try_from(self.settings.section.max_reply_bytes).unwrap_or(usize::MAX),
            is_bounded: !self.settings.is_signed_in(),
            until,
        })
    }

    /// The program with what is told to it; `token` is the word for the relay.
    fn program(&self, ready: &Ready, model: &str, token: &SecretString, until: Instant) -> Program {
        let section = &self.settings.section;
        let url = format!("http://127.0.0.1:{DOOR}/v1");
        let plain = |text: &String| text.replace("{url}", &url).replace("{model}", model);
        let own = section.command.iter().skip(1).map(plain);
        let mut program = match self.settings.kind {
            Kind::Codex => codex::program(model, &url, token),
            Kind::Qwen => qwen::program(model, &url, token),
            Kind::Acp => Program::default(),
        };
        let mut argv = vec![ready.program.path.display().to_string()];
        argv.extend(own);
        argv.append(&mut program.argv);
        let env = section
            .env
            .iter()
            .map(|(name, value)| (name.clone(), plain(value).replace("{key}", token.expose_secret())));
        program.env.extend(env);
        let files = section.files.iter();
        let files =
            files.map(|(path, text)| (path.into(), plain(text).replace("{key}", token.expose_secret())));
        program.files.extend(files);
        Program {
            argv,
            readable: ready.program.readable.clone(),
            door: true,
            // The watch below is what ends it in time; the box's own clock is for the case that nobody watches.
            wall: until.saturating_duration_since(Instant::now()) + Duration::from_secs(5),
            ..program
        }
    }

    /// Lets the agent work until it says that it is done, or something says that it will not be.
    async fn work(
        &self,
        workspace: &dyn Workspace,
        question: &Question,
        account: &Account,
        until: Instant,
    ) -> Result<Worked, ProviderFailure> {
        let ready = self.ready()?;
        let broken = |why: String| failure(FailureKind::NotConfigured, why);
        let token = token().map_err(broken)?;
        let policy = policy(&self.settings.commands).map_err(broken)?;
        let upstream = self.upstream(ready, &question.model, until).map_err(broken)?;
        let program = self.program(ready, &question.model, &token, until);
        let mut process = workspace.start(program).map_err(|why| failure(FailureKind::Crashed, why))?;
        let door = match process.door.take() {
            Some(door) => door.await.ok(),
            None => None,
        };
        let Some(door) = door else {
            let ended = process.ended().await;
            return Err(crashed(self.settings.name, &ended, &token));
        };
        let relay = Relay::serve(door, upstream, token.clone(), account.clone()).map_err(broken)?;
        let watch = Watch::new(account.clone(), Duration::from_secs(self.settings.section.quiet_seconds));
        let done = {
            let talk = self.talk(workspace, &mut process, question, &policy, &watch);
            tokio::pin!(talk);
            tokio::select! {
                biased;
                () = account.trouble() => Err(failure(FailureKind::Crashed, "the relay gave up")),
                told = &mut talk => told,
                () = watch.quiet() => Err(failure(
                    FailureKind::TimedOut,
                    format!("the agent gave no sign of work for {} seconds (quiet_seconds)", self.settings.section.quiet_seconds),
                )),
                () = tokio::time::sleep_until(until) => {
                    Err(failure(FailureKind::TimedOut, "the agent was not done in time (total_seconds)"))
                }
            }
        };
        process.stop();
        let ended = process.ended().await;
        drop(relay);
        done.map_err(|why| match why.kind {
            FailureKind::Crashed => with_end(&why, &ended, &token),
            _ => why,
        })
    }

    async fn talk(
        &self,
        workspace: &dyn Workspace,
        process: &mut Process,
        question: &Question,
        policy: &CommandPolicy,
        watch: &Watch,
    ) -> Result<Worked, ProviderFailure> {
        match self.settings.kind {
            Kind::Codex => {
                let explanation = codex::talk(process, &question.prompt, watch).await?;
                Ok(Worked { explanation, ..Worked::default() })
            }
            Kind::Qwen => {
                acp::talk(process, workspace, &question.prompt, Offer::Nothing, policy, watch).await
            }
            Kind::Acp => {
                acp::talk(process, workspace, &question.prompt, Offer::FilesAndTerminals, policy, watch).await
            }
        }
    }
}

/// The policy for the commands that an agent asks to run.
fn policy(rules: &CommandRules) -> Result<CommandPolicy, String> {
    if *rules == CommandRules::default() {
        return Ok(CommandPolicy::default());
    }
    CommandPolicy::with(rules).map_err(|error| error.to_string())
}

/// A word that opens the relay of one run.
fn token() -> Result<SecretString, String> {
    let mut bytes = [0_u8; 24];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random bytes: {error}"))?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(SecretString::from(format!("run-{hex}")))
}

/// An agent that ended without a word.
fn crashed(name: &str, ended: &Ended, token: &SecretString) -> ProviderFailure {
    with_end(&failure(FailureKind::Crashed, format!("{name} ended before its work did")), ended, token)
}

/// With how the program ended, and the end of what it wrote to its standard error.
fn with_end(why: &ProviderFailure, ended: &Ended, token: &SecretString) -> ProviderFailure {
    let how = match &ended.exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Killed(by) => format!("killed: {by}"),
        Exit::TimedOut => "its time was up".to_owned(),
        Exit::Stopped => "stopped by us".to_owned(),
        Exit::NotStarted(why) => format!("it could not be started: {why}"),
    };
    let last = ended.stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let last: String = last.trim().chars().filter(|c| !c.is_control()).take(300).collect();
    let last = last.replace(token.expose_secret(), "[key]");
    let said = if last.is_empty() { String::new() } else { format!("; its last line: {last}") };
    ProviderFailure { detail: format!("{} ({how}{said})", why.detail), ..why.clone() }
}

#[async_trait]
impl Provider for Agent {
    fn id(&self) -> ProviderId {
        ProviderId::new(self.settings.name)
    }

    fn suits(&self, task: &Task) -> Result<String, String> {
        let ready = self.ready.as_ref().map_err(Clone::clone)?;
        if task.kind == TaskKind::Ask {
            return Err("it changes files, and this asks for an answer".to_owned());
        }
        let version = ready.program.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
        let by = match &ready.login {
            Login::Key(Some(_)) => "by key",
            Login::Key(None) => "without a key",
            Login::SignIn(_) => "by the sign-in of `codex login`",
        };
        let name = self.settings.section.command.first().map_or("", String::as_str);
        Ok(format!("the agent {name}{version} with a model at {} {by}", ready.endpoint))
    }

    fn repairs(&self) -> bool {
        true
    }

    fn request(&self, ask: &Ask<'_>) -> Result<Request, ProviderFailure> {
        let ready = self.ready()?;
        let model = ask.model.or(self.settings.model.as_deref()).ok_or_else(|| {
            let why = format!("no model is named ({} or --model)", self.settings.key("model"));
            failure(FailureKind::NotConfigured, why)
        })?;
        let size = self.settings.size(ask.task);
        let question = Question {
            provider: self.settings.name.to_owned(),
            version: ready.program.version.clone(),
            model: model.to_owned(),
            base: ask.base.tree.to_string(),
            prompt: context::for_agent(ask, size),
        };
        let bytes = serde_json::to_vec(&question)
            .map_err(|error| failure(FailureKind::NotConfigured, error.to_string()))?;
        Ok(Request { bytes, model: Some(question.model), images: Attached::default() })
    }

    fn ceiling(&self, request: &Request) -> Result<MicroDollars, ProviderFailure> {
        if self.settings.is_signed_in() {
            return Ok(MicroDollars::ZERO);
        }
        let model = request.model.as_deref().unwrap_or_default();
        self.most(model).ok_or_else(|| {
            let name = self.settings.name;
            let why = format!(
                "the price of {model:?} is not known; set providers.{name}.price_in and price_out (dollars for a million tokens)"
            );
            failure(FailureKind::NotConfigured, why)
        })
    }

    fn most_tokens(&self, _request: &Request) -> u64 {
        let bounds = self.settings.bounds();
        bounds.prompt_tokens.saturating_add(bounds.output_tokens)
    }

    /// Asks the model's service, not the agent: a look must cost nothing.
    async fn probe(&self) -> Result<(), String> {
        let ready = self.ready.as_ref().map_err(Clone::clone)?;
        let Login::Key(key) = &ready.login else { return Ok(()) };
        let client = send::client(&ready.endpoint, &self.settings.waits())?;
        let header = key_header(self.wire());
        let found = send::probe(&client, &ready.endpoint, key.as_ref(), header).await;
        found.map_err(|failed| failed.into_failure().detail)
    }

    fn price(&self) -> Option<String> {
        let words = self.settings.pricing.words(self.settings.model.as_deref().unwrap_or_default());
        Some(if self.settings.is_signed_in() {
            format!("by subscription; list price {words}")
        } else {
            words
        })
    }

    async fn propose(&self, request: &Request, ask: &Ask<'_>) -> Result<Answer, Refusal> {
        let unasked = |failure| Refusal { failure, charge: Charge::nothing(ChargeBasis::Free) };
        self.ceiling(request).map_err(unasked)?;
        let question: Question = serde_json::from_slice(&request.bytes)
            .map_err(|error| unasked(failure(FailureKind::NotConfigured, error.to_string())))?;
        let sharing = if self.settings.kind == Kind::Acp { Sharing::Shared } else { Sharing::Alone };
        let opened = ask.workspaces.open(sharing).await;
        let workspace = opened.map_err(|why| unasked(failure(FailureKind::NotConfigured, why)))?;
        let until = Instant::now() + ask.deadline.min(self.settings.waits().total);
        let account = Account::new(self.settings.bounds());
        let worked = self.work(&*workspace, &question, &account, until).await;
        let seen = account.seen();
        let charge = self.charge(&seen, &question.model);
        let refused = |failure| Refusal { failure, charge };
        // What the relay saw first is the cause; what the agent made of it is not.
        let worked = match (seen.failed.clone(), worked) {
            (Some(failed), _) | (None, Err(failed)) => return Err(refused(failed)),
            (None, Ok(worked)) => worked,
        };
        let usage = (!seen.usage.is_empty()).then(|| seen.total());
        if ask.wanted == Wanted::Plan {
            // The plan is in its last message; what it did to its tree is thrown away unseen.
            let (bytes, model) = (worked.answer(&[]), Some(question.model));
            return Ok(Answer { form: Form::Tree, bytes, model, usage, charge });
        }
        let diff = workspace.difference().await;
        let diff = diff.map_err(|why| {
            refused(failure(FailureKind::Protocol, format!("what the agent left is no change: {why}")))
        })?;
        let bytes = worked.answer(&diff);
        Ok(Answer { form: Form::Tree, bytes, model: Some(question.model), usage, charge })
    }
}
