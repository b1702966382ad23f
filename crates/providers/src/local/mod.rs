//! Any OpenAI-compatible server: Ollama, llama.cpp, vLLM, LM Studio, a gateway.
//!
//! Why not a client library: the request must be byte-exact (it is hashed, and an equal one is answered from the
//! record), the answer must be cut off at a byte count while it comes, and first byte, idle time and total time have
//! deadlines of their own. Libraries for this API hide all three.

mod address;
mod body;
mod send;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::money::MicroDollars;
use domain::proposal::{Charge, ChargeBasis, FailureKind, Form, ProviderFailure, ProviderId};
use domain::task::{Kind, Task};
use engine::context::{self, Bounds};
use engine::provider::{Answer, Ask, Provider, Refusal, Request};
use secrecy::SecretString;
use tokio::time::Instant;

use crate::failure;
use address::Endpoint;
use send::{Failed, Owed, Sender};

/// How a server is asked to keep to the reply's form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Structured {
    /// By JSON schema; when the server answers that it does not know that, once more without.
    #[default]
    Auto,
    /// By JSON schema; a server that does not know it is an error.
    JsonSchema,
    /// As any JSON object.
    JsonObject,
    /// By the words of the prompt only.
    None,
}

/// How long is waited, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waits {
    /// Until the first byte of the answer's body: a server may send its headers long before it has an answer.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
    /// For the whole answer, retries included.
    pub total: Duration,
}

impl Default for Waits {
    /// 60 s, 30 s, 300 s. Our own choice: small models on ordinary machines need about a minute to read a prompt.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { first_byte: seconds(60), idle: seconds(30), total: seconds(300) }
    }
}

/// Dollars for a million tokens. Both zero: the server is free, as one's own is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prices {
    /// Of the prompt. Cached tokens are charged as all others: never too little.
    pub input: MicroDollars,
    /// Of the answer, reasoning included.
    pub output: MicroDollars,
}

impl Prices {
    fn is_free(self) -> bool {
        self == Self::default()
    }

    fn of(self, prompt: u64, completion: u64) -> MicroDollars {
        let input = MicroDollars::per_million(self.input, prompt);
        input.plus(MicroDollars::per_million(self.output, completion))
    }
}

/// What the provider is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalSettings {
    /// The server's address, with or without `/v1`; `None` when there is none.
    pub url: Option<String>,
    /// The model to ask for, unless the user names another.
    pub model: Option<String>,
    /// The variable that holds the key; `None` when the server wants none.
    pub api_key_env: Option<String>,
    /// The deadlines.
    pub waits: Waits,
    /// The most bytes of an answer's body.
    pub max_reply_bytes: usize,
    /// The most tokens that the server is asked to write.
    pub max_output_tokens: u64,
    /// How the server is asked to keep to the reply's form.
    pub structured: Structured,
    /// What it costs.
    pub prices: Prices,
    /// The bounds of a prompt for a finding.
    pub finding: Bounds,
    /// The bounds of a prompt for any other task.
    pub task: Bounds,
}

impl Default for LocalSettings {
    /// No server; 2 MiB and 8,192 tokens an answer; prompts of at most 50,000 tokens.
    fn default() -> Self {
        Self {
            url: None,
            model: None,
            api_key_env: None,
            waits: Waits::default(),
            max_reply_bytes: 2 << 20,
            max_output_tokens: 8192,
            structured: Structured::Auto,
            prices: Prices::default(),
            finding: Bounds { max_tokens: 50_000, max_files: 5, max_lines: 200 },
            task: Bounds { max_tokens: 50_000, max_files: 10, max_lines: 500 },
        }
    }
}

/// `local`: an OpenAI-compatible server.
pub struct Local {
    settings: LocalSettings,
    /// The server and the key; else why it cannot be asked.
    server: Result<Server, String>,
    /// Made when it is first needed: a run that ends with a codemod pays nothing for it.
    client: OnceLock<Result<reqwest::Client, String>>,
    /// The server said that it knows no structured output; it is not asked for it again by this process.
    unstructured: AtomicBool,
}

struct Server {
    endpoint: Endpoint,
    key: Option<SecretString>,
}

impl Local {
    /// From settings; `environment` holds the variable that they name for the key.
    pub fn new(settings: LocalSettings, environment: &BTreeMap<String, String>) -> Self {
        let server = server(&settings, environment);
        Self { settings, server, client: OnceLock::new(), unstructured: AtomicBool::new(false) }
    }

    fn server(&self) -> Result<&Server, ProviderFailure> {
        self.server.as_ref().map_err(|why| failure(FailureKind::NotConfigured, why.clone()))
    }

    fn bounds(&self, task: &Task) -> &Bounds {
        if task.finding.is_some() { &self.settings.finding } else { &self.settings.task }
    }

    /// The most that a request can cost: no token is shorter than a byte, and the answer is bounded by what is asked
    /// for.
    fn most(&self, request: &Request) -> MicroDollars {
        let prompt = u64::try_from(request.bytes.len()).unwrap_or(u64::MAX);
        self.settings.prices.of(prompt, self.settings.max_output_tokens)
    }

