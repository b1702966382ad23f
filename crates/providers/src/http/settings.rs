//! What an HTTP provider is made from: its section of the configuration, resolved, with the bounds of its prompts.

use std::time::Duration;

use domain::task::Task;
use engine::config::{Config, HttpProvider, Structured, Wire};
use engine::context::{AnswerForm, Bounds};

use crate::prices::{Prices, Pricing};

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

/// What an HTTP provider is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// The provider's name, which is also that of its section below `providers`.
    pub name: String,
    /// The server's address, with or without `/v1`; `None` when there is none.
    pub url: Option<String>,
    /// The model to ask for, unless the user names another.
    pub model: Option<String>,
    /// The variable that holds the key; `None` when the server wants none.
    pub api_key_env: Option<String>,
    /// The interface that the server has.
    pub wire: Wire,
    /// In which form it is asked to answer; `None` leaves it to our table.
    pub answer: Option<AnswerForm>,
    /// The deadlines.
    pub waits: Waits,
    /// The most bytes of an answer's body.
    pub max_reply_bytes: usize,
    /// The most tokens that the server is asked to write.
    pub max_output_tokens: u64,
    /// How the server is asked to keep to the reply's form.
    pub structured: Structured,
    /// What it costs.
    pub pricing: Pricing,
    /// The bounds of a prompt for a finding.
    pub finding: Bounds,
    /// The bounds of a prompt for any other task.
    pub task: Bounds,
}

impl HttpSettings {
    /// Those of one of the configuration's providers. `now` (microseconds since 1970) says which prices hold.
    pub fn new(name: &str, provider: &HttpProvider, config: &Config, now: i64) -> Self {
        let seconds = Duration::from_secs;
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let bounds = |files: u32, lines: u32| Bounds {
            max_tokens: size(config.context_tokens()),
            max_files: u64::from(files),
            max_lines: u64::from(lines),
        };
        let safety = &config.safety;
        Self {
            name: name.to_owned(),
            url: provider.url.clone(),
            model: provider.model.clone(),
            api_key_env: provider.api_key_env.clone(),
            wire: provider.wire,
            answer: provider.answer,
            waits: Waits {
                first_byte: seconds(provider.first_byte_seconds),
                idle: seconds(provider.idle_seconds),
                total: seconds(provider.total_seconds),
            },
            max_reply_bytes: size(provider.max_reply_bytes),
            max_output_tokens: provider.max_output_tokens,
            structured: provider.structured,
            pricing: pricing(name, provider, now),
            finding: bounds(safety.finding_max_files, safety.finding_max_lines),
            task: bounds(safety.max_files_changed, safety.max_lines_changed),
        }
    }

    /// The bounds of a prompt for this task.
    pub(super) fn bounds(&self, task: &Task) -> &Bounds {
        if task.finding.is_some() { &self.finding } else { &self.task }
    }
}

/// One's own server is free unless a price is set; a service costs what is set, else what the table says.
fn pricing(name: &str, provider: &HttpProvider, now: i64) -> Pricing {
    match (provider.price_in, provider.price_out, name) {
        (Some(input), Some(output), _) => Pricing::Set(Prices { input, output }),
        (input, output, "local") => {
            Pricing::Set(Prices { input: input.unwrap_or_default(), output: output.unwrap_or_default() })
        }
        (None, None, _) => Pricing::Listed { service: name.to_owned(), at: now },
        _ => Pricing::Unknown,
    }
}
