//! Models behind an HTTP interface: `local` (Ollama, llama.cpp, vLLM, LM Studio, a gateway), `openai`, `anthropic`.
//!
//! Why not a client library: the request must be byte-exact (it is hashed, and an equal one is answered from the
//! record), the answer must be cut off at a byte count while it comes, and first byte, idle time and total time have
//! deadlines of their own. Libraries for these interfaces hide all three. Answers come in one piece, not as a stream of
//! events: half an answer is of no use here.

pub(crate) mod address;
pub(crate) mod body;
mod form;
pub(crate) mod send;
mod settings;
pub(crate) mod wire;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::money::MicroDollars;
use domain::plan::Wanted;
use domain::proposal::{Charge, ChargeBasis, FailureKind, Form, ProviderFailure, ProviderId, Usage};
use domain::task::{Kind, Task};
use engine::config::{Structured, Wire};
use engine::context::{self, AnswerForm, Prompt};
use engine::provider::{Answer, Ask, Packed, Provider, Refusal, Request};
use secrecy::SecretString;
use tokio::time::Instant;

use crate::failure;
use address::Endpoint;
use send::{Failed, Owed, Sender};
use wire::{Question, Shape, Wish};

pub use send::tls;
pub use settings::{HttpSettings, Waits};

/// One server or service.
pub struct Http {
    settings: HttpSettings,
    /// The server and the key; else why it cannot be asked.
    server: Result<Server, String>,
    /// Made when it is first needed: a run that ends with a codemod pays nothing for it.
    client: OnceLock<Result<reqwest::Client, String>>,
    /// What the server refused in a request; it is not asked for it again by this process.
    refused: Mutex<BTreeSet<Wish>>,
}

struct Server {
    endpoint: Endpoint,
    key: Option<SecretString>,
}

impl Http {
    /// From settings; `environment` holds the variable that they name for the key.
    pub fn new(settings: HttpSettings, environment: &BTreeMap<String, String>) -> Self {
        let server = server(&settings, environment);
        Self { settings, server, client: OnceLock::new(), refused: Mutex::default() }
    }

    fn server(&self) -> Result<&Server, ProviderFailure> {
        self.server.as_ref().map_err(|why| failure(FailureKind::NotConfigured, why.clone()))
    }

    fn form(&self, model: &str) -> AnswerForm {
        self.settings.answer.unwrap_or_else(|| form::by_table(&self.settings.name, model))
    }

    /// The most that a request can cost: no token is shorter than a byte, and the answer is bounded by what is asked
    /// for. `None` when the price is not known.
    fn most(&self, request: &Request) -> Option<MicroDollars> {
        let prompt = self.most_prompt(request);
        let completion = self.settings.max_output_tokens;
        self.cost(request, Usage { prompt, completion, ..Usage::default() })
    }

    /// The most tokens of a request: its text, and for each image what the interface can make of one.
    fn most_prompt(&self, request: &Request) -> u64 {
        let text = (request.bytes.len() as u64).saturating_sub(request.images.bytes);
        text.saturating_add(request.images.count.saturating_mul(image_tokens(self.settings.wire)))
    }

    fn cost(&self, request: &Request, usage: Usage) -> Option<MicroDollars> {
        self.settings.pricing.cost(request.model.as_deref().unwrap_or_default(), usage)
    }

    fn charge(&self, owed: Owed, request: &Request) -> Charge {
        let charged = |billed, basis| Charge { billed, imputed: MicroDollars::ZERO, basis };
        if self.settings.pricing.is_free() || owed == Owed::Nothing {
            return Charge::nothing(ChargeBasis::Free);
        }
        // Nothing is sent at a price that is not known, so that there is a ceiling here.
        let most = self.most(request).unwrap_or(MicroDollars::ZERO);
        match owed {
            Owed::Nothing | Owed::Unknown => charged(most, ChargeBasis::Ceiling),
            // More than the ceiling cannot be true, and a server must not be able to empty a budget by its word.
            Owed::Tokens(usage) => match self.cost(request, usage) {
                Some(reported) if reported <= most => charged(reported, ChargeBasis::Reported),
                _ => charged(most, ChargeBasis::Ceiling),
            },
        }
    }

    fn client(&self, endpoint: &Endpoint) -> Result<&reqwest::Client, Failed> {
        let made = self.client.get_or_init(|| send::client(endpoint, &self.settings.waits));
        made.as_ref().map_err(|why| Failed::NotSent(why.clone()))
    }

