//! Who may be asked, where, and in which order: `providers` and `routing`.

use std::collections::BTreeMap;

use domain::money::MicroDollars;
use domain::task::Kind;
use serde::{Deserialize, Serialize};

use super::dollars;

/// The `providers` section.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Providers {
    /// An OpenAI-compatible server.
    pub local: Local,
}

impl Providers {
    /// The longest that any configured provider may take for an answer, in seconds.
    pub fn total_seconds(&self) -> u64 {
        self.local.total_seconds
    }
}

/// `providers.local`: any OpenAI-compatible server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Local {
    /// The address up to and including the version (`http://127.0.0.1:11434/v1`); absent, the provider is skipped.
    pub url: Option<String>,
    /// The model to ask for.
    pub model: Option<String>,
    /// The name of the environment variable that holds the key; the key itself never stands in a file.
    pub api_key_env: Option<String>,
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
    /// Dollars for a million prompt tokens.
    #[serde(with = "dollars")]
    pub price_in: MicroDollars,
    /// Dollars for a million answer tokens.
    #[serde(with = "dollars")]
    pub price_out: MicroDollars,
}

impl Default for Local {
    /// No server: the machine's own is free, so prices are zero once one is named.
    fn default() -> Self {
        Self {
            url: None,
            model: None,
            api_key_env: None,
            first_byte_seconds: 60,
            idle_seconds: 30,
            total_seconds: 300,
            max_reply_bytes: 2 << 20,
            max_output_tokens: 8192,
            structured: Structured::Auto,
            price_in: MicroDollars::ZERO,
            price_out: MicroDollars::ZERO,
        }
    }
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

/// The `routing` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Routing {
    /// The providers to ask, in order.
    pub order: Vec<String>,
    /// The same for one kind of task, instead of `order`.
    pub kinds: BTreeMap<Kind, Vec<String>>,
}

impl Default for Routing {
    /// What is free and deterministic first.
    fn default() -> Self {
        Self { order: vec!["codemod".to_owned(), "local".to_owned()], kinds: BTreeMap::new() }
    }
}

impl Routing {
    /// The providers to ask for this kind of task, in order.
    pub fn order_for(&self, kind: Kind) -> &[String] {
        self.kinds.get(&kind).unwrap_or(&self.order)
    }
}