    fn charge(&self, owed: Owed, request: &Request) -> Charge {
        let most = self.most(request);
        let charged = |billed, basis| Charge { billed, imputed: MicroDollars::ZERO, basis };
        if self.settings.prices.is_free() || owed == Owed::Nothing {
            return Charge::nothing(ChargeBasis::Free);
        }
        match owed {
            Owed::Nothing | Owed::Unknown => charged(most, ChargeBasis::Ceiling),
            Owed::Tokens(usage) => {
                let reported = self.settings.prices.of(usage.prompt, usage.completion);
                // More than the ceiling cannot be true, and a server must not be able to empty a budget by its word.
                if reported > most {
                    charged(most, ChargeBasis::Ceiling)
                } else {
                    charged(reported, ChargeBasis::Reported)
                }
            }
        }
    }

    fn client(&self, endpoint: &Endpoint) -> Result<&reqwest::Client, Failed> {
        let made = self.client.get_or_init(|| send::client(endpoint, &self.settings.waits));
        made.as_ref().map_err(|why| Failed::NotSent(why.clone()))
    }

    async fn ask(&self, request: &Request, deadline: Duration) -> Result<Vec<u8>, Failed> {
        let server = self.server().map_err(|f| Failed::NotSent(f.detail))?;
        let sender = Sender {
            client: self.client(&server.endpoint)?,
            endpoint: &server.endpoint,
            key: server.key.as_ref(),
            waits: &self.settings.waits,
            cap: self.settings.max_reply_bytes,
            until: Instant::now() + deadline.min(self.settings.waits.total),
        };
        let body = body_of(&request.bytes);
        let auto = self.settings.structured == Structured::Auto;
        let plain = || wire::without_format(body).map_err(Failed::NotSent);
        if auto && self.unstructured.load(Ordering::Relaxed) {
            return sender.ask(plain()?).await;
        }
        match sender.ask(body.to_vec()).await {
            Err(failed) if auto && failed.is_about_format() => {
                let answer = sender.ask(plain()?).await?;
                self.unstructured.store(true, Ordering::Relaxed);
                Ok(answer)
            }
            other => other,
        }
    }
}

fn server(settings: &LocalSettings, environment: &BTreeMap<String, String>) -> Result<Server, String> {
    let url = settings.url.as_deref().ok_or("no server is configured (providers.local.url)")?;
    let endpoint = Endpoint::parse(url)?;
    let key = match &settings.api_key_env {
        None => None,
        Some(name) => {
            let value = environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
            let value = value
                .ok_or_else(|| format!("the variable {name} (providers.local.api_key_env) is not set"))?;
            if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(format!("the variable {name} holds characters that no key has"));
            }
            Some(SecretString::from(value))
        }
    };
    Ok(Server { endpoint, key })
}

/// A canonical request is one line that names the provider and the path, then the body exactly as it is sent. The host
/// is no part of it: the same model behind another address gives the same answer.
fn canonical(endpoint: &Endpoint, body: &[u8]) -> Vec<u8> {
    [b"local POST ", endpoint.path().as_bytes(), b"\n", body].concat()
}

fn body_of(canonical: &[u8]) -> &[u8] {
    let end = canonical.iter().position(|byte| *byte == b'\n');
    end.map_or(canonical, |end| &canonical[end + 1..])
}

#[async_trait]
impl Provider for Local {
    fn id(&self) -> ProviderId {
        ProviderId::new("local")
    }

    fn suits(&self, task: &Task) -> Result<String, String> {
        let server = self.server.as_ref().map_err(Clone::clone)?;
        match task.kind {
            Kind::Ask => Err("it is asked for changes only, not for answers".to_owned()),
            _ => Ok(format!("a model at {}", server.endpoint)),
        }
    }

    fn repairs(&self) -> bool {
        true
    }

    fn request(&self, ask: &Ask<'_>) -> Result<Request, ProviderFailure> {
        let server = self.server()?;
        let model = ask.model.or(self.settings.model.as_deref()).ok_or_else(|| {
            failure(FailureKind::NotConfigured, "no model is named (providers.local.model or --model)")
        })?;
        let prompt = context::prompt(ask.task, ask.source, ask.repair, self.bounds(ask.task))
            .map_err(|error| failure(FailureKind::NoFix, error.to_string()))?;
        let body = wire::body(model, &prompt, &self.settings)
            .map_err(|why| failure(FailureKind::NotConfigured, why))?;
        Ok(Request { bytes: canonical(&server.endpoint, &body), model: Some(model.to_owned()) })
    }

    fn ceiling(&self, request: &Request) -> Result<MicroDollars, ProviderFailure> {
        Ok(self.most(request))
    }

    async fn propose(&self, request: &Request, ask: &Ask<'_>) -> Result<Answer, Refusal> {
        let body = self.ask(request, ask.deadline).await.map_err(|failed| Refusal {
            charge: self.charge(failed.owed(), request),
            failure: failed.into_failure(),
        })?;
        let read = wire::read(&body);
        let charge = self.charge(read.usage.map_or(Owed::Unknown, Owed::Tokens), request);
        let content = read.content.map_err(|failure| Refusal { failure, charge })?;
        Ok(Answer {
            form: Form::Reply,
            bytes: content.into_bytes(),
            model: read.model,
            usage: read.usage,
            charge,
        })
    }
}
