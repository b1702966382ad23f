//! Who may be asked, where, and in which order: `providers` and `routing`.

use std::collections::BTreeMap;

use domain::money::MicroDollars;
use domain::proposal::ProviderId;
use domain::route::Complexity;
use domain::task::Kind;
use serde::{Deserialize, Serialize};

use super::dollars;
use crate::context::AnswerForm;
use crate::routing::{Matrix, Prefer, built_in};

/// The `providers` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Providers {
    /// An OpenAI-compatible server.
    pub local: HttpProvider,
    /// OpenAI's own service.
    pub openai: HttpProvider,
    /// Anthropic's service.
    pub anthropic: HttpProvider,
    /// OpenAI's agent for the command line.
    #[serde(rename = "codex-cli")]
    pub codex_cli: AgentProvider,
    /// Qwen's agent for the command line.
    pub qwen: AgentProvider,
    /// Any agent that speaks the Agent Client Protocol.
    pub acp: AgentProvider,
    /// A chat page in a browser.
    pub web: WebProvider,
}

impl Default for Providers {
    /// `local` has no server yet; the services need only their key. Their names, `OPENAI_API_KEY` and the model
    /// `gpt-4o-mini` are those of the seeds; Anthropic's model is our own choice: a small one.
    fn default() -> Self {
        let service = |url: &str, key: &str, model: &str, wire| HttpProvider {
            url: Some(url.to_owned()),
            model: Some(model.to_owned()),
            api_key_env: Some(key.to_owned()),
            wire,
            // A whole answer comes at once, so its first byte may take as long as a long answer.
            first_byte_seconds: 240,
            ..HttpProvider::default()
        };
        let openai = "https://api.openai.com/v1";
        let anthropic = "https://api.anthropic.com/v1";
        Self {
            local: HttpProvider::default(),
            openai: service(openai, "OPENAI_API_KEY", "gpt-4o-mini", Wire::OpenaiResponses),
            anthropic: service(anthropic, "ANTHROPIC_API_KEY", "claude-haiku-4-5", Wire::AnthropicMessages),
            codex_cli: AgentProvider {
                command: vec!["codex".to_owned()],
                url: Some(openai.to_owned()),
                api_key_env: Some("OPENAI_API_KEY".to_owned()),
                wire: Wire::OpenaiResponses,
                ..AgentProvider::default()
            },
            qwen: AgentProvider { command: vec!["qwen".to_owned()], ..AgentProvider::default() },
            acp: AgentProvider::default(),
            web: WebProvider::default(),
        }
    }
}

