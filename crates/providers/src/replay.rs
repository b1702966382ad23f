//! Answers from the record only: the same question as another provider would be asked, never sent anywhere.

use async_trait::async_trait;
use domain::money::MicroDollars;
use domain::proposal::{Charge, ChargeBasis, FailureKind, ProviderFailure, ProviderId};
use domain::task::Task;
use engine::provider::{Answer, Ask, Provider, Refusal, Request};

use crate::failure;

/// `replay`: the recorded answers of another provider, by the hash of the request.
pub struct Replay {
    of: Box<dyn Provider>,
}

impl Replay {
    /// Replays what this provider was asked.
    pub fn new(of: Box<dyn Provider>) -> Self {
        Self { of }
    }
}

#[async_trait]
impl Provider for Replay {
    fn id(&self) -> ProviderId {
        ProviderId::new("replay")
    }

    fn suits(&self, task: &Task) -> Result<String, String> {
        self.of.suits(task).map(|_| format!("answers of {} from the record, without cost", self.of.id()))
    }

    fn takes_images(&self) -> bool {
        self.of.takes_images()
    }

    fn repairs(&self) -> bool {
        self.of.repairs()
    }

    fn request(&self, ask: &Ask<'_>) -> Result<Request, ProviderFailure> {
        self.of.request(ask)
    }

    fn ceiling(&self, _request: &Request) -> Result<MicroDollars, ProviderFailure> {
        Ok(MicroDollars::ZERO)
    }

    fn only_recorded(&self) -> bool {
        true
    }

    // Nothing is sent, so that nobody has to be there.
    async fn propose(&self, _request: &Request, _ask: &Ask<'_>) -> Result<Answer, Refusal> {
        let detail = format!("no answer of {} is recorded for this request", self.of.id());
        let failure = failure(FailureKind::NotRecorded, detail);
        Err(Refusal { failure, charge: Charge::nothing(ChargeBasis::Recorded) })
    }
}