    /// The request for a question, with the prompt that it is made of.
    fn put(&self, ask: &Ask<'_>) -> Result<(Request, Prompt, AnswerForm), ProviderFailure> {
        let (server, settings) = (self.server()?, &self.settings);
        let model = ask.model.or(settings.model.as_deref()).ok_or_else(|| {
            let why = format!("no model is named (providers.{}.model or --model)", settings.name);
            failure(FailureKind::NotConfigured, why)
        })?;
        let form = self.form(model);
        let bounds = settings.bounds(ask.task);
        let prompt = context::for_model(ask, bounds, form)
            .map_err(|error| failure(FailureKind::NoFix, error.to_string()))?;
        let shape = match (ask.wanted, ask.task.kind, form.is_json()) {
            (Wanted::Plan, ..) => Shape::Plan,
            (Wanted::Change, Kind::Ask, _) | (Wanted::Change, _, false) => Shape::Text,
            (Wanted::Change, _, true) => Shape::Reply,
        };
        let question = Question { model, prompt: &prompt, shape, images: ask.images };
        let body = wire::body(&question, settings).map_err(|why| failure(FailureKind::NotConfigured, why))?;
        let bytes = canonical(&settings.name, &server.endpoint, &body);
        Ok((
            Request { bytes, model: Some(model.to_owned()), images: wire::attached(ask.images) },
            prompt,
            form,
        ))
    }

    async fn ask(&self, request: &Request, deadline: Duration) -> Result<Vec<u8>, Failed> {
        let server = self.server().map_err(|f| Failed::NotSent(f.detail))?;
        let sender = Sender {
            client: self.client(&server.endpoint)?,
            endpoint: &server.endpoint,
            key: server.key.as_ref(),
            key_header: key_header(self.settings.wire),
            key_setting: format!("providers.{}.api_key_env", self.settings.name),
            waits: &self.settings.waits,
            cap: self.settings.max_reply_bytes,
            until: Instant::now() + deadline.min(self.settings.waits.total),
        };
        let body = body_of(&request.bytes);
        let mut left_out: Vec<Wish> = self.known_refusals();
        loop {
            let sent = if left_out.is_empty() { body.to_vec() } else { without(body, &left_out)? };
            match sender.ask(sent).await {
                Err(failed) => match self.can_do_without(&failed).filter(|wish| !left_out.contains(wish)) {
                    Some(wish) => left_out.push(wish),
                    None => return Err(failed),
                },
                Ok(answer) => {
                    self.refused.lock().unwrap_or_else(PoisonError::into_inner).extend(left_out);
                    return Ok(answer);
                }
            }
        }
    }

    fn known_refusals(&self) -> Vec<Wish> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// The wish that the server refuses, when the question can be put without it.
    fn can_do_without(&self, failed: &Failed) -> Option<Wish> {
        let demanded = self.settings.structured != Structured::Auto;
        failed.refused_wish().filter(|wish| !(demanded && *wish == Wish::Format))
    }
}

fn without(body: &[u8], wishes: &[Wish]) -> Result<Vec<u8>, Failed> {
    wire::without(body, wishes).map_err(Failed::NotSent)
}

/// The most tokens that one image can be charged as, rounded up: OpenAI scales it to at most 768 by 2048 pixels and counts
/// tiles, of which a small model's cost 5,667 each; Anthropic counts a token for 750 pixels of an image that it scales down.
fn image_tokens(wire: Wire) -> u64 {
    match wire {
        Wire::OpenaiChat | Wire::OpenaiResponses => 50_000,
        Wire::AnthropicMessages => 5_000,
    }
}

/// How the key is told.
pub(crate) fn key_header(wire: Wire) -> send::KeyHeader {
    match wire {
        Wire::OpenaiChat | Wire::OpenaiResponses => send::KeyHeader::Bearer,
        Wire::AnthropicMessages => send::KeyHeader::Anthropic,
    }
}

fn server(settings: &HttpSettings, environment: &BTreeMap<String, String>) -> Result<Server, String> {
    let section = format!("providers.{}", settings.name);
    let url = settings.url.as_deref().ok_or_else(|| format!("no server is configured ({section}.url)"))?;
    let endpoint = Endpoint::parse(url, &section, settings.wire)?;
    let key = settings.api_key_env.as_deref().map(|name| key_of(name, &section, environment)).transpose()?;
    Ok(Server { endpoint, key })
}