impl Providers {
    /// Those behind HTTP, each with its name.
    pub fn all(&self) -> [(&'static str, &HttpProvider); 3] {
        [("local", &self.local), ("openai", &self.openai), ("anthropic", &self.anthropic)]
    }

    /// Those that work in a tree, each with its name.
    pub fn agents(&self) -> [(&'static str, &AgentProvider); 3] {
        [("codex-cli", &self.codex_cli), ("qwen", &self.qwen), ("acp", &self.acp)]
    }

    /// The longest that any configured provider may take for an answer, in seconds.
    pub fn total_seconds(&self) -> u64 {
        let http = self.all().map(|(_, provider)| provider.total_seconds);
        let agents = self.agents().map(|(_, agent)| agent.total_seconds);
        http.into_iter().chain(agents).chain([self.web.total_seconds]).max().unwrap_or(0)
    }
}

/// One of `providers`: a model behind an HTTP interface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpProvider {
    /// The address up to and including the version (`http://127.0.0.1:11434/v1`); absent, the provider is skipped.
    pub url: Option<String>,
    /// The model to ask for.
    pub model: Option<String>,
    /// The name of the environment variable that holds the key; the key itself never stands in a file.
    pub api_key_env: Option<String>,
    /// The interface that the server has.
    pub wire: Wire,
    /// In which form it is asked to answer; absent, by our table of providers and models.
    pub answer: Option<AnswerForm>,
    /// The most seconds until the first byte of the answer.
    pub first_byte_seconds: u64,
    /// The most seconds between two bytes.
    pub idle_seconds: u64,
    /// The most seconds for the whole answer.
    pub total_seconds: u64,
    /// The most bytes of an answer.
    pub max_reply_bytes: u64,
    /// The most tokens that the server is asked to write.
    pub max_output_tokens: u64,
    /// How the server is asked to keep to our reply's form.
    pub structured: Structured,
    /// Dollars for a million prompt tokens; absent, `local` is free and the others cost what our table says.
    #[serde(with = "dollars::maybe")]
    pub price_in: Option<MicroDollars>,
    /// Dollars for a million answer tokens.
    #[serde(with = "dollars::maybe")]
    pub price_out: Option<MicroDollars>,
}

impl Default for HttpProvider {
    fn default() -> Self {
        Self {
            url: None,
            model: None,
            api_key_env: None,
            wire: Wire::OpenaiChat,
            answer: None,
            first_byte_seconds: 60,
            idle_seconds: 30,
            total_seconds: 300,
            max_reply_bytes: 2 << 20,
            max_output_tokens: 8192,
            structured: Structured::Auto,
            price_in: None,
            price_out: None,
        }
    }
}

/// One of `providers`: an agent, which is a program that works in a tree and asks a model as often as it needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentProvider {
    /// The program, by its path or as it is found on the search path, and its arguments. In the arguments `{url}` and
    /// `{model}` stand for the address at which the agent reaches its model, and for that model.
    pub command: Vec<String>,
    /// Variables for the program; in their values `{url}`, `{model}` and `{key}`, a word that is good for this run only.
    pub env: BTreeMap<String, String>,
    /// Files in its home folder, by their path there; in their texts the same words.
    pub files: BTreeMap<String, String>,
    /// The address of the model's service up to and including the version; absent, the agent is skipped.
    pub url: Option<String>,
    /// The model to ask for, whatever the agent itself would ask.
    pub model: Option<String>,
    /// The name of the environment variable that holds the service's key. The agent never sees the key.
    pub api_key_env: Option<String>,
    /// How the service is signed in to.
    pub auth: Auth,
    /// The interface that the service has.
    pub wire: Wire,
    /// The most seconds until the first byte of an answer of the model.
    pub first_byte_seconds: u64,
    /// The most seconds between two bytes of an answer of the model.
    pub idle_seconds: u64,
    /// The most seconds without any sign of work from the agent: no request, and nothing that it prints.
    pub quiet_seconds: u64,
    /// The most seconds for the whole work.
    pub total_seconds: u64,
    /// The most requests to the model for one change.
    pub max_requests: u64,
    /// The most tokens of all prompts of one change together.
    pub max_prompt_tokens: u64,
    /// The most tokens of all answers of one change together.
    pub max_output_tokens: u64,
    /// The most bytes of one answer of the model.
    pub max_reply_bytes: u64,
    /// Dollars for a million prompt tokens; absent, `codex-cli` costs what our table says, and the others are free where no
    /// key is named.
    #[serde(with = "dollars::maybe")]
    pub price_in: Option<MicroDollars>,
    /// Dollars for a million answer tokens.
    #[serde(with = "dollars::maybe")]
    pub price_out: Option<MicroDollars>,
}

impl Default for AgentProvider {
    /// The bounds keep an agent at the price of the seeds' model (2 and 8 dollars a million) below the budget of one change.
    fn default() -> Self {
        Self {
            command: Vec::new(),
            env: BTreeMap::new(),
            files: BTreeMap::new(),
            url: None,
            model: None,
            api_key_env: None,
            auth: Auth::ApiKey,
            wire: Wire::OpenaiChat,
            first_byte_seconds: 120,
            idle_seconds: 60,
            quiet_seconds: 300,
            total_seconds: 900,
            max_requests: 30,
            max_prompt_tokens: 200_000,
            max_output_tokens: 12_000,
            max_reply_bytes: 8 << 20,
            price_in: None,
            price_out: None,
        }
    }
}

