//! What a request costs, in whole micro-dollars. Prices of services are facts of the `genai-prices` table, which is dated
//! and comes with each release of that library; a price that the configuration sets goes before. What is unknown is
//! refused, never free.

use std::time::{Duration, SystemTime};

use domain::money::MicroDollars;
use domain::proposal::Usage;
use genai_prices::{Calculator, PriceRequest, UsageKey};

/// Dollars for a million tokens. Both zero: the server is free, as one's own is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prices {
    /// Of the prompt. Cached tokens are charged as all others: never too little.
    pub input: MicroDollars,
    /// Of the answer, reasoning included.
    pub output: MicroDollars,
}

/// Where a provider's prices come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pricing {
    /// Set by the machine's owner.
    Set(Prices),
    /// By the table of services.
    Listed {
        /// The service's name in the table.
        service: String,
        /// The time whose prices hold, in microseconds since 1970.
        at: i64,
    },
    /// Nothing is known: the provider cannot be asked.
    Unknown,
}

impl Default for Pricing {
    fn default() -> Self {
        Self::Set(Prices::default())
    }
}

impl Pricing {
    /// Whether nothing is ever owed.
    pub fn is_free(&self) -> bool {
        *self == Self::default()
    }

    /// What these tokens of this model cost, rounded up; `None` when the price is not known.
    pub fn cost(&self, model: &str, usage: Usage) -> Option<MicroDollars> {
        match self {
            Self::Set(Prices { input, output }) => {
                let prompt = MicroDollars::per_million(*input, usage.prompt);
                Some(prompt.plus(MicroDollars::per_million(*output, usage.completion)))
            }
            Self::Listed { service, at } => listed(service, model, usage, *at),
            Self::Unknown => None,
        }
    }

    /// A million tokens of this model's prompt and answer; `None` when the price is not known.
    pub fn per_million(&self, model: &str) -> Option<Prices> {
        if let Self::Set(prices) = self {
            return Some(*prices);
        }
        // Small counts: some services charge large requests at a higher price.
        let of = |prompt, completion| {
            let cost = self.cost(model, Usage { prompt, completion, ..Usage::default() })?;
            Some(MicroDollars::from_micros(cost.micros().saturating_mul(1_000)))
        };
        Some(Prices { input: of(1_000, 0)?, output: of(0, 1_000)? })
    }

    /// What a model costs, for people.
    pub fn words(&self, model: &str) -> String {
        match self.per_million(model) {
            None => format!("the price of {model:?} is not known"),
            Some(_) if self.is_free() => "free".to_owned(),
            Some(Prices { input, output }) => {
                let source = if matches!(self, Self::Set(_)) { "as set" } else { "by the price table" };
                format!("{model}: {input} in, {output} out a million tokens, {source}")
            }
        }
    }
}

fn listed(service: &str, model: &str, usage: Usage, at: i64) -> Option<MicroDollars> {
    let tokens = [
        (UsageKey::INPUT_TOKENS, usage.prompt),
        (UsageKey::CACHE_READ_TOKENS, usage.cached),
        (UsageKey::OUTPUT_TOKENS, usage.completion),
    ];
    let tokens = tokens.map(|(key, count)| (key, f64::from(u32::try_from(count).unwrap_or(u32::MAX))));
    let at = SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(at).unwrap_or(0));
    let usage = genai_prices::Usage::from(tokens);
    let request = PriceRequest::new(model, &usage).with_provider_id(service).with_timestamp(at);
    let price = Calculator::bundled().calculate(&request).ok()?;
    let micros = price.total_price * 1_000_000.0;
    // What the table cannot price is a warning there; here it is an unknown price.
    let is_known = price.warnings.is_empty() && micros.is_finite() && micros >= 0.0;
    // The sum is of floating numbers: a hair above a whole micro-dollar is that micro-dollar.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "finite, not negative, cut")]
    is_known.then(|| MicroDollars::from_micros((micros - 1e-6).ceil().max(0.0) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-01.
    const AT: i64 = 1_793_491_200_000_000;

    fn listed_at(service: &str, at: i64) -> Pricing {
        Pricing::Listed { service: service.to_owned(), at }
    }

    #[test]
    fn a_listed_model_costs_what_the_table_says_and_cached_tokens_less() {
        let openai = listed_at("openai", AT);
        let usage = Usage { prompt: 1_000_000, completion: 1_000_000, ..Usage::default() };
        // 0.15 and 0.60 dollars a million; half of the first for what is cached.
        assert_eq!(openai.cost("gpt-4o-mini", usage), Some(MicroDollars::from_micros(750_000)));
        let cached = Usage { cached: 1_000_000, ..usage };
        assert_eq!(openai.cost("gpt-4o-mini", cached), Some(MicroDollars::from_micros(675_000)));
        let one = Usage { prompt: 1, ..Usage::default() };
        assert_eq!(openai.cost("gpt-4o-mini", one), Some(MicroDollars::from_micros(1)), "rounded up");
    }

    #[test]
    fn the_default_models_have_a_price() {
        let providers = engine::config::Providers::default();
        for (name, provider) in [("openai", &providers.openai), ("anthropic", &providers.anthropic)] {
            let model = provider.model.as_deref().unwrap();
            let price = listed_at(name, AT).per_million(model).unwrap();
            assert!(price.input > MicroDollars::ZERO && price.output > price.input, "{model} {price:?}");
        }
    }

    #[test]
    fn what_is_not_listed_has_no_price() {
        let usage = Usage { prompt: 10, completion: 10, ..Usage::default() };
        assert_eq!(listed_at("openai", AT).cost("no-such-model", usage), None);
        assert_eq!(listed_at("no-such-service", AT).cost("gpt-4o-mini", usage), None);
        assert_eq!(Pricing::Unknown.cost("gpt-4o-mini", usage), None);
        assert!(!Pricing::Unknown.is_free() && !listed_at("openai", AT).is_free());
    }

    #[test]
    fn a_set_price_is_taken_as_it_is() {
        let dollars = MicroDollars::from_micros;
        let set = Pricing::Set(Prices { input: dollars(1_000_000), output: dollars(2_000_000) });
        assert_eq!(
            set.cost("any", Usage { prompt: 100, completion: 20, ..Usage::default() }),
            Some(dollars(140))
        );
        assert!(Pricing::default().is_free() && !set.is_free());
    }
}
