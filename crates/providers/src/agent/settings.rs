//! What an agent is made from: its section of the configuration, resolved against the environment.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use domain::command::CommandRules;
use domain::task::Task;
use engine::config::{AgentProvider, Auth, Config, Wire};
use engine::context::Bounds as Size;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;

use super::Kind;
use super::program::{self, Installed};
use super::relay::Bounds;
use crate::http::Waits;
use crate::http::address::Endpoint;
use crate::http::key_of;
use crate::prices::{Prices, Pricing};

/// What an agent is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentSettings {
    /// The provider's name, which is also that of its section below `providers`.
    pub name: &'static str,
    /// How it is spoken with.
    pub kind: Kind,
    /// Its section.
    pub section: AgentProvider,
    /// The model to ask for, unless the user names another.
    pub model: Option<String>,
    /// What it costs.
    pub pricing: Pricing,
    /// The owner's rules for the commands that it asks to run.
    pub commands: CommandRules,
    /// The size of a change for a finding.
    pub finding: Size,
    /// The size of a change for any other task.
    pub task: Size,
}

impl AgentSettings {
    /// Those of a configuration. `now` (microseconds since 1970) says which prices hold.
    pub fn all(config: &Config, now: i64) -> Vec<Self> {
        let kinds = [Kind::Codex, Kind::Qwen, Kind::Acp];
        let agents = config.providers.agents().into_iter().zip(kinds);
        agents.map(|((name, section), kind)| Self::new(name, kind, section, config, now)).collect()
    }

    fn new(name: &'static str, kind: Kind, section: &AgentProvider, config: &Config, now: i64) -> Self {
        let size = |files: u32, lines: u32| Size {
            max_tokens: usize::MAX,
            max_files: u64::from(files),
            max_lines: u64::from(lines),
        };
        let safety = &config.safety;
        let seeds = (kind == Kind::Codex).then(|| config.codex.cli_model.clone());
        Self {
            name,
            kind,
            section: section.clone(),
            model: section.model.clone().or(seeds),
            pricing: pricing(kind, section, now),
            commands: config.commands.clone(),
            finding: size(safety.finding_max_files, safety.finding_max_lines),
            task: size(safety.max_files_changed, safety.max_lines_changed),
        }
    }

    /// The size of a change that this task is told.
    pub(super) fn size(&self, task: &Task) -> &Size {
        if task.finding.is_some() { &self.finding } else { &self.task }
    }

    /// How much may be asked for one change.
    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            requests: self.section.max_requests,
            prompt_tokens: self.section.max_prompt_tokens,
            output_tokens: self.section.max_output_tokens,
        }
    }

    pub(super) fn waits(&self) -> Waits {
        let seconds = Duration::from_secs;
        Waits {
            first_byte: seconds(self.section.first_byte_seconds),
            idle: seconds(self.section.idle_seconds),
            total: seconds(self.section.total_seconds),
        }
    }

    pub(super) fn is_signed_in(&self) -> bool {
        self.section.auth == Auth::SignIn
    }

    pub(super) fn key(&self, name: &str) -> String {
        format!("providers.{}.{name}", self.name)
    }
}

/// Free without a key, unless a price is set; Codex costs what OpenAI's table says.
fn pricing(kind: Kind, section: &AgentProvider, now: i64) -> Pricing {
    match (section.price_in, section.price_out, kind) {
        (Some(input), Some(output), _) => Pricing::Set(Prices { input, output }),
        (None, None, Kind::Codex) => Pricing::Listed { service: "openai".to_owned(), at: now },
        (None, None, _) if section.api_key_env.is_none() => Pricing::default(),
        _ => Pricing::Unknown,
    }
}

/// Everything that is needed to start it, or the first thing that is missing.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    pub(super) program: Installed,
    pub(super) endpoint: Endpoint,
    pub(super) login: Login,
}

/// How the service knows who asks.
#[derive(Debug, Clone)]
pub(super) enum Login {
    /// By this key, or by none.
    Key(Option<SecretString>),
    /// By what the agent's own sign-in left in this file; it is read when it is needed.
    SignIn(std::path::PathBuf),
}

/// Where Codex' requests go when it is signed in with an account.
const CHATGPT: &str = "https://chatgpt.com/backend-api/codex/responses";

impl Ready {
    /// Looks for the program, the address and the key.
    ///
    /// # Errors
    /// One sentence that names the setting.
    pub(super) fn look(
        settings: &AgentSettings,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let section = &settings.section;
        let Some(program) = section.command.first() else {
            return Err(format!("no agent is configured ({})", settings.key("command")));
        };
        let path = environment.get("PATH").map_or("/usr/local/bin:/usr/bin:/bin", String::as_str);
        let program = program::find(program, path)?;
        let unset = || format!("no model's service is configured ({})", settings.key("url"));
        let url = section.url.as_deref().ok_or_else(unset)?;
        let (url, login) = match section.auth {
            Auth::SignIn => {
                let is_default = engine::config::Providers::default().codex_cli.url.as_deref() == Some(url);
                (if is_default { CHATGPT } else { url }, Login::SignIn(sign_in_file(environment)))
            }
            Auth::ApiKey => {
                let key = section
                    .api_key_env
                    .as_deref()
                    .map(|name| key_of(name, &format!("providers.{}", settings.name), environment));
                (url, Login::Key(key.transpose()?))
            }
        };
        let wire = if settings.kind == Kind::Codex { Wire::OpenaiResponses } else { section.wire };
        let endpoint = Endpoint::parse(url, &format!("providers.{}", settings.name), wire)?;
        if let Login::SignIn(file) = &login {
            signed_in(file)?;
        }
        Ok(Self { program, endpoint, login })
    }
}

fn sign_in_file(environment: &BTreeMap<String, String>) -> std::path::PathBuf {
    let home = environment.get("HOME").map_or("/nonexistent", String::as_str);
    let folder = environment.get("CODEX_HOME").map_or_else(|| Path::new(home).join(".codex"), Into::into);
    folder.join("auth.json")
}

/// The token and the account that `codex login` left. Nothing is renewed and nothing is written here.
///
/// # Errors
/// One sentence; it never holds the token.
pub(super) fn signed_in(file: &Path) -> Result<(SecretString, HeaderMap), String> {
    let again = "sign in with `codex login`";
    let text = std::fs::read(file).map_err(|error| format!("{}: {error}; {again}", file.display()))?;
    let value: serde_json::Value =
        serde_json::from_slice(&text).map_err(|_| format!("{} is no JSON; {again}", file.display()))?;
    let token = value.pointer("/tokens/access_token").and_then(serde_json::Value::as_str);
    let token = token.filter(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()));
    let token = token.ok_or_else(|| format!("{} holds no account's sign-in; {again}", file.display()))?;
    let mut headers = HeaderMap::new();
    let account = value.pointer("/tokens/account_id").and_then(serde_json::Value::as_str);
    if let Some(account) = account.and_then(|account| HeaderValue::from_str(account).ok()) {
        headers.insert(HeaderName::from_static("chatgpt-account-id"), account);
    }
    Ok((SecretString::from(token), headers))
}