/// `providers.web`: a chat page that is used through a browser, with the person's own session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebProvider {
    /// The adapter: `web/SITE.yaml` beside the user's configuration, or an embedded one; absent, the provider is skipped.
    pub site: Option<String>,
    /// The page's address, over the adapter's own.
    pub url: Option<String>,
    /// The browser: a whole path or a name; absent, the first of chromium, chromium-browser, google-chrome on the PATH.
    pub browser: Option<String>,
    /// More arguments for the browser.
    pub arguments: Vec<String>,
    /// The most seconds for one question.
    pub total_seconds: u64,
    /// The most questions within an hour, over all processes.
    pub questions_per_hour: u32,
    /// The most bytes of an answer.
    pub max_reply_bytes: u64,
    /// In which form it is asked to answer; absent, as a diff.
    pub answer: Option<AnswerForm>,
}

impl Default for WebProvider {
    fn default() -> Self {
        Self {
            site: None,
            url: None,
            browser: None,
            arguments: Vec::new(),
            total_seconds: 300,
            questions_per_hour: 20,
            max_reply_bytes: 2 << 20,
            answer: None,
        }
    }
}

/// How a service is signed in to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// By a key, which pays per token.
    ApiKey,
    /// By the sign-in that the agent's own program keeps (`codex login`): a subscription, nothing is billed per token.
    SignIn,
}

/// The interface of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wire {
    /// OpenAI's chat completions, which most servers have.
    OpenaiChat,
    /// OpenAI's Responses.
    OpenaiResponses,
    /// Anthropic's Messages.
    AnthropicMessages,
}

/// How a server is asked to keep to the reply's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Structured {
    /// The strictest form that the server takes.
    Auto,
    /// A JSON schema.
    JsonSchema,
    /// Any JSON object.
    JsonObject,
    /// By words only.
    None,
}

/// The `routing` section: who is asked for what, in which order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Routing {
    /// The providers to ask, in order, whatever the task; absent, the table decides.
    pub order: Option<Vec<String>>,
    /// The same for one kind of task; goes before `order`.
    pub kinds: BTreeMap<Kind, Vec<String>>,
    /// What matters more where both cannot be had: `cost` or `speed`.
    pub prefer: Prefer,
    /// Rows that replace those of the built-in table: kind (or `any`), then complexity, then the providers in order.
    pub matrix: Matrix,
    /// Whether the table's order is refined by what accepted changes have cost so far.
    pub by_history: bool,
    /// Providers that are asked only after a person approved it, because they cost money.
    pub needs_approval: Vec<String>,
}

impl Default for Routing {
    /// By the table; a person approves what is charged per token.
    fn default() -> Self {
        let paid = ["openai", "anthropic", "codex-cli"];
        Self {
            order: None,
            kinds: BTreeMap::new(),
            prefer: Prefer::Cost,
            matrix: Matrix::default(),
            by_history: false,
            needs_approval: paid.map(str::to_owned).to_vec(),
        }
    }
}

impl Routing {
    /// Whether a person must approve this provider before it is asked.
    pub fn is_on_approval(&self, id: &ProviderId) -> bool {
        self.needs_approval.iter().any(|name| name == id.as_str())
    }

    /// The providers to ask for such a task, in order.
    pub fn order_for(&self, kind: Kind, complexity: Complexity) -> &[String] {
        let fixed = self.kinds.get(&kind).or(self.order.as_ref()).map(Vec::as_slice);
        let built_in = || built_in(self.prefer)?.order(kind, complexity);
        fixed.or_else(|| self.matrix.order(kind, complexity)).or_else(built_in).unwrap_or_default()
    }

    /// Whether the order for this kind may be refined by history: it is on, and nobody wrote the order down.
    pub fn is_refined(&self, kind: Kind) -> bool {
        self.by_history && self.order.is_none() && !self.kinds.contains_key(&kind)
    }

    /// All providers that may be asked: for one kind of task, or for any.
    pub fn allowed(&self, kind: Option<Kind>) -> Vec<String> {
        let of_kind = kind.and_then(|kind| self.kinds.get(&kind));
        if let Some(fixed) = of_kind.or(self.order.as_ref()) {
            return fixed.clone();
        }
        let built_in = built_in(self.prefer).map(Matrix::all).unwrap_or_default();
        self.matrix.all().union(&built_in).map(|name| (*name).to_owned()).collect()
    }
}