/// The key in the variable of this name.
///
/// # Errors
/// A sentence that names the variable and the setting.
pub(crate) fn key_of(
    name: &str,
    section: &str,
    environment: &BTreeMap<String, String>,
) -> Result<SecretString, String> {
    let value = environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let value = value.ok_or_else(|| format!("the variable {name} ({section}.api_key_env) is not set"))?;
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("the variable {name} holds characters that no key has"));
    }
    Ok(SecretString::from(value))
}

/// A canonical request is one line that names the provider and the path, then the body exactly as it is sent. The host
/// is no part of it: the same model behind another address gives the same answer.
fn canonical(name: &str, endpoint: &Endpoint, body: &[u8]) -> Vec<u8> {
    [name.as_bytes(), b" POST ", endpoint.path().as_bytes(), b"\n", body].concat()
}

fn body_of(canonical: &[u8]) -> &[u8] {
    let end = canonical.iter().position(|byte| *byte == b'\n');
    end.map_or(canonical, |end| &canonical[end + 1..])
}

#[async_trait]
impl Provider for Http {
    fn id(&self) -> ProviderId {
        ProviderId::new(&self.settings.name)
    }

    fn suits(&self, _task: &Task) -> Result<String, String> {
        let server = self.server.as_ref().map_err(Clone::clone)?;
        Ok(format!("a model at {}", server.endpoint))
    }

    fn takes_images(&self) -> bool {
        true
    }

    fn repairs(&self) -> bool {
        true
    }

    fn request(&self, ask: &Ask<'_>) -> Result<Request, ProviderFailure> {
        Ok(self.put(ask)?.0)
    }

    fn packed(&self, ask: &Ask<'_>) -> Option<Result<Packed, ProviderFailure>> {
        let packed = |(request, prompt, form): (Request, Prompt, AnswerForm)| Packed {
            ceiling: self.most(&request),
            model: request.model.unwrap_or_default(),
            form,
            approx_tokens: prompt.approx_tokens,
            files: prompt.files,
            left_out: prompt.left_out,
        };
        Some(self.put(ask).map(packed))
    }

    fn ceiling(&self, request: &Request) -> Result<MicroDollars, ProviderFailure> {
        self.most(request).ok_or_else(|| {
            let (name, model) = (&self.settings.name, request.model.as_deref().unwrap_or_default());
            let why = format!(
                "the price of {model:?} is not known; set providers.{name}.price_in and price_out (dollars for a million tokens)"
            );
            failure(FailureKind::NotConfigured, why)
        })
    }

    /// A token has at least one byte, and the answer is bounded.
    fn most_tokens(&self, request: &Request) -> u64 {
        self.most_prompt(request).saturating_add(self.settings.max_output_tokens)
    }

    fn price(&self) -> Option<String> {
        Some(self.settings.pricing.words(self.settings.model.as_deref().unwrap_or_default()))
    }

    async fn probe(&self) -> Result<(), String> {
        let server = self.server.as_ref().map_err(Clone::clone)?;
        let client = self.client(&server.endpoint).map_err(|failed| failed.into_failure().detail)?;
        let header = key_header(self.settings.wire);
        send::probe(client, &server.endpoint, server.key.as_ref(), header)
            .await
            .map_err(|failed| failed.into_failure().detail)
    }

    async fn propose(&self, request: &Request, ask: &Ask<'_>) -> Result<Answer, Refusal> {
        if let Err(failure) = self.ceiling(request) {
            return Err(Refusal { failure, charge: Charge::nothing(ChargeBasis::Free) });
        }
        let body = self.ask(request, ask.deadline).await.map_err(|failed| Refusal {
            charge: self.charge(failed.owed(), request),
            failure: failed.into_failure(),
        })?;
        let read = wire::read(self.settings.wire, &body);
        let charge = self.charge(read.usage.map_or(Owed::Unknown, Owed::Tokens), request);
        let content = read.content.map_err(|failure| Refusal { failure, charge })?;
        let form = self.form(request.model.as_deref().unwrap_or_default());
        let form = match (ask.wanted, ask.task.kind, form.is_json()) {
            (Wanted::Plan, ..) | (_, Kind::Ask, _) => Form::Text,
            (_, _, true) => Form::Reply,
            (_, _, false) => Form::Files,
        };
        Ok(Answer { form, bytes: content.into_bytes(), model: read.model, usage: read.usage, charge })
    }
}
